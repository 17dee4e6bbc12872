"""What site.yaml says of any ONVIF device."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9-]{1,63})*")


class Endpoint(BaseModel):
    """Where a device answers, and as whom we ask. No part of it but host and port is ever logged."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(max_length=253, description="address or name of the device")
    port: int = Field(default=80, ge=1, le=65535)
    username: str = Field(default="", max_length=64)
    password: SecretStr = SecretStr("")
    # auto: every message is signed (WS-Security), and a device that asks for HTTP digest gets that too. A few firmwares stumble over the
    # one they do not know; then name the other.
    auth: Literal["auto", "wsse", "digest"] = "auto"
    # Cheap cameras take half a second for an answer while they encode. With one question a second this tells a dead one within 5 s.
    timeout_s: float = Field(default=3.0, ge=0.5, le=3.5)
    # Put the device's clock right where it is wrong and does not follow a time server of its own.
    set_clock: bool = False

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        """A name or an address alone: what was pasted is not repeated, it might hold a password."""
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        try:
            return str(ipaddress.ip_address(bare))
        except ValueError:
            if _NAME.fullmatch(host):
                return host
        raise PydanticCustomError("onvif_host", "expected the name or address of the device alone, such as 10.1.4.20")

    @property
    def name(self) -> str:
        """What a log line may call it."""
        return f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host
