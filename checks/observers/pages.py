"""Which page is new, and which has come before: senders try again, repeat themselves, and are often two. Pure.

Alertmanagers that run as a pair send twice by design when they lose sight of each other, an answer that gets lost makes
the sender try again, and after its repeat interval an alert that still fires is sent once more. None of that is news.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from checks.observers.payloads import Page, PagedAlert

_T = TypeVar("_T")

_KEPT = 100_000
"""Alerts, and pages, that are remembered. What was forgotten would be new again: a miss of the kind that shows."""


class Counted(NamedTuple):
    """What is known of a page that just came."""

    attempt: int
    """1 for the first with this content, then 2, and so on."""
    new: bool
    """Whether it holds an alert, in its present state, that no page before held."""


class Pages:
    """Counts pages, by receiver, group, fingerprint, status and beginning of their alerts.

    The receiver counts too, since routes that differ in nothing else give their groups the same key. An alert that does
    not say since when it fires begins anew with each page that says it fires after one that said it was resolved.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._seen = Recent[int](kept)
        self._contents = Recent[int](kept)
        self._last = Recent[tuple[str, int]](kept)

    def count(self, page: Page) -> Counted:
        """Take one page in."""
        keys = sorted({self._key(page, one) for one in page.alerts})
        new = [key for key in keys if self._seen.get(key) is None]
        for key in keys:
            self._seen.put(key, 1)
        content = _hash(keys)
        attempt = (self._contents.get(content) or 0) + 1
        self._contents.put(content, attempt)
        return Counted(attempt, bool(new))

    def _key(self, page: Page, alert: PagedAlert) -> bytes:
        whose = (page.receiver.encode(), page.group.encode(), alert.fingerprint.encode())
        since = repr(alert.starts_unix) if alert.starts_unix is not None else self._episode(_hash(whose), alert.status)
        return _hash((*whose, alert.status.encode(), since.encode()))

    def _episode(self, whose: bytes, status: str) -> str:
        before, episode = self._last.get(whose) or ("", 0)
        episode += before == "resolved" and status == "firing"
        self._last.put(whose, (status, episode))
        return f"episode {episode}"


def _hash(parts: Iterable[bytes]) -> bytes:
    """16 bytes for texts of any length; which of them ends where counts."""
    from hashlib import blake2b

    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.digest()


class Recent(Generic[_T]):
    """Remembers what was put last."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[bytes, _T] = OrderedDict()

    def get(self, key: bytes) -> _T | None:
        """What was put last under this key; None when that is nothing, or too long ago."""
        return self._values.get(key)

    def put(self, key: bytes, value: _T) -> None:
        """Remember a value, at the cost of the oldest where there are too many."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._kept:
            self._values.popitem(last=False)
