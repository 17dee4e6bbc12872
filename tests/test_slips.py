"""Slips of the hand in site.yaml: each is told at its own place and for what it is, in Chinese and English."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from edge.settings import load
from tests.test_settings import EYE, GOOD

ODD = "the line begins with U+{}, which looks like a space and is none; use spaces."

GROUP = (
    "expected a group of the roster, read '门卫': residents, staff, guards, or a name of your own in lower-case letters. "
    "What the sheet calls it goes into roster.groups."
)


def found(path: Path, old: str, new: str, **environ: str) -> list[str]:
    """The faults of the good file with a slip in it, without the folder."""
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    return [fault.text("en").replace(f"{path.parent}/site.yaml:", "") for fault in load(path, environ).faults]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("driver: sim", "drver: sim", "4:9: there is no setting 'drver'. Did you mean 'driver'?"),
        ("name: anting_01", "nmae: anting_01", "2:8: there is no setting 'nmae'. Did you mean 'name'?"),
        ("lock:", "lokc:", "7:5: there is no setting 'lokc'. Did you mean 'lock'?"),
        ("doors: 2, inputs", "doors: 2，inputs", "4:36: a full-width ，; write ,"),
        ("{controller: sim, input: 1}", "{controller: sim，input: 1}", "8:30: a full-width ，; write ,"),
        ("label: 安亭一号公寓}", "label: 安亭，一号，kind: gate}", "2:37: a full-width ，; write ,"),
        ("[north_in, north_out]", "[north_in，north_out]", "14:43: a full-width ，; write ,"),
        ("[north_in, north_out]", "[north_in、north_out]", "14:43: a full-width 、; write ,"),
        ("doors: 2, inputs", "doors: 2；inputs", "4:36: a full-width ；; write ,"),
        ("name: anting_01", "name: “anting_01”", '2:14: a full-width “; write "'),
        ('"mqtt://localhost"', "“mqtt://localhost”", '15:18: a full-width “; write "'),
        ("direction: in", "direction: “in”", '11:38: a full-width “; write "'),
        ("inputs: 8}", "inputs: 8｝", "4:47: a full-width ｝; write }"),
        ("sim: {driver", "sim: ｛driver", "4:8: a full-width ｛; write {"),
        ("  north:\n", "  north:\n    label:大门\n", "7:10: a space is needed after the colon."),
        ("site: {name: anting_01, label: 安亭一号公寓}", "site:\n  name: a\n  label:大门", "4:8: a space is needed after the colon."),
        ("site: {name: anting_01, label: 安亭一号公寓}", "site:\n  name:a", "3:3: a space is needed after the colon."),
        ("label: 安亭一号公寓", "label:安亭", "2:25: a space is needed after the colon. Did you mean 'label'?"),
        ("    contact", "\u00a0\u00a0\u00a0\u00a0contact", "8:1: " + ODD.format("00A0")),
        ("    contact", "\u3000\u3000contact", "8:1: " + ODD.format("3000")),
        ("    contact", "  \u3000contact", "8:3: " + ODD.format("3000")),
        ("  north:\n", "\u3000north:\n", "6:1: " + ODD.format("3000")),
        ("inputs: 8", "inputs: ８", "4:46: full-width digits, '８'; write them half-width."),
        ("    contact", "    release_s: ５.5\n    contact", "8:16: full-width digits, '５.5'; write them half-width."),
        ("    contact", "    release_s: 5s\n    contact", "8:16: a number alone, without a unit; read '5s'."),
        ("    contact", "    release_s: 5 秒\n    contact", "8:16: a number alone, without a unit; read '5 秒'."),
        ("    contact", "    release_s: one\n    contact", "8:16: expected a number, read 'one'."),
        ("label: 安亭一号公寓", "label: 001", "2:32: expected text, read 001; quote a number."),
        ("label: 安亭一号公寓", "label: 1_0", "2:32: expected text, read 1_0; quote a number."),
        ("name: anting_01", "name: 310114", "2:14: expected text, read 310114; quote a number."),
        ("groups: [residents]", "groups: [门卫]", "14:15: " + GROUP),
        ("uplink:", "roster: {default_groups: {guard: [门卫]}}\nuplink:", "15:35: " + GROUP),
        ("uplink:", "roster: {groups: {夜班: 门卫}}\nuplink:", "15:23: " + GROUP),
        ("acks: {centre:", "acks: {center:", "15:45: 'center' is not in uplink.consumers. Did you mean 'centre'?"),
        ("uplink:", "control: {roles: {gaurd: [x]}}\nuplink:", ("15:19: expected one of guard, manager, installer, inspector, "
         "read 'gaurd'. Did you mean 'guard'?")),
        ("acks:", "brokers: [localhots], acks:", ("15:18: localhost is not in uplink.brokers. "
         "Until it is, nothing is sent; doors go on. Did you mean 'localhots'?")),
    ],
)  # fmt: skip
def test_a_slip_is_told_for_what_it_is(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A fault names the slip, at its column, with what to write."""
    assert said in found(tmp_path / "site.yaml", old, new)


def _paths(value: object, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*at, key))


MORE = "consumers: [centre], brokers: [localhost], tls: {ca: /x, cert: /x, key: /x}, username: a, password: b, acks:"
DEVICES = """
  bus: {driver: osdp, port: /dev/serial/by-id/x, readers: [{address: 1, key: "000102030405060708090a0b0c0d0e0f", inputs: 2}]}
  board: {driver: uhppote, serial: 5, address: 10.1.3.20}
  camera: {driver: onvif, host: 10.1.3.21, serial: S, outputs: 1, output_tokens: [a]}
  relay: {driver: modbus, port: "tcp://10.1.3.22:502", unit: 1, outputs: 1, inputs: 1}
  converter: {driver: wiegand_serial, port: /dev/serial/by-id/y, framing: hex_cr, format: h10301}
doors:"""
REST = """
guard_button: {controller: sim, input: 7, access_point: north_in}
fire: {controller: sim, input: 8}
control: {groups: [a], roles: {guard: [b]}}
schedules: {day: {weekly: {mon-fri: ["06:00-22:00"]}, holidays: {"2026-10-01": mon}}}
roster: {folder: /x, card_format: h10301, groups: {a: b}, default_groups: {resident: [a]}}
"""
WHOLE = YAML(typ="safe").load(GOOD.replace("acks:", MORE).replace("\ndoors:", DEVICES) + EYE + REST)


@pytest.mark.parametrize("odd", [None, 0, "x", [[1]], {"a": [1]}, "２"], ids=repr)
def test_whatever_stands_anywhere_is_a_report(tmp_path: Path, odd: object) -> None:
    """A value of any shape in the place of any other, or a key more: settings or faults, never an error of ours."""
    path = tmp_path / "site.yaml"
    for way in _paths(WHOLE):
        values = json.loads(json.dumps({"all": WHOLE}))
        here = values
        for step in ("all", *way[:-1]) if way else ():
            here = here[step]
        here[way[-1] if way else "all"] = odd
        path.write_text(json.dumps(values["all"]), encoding="utf-8")
        found = load(path, {})
        assert found.settings is not None or found.faults


@pytest.mark.parametrize("number", ["!!int a", "!!float x", "9" * 5000, ".inf", "-.INF", ".nan", "0o17", "-0x1F", "1_000", "1e400"])
def test_a_number_of_any_writing_is_a_report(tmp_path: Path, number: str) -> None:
    """A tag that promises a number, digits without end, and YAML's own numbers."""
    path = tmp_path / "site.yaml"
    path.write_text(GOOD.replace("    contact", f"    release_s: {number}\n    contact"), encoding="utf-8")
    assert ["release_s" in fault.path for fault in load(path, {}).faults] == ([] if number == "0o17" else [True])


def test_text_with_full_width_signs_is_text(tmp_path: Path) -> None:
    """A comma of a label is no slip, nor are a colon and a space in a quoted one."""
    assert found(tmp_path / "site.yaml", "安亭一号公寓", "安亭，一号“公寓”") == []
    assert found(tmp_path / "site.yaml", "安亭一号公寓", '"安亭: 一号"') == []


@pytest.mark.parametrize("raw", ["", "# only words\n", "- a\n", "locale: no\n", "locale: 中文\n"])
@pytest.mark.parametrize(
    ("environ", "locale"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"),
     ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"), ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"), ({}, "en")],
)  # fmt: skip
def test_a_file_without_a_language_is_answered_in_the_terminals(tmp_path: Path, raw: str, environ: dict[str, str], locale: str) -> None:
    """Empty means unset, as everywhere."""
    path = tmp_path / "site.yaml"
    path.write_text(raw, encoding="utf-8")
    assert load(path, environ).locale == locale


def test_a_site_that_only_captures_has_no_doors(tmp_path: Path) -> None:
    """A warning: such a site works, and its doors open."""
    path = tmp_path / "site.yaml"
    path.write_text(GOOD.replace("name: anting_01", "name: anting_01, kind: capture"), encoding="utf-8")
    assert [(fault.code, fault.place.line) for fault in load(path, {}).warnings] == [("capture_doors", 5)]
