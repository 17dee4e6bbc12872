"""Headings as managers write them, columns that must not get lost, and rows that are nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from edge.roster.columns import ROSTER, nearest
from edge.roster.drafts import Sheets
from tests.roster.conftest import Read, codes, remarks, save_xlsx

ENDS = (
    *(
        "到期时间",
        "结束时间",
        "租期至",
        "合同到期日",
        "退租日期",
        "截至日期",
        "终止日期",
        "有效期（至）",
        "租期(止)",
        "合同 截止\u3000日期",
        "失效日期",
    ),
    *("搬离日期", "Expiry Date", "lease_end", "Valid To", "截止日期（必填）", "*到期日"),
)
BEGINS = ("起租日期", "合同开始日期", "有效期（起）", "租期起", "入住时间", "Start Date", "move-in")
CARDS = ("IC卡", "门禁卡", "卡", "ID 卡号", "门卡号", "一卡通", "Card No.", "badge", "RFID卡号", "卡片编号", "门卡（IC卡号）", "卡号（ID）")


@pytest.mark.parametrize("heading", ENDS)
def test_names_of_the_end(csv_roster: Callable[..., Sheets], heading: str) -> None:
    """What managers call the last day is taken as it."""
    sheets = csv_roster(f"编号,姓名,{heading}", "1,甲,2026-08-31")
    assert not sheets.faults
    assert sheets.tenants[0].tenant.valid_until == date(2026, 8, 31)


@pytest.mark.parametrize("heading", BEGINS)
def test_names_of_the_beginning_are_no_end(csv_roster: Callable[..., Sheets], heading: str) -> None:
    """起租日期 and its like are the first day."""
    tenant = csv_roster(f"编号,姓名,{heading}", "1,甲,2026-03-01").tenants[0].tenant
    assert (tenant.valid_from, tenant.valid_until) == (date(2026, 3, 1), None)


@pytest.mark.parametrize("heading", CARDS)
def test_names_of_the_card(csv_roster: Callable[..., Sheets], heading: str) -> None:
    """What managers call the card is taken as it."""
    sheets = csv_roster(f"编号,姓名,{heading}", "1,甲,dec:7")
    assert not sheets.faults
    assert [card.value for card in sheets.tenants[0].cards] == [7]


@pytest.mark.parametrize(
    ("heading", "cell", "code"),
    [
        ("租期", "2026-03-01至2026-08-31", "end_unsure"),
        ("合同期限", "一年", "end_unsure"),
        ("打算住到哪天", "2026/8/31", "end_unsure"),
        ("stay", "20260831", "end_unsure"),
        ("Contract", "12 months", "end_unsure"),
        ("门禁", "A7", "card_unsure"),
        ("磁卡", "0013477100", "card_unsure"),
        ("开门用", "0013477100", "card_unsure"),
        ("钥匙", "205,42220", "card_unsure"),
    ],
)
def test_a_column_that_may_be_the_end_or_the_card_is_asked_for(
    csv_roster: Callable[..., Sheets], heading: str, cell: str, code: str
) -> None:
    """By its heading or by what stands in it, if the file has no such column; the place names it, the message how many people."""
    sheets = csv_roster(f"编号,姓名,房号,{heading}", f'1,甲,301,"{cell}"', f'2,乙,302,"{cell}"', "3,丙,303,")
    assert codes(sheets) == [code]
    assert sheets.faults[0].place.column == 4
    assert "2 人" in sheets.faults[0].message("zh")
    assert cell not in sheets.faults[0].text("zh")


@pytest.mark.parametrize("heading", ["登记日期", "发卡日期", "签约日期", "银行卡号", "饭卡号", "性别", "备注"])
def test_days_and_cards_of_something_else_are_left_alone(csv_roster: Callable[..., Sheets], heading: str) -> None:
    """What is surely neither the end nor the card is not asked for."""
    assert not csv_roster(f"编号,姓名,{heading}", "1,甲,2026-03-01").faults


def test_with_the_column_there_nothing_is_asked(csv_roster: Callable[..., Sheets]) -> None:
    """A manager's own dates and numbers beside the real columns are left alone."""
    assert not csv_roster("编号,姓名,截止日期,卡号[dec],下次巡查,磁条", "1,甲,2026-08-31,7,2026-03-01,0013477100").faults


@pytest.mark.parametrize(
    ("heading", "guess"),
    [
        ("退粗日期", "截止日期"),
        ("到期时问", "截止日期"),
        ("valid_untill", "valid_until"),
        ("居住证号玛", "居住证号"),
        *(
            (heading, None)
            for heading in ("交租日期", "出租日期", "出生地点", "紧急联系电话", "居住证", "入学日期", "birth", "cars", "home")
        ),
    ],
)
def test_a_guess_is_right_or_not_given(heading: str, guess: str | None) -> None:
    """A slip of the finger is told from another word."""
    assert nearest(ROSTER, heading) == guess


def test_a_column_without_a_heading_is_a_fault(csv_roster: Callable[..., Sheets]) -> None:
    """People see what stands in it; nobody would read it."""
    sheets = csv_roster("编号,姓名,,卡号", "1,甲,2026-08-31,dec:7", "2,乙,,dec:8")
    assert codes(sheets) == ["no_heading"]
    assert not csv_roster("编号,姓名,,卡号", "1,甲,,dec:7").faults


FOOTERS = (
    *(
        "合计,,25",
        "总计,25人,",
        ",小计：25人,",
        "共计25人,,",
        "合 计,,",
        "一号楼小计,,",
        "Total,,25",
        "Grand Total: 25,,",
        "subtotal,25,",
        "共25人,,",
    ),
    *(
        "制表人：张三,审核人：李四,",
        "制表人,张三,",
        "备注：以上信息属实,,",
        "注：空白表示长期,,",
        "打印日期：2026-03-01,,",
        "第1页 共3页,,",
        "Note: x,,",
        "联系电话：021-59570000,,",
        "Total people,25,",
    ),
    *("一楼,,", "3层（共8人）,,", "——A栋——,,", "二号楼,,", "（以下空白）,,", "—— 以下空白 ——,,"),
    *("编号,姓名,房号", "*带星号必填,,", "以上共两人,,"),
)


@pytest.mark.parametrize("row", FOOTERS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_totals_and_notes_are_nobody(folder: Path, read: Read, row: str, kind: str) -> None:
    """Between the rows and under them: no tenant, no fault, and told by row."""
    rows = [["编号", "姓名", "房号"], ["1", "甲", "301"], row.split(","), ["2", "乙", "302"], row.split(",")]
    if kind == "xlsx":
        save_xlsx(folder / "roster.xlsx", rows)
    else:
        (folder / "roster.csv").write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    sheets = read()
    assert not sheets.faults
    assert [draft.tenant.tenant_id for draft in sheets.tenants] == ["1", "2"]
    told = [remark.place.row for remark in sheets.remarks if remark.code in {"footer", "headings_again"}]
    assert told == [3, 5]


@pytest.mark.parametrize("row", ["合计,,31人,", "合计,31人,,", "总计,31,,", "共 计,,31,", "小计,,共2户,", "合计,31人,合计,"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_totals_under_a_running_number_are_nobody(folder: Path, read: Read, row: str, kind: str) -> None:
    """序号 stands before the number in most sheets, and the total stands there."""
    rows: list[list[object]] = [["序号", "编号", "姓名", "卡号"], ["1", "A1", "甲", "dec:7"], row.split(",")]
    if kind == "xlsx":
        save_xlsx(folder / "roster.xlsx", [[int(cell) if str(cell).isdigit() else cell for cell in each] for each in rows])
    else:
        (folder / "roster.csv").write_text("\n".join(",".join(map(str, each)) for each in rows), encoding="utf-8")
    sheets = read()
    assert (len(sheets.tenants), codes(sheets), remarks(sheets)) == (1, [], ["footer"])


@pytest.mark.parametrize("row", ["2026年11月26日,,,", ",2026-11-26,,", ",,,2026年11月", ",,2026.11.26,"])
def test_a_day_alone_in_a_row_is_nobody(csv_roster: Callable[..., Sheets], row: str) -> None:
    """When the list was made stands under it, in any column."""
    sheets = csv_roster("序号,编号,姓名,卡号", "1,A1,甲,dec:7", row)
    assert (len(sheets.tenants), codes(sheets), remarks(sheets)) == (1, [], ["footer"])


def test_numbered_lines_and_empty_rooms_are_nobody(csv_roster: Callable[..., Sheets]) -> None:
    """Lists are printed with numbers and rooms for those who are still to come: told once, with how many."""
    sheets = csv_roster(
        "序号,编号,姓名,房号,类别,卡号", "1,A1,甲,301,住户,dec:7", "2,,,302,住户,", "3,,,,,", "4,A4,乙,304,,dec:8", "5,,,305,,"
    )
    assert [draft.tenant.tenant_id for draft in sheets.tenants] == ["A1", "A4"]
    assert [(fault.code, fault.place.row, fault.values) for fault in (*sheets.faults, *sheets.remarks)] == [("nobody", 3, (("rows", 3),))]


@pytest.mark.parametrize("row", ["2,,,302,,dec:8,", "2,A2,,302,,,", "2,,乙,302,,,", "2,,,302,,,2027-02-28"])
def test_a_row_with_something_of_a_person_is_not_left_out(csv_roster: Callable[..., Sheets], row: str) -> None:
    """A number, a name, a card or a day: what is missing beside it is a fault."""
    sheets = csv_roster("序号,编号,姓名,房号,类别,卡号,截止日期", "1,A1,甲,301,住户,dec:7,", row)
    assert len(sheets.tenants) == 2
    assert sheets.faults


@pytest.mark.parametrize("row", ["合计,31,,dec:8", "合计,31,31,dec:8", "备注：欠费,31,,", "合计,31,乙,"])
def test_a_total_before_somebody_drops_nobody(csv_roster: Callable[..., Sheets], row: str) -> None:
    """Who has a name or a card below such a word is read, or a fault."""
    sheets = csv_roster("序号,编号,姓名,卡号", "1,1,甲,dec:7", row)
    assert len(sheets.tenants) == 2
    assert "footer" not in remarks(sheets)


@pytest.mark.parametrize("number", ["T1", "S001", "注1", "计划A", "total1x", "N-7", "DATE1", "备注1", "共青01"])
def test_people_with_such_numbers_are_people(csv_roster: Callable[..., Sheets], number: str) -> None:
    """Nobody stands outside because their number resembles a note."""
    sheets = csv_roster("编号,姓名,卡号", f"{number},甲,dec:7")
    assert (len(sheets.tenants), remarks(sheets)) == (1, [])


@pytest.mark.parametrize("number", ["物业", "公司", "统计员", "联系人", "Notes"])
def test_staff_under_a_word_are_people(csv_roster: Callable[..., Sheets], number: str) -> None:
    """A word that may begin a note, with a name and a card beside it."""
    sheets = csv_roster("编号,姓名,卡号", f"{number},甲,dec:7")
    assert (len(sheets.tenants), remarks(sheets)) == (1, [])


@pytest.mark.parametrize(
    ("one", "other"), [("move_in", "valid_from"), ("valid_from", "move_in"), ("入住日期", "起租日期"), ("起始日期", "入住时间")]
)
def test_the_day_of_moving_in_may_stand_beside_the_first_day(csv_roster: Callable[..., Sheets], one: str, other: str) -> None:
    """CONTRACT section 3 lists both: the first day counts, in either order; alone the day of moving in does."""
    moved = {"move_in", "入住日期", "入住时间"}
    days = ("2026-02-01", "2026-03-01") if one in moved else ("2026-03-01", "2026-02-01")
    sheets = csv_roster(f"编号,姓名,{one},{other}", f"1,甲,{days[0]},{days[1]}")
    assert (codes(sheets), remarks(sheets)) == ([], ["move_in_beside", "no_credential"])
    assert sheets.tenants[0].tenant.valid_from == date(2026, 3, 1)
    assert csv_roster("编号,姓名,入住日期", "1,甲,2026-02-01").tenants[0].tenant.valid_from == date(2026, 2, 1)
