"""Settings: every fault at once, with its place and the word that was probably meant, in both languages."""

from __future__ import annotations

import ast
import grp
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from drivers import KINDS
from drivers.wiegand import FORMATS
from edge.settings import Locale, Settings, SettingsRefused, load, read_settings
from edge.settings.secrets import holds_password, secrets
from edge.settings.words import WORDS, say

FIXTURES = Path(__file__).parent / "fixtures" / "settings"
CONFIG = Path(__file__).parent.parent / "config"

GOOD = """\
locale: en
site: {name: anting_01, label: 安亭一号公寓}
controllers:
  sim: {driver: simulated, doors: 2, inputs: 8}
doors:
  north:
    lock: {controller: sim, output: 1, type: fail_secure, wiring: no}
    contact: {controller: sim, input: 1}
    exit_button: {controller: sim, input: 2}
access_points:
  north_in: {door: north, direction: in, reader: {controller: sim, reader: 1}}
  north_out: {door: north, direction: out, reader: {controller: sim, reader: 2}}
access_rules:
  - {groups: [residents], access_points: [north_in, north_out]}
uplink: {broker: "mqtt://localhost", acks: {centre: {unsigned: true}}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where a test writes its site.yaml."""
    return tmp_path / "site.yaml"


def faults(path: Path, locale: Locale | None = None, **environ: str) -> list[str]:
    """Every fault as a line, without the folder."""
    found = load(path, environ)
    return [fault.text(locale or found.locale).replace(f"{path.parent}/", "") for fault in found.faults]


def warnings(path: Path, **environ: str) -> list[str]:
    """Every warning as a line, without the folder."""
    found = load(path, environ)
    return [fault.text(found.locale).replace(f"{path.parent}/", "") for fault in found.warnings]


def test_a_good_file_has_no_faults_and_no_warnings(site: Path) -> None:
    """What is written arrives as types; what is not has its default."""
    site.write_text(GOOD, encoding="utf-8")
    found = load(site, {})
    assert (found.faults, found.warnings) == ((), ())
    assert found.settings is not None
    assert found.settings.doors["north"].release_s == 5
    assert found.settings.site.label == "安亭一号公寓"
    assert found.settings.access_rules[0].schedule == "always"
    assert str(found.settings.state_dir) == "/var/lib/anyu-edge"


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_fault_at_once(locale: Locale) -> None:
    """One wrong file, every fault in it with line, column and nearest word, as it is printed (a golden file for each language)."""
    lines = faults(FIXTURES / "faults.yaml", locale)
    golden = (FIXTURES / f"faults.{locale}.txt").read_text(encoding="utf-8")
    golden = golden.replace("{drivers}", ", ".join(sorted(KINDS))).replace("{formats}", ", ".join(FORMATS))  # these lists grow
    assert "\n".join(lines) + "\n" == golden


@pytest.mark.parametrize(
    ("raw", "zh", "en"),
    [
        (b"", "site.yaml: 文件是空的。", "site.yaml: the file is empty."),
        (b"# only words\n", "site.yaml: 文件是空的。", "site.yaml: the file is empty."),
        (b"- a\n- b\n", "site.yaml:1:1: 整个文件应是", "site.yaml:1:1: the file should be a list of"),
        (b"site:\n\tname: a\n", "site.yaml:2:1: 用了制表符", "site.yaml:2:1: indented with a tab"),
        ("site：\n  name: a\n".encode(), "site.yaml:1:5: 用了全角冒号", "site.yaml:1:5: a full-width colon"),
        (b"site: {name: a\ndoors: {}\n", "site.yaml:1:7: 从这里开始的括号", "site.yaml:1:7: the bracket that begins here"),
        (b"site:\n  label: 'x\n", "site.yaml:2:10: 从这里开始的引号", "site.yaml:2:10: the quotation that begins here"),
        (b"site: a: b\n", "site.yaml:1:8: 这里不该再出现冒号", "site.yaml:1:8: no ':' may stand here"),
        (b"site: *x\n", "site.yaml:1:7: 引用了没有定义的锚点", "site.yaml:1:7: an alias"),
        (b"a: 1\n---\nb: 2\n", "site.yaml:2:1: 一个文件只能有一份配置", "site.yaml:2:1: one file holds one document"),
        (b"site: @x\n", "site.yaml:1:7: 值不能以这个字符开头", "site.yaml:1:7: a value cannot begin"),
        (b"a:\n  - 1\n b: 2\n", "site.yaml:3:2: 缩进与上文不一致", "site.yaml:3:2: the indentation does not match"),
        (b"site: \x07\n", "site.yaml:1:7: 这里有看不见的控制字符 U+0007", "site.yaml:1:7: an invisible control character, U+0007"),
        (b"site\0: a\n", "site.yaml:1:5: 这里不是文本", "site.yaml:1:5: not text from here on"),
        (b"site: {name: a}\nlabel: \xff\xff\n", "site.yaml:2:8: 这里不是 UTF-8", "site.yaml:2:8: not UTF-8 from here on"),
        (b"a: " + b"[" * 3000, "site.yaml", "site.yaml"),
        (b"x" * ((1 << 20) + 1), "site.yaml: 文件超过", "site.yaml: more than"),
        ("site: {name: a}".encode("utf-16"), "site.yaml:1:1: 文件是 UTF-16 编码", "site.yaml:1:1: the file is UTF-16"),
        (b"site: &a {name: *a}\n", "site.yaml:1:7: 锚点引用成环", "site.yaml:1:7: aliases that run in a circle"),
    ],
)
def test_what_is_no_settings_file(site: Path, raw: bytes, zh: str, en: str) -> None:
    """Whatever an editor can do to a file is said in words, at its place, and raises nothing."""
    site.write_bytes(raw)
    assert any(line.startswith(zh) for line in faults(site, "zh")), faults(site, "zh")
    assert any(line.startswith(en) for line in faults(site, "en")), faults(site, "en")


def test_a_byte_order_mark_is_no_fault(site: Path) -> None:
    """Notepad writes one; columns are counted without it."""
    site.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert faults(site) == []


def test_gb18030_is_told_and_read_on(site: Path) -> None:
    """A file saved as ANSI by a Chinese Windows is a fault, and the other faults in it are told in the same report."""
    site.write_bytes(GOOD.replace("locale: en", "locale: zh").replace("direction: in,", "direction: inn,").encode("gb18030"))
    first, second = faults(site)
    assert first == "site.yaml:2:32: 文件是 GB18030（记事本里的“ANSI”）编码，请另存为 UTF-8。"
    assert second.startswith("site.yaml:11:38: 应是 in, out 之一")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    """No file and a folder in its place are faults like any other, in the language of the person at the keyboard."""
    assert faults(tmp_path / "site.yaml", LANG="zh_CN.UTF-8")[0].startswith("site.yaml: 找不到配置文件")
    assert faults(tmp_path / "site.yaml", LANG="C.UTF-8")[0].startswith("site.yaml: no such file")
    assert len(faults(tmp_path)) == 1


def test_the_environment_overrides_the_file(site: Path) -> None:
    """`__` goes a level down; lists are written in YAML's flow style; the variables of tests and benches are no settings."""
    site.write_text(GOOD.replace(", acks: {centre: {unsigned: true}}", ""), encoding="utf-8")
    environ = {
        "ANYU_DOORS__NORTH__RELEASE_S": "7",
        "ANYU_UPLINK__CONSUMERS": "[town, owner]",
        "ANYU_LOCALE": "zh",
        "ANYU_MODELS": "/somewhere",
        "ANYU_FACES": "/somewhere",
        "DEMO_SECONDS": "5",
        "HOME": "/root",
    }
    found = load(site, environ)
    assert found.faults == ()
    assert found.locale == "zh"
    assert found.settings is not None
    assert found.settings.doors["north"].release_s == 7
    assert found.settings.doors["north"].label == ""
    assert found.settings.uplink is not None
    assert found.settings.uplink.consumers == ("town", "owner")


def test_faults_in_the_environment_name_the_variable(site: Path) -> None:
    """A wrong or misspelt variable is a fault with its own name as the place."""
    site.write_text(GOOD, encoding="utf-8")
    environ = {"ANYU_DOORS__NORTH__RELEASE_S": "long", "ANYU_SIET__NAME": "a", "ANYU_JOURNAL__RETENTION_DAY": "1"}
    assert faults(site, **environ) == [
        "ANYU_DOORS__NORTH__RELEASE_S: expected a number, read 'long'.",
        "ANYU_JOURNAL__RETENTION_DAY: there is no setting 'retention_day'. Did you mean 'retention_days'?",
        "ANYU_SIET__NAME: there is no setting 'siet'.",
    ]


def test_credentials_go_before_all(site: Path, tmp_path: Path) -> None:
    """A systemd credential gives the password; it is in no message and in no dump of the settings."""
    site.write_text(GOOD.replace('"mqtt://localhost"', '"mqtt://localhost", username: gate'), encoding="utf-8")
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "uplink__password").write_text("hunter2\n")
    (folder / "uplnk__password").write_text("hunter3\n")
    environ = {"CREDENTIALS_DIRECTORY": str(folder), "ANYU_UPLINK__PASSWORD": "weaker"}
    found = load(site, environ)
    assert found.settings is not None
    assert found.settings.uplink is not None
    assert found.settings.uplink.password is not None
    assert found.settings.uplink.password.get_secret_value() == "hunter2"
    assert [fault.text("en") for fault in found.warnings] == [
        "credential uplnk__password: credential 'uplnk__password' is no setting and is not used. Did you mean 'uplink'?"
    ]
    assert "hunter" not in found.settings.model_dump_json()


SECRETS = """\
  gatebox: {driver: onvif, host: 10.1.3.20, username: mover, password: hunter2, serial: S1, inputs: 1}
  bus: {driver: osdp, port: /dev/serial/by-id/x, readers: [{address: 1, key: 00112233445566778899aabbccddeeff}]}
"""
EYES = """\
cameras:
  cam: {driver: onvif, host: 10.1.3.21, username: gate, password: hunter2, access_points: [north_in]}
  cam2: {driver: rtsp, url: "rtsp://gate:hunter2@10.1.3.22/s", access_points: [north_in]}
  cam3: {driver: rtsp, url: "rtsp://10.1.3.23/user=gate&password=hunter2&channel=1", access_points: [north_in]}
"""
WITH_SECRETS = GOOD.replace("doors:\n", SECRETS + "doors:\n", 1) + EYES


@pytest.mark.parametrize(("mode", "open_"), [(0o644, True), (0o604, True), (0o602, True), (0o640, False), (0o600, False)])
def test_a_secret_in_an_open_file_is_a_fault(site: Path, mode: int, open_: bool) -> None:
    """Whatever device it is for, at its place, with the credential to use and without the secret; `run` goes on and `degraded` says it."""
    site.write_text(WITH_SECRETS, encoding="utf-8")
    site.chmod(mode)
    found = load(site, {})
    named = {re.search(r"LoadCredential=(\S+):", fault.text("en")) for fault in found.faults}
    wanted = ["controllers__gatebox__password", "controllers__bus__readers__0__key", "cameras__cam__password", "cameras__cam2__url"]
    wanted = [*wanted, "cameras__cam3__url"] if open_ else []
    assert {name and name[1] for name in named} == set(wanted)
    assert found.degraded == (("config.secret_in_file",) if open_ else ())
    assert found.settings is not None
    for locale in ("zh", "en"):
        assert not re.search("hunter2|00112233", "".join(faults(site, locale)))


def test_a_file_that_guards_read_is_open(site: Path) -> None:
    """The service's group is that of the guards, who may not know what moves the lock."""
    group = grp.getgrgid(os.getegid()).gr_name
    site.write_text(WITH_SECRETS + f"control: {{groups: [{group}]}}\n", encoding="utf-8")
    site.chmod(0o640)
    assert load(site, {}).degraded == ("config.secret_in_file",)


@pytest.mark.parametrize("role", ["guard", "manager", "installer", "inspector"])
def test_a_file_that_a_role_reads_is_open(site: Path, role: str) -> None:
    """Whatever role has the file's group, not the guards' alone."""
    group = grp.getgrgid(os.getegid()).gr_name
    site.write_text(WITH_SECRETS + f"control: {{roles: {{{role}: [{group}]}}}}\n", encoding="utf-8")
    site.chmod(0o640)
    assert load(site, {}).degraded == ("config.secret_in_file",)


@pytest.mark.parametrize("name", ["pass", "pw", "passphrase", "auth"])
def test_other_words_for_a_password_in_an_address(name: str) -> None:
    """As cameras of other makers name it; a word that only ends so is none."""
    assert holds_password(f"http://10.1.3.23/s?{name}=x")
    assert not holds_password(f"http://10.1.3.23/s?by{name}=x")


def test_what_is_secret_is_told_by_its_type() -> None:
    """A driver written next year needs no line here: its SecretStr is found, in a list of readers too, and any address with a password."""

    class Reader(BaseModel):
        code: SecretStr | None = None

    class Root(BaseModel):
        parts: dict[str, list[Reader]]
        site: str
        mirror: str
        door: str

    values: dict[str, object] = {
        "parts": {"a": [{"code": ""}, {"code": "1"}], "b": [{}]},
        "site": "https://u:p@host/x",
        "mirror": "rtsp://host:554/at@home",
        "door": "rtsp://u:p/w@host/x",
    }
    assert list(secrets(Root, values)) == [("parts", "a", 1, "code"), ("site",), ("door",)]


def given(tmp_path: Path, **files: str) -> dict[str, str]:
    """An environment with these credentials."""
    folder = tmp_path / "given"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_a_credential_reaches_into_a_list(site: Path, tmp_path: Path) -> None:
    """By the element's place from 0; the other elements and keys are those of the file, and their faults stay at their place in it."""
    bus = "  bus: {driver: osdp, port: /dev/serial/by-id/x, readers: [{address: 1}, {address: 2, inputs: 1}]}\n"
    site.write_text(GOOD.replace("doors:\n", bus + "doors:\n", 1), encoding="utf-8")
    both = {"controllers__bus__readers__0__key": "0" * 31 + "1", "controllers.bus.readers.1.key": "0" * 31 + "2"}
    settings = load(site, given(tmp_path, **both)).settings
    assert settings is not None
    readers = getattr(settings.controllers["bus"].options, "readers", ())
    assert [(reader.address, reader.inputs, int(reader.key.get_secret_value(), 16)) for reader in readers] == [(1, 0, 1), (2, 1, 2)]
    assert load(site, {"ANYU_CONTROLLERS__BUS__READERS__1__ADDRESS": "7"}, secrets=False).settings is not None
    site.write_text(site.read_text(encoding="utf-8").replace("inputs: 1}]", "inputs: many}]"), encoding="utf-8")
    assert [line.split(" ")[0] for line in faults(site, **given(tmp_path))] == ["site.yaml:5:95:"]
    site.write_text(site.read_text(encoding="utf-8").replace("many", "1"), encoding="utf-8")
    assert faults(site, **given(tmp_path), ANYU_CONTROLLERS__BUS__READERS__2__ADDRESS="3") == [
        "ANYU_CONTROLLERS__BUS__READERS__2__ADDRESS: controllers.bus.readers has 2 elements, counted from 0."
    ]


def test_a_key_that_only_the_service_sees(site: Path, tmp_path: Path) -> None:
    """The service does not start without it, and is told which credential; whoever asks the daemon from a shell needs it not."""
    bus = "  bus: {driver: osdp, port: /dev/serial/by-id/x, readers: [{address: 1}]}\n"
    site.write_text(GOOD.replace("doors:\n", bus + "doors:\n", 1), encoding="utf-8")
    name = "controllers__bus__readers__0__key"
    (fault,) = faults(site)
    assert (
        fault == f"site.yaml:5:60: 'key' is missing; use LoadCredential={name}:anyu-edge.{name} and /etc/credstore/anyu-edge.{name} (0600)."
    )
    assert load(site, {}).settings is None
    asked = load(site, {}, secrets=False)
    assert asked.settings is not None
    assert [warning.code for warning in asked.warnings if warning.code != "unused_controller"] == ["secret_elsewhere"]
    assert load(site, given(tmp_path, **{name: "1" * 32})).faults == ()


def test_root_sees_what_the_service_has_or_will_be_given(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For `check` and `doctor` before the service runs: the store, then the running service's own; for no other file."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    module = sys.modules["edge.settings.load"]  # the package's own `load` is the function
    monkeypatch.setattr(module, "DEFAULT_PATH", site)
    monkeypatch.setattr(module, "SERVICE_CREDENTIALS", str(tmp_path / "running"))
    monkeypatch.setattr(module, "CREDENTIAL_STORE", str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "anyu-edge.doors__north__label").write_text("stored", encoding="ascii")
    (tmp_path / "store" / "another.doors__north__label").write_text("another program's", encoding="ascii")
    other = tmp_path / "other.yaml"
    for path in (site, other):
        path.write_text(GOOD, encoding="utf-8")

    def label(path: Path) -> str:
        found = load(path)
        assert found.settings is not None
        assert [warning.code for warning in found.warnings if warning.code != "uplink_unsigned"] == []
        return found.settings.doors["north"].label

    assert (label(site), label(other)) == ("stored", "")
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "doors__north__label").write_text("running", encoding="ascii")
    assert (label(site), label(other)) == ("running", "")


def test_a_credential_is_never_repeated(site: Path, tmp_path: Path) -> None:
    """Whatever is wrong with it, and wherever it is put."""
    site.write_text(GOOD, encoding="utf-8")
    said = faults(site, **given(tmp_path, doors__north__release_s="hunter2", access_rules="hunter2", controllers__sim__doors="hunter2"))
    assert len(said) == 3
    assert "hunter2" not in "".join(said)


def test_a_credential_of_a_device_that_was_taken_out_stops_nothing(site: Path, tmp_path: Path) -> None:
    """The camera has left site.yaml, its credential has not: a warning, and the doors go on."""
    site.write_text(GOOD.replace("uplink:", "# uplink:"), encoding="utf-8")
    found = load(site, given(tmp_path, cameras__gone__password="hunter2", uplink__password="hunter2"))
    assert found.settings is not None
    assert [warning.code for warning in found.warnings if warning.code != "no_uplink"] == ["unused_credential"] * 2


def test_the_master_key_is_no_setting_and_no_mistake(site: Path, tmp_path: Path) -> None:
    """The credential of the sealed files lies in the same folder and is read elsewhere."""
    site.write_text(GOOD, encoding="utf-8")
    found = load(site, given(tmp_path, master_key="x"))
    assert (found.faults, found.warnings) == ((), ())


def test_a_secret_in_the_environment_is_worth_a_look(site: Path) -> None:
    """`systemctl show` tells it to everybody."""
    site.write_text(GOOD.replace('"mqtt://localhost"', '"mqtt://localhost", username: gate'), encoding="utf-8")
    (warning,) = warnings(site, ANYU_UPLINK__PASSWORD="hunter2")
    assert warning.startswith("ANYU_UPLINK__PASSWORD: everybody can see a secret in the environment")


def test_no_secret_is_ever_shown(site: Path) -> None:
    """A password in the file or in the broker's address is refused, and not repeated."""
    site.write_text(
        GOOD.replace('"mqtt://localhost"', '"mqtts://gate:hunter2@centre", username: gate, password: hunter2'), encoding="utf-8"
    )
    lines = faults(site)
    assert len(lines) == 2
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("exit_button: {controller: sim, input: 2}", "label: x", "site.yaml:6:3: door 'north' cannot be left"),
        ("{controller: sim, reader: 2}", "{controller: sim, reader: 1}", "site.yaml:12:78: already used by access_points.north_in"),
        ("output: 1", "output: 3", "site.yaml:7:37: controller 'sim' (simulated) has no output 3. What can stand here: sim: output 1-2"),
        ("contact: {controller: sim,", "contact: {controller: smi,", "site.yaml:8:27: there is no controller 'smi'. Did you mean 'sim'?"),
        ("[north_in, north_out]}", "[north_in], schedule: alwys}", "site.yaml:14:64: there is no schedule 'alwys'. Did you mean 'always'?"),
        ("north:\n", "North:\n", "site.yaml:6:3: a name has lower-case letters"),
        ("locale: en", "locale: en\nlocale: zh", "site.yaml:2:1: 'locale' is written twice, first on line 1; remove one."),
        ("site: {name: anting_01,", "site: {", "site.yaml:2:1: 'name' is missing."),
        ("{driver: simulated,", "{driver: wiegand_serial, port: /dev/x,", "site.yaml:7:24: driver wiegand_serial drives no lock."),
    ],
)  # fmt: skip
def test_faults_between_pieces(site: Path, old: str, new: str, said: str) -> None:
    """Names that lead nowhere, things wired twice, doors nobody can leave."""
    assert old in GOOD
    site.write_text(GOOD.replace(old, new), encoding="utf-8")
    assert any(line.startswith(said) for line in faults(site)), faults(site)


def test_a_board_that_latches_must_be_accepted(site: Path) -> None:
    """A relay that stays released when the daemon dies is used only where the site says that it knows."""
    text = GOOD.replace("driver: simulated, doors: 2, inputs: 8", "driver: simulated").replace(
        "doors:\n", "  board: {driver: lcus, port: /dev/ttyUSB0, outputs: 1}\ndoors:\n"
    )
    site.write_text(text.replace("lock: {controller: sim,", "lock: {controller: board,"), encoding="utf-8")
    (latching,) = faults(site)
    assert latching.startswith("site.yaml:8:5: driver lcus keeps a door released if the daemon dies meanwhile")
    site.write_text(text.replace("lock: {controller: sim,", "lock: {accept_latching: true, controller: board,"), encoding="utf-8")
    assert faults(site) == []
    assert any("/dev/ttyUSB0 changes with the order of plugging in" in line for line in warnings(site))


@pytest.mark.peer("pymodbus")
def test_a_board_that_times_its_releases_by_its_options_need_not_be_accepted(site: Path) -> None:
    """Whether a release ends without the daemon may hang on an option; it is that board's answer that counts, not its kind's."""
    text = GOOD.replace("driver: simulated, doors: 2, inputs: 8", "driver: simulated").replace(
        "doors:\n", "  board: {driver: modbus, port: 'tcp://10.1.3.30:502', unit: 1, outputs: 1}\ndoors:\n"
    )
    text = text.replace("lock: {controller: sim,", "lock: {controller: board,")
    site.write_text(text, encoding="utf-8")
    (latching,) = faults(site)
    assert latching.startswith("site.yaml:8:5: driver modbus keeps a door released if the daemon dies meanwhile")
    site.write_text(text.replace("outputs: 1", "outputs: 1, pulse: flash_on"), encoding="utf-8")
    assert faults(site) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('uplink: {broker: "mqtt://localhost", acks: {centre: {unsigned: true}}}', "", "no uplink: events stay on this machine."),
        (", acks: {centre: {unsigned: true}}", "", "(anyu-edge centre keygen), or write unsigned: true."),
        ("[north_in, north_out]", "[north_out]", "no access rule lets anybody in at 'north_in'."),
        ("    contact", "    release_s: 0.1\n    contact", "the lock is released for 0.1 s: nobody reaches the door in that."),
        (", reader: {controller: sim, reader: 2}", "", "access point 'north_out' has no reader: only a guard can open it."),
        ("access_rules:", "schedules:\n  day: {weekly: {mon-sun: ['06:00-22:00']}}\naccess_rules:", "schedule 'day' is used nowhere."),
        ("controllers:\n", "controllers:\n  spare: {driver: simulated}\n", "controller 'spare' is used by no door and no access point."),
    ],
)
def test_warnings_stop_nothing(site: Path, old: str, new: str, said: str) -> None:
    """What is worth a look is told, and the settings are used all the same."""
    assert old in GOOD
    site.write_text(GOOD.replace(old, new), encoding="utf-8")
    assert any(line.endswith(said) for line in warnings(site)), warnings(site)
    assert load(site, {}).settings is not None


@pytest.mark.parametrize(
    ("uplink", "codes"),
    [
        ("broker: mqtt://centre.example", ["plain_uplink"]),
        ("broker: mqtt://centre.example, allow_plain: true", []),
        ("broker: mqtts://abroad.example, brokers: [centre.example]", ["broker_not_allowed"]),
        ("broker: mqtts://Centre.example, brokers: [centre.example]", []),
        ("broker: mqtt://127.0.0.1, brokers: []", ["broker_not_allowed"]),
    ],
)
def test_a_broker_that_is_not_allowed_switches_off_the_uplink_only(site: Path, uplink: str, codes: list[str]) -> None:
    """`check` calls it a fault; `run` has its settings, a word for `degraded`, and an uplink that knows that it must stay off."""
    site.write_text(GOOD.replace('broker: "mqtt://localhost"', uplink), encoding="utf-8")
    found = load(site, {})
    assert [fault.code for fault in found.faults] == codes
    assert found.settings is not None
    assert found.settings.uplink is not None
    assert [found.settings.uplink.not_allowed] == (codes or [""])
    assert found.degraded == (("uplink.not_allowed",) if codes else ())


def test_who_needs_settings_gets_all_faults_as_one_error(site: Path) -> None:
    """read_settings raises one error that holds them all."""
    site.write_text(GOOD.replace("direction: in,", "direction: inn,").replace("name: anting_01", "name: 安亭"), encoding="utf-8")
    with pytest.raises(SettingsRefused) as refused:
        read_settings(site, {})
    assert len(refused.value.faults) == 2
    assert str(refused.value).count("\n") == 1


def test_settings_are_frozen_and_have_a_version(site: Path) -> None:
    """Nobody changes settings in force; their version changes with what is said, not with how it is written or told."""
    site.write_text(GOOD, encoding="utf-8")
    settings = read_settings(site, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.locale = "zh"  # type: ignore[misc]
    site.write_text("# another word\n" + GOOD.replace("locale: en", "locale: zh"), encoding="utf-8")
    assert read_settings(site, {}).version == settings.version
    assert read_settings(site, {"ANYU_DOORS__NORTH__RELEASE_S": "6"}).version != settings.version


EYE = 'cameras:\n  eye: {driver: rtsp, url: "rtsp://10.0.0.1/s", username: gate, access_points: [north_in]}\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[north_in]", "[north_in], location: room", "a camera in a private room is not allowed."),
        ("[north_in]", "[nort_in]", "there is no access point 'nort_in'. Did you mean 'north_in'?"),
        ("driver: rtsp", "driver: rtps", "expected one of clip, onvif, rtsp, usb, read 'rtps'. Did you mean 'rtsp'?"),
        ("[north_in]", "[north_in], area: [[0, 0], [1, 1]]", "an area needs three points or more."),
        ("access_points", "acess_points", "there is no setting 'acess_points'. Did you mean 'access_points'?"),
        ("[north_in]}", "[north_in]}\nrecognition: {agree: 4, of: 3}", "agree cannot be more than of."),
        ("[north_in]}", "[north_in]}\nrecognition: {false_positive_rate: 0.5}", "must be at most 0.05, read 0.5."),
    ],
)
def test_faults_of_cameras(site: Path, old: str, new: str, said: str) -> None:
    """A bedroom, a place, driver or key that is none, half an area, and frames that could never agree: one fault each."""
    site.write_text(GOOD + EYE, encoding="utf-8")
    assert faults(site) == []
    assert old in EYE
    site.write_text(GOOD + EYE.replace(old, new), encoding="utf-8")
    (fault,) = faults(site)
    assert fault.endswith(said)


def test_one_face_opens_one_door(site: Path) -> None:
    """A camera may watch both directions of a door, and not two doors."""
    two = GOOD.replace(
        "access_points:\n",
        "  south: {lock: {controller: sim, output: 2, type: fail_secure, wiring: no}, free_exit: true}\n"
        "access_points:\n  south_in: {door: south, direction: in, reader: {controller: sim, reader: 3}}\n",
    ).replace("inputs: 8", "inputs: 8, readers: 3")
    site.write_text(two + EYE.replace("[north_in]", "[north_in, north_out]"), encoding="utf-8")
    assert faults(site) == []
    site.write_text(two + EYE.replace("[north_in]", "[north_in, south_in]"), encoding="utf-8")
    (fault,) = faults(site)
    assert fault.endswith("the access points of camera 'eye' belong to different doors; one face opens one door.")


@pytest.mark.parametrize("where", ["address", "key", "credential"])
def test_a_cameras_password_is_seen_by_nobody(site: Path, tmp_path: Path, where: str) -> None:
    """In the address, under its key or as a credential: it reaches the driver, and no message, dump or version."""
    plain = EYE.replace("username: gate", "username: gate, password: hunter2")
    text = {"address": EYE.replace("rtsp://", "rtsp://gate:hunter2@").replace("username: gate, ", ""), "key": plain, "credential": EYE}[
        where
    ]
    environ = {}
    if where == "credential":
        (tmp_path / "given").mkdir()
        (tmp_path / "given" / "cameras__eye__password").write_text("hunter2\n")
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "given")}
    site.write_text(GOOD + text, encoding="utf-8")
    settings = load(site, environ).settings
    assert settings is not None
    assert settings.cameras["eye"].secrets().items() >= {"url": "rtsp://10.0.0.1/s", "username": "gate", "password": "hunter2"}.items()
    assert "hunter2" not in repr(settings) + str(settings.cameras["eye"]) + settings.model_dump_json()
    site.write_text(GOOD + plain.replace("hunter2", "hunter3"), encoding="utf-8")
    assert read_settings(site, {}).version == settings.version
    site.write_text(GOOD + text.replace("driver: rtsp", "driver: rtsp, fps: many").replace("10.0.0.1", "10.0.0.1:x"), encoding="utf-8")
    assert faults(site, **environ)
    assert "hunter2" not in "".join(faults(site, **environ))


def test_cameras_can_be_checked_without_the_extra() -> None:
    """Reading the settings of a camera needs no FFmpeg: a gate whose extra is missing starts, and its doors work."""
    asked = (
        "import sys; sys.modules['av'] = None; import drivers.camera as c; print([c.options(k).__name__ for k in ('rtsp', 'usb', 'clip')])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['Options', 'Options', 'Options']"


def test_the_guards_button_is_wired_like_everything(site: Path) -> None:
    """It needs a place that exists and an input of its own."""
    site.write_text(GOOD + "\nguard_button: {controller: nowhere, input: 1, access_point: nort_in}\n", encoding="utf-8")
    found = load(site, {})
    codes = {fault.code: fault.near for fault in found.faults}
    assert codes == {"no_such_controller": codes.get("no_such_controller"), "no_such_access_point": "north_in"}


def test_a_port_that_will_be_another_tomorrow(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port named ttyUSBn is a warning that names the lasting name of what is plugged in there now, where there is one."""
    site.write_text(
        GOOD.replace("controllers:\n", "controllers:\n  spare: {driver: lcus, port: /dev/ttyUSB3, outputs: 1}\n"), encoding="utf-8"
    )
    assert "unstable_port" in {fault.code for fault in load(site, {}).warnings}
    monkeypatch.setattr("edge.settings.cross.lasting_name", lambda _port: "/dev/serial/by-path/pci-usb-2-port0")
    (warning,) = [fault for fault in load(site, {}).warnings if fault.code == "unstable_port_here"]
    for locale in ("zh", "en"):
        assert "/dev/serial/by-path/pci-usb-2-port0" in warning.text(locale)


def test_no_setting_bears_a_reserved_name() -> None:
    """ANYU_MODELS and ANYU_FACES belong to tests and benches."""
    assert not {"models", "faces"} & Settings.model_fields.keys()


@pytest.mark.parametrize("code", sorted(WORDS))
def test_both_languages_say_the_same_things(code: str) -> None:
    """Every sentence exists twice and takes the same values."""

    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            self[key] = "x"
            return "x"

    zh, en = (Anything(), Anything())
    WORDS[code][0].format_map(zh)
    WORDS[code][1].format_map(en)
    assert zh.keys() == en.keys()
    assert say("zh", code, **zh)


def test_every_fault_of_every_piece_has_words() -> None:
    """Whatever a package or a driver calls a fault in its settings is known here in both languages."""
    root = Path(__file__).parent.parent
    pieces = [*root.glob("drivers/**/*.py"), *root.glob("edge/*/settings.py"), root / "edge/settings/model.py"]
    codes = {code for piece in pieces for code in re.findall(r'PydanticCustomError\(\s*"(\w+)"', piece.read_text(encoding="utf-8"))}
    assert len(codes) > 10
    assert codes - WORDS.keys() == set()


def test_no_validator_speaks_one_language() -> None:
    """A fault of a piece has a code, for its words in both languages; only a list of choices is read out of its text."""
    root = Path(__file__).parent.parent
    pieces = [*root.glob("drivers/**/*.py"), *root.glob("edge/*/settings.py"), root / "edge/settings/model.py"]
    validators = [
        ast.unparse(node)
        for piece in pieces
        for node in ast.walk(ast.parse(piece.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and any("_validator" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert len(validators) > 10
    assert [text for text in validators if re.search(r"raise ValueError\((?!f.expected one of )", text)] == []


@pytest.mark.parametrize("name", ["site.example.yaml", "sites/gate.yaml", "sites/capture.yaml", "sites/card.yaml"])
def test_the_examples_are_good(name: str) -> None:
    """What we hand out as an example passes its own check."""
    found = load(CONFIG / name, {})
    assert [fault.text("en") for fault in found.faults] == []
    assert [fault.text("en") for fault in found.warnings if fault.code != "no_uplink"] == []


def test_one_account_may_not_both_look_and_open(site: Path) -> None:
    """The account that moves a camera's relay is not the one whose password the vision worker holds."""
    relay = "controllers:\n  gate_camera: {driver: onvif, host: 10.0.0.1, username: USER, serial: S1, inputs: 1}\n"
    in_url = EYE.replace("rtsp://", "rtsp://gate:hunter2@").replace("username: gate, ", "")
    for user, eye, shared in (("gate", EYE, True), ("gate", in_url, True), ("opener", EYE, False), ("opener", in_url, False)):
        site.write_text(GOOD.replace("controllers:\n", relay.replace("USER", user), 1) + eye, encoding="utf-8")
        assert load(site, {}).settings is not None  # the doors go on
        assert any("uses the account that moves a relay" in fault for fault in faults(site)) is shared
