"""A suite: a published list of checks with fixed limits and a rubric, so that the scores of two teams can be compared.

A drill that claims one has each of its checks and is nowhere laxer; lint refuses it otherwise. Where it asks more, its
score is its own: two scores are compared only when both drills hold to the suite as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import reports
from checks import DurationLimit, RatioLimit
from checks.units import parse_duration, parse_ratio, write_duration, write_ratio
from drills import drill as drills
from drills import source
from drills.binding import Binding
from drills.drill import CheckUse, Drill
from drills.errors import DrillError, Problem, choices
from reports import SuiteHeld
from reports.words import Words

_FOLDER = Path(reports.__file__).parent / "suites"
_NO_WORDS = Words("")
_TRIED_MAX = 6
"""Checks of one kind among which those are looked for that a suite asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A check that a drill must have."""

    check: Annotated[str, "Its kind, as failover"]
    limits: Annotated[
        Mapping[str, str],
        "What its settings may be at the laxest, as within: <= 30s; noise.at_most for one inside another",
    ] = field(default_factory=dict)
    has: Annotated[
        Mapping[str, tuple[str, ...]], "What the lists among its settings must hold, as annotations: [summary]"
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, limit in self.limits.items():
            if _limit(limit) is None:
                raise ValueError("limits", f"`{name}` has no limit in `{limit}`", 'as in within: "<= 30s"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What drills must ask for so that their scores can be compared."""

    suite: Annotated[str, "Its name and version, as standard/losing-a-primary@1; whatever changes takes a new version"]
    title: Annotated[Words, "What it is for, in a few words"] = _NO_WORDS
    about: Annotated[Words, "What it promises"] = _NO_WORDS
    rubric: Annotated[str, "How its drills are scored"]
    steady: Annotated[Mapping[str, str], "The laxest limits of each steady state"] = field(default_factory=dict)
    checks: Annotated[tuple[Demand, ...], "What its drills must check"]

    def __post_init__(self) -> None:
        name, at, version = self.suite.rpartition("@")
        if not (name and at and version.isdecimal()):
            raise ValueError("suite", f"`{self.suite}` has no version", "write name@1")


class Difference(NamedTuple):
    """Where a drill does otherwise than its suite."""

    what: str
    """`failover.within 3s, <= 30s is asked`."""
    laxer: bool
    """Or else it asks more."""


def path_of(name: str, here: Path) -> Path:
    """Where a suite is: one of ours by name, or a file beside the drill."""
    ours = _FOLDER / f"{name}.yaml"
    return ours if ours.is_file() else here / name


def read(path: Path) -> Suite:
    """A suite's file. Raises DrillError with its mistakes."""
    binding = Binding()
    suite = binding.bind(Suite, source.read(path), kind="suite", alone=False)
    if suite is None or binding.problems:
        raise DrillError(binding.problems)
    return suite


def problems_of(drill: Drill, path: Path) -> Iterator[Problem]:
    """What is wrong with a drill's claim that it holds to the suite that is there."""
    place = drill.places["head", "suite"]
    if not path.is_file():
        ours = sorted(str(one.relative_to(_FOLDER).with_suffix("")) for one in _FOLDER.rglob("*.yaml"))
        yield Problem(place, f"there is no suite `{drill.head.suite}`",
                      choices(drill.head.suite, ours, "suites") + ", or a file beside the drill", "unknown-suite")  # fmt: skip
        return
    for one in differences(drill, read(path)):
        if one.laxer:
            yield Problem(place, f"the drill is laxer than its suite: {one.what}",
                          "ask as much as the suite, or take `suite` away", "suite-not-held")  # fmt: skip


def held(drill: Drill, path: Path) -> SuiteHeld:
    """How a drill holds to the suite that is there. Raises DrillError when that does not read."""
    suite = read(path)
    found = list(differences(drill, suite))
    name, _, version = suite.suite.rpartition("@")
    return SuiteHeld(
        name=name,
        version=version,
        digest=drills.digest(path.read_bytes()),
        laxer=tuple(one.what for one in found if one.laxer),
        otherwise=tuple(one.what for one in found if not one.laxer),
    )


def differences(drill: Drill, suite: Suite) -> Iterator[Difference]:
    """Where a drill does otherwise: the rubric, the steady state, each check that is asked for, and those that are not."""
    if drill.head.rubric != suite.rubric:
        yield Difference(f"rubric {drill.head.rubric}, {suite.rubric} is asked", True)
    for entry in drill.head.steady:
        yield from _of_check("steady", entry, suite.steady)
    if suite.steady and not drill.head.steady:
        yield Difference("no steady state", True)
    used: list[CheckUse] = []
    for kind in dict.fromkeys(one.check for one in suite.checks):
        demands = [one for one in suite.checks if one.check == kind]
        found = [use for use in drill.checks if use.kind == kind]
        chosen = _chosen(demands, found)
        used += chosen
        yield from (Difference(f"no {kind}", True) for _ in demands[len(chosen) :])
        for demand, use in zip(demands, chosen, strict=False):
            yield from _of_check(use.id, use.check, demand.limits, demand.has)
    yield from (Difference(f"{use.id} besides", False) for use in drill.checks if use not in used)


def _chosen(demands: Sequence[Demand], found: Sequence[CheckUse]) -> tuple[CheckUse, ...]:
    """Which checks stand for which demands: so that few are laxer, and else so that few differ."""

    def wrong(uses: tuple[CheckUse, ...]) -> tuple[int, int]:
        seen = [one for demand, use in zip(demands, uses, strict=False)
                for one in _of_check(use.id, use.check, demand.limits, demand.has)]  # fmt: skip
        return sum(one.laxer for one in seen), len(seen)

    return min(permutations(found[:_TRIED_MAX], min(len(demands), len(found), _TRIED_MAX)), key=wrong)


def _of_check(id_: str, check: object, limits: Mapping[str, str],
              has: Mapping[str, Sequence[str]] | None = None) -> Iterator[Difference]:  # fmt: skip
    for path, limit in limits.items():
        for value in _values(check, path.split(".")):
            kept, same = _compared(value, limit)
            if not same:
                yield Difference(f"{id_}.{path} {_shown(value, limit)}, {limit} is asked", not kept)
    for path, wanted in (has or {}).items():
        for value in _values(check, path.split(".")):
            lacking = [one for one in wanted if one not in (value or ())]
            if lacking:
                yield Difference(f"{id_}.{path} without {', '.join(lacking)}", True)


def _values(check: object, path: Sequence[str]) -> Iterator[Any]:
    """The setting of this name; of a list of models, that of each; None for one that is not there."""
    name, *rest = path
    value = getattr(check, name, None)
    if not rest:
        yield value
    elif isinstance(value, tuple):
        yield from (found for one in value or (None,) for found in _values(one, rest))
    else:
        yield from _values(value, rest)


def _compared(value: Any, limit: str) -> tuple[bool, bool]:
    """Whether a setting keeps a limit, and whether it is the same."""
    read_ = _limit(limit)
    assert read_ is not None  # looked at when the suite was read
    sign, most = read_
    if isinstance(value, RatioLimit | DurationLimit):
        figure = value.value if value.sign.startswith(sign[0]) else None
    else:
        figure = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(figure, int | float):
        return False, False
    return (figure >= most if sign == ">=" else figure <= most), figure == most


def _limit(text: str) -> tuple[str, float] | None:
    """`<= 30s` as its sign and its figure, in seconds, as a share or as a count; None for anything else."""
    sign, _, figure = text.strip().partition(" ")
    if sign not in ("<=", ">="):
        return None
    for parse in (parse_ratio, float, lambda given: parse_duration(given).total_seconds()):
        try:
            return sign, parse(figure.strip())
        except ValueError:
            continue
    return None


def _shown(value: Any, limit: str) -> str:
    if isinstance(value, timedelta):
        return write_duration(value)
    if isinstance(value, float) and limit.endswith("%"):
        return write_ratio(value)
    return "not set" if value is None else str(value)
