"""What is seen while a drill runs: one live screen on a terminal, plain lines elsewhere.

It answers, in this order: what is happening to the system now, what comes next, what is burning, how to stop. It
only looks at the conductor. A terminal that goes away never disturbs the run.
"""

import asyncio
import sys
from typing import TYPE_CHECKING

from checks import Event, Seen
from checks.units import show_duration, show_ratio
from drills.conductor import Conductor

if TYPE_CHECKING:
    from rich.console import RenderableType

_REFRESH_S = 0.25
_BARS = "▁▂▃▄▅▆▇█"
_WORDS = {
    "preparing": "preparing",
    "steady": "waiting for the steady state",
    "faults": "faults",
    "healing": "healing",
    "recovery": "recovering",
    "closing": "closing",
}


async def conduct(conductor: Conductor, *, plain: bool) -> None:
    """Conduct the run with the screen beside it."""
    lines = Lines()
    if plain:
        conductor.listen(lines.tell)
        await conductor.conduct()
        return
    conducting = asyncio.ensure_future(conductor.conduct())
    showing = asyncio.ensure_future(_show(conductor))
    try:
        await conducting
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


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
    from rich.text import Text

    plan = conductor.plan
    elapsed = "" if not conductor.opened else _clock(conductor.now_s)
    grid = Table.grid(padding=(0, 2), expand=False)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for name, text, style in _faults(conductor):
        grid.add_row(f"  {name}", Text(text, style=style))
    for name in conductor.recent:
        text, style = _probe(conductor, name)
        grid.add_row(f"  {name}", Text(text, style=style))
    if conductor.next:
        grid.add_row("  next", conductor.next)
    whole = Table.grid(expand=True)
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    head.add_row(
        Text.assemble((plan.loaded.drill.name, "bold"), f"   {plan.loaded.inventory.environment}   {conductor.run.short}   ",
                      (f"▸ {_phase(conductor)}", "bold")),
        f"{elapsed} of about {_clock(plan.times.about_s + 3)}     Ctrl-C heals and stops",
    )  # fmt: skip
    whole.add_row(head)
    whole.add_row(grid)
    return whole


def _phase(conductor: Conductor) -> str:
    if conductor.phase == "faults" and any(
        conductor.evidence.fault(one.fault.id).effect_s is not None for one in conductor.plan.faults
    ):
        return "fault in effect"
    return _WORDS.get(conductor.phase, conductor.phase)


def _faults(conductor: Conductor) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for planned in conductor.plan.faults:
        seen = conductor.evidence.fault(planned.fault.id)
        if seen.gone_s is not None:
            text, style = "healed, and seen to be gone", "green"
        elif seen.healing_s is not None:
            text, style = "being healed", "yellow"
        elif seen.effect_s is not None:
            text, style = f"in effect {show_duration(conductor.now_s - seen.effect_s)}  ({planned.does}, verified)", "red"
        elif seen.trouble:
            text, style = seen.trouble, "yellow"
        elif seen.acting_s is not None:
            text, style = "being brought about, not yet seen in effect", "yellow"
        else:
            text, style = f"starts {planned.starts}", "dim"
        rows.append((planned.fault.id, text, style))
    return rows


def _probe(conductor: Conductor, name: str) -> tuple[str, str]:
    """`up    ▁▁▁▁████▁▁   99.1 %  p99 3 ms`, the bars showing how much failed in each stretch of time."""
    recent = conductor.recent[name]
    now_s = conductor.now_s
    success = recent.success(60.0, now_s)
    p99_s = recent.took_s(60.0, now_s)
    history = recent.history(24.0, now_s, 24)
    bars = "".join(" " if one is None else _BARS[min(7, round((1 - one) * 7))] for one in history)
    down = recent.seen is Seen.BAD
    state = {Seen.GOOD: "up  ", Seen.BAD: "DOWN", Seen.BLIND: "?   ", None: "    "}[recent.seen]
    figures = (f"{show_ratio(success):>8}" if success is not None else "no looks") + (
        f"  p99 {show_duration(p99_s)}" if p99_s is not None else "")  # fmt: skip
    if down or recent.seen is Seen.BLIND:
        figures += f"  for {show_duration(now_s - recent.since_s)}: {recent.failures[-1].why}"
    elif recent.down:
        figures += f"  down {show_duration(recent.down[1] - recent.down[0])}, back"
    return f"{state}  {bars:<24} {figures}", "red" if down else ""


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


class Lines:
    """Plain lines, one an event that a person wants to know of."""

    _SAY = {
        "lab.ready": "the lab is ready",
        "lab.failed": "the lab did not start: {why}",
        "reaper.armed": "the reaper is armed",
        "steady.confirmed": "the steady state holds ({phase})",
        "steady.missed": "the steady state was not reached ({phase}): {why}",
        "condition.met": "{fault}: its condition is met: {what}",
        "fault.skipped": "{fault}: skipped: {why}",
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
        if pattern is None or self._gone:
            return
        try:
            print(f"{_clock(event.t_s)}  {pattern.format_map(event.data)}", file=sys.stderr, flush=True)
        except OSError:
            self._gone = True  # nobody reads us any more; the run goes on
