"""Judges a stored run: its directory in, a report out. Pure but for reading, so it can be done again years later."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from functools import partial
from math import inf
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

from checks import Event, Evidence, FaultSeen, Harmful, Samples, Sentence, judge, quantile
from checks.aside import Aside
from checks.moments import incident
from checks.outage import NOT_RECOVERED
from checks.rescheduling import Rescheduling, rescheduling, unseen
from checks.took_effect import TookEffect
from checks.units import show_count, show_duration, write_duration
from drills import drill as drills
from drills import journal, load, overruled
from drills.acts import said
from drills.binding import settings_of
from drills.drill import CheckUse, Drill, ProbeUse
from drills.errors import DrillError, mistake
from drills.measuring import LOST_SERVICE, metrics
from drills.model import shown
from drills.rundir import RunDir
from drills.stage import outstanding
from reports import CheckResult, FaultResult, Metric, Moment, Phase, ProbeResult, Report, SuiteHeld, Words
from reports.credit import Lost
from reports.report import Action
from reports.rubric import Rubric
from reports.score import broken_off, headline, run_outcome, score, unscored


def judge_run(run: RunDir, *, limits: tuple[str, ...] = ()) -> Report:
    """Judge a run, with some limits set otherwise than it was run with.

    Raises DrillError when its journal, drill or rubric was edited, or does not read.
    """
    return judge_stored(run, stored(run, limits=limits))


def judge_stored(run: RunDir, kept: "Stored") -> Report:
    """Judge a run that was read already. Raises DrillError when its rubric does not read."""
    evidence, drill, limits = kept
    rubric = load.rubric_of(drill, run.rubric)
    uses = [use for use in drill.all_checks if not (evidence.control and isinstance(use.check, TookEffect))]
    results = tuple(_result(use, evidence, drill) for use in uses)
    times = incident(evidence)
    measured = metrics(evidence, drill, times)
    scored = score(rubric, results, drills.digest(run.rubric.read_bytes()), lost=_lost(drill, rubric, measured))
    aborted = evidence.first("run.aborted") or evidence.first("run.broke")
    scored = broken_off(rubric, scored) if aborted else scored
    why = str(aborted.data["why"]) if aborted else _no_verdict(evidence)
    outcome = run_outcome(results, scored, aborted=aborted is not None, not_started=bool(why))
    opened = evidence.events[0].data
    probes = tuple(_probe(use, evidence.samples(use.name)) for use in drill.probes.values())
    hurt = () if evidence.control else tuple(one for fault in drill.faults for one in rescheduling(evidence, fault.id))
    told = _worth_telling(evidence, results, hurt)
    return Report(
        run=run.id,
        drill=drill.name,
        path=opened["path"],
        title=drill.head.title,
        about=drill.head.about,
        severity=drill.head.severity,
        environment=opened["environment"],
        opened_at=evidence.events[0].at,
        duration_s=evidence.ended_s,
        outcome=outcome,
        control=evidence.control,
        headline=headline(outcome, results, scored, why=why, control=evidence.control),
        checks=results,
        score=unscored(scored) if evidence.control else scored,
        faults=tuple(_fault(evidence, fault.id, fault.note) for fault in drill.faults),
        probes=probes,
        phases=_phases(evidence),
        moments=tuple(map(_moment, told)),
        findings=(*overruled.sentences(drill), *_findings(evidence, probes), *_left_out(evidence, told)),
        digests={**opened["digests"], "journal": journal.last_link(run.journal), **_overruled(run)},
        versions={**opened["versions"], **_listened_to(evidence)},
        commands={**_healing(run, evidence), **_commands(run, drill, opened)},
        actions=tuple(_actions(run)),
        changed_limits=limits,
        incident=times,
        suite=_suite(run, drill),
        metrics=measured,
        rescheduled=hurt,
    )


def _overruled(run: RunDir) -> dict[str, str]:
    """What stands for all that people overruled; nothing where they did not."""
    link = overruled.last_link(run)
    return {"overruled": link} if link else {}


class Stored(NamedTuple):
    """A run as it is kept: what was seen, the drill with its SOPs, and the limits that were set otherwise than in it."""

    evidence: Evidence
    drill: Drill
    limits: tuple[str, ...]


def stored(run: RunDir, *, limits: tuple[str, ...] = ()) -> Stored:
    """Read a run. Raises DrillError when its journal, drill, SOP or rubric was edited, or does not read."""
    aside = Aside((run.path, Path(gettempdir())), tell=partial(_tell, run))
    evidence = Evidence(journal.events(run.journal), aside=aside)
    _see_unchanged(run, evidence.events)
    limits = (*evidence.events[0].data["limits"], *limits)
    drill = load.with_sops(drills.read(run.drill, limits=limits), lambda name, _: run.path / f"{name}.yaml")
    return Stored(evidence, overruled.attached(drill, run), limits)


def _tell(run: RunDir, why: str) -> None:
    sys.stderr.write(f"drills: the looks of {run.short} are held in memory, since no file can take them: {why}\n")


REVIEW = "review.md"
"""The review that people write of a run, beside it."""
_QUIET = frozenset({"injection.remembered", "fault.planned", "reaper.launched"})
"""Kinds that a person reading the story can do without; the journal has them."""
_UNSAID = frozenset({"sentences", "injection", "format", "digests", "versions", "boot", "monotonic_s", "run"})
"""Data of events that a person can do without."""
_EACH_END = 500
"""Events of one kind that are told from the beginning of a run, and as many from its end."""
_WORDS_MAX = 400
"""Characters of one event in the story; a hundred holes in what was read back are for the journal."""


def _see_unchanged(run: RunDir, events: Sequence[Event]) -> None:
    """Raise DrillError when there is no beginning, or when a file that the run is judged by is not what it had."""
    if not events:
        raise mistake(str(run.journal), "the journal is empty: the run died before it began", "run it again",
                      "journal-edited")  # fmt: skip
    digests = events[0].data["digests"]
    sops = [run.path / f"{name}.yaml" for name in digests if name == "sop" or name.startswith("sop-")]
    suite = [run.path / "suite.yaml"] if "suite" in digests else []
    for path in (run.drill, run.rubric, *suite, *sops):  # one that is missing is told by whoever reads it
        if path.is_file() and drills.digest(path.read_bytes()) != digests[path.stem]:
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


def _result(use: CheckUse, evidence: Evidence, drill: Drill) -> CheckResult:
    within = getattr(use.check, "within", None)
    return CheckResult(id=use.id, kind=use.kind, title=use.title, limits=_limits(use),
                       within_s=within.total_seconds() if isinstance(within, timedelta) else None,
                       verdict=judge(use.check, evidence), line=_line(use, drill),
                       harms=use.check.harms if isinstance(use.check, Harmful) else ())  # fmt: skip


def _suite(run: RunDir, drill: Drill) -> SuiteHeld | None:
    """How the drill, with its limits of this time, holds to the suite as it was."""
    if not drill.head.suite:
        return None
    from drills import suite  # here, since most drills claim none

    return suite.held(drill, run.path / "suite.yaml")


def _lost(drill: Drill, rubric: Rubric, measured: Sequence[Metric]) -> dict[str, Lost]:
    """How much service was lost, for each check of its recovery, where drill or rubric says what is par."""
    par, known = drill.head.par or rubric.curves.par, drill.objective
    if par is None or isinstance(known, Sentence):
        return {}
    area = next((one.value.value for one in measured if one.name == LOST_SERVICE and one.value), None)
    return {use.id: Lost(area, par.total_seconds()) for use in drill.checks if isinstance(use.check, Harmful)
            and NOT_RECOVERED in use.check.harms and getattr(use.check, "probe", "") == known.probe}  # fmt: skip


def _line(use: CheckUse, drill: Drill) -> int | None:
    """Where the drill asks for it: at the check itself, the steady state, or the fault; what is always asked is nowhere."""
    if isinstance(use.check, TookEffect):
        at = drill.places.get(("fault", use.check.fault))
    else:
        at = drill.places.get(("check", use.id)) or (
            drill.places.get(("head", "steady")) if use.kind == "steady" else None
        )
    return at.line if at else None


def _limits(use: CheckUse) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in settings_of(use.check).items())


def _fault(evidence: Evidence, name: str, note: Words) -> FaultResult:
    seen = evidence.fault(name)
    if seen.withheld:
        return _withheld(evidence, seen, note)
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


def _withheld(evidence: Evidence, seen: FaultSeen, note: Words) -> FaultResult:
    """It has no times, since nothing was done; only when it would have been there."""
    data = next(iter(evidence.of("fault.withheld", fault=seen.fault))).data
    from_s, to_s = seen.effect_s, seen.until_s
    return FaultResult(id=seen.fault, does=data["does"], targets=(data["target"],), acting_s=None, effect_s=None,
                       healing_s=None, gone_s=None, trouble="", note=str(note),
                       withheld=(from_s or 0.0, evidence.ended_s if to_s is None else to_s))  # fmt: skip


def _probe(use: ProbeUse, samples: Samples) -> ProbeResult:
    every_s = use.every.total_seconds()
    late_p99 = quantile(samples.late_s(), 0.99)
    p50_s, p99_s, max_s = _took(samples)
    return ProbeResult(
        name=use.name,
        does=_does(use),
        samples=samples,
        success=samples.success,
        p50_s=p50_s,
        p99_s=p99_s,
        max_s=max_s,
        blind=samples.count("?"),
        late_p99_s=late_p99,
        every_s=every_s,
        fell_behind=late_p99 is not None and round(late_p99, 6) > max(every_s, 0.01),  # to the grain of the journal
    )


def _took(samples: Samples) -> tuple[float | None, float | None, float | None]:
    """Half of the good looks took no longer than this, 99 in 100, and all."""
    took = samples.took_s()
    return quantile(took, 0.5), quantile(took, 0.99), took[-1] if took else None


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


def _worth_telling(evidence: Evidence, results: Sequence[CheckResult], hurt: Sequence[Rescheduling]) -> list[Event]:
    """The events that a person may want to read: of a kind that came very often those that prove something, and some at
    either end."""
    proof = {seq for one in results for seq in one.verdict.proof}
    proof |= {seq for one in results for row in one.verdict.rows for seq in row.proof}
    proof |= {seq for one in hurt for seq in one.lines.values()}
    shown: dict[int, Event] = {}
    for told in (evidence.told(kind) for kind in evidence.kinds if kind not in _QUIET):
        shown |= {event.seq: event for event in (*told[:_EACH_END], *told[-_EACH_END:])}
    more = (event for seq in proof - shown.keys() if (event := evidence.line(seq)) and event.kind not in _QUIET)
    return sorted([*shown.values(), *more], key=lambda event: event.seq)


def _left_out(evidence: Evidence, told: Sequence[Event]) -> Iterator[Sentence]:
    """How many events of the story are in the journal alone."""
    missing = sum(len(evidence.told(kind)) for kind in evidence.kinds if kind not in _QUIET) - len(told)
    if missing:
        yield Sentence.of("{n} events of kinds that came very often are in the journal alone", n=show_count(missing))


def _moment(event: Event) -> Moment:
    if event.kind == "act.recorded":
        believed = "scripted" if event.data.get("scripted") else event.trust
        what = f"{event.data.get('actor') or event.source} ({believed}): {said(event.data)}"
        return Moment(t_s=event.t_s, at=event.at, seq=event.seq, what=_cut(what), source=event.source)
    words = ", ".join(_word(key, value) for key, value in event.data.items()
                      if key not in _UNSAID and value not in ("", [], {}, None))  # fmt: skip
    what = event.kind.replace("_", " ") + (f": {words}" if words else "")
    return Moment(t_s=event.t_s, at=event.at, seq=event.seq, what=_cut(what), source=event.source)


def _cut(what: str) -> str:
    return what if len(what) <= _WORDS_MAX else f"{what[: _WORDS_MAX - 1]}…"


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
    replaced = list(stood_in(evidence))
    foreseen = [
        event for event in evidence.of("preflight.found") if not (replaced and event.data["grade"] == "unknown")
    ]
    return [
        *map(_foreseen, foreseen),  # what only those could tell who were stood in for is no news
        *replaced,
        *_sides(evidence),
        *_scripted(evidence),
        *_unseen(evidence),
        *(Sentence.of("the journal's last line was torn off by a sudden death; {bytes} bytes are kept beside it",
                      bytes=event.data["bytes"]) for event in torn),
        *(Sentence.of("fault {fault} never came: {why}", fault=event.data["fault"], why=event.data["why"])
          for event in skipped),
        *(Sentence.of("probe {probe} could not clean up after itself: {why}", probe=event.data["probe"],
                      why=event.data["why"]) for event in left),
        *(Sentence.of("probe {probe} fell behind its plan: 1 look in 100 was sent more than {late} late",
                      probe=one.name, late=show_duration(one.late_p99_s or 0)) for one in probes if one.fell_behind),
    ]  # fmt: skip


def _foreseen(event: Event) -> Sentence:
    """What was found before any fault, and its cure, so that it can be translated."""
    said = event.data["sentences"]
    values = {name: value for one in said for name, value in one["values"].items()}
    return Sentence("foreseen: " + "; ".join(one["pattern"] for one in said), values)


def _sides(evidence: Evidence) -> Iterator[Sentence]:
    """How true to life each outage was: what was taken away, by whom, and what was not."""
    for event in evidence.of("fault.planned"):
        for side in event.data.get("sides", ()):
            values = {"fault": event.data["fault"], "side": side["name"], "how": side["how"]}
            if side["engine"]:
                yield Sentence("outage {fault}, {side}: {how}, by {engine}", {**values, "engine": side["engine"]})
            else:
                yield Sentence("outage {fault}, {side}: not as in a real one: {how}", values)


def stood_in(evidence: Evidence) -> Iterator[Sentence]:
    """Who ran in the lab instead of whom, so that nobody takes one for the other."""
    replaced: dict[tuple[str, ...], list[Event]] = {}
    for event in evidence.of("lab.process_left_out"):
        if event.data["missing"]:
            replaced.setdefault(tuple(event.data["instead"]), []).append(event)
    for instead, events in replaced.items():
        yield Sentence.of("{instead} stood in for {names}; not installed here: {missing}", instead=", ".join(instead),
                          names=", ".join(event.data["name"] for event in events),
                          missing=", ".join(events[0].data["missing"]))  # fmt: skip


def _scripted(evidence: Evidence) -> Iterator[Sentence]:
    """Who was played by the cast, so that nobody takes a script for a person; and where it did not go as written."""
    acts = [event for event in evidence.told("act.recorded") if event.data.get("scripted")]
    if acts:
        names = ", ".join(sorted({event.data["actor"] for event in acts}))
        yield Sentence.of("what {names} did was scripted", names=names)
    for event in evidence.of("act.skipped"):
        yield Sentence.of("act {act} of the cast never came: {why}", act=event.data["act"], why=event.data["why"])
    for event in acts:
        if event.data.get("cmd") and event.data.get("exit") != 0:
            yield Sentence.of("the command of {act} of the cast did not succeed: {why}", act=event.data["id"],
                              why=event.data["text"] or f"exit {event.data.get('exit')}")  # fmt: skip


def _unseen(evidence: Evidence) -> Iterator[Sentence]:
    """When nobody saw what came and went in a cluster, once there was a fault."""
    acting_s = min((event.t_s for event in evidence.of("injection.acting")), default=inf)
    lost = [event.data["observer"] for event in evidence.of("observer.lost") if event.data.get("kind") == "kubernetes"]
    for name in dict.fromkeys(lost):
        for from_s, to_s in unseen(evidence, name):
            if to_s > acting_s:
                yield Sentence.of("observer {observer} missed what came and went in its cluster from {from_s} to {to_s}",
                                  observer=name, from_s=f"{from_s:.3f} s", to_s=f"{to_s:.3f} s")  # fmt: skip


def _listened_to(evidence: Evidence) -> dict[str, str]:
    """The observers that began to listen, each with what it listened to."""
    return {f"observer {event.data['observer']}": str(event.data["what"]) for event in evidence.of("observer.opened")}


def _actions(run: RunDir) -> Iterator[Action]:
    """What the review beside the run has as action items. One that does not read costs no report: `drills review` tells."""
    path = run.path / REVIEW
    if not path.is_file():
        return
    from drills import review_file

    try:
        written = review_file.read(path)
    except DrillError:
        return
    for item in (one.item for one in written.items):
        yield Action(finding=item.finding or "", what=item.what or "", owner=item.owner or "", due=str(item.due or ""),
                     closed=str(item.closed or ""))  # fmt: skip


def _healing(run: RunDir, evidence: Evidence) -> dict[str, str]:
    return {"heal": f"drills heal {run.short}"} if outstanding(evidence.events) else {}


def _commands(run: RunDir, drill: Drill, opened: Mapping[str, Any]) -> dict[str, str]:
    words = ["drills", "run", opened["path"]]
    words += [f"--{flag}" for flag in ("control", "attended") if opened.get(flag)]
    words += ["--inventory", opened["inventory"]] if opened.get("inventory") else []
    words += [word for limit in opened["limits"] for word in ("--set", limit)]
    return {"again": shlex.join(words), "judge": f"drills judge {run.short}{_example(drill.checks)}"}


def _example(checks: Sequence[CheckUse]) -> str:
    """A limit that could be set otherwise: half of the first time that a check allows."""
    for use in checks:
        for one in fields(use.check):  # type: ignore[arg-type]
            value = getattr(use.check, one.name)
            if isinstance(value, timedelta) and value:
                limit = f"{use.id}.{one.name.rstrip('_')}={write_duration(value / 2)}"
                return f" --set {shlex.quote(limit)}"
    return ""
