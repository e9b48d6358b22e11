"""What is seen while a drill runs: one live screen on a terminal, plain lines elsewhere.

It answers, in this order: what is happening to the system now, what comes next, what is burning, how to stop. It
only looks at the conductor. A terminal that goes away never disturbs the run.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from checks import Event, Seen
from checks.units import show_duration, show_ratio
from drills.acts import said
from drills.conductor import Conductor
from drills.plan import PlannedFault
from drills.telling import PHASES, clock, page
from reports.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_REFRESH_S = 0.25
_NAME_MAX = 34
_LINE_MAX = 200
"""Characters of what somebody said."""
_REST_S = 3.0
"""For what a plan's time leaves out: starting the lab, healing, reading back."""
_BARS = "▁▂▃▄▅▆▇█"
_STATES: Mapping[Seen | None, tuple[str, str]] = {
    Seen.GOOD: ("up  ", ""), Seen.BAD: ("DOWN", "red"), Seen.BLIND: ("?   ", "yellow"), None: ("    ", ""),
}  # fmt: skip


async def conduct(conductor: Conductor, *, plain: bool) -> None:
    """Conduct the run with the screen beside it."""
    if conductor.attended:
        most = show_duration(conductor.drill.head.safety.max_duration.total_seconds())
        _say(f"responders act in other terminals: drills ack, severity, role, say, act, shell, note; the faults stay until "
             f"`drills resolve`, {most} at most")  # fmt: skip
    if plain:
        if conductor.control:
            _say("a control: all is done but inject")
        conductor.listen(Lines().tell)
        await conductor.conduct()
        return
    conducting = asyncio.ensure_future(conductor.conduct())
    showing = asyncio.ensure_future(_show(conductor))
    try:
        await conducting
    finally:
        showing.cancel()
        (broken,) = await asyncio.gather(showing, return_exceptions=True)
        if isinstance(broken, Exception):  # a bug of ours that cost nothing but the view
            _say(f"the screen broke, and the run went on without it: {type(broken).__name__}: {broken}")


async def _show(conductor: Conductor) -> None:
    from rich.console import Console
    from rich.live import Live

    try:
        with Live(console=Console(highlight=False), auto_refresh=False, transient=True) as live:
            while True:
                live.update(picture(conductor), refresh=True)
                await asyncio.sleep(_REFRESH_S)
    except OSError:
        return  # the terminal is gone; the run goes on, or is being ended by the hang-up


def picture(conductor: Conductor) -> "RenderableType":
    """The screen at this moment."""
    from rich.table import Table

    of_fault = _withheld if conductor.control else _fault
    rows = [(one.fault.id, *of_fault(conductor, one)) for one in conductor.plan.faults]
    rows += [(name, *_probe(conductor, name)) for name in conductor.recent]
    act = next((one for one in reversed(conductor.evidence.of("act.recorded")) if one.data.get("actor")), None)
    paged = next((one for one in reversed(conductor.evidence.of("page.received")) if page(one)), None)
    rows += [("page", f"{clock(paged.t_s)}  {page(paged)}", "")] if paged else []
    rows += [("last act", f"{clock(act.t_s)}  {_act(act)}", "")] if act else []
    rows += [("next", conductor.next, "")] if conductor.next else []
    body = Table.grid(padding=(0, 2))
    body.add_column(no_wrap=True, max_width=_NAME_MAX)
    body.add_column()  # which gives way when the terminal is narrow
    for name, text, style in rows:
        body.add_row(_line(f"  {name}"), _line(text, style))
    whole = Table.grid(expand=True)
    whole.add_row(_head(conductor))
    whole.add_row(body)
    return whole


def _head(conductor: Conductor) -> "RenderableType":
    """What this is and where it stands, and how to stop it."""
    from rich.table import Table

    plan = conductor.plan
    about = f"about {clock(plan.times.about_s + _REST_S)}"
    elapsed = f"{clock(conductor.now_s)} of {about}" if conductor.opened else about
    left = _text(plan.loaded.drill.name, "bold")
    if conductor.control:
        left.append_text(_text("   CONTROL", "bold yellow"))
    left.append_text(_text(f"   {plan.loaded.inventory.environment}   {conductor.run.short}   "))
    left.append_text(_text(f"▸ {_phase(conductor)}", "bold"))
    head = Table.grid(expand=True, padding=(0, 2))
    head.add_column()
    head.add_column(justify="right")
    head.add_row(left, _text(f"{elapsed}     Ctrl-C heals and stops"))
    return head


def _text(text: str, style: str = "") -> "Text":
    """What is printed as it is: neither brackets nor control characters in it mean anything."""
    from rich.text import Text

    return Text(printable(text), style=style)


def _line(text: str, style: str = "") -> "Text":
    """A text that is cut off where its line ends."""
    line = _text(text, style)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _phase(conductor: Conductor) -> str:
    if conductor.control and conductor.phase == "faults":
        return "withholding faults"
    seen = [conductor.evidence.fault(one.fault.id) for one in conductor.plan.faults]
    if conductor.phase == "faults" and any(one.effect_s is not None and one.gone_s is None for one in seen):
        return "fault in effect"
    return PHASES.get(conductor.phase, conductor.phase)


def _fault(conductor: Conductor, planned: PlannedFault) -> tuple[str, str]:
    """How it is with a fault, and in what colour."""
    seen = conductor.evidence.fault(planned.fault.id)
    if seen.gone_s is not None:
        never = seen.effect_s is None and seen.trouble
        return (f"{seen.trouble}; healed", "yellow") if never else ("healed, and seen to be gone", "green")
    if seen.healing_s is not None:
        failed = conductor.evidence.last("injection.heal_failed", fault=planned.fault.id)
        return (f"NOT healed: {failed.data['why']}", "bold red") if failed else ("being healed", "yellow")
    if seen.effect_s is not None:
        lasted = show_duration(conductor.now_s - seen.effect_s)
        return f"in effect {lasted}  ({planned.does}, verified)", "red"
    if seen.trouble:
        return seen.trouble, "yellow"
    if seen.acting_s is not None:
        return "being brought about, not yet seen in effect", "yellow"
    return f"starts {planned.starts}", "dim"


def _withheld(conductor: Conductor, planned: PlannedFault) -> tuple[str, str]:
    """How it is with a fault in a control, and in what colour."""
    seen = conductor.evidence.fault(planned.fault.id)
    if seen.effect_s is None:
        return f"would start {planned.starts}", "dim"
    if seen.gone_s is not None:
        return "withheld, and its time is over", "dim"
    return f"withheld for {show_duration(conductor.now_s - seen.effect_s)}  ({planned.does})", ""


def _probe(conductor: Conductor, name: str) -> tuple[str, str]:
    """`up    ▁▁▁▁████▁▁   99.1 %  p99 3 ms`, the bars showing how much failed in each stretch of time."""
    recent = conductor.recent[name]
    now_s = conductor.now_s
    success = recent.success(60.0, now_s)
    p99_s = recent.took_s(60.0, now_s)
    history = recent.history(24.0, now_s, 24)
    bars = "".join(" " if one is None else _BARS[min(7, round((1 - one) * 7))] for one in history)
    state, style = _STATES[recent.seen]
    figures = (f"{show_ratio(success):>8}" if success is not None else "no looks") + (
        f"  p99 {show_duration(p99_s)}" if p99_s is not None else "")  # fmt: skip
    if recent.seen in (Seen.BAD, Seen.BLIND):
        figures += f"  for {show_duration(now_s - recent.since_s)}: {recent.failures[-1].why}"
    elif recent.down:
        figures += f"  down {show_duration(recent.down[1] - recent.down[0])}, back"
    return f"{state}  {bars:<24} {figures}", style


class Lines:
    """Plain lines, one an event that a person wants to know of."""

    _SAY: ClassVar[Mapping[str, str]] = {
        "lab.ready": "the lab is ready",
        "lab.failed": "the lab did not start: {why}",
        "reaper.armed": "the reaper is armed",
        "steady.confirmed": "the steady state holds ({phase})",
        "steady.missed": "the steady state was not reached ({phase}): {why}",
        "condition.met": "{fault}: its condition is met: {what}",
        "fault.withheld": "{fault}: withheld: {does}",
        "fault.elapsed": "{fault}: its time is over",
        "fault.skipped": "{fault}: skipped: {why}",
        "act.skipped": "{act}: {actor} leaves it out: {why}",
        "injection.acting": "{fault}: {what}",
        "injection.verified": "{fault}: in effect: {why}",
        "injection.unverified": "{fault}: NOT in effect: {why}",
        "injection.failed": "{fault}: could not be injected: {why}",
        "injection.healing": "{fault}: healing",
        "injection.gone": "{fault}: gone: {why}",
        "injection.heal_failed": "{fault}: NOT healed: {why}",
        "run.aborted": "aborted by {by}: {why}; healing",
        "stop.refused": "a drill cannot be stopped half-way: Ctrl-C heals and ends it",
        "run.not_started": "not started: {why}",
        "residue.unknown": "what is left could not be seen: {why}",
    }

    def __init__(self) -> None:
        self._gone = False

    def tell(self, event: Event) -> None:
        """Print an event, if it is worth a line."""
        pattern = self._SAY.get(event.kind)
        text = pattern.format_map(event.data) if pattern else _act(event) or _page(event)
        if text and not self._gone:
            self._gone = not _say(f"{clock(event.t_s)}  {text}")


def _act(event: Event) -> str:
    """What somebody did, or wanted to have done, in a line; empty for an event that is no act."""
    if event.kind not in ("act.recorded", "act.refused"):
        return ""
    who = event.data.get("actor") or event.source
    refused = event.kind == "act.refused"
    what = f"{event.data['act']} is refused: {event.data['why']}" if refused else said(event.data)
    scripted = " (scripted)" if event.data.get("scripted") else ""
    line = " ".join(f"{who}{scripted}: {what}".split())
    return line if len(line) <= _LINE_MAX else f"{line[: _LINE_MAX - 1]}…"


def _page(event: Event) -> str:
    """A page that reached somebody, in a line; empty for another event."""
    told = page(event)
    return f"page: {told}" if told else ""


def _say(text: str) -> bool:
    """Print to those who watch; False when nobody reads us any more, over which no run may fail."""
    try:
        sys.stderr.write("".join(f"{printable(line)}\n" for line in text.splitlines()))
        sys.stderr.flush()
    except (OSError, ValueError):  # ValueError: it was closed
        return False
    return True
