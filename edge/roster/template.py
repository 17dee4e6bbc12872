"""A starter roster that Excel opens right: Chinese headings, every column as text in .xlsx, a BOM in CSV."""

from __future__ import annotations

import csv
import io
import os
import stat
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from edge import durable
from edge.access.terms import Book, Card
from edge.roster import cards
from edge.roster.columns import HOUSES, ROSTER, VISITORS, Column
from edge.roster.settings import Locale, RosterSettings
from edge.roster.table import cell_name

_EXAMPLES = {
    "zh": [
        ["示例1", "示例一", "住户", "", "301", "某某公司", "有", "", "2027-06-30", "", "2026-03-01", "2027-02-28", "", "0013477100"],
        ["示例2", "示例二", "员工", "", "", "", "不适用", "", "", "", "", "长期", "", "fc:205,42228;hex:00CDA4F1"],
    ],
    "en": [
        ["EXAMPLE-1", "Example One", "resident", "", "301", "Ltd", "", "", "2027-06-30", "", "2026-03-01", "2027-02-28", "", "0013477100"],
        ["EXAMPLE-2", "Example Two", "staff", *[""] * 3, "not_eligible", *[""] * 6, "fc:205,42228;hex:00CDA4F1"],
    ],
}  # fmt: skip
"""People whom no sheet can put in force: footers.EXAMPLES knows them."""
_CARDS = {"zh": "卡号[十进制]", "en": "cards[dec]"}
_SHEETS = {"roster": ROSTER, "houses": HOUSES, "visitors": VISITORS}


def template(path: Path, locale: Locale = "zh") -> None:
    """Write a starter sheet; `path` ends in .csv or .xlsx. Called houses or visitors it gets the headings of those.

    Raises:
        FileExistsError: there is something at `path`; it is left alone.
    """
    columns = _SHEETS.get(path.stem.lower(), ROSTER)
    rows = [_headings(columns, locale), *(_EXAMPLES[locale] if columns is ROSTER else [])]
    data = xlsx_bytes(rows) if path.suffix.lower() == ".xlsx" else csv_bytes(rows)
    with path.open("xb") as file:
        if path.parent.stat().st_mode & stat.S_ISGID:  # the managers' folder: root writes the sheet, a manager fills it in
            os.fchmod(file.fileno(), 0o660)
        file.write(data)


def export(path: Path, book: Book, settings: RosterSettings, locale: Locale = "zh") -> None:
    """Write the roster in force as a sheet (0600), replacing `path`. PINs are not in it: only their hashes are known."""
    held: dict[str, list[Card]] = {}
    for card, ref in book.cards.items():
        held.setdefault(ref, []).append(card)
    rows = [_headings([column for column in ROSTER if column.key not in ("pin", "duress_pin")], locale)]
    for tenant in sorted(book.tenants.values(), key=lambda tenant: tenant.tenant_id):
        own = ";".join(cards.show(card, settings.card_format) for card in sorted(held.get(tenant.ref, []), key=lambda card: card.value))
        days = [day.isoformat() if day else "" for day in (tenant.permit_until, tenant.birth_date, tenant.valid_from, tenant.valid_until)]
        rows.append(
            [
                *(tenant.tenant_id, tenant.name, tenant.kind.value, tenant.house_code, tenant.room, tenant.unit_code),
                *(tenant.permit_kind.value, tenant.permit_no, *days, ";".join(sorted(tenant.groups)), own),
                *("Y" if tenant.face_consent else "N", tenant.consent_ref, tenant.guardian_ref, tenant.phone),
                "Y" if tenant.extended_time else "N",
            ]
        )
    durable.write(path, [xlsx_bytes(rows) if path.suffix.lower() == ".xlsx" else csv_bytes(rows)])


def _headings(columns: Sequence[Column], locale: Locale) -> list[str]:
    return [_CARDS[locale] if column.key in ("cards", "card") else column.zh if locale == "zh" else column.key for column in columns]


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """CSV with a BOM, without which Excel takes UTF-8 for the local encoding. What Excel would take for a formula gets a `'` in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([f"'{cell}" if cell[:1] in "=+-@" and cell[:1] else cell for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def xlsx_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook of one sheet whose columns are all formatted as text, so that Excel keeps zeros in front and long numbers whole."""
    sheet = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{cell_name(number, index)}" s="1" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
            for index, cell in enumerate(row)
        )
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    columns = f'<cols><col min="1" max="{max(map(len, rows))}" width="16" style="1" customWidth="1"/></cols>'
    parts = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _RELATION.format(kind="officeDocument", target="xl/workbook.xml", more=""),
        "xl/workbook.xml": _WORKBOOK,
        "xl/_rels/workbook.xml.rels": _RELATION.format(kind="worksheet", target="worksheets/sheet1.xml", more=_STYLE_RELATION),
        "xl/styles.xml": _STYLES,
        "xl/worksheets/sheet1.xml": f'{_XML}<worksheet xmlns="{_MAIN}">{columns}<sheetData>{sheet}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_MEDIA}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_MEDIA}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_MEDIA}.styles+xml"/></Types>'
)
_RELATION = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/{{kind}}" Target="{{target}}"/>{{more}}</Relationships>'
)
_STYLE_RELATION = f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
_WORKBOOK = (
    f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="roster" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf xfId="0"/><xf numFmtId="49" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
