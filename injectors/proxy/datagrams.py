"""What each toxic does to a datagram: lost, passed on, passed on twice, or held back. No sockets, no timers.

Jitter is drawn for each datagram alone, so one may overtake another: that is what a network does, and what netem does
without a queue behind it. In a TCP stream, where order is kept, the same toxic never reorders.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from injectors.proxy.loss import Loss
from injectors.proxy.toxic import Toxic

Waits = tuple[float, ...]
"""Seconds from now after which each copy goes on; none when the datagram is lost."""

PASSED: Final[Waits] = (0.0,)
LOST: Final[Waits] = ()

_QUEUE_S = 1.0
"""A slow link queues what it sends within this time and drops what exceeds that, as a router does."""


class Link:
    """When a link of some bandwidth is free again; one for each stream of a client, or one that all share."""

    __slots__ = ("free_s",)

    def __init__(self) -> None:
        self.free_s = 0.0

    def wait(self, size: int, rate_kb: float, now_s: float) -> Waits:
        """How long a datagram takes to get through, behind those that are under way; the clock moves on."""
        begins_s = max(now_s, self.free_s)
        if rate_kb <= 0 or begins_s - now_s > _QUEUE_S:
            return LOST
        self.free_s = begins_s + size / (rate_kb * 1000)
        return (self.free_s - now_s,)


class Stage:
    """One toxic at work on one stream of one client."""

    __slots__ = ("_key", "_loss", "_source", "link", "toxic", "wait")

    def __init__(self, toxic: Toxic, link: Link, key: str) -> None:
        self.toxic = toxic
        self.link = link
        self.wait: Callable[[Stage, int, float], Waits] = _WAITS[toxic.type]
        """What becomes of a datagram of some size that comes at some time."""
        self._key = key
        self._source: tuple[random.Random, float] | None = None
        self._loss: Loss | None = None

    @property
    def source(self) -> random.Random:
        """Random numbers of its own, the same in each run with the same key."""
        return self._sown()[0]

    @property
    def loss(self) -> Loss:
        """Decides which packets are lost."""
        if self._loss is None:
            self._loss = Loss(self.source)
        return self._loss

    def spoils(self) -> bool:
        """Whether this client is among those that the toxic is for; drawn once."""
        toxicity = self.toxic.toxicity
        return toxicity >= 1 or (toxicity > 0 and self._sown()[1] < toxicity)

    def _sown(self) -> tuple[random.Random, float]:
        # When first needed: a source weighs 2.5 KB and there may be thousands of clients.
        if self._source is None:
            source = random.Random(self._key)
            self._source = source, source.random()
        return self._source


def _noop(_stage: Stage, _size: int, _now_s: float) -> Waits:
    return PASSED


def _partition(_stage: Stage, _size: int, _now_s: float) -> Waits:
    return LOST


def _latency(stage: Stage, _size: int, _now_s: float) -> Waits:
    told = stage.toxic.attributes
    jitter = told["jitter"]
    wait_ms = told["latency"] + (stage.source.uniform(-jitter, jitter) if jitter else 0)
    return (wait_ms / 1000,) if wait_ms > 0 else PASSED


def _packet_loss(stage: Stage, _size: int, _now_s: float) -> Waits:
    told = stage.toxic.attributes
    return LOST if stage.loss.lost(told["loss_rate"], told["correlation"]) else PASSED


def _duplicate(stage: Stage, _size: int, _now_s: float) -> Waits:
    return (0.0, 0.0) if stage.source.random() < stage.toxic.attributes["rate"] else PASSED


def _reorder(stage: Stage, _size: int, _now_s: float) -> Waits:
    told = stage.toxic.attributes
    return (told["delay"] / 1000,) if stage.source.random() < told["rate"] else PASSED


def _bandwidth(stage: Stage, size: int, now_s: float) -> Waits:
    return stage.link.wait(size, stage.toxic.attributes["rate"], now_s)


_WAITS: dict[str, Callable[[Stage, int, float], Waits]] = {
    "noop": _noop,
    "partition": _partition,
    "latency": _latency,
    "packet_loss": _packet_loss,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "bandwidth": _bandwidth,
    "shared_bandwidth": _bandwidth,
}
