"""A camera that leaves packets out: a relay in front of an RTSP server that drops some of the video's packets and nothing else."""

from __future__ import annotations

import random
import re
import socket
import threading
from collections.abc import Callable

DOLLAR = 0x24


class Lossy:
    """Listens on `port`, for one server. `share` of the packets on the video's channel is dropped from now on.

    `counts_by`: the numbers of the video's packets grow by this much.
    """

    def __init__(self, server_port: int, seed: int = 1) -> None:
        self.share = 0.0
        self.counts_by = 1
        self.lost = 0
        self._server_port = server_port
        self._chance = random.Random(seed)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                viewer, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for source, sink, work in ((viewer, server, self._whole), (server, viewer, self._some)):
                threading.Thread(target=self._carry, args=(source, sink, work), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, work: Callable[[bytes], tuple[bytes, bytes]]) -> None:
        kept = b""
        try:
            while data := source.recv(65536):
                out, kept = work(kept + data)
                sink.sendall(out)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    @staticmethod
    def _whole(data: bytes) -> tuple[bytes, bytes]:
        return data, b""

    def _renumbered(self, packet: bytes) -> bytes:
        if packet[:2] != b"$\0" or len(packet) < 8:
            return packet
        number = int.from_bytes(packet[6:8], "big") * self.counts_by % 0x10000
        return packet[:6] + number.to_bytes(2, "big") + packet[8:]

    def _some(self, data: bytes) -> tuple[bytes, bytes]:
        """What goes on, and what is not whole yet."""
        out = b""
        while data:
            if data[0] == DOLLAR:
                size = 4 + int.from_bytes(data[2:4], "big") if len(data) >= 4 else 4
            else:
                head = data.partition(b"\r\n\r\n")[0]
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                size = len(head) + 4 + (int(length[1]) if length else 0)
            if len(data) < size:
                break
            drop = data[:2] == b"$\0" and self._chance.random() < self.share
            self.lost += drop
            out += b"" if drop else self._renumbered(data[:size])
            data = data[size:]
        return out, data
