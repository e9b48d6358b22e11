"""Overruling what was made of a stored run's evidence: two people, a reason, and a line beside the journal for good."""

from dataclasses import replace

from checks import Evidence
from checks.sop.check import Sop
from checks.sop.obligation import Status
from checks.sop.overrule import Overruling, meant, refusal
from checks.sop.overrule import overruled as as_overruled
from checks.sop.standing import Ruling
from drills import judging, overruled
from drills.clock import SystemClock, stamp
from drills.drill import CheckUse, Drill
from drills.errors import Exit, choices, mistake
from drills.overruled import NAME, WITHDRAWN
from drills.rundir import RunDir

AS = (Status.SATISFIED.value, Status.VIOLATED.value, Status.NOT_APPLICABLE.value, WITHDRAWN)
_NAME_MAX, _REASON_MAX = 100, 1_000
_REASON_MIN = 10
"""Characters of a reason that a reader could weigh."""
_COMMAND = "drills overrule"


def overrule(run: RunDir, rule: str, *, status: str, by: str, seconded_by: str, reason: str, line: int | None) -> int:
    """Have an obligation count as something else from now on. Raises DrillError when these two cannot, or not so."""
    by, seconded_by, reason = by.strip(), seconded_by.strip(), " ".join(reason.split())
    _see_who_and_why(by, seconded_by, reason)
    if run.is_live:
        raise mistake(_COMMAND, f"run {run.short} is under way", "wait until it has ended", "under-way")
    kept = judging.stored(run)
    use, ruling = _named(kept.drill, kept.evidence, rule)
    if status == WITHDRAWN:
        _see_there_is_one(run, use, ruling, line)
    else:
        given = Overruling(
            rule=ruling.rule.id, line=line, status=Status(status), by=by, seconded_by=seconded_by, reason=reason
        )
        _see_it_may_be(use, ruling, given, kept.evidence)
    overruled.append(run, {"at": stamp(SystemClock().utc()), "check": use.id, "rule": ruling.rule.id, "line": line, "as": status,
                  "by": by, "seconded_by": seconded_by, "reason": reason})  # fmt: skip
    again = judging.judge_run(run)
    print(f"{use.id}/{ruling.rule.id} counts as {ruling.status if status == WITHDRAWN else status}: {again.headline}")
    print(f"kept in   {run.path / NAME}\nreports   drills report {run.short}")
    return Exit.PASSED


# --- what may be


def _see_who_and_why(by: str, seconded_by: str, reason: str) -> None:
    if not by or not seconded_by or by.casefold() == seconded_by.casefold():
        raise mistake(_COMMAND, "it takes two people to overrule", "name another with --seconded-by", "cannot-overrule")
    if len(reason) < _REASON_MIN:
        raise mistake(_COMMAND, "nobody could weigh such a reason", "say with --reason what was so, and how it is known",
                      "cannot-overrule")  # fmt: skip
    if max(len(by), len(seconded_by)) > _NAME_MAX or len(reason) > _REASON_MAX:
        raise mistake(_COMMAND, "that is too long", f"names have {_NAME_MAX} characters at most, reasons {_REASON_MAX}",
                      "cannot-overrule")  # fmt: skip


def _named(drill: Drill, evidence: Evidence, name: str) -> tuple[CheckUse, Ruling]:
    """The rule of this name, as `announced` or `sop/announced`, and how it stands without what was overruled."""
    check, _, rule = name.rpartition("/")
    found: dict[str, tuple[CheckUse, Ruling]] = {}
    for use in drill.checks:
        if isinstance(use.check, Sop):
            plain = replace(use.check, overruling=())
            found |= {f"{use.id}/{one.rule.id}": (use, one) for one in plain.standing(evidence).rulings}
    fits = [full for full in found if full == name or (not check and full.rpartition("/")[2] == rule)]
    if len(fits) != 1:
        what = (
            f"{len(fits)} SOPs of this drill have a rule `{rule}`"
            if fits
            else f"no SOP of this drill has a rule `{name}`"
        )
        fix = f"say which: {', '.join(fits)}" if fits else choices(name, list(found), "rules")
        raise mistake(_COMMAND, what, fix, "unknown-rule")
    return found[fits[0]]


def _see_there_is_one(run: RunDir, use: CheckUse, ruling: Ruling, line: int | None) -> None:
    if not any(
        (one.rule, one.line) == (ruling.rule.id, line) for one in overruled.in_force(overruled.lines(run), use.id)
    ):
        raise mistake(_COMMAND, f"nothing of `{ruling.rule.id}` was overruled", f"what was stands in {run.path / NAME}",
                      "cannot-overrule")  # fmt: skip


def _see_it_may_be(use: CheckUse, ruling: Ruling, given: Overruling, evidence: Evidence) -> None:
    assert isinstance(use.check, Sop)
    assert use.check.book is not None  # it was judged
    places = meant(ruling.obligations, given.line)
    if len(places) != 1:
        listed = "; ".join(
            f"--line {one.proof[0]}: {one.status}, {one.because}" for one in ruling.obligations[:5] if one.proof
        )
        raise mistake(_COMMAND, f"`{given.rule}` has {len(ruling.obligations)} obligations, and {len(places)} are meant",
                      listed or "leave --line out", "cannot-overrule")  # fmt: skip
    now = as_overruled(ruling.rule, ruling.obligations, use.check.overruling, use.check.book)[places[0]]
    if why := refusal(ruling.rule, now, given, use.check.book, evidence):
        raise mistake(
            _COMMAND, f"`{given.rule}` cannot be overruled: {why}", f"it says: {now.because}", "cannot-overrule"
        )
