"""A byte line to one device: a serial port, a TCP connection, a pty or a null modem in memory.

`dial(port, baud)` opens what a settings file names: a device path or `tcp://host:port`. A line is open when it is handed out, and once
lost it stays lost; drivers/reconnect.py dials another.
"""

from __future__ import annotations

from drivers.line.base import INBOX_LIMIT, Dial, Inbox, Line
from drivers.line.fd import FdLine
from drivers.line.memory import NullModem
from drivers.line.names import Port, dial, is_tcp, is_unstable_name, tcp_address
from drivers.line.pty_pair import PtyPair, open_pty_pair
from drivers.line.serial_port import SerialLine
from drivers.line.tcp import TcpLine, TcpSocket, listen

__all__ = [
    "INBOX_LIMIT",
    "Dial",
    "FdLine",
    "Inbox",
    "Line",
    "NullModem",
    "Port",
    "PtyPair",
    "SerialLine",
    "TcpLine",
    "TcpSocket",
    "dial",
    "is_tcp",
    "is_unstable_name",
    "listen",
    "open_pty_pair",
    "tcp_address",
]
