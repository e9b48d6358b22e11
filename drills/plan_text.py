"""A plan for people: what will happen, to what, when, how it is undone, and what stops it."""

import shlex
from collections.abc import Sequence

from checks import Foresees, Sentence
from checks.units import show_duration, write_duration, write_ratio
from drills.acts import said
from drills.binding import settings_of
from drills.cast import Cue, Run
from drills.model import shown
from drills.plan import Plan, PlannedFault, comes
from injectors import Touch
from reports.printable import printable

_IN_VAIN = "it is foreseen that what it expects cannot come as it should, or cannot be seen"


def show(plan: Plan, alerts: Sequence[str] = ()) -> str:
    """The whole plan as plain text; `alerts` is what was found of the observers and what is expected of them."""
    head, loaded = plan.loaded.drill.head, plan.loaded
    blocks = [
        [f"{head.drill}   {loaded.inventory.environment}   {head.severity}   {head.title}"],
        _rows("lab", [*_servers(plan), *([_lab(plan)] if loaded.lab else [])]),
        _rows("first", _steady(plan)),
        [line for fault in plan.faults for line in _fault(fault)],
        _rows("looks", [_probe(plan, name) for name in loaded.drill.probes]),
        _rows("cast", [line for cue in loaded.drill.cast for line in _cue(plan, cue)]),
        _rows("judged", _judged(plan)),
        _rows("alerts", [plan.loaded.inventory.hidden(line) for line in alerts]),
        _rows("touches", [f"{len(plan.touches)} of at most {head.safety.max_targets}: {_touched(plan.touches)}"]),
        _rows("guarded", _guards(plan)),
        _rows("takes", _takes(plan)),
        _rows("scored", [f"rubric {head.rubric}: {loaded.rubric.about}"]),
        _rows("measured", _objective(plan)),
    ]  # fmt: skip
    done = f"Nothing was done. To do it: drills run {shlex.quote(str(loaded.paths['drill']))}"
    return "\n\n".join("\n".join(map(printable, block)) for block in [*blocks, [done]] if block)


def _objective(plan: Plan) -> list[str]:
    """What budget and lost area are reckoned with, so that nobody learns only from the report that there is none."""
    known = plan.loaded.drill.objective
    if isinstance(known, Sentence):
        return [f"without an objective: {known}"]
    source = "" if known.promised else ", the success limit of its steady state"
    rate = f", at {known.rate_per_s:g} requests a second" if known.rate_per_s else ""
    return [f"by {known.probe}: {write_ratio(known.success)} over {known.over}{rate}{source}"]


def _rows(label: str, lines: list[str]) -> list[str]:
    return [f"  {label if number == 0 else '':<9}{line}" for number, line in enumerate(lines)]


def _servers(plan: Plan) -> list[str]:
    servers = plan.loaded.servers
    names = servers.file.processes if servers else ()
    return [f"starts a server of its own, {name}, since the inventory names none; ends it afterwards" for name in names]


def _lab(plan: Plan) -> str:
    lab = plan.loaded.lab
    assert lab is not None
    instead = "".join(f"; {', '.join(one.instead)} instead of {one.name}" for one in lab.left_out)
    return f"{lab.file.lab}: starts {', '.join(lab.file.processes)}{instead}; ends them afterwards"


def _steady(plan: Plan) -> list[str]:
    head = plan.loaded.drill.head
    if not head.steady:
        return ["no steady state is asked for: faults begin as soon as the probes look"]
    return [
        *(f"{entry.probe}: {_settings(entry, 'probe')}" for entry in head.steady),
        f"within {write_duration(head.steady_within)}, or the drill is not begun; and once more when all is healed",
    ]


def _fault(planned: PlannedFault) -> list[str]:
    written = _settings(planned.fault.injector, "target", "link")
    return _rows("fault", [
        f"{planned.fault.id}: {planned.does}" + (f", {written}" if written else ""),
        f"  starts  {planned.starts}, {planned.lasts}",
        f"  touches {_touched(planned.preview.touches)}",
        f"  undone  {planned.preview.undo}",
        *(f"  {side.name}: {side.how}" + (f", by {side.engine}" if side.engine else "") for side in planned.preview.sides),
    ])  # fmt: skip


def _touched(touches: Sequence[Touch]) -> str:
    return "; ".join(touch.what for touch in touches) or "nothing"


def _judged(plan: Plan) -> list[str]:
    drill = plan.loaded.drill
    always = {"steady before and after": drill.head.steady, "each fault in effect": drill.faults, "clean": True}
    return [
        *(f"{use.title}: {_settings(use.check)}" for use in drill.checks),
        "in every drill: " + ", ".join(what for what, there in always.items() if there),
    ]


def _probe(plan: Plan, name: str) -> str:
    use = plan.loaded.drill.probes[name]
    written = _settings(use.probe, "target")
    return (f"{name}: {use.kind} {use.probe.target}" + (f", {written}" if written else "")
            + f", every {write_duration(use.every)}, bad without an answer for {write_duration(use.timeout)}")  # fmt: skip


def _cue(plan: Plan, cue: Cue) -> list[str]:
    line, commands = cue.line, plan.loaded.commands
    does = said({"holder": cue.who, **line.act()})
    if isinstance(line, Run):
        does = f"run `{shlex.join(commands.get(cue.id, line.command))}`, for at most {write_duration(line.within)}"
    return [f"{cue.id}: {cue.who}, by script: {does}", f"  comes   {comes(cue)}"]


def _guards(plan: Plan) -> list[str]:
    safety = plan.loaded.drill.head.safety
    return [
        f"may run in {', '.join(safety.environments)}; this is {plan.loaded.inventory.environment}",
        (f"ends by itself after {write_duration(safety.max_duration)} of faults; Ctrl-C, SIGTERM, SIGHUP and "
         "`drills abort` heal and end it; a reaper heals it when all else dies"),
        *_ahead(plan),
        *(f"aborted when {guard.probe} succeeds {guard.success} over {write_duration(guard.for_)}"
          for guard in safety.abort_when),
    ]  # fmt: skip


def _ahead(plan: Plan) -> list[str]:
    """What becomes of a drill that is foreseen to be in vain."""
    if not any(isinstance(use.check, Foresees) for use in plan.loaded.drill.checks):
        return []
    if plan.loaded.drill.head.safety.preflight == "stop":
        return [f"breaks nothing when {_IN_VAIN}"]
    return [f"goes on, and tells, when {_IN_VAIN}"]


def _takes(plan: Plan) -> list[str]:
    about, most = show_duration(plan.times.about_s), show_duration(plan.times.most_s)
    beside = "starting the lab, healing" if plan.loaded.lab else "healing"
    return [f"about {about}, at most {most}; {beside} and reading back are not in that"]


def _settings(model: object, *without: str) -> str:
    """Every setting with its value, defaults included: what was not written must not surprise anybody."""
    found = settings_of(model, defaults=True)
    return ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in found.items()
                     if name not in without and value not in ("", None, [], {}))  # fmt: skip
