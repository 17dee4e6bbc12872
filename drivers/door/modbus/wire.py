"""Modbus frames, both ways. Pure; PDUs, CRC and headers are packed by pymodbus.

    RTU    unit  function  data...  crc (low byte first)          one question at a time, answered by that unit alone
    TCP    tid(2)  0(2)  length(2)  unit  function  data...

    question                                     answer
    01  read coils       address(2) count(2)     01  bytes  bits...        lowest bit first
    02  read inputs      address(2) count(2)     02  bytes  bits...
    05  write coil       address(2) FF00|0000    the same bytes again
    05  flash on / off   0200|0400+n  tenths(2)  the same bytes again      Waveshare; the board ends it by itself
    10  flash on / off   3+5n 2 4 2|4 tenths(2)  10  address(2) count(2)   LC and their kin: two registers for the same
    -                                            function|80  code         the board refuses

How RTU goes wrong: half-connected pairs put noise before a frame, cheap adapters echo what was sent, and an answer may come after its
time-out. So an answer is looked for at every offset, by unit, function, length and CRC. An echoed write looks exactly like its answer, for
which reason only a coil read back counts as confirmed. An echoed read never looks like an answer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pymodbus.framer.rtu import FramerRTU
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest, WriteSingleCoilRequest
from pymodbus.pdu.register_message import WriteMultipleRegistersRequest

from drivers.errors import NoAnswer, Refused

READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_REGISTERS = 1, 2, 5, 16
REFUSES = 0x80
FLASH_ON, FLASH_OFF = 0x0200, 0x0400
FLASH_REGISTER, FLASH_APART = 3, 5  # of relay 1, and how far apart the relays' are; the other three of each are not used here
ENERGISE_FOR, RELAX_FOR = 2, 4  # what the first of two registers says; the second has the tenths
TENTHS_AT_MOST = 0x7FFF  # the board's counter
QUESTION = 5  # bytes of a question's PDU, but of WRITE_REGISTERS: 6 and the registers
PDU_AT_MOST = 253  # by the standard
LONGEST_QUESTION = 13  # bytes of an RTU frame with two registers; a longer one is none of ours
HEADER = 7  # of Modbus TCP, unit included

# A gateway in between says of a dead board that it cannot be reached (10, 11), a busy board asks to be asked again (6): silence to us.
AS_GOOD_AS_SILENCE = frozenset({6, 10, 11})
REFUSALS = {1: "it does not know the function", 2: "it has no such coil or input", 3: "it does not take the value", 4: "it has failed"}

_RTU = FramerRTU(DecodePDU(is_server=False))
_TCP = FramerSocket(DecodePDU(is_server=False))


@dataclass(frozen=True, slots=True)
class Read:
    """Read `count` coils (READ_COILS) or inputs (READ_INPUTS) from `address` on."""

    function: int
    address: int
    count: int

    def pdu(self) -> bytes:
        """Function code and data."""
        kind = ReadCoilsRequest if self.function == READ_COILS else ReadDiscreteInputsRequest
        return bytes((self.function,)) + kind(address=self.address, count=self.count).encode()

    def fits(self, pdu: bytes) -> bool:
        """Whether this is an answer with as many bits as were asked for."""
        length = (self.count + 7) // 8
        return len(pdu) == 2 + length and pdu[0] == self.function and pdu[1] == length

    @property
    def answer_size(self) -> int:
        """Bytes of the answer's PDU."""
        return 2 + (self.count + 7) // 8

    def bits(self, pdu: bytes) -> list[bool]:
        """The bits of an answer that fits."""
        packed = int.from_bytes(pdu[2:], "little")
        return [bool(packed >> place & 1) for place in range(self.count)]


@dataclass(frozen=True, slots=True)
class Write:
    """Set one coil, or begin a flash that lasts `tenths` of a second."""

    address: int
    energise: bool = False
    tenths: int | None = None

    def pdu(self) -> bytes:
        """Function code and data."""
        if self.tenths is not None:
            return struct.pack(">BHH", WRITE_COIL, self.address, self.tenths)
        return bytes((WRITE_COIL,)) + WriteSingleCoilRequest(address=self.address, bits=[self.energise]).encode()

    def fits(self, pdu: bytes) -> bool:
        """Whether this is the answer: the question again."""
        return pdu == self.pdu()

    @property
    def answer_size(self) -> int:
        """Bytes of the answer's PDU."""
        return QUESTION


@dataclass(frozen=True, slots=True)
class Flash:
    """Energise or relax a relay (from 1) for `tenths` of a second, by the two registers of an LC board."""

    output: int
    energise: bool
    tenths: int

    def pdu(self) -> bytes:
        """Function code and data."""
        registers = [ENERGISE_FOR if self.energise else RELAX_FOR, self.tenths]
        address = FLASH_REGISTER + FLASH_APART * (self.output - 1)
        return bytes((WRITE_REGISTERS,)) + WriteMultipleRegistersRequest(address=address, registers=registers).encode()

    def fits(self, pdu: bytes) -> bool:
        """Whether this is the answer: where and how many registers were written."""
        return pdu == self.pdu()[:QUESTION]

    @property
    def answer_size(self) -> int:
        """Bytes of the answer's PDU."""
        return QUESTION


Question = Read | Write | Flash


def wrap(pdu: bytes, unit: int, tid: int, *, rtu: bool) -> bytes:
    """A whole frame."""
    frame: bytes = (_RTU if rtu else _TCP).encode(pdu, unit, tid)
    return frame


def find(buffer: bytes, question: Question, unit: int, tid: int, *, rtu: bool) -> bytes | None:
    """The answering PDU in what has arrived so far, if it is there. Raises Refused, or NoAnswer, for what a board answers instead."""
    for pdu in _rtu_answers(buffer, question, unit) if rtu else _tcp_answers(buffer, unit, tid):
        if question.fits(pdu):
            return pdu
        if len(pdu) == 2 and pdu[0] == question.pdu()[0] | REFUSES:
            code = pdu[1]
            if code in AS_GOOD_AS_SILENCE:
                raise NoAnswer(f"unit {unit} cannot answer now (code {code})")
            raise Refused(f"unit {unit} refuses: {REFUSALS.get(code, 'it does not say why')} (code {code})")
    return None


def requests(buffer: bytes, *, rtu: bool) -> tuple[list[tuple[int, int, bytes]], bytes]:
    """A board's ear: (unit, tid, pdu) of each question in the bytes so far, and the bytes that may begin the next."""
    return _rtu_requests(buffer) if rtu else _tcp_requests(buffer)


def answer_bits(function: int, bits: list[bool]) -> bytes:
    """The PDU that answers a Read."""
    packed = sum(bit << place for place, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    return bytes((function, len(packed))) + packed


def _whole(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], frame[-2] << 8 | frame[-1])


def _rtu_answers(buffer: bytes, question: Question, unit: int) -> list[bytes]:
    found = []
    for at in range(len(buffer) - 4):
        if buffer[at] != unit:
            continue
        size = 2 if buffer[at + 1] & REFUSES else question.answer_size
        frame = buffer[at : at + size + 3]
        if len(frame) == size + 3 and _whole(frame):
            found.append(frame[1:-2])
    return found


def _tcp_answers(buffer: bytes, unit: int, tid: int) -> list[bytes]:
    frames, _ = _tcp_requests(buffer)
    return [pdu for who, which, pdu in frames if who == unit and which == tid]


def _rtu_requests(buffer: bytes) -> tuple[list[tuple[int, int, bytes]], bytes]:
    found, at = [], 0
    while at + QUESTION + 3 <= len(buffer):
        registers = buffer[at + 1] == WRITE_REGISTERS
        size = QUESTION + 3 + (1 + buffer[at + 6] if registers else 0)
        frame = buffer[at : at + size]
        if len(frame) < size and registers and size <= LONGEST_QUESTION:
            break
        if frame[1] in (READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_REGISTERS) and _whole(frame):
            found.append((frame[0], 0, frame[1:-2]))
            at += size
        else:
            at += 1
    return found, buffer[at:]


def _tcp_requests(buffer: bytes) -> tuple[list[tuple[int, int, bytes]], bytes]:
    """TCP loses no byte; where a header makes no sense, the next offset is tried."""
    found, at = [], 0
    while at + HEADER < len(buffer):
        tid, protocol, length, unit = struct.unpack_from(">HHHB", buffer, at)
        if protocol or not 2 < length <= PDU_AT_MOST + 1:
            at += 1
            continue
        end = at + HEADER - 1 + length
        if end > len(buffer):
            break
        found.append((unit, tid, buffer[at + HEADER : end]))
        at = end
    return found, buffer[at:]
