"""Who may ask a simulated camera what: WS-Security user name tokens with a freshness window, and HTTP digest."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from drivers.onvif.simulator import words
from drivers.onvif.simulator.http import Digest, Reply, Request
from drivers.onvif.simulator.state import Behaviour

NONCES = 1000  # remembered, so that no signature is taken twice
UNSIGNED = {"GetSystemDateAndTime", "GetServices", "GetCapabilities", "GetServiceCapabilities"}  # PRE_AUTH, says the standard


class Gatekeeper:
    """Knows the one account."""

    def __init__(self, user: str, password: str, behaviour: Behaviour, now: Callable[[], datetime]) -> None:
        self._user, self._password = user, password
        self._behaviour = behaviour
        self._now = now
        self._digest = Digest(user, password)
        self._nonces: deque[str] = deque(maxlen=NONCES)

    def denied(self, request: Request, root: Any, operation: str) -> Reply | None:  # noqa: ANN401  # an element of lxml
        """The refusal, or None for a request that is in order."""
        behaviour = self._behaviour
        if behaviour.auth == "none" or (operation in UNSIGNED and not behaviour.signs_everything):
            return None
        if behaviour.auth in {"wsse", "either"} and self._signed(root):
            return None
        if behaviour.auth in {"digest", "either"} and self._digest.accepts(request):
            return None
        if behaviour.auth == "wsse":
            return Reply(400, words.fault("NotAuthorized", "Sender not Authorized"))
        return Reply(401, b"<html/>", (self._digest.challenge(),), "text/html")

    def _signed(self, root: Any) -> bool:  # noqa: ANN401  # an element of lxml
        """Whether the user name token is right, fresh and new."""
        from drivers.onvif import xml

        token = xml.first(root, "UsernameToken")
        if token is None or xml.text(token, "Username") != self._user:
            return False
        nonce, created = xml.text(token, "Nonce"), xml.text(token, "Created")
        try:
            raw = base64.b64decode(nonce)
            stale = abs((datetime.fromisoformat(created) - self._now()).total_seconds()) > self._behaviour.window_s
        except (ValueError, TypeError):
            return False
        digest = hashlib.sha1(raw + created.encode() + self._password.encode()).digest()  # noqa: S324  # the standard's own
        right = hmac.compare_digest(base64.b64encode(digest).decode(), xml.text(token, "Password"))
        if stale or nonce in self._nonces or not right:
            return False
        self._nonces.append(nonce)
        return True
