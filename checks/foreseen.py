"""What the preflight of alerts is written with: findings, their words, and what was told last."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from checks.check import Foreseen, Sentence
from checks.evidence import Event, Evidence

Grade = Literal["fine", "unknown", "doubtful", "wrong"]
GRADES: Sequence[Grade] = ("fine", "unknown", "doubtful", "wrong")
"""The worst last."""
_NAMED = 5


def foreseen(
    grade: Grade, pattern: str, cure: str = "", /, *, proof: tuple[int, ...] = (), **values: object
) -> Foreseen:
    """A finding. The same values stand in what it says and in its cure."""
    said = Sentence.of(cure, **values) if cure else None
    return Foreseen(grade=grade, what=Sentence.of(pattern, **values), cure=said, proof=proof)


def worst(found: Iterable[Foreseen]) -> int:
    """How bad the worst of them is, as a place among `GRADES`."""
    return max((GRADES.index(one.grade) for one in found), default=0)


def latest(evidence: Evidence, kind: str, *keys: str) -> list[Event]:
    """The last such event of each observer, and of each value of these keys."""
    last = {tuple(event.data.get(key) for key in ("observer", *keys)): event for event in evidence.of(kind)}
    return list(last.values())


def lines(evidence: Evidence, kind: str) -> tuple[int, ...]:
    """The journal lines of these."""
    return tuple(event.seq for event in latest(evidence, kind))


def is_live(evidence: Evidence) -> bool:
    """Whether anybody was listened to, rather than files read."""
    return bool(evidence.of("observer.opened") or evidence.of("observer.lost"))


def choice(wanted: str, names: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """The cure for a name that is not there, and its values."""
    from difflib import get_close_matches

    once = list(dict.fromkeys(names))
    if near := get_close_matches(wanted, once, 1):
        return "did you mean {near}?", {"near": near[0]}
    if once:
        more = f", +{len(once) - _NAMED}" if len(once) > _NAMED else ""
        return "there are {names}", {"names": ", ".join(once[:_NAMED]) + more}
    return "there is none at all", {}


def pairs(labels: Mapping[str, str], names: Iterable[str]) -> str:
    """`region=eu, severity=page`; of a label that is not there nothing stands behind the sign."""
    return ", ".join(f"{name}={labels.get(name, '')}" for name in names)
