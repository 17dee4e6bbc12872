"""What discover finds and prints: lasting names, guesses that say that they are guesses, settings that can be pasted."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

import drivers
from drivers.ports import SerialPort, lasting_name, serial_ports
from edge.installer.discover import Board, Camera, Seen, as_data, as_yaml, look
from edge.installer.words import prompt


class Machine:
    """A /dev and a /sys with USB adapters in them, as the kernel and udev lay them out."""

    def __init__(self, folder: Path) -> None:
        self.dev, self.sys = folder / "dev", folder / "sys"
        (self.dev / "serial").mkdir(parents=True)

    def plug(self, tty: str, usb: str, socket: str, by_id: str = "", product: str = "") -> None:
        """One adapter: its tty, vendor:product, the socket it is in, and its by-id name if udev gave it one."""
        vendor, number = usb.split(":")
        device = self.sys / "devices" / socket
        interface = device / f"{socket}:1.0"
        (interface / tty).mkdir(parents=True)
        (device / "idVendor").write_text(vendor + "\n")
        (device / "idProduct").write_text(number + "\n")
        (device / "product").write_text(product + "\n")
        (self.sys / "class" / "tty" / tty).mkdir(parents=True)
        (self.sys / "class" / "tty" / tty / "device").symlink_to(interface / tty)
        (self.dev / tty).touch()
        for folder, name in (("by-path", f"pci-usb-{socket}-port0"), ("by-id", by_id)):
            if name:
                (self.dev / "serial" / folder).mkdir(exist_ok=True)
                (self.dev / "serial" / folder / name).unlink(missing_ok=True)
                (self.dev / "serial" / folder / name).symlink_to(self.dev / tty)

    def ports(self) -> list[SerialPort]:
        """What is found on it."""
        return serial_ports(self.dev, self.sys)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Two CH340 boards, which share a by-id name, and an RS-485 adapter with a serial number."""
    machine = Machine(tmp_path)
    machine.plug("ttyUSB0", "1a86:7523", "1-1", "usb-1a86_USB_Serial-if00-port0", "USB Serial")
    machine.plug("ttyUSB1", "1a86:7523", "1-2", "usb-1a86_USB_Serial-if00-port0", "USB Serial")
    machine.plug("ttyUSB2", "0403:6001", "1-3", "usb-FTDI_FT232R_AB0CDEFG-if00-port0", "FT232R USB UART")
    machine.plug("ttyACM0", "2a19:0c02", "1-4", product="Numato Lab 2 Channel")
    return machine


def test_names_that_last(machine: Machine) -> None:
    """Boards without a serial number are named by their socket, others by what they are; nothing is named ttyUSBn."""
    assert [Path(port.name).name for port in machine.ports()] == [
        "usb-FTDI_FT232R_AB0CDEFG-if00-port0",
        "pci-usb-1-1-port0",
        "pci-usb-1-2-port0",
        "pci-usb-1-4-port0",
    ]
    assert all(port.lasting for port in machine.ports())
    assert lasting_name(str(machine.dev / "ttyUSB1"), machine.dev, machine.sys).endswith("pci-usb-1-2-port0")
    assert lasting_name("/dev/null", machine.dev, machine.sys) == ""


def test_guesses(machine: Machine) -> None:
    """A chip's numbers give the kinds it is most often built into, and every guess is a driver."""
    guesses = {Path(port.device).name: port.guesses for port in machine.ports()}
    assert guesses["ttyUSB0"][0] == "lcus"
    assert guesses["ttyUSB2"][0] == "osdp"
    assert guesses["ttyACM0"] == ("numato",)
    assert {kind for kinds in guesses.values() for kind in kinds} <= drivers.KINDS.keys()


def test_a_machine_without_udev_names(tmp_path: Path) -> None:
    """In a container the number is all there is; it is said that it does not last."""
    machine = Machine(tmp_path)
    machine.plug("ttyUSB0", "1a86:7523", "1-1")
    (machine.dev / "serial" / "by-path" / "pci-usb-1-1-port0").unlink()
    (port,) = machine.ports()
    assert not port.lasting
    assert any("no lasting name" in line for line in as_yaml(Seen(ports=(port,)), {}, lambda code: prompt("en", code)))


def test_nothing_plugged_in(tmp_path: Path) -> None:
    """No port, no folder, no fault."""
    assert serial_ports(tmp_path / "dev", tmp_path / "sys") == []


def test_what_is_printed_is_yaml(machine: Machine) -> None:
    """Pasted as it is, it names every device once; what is in the settings already is a remark, and no device's own words break a line."""
    used = {machine.ports()[0].name: "bus1", "405419896": "board7", "10.1.2.3": "cam_in"}
    seen = Seen(
        tuple(machine.ports()),
        (Board(405419896, "10.1.3.20", "v8.92"), Board(223344556, "10.1.3.21", "v6.62")),
        (Camera("10.1.2.3", 80, "Gate", "X1"), Camera("10.1.2.4", 8899, "Yard\nrelay1: {driver: lcus}", "X2")),
    )
    for locale in ("zh", "en"):
        lines = as_yaml(seen, used, lambda code, locale=locale: prompt(locale, code))
        pasted = YAML(typ="safe").load("\n".join(lines))
        assert {name: given["driver"] for name, given in pasted["controllers"].items()} == {
            "lcus1": "lcus",
            "lcus2": "lcus",
            "numato1": "numato",
            "board1": "uhppote",
        }
        assert pasted["controllers"]["board1"] == {"driver": "uhppote", "serial": 223344556, "address": "10.1.3.21", "doors": 2}
        assert any("微耕" in line and "UHPPOTE" in line for line in lines)  # the name on the board's box in China
        assert pasted["cameras"]["camera1"]["port"] == 8899
        assert pasted["cameras"]["camera1"].keys() == {"driver", "host", "port", "username"}
        assert lines[-1] == "# LoadCredential=cameras__camera1__password:anyu-edge.cameras__camera1__password"
        assert sum("bus1" in line or "board7" in line or "cam_in" in line for line in lines) == 3
    told = as_data(seen, used)
    assert [one["used_by"] for one in told["uhppote"]] == ["board7", None]  # type: ignore[index, attr-defined]


def test_no_secret_is_asked_for_in_the_file(tmp_path: Path) -> None:
    """A reader's key comes by the credential whose line is printed, and the file is read as it is pasted."""
    machine = Machine(tmp_path)
    machine.plug("ttyUSB0", "0403:6001", "1-1")
    lines = as_yaml(Seen(ports=tuple(machine.ports())), {}, lambda code: prompt("en", code))
    name = "controllers__osdp1__readers__0__key"
    assert lines[-1] == f"# LoadCredential={name}:anyu-edge.{name}"
    assert YAML(typ="safe").load("\n".join(lines))["controllers"]["osdp1"]["readers"] == [{"address": 1}]


async def test_a_search_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network or a library the others are found all the same, and the reason is told."""

    async def no_network(_seconds: float) -> tuple[Board, ...]:
        raise OSError(101, "Network is unreachable")

    async def no_library(_seconds: float) -> tuple[Camera, ...]:
        raise ImportError("zeep")

    monkeypatch.setattr("edge.installer.discover._boards", no_network)
    monkeypatch.setattr("edge.installer.discover._cameras", no_library)
    seen = await look(("serial", "uhppote", "onvif"), seconds=0.1, ports=lambda: [SerialPort("/dev/serial/by-id/x", "/dev/ttyUSB0")])
    assert len(seen.ports) == 1
    assert seen.failed["uhppote"] == "Network is unreachable"
    assert "anyu-edge[devices]" in seen.failed["onvif"]
