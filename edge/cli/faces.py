"""The verbs calibrate · roster enrol · roster forget · guard reject."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any

import typer

import models
from edge.cli import talk
from edge.cli.manager import roster
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.control.client import ask
from edge.degraded import sentence
from edge.errors import CommandRefused, NoDaemon
from edge.roster.calibrate import BUSY
from edge.roster.faces.book import KEPT_DAYS
from edge.roster.faces.enrol import EXAMINE_S, PhotoRefused
from edge.settings import Fault, Loaded, Settings
from models.weights import Weights, WeightsMissing

ENROL_S = 60.0 + 2 * EXAMINE_S  # a minute for the card, the photos, and somebody else's photos before them
REBUILD_S = 120.0  # calibrating 30,000 faces anew on a small computer
TenantId = Annotated[str, typer.Argument(help="As in the roster's column tenant_id 花名册中的编号")]

guard = typer.Typer(help="What the guard says of the gate's decisions. 保安核对", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.command()(calibrate)
    roster.command()(enrol)
    roster.command()(forget)
    app.add_typer(guard, name="guard")


@guard.callback()
def _guard() -> None:
    pass


def calibrate(config: Config = CONFIG, json: Json = False) -> None:
    """Say what faces may decide at each access point with the roster in force, and why (人脸能做什么).

    The thresholds come from the enrolled faces themselves and follow every change of the roster by themselves; this shows them.

    Example: anyu-edge calibrate
    """
    settings = talk.site(config)
    found: Any = talk.need(settings, "calibrate", "can_faces")
    if json:
        talk.data(found)
        return
    talk.line(say(settings.locale, f"alone_{_opens(settings)}"))
    for text in described(found, settings.locale):
        talk.line(text)
    rows = [_row(name or "*", one, settings.locale) for name, one in found["access_points"].items()]
    if rows:
        talk.table(say(settings.locale, "calibration").split("|"), rows)
    for pair in {tuple(pair) for one in found["access_points"].values() for pair in one["lookalikes"]}:
        talk.line(say(settings.locale, "lookalikes", one=pair[0], other=pair[1]))


def _opens(settings: Settings) -> str:
    """What this site lets a face do by itself: `prints`, `live`, or `card`."""
    chosen = settings.recognition
    if chosen.prints_open:
        return "prints"
    return "live" if chosen.liveness == "veto" and chosen.face_alone != "never" else "card"


def described(found: Any, locale: str) -> Iterator[str]:  # noqa: ANN401 - what the daemon answered
    """What a calibration says, a sentence an access point."""
    if found["off"]:
        yield say(locale, "faces_off")
        for word in found["off"]:
            yield say(locale, "degraded", word=word, sentence=sentence(word, locale))
    waiting = sum(found["waiting"].values())
    yield say(locale, "faces_in_force", enrolled=str(found["enrolled"]), waiting=str(waiting))
    if found["unreadable"]:
        yield say(locale, "faces_unreadable", count=str(found["unreadable"]))
    for tenant_id in found["renew"]:
        yield say(locale, "faces_renew", tenant_id=tenant_id)
    for name, one in found["access_points"].items():
        yield f"{name or '*'}: {say(locale, one['allows'])}{say(locale, 'because', why=say(locale, 'faces_' + one['why']))}"
        if one["allows"] == "face_alone":
            for when, end in (("quiet", "_quiet"), ("busy", "")):
                missed = "?" if one[f"misses_alone{end}"] is None else _share(one[f"misses_alone{end}"])
                yield say(locale, f"alone_{when}", alone=f"{one[f'alone{end}']:.3f}", missed=missed, tries=str(BUSY))


def enrol(
    tenant_id: TenantId,
    at: Annotated[str, typer.Option("--at", help="The access point where the resident shows their card 在哪个通行点刷卡")] = "",
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Enrol a resident's face from the photos in photos/TENANT_ID/ of the roster folder, after their own consent (登记人脸).

    Consent is a signed paper (consent_ref in the roster), or the resident's own card at a reader after reading the notice shown here.
    New photos take the place of the ones enrolled before.

    Example: anyu-edge roster enrol A1001 --at north_in
    """
    settings = talk.site(config)
    locale = settings.locale
    asked: Any = talk.need(settings, "enrol_ask", "can_faces", timeout_s=ENROL_S, tenant_id=tenant_id)
    if not asked["photos"]:
        place = settings.roster.folder / "photos" / tenant_id
        _end(json, {"why": asked["why"], "photos": 0}, say(locale, "no_photos", path=str(place)))
    if asked["why"] not in {"may", "no_act"}:
        _end(json, {"why": asked["why"], "photos": asked["photos"]}, say(locale, f"enrol_{asked['why']}"))
    points, shown = asked["access_points"], ""
    if asked["why"] == "no_act":
        if not at and len(points) > 1:
            talk.refuse(locale, CommandRefused("which_reader", ", ".join(points)))
        if asked["paper_ended"]:
            talk.complain(say(locale, "paper_ended"))
        if len(asked["refused"]) == asked["photos"]:
            refused = {"why": asked["why"], "photos": asked["photos"], "taken": 0, "refused": asked["refused"]}
            _end(json, refused, "\n".join([say(locale, "no_good_photo"), *_photos_refused(asked["refused"], locale)]))
        days = settings.roster.unused_photos_days + KEPT_DAYS  # a template keeps its photos, a day longer than the tenancy
        photos = say(locale, "notice_photos_kept" if asked["keeps_photos"] else "notice_photos_deleted", days=str(days))
        for text in say(locale, "face_notice", version=asked["notice"], photos=photos).splitlines():
            talk.complain(text)
        talk.complain(say(locale, "show_card", point=at or next(iter(points), "")))
        shown = asked["notice"]
    done: Any = talk.need(settings, "enrol", "can_faces", timeout_s=ENROL_S, tenant_id=tenant_id, at=at, notice=shown)
    if json:
        talk.data(done)
    else:
        for text in _enrolled(done, locale):
            talk.line(text)
    if not done.get("taken"):
        raise typer.Exit(talk.BAD_NEWS)


def forget(
    tenant_id: TenantId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask 不询问")] = False,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Destroy a resident's face template and photos, now and for good; cards and PINs are as they were (删除人脸).

    At a terminal it says what goes and asks; a script is not asked.

    Example: anyu-edge roster forget A1001
    """
    settings = talk.site(config)
    if not yes and not json and sys.stdin.isatty():
        _ask_before(settings, tenant_id)
    done: Any = talk.need(settings, "forget", "can_roster", timeout_s=REBUILD_S, tenant_id=tenant_id)
    if json:
        talk.data(done)
    else:
        word = "consent_stays" if not done["ended"] else "forgotten" if done["template"] else "no_template"
        talk.line(say(settings.locale, word, photos=str(done["photos"])))
        if done["rosters"]:
            talk.line(say(settings.locale, "rosters_rewritten", count=str(done["rosters"])))
        if done["lives_here"]:
            talk.line(say(settings.locale, "forgotten_lives_here"))
        if done["left"]:
            talk.complain(say(settings.locale, "photos_left", count=str(done["left"])))
        if done["rosters_left"]:
            talk.complain(say(settings.locale, "rosters_left", count=str(done["rosters_left"])))
    if done["left"] or done["rosters_left"] or not done["ended"]:
        raise typer.Exit(talk.BAD_NEWS)


def _ask_before(settings: Settings, tenant_id: str) -> None:
    """Say what `forget` destroys, and go on only if the person at the terminal agrees."""
    locale = settings.locale
    goes: Any = talk.need(settings, "forget_ask", "can_roster", timeout_s=REBUILD_S, tenant_id=tenant_id)
    template = say(locale, "face_there" if goes["template"] else "face_absent")
    counts = {key: str(goes[key]) for key in ("photos", "rosters")}
    talk.complain(say(locale, "would_forget", tenant_id=tenant_id, refs=", ".join(goes["refs"]) or "-", template=template, **counts))
    if not talk.agreed(say(locale, "may_forget")):
        talk.complain(say(locale, "not_forgotten"))
        raise typer.Exit(talk.BAD_NEWS)


@guard.command()
def reject(
    seq: Annotated[int, typer.Argument(min=1, help="The number of the event, from `events` 事件序号")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Say that the person of an event by face was not this tenant: more is asked of that face from now on (不是此人).

    Example: anyu-edge guard reject 1234
    """
    settings = talk.site(config)
    done: Any = talk.need(settings, "not_this_person", "can_check", timeout_s=REBUILD_S, seq=seq)
    if json:
        talk.data(done)
    else:
        talk.line(say(settings.locale, "rejected" if done["raised"] else "rejected_before"))


def against_machine(loaded: Loaded) -> list[Fault]:
    """Why nobody would be recognised here, as warnings: doors and cards do not need it."""
    settings = loaded.settings
    if settings is None or not settings.cameras:
        return []
    chosen = settings.recognition
    place = loaded.layers.place(("recognition", "engine")) if loaded.layers.has(("recognition",)) else loaded.layers.place(("cameras",))
    if chosen.engine == "none":
        return [Fault(place, "cameras_unused", grave=False)]
    packages = models.missing(chosen.engine)
    if find_spec("av") is None:
        packages = (*packages, "av")
    if packages:
        extra = models.ENGINES[chosen.engine].extra
        return [Fault(place, "recognition_needs", (("extra", extra), ("modules", ", ".join(packages))), grave=False)]
    if chosen.runtime not in {"auto", *models.runtimes()}:
        return [Fault(loaded.layers.place(("recognition", "runtime")), "runtime_needs", (("runtime", chosen.runtime),), grave=False)]
    weights = Weights.of(settings.state_dir, os.environ)
    absent = [name for name in models.ENGINES[chosen.engine].weights if not _there(weights, name)]
    if absent:
        return [Fault(place, "weights_needed", (("names", ", ".join(absent)),), grave=False)]
    word = _worth(settings, weights)
    return [Fault(loaded.layers.place(("recognition", "face_alone")), word, grave=False)] if word else []


def _worth(settings: Settings, weights: Weights) -> str:
    """The word of what a face alone is worth here, where that is not what an installer expects; "" where it is."""
    chosen = settings.recognition
    if chosen.face_alone == "never" or not any(camera.access_points for camera in settings.cameras.values()):
        return ""
    if chosen.prints_open:
        return "prints_open"
    if chosen.liveness != "veto":
        return "faces_ask_for_card"
    from models.liveness import PAIR  # needs cv2, which is here where this is asked

    return "" if all(_there(weights, name) for name, _ in PAIR) else "liveness_weights"


def _there(weights: Weights, name: str) -> bool:
    try:
        weights.find(name)
    except (WeightsMissing, OSError):
        return False
    return True


def what_faces_may(settings: Settings) -> list[str]:
    """What faces may do here, for `check`: from the running daemon, or that only it can tell."""
    if not settings.cameras or settings.recognition.engine == "none":
        return []
    try:
        return list(described(ask(talk.socket_of(settings), "calibrate"), settings.locale))
    except (NoDaemon, CommandRefused):
        return [say(settings.locale, "faces_at_run_time")]


def _end(json: bool, data: object, text: str) -> None:
    """Nothing was enrolled, and why."""
    if json:
        talk.data(data)
    else:
        for one in text.splitlines():
            talk.line(one)
    raise typer.Exit(talk.BAD_NEWS)


def _enrolled(done: Any, locale: str) -> Iterator[str]:  # noqa: ANN401 - what the daemon answered
    if done["why"] != "may":
        yield say(locale, f"enrol_{done['why']}")
        return
    yield say(locale, "photos_taken", taken=str(done["taken"]), photos=str(done["photos"]))
    yield from _photos_refused(done["refused"], locale)
    for twin in done["twins"]:
        yield say(locale, "twin", tenant_id=twin)
    if done["left"]:
        yield say(locale, "photos_left", count=str(done["left"]))


def _photos_refused(refused: Any, locale: str) -> Iterator[str]:  # noqa: ANN401 - what the daemon answered
    for photo, why in refused:
        yield "  " + PhotoRefused(photo, why).sentence("zh" if locale == "zh" else "en")


def _row(name: str, one: Any, locale: str) -> tuple[str, ...]:  # noqa: ANN401 - what the daemon answered
    return (
        name,
        str(one["tenants"]),
        f"{one['threshold']:.3f}",
        say(locale, f"basis_{one['basis']}"),
        _share(one["fnir"]),
        _share(one["fpir"]),
        _percent(one["rate"]),
        say(locale, one["allows"]),
    )


def _share(share: Any) -> str:  # noqa: ANN401 - what the daemon answered
    """A share with its 95 % bounds."""
    if share is None:
        return "?"
    expected = "?" if share["expected"] is None else _percent(share["expected"])
    return f"{expected} [{_percent(share['low'])}, {_percent(share['high'])}]"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"
