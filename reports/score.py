"""What a rubric makes of the verdicts, how the run ended over all of them, and the answer in one sentence. Pure.

How a score is made, so that each point of it can be argued with:

- **Gates give no points.** That the system was steady *before* (`steady-before`), that each fault took effect
  (`fault_in_effect`) and that nothing of ours is left (`clean`) says something about the drill, not about the system:
  points for them would let a drill that broke everything still earn most of its score. The first two are the ground
  that all other verdicts stand on; where one of them is not passed there is no score and no verdict on the run.
  Leftovers of ours make the run *not healed*, and a rubric may cap the score for them. All are counted in the coverage.
- **Dimensions** share 100 points by their weights. One without a check in this drill drops out and the others take its
  share. Within a dimension the kinds of check share by theirs, and checks of one kind share alike, so that writing an
  easy check twice buys nothing. A kind that no dimension lists counts in a dimension of its own, never in silence. A
  check that shows several abilities counts by its parts where the rubric lists those, as `sop.triage`.
- **Curves** of the rubric say what is left of the credit of what came too late.
- **Unknown** lowers the confidence. By the rubric it leaves the score, which is then of what was judged; or it earns
  nothing, and there is no score where too little was judged or where what was not seen may have called for a cap. Only
  then does it never pay to hide something: no evidence that is taken away raises the score. Below the rubric's
  confidence the run is inconclusive, whatever its score.
- **Caps** stand over the sum: the lowest one that any check's harm calls for, or that a verdict brings itself, wins, and
  nothing averages it away.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import fsum
from typing import NamedTuple

from checks import Outcome, Sentence, Share
from checks.units import show_ratio
from reports.credit import NOTHING_LOST, Lost, Worth, worth
from reports.ratings import letter, rating
from reports.report import CapHit, CheckResult, DimensionScore, RunOutcome, Score, ScoreLine
from reports.rubric import OTHER, Rubric


def is_ground(result: CheckResult) -> bool:
    """True for what must be so before anything else can be judged: steady before, and each fault in effect."""
    return result.kind == "fault_in_effect" or (result.kind == "steady" and result.id.startswith("steady-before"))


def gives_points(result: CheckResult) -> bool:
    """True for checks of the system; gates of the drill give none."""
    return result.kind != "clean" and not is_ground(result)


def score(rubric: Rubric, results: Sequence[CheckResult], rubric_digest: str, *,
          lost: Mapping[str, Lost] = NOTHING_LOST) -> Score:  # fmt: skip
    """Score the verdicts of a run. `rubric_digest` is the SHA-256 of the rubric's file.

    `lost` has, by the id of a check, how much service was lost where that is held against a par.
    """
    items = _items(rubric, [result for result in results if gives_points(result)], lost)
    weights = _weights(rubric, items)
    lines = tuple(_line(rubric, item, most) for item, (most, _) in zip(items, weights, strict=True))
    caps = _caps(rubric, results)
    known = fsum(line.weight for line in lines if line.points is not None)
    judged = fsum(line.weight for line in lines) if rubric.strict else known
    # Exact sums, and their ratio first: neither the order of the checks nor rounding may show even in the last digit.
    uncapped = 100 * (fsum(line.points or 0 for line in lines) / judged) if known else None
    points = uncapped if uncapped is None or not caps else min(uncapped, caps[0].cap)
    made = Score(
        points=points if _grounded(results) else None,
        uncapped=uncapped,
        judged=sum(result.outcome is not Outcome.UNKNOWN for result in results),
        planned=len(results),
        confidence=round(known / 100, 9) if any(line.points is None for line in lines) else float(bool(known)),
        confidence_needed=rubric.confidence,
        lines=lines,
        caps=caps,
        rubric=rubric.rubric,
        rubric_digest=rubric_digest,
        dimensions=_dimensions(rubric, items, weights),
        dropped=_dropped(rubric, items),
    )
    withheld = _withheld(rubric, results, made) if rubric.strict else None
    made = replace(made, withheld=withheld, points=None if withheld else made.points)
    return replace(made, rating=rating(made.points), letter=letter(made.points))


def unscored(score: Score) -> Score:
    """What is left of it in a control, which must never look like a proof: how many checks gave an answer."""
    return replace(score, points=None, uncapped=None, lines=(), caps=(), dimensions=(), dropped={}, withheld=None,
                   rating="", letter="")  # fmt: skip


def broken_off(rubric: Rubric, score: Score) -> Score:
    """Of a run that was aborted: each check keeps what it gave, and no sum is made of what was not played to its end."""
    if not rubric.strict:
        return score
    why = Sentence("the run was aborted, and what was not played to its end has no score")
    return replace(score, points=None, rating="", letter="", withheld=why)


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


class _Item(NamedTuple):
    """A check, or a part of one, in the dimension in which it counts."""

    result: CheckResult
    part: str
    share: Share | None
    dimension: str
    kind: str
    """As the rubric lists it: `failover`, `sop.triage`."""
    weight: float
    """As the rubric has it, of the kind beside the others of its dimension."""
    worth: Worth


def _items(rubric: Rubric, results: Sequence[CheckResult], lost: Mapping[str, Lost]) -> list[_Item]:
    """In the order of the checks. One that a rubric lists by its parts, and that has none, stands for each of them."""
    of_kind = {
        kind: (name, weight)
        for name, dimension in rubric.dimensions.items()
        for kind, weight in dimension.checks.items()
    }
    items: list[_Item] = []
    for result in results:
        listed = rubric.parts(result.kind)
        shares: Mapping[str, Share | None] = result.verdict.shares or dict.fromkeys(listed)
        for part, share in shares.items() if listed else [("", None)]:
            kind = f"{result.kind}.{part}" if part else result.kind
            dimension, weight = of_kind.get(kind, (OTHER, 1.0))
            value = worth(result.verdict, rubric.curves, share=share, lost=lost.get(result.id), strict=rubric.strict)
            items.append(_Item(result, part, share, dimension, kind, weight, value))
    return items


def _weights(rubric: Rubric, items: Sequence[_Item]) -> list[tuple[float, float]]:
    """Of each, how many of the 100 points it could give, and which share of its dimension's.

    The points add up to 100, unless all of them weigh nothing.
    """
    kinds = Counter(item.kind for item in items)
    in_dimension: dict[str, dict[str, float]] = {}
    for item in items:
        in_dimension.setdefault(item.dimension, {})[item.kind] = item.weight
    sums = {name: fsum(weights.values()) for name, weights in in_dimension.items()}
    # A dimension whose present kinds all weigh nothing cannot give its share to any of them: it drops out too.
    whole = fsum(_written(rubric, name) for name, weight in sums.items() if weight)
    found: list[tuple[float, float]] = []
    for item in items:
        share = item.weight / kinds[item.kind] / (sums[item.dimension] or 1)
        found.append((100 * _written(rubric, item.dimension) / whole * share if whole else 0.0, share))
    return found


def _line(rubric: Rubric, item: _Item, most: float) -> ScoreLine:
    credit = _credit(rubric, item)
    return ScoreLine(
        check=item.result.id,
        part=item.part,
        dimension=_title(rubric, item.dimension),
        weight=most,
        points=None if credit is None else most * credit,
        credit=credit,
        because=item.share.because if item.share else item.result.verdict.because,
        curve=item.worth.curve,
        proof=item.share.proof if item.share else item.result.verdict.proof,
    )


def _credit(rubric: Rubric, item: _Item) -> float | None:
    """What is known of it; by a strict rubric no more of that than is certain."""
    return item.worth.least if rubric.strict and item.worth.credit is not None else item.worth.credit


def _dimensions(
    rubric: Rubric, items: Sequence[_Item], weights: Sequence[tuple[float, float]]
) -> tuple[DimensionScore, ...]:
    """What each was worth, in the rubric's order, whatever it counts for in the whole."""
    found: list[DimensionScore] = []
    for name in (*rubric.dimensions, OTHER):
        mine = [
            (item, most, share) for item, (most, share) in zip(items, weights, strict=True) if item.dimension == name
        ]
        if not mine:
            continue
        known = [(share, credit) for item, _, share in mine if (credit := _credit(rubric, item)) is not None]
        whole = fsum(share for _, _, share in mine) if rubric.strict else fsum(share for share, _ in known)
        sure = not rubric.strict or fsum(share for share, _ in known) >= rubric.confidence * whole - 1e-9
        earned = fsum(share * credit for share, credit in known)
        points = round(100 * (earned / whole), 9) if known and whole and sure else None
        found.append(
            DimensionScore(
                name=name,
                title=_title(rubric, name),
                written=_written(rubric, name),
                weight=fsum(most for _, most, _ in mine),
                points=points,
                rating=rating(points),
                judged=len(known),
                planned=len(mine),
            )
        )
    return tuple(found)


def _dropped(rubric: Rubric, items: Sequence[_Item]) -> dict[str, float]:
    present = {item.dimension for item in items}
    return {one.title: one.weight for name, one in rubric.dimensions.items() if one.weight and name not in present}


def _written(rubric: Rubric, name: str) -> float:
    return rubric.dimensions[name].weight if name in rubric.dimensions else rubric.other


def _title(rubric: Rubric, name: str) -> str:
    return rubric.dimensions[name].title if name in rubric.dimensions else name


def _withheld(rubric: Rubric, results: Sequence[CheckResult], made: Score) -> Sentence | None:
    """Why what was judged makes no score: too little was, or what was not seen may have called for a lower cap."""
    if made.points is None:
        return None
    if not made.confident:
        return Sentence.of("{share} of the score's weight was judged; {needed} is needed",
                           share=show_ratio(made.confidence), needed=show_ratio(made.confidence_needed))  # fmt: skip
    for result in results:
        for cap, because in _doubts(rubric, result):
            if cap < made.points:
                return Sentence("nobody can say whether {_check} calls for a cap of {cap}: " + because.pattern,
                                {**because.values, "_check": result.title, "cap": f"{cap:g}"})  # fmt: skip
    return None


def _doubts(rubric: Rubric, result: CheckResult) -> Iterator[tuple[float, Sentence]]:
    """The caps that a check may call for as far as anybody can say, and why nobody can."""
    if doubt := result.verdict.doubt:
        yield doubt.at_most, doubt.because
    if result.outcome is Outcome.UNKNOWN:
        yield from ((rubric.caps[harm].at_most, result.verdict.because) for harm in result.harms if harm in rubric.caps)


def _caps(rubric: Rubric, results: Sequence[CheckResult]) -> tuple[CapHit, ...]:
    hits = [
        CapHit(harm=one.verdict.harm, cap=cap.at_most, because=cap.because, check=one.id, proof=one.verdict.proof)
        for one in results
        if one.outcome is not Outcome.PASSED
        for cap in (rubric.caps.get(one.verdict.harm), one.verdict.cap)
        if cap
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
