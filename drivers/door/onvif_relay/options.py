"""What site.yaml says of an ONVIF device with relays or inputs."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from drivers.onvif import Endpoint
from drivers.table import Has, Locks, up_to

Token = Annotated[str, Field(min_length=1, max_length=64)]
MOST_PORTS = 16  # the largest ONVIF I/O boxes sold


class Options(Endpoint):
    """One device. Nothing of it is driven unless it gives the serial number or hardware id that stand here."""

    serial: str = Field(default="", max_length=64, description="SerialNumber, as `doctor` prints it")
    hardware: str = Field(default="", max_length=64, description="HardwareId, for firmware that gives no serial number")
    outputs: int = Field(default=0, ge=0, le=MOST_PORTS, description="relays, in the device's own order")
    inputs: int = Field(default=0, ge=0, le=MOST_PORTS, description="digital inputs, in the device's own order")
    # The tokens in the order of our numbers, for a device whose own order changes with its firmware, or that does not list its inputs.
    output_tokens: tuple[Token, ...] = Field(default=(), max_length=MOST_PORTS)
    input_tokens: tuple[Token, ...] = Field(default=(), max_length=MOST_PORTS)
    # A relay that knows no Monostable stays released if the daemon dies during a release, until it is back: the site accepts that.
    accept_latching: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.serial and not self.hardware:
            raise PydanticCustomError("onvif_identity", "say which device this is: serial, or hardware where it has no serial number")
        for count, tokens, what in ((self.outputs, self.output_tokens, "output"), (self.inputs, self.input_tokens, "input")):
            if tokens and len(tokens) != count:
                said = {"what": what, "count": len(tokens), "number": count}
                raise PydanticCustomError("onvif_tokens", "{what}_tokens names {count}, and {what}s is {number}", said)
            if len(set(tokens)) != len(tokens):
                raise PydanticCustomError("onvif_token_twice", "{what}_tokens names one twice", {"what": what})
        return self

    @property
    def locks(self) -> Locks:
        """What becomes of a release when the daemon dies in the middle of it."""
        return Locks.LATCHING if self.accept_latching else Locks.TIMED

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(outputs=up_to(self.outputs), inputs=up_to(self.inputs))
