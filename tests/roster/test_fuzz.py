"""Anything at all in the folder: only faults come out, soon."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.roster.columns import HOUSES, ROSTER, VISITORS
from edge.roster.drafts import Sheets
from edge.roster.faults import Notes
from edge.roster.folder import Files, Known, read_sheets
from edge.roster.settings import RosterSettings
from edge.roster.template import csv_bytes, xlsx_bytes
from tests.roster.conftest import SHANGHAI

BRISK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEADINGS = {"roster": ROSTER, "houses": HOUSES, "visitors": VISITORS}
ODD = st.sampled_from(
    ["", "1", "甲", "dec:1", "2026-03-01", "长期", "730418", "Y", ";", "=1", "'", "１", "\u200b", "a" * 3000, "north_in", "1E+17"]
)
CELL = st.one_of(ODD, st.text(max_size=20))


def read(name: str, file: str, data: bytes) -> Sheets:
    """Read one file as the folder would; a sound roster beside it, unless it is the roster."""
    files = {name: (file, data), **({} if name == "roster" else {"roster": ("roster.csv", "编号,姓名\n1,甲\n".encode())})}
    sheets = read_sheets(Files(files), RosterSettings(folder=Path()), SHANGHAI, Known(), Notes())
    for fault in (*sheets.faults, *sheets.remarks):
        assert fault.text("zh")
        assert fault.text("en")
    assert bool(sheets.content) is not bool(sheets.faults)
    return sheets


@BRISK
@given(st.sampled_from(sorted(HEADINGS)), st.sampled_from(["csv", "xlsx"]), st.binary(max_size=600))
def test_any_bytes(name: str, kind: str, data: bytes) -> None:
    """Random bytes under either name give faults, no other exception."""
    read(name, f"{name}.{kind}", data)


@BRISK
@given(st.sampled_from(sorted(HEADINGS)), st.text(max_size=400))
def test_any_text(name: str, text: str) -> None:
    """Random text does."""
    read(name, f"{name}.csv", text.encode("utf-8", "surrogatepass"))


@BRISK
@given(st.data())
def test_any_cells_under_real_headings(data: st.DataObject) -> None:
    """Random cells under real headings, in both kinds of file, are read or are faults; both kinds agree."""
    name = data.draw(st.sampled_from(sorted(HEADINGS)))
    columns = data.draw(st.lists(st.sampled_from(HEADINGS[name]), min_size=2, max_size=8, unique=True))
    headings = [f"{column.zh}[dec]" if column.key in ("cards", "card") else column.key for column in columns]
    rows = [headings, *data.draw(st.lists(st.lists(CELL, min_size=len(columns), max_size=len(columns)), max_size=6))]
    read(name, f"{name}.csv", csv_bytes(rows))
    plain = [["".join(char for char in cell if char.isprintable()) for cell in row] for row in rows]
    one, other = (read(name, f"{name}.{kind}", write(plain)) for kind, write in (("csv", csv_bytes), ("xlsx", xlsx_bytes)))
    if not one.faults and not other.faults:
        assert one.content == other.content


@BRISK
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_damaged_workbook(at: int, noise: bytes, packed: bool) -> None:
    """A workbook with some bytes changed, packed or not, is read or is a fault."""
    good = xlsx_bytes([["编号", "姓名", "卡号[dec]"], ["1", "甲", "0013477100"]])
    if not packed:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as stored:
            for member in source.namelist():
                stored.writestr(member, source.read(member))
        good = out.getvalue()
    at %= len(good)
    read("roster", "roster.xlsx", good[:at] + noise + good[at + len(noise) :])


@BRISK
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_xml_in_a_sheet(before: bytes, after: bytes) -> None:
    """A whole zip whose sheet is nonsense is a fault."""
    good = xlsx_bytes([["编号", "姓名"], ["1", "甲"]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(out, "w") as spoilt:
        for member in source.namelist():
            body = source.read(member)
            spoilt.writestr(member, before + body[: len(body) // 2] + after + body[len(body) // 2 :] if "sheet1" in member else body)
    read("roster", "roster.xlsx", out.getvalue())
