"""A small dormitory for the demo: invented tenants, one gate, and the two files a real site has."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FACILITY = 205  # the cards' facility code, one order of cards


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented; `card` is the number printed on the card after the facility code."""

    tenant_id: str
    name: str
    kind: str
    room: str
    card: int
    groups: str = ""

    @property
    def value(self) -> int:
        """The card as its reader sends it (26-bit payload)."""
        return FACILITY << 16 | self.card


TENANTS = (
    Person("A1001", "王秀英", "住户", "301", 42220),
    Person("A1002", "李建国", "住户", "302", 42221),
    Person("A1003", "张伟", "住户", "302", 42222),
    Person("A1004", "阿依古丽·买买提", "住户", "303", 42223),
    Person("A1005", "陈静", "住户", "305", 42224),
    Person("S2001", "刘洋", "员工", "", 42300),
)
NEIGHBOUR = Person("B0907", "赵敏", "住户", "101", 42190, groups="building_b")
"""Lives in the building next door: known, and with no rule that leads through this gate."""
STRANGER = Person("", "", "", "", 65000)

HOPPER = "F3001"
"""The tenant who enters by face; she signed a paper for it, and has a card like everybody."""

HEADINGS = ("编号", "姓名", "类别", "房屋编码", "房号", "分组", "卡号", "出生日期", "人脸同意", "同意书编号")


def write_roster(folder: Path, faces: Sequence[str] = ()) -> None:
    """The manager's roster, as Excel saves it; `faces` are tenants who consented to be recognised."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "roster.csv").open("w", encoding="utf-8-sig", newline="") as sheet:
        writer = csv.writer(sheet)
        writer.writerow(HEADINGS)
        for person in (*TENANTS, NEIGHBOUR):
            card = f"fc:{FACILITY},{person.card}"
            writer.writerow((person.tenant_id, person.name, person.kind, "310114AT0001", person.room, person.groups, card, "", "N", ""))
        for i, tenant_id in enumerate(faces):
            name = "葛丽丝·霍珀" if tenant_id == HOPPER else tenant_id
            card = f"fc:{FACILITY},{42400 + i}"  # a face is never the only way
            writer.writerow((tenant_id, name, "住户", "310114AT0001", "401", "", card, "1980-12-09", "Y", f"P-{i + 1:03d}"))


CAMERA = """\
cameras:
  south_camera: {{{driver}, access_points: [south_in]}}
recognition:
  accept_spawned: true   # nothing hangs at this lock
  face_alone: always     # without liveness weights auto would ask for a card
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the gate's devices are plugged in."""

    reader_in: str
    reader_out: str
    relay: str
    inputs: str


@dataclass(frozen=True, slots=True)
class House:
    """What differs from one demo to the next."""

    ports: Ports
    broker: str
    protocol: str
    roster: Path
    locale: str
    camera: str = ""


def write_site(folder: Path, house: House) -> Path:
    """The installer's site.yaml; returns its path."""
    ports = house.ports
    path = folder / "site.yaml"
    path.touch(mode=0o600)  # a camera's address may hold its password
    path.write_text(
        f"""\
locale: {house.locale}
log_level: warning   # what goes as it should is in the story
site: {{name: demo, kind: gate, label: 安亭演示公寓, timezone: Asia/Shanghai}}
gateway: {{name: gw1}}
state_dir: {folder}/state
run_dir: {folder}/run
controllers:
  relay: {{driver: lcus, port: {ports.relay}, outputs: 2, accept_latching: true}}
  reader_in: {{driver: wiegand_serial, port: {ports.reader_in}, framing: hex_cr, format: h10301}}
  reader_out: {{driver: wiegand_serial, port: {ports.reader_out}, framing: hex_cr, format: h10301}}
  inputs: {{driver: modbus, port: {ports.inputs}, unit: 1, inputs: 2}}
doors:
  north:
    label: 北门
    kind: leaf
    lock: {{controller: relay, output: 1, type: fail_secure, wiring: no, accept_latching: true}}
    release_s: 3
    held_after_s: 4
    contact: {{controller: inputs, input: 1}}
    exit_button: {{controller: inputs, input: 2}}
  south:
    label: 南门（人脸）
    kind: leaf
    lock: {{controller: relay, output: 2, type: fail_secure, wiring: no, accept_latching: true}}
    release_s: 3
    free_exit: true
access_points:
  south_in: {{door: south, direction: in}}
  north_in: {{door: north, direction: in, reader: {{controller: reader_in}}}}
  north_out: {{door: north, direction: out, reader: {{controller: reader_out}}}}
access_rules:
  - {{groups: [residents, staff, guards], access_points: [north_in, north_out, south_in]}}
roster: {{folder: {house.roster}, card_format: h10301}}
uplink: {{broker: "{house.broker}", protocol: "{house.protocol}", consumers: [centre]}}
"""
        + (CAMERA.format(driver=house.camera) if house.camera else ""),
        encoding="utf-8",
    )
    return path
