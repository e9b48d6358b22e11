"""What a rubric makes of the verdicts, how the run ended over all of them, and the answer in one sentence. Pure.

How a score is made, so that each point of it can be argued with:

- **Gates give no points.** That the system was steady *before* (`steady-before`), that each fault took effect
  (`fault_in_effect`) and that nothing of ours is left (`clean`) says something about the drill, not about the system:
  points for them would let a drill that broke everything still earn most of its score. The first two are the ground
  that all other verdicts stand on; where one of them is not passed there is no score and no verdict on the run.
  Leftovers of ours make the run *not healed*, and a rubric may cap the score for them. All are counted in the coverage.
- **Dimensions** share 100 points by their weights. One without a check in this drill drops out and the others take its
  share. Within a dimension the kinds of check share by theirs, and checks of one kind share alike, so that writing an
  easy check twice buys nothing. A kind that no dimension lists counts in a dimension of its own, never in silence.
- **Unknown** leaves the score and lowers the confidence: the score is of what was judged. Below the rubric's confidence
  the run is inconclusive, whatever its score.
- **Caps** stand over the sum: the lowest one that any check's harm calls for, or that a verdict brings itself, wins, and
  nothing averages it away.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import fsum

from checks import Outcome, Sentence
from reports.report import CapHit, CheckResult, RunOutcome, Score, ScoreLine
from reports.rubric import OTHER, Rubric


def is_ground(result: CheckResult) -> bool:
    """True for what must be so before anything else can be judged: steady before, and each fault in effect."""
    return result.kind == "fault_in_effect" or (result.kind == "steady" and result.id.startswith("steady-before"))


def gives_points(result: CheckResult) -> bool:
    """True for checks of the system; gates of the drill give none."""
    return result.kind != "clean" and not is_ground(result)


def score(rubric: Rubric, results: Sequence[CheckResult], rubric_digest: str) -> Score:
    """Score the verdicts of a run. `rubric_digest` is the SHA-256 of the rubric's file."""
    lines = _lines(rubric, [result for result in results if gives_points(result)])
    caps = _caps(rubric, results)
    judged = [line for line in lines if line.points is not None]
    weight = fsum(line.weight for line in judged)
    # Exact sums, and their ratio first: neither the order of the checks nor rounding may show even in the last digit.
    uncapped = 100 * (fsum(line.points or 0 for line in judged) / weight) if weight else None
    points = uncapped if uncapped is None or not caps else min(uncapped, caps[0].cap)
    return Score(
        points=points if _grounded(results) else None,
        uncapped=uncapped,
        judged=sum(result.outcome is not Outcome.UNKNOWN for result in results),
        planned=len(results),
        confidence=round(weight / 100, 9) if len(judged) < len(lines) else float(bool(weight)),
        confidence_needed=rubric.confidence,
        lines=lines,
        caps=caps,
        rubric=rubric.rubric,
        rubric_digest=rubric_digest,
    )


def unscored(score: Score) -> Score:
    """What is left of it in a control, which must never look like a proof: how many checks gave an answer."""
    return replace(score, points=None, uncapped=None, lines=(), caps=())


def run_outcome(
    results: Sequence[CheckResult], score: Score, *, aborted: bool, not_started: bool = False
) -> RunOutcome:
    """How the run ended, the gravest first: what is left behind, then an abort, then lack of ground, then failures.

    `not_started` says that the run broke off before it had asked anything of the system.
    """
    if any(result.kind == "clean" and result.outcome is Outcome.FAILED for result in results):
        return RunOutcome.NOT_HEALED
    if aborted:
        return RunOutcome.ABORTED
    if not_started or not score.lines or not _grounded(results):
        return RunOutcome.INCONCLUSIVE
    if any(result.outcome is Outcome.FAILED for result in results):
        return RunOutcome.FAILED
    if not score.confident or any(result.outcome is Outcome.UNKNOWN for result in results):
        return RunOutcome.INCONCLUSIVE
    return RunOutcome.PASSED


def headline(outcome: RunOutcome, results: Sequence[CheckResult], score: Score, *, why: str = "",
             control: bool = False) -> Sentence:  # fmt: skip
    """The answer in one sentence. Where it rests on a check it ends in that check's own reason.

    `why` is why a run was aborted, or did not start. That of a `control` begins by saying that it is one.
    """
    if not control:
        return _headline(outcome, results, score, why)
    if outcome is RunOutcome.PASSED:
        return Sentence.of("Control, nothing was injected: all {n} checks hold without the faults.", n=len(results))
    said = _headline(outcome, results, score, why)
    return Sentence(f"Control, nothing was injected: {said.pattern}", said.values)


def _headline(outcome: RunOutcome, results: Sequence[CheckResult], score: Score, why: str) -> Sentence:
    match outcome:
        case RunOutcome.PASSED:
            return Sentence.of("Passed: all {n} checks.", n=len(results))
        case RunOutcome.FAILED:
            return _lead("Failed on {_check}", [one for one in results if one.outcome is Outcome.FAILED])
        case RunOutcome.NOT_HEALED:
            left = [one for one in results if one.kind == "clean" and one.outcome is Outcome.FAILED]
            return _lead("Not healed", left)
        case RunOutcome.ABORTED:
            return Sentence.of("Aborted, and healed: {why}", why=why) if why else Sentence("Aborted, and healed.")
        case RunOutcome.INCONCLUSIVE:
            return Sentence.of("No verdict: {why}", why=why) if why else _inconclusive(results, score)


def _grounded(results: Sequence[CheckResult]) -> bool:
    return all(result.outcome is Outcome.PASSED for result in results if is_ground(result))


def _lines(rubric: Rubric, results: Sequence[CheckResult]) -> tuple[ScoreLine, ...]:
    """One line a check, in the order of the checks. Their weights add up to 100, unless all of them weigh nothing."""
    of_kind = {
        kind: (name, weight)
        for name, dimension in rubric.dimensions.items()
        for kind, weight in dimension.checks.items()
    }
    kinds = Counter(result.kind for result in results)
    in_dimension: dict[str, list[float]] = {}
    for kind in kinds:
        name, weight = of_kind.get(kind, (OTHER, 1.0))
        in_dimension.setdefault(name, []).append(weight)
    weigh = {name: dimension.weight for name, dimension in rubric.dimensions.items()} | {OTHER: rubric.other}
    # A dimension whose present kinds all weigh nothing cannot give its share to any of them: it drops out too.
    whole = fsum(weigh[name] for name, weights in in_dimension.items() if fsum(weights))
    lines: list[ScoreLine] = []
    for result in results:
        name, weight = of_kind.get(result.kind, (OTHER, 1.0))
        share = weight / kinds[result.kind] / (fsum(in_dimension[name]) or 1)
        most = 100 * weigh[name] / whole * share if whole else 0.0
        credit = result.verdict.points
        title = rubric.dimensions[name].title if name in rubric.dimensions else name
        lines.append(
            ScoreLine(
                check=result.id,
                dimension=title,
                weight=most,
                points=None if credit is None else most * min(1.0, max(0.0, credit)),
            )
        )
    return tuple(lines)


def _caps(rubric: Rubric, results: Sequence[CheckResult]) -> tuple[CapHit, ...]:
    hits = [
        CapHit(harm=result.verdict.harm, cap=cap.at_most, because=cap.because, check=result.id)
        for result in results
        if result.outcome is not Outcome.PASSED and (cap := rubric.caps.get(result.verdict.harm))
    ]
    hits += [
        CapHit(harm=result.verdict.harm, cap=own.at_most, because=own.because, check=result.id)
        for result in results
        if result.outcome is not Outcome.PASSED and (own := result.verdict.cap)
    ]
    return tuple(sorted(hits, key=lambda hit: (hit.cap, hit.harm, hit.check)))


def _lead(lead: str, results: Sequence[CheckResult]) -> Sentence:
    """A sentence that ends in the first result's reason, the lead before it, and names the others if there are any."""
    first, *others = results
    values = {**first.verdict.because.values, "_check": first.title}
    if others:
        lead += " and {_more} more ({_others})"
        values |= {"_more": str(len(others)), "_others": ", ".join(one.title for one in others)}
    return Sentence(f"{lead}: {first.verdict.because.pattern}", values)


def _inconclusive(results: Sequence[CheckResult], score: Score) -> Sentence:
    baseless = [one for one in results if is_ground(one) and one.outcome is not Outcome.PASSED]
    if baseless:
        return _lead("No verdict without {_check}", baseless)
    if not score.lines:
        return Sentence("No verdict: the drill asks nothing of the system.")
    unknown = [one for one in results if one.outcome is Outcome.UNKNOWN]
    if unknown:
        return _lead("No verdict on {_check}", unknown)
    return Sentence("No verdict: the rubric gives no weight to any of these checks.")
