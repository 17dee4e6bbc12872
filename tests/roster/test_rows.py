"""Rows to tenants, houses and visits, with every fault in one go."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from edge.access.terms import Card, PermitKind, PersonKind
from edge.roster.drafts import Sheets
from edge.roster.folder import Known
from tests.roster.conftest import Read, codes, remarks

EXAMPLES = Path(__file__).parents[2] / "config"


def test_the_examples_are_sound(folder: Path, read: Read) -> None:
    """config/*.example.csv can be applied as they are and show every column in use."""
    for name in ("roster", "houses", "visitors"):
        (folder / f"{name}.csv").write_bytes((EXAMPLES / f"{name}.example.csv").read_bytes())
    sheets = read(known=Known(None, frozenset({"north_in", "north_out"})))
    assert not sheets.faults
    assert not sheets.remarks
    assert (len(sheets.tenants), len(sheets.houses), len(sheets.visits)) == (5, 2, 2)


def test_a_whole_row(csv_roster: Callable[..., Sheets]) -> None:
    """Each column lands where it belongs."""
    sheets = csv_roster(
        "tenant_id,name,kind,house_code,room,unit,permit_kind,permit_no,permit_until,birth_date,valid_from,valid_until,groups,cards,pin,"
        "duress_pin,face_consent,consent_ref,guardian_ref,phone,extended_time",
        "T1,Name,保安,H1,301,Ltd,permit,P1,2027-06-30,1990-05-01,2026-03-01,2027-02-28,early;residents,dec:0013477100,730418,730419,Y,C1,G1,"
        "138 0000 0000,是",
    )
    assert not sheets.faults
    draft, tenant = sheets.tenants[0], sheets.tenants[0].tenant
    assert (tenant.kind, tenant.groups) == (PersonKind.GUARD, {"early", "residents"})
    assert (tenant.permit_kind, tenant.permit_no, tenant.permit_until) == (PermitKind.PERMIT, "P1", date(2027, 6, 30))
    assert (tenant.valid_from, tenant.valid_until, tenant.birth_date) == (date(2026, 3, 1), date(2027, 2, 28), date(1990, 5, 1))
    assert (tenant.house_code, tenant.room, tenant.unit_code, tenant.phone) == ("H1", "301", "Ltd", "13800000000")
    assert (tenant.face_consent, tenant.extended_time, tenant.consent_ref, tenant.guardian_ref) == (True, True, "C1", "G1")
    assert (draft.cards, draft.pin, draft.duress_pin) == ((Card(26, 13477100),), "730418", "730419")


@pytest.mark.parametrize(
    ("heading", "cell", "field", "wanted"),
    [
        ("类别", "员工", "kind", PersonKind.STAFF),
        ("类别", "", "kind", PersonKind.RESIDENT),
        ("居住证类别", "不适用", "permit_kind", PermitKind.NOT_ELIGIBLE),
        ("居住证类别", "", "permit_kind", PermitKind.UNKNOWN),
        ("居住证号", "P1", "permit_kind", PermitKind.PERMIT),
        ("居住证有效期", "长期", "permit_until", None),
        ("分组", "住户；夜班", "groups", {"residents", "night_shift"}),
        ("分组", "", "groups", {"residents"}),
        ("截止日期", "长期", "valid_until", None),
    ],
)
def test_words_and_empty_cells(csv_roster: Callable[..., Sheets], heading: str, cell: str, field: str, wanted: object) -> None:
    """Chinese words, the site's own words for groups, and what an empty cell means."""
    sheets = csv_roster(f"编号,姓名,{heading}", f"1,甲,{cell}", groups={"夜班": "night_shift"})
    assert not sheets.faults
    assert getattr(sheets.tenants[0].tenant, field) == wanted


def test_every_fault_at_once(csv_roster: Callable[..., Sheets]) -> None:
    """All faults of all rows are collected, in the order of the file."""
    sheets = csv_roster(
        "编号,姓名,类别,起始日期,截止日期,密码,胁迫密码,分组",
        "1,甲,住户,2026-03-02,2026-03-01,12345,,住户",
        "1,,住客,2026-02-30,,730418,,日班",
        "a/b,乙,,,,730418,615203,",
        "4,丙,,,,615203,482915,",
        "5,丁,,,,482916,482916,",
    )
    assert [(fault.place.row, fault.code) for fault in sheets.faults] == [
        (2, "dates_reversed"),
        (2, "pin_digits"),
        (3, "id_twice"),
        (3, "empty"),
        (3, "kind"),
        (3, "date_impossible"),
        (3, "group"),
        (4, "tenant_id"),
        (4, "pin_twice"),
        (5, "pin_twice"),
        (6, "pin_twice"),
    ]


@pytest.mark.parametrize("pin", ["12345", "12345678901234567", "12a456", "一二三四五六"])
def test_a_pin_is_six_to_sixteen_digits(csv_roster: Callable[..., Sheets], pin: str) -> None:
    """As many as CONTRACT asks for and a keypad sends."""
    assert codes(csv_roster("编号,姓名,密码", f"1,甲,{pin}")) == ["pin_digits"]


def test_full_width_digits_are_the_same_pin(csv_roster: Callable[..., Sheets]) -> None:
    """A Chinese input method's digits are what the keypad will send."""
    assert csv_roster("编号,姓名,密码", "1,甲,０７３０４１").tenants[0].pin == "073041"


def test_who_agreed_without_a_date_of_birth_is_named(csv_roster: Callable[..., Sheets]) -> None:
    """Their face would never be enrolled and nobody would know why; a guardian's paper, or no face, needs no date."""
    sheets = csv_roster(
        "编号,姓名,卡号,人脸同意,出生日期,监护人同意书", "1,甲,dec:1,Y,,", "2,乙,dec:2,Y,1990-01-01,", "3,丙,dec:3,Y,,G-1", "4,丁,dec:4,N,,"
    )
    assert not sheets.faults
    assert [(remark.code, remark.place.row) for remark in sheets.remarks] == [("face_no_birth", 2)]


@pytest.mark.parametrize(
    "cell", ["无", "没有", "-", "——", "/", "未签", " 待 签 ", "口头同意", "否", "N", "撤回", "√", "n/a", "None", "ｎｏ", "未办", "pending"]
)
def test_what_is_no_paper_is_nobodys_act(csv_roster: Callable[..., Sheets], cell: str) -> None:
    """A word that there is none is not the number of a signed paper, a guardian's neither."""
    sheets = csv_roster("编号,姓名,卡号,人脸同意,出生日期,同意书编号,监护人同意书", f"1,甲,dec:1,Y,2020-01-01,{cell},{cell}")
    assert not sheets.faults
    assert (sheets.tenants[0].tenant.consent_ref, sheets.tenants[0].tenant.guardian_ref) == ("", "")


@pytest.mark.parametrize("cell", ["P-17", "2026/003", "同意书 17", "A", "已签（袋 3）", "00"])
def test_the_number_of_a_paper_stays_as_it_is_written(csv_roster: Callable[..., Sheets], cell: str) -> None:
    """Whatever the town numbers its papers by."""
    sheets = csv_roster("编号,姓名,卡号,人脸同意,出生日期,同意书编号", f"1,甲,dec:1,Y,1990-01-01,{cell}")
    assert sheets.tenants[0].tenant.consent_ref == cell


@pytest.mark.parametrize("cell", ["撤回", "已撤回", "撤回同意", "取消", "拒绝", "Withdrawn", "不同意"])
def test_a_withdrawal_in_the_managers_words(csv_roster: Callable[..., Sheets], cell: str) -> None:
    """It is in force with the sheet, and no fault that keeps the consent of before in force."""
    sheets = csv_roster("编号,姓名,卡号,人脸同意", f"1,甲,dec:1,{cell}")
    assert (sheets.faults, sheets.tenants[0].tenant.face_consent) == ((), False)


def test_who_has_a_face_alone_is_named(csv_roster: Callable[..., Sheets]) -> None:
    """The row is applied; the remark says that the face is not used."""
    born = "1990-01-01"
    sheets = csv_roster(
        "编号,姓名,卡号,密码,人脸同意,出生日期", f"1,甲,,,Y,{born}", f"2,乙,dec:1,,Y,{born}", f"3,丙,,730418,Y,{born}", "4,丁,,,N,"
    )
    assert not sheets.faults
    assert [(remark.code, remark.place.row) for remark in sheets.remarks] == [("face_only", 2), ("no_credential", 5)]
    assert len(sheets.tenants) == 4


def test_remarks_stop_nothing(csv_roster: Callable[..., Sheets], folder: Path) -> None:
    """What is worth a look is said beside the faults, once where once is enough."""
    (folder / "houses.csv").write_text("house_code,unit_code\nH1,Ltd\n", encoding="utf-8")
    sheets = csv_roster(
        "编号,姓名,房屋编码,卡号,密码,分组,身份证号,备注",
        "1,甲,H1,,,lobby,,x",
        "2,乙,H9,dec:1,,lobby,,",
        "3,丙,,,123456,,,",
        known=Known(frozenset({"residents"}), None),
    )
    assert not sheets.faults
    assert remarks(sheets) == ["heading_ignored", "no_credential", "group_unruled", "house_unknown", "pin_easy"]
    assert sheets.tenants[0].tenant.unit_code == "Ltd"


@pytest.mark.parametrize(
    ("headings", "code", "nearest"),
    [
        ("编号,姓名,居住证号玛", "heading_unknown", "居住证号"),
        ("tenant_id,name,valid_untill", "heading_unknown", "valid_until"),
        ("编号,姓名,姓名", "heading_twice", None),
        ("编号,卡号", "missing_heading", None),
    ],
)
def test_headings(csv_roster: Callable[..., Sheets], headings: str, code: str, nearest: str | None) -> None:
    """A misspelt, doubled or missing heading is a fault; a misspelt one comes with the nearest known."""
    sheets = csv_roster(headings, "1,2,3")
    assert codes(sheets)[0] == code
    if nearest:
        assert nearest in sheets.faults[0].message("zh")


def test_houses(folder: Path, csv_roster: Callable[..., Sheets]) -> None:
    """Counts and dates of a house; a code stands once."""
    (folder / "houses.csv").write_text(
        "房屋编码,租赁类别,单位,房间数,核定人数,核查日期,核查人\nH1,gate,Ltd,48,192,2026-02-20,甲\nH1,,,many,-1,,\n", encoding="utf-8"
    )
    sheets = csv_roster("编号,姓名", "1,甲")
    assert codes(sheets) == ["id_twice", "count", "count"]
    house = sheets.houses[0]
    assert (house.rooms, house.capacity, house.verified_on, house.letting_class) == (48, 192, date(2026, 2, 20), "gate")


def test_visits(folder: Path, csv_roster: Callable[..., Sheets]) -> None:
    """Moments in the site's zone, a host of the roster, a card of nobody else, access points of the site."""
    (folder / "visitors.csv").write_text(
        "visit_id,name,host,access_points,from,until,entries,card\n"
        "V1,N,1,north_in;north_out,2026-03-08,2026-03-08,2,dec:5\n"
        "V2,N,9,north_inn,2026-03-08 10:00,2026-03-08 09:00,,dec:7\n",
        encoding="utf-8",
    )
    sheets = csv_roster("编号,姓名,卡号", "1,甲,dec:7", known=Known(None, frozenset({"north_in", "north_out"})))
    assert codes(sheets) == ["host", "access_point", "dates_reversed", "card_twice"]
    assert "north_in, north_out" in sheets.faults[1].text("zh")
    visit = sheets.visits[0].visit
    assert (visit.begins, visit.ends) == (datetime(2026, 3, 7, 16, tzinfo=UTC), datetime(2026, 3, 8, 15, 59, 59, 999_999, tzinfo=UTC))
    assert (visit.host_ref, visit.entries, sheets.visits[0].card) == ("1", 2, Card(26, 5))


@pytest.mark.parametrize(
    ("begins", "ends"), [("开始", "结束"), ("开始日期", "结束日期"), ("到访时间", "离开日期"), ("开始时间", "截止日期")]
)
def test_a_managers_headings_of_a_visit(folder: Path, csv_roster: Callable[..., Sheets], begins: str, ends: str) -> None:
    """Both ends are found; a visit without an entry is named, for 0 may have been meant as any number."""
    visits = (
        f"编号,姓名,被访人,通行点,{begins},{ends},次数\nV1,N,1,north_in,2026-03-08,2026-03-09,0\nV2,N,1,north_in,2026-03-08,2026-03-09,\n"
    )
    (folder / "visitors.csv").write_text(visits, encoding="utf-8")
    sheets = csv_roster("编号,姓名,卡号", "1,甲,dec:7")
    assert (sheets.faults, len(sheets.visits)) == ((), 2)
    assert [(remark.code, remark.place.row) for remark in sheets.remarks if remark.place.file == "visitors.csv"] == [
        ("visit_no_entries", 2)
    ]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([], "no_roster"),
        (["roster.csv", "Roster.XLSX"], "two_files"),
        (["roster.xls"], "old_excel"),
        (["~$roster.xlsx", ".roster.csv", "roster.csv.bak"], "no_roster"),
    ],
)
def test_the_files_of_a_folder(folder: Path, read: Read, files: list[str], code: str) -> None:
    """One roster, of a kind that can be read; Excel's own files are none."""
    for name in files:
        (folder / name).write_bytes(b"x")
    assert codes(read())[0] == code


@pytest.mark.parametrize(
    ("kind", "code"), [("link", "sheet_is_link"), ("hard link", "sheet_is_link"), ("pipe", "unreadable"), ("folder", "unreadable")]
)
def test_only_a_plain_file_is_a_sheet(folder: Path, read: Read, kind: str, code: str) -> None:
    """A manager who lays a link in the folder does not have another file read; a pipe keeps nobody waiting."""
    sound = folder.parent / "elsewhere.csv"
    sound.write_text("编号,姓名\n1,甲\n", encoding="utf-8")
    sheet = folder / "roster.csv"
    match kind:
        case "link":
            sheet.symlink_to(sound)
        case "hard link":
            sheet.hardlink_to(sound)
        case "pipe":
            os.mkfifo(sheet)
        case "folder":
            sheet.mkdir()
    sheets = read()
    assert (codes(sheets), sheets.tenants) == ([code], ())


def test_no_folder(folder: Path, read: Read) -> None:
    """A folder that is not there is a fault, not an empty roster."""
    folder.rmdir()
    assert codes(read()) == ["no_folder"]


def test_faults_are_bounded(csv_roster: Callable[..., Sheets]) -> None:
    """Thousands of faults are counted; some hundred are kept word for word."""
    sheets = csv_roster("编号,姓名,类别", *(f"{number},甲,无此类别" for number in range(2000)))
    assert len(sheets.faults) == 500
    assert sheets.more_faults == 1500
