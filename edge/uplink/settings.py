"""What the way to the centre needs to be told. `edge.settings` composes this as `uplink:`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from edge.uplink.signature import public_key

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]
Protocol = Annotated[Literal["5", "3.1.1"], BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]

_PORTS = {"mqtt": 1883, "mqtts": 8883}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"^[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$")


class TlsSettings(BaseModel):
    """Certificates as PEM files. The key's file is readable by the daemon alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path | None = Field(None, description="The authority that signed the broker's certificate; the system's authorities when absent.")
    cert: Path | None = Field(None, description="This gateway's certificate; its CN becomes the client id.")
    key: Path | None = Field(None, description="The private key of `cert`.")

    @model_validator(mode="after")
    def _pair(self) -> TlsSettings:
        if (self.cert is None) != (self.key is None):
            raise PydanticCustomError("uplink_pair", "cert and key go together: give both or neither")
        return self


class BrokerSettings(BaseModel):
    """Where the broker is and how to greet it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    broker: str = Field(description="mqtts://host[:8883] or mqtt://host[:1883], without user or password.")
    protocol: Protocol = Field("5", description="MQTT 5, or 3.1.1 for brokers that know no other.")
    client_id: str | None = Field(None, min_length=1, max_length=64, description="Default: CN of tls.cert, else <site>-<gateway>.")
    username: str | None = Field(None, min_length=1, max_length=128)
    password: SecretStr | None = Field(None, description="By environment or systemd credential, not in site.yaml.")
    tls: TlsSettings | None = None
    # 60 s: a dead line is noticed within 90 s, and 1,000 gateways cost a broker 17 pings a second.
    keepalive_s: int = Field(60, ge=5, le=600)
    # Full jitter up to here, so that 1,000 gateways do not return in the same second; after a refusal up to 300 s.
    reconnect_max_s: int = Field(60, ge=1, le=300)

    @field_validator("broker")
    @classmethod
    def _address(cls, value: str) -> str:
        # The value itself stays out of the message: it may hold a password.
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            raise PydanticCustomError("uplink_address", "not an address; write mqtts://host or mqtts://host:8883") from None
        if parts.scheme not in _PORTS:
            raise PydanticCustomError("uplink_scheme", "begin with mqtts:// (TLS) or mqtt:// (plain, for a broker on this machine)")
        if "@" in parts.netloc:
            raise PydanticCustomError("uplink_credentials", "no user or password in the address; use uplink.username and uplink.password")
        if not parts.hostname or not _HOST.match(parts.hostname) or port == 0:
            raise PydanticCustomError("uplink_address", "host or port missing or misspelt; write mqtts://host or mqtts://host:8883")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise PydanticCustomError("uplink_path", "nothing may follow the port; topics are fixed")
        return value

    @model_validator(mode="after")
    def _fits(self) -> BrokerSettings:
        if self.tls is not None and not self.secure:
            raise PydanticCustomError("uplink_tls", "tls is set but the address begins with mqtt://; write mqtts://")
        if self.password is not None and self.username is None:
            raise PydanticCustomError("uplink_password", "password without username")
        return self

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.broker.startswith("mqtts:")

    @property
    def host(self) -> str:
        """The broker's name or address."""
        return urlsplit(self.broker).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port, the scheme's own when none is written."""
        parts = urlsplit(self.broker)
        return parts.port or _PORTS[parts.scheme]


class ConsumerTrust(BaseModel):
    """By what a consumer's acknowledgements are believed: its keys, or nothing (`unsigned`), which is said in `degraded`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Two, so that the next key is known to every gateway before the centre begins to use it.
    keys: tuple[str, ...] = Field((), max_length=2, description="Ed25519 public keys in base64, as `anyu-edge centre keygen` prints them.")
    unsigned: bool = Field(False, description="true: this consumer has no key, and the site accepts that.")

    @field_validator("keys")
    @classmethod
    def _readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                public_key(text)
            except ValueError:
                raise PydanticCustomError("uplink_key", "not an Ed25519 public key; copy the line that centre keygen prints") from None
        return value

    @model_validator(mode="after")
    def _one_way(self) -> ConsumerTrust:
        if bool(self.keys) == self.unsigned:
            raise PydanticCustomError("uplink_trust", "give keys, or unsigned: true, and not both")
        return self


class UplinkSettings(BrokerSettings):
    """The broker, who must have committed an event before it may be deleted, and what may be told."""

    # Two or three in practice (town, enterprise, auditor); each costs a subscription and a cursor.
    consumers: tuple[Name, ...] = Field(("centre",), min_length=1, max_length=8)
    acks: dict[Name, ConsumerTrust] = Field({}, description="Consumer -> its keys. One without is believed unsigned, and that is said.")
    # A broker on this machine needs no TLS; beyond it, whoever is on the way reads and writes everything.
    allow_plain: bool = Field(False, description="true: mqtt:// to another machine is wanted.")
    brokers: tuple[str, ...] | None = Field(None, max_length=16, description="Hosts that `broker` may name; any when absent.")
    disclose: Literal["none", "reference"] = Field("none", description="none: person_ref is left out; reference: it is told.")
    # Measured on loopback: 20 in flight 11.2k messages/s, 100 the same, 1,000 half of it.
    window: int = Field(50, ge=20, le=100, description="Messages in flight without the broker's PUBACK.")
    # 100 events are about 50 KB; larger batches gained nothing and delay the live event behind them.
    batch: int = Field(100, ge=1, le=500, description="Events in one backlog message.")
    # A day of one gateway (1,500 events) in 75 s, and 1,000 gateways at once stay within what one broker and one centre took (20,000/s).
    backlog_per_s: int = Field(20, ge=1, le=100_000, description="Backlog events a second while the centre has given no credit.")

    # A broker that is merely busy answers within seconds; one that has not for so long is left and tried anew.
    puback_s: int = Field(30, ge=1, le=600, description="How long messages may be in flight without a single PUBACK.")

    @field_validator("consumers")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise PydanticCustomError("uplink_twice", "a consumer is named twice")
        return value

    @model_validator(mode="after")
    def _known(self) -> UplinkSettings:
        for name in self.acks.keys() - {*self.consumers}:
            said = {"at": ["acks", name], "name": name, "expected": [*self.consumers]}
            raise PydanticCustomError("uplink_stranger", "'{name}' is not in uplink.consumers", said)
        return self

    @property
    def unsigned(self) -> tuple[str, ...]:
        """Consumers whose acknowledgements nobody proves."""
        return tuple(name for name in self.consumers if name not in self.acks or self.acks[name].unsigned)

    @property
    def plain(self) -> bool:
        """Whether it goes to another machine without TLS."""
        return not self.secure and self.host not in LOOPBACK

    @property
    def not_allowed(self) -> str:
        """Why the uplink stays off, as a code of edge/settings/words.py; empty when it may run."""
        if self.plain and not self.allow_plain:
            return "plain_uplink"
        if self.brokers is not None and self.host not in {name.lower() for name in self.brokers}:
            return "broker_not_allowed"
        return ""
