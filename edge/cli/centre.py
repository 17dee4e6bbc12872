"""The verbs receive · centre keygen · centre sign."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr, ValidationError

from edge.cli import talk
from edge.cli.root import give_up_root
from edge.cli.talk import Json
from edge.cli.words import say
from edge.settings import Locale
from edge.settings.words import WORDS
from edge.settings.words import say as say_fault
from edge.uplink.settings import BrokerSettings

centre = typer.Typer(help="The keys of a centre. 接收方的密钥", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.command()(receive)
    app.add_typer(centre, name="centre")


@centre.command("keygen")
def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; never over a file that is there 私钥文件")],
    consumer: Annotated[str, typer.Option("--consumer", help="Whose acknowledgements it signs 接收方")] = "centre",
) -> None:
    """Make the key that signs acknowledgements: the private one into FILE (0600), the public one as lines for site.yaml (生成密钥).

    Example: anyu-edge centre keygen /etc/anyu-centre/ack.pem
    """
    from edge.uplink.keys import make

    give_up_root(file.parent)
    try:
        public = make(file)
    except FileExistsError:
        talk.complain(say(talk.spoken(), "key_exists", path=str(file)))
        raise typer.Exit(talk.WRONG_USE) from None
    except OSError as why:
        talk.complain(say(talk.spoken(), "cannot_write", path=str(file), detail=talk.reason(talk.spoken(), why)))
        raise typer.Exit(talk.WRONG_USE) from None
    talk.complain(say(talk.spoken(), "key_made", path=str(file)))
    for text in ("uplink:", "  acks:", f'    {consumer}: {{keys: ["{public}"]}}'):
        talk.line(text)


@centre.command("sign")
def sign(
    key: Annotated[Path, typer.Option("--key", help="The private key, as `centre keygen` made it 私钥文件")],
    site: Annotated[str, typer.Option("--site")],
    gateway: Annotated[str, typer.Option("--gateway")],
    consumer: Annotated[str, typer.Option("--consumer")] = "centre",
) -> None:
    """Sign an acknowledgement: JSON in, the same with `sig` out; to compare with one's own program (签名).

    Example: anyu-edge centre sign --key ack.pem --site a --gateway gw1 < ack.json
    """
    from edge.uplink.signature import NotCanonical, Speaker, parse
    from edge.uplink.signature import sign as sig_of

    try:
        fields = parse(sys.stdin.buffer.read(4_096))
        talk.data({**fields, "sig": sig_of(_private(key), Speaker(site, gateway, consumer), fields)})
    except NotCanonical as why:
        talk.complain(say(talk.spoken(), "bad_argument", detail=str(why)))
        raise typer.Exit(talk.WRONG_USE) from None


def _private(path: Path) -> Ed25519PrivateKey:
    """A private key; whoever gives another file is told so, and the command ends."""
    from edge.uplink.keys import read

    try:
        return read(path)
    except OSError as why:
        talk.complain(say(talk.spoken(), "bad_argument", detail=f"{path}: {talk.reason(talk.spoken(), why)}"))
    except ValueError:
        talk.complain(say(talk.spoken(), "bad_key", path=str(path)))
    raise typer.Exit(talk.WRONG_USE)


def receive(
    broker: Annotated[str, typer.Option("--broker", help="mqtts://host[:8883] or mqtt://host[:1883] 代理服务器")] = "mqtt://127.0.0.1",
    store: Annotated[Path, typer.Option("--store", help="Where events are kept (SQLite) 保存位置")] = Path("received.db"),
    consumer: Annotated[str, typer.Option("--consumer", help="Whose acknowledgements these are 接收方")] = "centre",
    protocol: Annotated[str, typer.Option("--protocol", help="5 or 3.1.1")] = "5",
    username: Annotated[str | None, typer.Option("--username")] = None,
    password_file: Annotated[Path | None, typer.Option("--password-file", help="A file with the password 密码文件")] = None,
    ca: Annotated[Path | None, typer.Option("--ca", help="The authority of the broker's certificate 根证书")] = None,
    cert: Annotated[Path | None, typer.Option("--cert")] = None,
    key: Annotated[Path | None, typer.Option("--key")] = None,
    ack_key: Annotated[
        Path | None, typer.Option("--ack-key", help="The private key that signs acknowledgements, of `centre keygen` 确认签名私钥")
    ] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="End after so long 运行秒数")] = None,
    json: Json = False,
) -> None:
    """Receive as the centre does: commit, then acknowledge. Ends with Ctrl-C and a summary; exit code 1 if numbers are missing (接收).

    Example: anyu-edge receive --broker mqtt://127.0.0.1 --store town.db
    """
    locale = talk.spoken()
    signing = _private(ack_key) if ack_key else None
    tls = {"ca": ca, "cert": cert, "key": key} if ca or cert or key else None
    try:
        password = SecretStr(password_file.read_text(encoding="utf-8").rstrip("\r\n")) if password_file else None
        settings = BrokerSettings.model_validate(
            {"broker": broker, "protocol": protocol, "username": username, "password": password, "tls": tls}
        )
    except ValidationError as faults:
        for fault in faults.errors(include_url=False, include_input=False):
            words = say_fault(locale, fault["type"]) if fault["type"].startswith("uplink_") and fault["type"] in WORDS else fault["msg"]
            talk.complain(say(locale, "bad_broker", detail=words))
        raise typer.Exit(talk.WRONG_USE) from None
    except OSError as why:
        talk.complain(say(locale, "bad_argument", detail=f"{password_file}: {talk.reason(locale, why)}"))
        raise typer.Exit(talk.WRONG_USE) from None
    raise typer.Exit(asyncio.run(_receive(settings, store, consumer, signing, seconds, locale, json=json)))


async def _receive(
    settings: BrokerSettings,
    store: Path,
    consumer: str,
    key: Ed25519PrivateKey | None,
    seconds: float | None,
    locale: Locale,
    *,
    json: bool,
) -> int:
    from edge import log
    from edge.uplink.arrivals import Arrival
    from edge.uplink.lines import readable
    from edge.uplink.receive import Receiver

    log.set_up("warning")
    give_up_root(store.parent)

    def show(arrival: Arrival) -> None:
        talk.data(arrival.event) if json else talk.line(readable(arrival, locale))

    try:
        receiver = Receiver(settings, store, consumer=consumer, on_event=show, key=key)
    except (sqlite3.Error, OSError) as why:
        talk.complain(say(locale, "cannot_write", path=str(store), detail=talk.reason(locale, why)))
        return talk.WRONG_USE
    task = asyncio.create_task(receiver.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait({task}, timeout=seconds)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    summary = receiver.summary()
    values = {name: str(value) for name, value in asdict(summary).items()}
    talk.data(asdict(summary)) if json else talk.line(say(locale, "received", **values))
    return talk.BAD_NEWS if summary.missing or summary.conflicts else 0
