"""The verbs models list · pull · import: the files that recognition needs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from edge.cli import talk
from edge.cli.root import give_up_root
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.settings import Settings
from models.pull import NoMirror, pull
from models.weights import SIDE, Entry, Weights, WeightsMissing, import_files, known_files, manifest

models = typer.Typer(help="The files that recognition needs. 识别模型", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.add_typer(models, name="models")


@models.command("list")
def list_(config: Config = CONFIG, json: Json = False) -> None:
    """Tell which files there are, whose they are, and where each was found (列出模型).

    Example: anyu-edge models list
    """
    settings = talk.site(config)
    known = manifest()
    give_up_root(settings.state_dir)
    weights, locale = _weights(settings), settings.locale
    found = {entry.name: _found(weights, entry) for entry in known.values()}
    if json:
        for entry in known.values():
            place, refused = found[entry.name]
            told = {"name": entry.name, "file": entry.file, "sha256": entry.sha256, "licence": entry.licence, "optional": entry.optional}
            talk.data({**told, "found": place and str(place), "refused": [str(path) for path in refused]})
    else:
        talk.table(
            say(locale, "weights").split("|"),
            [
                (entry.name, entry.licence, say(locale, "optional" if entry.optional else "needed"), _where(*found[entry.name], locale))
                for entry in known.values()
            ],
        )
        talk.line(say(locale, "weights_of"))
        for entry in known.values():
            talk.line(f"  {entry.name}: {entry.what}; {entry.source}; sha256 {entry.sha256}")
    if any(found[entry.name][0] is None for entry in known.values() if not entry.optional):
        raise typer.Exit(talk.BAD_NEWS)


@models.command("pull")
def pull_(
    names: Annotated[list[str] | None, typer.Argument(help="Names from `models list`; what is needed and missing if left out 名称")] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Fetch files from where their authors publish them; a file with another sha256 is refused and kept aside (下载模型).

    Nothing else ever fetches anything. On a machine without the internet bring them in a folder and use `models import`.

    Example: anyu-edge models pull
    """
    settings = talk.site(config)
    known = manifest()
    give_up_root(settings.state_dir)
    weights, locale = _weights(settings), settings.locale
    wanted = names or [entry.name for entry in known.values() if not entry.optional and _found(weights, entry)[0] is None]
    if unknown := [name for name in wanted if name not in known]:
        talk.complain(say(locale, "bad_argument", detail=", ".join(unknown)))
        raise typer.Exit(talk.WRONG_USE)
    taken: dict[str, Path] = {}
    failed: dict[str, str] = {}
    for name in wanted:
        try:
            taken[name] = pull(weights, name)
        except NoMirror as why:
            failed[name] = "; ".join(why.said) or say(locale, "no_mirror")
        except OSError as why:
            failed[name] = talk.reason(locale, why)
    _told(settings, taken, failed, json=json)


@models.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="A folder with the files, under their own names 文件所在目录")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Take every known file from a folder; a file with another sha256 is refused and kept aside (导入模型).

    Example: anyu-edge models import /media/usb/models
    """
    settings = talk.site(config)
    weights = _weights(settings)
    if not folder.is_dir():
        talk.complain(say(settings.locale, "bad_argument", detail=str(folder)))
        raise typer.Exit(talk.WRONG_USE)
    try:
        files = known_files(folder)  # read by whoever gave the command: a stick may be root's alone
        give_up_root(settings.state_dir)
        taken, wrong = import_files(weights, files)
    except OSError as why:
        talk.complain(say(settings.locale, "cannot_write", path=str(weights.own), detail=talk.reason(settings.locale, why)))
        raise typer.Exit(talk.BAD_NEWS) from None
    if not taken and not wrong:
        talk.complain(say(settings.locale, "nothing_known", path=str(folder)))
        raise typer.Exit(talk.BAD_NEWS)
    _told(settings, taken, {one.name: str(one) for one in wrong}, json=json)


def _told(settings: Settings, taken: dict[str, Path], failed: dict[str, str], *, json: bool) -> None:
    if json:
        talk.data({"taken": {name: str(path) for name, path in taken.items()}, "refused": failed})
    else:
        for name, path in taken.items():
            talk.line(say(settings.locale, "weights_taken", name=name, path=str(path)))
        for name, why in failed.items():
            talk.complain(say(settings.locale, "weights_refused", name=name, why=why))
        if not taken and not failed:
            talk.line(say(settings.locale, "weights_there"))
    if failed:
        raise typer.Exit(talk.BAD_NEWS)


def _weights(settings: Settings) -> Weights:
    return Weights.of(settings.state_dir, os.environ)


def _found(weights: Weights, entry: Entry) -> tuple[Path | None, tuple[Path, ...]]:
    """Where a good copy lies, and what was refused."""
    aside = weights.own / (entry.file + SIDE)
    kept = (aside,) if aside.exists() else ()
    try:
        return weights.find(entry.name), kept
    except WeightsMissing as why:
        return None, (*why.refused, *(path for path in kept if path not in why.refused))


def _where(place: Path | None, refused: Iterable[Path], locale: str) -> str:
    words = [str(place) if place else say(locale, "absent")]
    return "; ".join([*words, *(say(locale, "kept_aside", path=str(path)) for path in refused)])
