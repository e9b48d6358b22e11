"""Sends canaries: alerts of our own down the real pipeline, and waits until the sink has them. It pages whoever is paged."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from checks import CannotObserve, Check, Evidence, Foreseen, Observer, SendsAlerts
from checks.alerts import wishes_of
from checks.canary import ANNOTATIONS, MARK, Canary, canary
from checks.evidence import Event
from checks.foreseen import Grade, foreseen
from checks.units import show_duration

_LONGER_S = 60.0
"""A canary is over by itself so long after it must have come, should we not live to say so."""
_END_S = 5.0
"""For saying that it is over."""


async def send(checks: Sequence[Check], observers: Mapping[str, Observer], evidence: Evidence) -> list[Foreseen]:
    """One canary for each way that an expectation names a receiver for, all at the same time; what became of each."""
    wishes = [wish for check in checks for wish in wishes_of(check) if wish.reaches is not None and not wish.elsewhere]
    chosen = [canary(wish, evidence, secrets.token_hex(4)) for wish in wishes]
    ways: dict[object, Canary | Foreseen] = {}
    for one in chosen:
        ways.setdefault(one.way if isinstance(one, Canary) else str(one.what), one)
    return await asyncio.gather(*(_sent(one, observers, evidence) for one in ways.values()))


async def _sent(one: Canary | Foreseen, observers: Mapping[str, Observer], evidence: Evidence) -> Foreseen:
    if isinstance(one, Foreseen):
        return one
    observer = observers.get(one.observer)
    if not isinstance(observer, SendsAlerts):
        return _found(
            one, "unknown", "nobody can send a canary to {receiver}", "name an `alertmanager` among the observers"
        )
    seen = len(evidence.events)
    try:
        await observer.send(one.labels, ANNOTATIONS, lasts_s=one.within_s + _LONGER_S)
        return await _arrival(one, evidence, seen)
    except CannotObserve as error:
        return _found(one, "wrong", "the canary of {alert} could not be sent: {why}", "see that this may be posted to",
                      why=error)  # fmt: skip
    finally:
        await asyncio.shield(_end(one, observer))


async def _end(one: Canary, observer: SendsAlerts) -> None:
    with suppress(CannotObserve, TimeoutError):  # then it is over by itself before long
        async with asyncio.timeout(_END_S):
            await observer.send(one.labels, ANNOTATIONS, lasts_s=0)


async def _arrival(one: Canary, evidence: Evidence, seen: int) -> Foreseen:
    """Wait for it, and say how it came."""
    began_s = time.monotonic()
    while (took_s := time.monotonic() - began_s) < one.within_s:
        if any(event.data.get("receiver") == one.receiver for event in _pages(one, evidence)):
            pattern = "the canary of {alert}, called {name}, reached {receiver} after {took}"
            if not one.alone:
                pattern += "; its group lives on, so wait {interval} before the drill"
            return _found(one, "fine", pattern, took=show_duration(round(took_s, 1)),
                          interval=show_duration(one.group_interval_s))  # fmt: skip
        await asyncio.sleep(0.05)
    return _lost(one, evidence, seen)


def _lost(one: Canary, evidence: Evidence, seen: int) -> Foreseen:
    """Where it went instead, as far as anybody saw."""
    since = evidence.events[seen:]
    if others := [str(event.data.get("receiver") or "?") for event in _pages(one, evidence)]:
        return _found(one, "wrong", "the canary of {alert} reached {receivers} and not {receiver}", "mend the route",
                      receivers=", ".join(dict.fromkeys(others)))  # fmt: skip
    held = [event for event in since if event.kind == "alert.held" and _is(one, event.data["labels"])]
    for by in ("silenced_by", "inhibited_by", "muted_by"):
        if stopped := next((event for event in held if event.data.get(by)), None):
            return _found(one, "wrong", "the canary of {alert} was {stopped}", "end what keeps it back",
                          stopped=f"{by.replace('_', ' ')} {', '.join(stopped.data[by])}")  # fmt: skip
    if refused := next((event for event in since if event.kind == "page.rejected"), None):
        return _found(one, "wrong", "the canary of {alert} did not reach {receiver}, and the sink refused a page: {why}",
                      "give the receiver's webhook the sink's path and token", why=refused.data["why"])  # fmt: skip
    return _found(one, "wrong", "the canary of {alert} did not reach {receiver} within {limit}", "see in Alertmanager's log "
                  "what became of it, and that the receiver has a webhook that leads to the sink",
                  limit=show_duration(one.within_s))  # fmt: skip


def _pages(one: Canary, evidence: Evidence) -> list[Event]:
    return [event for event in evidence.of("page.received")
            if any(_is(one, alert["labels"]) and alert["status"] == "firing" for alert in event.data["alerts"])]  # fmt: skip


def _is(one: Canary, labels: Mapping[str, str]) -> bool:
    return labels.get(MARK) == one.labels[MARK]


def _found(one: Canary, grade: Grade, pattern: str, cure: str = "", /, **values: object) -> Foreseen:
    about: dict[str, Any] = {"alert": one.alert, "name": one.name, "receiver": one.receiver, **values}
    return foreseen(grade, pattern, cure, **about)
