"""A webhook of our own, beside the pager's: what arrives here is the truth for "a page was delivered".

It takes what Alertmanager, Grafana and anything that can post JSON send (`checks.observers.payloads` has the formats),
tells each attempt, and answers at once. A page that was refused is told as well: a wrong token must not look as if
nobody had been paged.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from checks.observer import Tell
from checks.observers.pages import Pages
from checks.observers.payloads import NotAPage, Page, read, told
from checks.observers.webhook import Answer, Head, Refused, check_token, is_here, json_of, listening, need_listening

ACCEPTED = 200
"""What a page is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Listens for the pages themselves, as whoever delivers them would."""

    name: ClassVar[str] = "sink"
    is_told: ClassVar[bool] = True

    listen: Annotated[str, "Where pages are posted to, host:port; a port alone is one of this machine only"] = (
        "127.0.0.1:9099"
    )
    token: Annotated[
        str | None, "What a sender must know, as ${env.SINK_TOKEN}; empty where only this machine can send and all may"
    ] = field(default=None, repr=False)
    path: Annotated[str, "The path of the address that pages are posted to"] = "/"

    def __post_init__(self) -> None:
        host = need_listening(self.listen, self.path)
        if not host:
            return
        if self.token is None:
            raise ValueError("token", "anybody could say that a page was delivered",
                             'set it, as ${env.SINK_TOKEN}; `token: ""` lets anybody on this machine')  # fmt: skip
        if not self.token and not is_here(host):
            raise ValueError("token", f"without a token the sink listens to this machine only, and not on `{host}`",
                             "set it, as ${env.SINK_TOKEN}, or listen on 127.0.0.1")  # fmt: skip

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract. Requests that are under way when it is left are given a second."""
        async with listening(self.listen, self.path, _Taking(self, tell)) as address:
            tell("observer.opened", what=f"webhook sink at {address}")
            yield


class _Taking:
    """See `webhook.Hears`."""

    whose, what = "sink", "page"

    def __init__(self, settings: Sink, tell: Tell) -> None:
        self._settings, self._tell = settings, tell
        self._pages = Pages()

    def admit(self, head: Head) -> None:
        check_token(head, self._settings.token)

    def hear(self, head: Head, body: bytes) -> Answer:
        import time

        page = _page(body)
        counted = self._pages.count(page)
        took_s = round(time.monotonic() - head.came_s, 6)
        self._tell("page.received", **told(page), attempt=counted.attempt, new=counted.new, answered=ACCEPTED,
                   took_s=took_s)  # fmt: skip
        return Answer("Taken down.", ACCEPTED)

    def rejected(self, why: str, from_: str, status: int | None) -> None:
        self._tell("page.rejected", **{"why": why, "from": from_, "answered": status})


def _page(body: bytes) -> Page:
    try:
        return read(json_of(body))
    except NotAPage as error:
        raise Refused(400, f"not a page: {error}") from None
