"""A plan for people: what will happen, to what, when, how it is undone, and what stops it."""

from checks.units import show_duration, write_duration
from drills.binding import settings_of
from drills.plan import Plan, PlannedFault


def show(plan: Plan) -> str:
    """The whole plan as plain text."""
    head, loaded = plan.loaded.drill.head, plan.loaded
    times = plan.times
    blocks = [
        [f"{head.drill}   {loaded.inventory.environment}   {head.severity}   {head.title}"],
        _rows("lab", [_lab(plan)] if loaded.lab else []),
        _rows("first", [f"{entry.probe}: {_settings(entry, 'probe', 'phase')}" for entry in head.steady] or
              ["no steady state is asked for: faults begin as soon as the probes look"]),
        [line for fault in plan.faults for line in _fault(fault)],
        _rows("looks", [_probe(plan, name) for name in loaded.drill.probes]),
        _rows("judged", [f"{use.title}: {_settings(use.check)}" for use in loaded.drill.checks]),
        _rows("touches", [f"{len(plan.touches)} of at most {head.safety.max_targets}: "
                          + ", ".join(touch.what for touch in plan.touches)]),
        _rows("guarded", _guards(plan)),
        _rows("takes", [f"about {show_duration(times.about_s)}, at most {show_duration(times.most_s)}"
                        + (", and the lab's start" if loaded.lab else "")]),
        _rows("scored", [f"rubric {head.rubric}: {loaded.rubric.about}"]),
    ]  # fmt: skip
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n\nNothing was done. To do it: drills run"


def _rows(label: str, lines: list[str]) -> list[str]:
    return [f"  {label if number == 0 else '':<9}{line}" for number, line in enumerate(lines)]


def _lab(plan: Plan) -> str:
    lab = plan.loaded.lab
    assert lab is not None
    return f"{lab.file.lab}: starts {', '.join(lab.file.processes)}; ends them afterwards"


def _fault(planned: PlannedFault) -> list[str]:
    return _rows("fault", [
        f"{planned.fault.id}: {planned.does}",
        f"  starts  {planned.starts}, {planned.lasts}",
        f"  touches {', '.join(touch.what for touch in planned.preview.touches)}",
        f"  undone  {planned.preview.undo}",
    ])  # fmt: skip


def _probe(plan: Plan, name: str) -> str:
    use = plan.loaded.drill.probes[name]
    written = _settings(use.probe, "target")
    return (f"{name}: {use.kind} {use.probe.target}" + (f", {written}" if written else "")
            + f", every {write_duration(use.every)}, bad without an answer for {write_duration(use.timeout)}")  # fmt: skip


def _guards(plan: Plan) -> list[str]:
    safety = plan.loaded.drill.head.safety
    return [
        f"may run in {', '.join(safety.environments)}; this is {plan.loaded.inventory.environment}",
        f"ends by itself after {write_duration(safety.max_duration)} of faults; Ctrl-C, SIGTERM, SIGHUP and "
        "`drills abort` heal and end it; a reaper heals it when all else dies",
        *(f"aborted when {guard.probe} succeeds {guard.success} over {write_duration(guard.for_)}"
          for guard in safety.abort_when),
    ]  # fmt: skip


def _settings(model: object, *without: str) -> str:
    """Every setting with its value, defaults included: what was not written must not surprise anybody."""
    found = settings_of(model, defaults=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items()
                     if name not in without and value not in ("", None, [], {}))  # fmt: skip
