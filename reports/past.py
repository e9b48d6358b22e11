"""A run as it is kept to be held against others: its outcome, score and figures, without what was seen. Pure.

It is made of the report as JSON, which every run's directory has, so nothing is told here that is not told there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

from checks import Measured
from checks.units import show_count, show_duration, show_ratio
from reports.report import FORMAT

_HIGHER = frozenset({"availability", "success", "sop score", "rules satisfied"})
_LOWER = frozenset({
    "missing", "lost writes", "flaps", "noise", "rules violated", "lost", "late", "error budget", "burn rate", "failed requests",
})  # fmt: skip
"""What is no duration, and is the better the less there is of it."""
_NEITHER = frozenset({"effect after"})
"""How soon a fault was there says nothing of the service."""


class NoReport(ValueError):
    """What was read is no report of a run, or one of a form that is not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Somebody took a run for how it shall be."""

    by: str
    at: str
    """UTC."""
    reason: str
    anew: bool = False
    """True when runs before it say nothing of it any more: the level is another one from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a run: a metric, or what a check measured."""

    name: str
    """`RTO`, `availability`; of a check `failover.outage`."""
    of: str = ""
    """The probe or alert that it is of, where there may be several."""
    title: str = ""
    value: Measured | None
    why_not: str = ""

    @property
    def key(self) -> str:
        """What it is asked for by: `RTO`, `availability:orders`."""
        return f"{self.name}:{self.of}" if self.of else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCheck:
    """What a check said."""

    id: str
    kind: str
    title: str
    limits: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDimension:
    """What one ability was worth."""

    name: str
    title: str
    points: float | None
    rating: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run, without what was seen."""

    run: str
    drill: str
    drill_digest: str
    rubric: str
    rubric_digest: str
    suite: str = ""
    """The published one that it was held to as it is, with its digest; empty where it was to none."""
    environment: str
    limits: tuple[str, ...] = ()
    """Those that were set otherwise than in the drill when it was run."""
    control: bool = False
    opened_at: str
    """UTC."""
    duration_s: float
    outcome: str
    score: float | None
    rating: str = ""
    letter: str = ""
    confidence: float = 0.0
    dimensions: tuple[PastDimension, ...] = ()
    checks: tuple[PastCheck, ...] = ()
    figures: tuple[Figure, ...] = ()
    versions: Mapping[str, str]
    host: str = ""
    """Where it ran, and so where its directory is."""
    note: str = ""
    accepted: Accepted | None = None

    @property
    def short(self) -> str:
        """The last part of its id."""
        return self.run.rpartition("-")[2]

    def figure(self, key: str) -> Figure | None:
        """The figure of this key; None when it has none."""
        return next((one for one in self.figures if one.key == key), None)

    def had_no_outage(self, figure: Figure) -> bool:
        """True of an RTO that was not measured since not one look failed, which is the best that there is."""
        served = self.figure(f"availability:{figure.of}" if figure.of else "availability")
        seen = served.value if served else None
        return figure.name == "RTO" and figure.value is None and seen is not None and seen.value == 1


BASIS: Mapping[str, str] = {
    "drill": "drill", "drill_digest": "drill file", "rubric_digest": "rubric", "limits": "limits",
    "environment": "environment", "control": "control",
}  # fmt: skip
"""What must be the same before figures of two runs are held against each other, and what each is called."""


def differences(one: PastRun, other: PastRun) -> list[str]:
    """What keeps two runs from being compared, by the names of BASIS; empty when nothing does."""
    return [name for name in BASIS if getattr(one, name) != getattr(other, name)]


def read(data: Any, *, host: str = "", note: str = "", accepted: Accepted | None = None) -> PastRun:
    """A run from its report as JSON, and what was remarked of it. Raises NoReport."""
    try:
        if data["format"] > FORMAT:
            raise NoReport(f"the report has the format {data['format']}, and this version knows {FORMAT}")
        score, digests = data["score"], data["digests"]
        return PastRun(
            run=str(data["run"]), drill=str(data["drill"]), drill_digest=str(digests.get("drill", "")),
            rubric=str(score["rubric"]), rubric_digest=str(score["rubric_digest"]), suite=_suite(data.get("suite")),
            environment=str(data["environment"]), limits=tuple(map(str, data.get("changed_limits", ()))),
            control=bool(data.get("control")), opened_at=str(data["opened_at"]), duration_s=float(data["duration_s"]),
            outcome=str(data["outcome"]), score=_number(score["points"]), rating=str(score.get("rating", "")),
            letter=str(score.get("letter", "")), confidence=float(score["confidence"]),
            dimensions=tuple(_dimension(one) for one in score.get("dimensions", ())),
            checks=tuple(_check(one) for one in data["checks"]), figures=tuple(_figures(data)),
            versions={str(name): str(value) for name, value in data["versions"].items()},
            host=host, note=note, accepted=accepted,
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, NoReport):
            raise
        raise NoReport(f"it is no report of a run: {type(error).__name__} {error}") from error


def _suite(data: Any) -> str:
    """Which suite was held as it is, so that scores of several teams compare; empty where none was."""
    if not data or data["laxer"] or data["otherwise"]:
        return ""
    return f"{data['name']}@{data['version']} {data['digest']}"


def _dimension(data: Mapping[str, Any]) -> PastDimension:
    return PastDimension(name=str(data["name"]), title=str(data["title"]), points=_number(data["points"]),
                         rating=str(data["rating"]))  # fmt: skip


def _check(data: Mapping[str, Any]) -> PastCheck:
    return PastCheck(id=str(data["id"]), kind=str(data["kind"]), title=str(data["title"]), limits=str(data["limits"]),
                     outcome=str(data["verdict"]["outcome"]))  # fmt: skip


def _figures(data: Mapping[str, Any]) -> Iterator[Figure]:
    """The metrics, then what the checks measured. Of two with one key, the first."""
    known: set[str] = set()
    for one in (*_metrics(data), *_measured(data)):
        if one.key not in known:
            known.add(one.key)
            yield one


def _metrics(data: Mapping[str, Any]) -> Iterator[Figure]:
    for one in data.get("metrics", ()):
        why_not = one.get("why_not")
        yield Figure(name=str(one["name"]), of=str(one.get("of", "")), title=str(one["title"]),
                     value=measured(one["value"]), why_not=str(why_not["text"]) if why_not else "")  # fmt: skip


def _measured(data: Mapping[str, Any]) -> Iterator[Figure]:
    for check in data["checks"]:
        for name, value in check["verdict"].get("measured", {}).items():
            said = str(name).removesuffix("_s").replace("_", " ")
            yield Figure(name=f"{check['id']}.{said}", title=said, value=measured(value))


def measured(data: Mapping[str, Any] | None) -> Measured | None:
    """A figure from JSON, in which a bound that there is none of is null."""
    value = None if data is None else _number(data["value"])
    if data is None or value is None:
        return None
    low, high = _number(data["low"]), _number(data["high"])
    return Measured(value=value, low=-inf if low is None else low, high=inf if high is None else high,
                    unit=str(data["unit"]))  # fmt: skip


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if isfinite(number) else None


# --- figures


def better(figure: Figure) -> Literal["lower", "higher"] | None:
    """Which way is the better one; None for a figure that says nothing of how well it went."""
    name = figure.name.rpartition(".")[2]
    if name in _HIGHER:
        return "higher"
    if name in _NEITHER or figure.value is None:
        return None
    return "lower" if name in _LOWER or figure.value.unit == "s" else None


def keys(runs: Sequence[PastRun]) -> list[str]:
    """The keys of all figures of these runs, each once, in their order."""
    return list(dict.fromkeys(one.key for run in runs for one in run.figures))


def wanted(asked: Sequence[str], runs: Sequence[PastRun]) -> list[str]:
    """The keys that are meant: those called so, or all of a name, in whichever case. Raises KeyError with one that none is."""
    known = keys(runs)
    found: list[str] = []
    for word in asked:
        mine = [key for key in known if word.casefold() in (key.casefold(), key.partition(":")[0].casefold())]
        if not mine:
            raise KeyError(word)
        found += mine
    return list(dict.fromkeys(found))


def show(value: Measured | None) -> str:
    """`2.03 s ± 20 ms`, `99.2 %`; a dash for what was not measured."""
    if value is None:
        return "–"
    if isfinite(value.low) and isfinite(value.high):
        return str(value) if value.unit in ("s", "ratio", "count") else show_plain(value.value, value.unit)
    if isfinite(value.low):
        return f"≥ {show_plain(value.low, value.unit)}"
    return f"≤ {show_plain(value.high, value.unit)}" if isfinite(value.high) else show_plain(value.value, value.unit)


def show_plain(value: float, unit: str) -> str:
    """A figure of this unit, without bounds."""
    if unit == "s":
        return show_duration(value)
    if unit == "ratio":
        return show_ratio(value) if value >= 0 else f"-{show_ratio(-value)}"
    if unit == "count":
        return show_count(round(value)) if value == round(value) else f"{value:.3g}"
    return f"{value:.3g} ×" if unit == "times" else f"{value:g}"


def show_change(value: float, unit: str) -> str:
    """How much more or less: `+0.4 s`, and of shares, in percentage points, `-1.2 pp`."""
    shown = ("+" if value >= 0 else "") + show_plain(value, unit)
    return f"{shown.removesuffix(' %')} pp" if unit == "ratio" else shown


def plain(value: Measured | None) -> dict[str, Any] | None:
    """A figure as JSON; what is not finite is null."""
    if value is None:
        return None
    bounds = {name: one if isfinite(one) else None for name, one in (("low", value.low), ("high", value.high))}
    return {"value": value.value, **bounds, "unit": value.unit}
