"""What observers that ask again and again have in common: the line to ask on, when it counts as lost, and clocks.

Nothing here raises while a drill goes on: what goes wrong is told as `observer.lost`, once, with the reason.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from checks.observer import CannotObserve, Tell
from checks.observers.bounds import TEXT_MAX

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_ANSWER_S = 5.0
"""How long one answer may take."""
_BODY_MAX = 64 << 20
"""Bytes of an answer that are read; a longer one is refused."""
_MUCH = 1 << 17
"""Bytes of an answer that are read beside everything else."""
_THOROUGH_S = 5.0
"""After this long a poll looks at the system itself too: its clock, and whether it was started anew."""
_FINE_S = 0.01
"""A clock's offset that is known so well is good enough."""


class Unheard(Exception):
    """There was no answer, or none that could be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and when; the times are ours, in seconds since 1970."""

    data: Any
    date: str
    """The header of this name; empty without one."""
    sent_unix: float
    came_unix: float


class Line:
    """Asks one system, by HTTP; no redirect is followed, and no proxy used."""

    def __init__(self, session: "ClientSession", url: str) -> None:
        self._session, self._url = session, url.rstrip("/")

    @property
    def place(self) -> str:
        """Host and port, without what may be secret in the address."""
        from yarl import URL

        try:
            url = URL(self._url)
        except ValueError:
            return "?"
        return f"{url.host}:{url.port}"

    async def ask(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Answer:
        """The JSON that it answers a GET with. Raises Unheard."""
        import time

        sent_unix = time.time()
        async with self._answer("GET", path, params=params) as answer:
            date = answer.headers.get("Date", "")
            came_unix = time.time()
            return Answer(await _json(answer, path), date, sent_unix, came_unix)

    async def send(self, path: str, body: object) -> None:
        """POST this as JSON. Raises Unheard."""
        async with self._answer("POST", path, json=body):
            pass

    @asynccontextmanager
    async def _answer(self, method: str, path: str, **how: Any) -> "AsyncIterator[ClientResponse]":
        """What comes back, if it is well. Raises Unheard, also for what goes wrong while it is read."""
        import os

        import aiohttp

        try:
            async with self._session.request(method, self._url + path, allow_redirects=False, **how) as answer:
                if answer.status != 200:
                    raise Unheard(f"answered {answer.status} to {path}")
                yield answer
        except TimeoutError:
            raise Unheard(f"no answer within {_ANSWER_S:g} s to {path}") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unheard(f"its certificate is not valid: {error.certificate_error}") from None
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno or 0  # a name that is not found has one below 0, and words of its own
            why = os.strerror(number) if number > 0 else error.os_error.strerror or error.os_error
            raise Unheard(f"cannot be reached: {why}") from None
        except aiohttp.InvalidURL:
            raise Unheard("`url` is not an address such as http://127.0.0.1:9090") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unheard(f"the connection broke: {type(error).__name__}") from None


async def _json(answer: "ClientResponse", path: str) -> Any:
    import asyncio
    import json

    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > _BODY_MAX:
            answer.close()
            raise Unheard(f"the answer to {path} is longer than {_BODY_MAX >> 20} MiB")
    try:
        # Much of it is not to make the looks of probes late.
        return await asyncio.to_thread(json.loads, body) if len(body) > _MUCH else json.loads(body)
    except (ValueError, RecursionError):
        raise Unheard(f"the answer to {path} is no JSON") from None


@asynccontextmanager
async def open_line(url: str, headers: Sequence[str], *, verify: bool) -> AsyncIterator[Line]:
    """A line with connections of its own. Nothing is asked yet."""
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=verify, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_ANSWER_S),
        headers=[(one.partition(":")[0].strip(), one.partition(":")[2].strip()) for one in headers],
        trust_env=False,
    )
    async with session:
        yield Line(session, url)


Poll = Callable[[Tell, bool], Awaitable[None]]
"""Asks once, and tells what is new. True stands for thorough: look at the system itself too. Raises Unheard."""


@asynccontextmanager
async def polling(whom: str, tell: Tell, poll: Poll, every: timedelta) -> AsyncIterator[None]:
    """Poll once, thoroughly, and then again and again until the context is left. Raises CannotObserve on entering."""
    import asyncio

    told, why = await _try(poll, thorough=True)
    if why is not None:
        raise CannotObserve(f"{whom}: {why}")
    for kind, data in told:
        tell(kind, **data)
    task = asyncio.create_task(_poll_on(tell, poll, every.total_seconds()))
    try:
        yield
    finally:
        task.cancel()
        # Else it would end in silence when the journal it tells to has broken.
        [ended] = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended


async def _poll_on(tell: Tell, poll: Poll, every_s: float) -> None:
    import asyncio
    import random

    clock = asyncio.get_running_loop().time
    due_s = thorough_s = heard_s = clock()
    lost, took_s = False, 0.0
    while True:
        # Not in step with their clock, whose whole seconds are to be seen from all sides; and where there is so much to
        # read that it takes long, no more than half of the time, which others need as well.
        due_s = max(due_s + every_s * random.uniform(0.8, 1.0), clock() + took_s)
        await asyncio.sleep(due_s - clock())
        thorough, began_s = lost or clock() - thorough_s >= _THOROUGH_S, clock()
        told, why = await _try(poll, thorough=thorough)
        took_s = clock() - began_s if why is None else 0.0
        if why is None and lost:
            tell("observer.back", lost_s=round(clock() - heard_s, 3))
        # What it said before it fell silent is news as well.
        for kind, data in told:
            tell(kind, **data)
        if why is not None and not lost:
            tell("observer.lost", why=why)
        lost = why is not None
        heard_s = heard_s if lost else clock()
        thorough_s = clock() if thorough else thorough_s


async def _try(poll: Poll, *, thorough: bool) -> tuple[list[tuple[str, dict[str, Any]]], str | None]:
    """What a poll would tell, and why it broke off."""
    told: list[tuple[str, dict[str, Any]]] = []

    def keep(kind: str, /, **data: Any) -> None:
        told.append((kind, data))

    try:
        await poll(keep, thorough)
    except Unheard as error:
        return told, str(error)
    except Exception as error:  # noqa: BLE001 - whatever an answer may hold: a listener that died in silence looks like peace
        return told, f"an answer could not be understood: {type(error).__name__}: {error}"[:TEXT_MAX]
    return told, None


class TheirClock:
    """How far the clock of a system is ahead of ours, from looks that each leave a range. Pure."""

    def __init__(self) -> None:
        self._low = self._high = 0.0
        self._told: tuple[float, float] | None = None
        """Offset and error as they were told last."""

    @property
    def offset_s(self) -> float:
        """Theirs minus ours, as far as is known."""
        return (self._low + self._high) / 2

    def saw(self, low_s: float, high_s: float, tell: Tell) -> None:
        """Their clock minus ours is in this range. It is told when it changed, or is known much better than before."""
        if self._told is None or low_s > self._high or high_s < self._low:
            self._low, self._high = low_s, high_s
        else:
            self._low, self._high = max(low_s, self._low), min(high_s, self._high)
        error_s = (self._high - self._low) / 2
        if self._told is None or self._is_news(self._told, error_s):
            self._told = self.offset_s, error_s
            tell("observer.clock", offset_s=round(self.offset_s, 4), error_s=round(error_s, 4))

    def _is_news(self, told: tuple[float, float], error_s: float) -> bool:
        offset_s, coarse_s = told
        moved = abs(self.offset_s - offset_s) > max(coarse_s, _FINE_S)
        return moved or (coarse_s > _FINE_S and error_s < coarse_s / 4)


def by_header(answer: Answer) -> tuple[float, float]:
    """The range of their clock minus ours that a `Date` header leaves; it has whole seconds, the rest being cut off."""
    from email.utils import parsedate_to_datetime

    try:
        date_unix = parsedate_to_datetime(answer.date).timestamp()
    except ValueError:
        raise Unheard("the answer has no date") from None
    return date_unix - answer.came_unix, date_unix + 1 - answer.sent_unix


def unix(text: str) -> float:
    """An instant as Go writes it, in seconds since 1970; 0 for Go's "never", the year 1. Raises ValueError."""
    import re

    # Nanoseconds are more than Python reads.
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return 0.0 if moment.year == 1 else moment.timestamp()


def stamp(unix_: float) -> str:
    """An instant as Go reads it."""
    return datetime.fromtimestamp(unix_, UTC).isoformat()


def seconds(text: str) -> float:
    """A duration as Prometheus writes it: `1m30s`, `1w`, `0s`. Raises ValueError."""
    import re

    sizes = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
    parts = re.findall(r"(\d+)(ms|[ywdhms])", text)
    if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
        raise ValueError(f"`{text[:40]}` is no duration")
    return float(sum(int(number) * sizes[unit] for number, unit in parts))


def yaml_of(text: str) -> Any:
    """What a YAML text holds, read by the fastest safe reader there is. Raises Unheard."""
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        raise Unheard("its configuration is no YAML") from None


def need_address(url: str, headers: Sequence[str]) -> None:
    """Raise ValueError for an address or a header that is none; what an environment variable gives is not known yet."""
    if not url.startswith(("http://", "https://", "$")):
        raise ValueError("url", "the address does not begin with http:// or https://", "as in http://127.0.0.1:9090")
    for header in headers:
        if ":" not in header and "$" not in header:
            raise ValueError("headers", f"`{header}` is no header", "write it as `Name: value`")


def need_period(every: timedelta) -> None:
    """Raise ValueError for a period at which nobody can ask."""
    if every <= timedelta(0):
        raise ValueError("every", "`every` is no time at all", "give it some, as 500ms")
