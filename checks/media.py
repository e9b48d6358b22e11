"""Is a call still a call while a fault is there: how many of its packets come too late, and how many never come?

What is lost is late as well, since it never came. A blind look may have been anything, so each share is reckoned twice,
as in `level`: a limit is kept or broken only when it is so with all blind looks for it and with all against it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import inf
from typing import Annotated, Any, ClassVar

from checks.check import FaultName, Measured, ProbeName, Ratio, RatioLimit, Verdict, failed, passed, unknown
from checks.evidence import Evidence, Samples, Seen
from checks.ground import need_time
from checks.level import Figure, counts, ends, hardly_watched, saw, too_blind, while_there
from checks.units import show_count, show_duration, show_ratio, write_duration

_GRAIN_S = 0.5e-6
"""Half of what the journal tells apart; less is noise of arithmetic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """How many packets may come too late."""

    over: Annotated[timedelta, "A packet that takes longer is late; with `udp_stream`, there and back"]
    at_most: Annotated[Ratio, "The share of packets that may be late or lost"]

    def __post_init__(self) -> None:
        need_time("over", self.over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """How many packets may never come."""

    at_most: Annotated[Ratio, "The share of packets that may be lost"]


_CALL = (
    Late(over=timedelta(milliseconds=300), at_most=Ratio(0.05)),
    Late(over=timedelta(milliseconds=500), at_most=Ratio(0.01)),
)
"""A rule of those who run calls: above 300 ms there and back talking is awkward, above 500 ms hardly possible. The first is
also what ITU-T G.114 gives, 150 ms each way, as the delay up to which a talk does not suffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Of the packets sent from the fault's first act to the beginning of its healing, few are late and fewer lost.

    A packet is a look of the probe: lost when the look is bad, and late when it is lost or took too long.
    """

    name: ClassVar[str] = "media"
    first_hand: ClassVar[bool] = True

    probe: Annotated[ProbeName, "The probe whose looks are the packets, as one of `udp_stream`"]
    during: Annotated[FaultName, "The fault that may delay or lose them"]
    late: Annotated[tuple[Late, ...], "One or more limits on late packets; left out, those of a call"] = _CALL
    lost: Annotated[Lost, "The limit on lost packets"] = Lost(at_most=Ratio(0.01))
    at_least: Annotated[int, "Looks that must have seen something; of fewer than 100, one is more than 1 %"] = 100

    def __post_init__(self) -> None:
        if len({one.over for one in self.late}) < len(self.late):
            raise ValueError("late", "`late` has two limits for the same time", "keep one of them")

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        return while_there(evidence, self.probe, self.during, partial(self._judge, evidence))

    def _judge(self, evidence: Evidence, from_s: float, to_s: float) -> Verdict:
        looks = evidence.samples(self.probe).between(from_s, to_s)
        if doubt := hardly_watched(evidence, looks, from_s, to_s, self.at_least):
            return doubt
        opened = evidence.last("probe.opened", probe=self.probe)
        waits_s = float(opened.data["timeout_s"]) if opened else inf
        shares = [_lost(looks, self.lost), *(_late(looks, one, waits_s) for one in self.late)]
        measured = {one.name: Measured(value=one.value, low=one.low, high=one.high, unit="ratio") for one in shares}
        measured |= counts(looks)
        for share in shares:
            if share.held is False:
                return _broken(share, looks, measured)
        for share in shares:
            if share.held is None:
                return _open(share, looks, measured, waits_s)
        lost, *late = shares
        listed = ", ".join(f"{_shown(one)} > {show_duration(one.over_s)}" for one in late)
        return passed("{lost} of {packets} packets lost" + (", {late}" if late else ""), proof=ends(looks),
                      measured=measured, packets=show_count(saw(looks)), lost=_shown(lost), late=listed)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share(Figure):
    """A share of the packets, and its limit."""

    limit: RatioLimit
    over_s: float = inf
    """Those that took longer are meant; without an end, those that never came."""


def _lost(looks: Samples, limit: Lost) -> _Share:
    bad, blind = looks.count(Seen.BAD), looks.count(Seen.BLIND)
    return _Share(name="lost", limit=RatioLimit("<=", limit.at_most), value=bad / saw(looks), low=bad / len(looks),
                  high=(bad + blind) / len(looks))  # fmt: skip


def _late(looks: Samples, limit: Late, waits_s: float) -> _Share:
    """Where the probe gives up before a packet would be late, what it did not wait for may yet have come in time."""
    bad, blind, over_s = looks.count(Seen.BAD), looks.count(Seen.BLIND), limit.over.total_seconds()
    slow = sum(_slow(looks, over_s))
    sure = slow if waits_s < over_s else slow + bad
    return _Share(name=f"late_{write_duration(limit.over)}", limit=RatioLimit("<=", limit.at_most), over_s=over_s,
                  value=(slow + bad) / saw(looks), low=sure / len(looks), high=(slow + bad + blind) / len(looks))  # fmt: skip


def _slow(looks: Samples, over_s: float) -> Iterator[bool]:
    """Of each look whether it was good, and took longer."""
    good = ord(Seen.GOOD)
    return (
        one == good and to_s - from_s > over_s + _GRAIN_S for from_s, to_s, one in zip(*looks.columns(), strict=True)
    )


def _broken(share: _Share, looks: Samples, measured: Mapping[str, Measured]) -> Verdict:
    bad = ord(Seen.BAD)
    meant = (slow or one == bad for slow, one in zip(_slow(looks, share.over_s), looks.columns()[2], strict=True))
    about: dict[str, Any] = {"proof": ends(looks.where(meant)), "measured": measured, "share": _shown(share),
                             "packets": show_count(saw(looks)), "limit": share.limit}  # fmt: skip
    if share.over_s == inf:
        return failed("{share} of {packets} packets lost; limit {limit}", **about)
    return failed("{share} of {packets} packets took longer than {over} or never came; limit {limit}",
                  over=show_duration(share.over_s), **about)  # fmt: skip


def _open(share: _Share, looks: Samples, measured: Mapping[str, Measured], waits_s: float) -> Verdict:
    """Unknown: it depends on packets that nobody waited for long enough, or that nobody saw."""
    if share.over_s < inf and waits_s < share.over_s and looks.count(Seen.BAD):
        return unknown("it waits {waits} for an answer, so nobody can say how many packets took longer than {over}; "
                       "limit {limit}; give it a longer `timeout`", proof=ends(looks.only(Seen.BAD)),
                       measured=measured, waits=show_duration(waits_s), over=show_duration(share.over_s),
                       limit=share.limit)  # fmt: skip
    return too_blind(looks, f"{share.name.replace('_', ' over ')} {share.limit}", measured)


def _shown(share: _Share) -> str:
    return show_ratio(share.value, beside=share.limit.value)
