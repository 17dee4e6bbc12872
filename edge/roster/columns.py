"""The columns of the three sheets: their names in English and Chinese, and which of them are in a file."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key (CONTRACT section 3), its Chinese heading, further names it goes by, whether a sheet must have it."""

    key: str
    zh: str
    aliases: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A column found in a file: its index from 0, the heading without its bracket, and what stood in the bracket (cards[dec])."""

    key: str
    index: int
    text: str
    bracket: str = ""


ROSTER: tuple[Column, ...] = (
    Column("tenant_id", "编号", ("住户编号", "人员编号", "工号", "id", "tenant", "number", "no"), required=True),
    Column("name", "姓名", ("名字", "住户姓名", "full_name"), required=True),
    Column("kind", "类别", ("人员类别", "身份", "类型", "type", "person_kind")),
    Column("house_code", "房屋编码", ("房屋代码", "房屋编号", "house")),
    Column("room", "房号", ("房间", "房间号", "室号", "宿舍号", "room_no")),
    Column("unit", "单位", ("雇主", "用人单位", "工作单位", "公司", "企业", "employer", "unit_code", "统一社会信用代码", "company")),
    Column("permit_kind", "居住证类别", ("居住证情况", "居住证状态", "permit_type")),
    Column("permit_no", "居住证号", ("居住证号码", "居住证编号", "permit", "permit_number")),
    Column(
        "permit_until",
        "居住证有效期",
        ("居住证到期", "居住证到期日", "居住证有效期至", "居住证签注到期", "permit_expiry", "permit_expires"),
    ),
    Column("birth_date", "出生日期", ("生日", "出生年月日", "birthday", "date_of_birth", "dob")),
    Column("valid_from", "起始日期", ("开始日期", "入住日期", "生效日期", "有效期起", "from", "start", "start_date", "move_in")),
    Column(
        "valid_until",
        "截止日期",
        ("有效期", "有效期至", "到期日期", "结束日期", "退租日期", "until", "end", "end_date", "expires", "expiry"),
    ),
    Column("groups", "分组", ("组", "权限组", "group")),
    Column("cards", "卡号", ("门禁卡", "门禁卡号", "卡", "card", "card_no", "card_number")),
    Column("pin", "密码", ("开门密码", "门禁密码", "口令", "pin_code", "passcode")),
    Column("duress_pin", "胁迫密码", ("报警密码", "胁迫码", "duress")),
    Column("face_consent", "人脸同意", ("同意人脸", "人脸识别同意", "人脸授权", "consent")),
    Column("consent_ref", "同意书编号", ("同意书", "授权书编号")),
    Column("guardian_ref", "监护人同意书编号", ("监护人同意书", "监护人", "guardian")),
    Column("phone", "电话", ("手机", "手机号", "手机号码", "联系电话", "mobile", "telephone", "tel")),
    Column("extended_time", "延长开门", ("延长时间", "行动不便", "extended")),
)
HOUSES: tuple[Column, ...] = (
    Column("house_code", "房屋编码", ("房屋代码", "房屋编号", "house"), required=True),
    Column("letting_class", "租赁类别", ("出租类别", "类别", "class")),
    Column("unit_code", "单位", ("统一社会信用代码", "出租单位", "unit", "公司", "企业")),
    Column("rooms", "房间数", ("间数", "room_count")),
    Column("capacity", "核定人数", ("可住人数", "床位数", "容量", "beds")),
    Column("verified_on", "核查日期", ("核验日期", "检查日期")),
    Column("verified_by", "核查人", ("核验人", "检查人")),
)
VISITORS: tuple[Column, ...] = (
    Column("visit_id", "访客编号", ("编号", "访问编号", "id", "visit"), required=True),
    Column("name", "姓名", ("访客姓名", "名字"), required=True),
    Column("host", "被访人编号", ("被访人", "接待人编号", "接待人", "tenant_id"), required=True),
    Column("access_points", "通行点", ("门", "可通行点", "access_point"), required=True),
    Column("from", "开始时间", ("来访时间", "起始时间", "begins", "start", "valid_from"), required=True),
    Column("until", "结束时间", ("离开时间", "截止时间", "ends", "end", "valid_until"), required=True),
    Column("entries", "次数", ("进入次数", "可进次数", "count")),
    Column("card", "卡号", ("访客卡", "cards", "card_no")),
)
SHEETS: Mapping[str, tuple[Column, ...]] = {"roster": ROSTER, "houses": HOUSES, "visitors": VISITORS}

NOTES = frozenset({"备注", "说明", "序号", "notes", "note", "remark", "remarks", "comment", "comments"})
"""Columns managers keep for themselves: not read, and nothing said."""

UNREAD = frozenset(
    {
        *(
            "身份证号",
            "身份证号码",
            "身份证",
            "证件号",
            "证件号码",
            "证件类型",
            "性别",
            "民族",
            "籍贯",
            "户籍地址",
            "年龄",
            "照片",
            "床位",
            "床号",
        ),
        *("sex", "gender", "age", "idcard", "idnumber", "nationality", "photo", "bed"),
    }
)
"""Columns that sheets often have and nothing here needs: not taken for misspellings of others."""

_BRACKET = re.compile(r"^(?P<name>[^\[(【]*)[\[(【](?P<inside>[^\])】]*)[\])】]?\s*$")
_NO_WORD = re.compile(r"[\s_\-*:.]+")


def fold(text: str) -> str:
    """A heading or word without what does not matter: width, case, spaces, underscores, stars, colons and marks nobody sees."""
    flat = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub("", "".join(char for char in flat if unicodedata.category(char) != "Cf"))


def _split(text: str) -> tuple[str, str]:
    flat = unicodedata.normalize("NFKC", text).strip()
    found = _BRACKET.match(flat)
    return (found["name"], found["inside"].strip()) if found and found["name"].strip() else (flat, "")


def _names(columns: Sequence[Column]) -> dict[str, str]:
    names = {fold(name): column.key for column in columns for name in column.aliases}
    return names | {fold(name): column.key for column in columns for name in (column.zh, column.key)}


def recognise(columns: Sequence[Column], texts: Sequence[str]) -> tuple[list[Heading], list[tuple[int, str]]]:
    """Which known columns stand in a row of headings, and which texts (index, text) are no known heading.

    A heading may carry a bracket behind it; a trailing number tells several card columns apart (卡号1, 卡号2).
    """
    names = _names(columns)
    found: list[Heading] = []
    unknown: list[tuple[int, str]] = []
    for index, text in enumerate(texts):
        name, bracket = _split(text)
        folded = fold(name)
        if not folded:
            continue
        key = names.get(folded) or names.get(fold(text))
        if key is None and names.get(folded.rstrip("0123456789")) == "cards":
            key = "cards"
        if key:
            found.append(Heading(key, index, name.strip(), bracket))
        elif folded not in NOTES:
            unknown.append((index, text.strip()))
    return found, unknown


def nearest(columns: Sequence[Column], text: str) -> str | None:
    """The known heading that `text` was probably meant to be, in the language it is written in; None when none is near."""
    names = _names(columns)
    folded = fold(_split(text)[0])
    if folded in UNREAD:
        return None
    near = difflib.get_close_matches(folded, names, n=1, cutoff=0.72 if folded.isascii() else 0.66)
    if not near:
        return None
    column = next(column for column in columns if column.key == names[near[0]])
    return column.key if folded.isascii() else column.zh
