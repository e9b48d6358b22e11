"""How a run stands at this moment, for whoever was woken by it: read from what it has written down, and nothing else.

The run does not notice: nothing is locked, and what is being written at this moment is left for the next look.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from checks import Event, Evidence, Samples, Seen
from checks.sop.check import Sop
from checks.sop.log import Log
from checks.sop.obligation import Status
from checks.sop.standing import Standing
from checks.units import show_duration, show_ratio
from drills import journal
from drills.asked import asked
from drills.clock import Clock, SystemClock
from drills.judging import stored
from drills.past_runs import NO_REPORT, standing
from drills.rundir import RunDir
from drills.telling import PHASES, clock, page
from reports.printable import printable

_LISTED_MAX = 8
"""Alerts, and pages, that are listed."""
_RECENT_S = 10.0
"""Of how long back the share of good looks is told."""
_AGAIN_S = 1.0
_REPORT_S = 30.0
"""How long a run that has ended is waited for to be judged; one of hours takes a while."""
_REST = 9
"""How many times as long as a look takes it rests before the next, so that what is measured has the processor."""
_SEEN = {Seen.GOOD: "up", Seen.BAD: "DOWN", Seen.BLIND: "cannot be seen"}
_CLEAR = "\033[H\033[2J"


def watch(run: RunDir, *, clear: bool) -> Iterator[str]:
    """How it stands, again every second until the run has ended and was judged; with `clear` each in the place of the one
    before."""
    was_live = False
    while True:
        live, began_s = run.is_live, time.monotonic()
        if was_live and not live:
            _await_report(run)
        was_live = live
        yield f"{_CLEAR if clear else ''}{picture(run, SystemClock())}" + ("" if clear or not live else "\n")
        if not live:
            return
        time.sleep(max(_AGAIN_S, _REST * (time.monotonic() - began_s)))


def _await_report(run: RunDir) -> None:
    """The run has just ended: how that was, its report will say in a moment."""
    until_s = time.monotonic() + _REPORT_S
    while standing(run).startswith(NO_REPORT) and time.monotonic() < until_s:
        time.sleep(0.1)


def picture(run: RunDir, clock_: Clock) -> str:
    """How it stands now."""
    live = run.is_live
    if not _has_begun(run):
        return f"{run.short}   " + ("is about to begin" if live else "died before it began")
    evidence, drill, _ = stored(run)
    now_s = max(evidence.ended_s, journal.now_s(evidence.events, clock_)) if live else evidence.ended_s
    lines = [_head(run, evidence, live, now_s), "", *_columns(_rows(evidence, now_s))]
    sops = [use.check for use in drill.checks if isinstance(use.check, Sop)]
    if evidence.control:
        lines += ["", "a control: nothing is broken, so no SOP asks anything of anybody"]
    elif not sops:
        lines += ["", "the drill has no SOP: nothing is asked of anybody"]
    else:
        for sop in sops:
            lines += ["", *_sop(sop, evidence, now_s)]
    return "\n".join(map(printable, lines))


def _has_begun(run: RunDir) -> bool:
    with run.journal.open("rb") as file:
        return file.readline().endswith(b"\n")


def _head(run: RunDir, evidence: Evidence, live: bool, now_s: float) -> str:
    opened = evidence.events[0].data
    entered = evidence.last("run.phase_entered")
    phase = PHASES.get(str(entered.data["phase"]), "") if entered else ""
    state = f"▸ {phase}" if live else standing(run)
    control = "   CONTROL" if evidence.control else ""
    return f"{opened['drill']}{control}   {opened['environment']}   {run.short}   {clock(now_s)}   {state}"


def _rows(evidence: Evidence, now_s: float) -> Iterator[tuple[str, str]]:
    for name in evidence.faults:
        yield name, _fault(evidence, name, now_s)
    for name in evidence.probes:
        yield name, _probe(evidence.samples(name), now_s)
    for observer, lost in _lost(evidence).items():
        yield observer, f"cannot be heard since {clock(lost.t_s)}: {lost.data.get('why')}"
    alerts = _alerts(evidence, now_s)
    yield from _bounded("alert", alerts or ["none fires, as far as anybody heard"])
    pages = [f"{clock(event.t_s)}  {page(event)}" for event in evidence.of("page.received") if page(event)]
    yield from _bounded("page", pages[::-1] or ["none was delivered, as far as anybody heard"])


def _bounded(name: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from zip((name, *[""] * _LISTED_MAX), texts[:_LISTED_MAX], strict=False)
    if len(texts) > _LISTED_MAX:
        yield "", f"and {len(texts) - _LISTED_MAX} more"


def _columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return (f"  {name:<{width}}  {text}" for name, text in listed)


def _fault(evidence: Evidence, name: str, now_s: float) -> str:
    """Since when it is there, or what became of it."""
    seen, planned = evidence.fault(name), evidence.first("fault.planned", fault=name)
    about = planned.data if planned else {}
    does = f": {about['does']}" if about.get("does") else ""
    text = seen.trouble or f"not yet; starts {about.get('starts')}"
    if seen.withheld:
        text = f"withheld{does}"
    elif seen.gone_s is not None:
        text = f"gone since {clock(seen.gone_s)}"
    elif seen.healing_s is not None:
        text = f"being healed since {clock(seen.healing_s)}" + (f"; NOT healed: {seen.trouble}" if seen.trouble else "")
    elif seen.effect_s is not None:
        lapsed = evidence.last("injection.lapsed", fault=name)
        went = f"; lapsed at {clock(lapsed.t_s)}" if lapsed else ""
        text = f"there since {_clocks(evidence, seen.effect_s)}, for {_for(seen.effect_s, now_s)}{does}{went}"
    elif seen.acting_s is not None and not seen.trouble:
        text = f"being brought about since {_clocks(evidence, seen.acting_s)}, not yet seen in effect"
    return text


def _clocks(evidence: Evidence, t_s: float) -> str:
    """`00:41 (09:41:44 UTC)`."""
    opened = evidence.events[0]
    at = datetime.fromisoformat(opened.at) + timedelta(seconds=t_s - opened.t_s)
    return f"{clock(t_s)} ({at:%H:%M:%S} UTC)"


def _for(since_s: float, now_s: float) -> str:
    return show_duration(max(0, int(now_s - since_s)))


def _probe(looks: Samples, now_s: float) -> str:
    """`DOWN  for 12 s: connection refused; 8 % of 10 s good`, by the last look."""
    last = looks[-1]
    other = [place for seen in Seen if seen is not last.seen and (place := looks.last(seen)) is not None]
    since_s = looks[max(other, default=-1) + 1].sent_s
    recent = looks.between(last.sent_s - _RECENT_S, last.sent_s + 1e-6).success
    share = f"; {show_ratio(recent)} of the last {_RECENT_S:g} s good" if recent is not None else ""
    why = f": {last.why}" if last.why else ""
    return f"{_SEEN[last.seen]} for {_for(since_s, now_s)}{why}{share}"


def _lost(evidence: Evidence) -> dict[str, Event]:
    """Observers that cannot be heard now."""
    told = sorted((*evidence.of("observer.lost"), *evidence.of("observer.back")), key=lambda one: one.seq)
    last = {str(event.data.get("observer")): event for event in told}
    return {name: event for name, event in last.items() if event.kind == "observer.lost"}


def _alerts(evidence: Evidence, now_s: float) -> list[str]:
    """Those that fire or are about to, each with since when and of how many series."""
    series = {(event.data.get("observer"), event.data.get("series")): event for event in evidence.of("alert.state")}
    held = {(event.data.get("observer"), event.data.get("fingerprint")): event for event in evidence.of("alert.held")}
    known = {event.data.get("alert") for event in series.values()}
    of_others = [event for event in held.values() if event.data.get("alert") not in known]
    found: dict[tuple[str, str], list[Event]] = {}
    for event in sorted((*series.values(), *of_others), key=lambda one: one.seq):
        state = str(event.data.get("state"))
        if state not in ("inactive", "gone"):
            found.setdefault((str(event.data.get("alert")), state), []).append(event)
    return [
        f"{name} is {state} for {_for(events[0].t_s, now_s)}" + (f" ({len(events)} series)" if len(events) > 1 else "")
        for (name, state), events in sorted(found.items(), key=lambda one: one[0][1] == "pending")
    ]


# --- the SOP


def _sop(sop: Sop, evidence: Evidence, now_s: float) -> Iterator[str]:
    if sop.book is None:
        yield f"the SOP {sop.file} was not read"
        return
    found = sop.standing(evidence, now_s=now_s)
    duties = asked(sop.book, found, now_s)
    yield f"SOP {sop.book.head.id}{_so_far(found)}"
    holders = Log(sop.book, evidence, now_s=now_s, holds=sop.holds).roles.holders(now_s)
    who = "   ".join(f"{role} {', '.join(by) or 'nobody'}" for role, by in holders.items())
    yield from _columns([*([("roles", who)] if who else []),
                         *((one.rule, f"{one.status:<9}  {one.what}") for one in duties)])  # fmt: skip


def _so_far(found: Standing) -> str:
    """How many rules stand how, and what that is worth; whether it will be judged at all."""
    listed = [f"{count} {status}" for status in Status if (count := sum(one.status is status for one in found.rulings))]
    points = "" if found.points is None else f"; {found.points:.0f} of 100 so far"
    nobody = "" if found.attended else "; nobody has acted yet, and what nobody attends is not judged"
    return f": {', '.join(listed)}{points}{nobody}"
