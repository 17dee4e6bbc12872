"""The verbs receive."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr, ValidationError

from edge.cli import talk
from edge.cli.root import give_up_root
from edge.cli.talk import Json
from edge.cli.words import say
from edge.settings.words import WORDS
from edge.settings.words import say as say_fault
from edge.uplink.settings import BrokerSettings


def add_to(app: typer.Typer) -> None:
    """Put this verb into the command."""
    app.command()(receive)


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
    seconds: Annotated[float | None, typer.Option("--seconds", help="End after so long 运行秒数")] = None,
    json: Json = False,
) -> None:
    """Receive as the centre does: commit, then acknowledge. Ends with Ctrl-C and a summary; exit code 1 if numbers are missing (接收).

    Example: anyu-edge receive --broker mqtt://127.0.0.1 --store town.db
    """
    locale = "zh" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh") else "en"
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
        talk.complain(say(locale, "bad_argument", detail=f"{password_file}: {why.strerror}"))
        raise typer.Exit(talk.WRONG_USE) from None
    raise typer.Exit(asyncio.run(_receive(settings, store, consumer, seconds, locale, json=json)))


async def _receive(settings: BrokerSettings, store: Path, consumer: str, seconds: float | None, locale: str, *, json: bool) -> int:
    from edge import log
    from edge.uplink.arrivals import Arrival
    from edge.uplink.lines import readable
    from edge.uplink.receive import Receiver

    log.set_up("warning")
    give_up_root(store.parent)

    def show(arrival: Arrival) -> None:
        talk.data(arrival.event) if json else talk.line(readable(arrival, locale))

    try:
        receiver = Receiver(settings, store, consumer=consumer, on_event=show)
    except (sqlite3.Error, OSError) as why:
        talk.complain(say(locale, "cannot_write", path=str(store), detail=str(why)))
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
    return talk.BAD_NEWS if summary.missing else 0
