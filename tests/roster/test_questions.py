"""What a change asks before it counts: by which column, for how many people, and how the manager answers."""

from __future__ import annotations

import asyncio
import html
import itertools
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.clock import Trust
from edge.roster import apart
from edge.roster.diff import Question
from edge.roster.faults import Notes, RosterFaults
from edge.roster.folder import Known, read_files, read_folder
from edge.roster.outcomes import Applied, Refused, Unchanged
from edge.roster.report import check, questions
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings
from tests.clock import HandClock
from tests.roster.conftest import SHANGHAI, save_xlsx
from tests.roster.people import make_roster

NOBODY = 65534
NOW = datetime(2026, 3, 8, 4, tzinfo=UTC)
HEAD = ["编号", "姓名", "分组", "起始日期", "截止日期", "卡号[dec]", "密码", "胁迫密码", "人脸同意"]
COLUMN = {name: index for index, name in enumerate(HEAD)}


def people(count: int = 20) -> list[list[str]]:
    """A roster in which everybody lives here until the end of August, a quarter moved out in January."""
    return [
        [f"{n:04d}", "某", "residents", "2026-01-01", "2026-01-31" if n % 4 == 0 else "2026-08-31", str(1000 + n), str(730000 + n), "", "Y"]
        for n in range(1, count + 1)
    ]


class Site:
    """A roster in force, and its folder."""

    def __init__(self, folder: Path, settings: RosterSettings, state: Path, known: Known | None = None) -> None:
        self.folder = folder
        self.clock = HandClock(NOW)
        self.roster: Roster = make_roster(settings, state, clock=self.clock, known=known)

    def save(self, rows: list[list[str]], head: list[str] | None = None, above: tuple[list[str], ...] = ()) -> None:
        """The manager saves the sheet."""
        lines = [*above, head or HEAD, *rows]
        (self.folder / "roster.csv").write_text("\n".join(map(",".join, lines)), encoding="utf-8")

    async def asks(self) -> tuple[Question, ...]:
        """What the folder asks; nothing of it is in force."""
        before = self.roster.book
        outcome = await self.roster.reload()
        assert isinstance(outcome, Refused), outcome
        assert (outcome.why, self.roster.book) == ("too_many_removed", before)
        assert outcome.diff is not None
        assert len(outcome.diff.code) == 4
        return outcome.diff.questions


@pytest.fixture
async def site(folder: Path, settings: RosterSettings, tmp_path: Path) -> Site:
    """Twenty people in force, five of whom have moved out: a normal first sheet, which asks nothing when a fifth is not reached."""
    made = Site(folder, settings, tmp_path / "state")
    made.save(people())
    assert isinstance(await made.roster.reload(yes=True), Applied)
    return made


def with_column(name: str, value: str) -> list[list[str]]:
    """The people with one column filled alike."""
    rows = people()
    for row in rows:
        row[COLUMN[name]] = value
    return rows


@pytest.mark.parametrize(
    ("column", "value", "kind", "key", "count"),
    [
        ("截止日期", "2026-02-28", "less", "valid_until", 15),
        ("截止日期", "2026-05-31", "less", "valid_until", 15),
        ("截止日期", "", "more", "valid_until", 20),
        ("截止日期", "2027-08-31", "more", "valid_until", 20),
        ("起始日期", "2026-04-01", "less", "valid_from", 15),
        ("分组", "staff", "less", "groups", 15),
        ("卡号[dec]", "", "less", "cards", 15),
        ("密码", "", "less", "pin", 15),
        ("人脸同意", "N", "less", "face_consent", 15),
    ],
)
async def test_a_column_that_takes_or_gives_asks(site: Site, column: str, value: str, kind: str, key: str, count: int) -> None:
    """Each by its name and how many people it concerns; those who had moved out anyway lose nothing."""
    rows = with_column(column, value)
    if column == "起始日期":  # of those who still live here: nobody begins after their end
        rows = [new if new[COLUMN["截止日期"]] > value else old for new, old in zip(rows, people(), strict=True)]
    site.save(rows)
    found = await site.asks()
    assert Question(kind, key, count, 20) in found  # type: ignore[arg-type] - one of the kinds
    said = questions((await site.roster.compare()), "zh")
    assert any(str(count) in line and column.removesuffix("[dec]") in line for line in said)


async def test_cards_read_in_another_notation_ask(site: Site) -> None:
    """Nobody is without a card, and nobody's card would open."""
    site.save(people(), head=[heading.replace("[dec]", "[hex]") for heading in HEAD])
    assert await site.asks() == (Question("less", "cards", 15, 20),)


async def test_a_lost_column_asks(site: Site) -> None:
    """Whatever it is called by now."""
    site.save(people(), head=[heading.replace("截止日期", "备注") for heading in HEAD])
    assert await site.asks() == (Question("more", "valid_until", 20, 20),)


async def test_a_fifth_may_change_without_a_question(site: Site) -> None:
    """Four of twenty; and rows of people who had moved out."""
    rows = people()
    for row in rows[:3] + rows[4:5]:
        row[COLUMN["截止日期"]] = "2026-03-31"
    rows[3][COLUMN["截止日期"]] = "2026-02-15"  # had moved out, and still has
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)


async def test_one_persons_change_is_nobodys_question(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """In a house of three a card is replaced and a contract renewed."""
    site = Site(folder, settings, tmp_path / "state")
    rows = people(3)
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    rows[0][COLUMN["卡号[dec]"]] = "7"
    rows[1][COLUMN["截止日期"]] = "2027-08-31"
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)


@pytest.mark.parametrize(
    ("ended", "cardless", "asked"),
    [(0, 0, ()), (3, 0, ()), (4, 0, ("valid_until",)), (20, 0, ("valid_until",)), (0, 20, ("cards",)), (4, 4, ("cards", "valid_until"))],
)
async def test_a_first_roster(
    folder: Path, settings: RosterSettings, tmp_path: Path, ended: int, cardless: int, asked: tuple[str, ...]
) -> None:
    """A normal one is applied; where a fifth could never pass it asks, and says by which column."""
    site = Site(folder, settings, tmp_path / "state")
    rows = people()
    for n, row in enumerate(rows):
        row[COLUMN["截止日期"]] = "2026-01-31" if n < ended else "2026-08-31"
        if n < cardless:
            row[COLUMN["卡号[dec]"]] = row[COLUMN["密码"]] = ""
    site.save(rows)
    if asked:
        assert sorted(one.column for one in await site.asks()) == sorted(asked)
    else:
        assert isinstance(await site.roster.reload(), Applied)


@pytest.mark.parametrize(("column", "value", "key"), [("起始日期", "2062-01-01", "valid_from"), ("分组", "residentz", "groups")])
async def test_a_first_roster_that_opens_nothing(
    folder: Path, settings: RosterSettings, tmp_path: Path, column: str, value: str, key: str
) -> None:
    """Cards that begin in another century, and a group of which no access rule speaks."""
    site = Site(folder, settings, tmp_path / "state", Known(groups=frozenset({"residents"})))
    rows = with_column(column, value)
    for row in rows:
        row[COLUMN["截止日期"]] = ""
    site.save(rows)
    assert await site.asks() == (Question("never", key, 20, 20),)


async def test_a_first_roster_in_which_nobody_ends_is_remarked(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """It counts, for there are such houses; that nobody's tenancy ends is said, with how many people it concerns."""
    site = Site(folder, settings, tmp_path / "state")
    site.save(with_column("截止日期", ""))
    first = await site.roster.reload()
    assert isinstance(first, Applied)
    assert [(remark.code, dict(remark.values)) for remark in first.remarks[:1]] == [("nobody_ends", {"people": 20})]
    assert "20 人都没有截止日期" in report(site)
    assert [remark.code for remark in check(folder, settings, SHANGHAI, read=read_folder).remarks[:1]] == ["nobody_ends"]


def answers(digits: str) -> Iterator[tuple[str, tuple[list[str], ...], str, str]]:
    """How a manager may write the code: file beside, rows above the headings, a row below, a column."""
    for name in (f"确认-{digits}", f"确认-{digits}.txt", f"确认{digits}.xlsx", f"confirm_{digits}.TXT", f"确认－{digits}"):
        yield name, (), "", ""
    for above in (["确认", digits], [f"确认：{digits}"], [f"确认 {digits}"], ["住户名单", "确认码", digits.lstrip("0") or "0"]):
        yield "", (above,), "", ""
    yield "", (), f"确认,{digits}", ""
    yield "", (), "", digits


@pytest.mark.parametrize("number", range(11))
async def test_the_code_answers(site: Site, number: int) -> None:
    """With Excel and nothing else; a wrong code does not, and it holds for this very change only."""
    site.save(with_column("截止日期", "2026-02-28"))
    await site.asks()
    digits = (await site.roster.compare()).code
    wrong = f"{(int(digits) + 1) % 10_000:04d}"
    for code, good in ((wrong, False), (digits, True)):
        name, above, below, column = next(itertools.islice(answers(code), number, None))
        rows = with_column("截止日期", "2026-02-28")
        if name:
            (site.folder / name).touch()
        if below:
            rows.append(below.split(","))
        head = HEAD
        if column:
            head = [*HEAD, "确认"]
            rows[0].append(column)
        site.save(rows, head, above)
        if good:
            assert isinstance(await site.roster.reload(), Applied)
        else:
            await site.asks()
    assert not list(site.folder.glob("确认*")) + list(site.folder.glob("confirm*"))
    assert isinstance(await site.roster.reload(), Unchanged)


def report(site: Site) -> str:
    """What lies beside the sheet, in both forms; they say the same."""
    text = (site.folder / "roster.report.txt").read_text(encoding="utf-8-sig")
    page = (site.folder / "roster.report.html").read_text(encoding="utf-8")
    assert all(line in html.unescape(page) for line in text.splitlines())
    return text


async def test_the_report_beside_the_sheet(site: Site) -> None:
    """Good or bad, Chinese first, by cell; where it asks it names columns, people and the code, which then answers."""
    assert "已生效：20 人" in report(site)
    rows = with_column("截止日期", "2026-02-28")
    site.save(rows)
    await site.asks()
    said = report(site)
    assert "“截止日期”列：20 人中有 15 人" in said
    assert said.index("确认") < said.index("Not in force yet")
    found = re.search(r"确认-(\d{4})", said)
    assert found
    (site.folder / f"确认-{found[1]}.txt").touch()
    assert isinstance(await site.roster.reload(), Applied)
    assert "变更 20" in report(site)
    rows[2][COLUMN["截止日期"]] = "2026-02-30"
    site.save(rows)
    assert isinstance(await site.roster.reload(), Refused)
    assert "roster.csv 第 4 行第 5 列（截止日期）" in report(site)
    site.save(with_column("截止日期", "2026-02-28"))
    assert isinstance(await site.roster.reload(), Unchanged)
    assert "已生效：20 人" in report(site)
    assert isinstance(await site.roster.roll_back(yes=True), Applied)
    assert "与正在使用的不同" in report(site)


async def test_the_report_is_no_sheet(site: Site) -> None:
    """Where the roster is gone, the report beside it is not taken for one of an old kind."""
    (site.folder / "roster.csv").unlink()
    refused = await site.roster.reload(asked=True)
    assert isinstance(refused, Refused)
    assert [fault.code for fault in refused.faults] == ["no_roster"]


async def test_no_report_stops_no_roster(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A folder in which somebody has put something else in the report's place is said in the log, and the sheet counts."""
    for suffix in ("txt", "html"):
        (site.folder / f"roster.report.{suffix}").unlink()
        (site.folder / f"roster.report.{suffix}").mkdir()
    site.save(people(21))
    assert isinstance(await site.roster.reload(), Applied)
    assert "no report can be written" in caplog.text


async def test_the_code_is_of_this_change_alone(site: Site) -> None:
    """What else has changed since the report asks anew, under another code."""
    site.save(with_column("截止日期", "2026-02-28"))
    first = (await site.roster.compare()).code
    (site.folder / f"确认-{first}").touch()
    site.save(with_column("截止日期", "2026-02-27"))
    await site.asks()
    assert (await site.roster.compare()).code != first


async def test_a_code_answers_once(site: Site) -> None:
    """An older sheet with its code in it comes back into the folder, after the manager had put right what it said."""
    site.save(with_column("截止日期", "2026-02-28"))
    above = (["确认", (await site.roster.compare()).code],)
    site.save(with_column("截止日期", "2026-02-28"), above=above)
    assert isinstance(await site.roster.reload(), Applied)
    site.clock.advance(3600)
    site.save(people())
    assert isinstance(await site.roster.reload(yes=True), Applied)
    site.save(with_column("截止日期", "2026-02-28"), above=above)
    assert (await site.asks())[0].kind == "less"


async def test_an_answer_in_a_workbook(site: Site) -> None:
    """Excel makes a number of the digits; the zeros in front do not matter."""
    rows = with_column("截止日期", "2026-02-28")
    site.save(rows)
    digits = (await site.roster.compare()).code
    (site.folder / "roster.csv").unlink()
    save_xlsx(site.folder / "roster.xlsx", [["确认", int(digits)], HEAD, *rows])
    assert isinstance(await site.roster.reload(), Applied)


async def test_newcomers_come_in_while_it_is_asked(site: Site) -> None:
    """Two new people open at once; the code then answers for the rest, over a restart too."""
    rows = [*with_column("截止日期", "2026-02-28"), *people(22)[20:]]
    site.save(rows)
    outcome = await site.roster.reload()
    assert isinstance(outcome, Refused)
    assert outcome.diff is not None
    assert [(one.kind, one.people) for one in outcome.diff.questions] == [("less", 15)]
    assert "新增的 2 人" in report(site)
    book = site.roster.book
    assert (len(book.tenants), len(book.cards), len(book.pins)) == (22, 22, 22)
    assert sorted(tenant.valid_until.isoformat() for tenant in book.tenants.values() if tenant.valid_until)[-17:] == ["2026-08-31"] * 17
    before = book.version
    await site.roster.reload()
    assert (site.roster.book.version, (await site.roster.compare()).code) == (before, outcome.diff.code)
    (site.folder / f"确认-{outcome.diff.code}").touch()
    assert isinstance(await site.roster.reload(), Applied)
    assert isinstance(await site.roster.reload(), Unchanged)


async def test_who_takes_anothers_card_or_comes_in_a_crowd_waits(site: Site) -> None:
    """A newcomer with a card that is somebody's in force, and a sheet full of strangers."""
    book = site.roster.book
    rows = with_column("截止日期", "2026-02-28")
    rows[0][COLUMN["卡号[dec]"]] = "9000"
    site.save([*rows, ["0021", "某", "residents", "2026-01-01", "2026-08-31", "1001", "", "", ""]])
    await site.asks()
    site.save([[f"X{row[0]}", *row[1:5], f"7{row[5]}", "", "", ""] for row in people()])
    await site.asks()
    assert site.roster.book is book


async def test_pins_under_a_lost_key_come_back_unasked(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """Whoever has a PIN alone does not wait outside for an answer."""
    site = Site(folder, settings, tmp_path / "state")
    site.save(with_column("卡号[dec]", ""))
    assert isinstance(await site.roster.reload(yes=True), Applied)
    (tmp_path / "state" / "roster" / "pin.key").unlink()
    again = Site(folder, settings, tmp_path / "state")
    assert not again.roster.book.pins
    assert isinstance(await again.roster.reload(), Applied)
    assert len(again.roster.book.pins) == 20


VISITS = "访客编号,姓名,被访人编号,通行点,开始时间,结束时间,卡号[dec]"


def visits(count: int, until: str = "2026-03-31") -> str:
    """A sheet of visits."""
    return "\n".join([VISITS, *(f"V{n},客,0001,north_in,2026-03-01,{until},{5000 + n}" for n in range(count))])


async def reload(site: Site) -> object:
    """Reload as somebody at the command does: without the wait for a half-saved folder."""
    return await site.roster.reload(asked=True)


@pytest.mark.parametrize(("name", "text", "count"), [("visitors.csv", visits(10), 10), ("houses.csv", "房屋编码\nH1\nH2\nH3", 3)])
async def test_a_sheet_that_was_in_force_and_is_gone_is_a_fault(site: Site, name: str, text: str, count: int) -> None:
    """Nothing of it is struck; put back it counts as before; emptied it asks; with a yes it goes."""
    (site.folder / name).write_text(text, encoding="utf-8")
    assert isinstance(await reload(site), Applied)
    book = site.roster.book
    (site.folder / name).unlink()
    gone = await reload(site)
    assert isinstance(gone, Refused)
    assert [(fault.code, dict(fault.values)["count"]) for fault in gone.faults] == [("sheet_gone", count)]
    assert site.roster.book is book
    with pytest.raises(RosterFaults):
        await site.roster.compare()
    (site.folder / name).write_text(text, encoding="utf-8")
    assert isinstance(await reload(site), Unchanged)
    (site.folder / name).write_text(text.splitlines()[0], encoding="utf-8")
    assert [(one.kind, one.people) for one in await site.asks()] == [
        ("visits_removed" if name == "visitors.csv" else "houses_removed", count)
    ]
    (site.folder / name).unlink()
    assert isinstance(await site.roster.reload(yes=True), Applied)
    assert not site.roster.book.visits
    assert not site.roster.book.houses


async def test_visits_that_are_over_may_go(site: Site) -> None:
    """Their sheet is deleted when nobody can come by it any more, and one visit may be struck."""
    (site.folder / "visitors.csv").write_text(visits(10, until="2026-03-02"), encoding="utf-8")
    assert isinstance(await reload(site), Applied)
    (site.folder / "visitors.csv").unlink()
    assert isinstance(await reload(site), Applied)
    (site.folder / "visitors.csv").write_text(visits(2), encoding="utf-8")
    assert isinstance(await reload(site), Applied)
    (site.folder / "visitors.csv").write_text(visits(1), encoding="utf-8")
    assert isinstance(await reload(site), Applied)


async def test_visits_cut_short_ask(site: Site) -> None:
    """All ends of visits moved back."""
    (site.folder / "visitors.csv").write_text(visits(10), encoding="utf-8")
    assert isinstance(await reload(site), Applied)
    (site.folder / "visitors.csv").write_text(visits(10, until="2026-03-08"), encoding="utf-8")
    assert await site.asks() == (Question("visits_less", "until", 10, 10),)


async def test_one_visit_that_goes_answers_for_no_other(site: Site) -> None:
    """One is struck, and the nine that are left end today."""
    (site.folder / "visitors.csv").write_text(visits(10), encoding="utf-8")
    assert isinstance(await reload(site), Applied)
    (site.folder / "visitors.csv").write_text(visits(9, until="2026-03-08"), encoding="utf-8")
    assert await site.asks() == (Question("visits_less", "until", 9, 10),)


async def test_going_back_asks_as_a_sheet_does(site: Site) -> None:
    """To a roster of nobody by a yes only; then the folder is told to differ."""
    rows = people(40)
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    refused = await site.roster.roll_back()
    assert isinstance(refused, Refused)
    assert refused.diff is not None
    assert [(one.kind, one.people) for one in refused.diff.questions] == [("removed", 20)]
    assert (len(site.roster.book.tenants), site.roster.view().state) == (40, "good")
    assert isinstance(await site.roster.roll_back(yes=True), Applied)
    assert (len(site.roster.book.tenants), site.roster.view().state) == (20, "held")


async def test_a_closed_folder_is_no_faulty_sheet(site: Site) -> None:
    """Its rights have a word of their own, apart from a folder that is not there; what was in force stays."""
    site.folder.chmod(0)
    child = os.fork()
    if not child:
        if os.geteuid() == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)  # root reads every folder
        notes = Notes()
        read_files(site.folder, notes)
        os._exit(0 if [fault.code for fault in notes.faults] == ["folder_closed"] else 1)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    site.folder.chmod(0o700)
    site.folder.rename(site.folder.with_name("elsewhere"))
    assert isinstance(await reload(site), Refused)
    assert (site.roster.view().folder, len(site.roster.book.tenants)) == ("missing", 20)


@pytest.mark.parametrize(("column", "kind"), [("密码", "less"), ("截止日期", "more"), ("卡号[dec]", "less")])
async def test_a_lost_column_asks_for_one_person(folder: Path, settings: RosterSettings, tmp_path: Path, column: str, kind: str) -> None:
    """One of thirty-one has a PIN, a last day or a card beside a PIN; the sheet comes back without that column."""
    site = Site(folder, settings, tmp_path / "state")
    rows = people(31)
    for n, row in enumerate(rows):
        row[COLUMN["截止日期"]] = "2026-08-31" if column != "截止日期" or n == 7 else ""
        row[COLUMN["密码"]] = row[COLUMN["密码"]] if column != "密码" or n == 7 else ""
        row[COLUMN["卡号[dec]"]] = row[COLUMN["卡号[dec]"]] if column != "卡号[dec]" or n == 7 else ""
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    site.save(rows, head=["备注" if heading == column else heading for heading in HEAD])
    assert [(one.kind, one.people, one.heading) for one in await site.asks()] == [(kind, 1, "")]


async def test_a_question_calls_a_column_as_the_sheet_does(site: Site) -> None:
    """With ours behind it where the manager has another word."""
    rows = with_column("截止日期", "2026-02-28")
    site.save(rows, head=[heading.replace("截止日期", "到期时间") for heading in HEAD])
    assert [one.heading for one in await site.asks()] == ["到期时间"]
    assert "“到期时间（截止日期）”列：20 人中有 15 人" in report(site)
    assert "column “到期时间 (valid_until)”: 15 of 20 people" in report(site)


async def test_a_code_that_does_not_answer_is_told(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Mistyped or of an earlier change, in the sheet or as a file: the report says so in both languages, and the log."""
    rows = with_column("截止日期", "2026-02-28")
    site.save(rows)
    await site.asks()
    assert "确认码不能用" not in report(site)
    digits = (await site.roster.compare()).code
    wrong = f"{(int(digits) + 1) % 10_000:04d}"
    (site.folder / f"确认-{wrong}").touch()
    await site.asks()
    assert "所填的确认码不能用" in report(site)
    assert "does not answer" in report(site)
    assert "does not answer" in caplog.text
    assert wrong not in caplog.text
    (site.folder / f"确认-{wrong}").unlink()
    await site.asks()
    assert "确认码不能用" not in report(site)
    site.save(rows, above=(["确认", wrong],))
    await site.asks()
    assert "所填的确认码不能用" in report(site)


async def test_the_report_stays_whole(site: Site) -> None:
    """The same bytes come back after a fault, and later the same sheet in other words: what is worth a look stands there each time."""
    rows = people()
    rows[2][COLUMN["卡号[dec]"]] = rows[2][COLUMN["密码"]] = ""
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    remark = next(line for line in report(site).splitlines() if "第 4 行" in line)
    for again in (rows, [*rows, [""] * len(HEAD)]):
        broken = people()
        broken[0][COLUMN["截止日期"]] = "x"
        site.save(broken)
        assert isinstance(await site.roster.reload(), Refused)
        assert remark not in report(site)
        site.save(again)
        assert isinstance(await site.roster.reload(), Unchanged)
        assert remark in report(site)
    site.save(with_column("截止日期", "2026-02-28")[:2] + rows[2:])
    site.save([[*row[:4], "2026-02-28", *row[5:]] for row in rows])
    await site.asks()
    assert remark in report(site)


async def test_first_days_that_have_come_ask_nothing_without_a_clock(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """The column of first days is dropped while no clock tells the day: who had begun may pass as before, who begins later earlier."""
    site = Site(folder, settings, tmp_path / "state")
    site.clock = HandClock(NOW, trust=Trust.UNTRUSTED)
    site.roster = make_roster(settings, tmp_path / "state", clock=site.clock)
    rows = people(20)
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    site.save(rows, head=[heading.replace("起始日期", "备注") for heading in HEAD])
    assert isinstance(await site.roster.reload(), Applied)
    for row in rows:
        row[COLUMN["起始日期"]] = "2026-05-01" if row[COLUMN["截止日期"]] > "2026-05-01" else row[COLUMN["起始日期"]]
    site.save(rows)
    assert isinstance(await site.roster.reload(yes=True), Applied)
    site.save(rows, head=[heading.replace("起始日期", "备注") for heading in HEAD])
    assert [(one.kind, one.column, one.people) for one in await site.asks()] == [("more", "valid_from", 15)]


LEFT = [
    ("状态", "在住", "退租", True, 2),
    ("状态", "在住", "退租", False, 2),
    ("入住状态", "正常", "已 退 房", True, 2),
    ("Status", "active", "Inactive", False, 2),
    ("是否在住", "是", "否", False, 2),
    ("实际退房", "", "2026-02-01", True, 2),
    ("搬离情况", "", "2026年2月1日", True, 2),
    ("已退租", "", "√", True, 2),
    ("剩余天数（天）", "175", "-36", True, 2),
    ("剩余天数（天）", "175", "-36", False, 20),
    ("卡状态", "正常", "挂失", True, 2),
    ("离职日期", "", "2026-02-01", True, 2),
    ("离职日期", "", "2026-12-01", False, 2),
    ("是否黑名单", "否", "是", True, 2),
    ("在住", "√", "", True, 2),
]


@pytest.mark.parametrize(("heading", "here", "gone", "with_end", "count"), LEFT)
async def test_an_unread_column_that_says_who_has_left_asks(
    folder: Path, settings: RosterSettings, tmp_path: Path, heading: str, here: str, gone: str, with_end: bool, count: int
) -> None:
    """Beside an end that says otherwise, and where there is none: by its heading and for how many; 备注 is the manager's own."""
    site = Site(folder, settings, tmp_path / "state")
    if heading == "状态":  # through the process that reads, too
        site.roster = make_roster(settings, tmp_path / "state", clock=site.clock, read=apart.read)
    rows = [[*row, gone if n in (3, 5) else here] for n, row in enumerate(people())]
    for row in rows:
        row[COLUMN["截止日期"]] = "2026-08-31"
    head = [name if with_end or name != "截止日期" else "备注" for name in HEAD]
    site.save(rows, [*head, heading])
    assert [(one.kind, one.people, one.of) for one in await site.asks()] == [("left", count, 20)]
    assert f"“{heading}”列说，20 人中有 {count} 人" in report(site)
    assert f"{count} of 20 people have left or" in report(site)
    site.save(rows, [*head, "备注"])
    assert isinstance(await site.roster.reload(), Applied)


async def test_a_name_that_says_who_has_left_asks(site: Site) -> None:
    """Managers write it behind the name; a nickname in brackets says nothing."""
    rows = people()
    for n, name in ((1, "赵六（已退租）"), (4, "【搬走】钱七"), (5, "孙八(小孙)")):
        rows[n][1] = name
    site.save(rows)
    assert [(one.kind, one.people, one.heading) for one in await site.asks()] == [("left", 2, "姓名")]


async def test_an_unread_column_that_agrees_asks_nothing(site: Site) -> None:
    """Whoever has left has a last day that is over, and a day that is still to come is no harm yet."""
    rows = [[*row, "退租" if row[COLUMN["截止日期"]] < "2026-03-08" else "在住", "2026-07-31", "正常"] for row in people()]
    site.save(rows, [*HEAD, "状态", "预计搬离", "缴费状态"])
    assert isinstance(await site.roster.reload(asked=True), Unchanged)
    assert "人已经离开" not in report(site)
    rows = [[*row[:-1], "是"] for row in rows]
    rows[0][1] = "甲"
    site.save(rows, [*HEAD, "状态", "预计搬离", "是否退役军人"])
    assert isinstance(await site.roster.reload(asked=True), Applied)
    rows[0][1] = "乙"
    site.save([[*row[:-1], "已到期"] for row in rows], [*HEAD, "状态", "预计搬离", "缴费状态"])
    assert isinstance(await site.roster.reload(asked=True), Applied)


async def test_a_state_added_to_the_same_people_is_told(site: Site) -> None:
    """Nobody's row says anything else, so there is nothing to apply: the report names the column, and stops when it is gone."""
    site.save([[*row, "退租" if n in (1, 2) else "在住"] for n, row in enumerate(people())], [*HEAD, "状态"])
    assert isinstance(await site.roster.reload(), Unchanged)
    assert "“状态”列说，20 人中有 2 人" in report(site)
    site.save([*people(), [""] * len(HEAD)])
    assert isinstance(await site.roster.reload(), Unchanged)
    assert "状态" not in report(site)


@pytest.mark.parametrize(("column", "kind"), [("密码", "less"), ("截止日期", "more"), ("卡号[dec]", "less")])
async def test_a_column_that_was_cleared_asks_for_two(
    folder: Path, settings: RosterSettings, tmp_path: Path, column: str, kind: str
) -> None:
    """Two of thirty-one had something in it; its heading is still there."""
    site = Site(folder, settings, tmp_path / "state")
    rows = people(31)
    for n, row in enumerate(rows):
        row[COLUMN["截止日期"]] = "2026-08-31" if column != "截止日期" or n in (7, 8) else ""
        for name in ("密码", "卡号[dec]"):
            row[COLUMN[name]] = row[COLUMN[name]] if column != name or n in (7, 8) else ""
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    rows[7][COLUMN[column]] = ""
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    rows[8][COLUMN[column]] = ""
    rows[7][COLUMN[column]] = people(31)[7][COLUMN[column]] if column != "截止日期" else "2026-08-31"
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    rows[8][COLUMN[column]] = people(31)[8][COLUMN[column]] if column != "截止日期" else "2026-08-31"
    site.save(rows)
    assert isinstance(await site.roster.reload(), Applied)
    site.save([[*row[: COLUMN[column]], "", *row[COLUMN[column] + 1 :]] for row in rows])
    assert [(one.kind, one.people) for one in await site.asks()] == [(kind, 2)]
