"""What site.yaml says of an OSDP bus and its readers."""

from __future__ import annotations

import string
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from drivers.errors import Refused
from drivers.line import Port
from drivers.table import Has, up_to

INPUTS_PER_READER = 8  # the numbers that each reader's contacts take up, wired or not
KEY_DIGITS = 32  # AES-128
SCBK_D = bytes(range(0x30, 0x40))
"""The default key that the standard publishes: whoever holds the standard can speak to a reader that still has it."""

FormatName = Literal["h10301", "w26", "h10306", "w34", "c1k35", "h10302", "h10304"]


def _hex_key(key: SecretStr) -> SecretStr:
    digits = key.get_secret_value()
    if digits == "":
        return key
    if len(digits) != KEY_DIGITS or not set(digits) <= set(string.hexdigits):
        raise PydanticCustomError("osdp_key", "expected 32 hexadecimal digits")
    return key


Key = Annotated[SecretStr, AfterValidator(_hex_key)]


class Reader(BaseModel):
    """One reader on the bus. Its number, and that of its door, is its place in the list, from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: int = Field(ge=0, le=126, description="PD address; 127 is everybody's")
    key: Key = Field(
        SecretStr(""), description="secure channel base key (SCBK) of this reader alone, by credential", json_schema_extra={"needed": True}
    )
    serial: int | None = Field(None, ge=0, le=0xFFFFFFFF, description="as the reader reports it; another reader is then not driven")
    format: FormatName = "h10301"
    output: int | None = Field(0, ge=0, le=255, description="the reader's relay that drives the door, from 0; null: it drives none")
    inputs: int = Field(
        0, ge=0, le=INPUTS_PER_READER, description="contacts at the reader, which it must report by itself: inputs 8 x (reader - 1) + 1 on"
    )

    def scbk(self) -> bytes:
        """The key as bytes. Raises Refused where none is given."""
        if not self.key.get_secret_value():
            raise Refused(f"reader {self.address} has no key: it comes as a credential")
        return bytes.fromhex(self.key.get_secret_value())


class Options(BaseModel):
    """One RS-485 bus. Readers are spoken to over a secure channel or not at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    port: Port
    baud: int = Field(9600, gt=0)  # what readers are delivered with
    # More readers than this make a poll round longer than a card is held to one of them.
    readers: tuple[Reader, ...] = Field(min_length=1, max_length=8)
    # On, a reader fresh from its box is met with the published key and given its own. Whoever taps the wire at that moment has that key
    # too: on for the installer's visit, then off.
    install_mode: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        addresses = [reader.address for reader in self.readers]
        if len(set(addresses)) != len(addresses):
            raise PydanticCustomError("osdp_address", "two readers have the same address")
        if not self.install_mode and any(reader.key.get_secret_value() == SCBK_D.hex() for reader in self.readers):
            raise PydanticCustomError(
                "osdp_default_key", "the published default key is for install_mode only: give each reader a key of its own"
            )
        return self

    @property
    def has(self) -> Has:
        """What site.yaml may refer to: door n, which is output n too, is the relay of reader n."""
        relays = tuple(number for number, reader in enumerate(self.readers, 1) if reader.output is not None)
        inputs = (INPUTS_PER_READER * place + number for place, reader in enumerate(self.readers) for number in up_to(reader.inputs))
        return Has(readers=up_to(len(self.readers)), outputs=relays, doors=relays, inputs=tuple(inputs))
