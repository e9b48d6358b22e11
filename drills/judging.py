"""Judges a stored run: its directory in, a report out. Pure but for reading, so it can be done again years later."""

import shlex
from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta

from checks import Event, Evidence, Samples, Sentence, judge, quantile
from checks.units import show_duration, write_duration
from drills import drill as drills
from drills import journal, load
from drills.binding import settings_of
from drills.drill import CheckUse, Drill, ProbeUse
from drills.errors import mistake
from drills.model import shown
from drills.rundir import RunDir
from reports import CheckResult, FaultResult, Moment, Phase, ProbeResult, Report, Words
from reports.score import headline, run_outcome, score


def judge_run(run: RunDir, *, limits: tuple[str, ...] = ()) -> Report:
    """Judge a run, with some limits set otherwise than it was run with.

    Raises DrillError when its journal, drill or rubric was edited, or does not read.
    """
    events = journal.read(run.journal)
    _see_unchanged(run, events)
    evidence = Evidence(events)
    limits = (*events[0].data["limits"], *limits)
    drill = drills.read(run.drill, limits=limits)
    rubric = load.rubric_of(drill, run.rubric)
    results = tuple(_result(use, evidence) for use in drill.all_checks)
    scored = score(rubric, results, drills.digest(run.rubric.read_bytes()))
    aborted = evidence.first("run.aborted") or evidence.first("run.broke")
    why = str(aborted.data["why"]) if aborted else _no_verdict(evidence)
    outcome = run_outcome(results, scored, aborted=aborted is not None, not_started=bool(why))
    opened = events[0].data
    probes = tuple(_probe(use, evidence.samples(use.name)) for use in drill.probes.values())
    return Report(
        run=run.id,
        drill=drill.name,
        title=drill.head.title,
        about=drill.head.about,
        severity=drill.head.severity,
        environment=opened["environment"],
        opened_at=events[0].at,
        duration_s=evidence.ended_s,
        outcome=outcome,
        headline=headline(outcome, results, scored, why=why),
        checks=results,
        score=scored,
        faults=tuple(_fault(evidence, fault.id, fault.note) for fault in drill.faults),
        probes=probes,
        phases=_phases(evidence),
        moments=tuple(_moment(event) for event in evidence.events if event.kind not in _QUIET),
        findings=tuple(_findings(evidence, probes)),
        digests={**opened["digests"], "journal": journal.last_link(run.journal)},
        versions=opened["versions"],
        commands=_commands(run, drill, opened["path"]),
        changed_limits=limits,
    )


_QUIET = frozenset({"injection.remembered", "fault.planned", "reaper.launched"})
"""Kinds that a person reading the story can do without; the journal has them."""
_UNSAID = frozenset({"injection", "format", "digests", "versions", "boot", "monotonic_s", "run"})
"""Data of events that a person can do without."""
_WORDS_MAX = 400
"""Characters of one event in the story; a hundred holes in what was read back are for the journal."""


def _see_unchanged(run: RunDir, events: Sequence[Event]) -> None:
    """Raise DrillError when there is no beginning, or when the drill or rubric kept with the run is not what it had."""
    if not events:
        raise mistake(str(run.journal), "the journal is empty: the run died before it began", "run it again",
                      "journal-edited")  # fmt: skip
    for path in (run.drill, run.rubric):  # one that is missing is told by whoever reads it
        if path.is_file() and drills.digest(path.read_bytes()) != events[0].data["digests"][path.stem]:
            raise mistake(str(path), f"the {path.stem} kept with the run was changed after it",
                          "a run is judged by what it was run with; to try other limits use --set", "journal-edited")  # fmt: skip


def _no_verdict(evidence: Evidence) -> str:
    """Why nothing can be said of a run that was not aborted; empty when there is nothing in the way."""
    not_started = evidence.first("run.not_started")
    if not_started:
        return str(not_started.data["why"])
    if evidence.first("run.closed"):
        return ""
    return "the journal has no end: the run is under way, or died and was not healed"


def _result(use: CheckUse, evidence: Evidence) -> CheckResult:
    return CheckResult(id=use.id, kind=use.kind, title=use.title, limits=_limits(use),
                       verdict=judge(use.check, evidence))  # fmt: skip


def _limits(use: CheckUse) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in settings_of(use.check).items())


def _fault(evidence: Evidence, name: str, note: Words) -> FaultResult:
    seen = evidence.fault(name)
    planned = evidence.first("injection.intended", fault=name) or evidence.first("fault.planned", fault=name)
    return FaultResult(
        id=name,
        does=planned.data["does"] if planned else "",
        targets=(planned.data["target"],) if planned else (),
        acting_s=seen.acting_s,
        effect_s=seen.effect_s,
        healing_s=seen.healing_s,
        gone_s=seen.gone_s,
        trouble=seen.trouble,
        note=str(note),
    )


def _probe(use: ProbeUse, samples: Samples) -> ProbeResult:
    took = samples.took_s()
    late = samples.late_s()
    every_s = use.every.total_seconds()
    late_p99 = quantile(late, 0.99)
    return ProbeResult(
        name=use.name,
        does=_does(use),
        samples=samples,
        success=samples.success,
        p50_s=quantile(took, 0.5),
        p99_s=quantile(took, 0.99),
        max_s=took[-1] if took else None,
        blind=samples.count("?"),
        late_p99_s=late_p99,
        every_s=every_s,
        fell_behind=late_p99 is not None and round(late_p99, 6) > max(every_s, 0.01),  # to the grain of the journal
    )


def _does(use: ProbeUse) -> str:
    written = {name: value for name, value in settings_of(use.probe).items() if name != "target"}
    rest = [f"{name} {shown(value)}" for name, value in written.items()]
    return ", ".join([f"{use.kind} {use.probe.target}", *rest, f"every {write_duration(use.every)}"])


def _phases(evidence: Evidence) -> tuple[Phase, ...]:
    entered = evidence.of("run.phase_entered")
    ends = [*(event.t_s for event in entered[1:]), evidence.ended_s]
    return tuple(
        Phase(name=event.data["phase"], from_s=event.t_s, to_s=end)
        for event, end in zip(entered, ends, strict=False)  # of no phases there is still an end
    )


def _moment(event: Event) -> Moment:
    words = ", ".join(_word(key, value) for key, value in event.data.items()
                      if key not in _UNSAID and value not in ("", [], {}, None))  # fmt: skip
    what = event.kind.replace("_", " ") + (f": {words}" if words else "")
    what = what if len(what) <= _WORDS_MAX else f"{what[: _WORDS_MAX - 1]}…"
    return Moment(t_s=event.t_s, at=event.at, seq=event.seq, what=what, source=event.source)


def _word(key: str, value: object) -> str:
    """`from 3.12 s`, for `from_s` and its figure."""
    if key.endswith("_s") and isinstance(value, int | float):
        return f"{key[:-2].replace('_', ' ')} {show_duration(value)}"
    return f"{key.replace('_', ' ')} {_said(value)}"


def _said(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case [int() as low, int() as high]:  # of the numbers that were read back
            return f"{low}-{high}"
        case list():
            return " ".join(map(_said, value))
        case dict():
            return ": ".join(_said(one) for one in value.values() if one)
        case _:
            return str(value)


def _findings(evidence: Evidence, probes: Sequence[ProbeResult]) -> list[Sentence]:
    torn, skipped, left = (evidence.of(kind) for kind in ("journal.torn", "fault.skipped", "probe.left_behind"))
    return [
        *(Sentence.of("the journal's last line was torn off by a sudden death; {bytes} bytes are kept beside it",
                      bytes=event.data["bytes"]) for event in torn),
        *(Sentence.of("fault {fault} never came: {why}", fault=event.data["fault"], why=event.data["why"])
          for event in skipped),
        *(Sentence.of("probe {probe} could not clean up after itself: {why}", probe=event.data["probe"],
                      why=event.data["why"]) for event in left),
        *(Sentence.of("probe {probe} fell behind its plan: 1 look in 100 was sent more than {late} late",
                      probe=one.name, late=show_duration(one.late_p99_s or 0)) for one in probes if one.fell_behind),
    ]  # fmt: skip


def _commands(run: RunDir, drill: Drill, path: str) -> dict[str, str]:
    return {"again": f"drills run {shlex.quote(path)}", "judge": f"drills judge {run.short}{_example(drill.checks)}"}


def _example(checks: Sequence[CheckUse]) -> str:
    """A limit that could be set otherwise: half of the first time that a check allows."""
    for use in checks:
        for one in fields(use.check):  # type: ignore[arg-type]
            value = getattr(use.check, one.name)
            if isinstance(value, timedelta) and value:
                limit = f"{use.id}.{one.name.rstrip('_')}={write_duration(value / 2)}"
                return f" --set {shlex.quote(limit)}"
    return ""
