"""Photos that have served go; one that cannot be deleted is said once and tried again, for it is somebody's face."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from edge.roster.faces.photos import Photos

log = logging.getLogger(__name__)


class Disposal:
    """Deletes photos, and remembers which would not go. One thread at a time."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._left: dict[str | None, set[str]] = {}
        self._complained = False

    def __bool__(self) -> bool:
        """Whether something that should be gone is still there."""
        return bool(self._left)

    def delete(self, tenant_id: str | None, names: Iterable[str]) -> tuple[int, int]:
        """Delete these files of a tenant, or (None) of the photos folder itself: how many went, and how many stayed."""
        wanted = set(names)
        try:
            stayed = dict(self._photos.delete(tenant_id, sorted(wanted)))
        except OSError as failed:
            stayed = dict.fromkeys(wanted, failed)
        left = (self._left.get(tenant_id, set()) - wanted) | stayed.keys()
        self._left = {other: names for other, names in (self._left | {tenant_id: left}).items() if names}
        for why in list(stayed.values())[:1]:
            if not self._complained:
                self._complained = True
                log.warning("photos could not be deleted (%s): delete them by hand", why.strerror or type(why).__name__)
        return len(wanted) - len(stayed), len(stayed)

    def again(self) -> None:
        """Try once more what would not go before."""
        for tenant_id, names in list(self._left.items()):
            self.delete(tenant_id, names)
