"""An installed machine: accounts and folders by the product's own files, in a mount namespace, under exactly the groups of systemd.

systemd calls setgid(Group=) and initgroups(User=, Group=) and adds SupplementaryGroups=; so does this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_systemd import FOLDER, VISION, value

TREE = FOLDER.parent
GROUPS = value("SupplementaryGroups", VISION)
SITE = next(path for path in sys.path if path.endswith("site-packages"))
AS = """
import grp, os, pwd, sys
user, group, extra, *command = sys.argv[1:]
account = pwd.getpwnam(user)
gid = grp.getgrnam(group).gr_gid if group else account.pw_gid
os.initgroups(user, gid)
os.setgroups(sorted({*os.getgroups(), *(grp.getgrnam(name).gr_gid for name in extra.split())}))
os.setgid(gid)
os.setuid(account.pw_uid)
os.umask(0o022 if user == "manager1" else 0o077)
os.execv(command[0], command)
"""
MACHINE = """
set -euo pipefail
WORK={work}
mount --make-rprivate /
mkdir -p {work}/up {work}/wk
mount -t overlay overlay -o lowerdir=/etc,upperdir={work}/up,workdir={work}/wk /etc
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /run
systemd-sysusers {tree}/systemd/anyu-edge.sysusers
useradd -M -N -g nogroup -G anyu-guard guard1
useradd -M -N -g nogroup -G anyu-manager manager1
useradd -M -N -g nogroup -G dialout other1
systemd-tmpfiles --create {tree}/systemd/anyu-edge.tmpfiles
install -d -o anyu-edge -g anyu-guard -m 700 /var/lib/anyu-edge
install -d -o anyu-edge -g anyu-guard -m 750 /run/anyu-edge
install -d -o anyu-vision -g anyu-vision -m 750 /run/anyu-edge-vision
as() {{ {python} {work}/as.py "$@"; }}
daemon() {{ as anyu-edge anyu-guard "{daemon}" "$@"; }}
vision() {{ as anyu-vision anyu-vision "{vision}" "$@"; }}
refused() {{ if "$@" 2>/dev/null; then echo "not refused: $*"; exit 1; fi; }}
{body}
"""


def machine(folder: Path, body: str) -> str:
    """Run a script on a machine as the runbook leaves it; returns what it said. `daemon`, `vision`, `as` change account."""
    if os.geteuid() != 0:
        pytest.skip("needs root: accounts and mounts in a namespace of its own")
    if missing := [tool for tool in ("unshare", "systemd-sysusers", "systemd-tmpfiles", "useradd") if shutil.which(tool) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs leave to unshare mounts")
    work = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())  # pytest's own is root's alone
    try:
        work.chmod(0o755)
        (work / "as.py").write_text(AS)
        script = MACHINE.format(
            work=work, tree=TREE, python="/usr/bin/python3", body=body, daemon=value("SupplementaryGroups"),
            vision=value("SupplementaryGroups", VISION),
        )  # fmt: skip
        told = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, timeout=90, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout
    finally:
        shutil.rmtree(work, ignore_errors=True)


def test_the_service_reads_its_key_and_nobody_else_does(tmp_path: Path) -> None:
    """The TLS folder is readable to the daemon's account under the unit's groups; not to guards, managers or the recogniser."""
    body = """
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /etc/anyu-edge/tls/gateway.key \\
      -out /etc/anyu-edge/tls/gateway.pem -subj /CN=anting_01-gw1 -days 2 2>/dev/null
    chgrp anyu-edge /etc/anyu-edge/tls/*; chmod 640 /etc/anyu-edge/tls/*
    daemon /usr/bin/python3 -c '
import ssl
ssl.create_default_context().load_cert_chain("/etc/anyu-edge/tls/gateway.pem", "/etc/anyu-edge/tls/gateway.key")'
    refused vision /bin/cat /etc/anyu-edge/tls/gateway.key
    refused as guard1 "" "" /bin/cat /etc/anyu-edge/tls/gateway.key
    refused as manager1 "" "" /bin/cat /etc/anyu-edge/tls/gateway.key
    """
    machine(tmp_path, body)


def test_the_service_deletes_what_a_manager_put_there(tmp_path: Path) -> None:
    """A photo in a folder that a manager made with the usual umask can be deleted by the daemon, and the folder too."""
    body = """
    photos=/etc/anyu-edge/roster/photos
    as manager1 "" "" /bin/mkdir $photos/1001
    as manager1 "" "" /bin/cp /etc/hostname $photos/1001/a.jpg
    daemon /bin/cat $photos/1001/a.jpg
    refused as other1 "" "" /bin/cat $photos/1001/a.jpg
    refused vision /bin/ls $photos
    daemon /bin/rm $photos/1001/a.jpg
    daemon /bin/rmdir $photos/1001
    """
    machine(tmp_path, body)


def test_the_recogniser_reaches_nothing_of_the_daemons(tmp_path: Path) -> None:
    """No state, no control socket, no roster, no adapter that a lock hangs at; its weights it reads and cannot change."""
    body = """
    daemon /usr/bin/touch /var/lib/anyu-edge/journal.db
    daemon /usr/bin/touch /run/anyu-edge/control.sock
    install -m 660 -o root -g anyu-serial /dev/null /run/ttyUSB0  # as 60-anyu-edge.rules leaves it
    install -m 660 -o root -g dialout /dev/null /run/ttyS0
    daemon /bin/cat /run/ttyUSB0 /run/ttyS0
    for file in /var/lib/anyu-edge/journal.db /run/anyu-edge/control.sock /run/ttyUSB0 /run/ttyS0; do
      refused vision /bin/cat $file
    done
    refused as other1 "" "" /bin/cat /run/ttyUSB0  # a member of dialout
    daemon /bin/sh -c 'umask 077; echo w > /var/lib/anyu-edge-vision/w; chmod 640 /var/lib/anyu-edge-vision/w'
    vision /bin/cat /var/lib/anyu-edge-vision/w
    refused vision /bin/sh -c 'echo x > /var/lib/anyu-edge-vision/w'
    refused vision /usr/bin/touch /var/lib/anyu-edge-vision/x
    refused as guard1 "" "" /bin/ls /var/lib/anyu-edge-vision
    """
    machine(tmp_path, body)


def test_guards_reach_the_control_socket_and_managers_the_roster(tmp_path: Path) -> None:
    """Each group reaches what it should and not the other's."""
    body = """
    as guard1 "" "" /bin/ls /run/anyu-edge
    refused as manager1 "" "" /bin/ls /var/lib/anyu-edge
    as manager1 "" "" /usr/bin/touch /etc/anyu-edge/roster/roster.csv
    daemon /bin/cat /etc/anyu-edge/roster/roster.csv
    refused as guard1 "" "" /bin/cat /etc/anyu-edge/roster/roster.csv
    """
    machine(tmp_path, body)


TALK = """
import asyncio
from edge.vision.keeper import Terms, Worker, WorkerLost
from edge.vision.link import Unit
from edge.vision.task import Task
heard = []
worker = Worker(Task(engine="standard", weights="/nowhere", cameras=()), heard.append, print, Terms(where="unit", require_sandbox=False))
try:
    asyncio.run(worker.run())
except WorkerLost:
    pass
print([message.header.kind for message in heard], *worker.finding.words())
"""
WORKER = """
import json, os, struct
while os.read(0, 1) != b"\\n": pass
for header in (dict(kind="started", engine="standard", runtime="opencv", space=""), dict(kind="beat", frames=0, faces=0, rss_mb=1.0)):
    text = json.dumps(header).encode()
    os.write(1, struct.pack("<III", len(text), 0, 0) + text)
pid = os.fork()
if pid == 0:
    os.setsid()
    import time
    time.sleep(600)
"""


def test_the_two_talk_over_one_socket(tmp_path: Path) -> None:
    """The daemon's account gets a worker of the other account and judges it by the kernel; others get none; nothing outlives it."""
    body = f"""
    mkdir /run/code
    cp -r {TREE}/edge {TREE}/drivers {TREE}/models /run/code/
    mkdir /run/code/site; mount --bind {SITE} /run/code/site
    cat > /run/code/edge/vision/worker.py <<'P'
{WORKER}
P
    cat > /run/code/talk.py <<'P'
{TALK}
P
    chmod a+rX /run/code; chmod -R a+rX /run/code/edge /run/code/drivers /run/code/models; chmod a+r /run/code/talk.py
    cd /run/code
    export PYTHONPATH=/run/code:/run/code/site PYTHONDONTWRITEBYTECODE=1
    (exec /usr/bin/python3 $WORK/as.py anyu-vision anyu-vision "{GROUPS}" /usr/bin/python3 -m edge.vision.service) >$WORK/service.log 2>&1 &
    service=$!; trap "kill $service; cat $WORK/service.log >&2" EXIT
    until [ -S /run/anyu-edge-vision/worker.sock ]; do sleep 0.05; done
    daemon /usr/bin/python3 /run/code/talk.py
    refused as guard1 "" "" /usr/bin/python3 /run/code/talk.py
    refused as anyu-vision anyu-vision "" /usr/bin/python3 /run/code/talk.py
    pgrep -u anyu-vision | grep -qx $service
    test $(pgrep -u anyu-vision | wc -l) = 1  # the child that hid in another session is gone
    """
    first, words = machine(tmp_path, body).splitlines()[:2]
    assert first == "ended"
    assert words.startswith("['started', 'beat'] vision.not_confined")
    assert "vision.no_seccomp" in words.split()
    assert "vision.no_address_rules" in words.split()
    assert not {"vision.no_own_account", "vision.privileged_group", "vision.spawned"} & set(words.split())
