"""What site.yaml says of a Modbus board."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from drivers.line import Port, is_tcp
from drivers.table import Has, Locks, up_to

MOST_BITS = 64  # the largest relay boards sold have 32 relays; twice that is still one short question


class Options(BaseModel):
    """One board on a line of its own. Nothing is driven before a board answers as `unit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(9600, gt=0)
    # None: RTU on a serial port, Modbus TCP on tcp://. Say rtu for a serial device server that only passes bytes on.
    framing: Literal["rtu", "tcp"] | None = None
    unit: int = Field(ge=1, le=247, description="the board's address (unit id, slave id)")
    outputs: int = Field(0, ge=0, le=MOST_BITS, description="relays; output 1 is the coil at first_coil")
    inputs: int = Field(0, ge=0, le=MOST_BITS, description="inputs; input 1 is the discrete input at first_input")
    first_coil: int = Field(0, ge=0, le=0xFFFF)
    first_input: int = Field(0, ge=0, le=0xFFFF)
    # How a board ends a release by itself. flash_on: Waveshare and its kin, a coil write at 0x0200 and 0x0400. flash_register: LC-Modbus
    # boards and their kin, two registers at 3+5(n-1). Without it the lock stays released if the daemon dies in a release, until it is back.
    pulse: Literal["flash_on", "flash_register"] | None = None
    # An input that is active for 400 ms must be noticed (IEC 60839-11-1): one look, one look that is lost, and the next stay below that.
    poll_s: float = Field(0.1, ge=0.02, le=0.1)
    # Eight bytes at 9,600 baud take 8 ms each way, a board 5 to 50 ms, a USB adapter 16 ms.
    timeout_s: float = Field(0.15, ge=0.05, le=1.0)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.outputs and not self.inputs:
            raise PydanticCustomError("modbus_nothing", "a board has outputs, inputs or both: say how many")
        return self

    @property
    def locks(self) -> Locks:
        """What becomes of a release when the daemon dies in the middle of it."""
        return Locks.TIMED if self.pulse is not None else Locks.LATCHING

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(outputs=up_to(self.outputs), inputs=up_to(self.inputs))

    @property
    def is_rtu(self) -> bool:
        """Whether frames carry a CRC instead of the TCP header."""
        return self.framing == "rtu" if self.framing is not None else not is_tcp(self.port)
