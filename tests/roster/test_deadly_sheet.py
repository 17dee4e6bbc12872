"""A sheet that the reader dies of: it is named, it takes nobody else's memory, and it is not read again until it changes."""

from __future__ import annotations

import itertools
import resource
import zipfile
from pathlib import Path

import pytest

from edge.clock import PlainClock
from edge.roster import apart
from edge.roster.outcomes import Applied, Refused
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings
from tests.roster.conftest import SHANGHAI
from tests.roster.people import make_roster, write

MEASURED_MB = 500  # resident; of the 783 MB that such a file took without a bound


def bomb(path: Path) -> None:
    """A workbook of less than a megabyte whose 5,000 rows of 60 columns all say the same 4,000 letters."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    names = [a + b for a, b in itertools.product(("", "A", "B"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ")][:60]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>')
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}">'
            f'<Relationship Id="r" Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        out.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets><sheet name="roster" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{relations}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        )
        out.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}"><si><t>{"x" * 4000}</t></si></sst>')
        with out.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{main}"><sheetData>'.encode())
            for row in range(1, 5001):
                sheet.write(b"<row>" + b"".join(b'<c r="%s%d" t="s"><v>0</v></c>' % (name.encode(), row) for name in names) + b"</row>")
            sheet.write(b"</sheetData></worksheet>")


async def test_it_is_named_and_read_once(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """Also over a restart; the last good roster stays in force. What was saved since, or asked for, is read."""
    reads: list[Path] = []

    def read(*words: object) -> object:
        reads.append(folder)
        return apart.read(*words)  # type: ignore[arg-type]

    def made() -> Roster:
        return make_roster(settings, tmp_path / "state", read=read, clock=PlainClock())  # type: ignore[arg-type]

    roster = made()
    write(folder, "1", "2")
    assert isinstance(await roster.reload(), Applied)
    (folder / "roster.csv").unlink()
    bomb(folder / "roster.xlsx")
    assert (folder / "roster.xlsx").stat().st_size < 1 << 20
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    for start in (lambda: roster, made):
        again = start()
        outcome = await again.reload()
        assert isinstance(outcome, Refused)
        assert [(fault.code, fault.place.file) for fault in outcome.faults] == [("reader_failed", "roster.xlsx")]
        assert len(again.book.tenants) == 2
        assert len(reads) == 2
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, MEASURED_MB << 10)
    await again.reload(asked=True)
    assert len(reads) == 3
    (folder / "roster.xlsx").unlink()
    write(folder, "1", "2", "3")
    assert isinstance(await again.reload(), Applied)


def test_the_command_names_it_too(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """`roster check` reads in the same way."""
    monkeypatch.setattr(apart, "_exchange", lambda *_: None)
    write(folder, "1")
    (fault,) = apart.read(folder, settings, SHANGHAI).faults
    assert fault.place.file == "roster.csv"
