"""The columns of the three sheets: their names in English and Chinese, and which of them are in a file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from edge.roster.settings import Locale


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


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_IDS = ("住户编号", "住户号", "人员编号", "租客编号", "租户编号", "员工编号", "工号", "学号", "id", "tenant", "number", "no", "employee_id")
_CARDS = _words("""
    门禁卡 门禁卡号 门禁卡号码 门卡 门卡号 房卡 房卡号 卡 卡片 卡片号 卡片编号 卡片号码 卡号码 卡编号 IC卡 IC卡号 IC卡编号
    IC卡号码 ID卡 ID卡号 ID卡号码 CPU卡号 RFID RFID卡号 感应卡 感应卡号 卡内码 一卡通 一卡通号 一卡通卡号 通行卡 通行卡号 出入卡
    出入卡号 出入证卡号 钥匙卡 住户卡号 工卡 工卡号 员工卡号 card card_no card_number card_id card_code ic_card access_card badge
    badge_no fob key_card
""")
"""Names of the door's card. Cards of banks, telephones, meals, water and cars are in UNREAD."""
_BEGINS = _words("""
    开始日期 开始时间 开始日 起始时间 起始日 生效日期 生效时间 有效期起 有效期自 有效期开始 有效期起始 入住日期 入住时间 入住日
    起租日期 起租日 起租时间 租期起 租期自 租期开始 租期起始 租赁开始日期 租赁起始日期 合同开始日期 合同开始时间 合同起始日期
    合同起始日 合同起始时间 合同生效日期 有效起始日期 from start start_date move_in move_in_date valid_since lease_start
    contract_start begin_date check_in
""")
_ENDS = _words("""
    截止时间 截止日 截至日期 截至时间 有效期 有效期至 有效期到 有效期止 有效期截止 有效期结束 有效截止日期 有效日期至 到期日期
    到期时间 到期日 到期 期满日期 结束日期 结束时间 结束日 终止日期 终止时间 失效日期 失效时间 租期至 租期到 租期止 租期截止
    租期结束 租期到期 租期到期日 租期截止日期 租约到期 租约到期日 租赁到期日 租赁到期日期 租赁截止日期 租赁结束日期 租赁终止日期
    租住到期 合同到期 合同到期日 合同到期日期 合同到期时间 合同截止日期 合同截止日 合同截止时间 合同结束日期 合同结束时间
    合同终止日期 合同期至 合同有效期至 合同期满日 退租日期 退租日 退租时间 退宿日期 退宿时间
    退房日期 退房时间 搬离日期 搬出日期 迁出日期 离开日期
    居住至 住至 until end end_date end_time expires expiry expiry_date expire_date expiration expiration_date valid_to valid_till
    lease_end lease_until contract_end contract_until move_out move_out_date check_out
""")
"""Names of a tenancy's last day. 租期, 合同期限 and their like are not among them: they may hold a length or both days."""

ROSTER: tuple[Column, ...] = (
    Column("tenant_id", "编号", _IDS, required=True),
    Column("name", "姓名", ("名字", "住户姓名", "租客姓名", "租户姓名", "人员姓名", "员工姓名", "full_name"), required=True),
    Column("kind", "类别", ("人员类别", "人员类型", "身份", "类型", "type", "person_kind")),
    Column("house_code", "房屋编码", ("房屋代码", "房屋编号", "house")),
    Column("room", "房号", ("房间", "房间号", "房间号码", "室号", "宿舍", "宿舍号", "寝室", "寝室号", "room_no", "room_number")),
    Column("unit", "单位", ("雇主", "用人单位", "工作单位", "公司", "企业", "employer", "unit_code", "统一社会信用代码", "company")),
    Column("permit_kind", "居住证类别", ("居住证情况", "居住证状态", "permit_type")),
    Column("permit_no", "居住证号", ("居住证号码", "居住证编号", "permit", "permit_number")),
    Column(
        "permit_until",
        "居住证有效期",
        ("居住证到期", "居住证到期日", "居住证有效期至", "居住证签注到期", "permit_expiry", "permit_expires"),
    ),
    Column("birth_date", "出生日期", ("生日", "出生年月日", "birthday", "date_of_birth", "dob")),
    Column("valid_from", "起始日期", _BEGINS),
    Column("valid_until", "截止日期", _ENDS),
    Column("groups", "分组", ("组", "权限组", "权限分组", "通行权限", "门禁权限", "门禁组", "通行组", "group")),
    Column("cards", "卡号", _CARDS),
    Column("pin", "密码", ("开门密码", "开锁密码", "门锁密码", "进门密码", "通行密码", "门禁密码", "口令", "PIN码", "passcode")),
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
    Column("capacity", "核定人数", ("可住人数", "容纳人数", "床位数", "容量", "beds")),
    Column("verified_on", "核查日期", ("核验日期", "检查日期")),
    Column("verified_by", "核查人", ("核验人", "检查人")),
)
VISITORS: tuple[Column, ...] = (
    Column("visit_id", "访客编号", ("编号", "访问编号", "id", "visit"), required=True),
    Column("name", "姓名", ("访客姓名", "名字"), required=True),
    Column("host", "被访人编号", ("被访人", "接待人编号", "接待人", "tenant_id"), required=True),
    Column("access_points", "通行点", ("门", "可通行点", "access_point"), required=True),
    Column(
        "from",
        "开始时间",
        ("来访时间", "到访时间", "起始时间", "开始", "开始日期", "来访日期", "begins", "start", "valid_from"),
        required=True,
    ),
    Column(
        "until",
        "结束时间",
        ("离开时间", "截止时间", "结束", "结束日期", "截止日期", "离开日期", "ends", "end", "valid_until"),
        required=True,
    ),
    Column("entries", "次数", ("进入次数", "可进次数", "允许次数", "count")),
    Column("card", "卡号", ("访客卡", "访客卡号", "临时卡", "临时卡号", "cards", *_CARDS)),
)
SHEETS: Mapping[str, tuple[Column, ...]] = {"roster": ROSTER, "houses": HOUSES, "visitors": VISITORS}

CONFIRM = frozenset({"确认", "确认码", "confirm"})
"""Where a manager enters the code of a question."""
MOVE_IN = frozenset(_words("入住日期 入住时间 入住日 movein moveindate checkin"))
"""Names of the first day that stand beside another one as a date of their own (CONTRACT section 3 has both): then that one counts."""
NOTES = frozenset({*CONFIRM, "备注", "说明", "序号", "notes", "note", "remark", "remarks", "comment", "comments"})
"""Columns managers keep for themselves: not read, and nothing said."""

UNREAD = frozenset(
    _words("""
    身份证号 身份证号码 身份证 证件号 证件号码 证件类型 性别 民族 籍贯 户籍地址 年龄 照片 床位 床号 sex gender age idcard idnumber
    nationality photo bed

    银行卡 银行卡号 工资卡号 手机卡号 电话卡号 社保卡号 医保卡号 饭卡 饭卡号 水卡 水卡号 电卡 电卡号 燃气卡号 停车卡 停车卡号
    车卡号 公交卡号 身份证卡号 会员卡号 卡押金 卡片押金 卡状态 卡类型 bankcard

    登记日期 登记时间 签约日期 签约时间 签订日期 合同签订日期 签订时间 办理日期 办证日期 发证日期 录入日期 录入时间 更新日期
    更新时间 创建时间 制表日期 打印日期 发卡日期 领卡日期 办卡日期 入职日期 入职时间
    离职日期 离职时间 缴费日期 交租日期 付款日期 registeredon
    createdat updatedat birthplace 出生地
""")
)
"""Columns that sheets often have and nothing here needs: not taken for misspellings of others, nor for an end or a card.

Besides what belongs to a person: cards of something else, and days of something else."""

_END_LIKE = re.compile("期|截|终止|退租|退房|搬离|离开|expir|until|till|lease|contract", re.IGNORECASE)
_CARD_LIKE = re.compile("卡|门禁|钥匙|card|badge|rfid|fob", re.IGNORECASE)
LIKE: Mapping[str, re.Pattern[str]] = {"valid_until": _END_LIKE, "cards": _CARD_LIKE, "card": _CARD_LIKE}
"""Words in a heading that may mean one of the columns which must not get lost, by key."""

_BRACKET = re.compile(r"^(?P<name>[^\[(【]*)[\[(【](?P<inside>[^\])】]*)[\])】]?\s*$")
_NO_WORD = re.compile(r"[\s_\-*:.()\[\]【】/、]+")


def fold(text: str) -> str:
    """A heading or word without what does not matter: width, case, spaces, punctuation, brackets and marks nobody sees."""
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
        key = names.get(fold(text)) or names.get(folded)  # 有效期(起) is no 有效期
        if key is None and names.get(folded.rstrip("0123456789")) == "cards":
            key = "cards"
        if key:
            found.append(Heading(key, index, name.strip(), bracket))
        elif folded not in NOTES:
            unknown.append((index, text.strip()))
    return found, unknown


def nearest(columns: Sequence[Column], text: str) -> str | None:
    """The known heading that `text` is a slip of the finger for, in the language it is written in; None where that is not certain.

    One sign differs (two in a long English word), and in Chinese it is one that stands in no heading at all: 居住证号玛 is 居住证号码,
    while 起租日期 and 退租日期 are two things.
    """
    folded = fold(_split(text)[0])
    if folded in UNREAD or len(folded) < (5 if folded.isascii() else 3):
        return None
    names = _names(columns)
    if folded.isascii():
        most = 2 if len(folded) > 8 else 1
        keys = {key for name, key in names.items() if name.isascii() and _steps(folded, name, most) <= most}
    else:
        known = set().union(*names)
        keys = {key for name, key in names.items() if len(name) == len(folded) and _one_strange(folded, name, known)}
    if len(keys) != 1:
        return None
    return title(keys.pop(), "en" if folded.isascii() else "zh")


def _one_strange(text: str, name: str, known: Collection[str]) -> bool:
    differ = [own for own, other in zip(text, name, strict=True) if own != other]
    return len(differ) == 1 and differ[0] not in known


def _steps(one: str, other: str, most: int) -> int:
    """How many letters must be put in, taken out or changed to make one of the other (Levenshtein); more than `most` is not counted."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    row = list(range(len(other) + 1))
    for i, own in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, letter in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (own != letter))
    return row[-1]


def title(key: str, locale: Locale) -> str:
    """A column's name for a person: its Chinese heading, or its key."""
    return next((column.zh for columns in SHEETS.values() for column in columns if column.key == key), key) if locale == "zh" else key


CARD_NAMES = frozenset(map(fold, ("卡号", "IC", "ID", "RFID", *_CARDS)))
"""Words that say of a column that it holds cards, and nothing of how they are written."""
