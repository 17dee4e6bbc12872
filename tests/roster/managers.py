"""Sheets as managers make them, from a seed: who lives in the house is known first, then written down with a manager's habits."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl

TODAY = date(2026, 3, 8)
ENDS = (
    "截止日期",
    "到期时间",
    "租期至",
    "合同到期日",
    "退租日期",
    "有效期（至）",
    "结束日期",
    "租期(止)",
    "Expiry Date",
    "* 到期日期",
    "截 止 日 期",
)
BEGINS = ("起始日期", "起租日期", "入住日期", "合同开始日期", "租期（起）", "Start Date")
CARDS = ("卡号", "IC卡", "门禁卡号", "门卡", "一卡通", "Card No.", "卡片编号", "ID卡号")
IDS = ("编号", "住户编号", "工号", "ID")
NAMES = ("姓名", "租客姓名", "名字")
OWN = ("备注", "性别", "序号", "登记日期", "身份证号", "缴费情况", "银行卡号")
TITLES = (["某某公寓住户名单"], ["2026年3月住户登记表", "", "", "第一版"], ["单位：某某公司"])
FOOTERS = (
    ["合计", "25人"],
    ["小计", "", "12"],
    ["制表人：张三", "审核：李四"],
    ["备注：卡遗失请及时挂失"],
    ["打印日期：2026-03-08"],
    ["第1页 共1页"],
    ["Total", "25"],
)


@dataclass(frozen=True)
class Person:
    """Who lives there; `last` is the last day on which the card opens."""

    number: str
    name: str
    card: int
    first: date
    last: date
    pin: str = ""


def house(dice: random.Random) -> list[Person]:
    """Twenty to forty people, at most one in eight of whom has moved out."""
    count = dice.randint(20, 40)
    gone = set(dice.sample(range(count), dice.randint(0, count // 8)))
    return [
        Person(
            number=f"{dice.choice('ABC')}{n:03d}" if dice.random() < 0.5 else f"{1000 + n}",
            name=dice.choice("赵钱孙李周吴郑王") + dice.choice("明华丽强军敏静"),
            card=10_000_000 + n * 7,
            first=date(2026, 1, 1) - timedelta(days=dice.randint(0, 300)),
            last=TODAY + timedelta(days=-dice.randint(1, 60) if n in gone else dice.randint(20, 400)),
            pin=f"{730_000 + n}" if dice.random() < 0.3 else "",
        )
        for n in range(1, count + 1)
    ]


def wide(text: str) -> str:
    """Digits as a Chinese input method writes them."""
    return text.translate({ord("0") + n: ord("０") + n for n in range(10)})


DAYS: tuple[Callable[[date], str], ...] = (
    date.isoformat,
    lambda day: f"{day.year}/{day.month}/{day.day}",
    lambda day: f"{day.year}.{day.month}.{day.day}",
    lambda day: f"{day.year}年{day.month}月{day.day}日",
    lambda day: f"{day:%Y%m%d}",
    lambda day: f" {day.isoformat()} ",
    lambda day: wide(day.isoformat()),
    lambda day: f"{day.isoformat()} 00:00:00",
)


@dataclass(frozen=True)
class Written:
    """A list ready to be saved: headings by what they mean, and a cell for each person."""

    head: dict[str, str]
    rows: list[dict[str, object]]


def written(people: list[Person], dice: random.Random, *, plain: bool = False) -> Written:
    """The list with a manager's words and ways of writing; `plain`: as the template has it."""
    own = [] if plain else dice.sample(OWN, dice.randint(0, 3))
    head = {
        "id": "编号" if plain else dice.choice(IDS),
        "name": "姓名" if plain else dice.choice(NAMES),
        "first": "起始日期" if plain else dice.choice(BEGINS),
        "last": "截止日期" if plain else dice.choice(ENDS),
        "card": ("卡号" if plain else dice.choice(CARDS)) + dice.choice(("[dec]", "[十进制]", "（dec）")),
        "pin": "密码",
        **{f"own {name}": name for name in own},
    }
    if not plain:
        keys = dice.sample(list(head), len(head))
        head = {key: head[key] for key in keys}
    day = DAYS[0] if plain else dice.choice(DAYS)
    narrow = plain or dice.random() < 0.7
    rows: list[dict[str, object]] = []
    for n, person in enumerate(people, start=1):
        number, card = (person.number, f"{person.card:010d}") if narrow else (wide(person.number), wide(f"{person.card:010d}"))
        row: dict[str, object] = {
            "id": number, "name": person.name, "first": day(person.first), "last": day(person.last), "card": card, "pin": person.pin,
        }  # fmt: skip
        own_cells = {"序号": str(n), "登记日期": "2026-01-01", "身份证号": "310114199001011234", "银行卡号": "6222020200112233"}
        rows.append(row | {f"own {name}": own_cells.get(name, dice.choice(("", "男", "已交"))) for name in own})
    return Written(head, rows)


def save(folder: Path, sheet: Written, dice: random.Random, *, plain: bool = False) -> None:
    """As .csv or .xlsx with titles above, notes below, blank rows, pages and hidden rows; replaces what was there."""
    for path in folder.glob("roster.*"):
        path.unlink()
    keys = list(sheet.head)
    lines: list[list[object]] = [] if plain else [list(dice.choice(TITLES)) for _ in range(dice.randint(0, 2))]
    lines.append([sheet.head[key] for key in keys])
    body: list[list[object]] = [[row[key] for key in keys] for row in sheet.rows]
    if not plain:
        footers = [_footer(list(dice.choice(FOOTERS)), keys) for _ in range(dice.randint(0, 3))]
        for where in range(len(body) - 1, 0, -1):
            if dice.random() < 0.05:
                body.insert(where, dice.choice(([""] * len(keys), lines[-1], _footer(list(FOOTERS[1]), keys))))
        body += [[""] * len(keys)] * dice.randint(0, 1) + footers
    if dice.random() < 0.5:
        _csv(folder / "roster.csv", lines + body, dice)
    else:
        _xlsx(folder / "roster.xlsx", lines, body, keys, dice)


def _footer(words: list[str], keys: list[str]) -> list[object]:
    """A total or note in the first column, unless that is another's; managers begin them where the numbers are."""
    row: list[object] = [""] * len(keys)
    row[keys.index("id")] = words[0]
    if len(words) > 1:
        row[keys.index("name")] = words[1]
    return row


def _csv(path: Path, lines: list[list[object]], dice: random.Random) -> None:
    comma = dice.choice(",,,;\t")
    encoding = dice.choice(("utf-8", "utf-8-sig", "gb18030", "utf-16"))
    path.write_bytes(dice.choice(("\n", "\r\n")).join(comma.join(str(cell) for cell in line) for line in lines).encode(encoding))


def _xlsx(path: Path, lines: list[list[object]], body: list[list[object]], keys: list[str], dice: random.Random) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    real_days, numbers = dice.random() < 0.5, dice.random() < 0.5
    for line in lines:
        sheet.append(line)
    if len(lines) > 1:
        sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(keys))
    for line in body:
        cells = list(line)
        for index, key in enumerate(keys):
            text = str(cells[index])
            if real_days and key in ("first", "last") and text.isascii() and text.strip()[:4].isdigit() and "-" in text:
                cells[index] = datetime.fromisoformat(text.strip()[:10])
            elif numbers and key == "card" and text.isascii() and text.isdigit():
                cells[index] = int(text)
        sheet.append([cell if cell != "" else None for cell in cells])
    for hidden in dice.sample(range(len(lines) + 1, len(lines) + len(body)), 2):
        sheet.row_dimensions[hidden].hidden = True  # a filter: people in it live there all the same
    book.create_sheet("Sheet2")
    book.save(path)


@dataclass(frozen=True)
class Harm:
    """One column that would shut people out or let them in: the sheet, and what must be asked or found, for how many people."""

    sheet: Written
    code: str
    column: str
    people: int | None


def harms(people: list[Person], dice: random.Random) -> list[Harm]:
    """Every kind, made of a plain list of these people who are in force."""
    here = [person for person in people if person.last >= TODAY]

    def but(change: Callable[[Person], Person]) -> Written:
        return written([change(person) for person in people], dice, plain=True)

    def headed(key: str, heading: str) -> Written:
        sheet = but(lambda person: person)
        return Written({**sheet.head, key: heading}, sheet.rows)

    def celled(key: str, cell: Callable[[int, object], object]) -> Written:
        sheet = but(lambda person: person)
        return Written(sheet.head, [{**row, key: cell(n, row[key])} for n, row in enumerate(sheet.rows)])

    pins = sum(1 for person in here if person.pin)
    last = [person.last for person in people]
    turned = [replace(person, last=day) for person, day in zip(people, [*last[1:], last[0]], strict=True)]
    cards = [person.card for person in people]
    return [
        Harm(but(lambda one: replace(one, last=min(one.last, TODAY - timedelta(days=1)))), "less", "截止日期", len(here)),
        Harm(but(lambda one: replace(one, last=min(one.last, TODAY + timedelta(days=2)))), "less", "截止日期", len(here)),
        Harm(but(lambda one: replace(one, last=date(2099, 12, 31))), "more", "截止日期", len(people)),
        Harm(celled("last", lambda _n, _cell: ""), "more", "截止日期", len(people)),
        Harm(celled("last", lambda _n, _cell: "长期"), "more", "截止日期", len(people)),
        Harm(written(turned, dice, plain=True), "less", "截止日期", sum(
            1 for was, now in zip(people, turned, strict=True) if was.last >= TODAY and now.last < was.last
        )),
        Harm(headed("last", "备注"), "more", "截止日期", len(people)),
        Harm(headed("last", dice.choice(("住到", "最后一天", "租期", "合同期限", "stay"))), "end_unsure", "E", len(people)),
        Harm(headed("last", dice.choice(("截止日其", "到期时问"))), "heading_unknown", "", len(people)),
        Harm(headed("last", ""), "no_heading", "", len(people)),
        Harm(headed("last", "起租日"), "heading_twice", "", None),
        Harm(celled("last", lambda _n, _cell: dice.choice(("明年", "26-8-31", "31/8", "2026年8月"))), "date", "", None),
        Harm(
            but(lambda one: replace(one, first=TODAY + timedelta(days=10)) if one.last > TODAY else one), "less", "起始日期", len(here)
        ),
        Harm(headed("card", "备注"), "less", "卡号", len(here)),
        Harm(headed("card", dice.choice(("开门用", "磁卡", "门禁", "钥匙"))), "card_unsure", "", len(people)),
        Harm(headed("card", "卡号[dec w34]"), "less", "卡号", len(here)),
        Harm(headed("card", "卡号[hex]"), "card_", "", None),
        Harm(celled("card", lambda _n, _cell: ""), "less", "卡号", len(here)),
        Harm(celled("card", lambda n, _cell: str(cards[(n + 1) % len(cards)])), "less", "卡号", len(here)),
        Harm(celled("pin", lambda n, _cell: str(880_000 + n)), "less" if pins * 5 > len(people) else "", "密码", pins),
        Harm(celled("id", lambda _n, cell: f"X{cell}"), "removed", "", len(people)),
    ]  # fmt: skip
