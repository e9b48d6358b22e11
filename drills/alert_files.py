"""The files that alerting is set up by, read into what observers would tell of it.

What is read has to do with alerts and whom they reach; all else in these files is for the tools of their own. Nothing is
known here of what a live system would say: whether a rule is well and has data, or an alert fires already.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

from checks import Evidence
from checks.evidence import Event, Trust
from checks.matchers import listed
from checks.observers.listening import seconds
from checks.observers.routing import inhibitions, receivers, route_tree, send_resolved
from drills import source
from drills.binding import Binding, settings_of
from drills.drill import Drill
from drills.errors import DrillError, Place, Problem
from drills.source import Items, Node, Table

T = TypeVar("T")


class Span(str):
    """A duration as Prometheus writes it."""

    __slots__ = ()
    example: ClassVar[str] = "5m"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        try:
            seconds(text)
        except ValueError:
            raise ValueError("a duration such as 30s, 5m or 1h30m") from None
        return cls(text)


_NO_TIME, _MINUTE = Span("0"), Span("1m")


class Matchers(str):
    """One or more matchers, as a route has them."""

    __slots__ = ()
    example: ClassVar[str] = 'severity="page"'

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read them; a ValueError says what was expected."""
        try:
            listed(text)
        except ValueError:
            raise ValueError(f"a matcher such as {cls.example}") from None
        return cls(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a group; without `alert` it records."""

    alert: str = ""
    expr: str
    for_: Span = _NO_TIME
    keep_firing_for: Span = _NO_TIME
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated together."""

    name: str
    interval: Span | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """A rule file of Prometheus."""

    name: ClassVar[str] = "a rule file"

    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What holds where nothing else is said, by Prometheus' own defaults."""

    scrape_interval: Span = _MINUTE
    evaluation_interval: Span = _MINUTE
    external_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelling:
    """A change of labels."""

    action: str = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What becomes of alerts on their way out."""

    alert_relabel_configs: tuple[Relabelling, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusFile:
    """Prometheus' own configuration."""

    name: ClassVar[str] = "Prometheus' configuration"

    global_: Common = Common()
    alerting: Sending = Sending()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of Alertmanager, with those below it."""

    receiver: str = ""
    group_by: tuple[str, ...] = ()
    group_wait: Span | None = None
    group_interval: Span | None = None
    repeat_interval: Span | None = None
    match: Mapping[str, str] = field(default_factory=dict)
    match_re: Mapping[str, str] = field(default_factory=dict)
    matchers: tuple[Matchers, ...] = ()
    continue_: bool = False
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    routes: "tuple[Route, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """Alerts that keep others from being sent."""

    source_match: Mapping[str, str] = field(default_factory=dict)
    source_match_re: Mapping[str, str] = field(default_factory=dict)
    source_matchers: tuple[Matchers, ...] = ()
    target_match: Mapping[str, str] = field(default_factory=dict)
    target_match_re: Mapping[str, str] = field(default_factory=dict)
    target_matchers: tuple[Matchers, ...] = ()
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A way to tell somebody."""

    send_resolved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Somebody who can be told."""

    name: str
    webhook_configs: tuple[Webhook, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesFile:
    """Alertmanager's configuration."""

    name: ClassVar[str] = "Alertmanager's configuration"

    route: Route
    receivers: tuple[Receiver, ...] = ()
    inhibit_rules: tuple[Inhibition, ...] = ()


class File(NamedTuple, Generic[T]):
    """One of the files, and what it holds."""

    path: Path
    node: Node
    data: T


class RuleAt(NamedTuple):
    """Where a rule stands."""

    file: Path
    group: str
    number: int
    """In its group, from 1."""
    alert: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The files that one drill names, as far as they could be read."""

    drill: Drill
    rules: Sequence[File[RuleFile]]
    routes: File[RoutesFile] | None
    values: Mapping[str, str]
    """What the variables of the drill's lab stand for, whose files these may be as well."""
    evidence: Evidence | None
    """What observers would tell of all of it; None when a part of it could not be read."""
    problems: Sequence[Problem]

    def rules_at(self) -> Iterator[RuleAt]:
        """Every rule that alerts."""
        for file in self.rules:
            for group, listed_ in zip(file.data.groups, _items(file.node, "groups"), strict=True):
                pairs = zip(group.rules, _items(listed_, "rules"), strict=True)
                for number, (rule, node) in enumerate(pairs, 1):
                    if rule.alert:
                        yield RuleAt(file.path, group.name, number, rule.alert, node.place)


def read(drill: Drill, here: Path, values: Mapping[str, str]) -> Setup:
    """Read what a drill names under `alerting`, beside it in the folder `here`. `values` are the variables of its lab."""
    named = drill.head.alerting
    assert named is not None  # whoever asks has looked
    reading = _Reading(drill, here, values)
    names = {one: pattern for pattern in named.rules for one in reading.names(pattern)}
    rules = [file for one, pattern in names.items() if (file := reading.file(one, RuleFile, pattern))]
    routes = reading.file(named.routes, RoutesFile) if named.routes else None
    prometheus = reading.file(named.prometheus, PrometheusFile) if named.prometheus else None
    told = None if reading.problems else _evidence(rules, routes, prometheus.data if prometheus else PrometheusFile())
    return Setup(drill=drill, rules=rules, routes=routes, values=values, evidence=told, problems=reading.problems)


class _Reading:
    """Reads files one by one, and keeps what is wrong with them."""

    def __init__(self, drill: Drill, here: Path, values: Mapping[str, str]) -> None:
        self._drill, self._here, self._values = drill, here, values
        self.problems: list[Problem] = []

    def names(self, pattern: str) -> list[str]:
        """The files that are meant, as paths from the drill's folder."""
        from glob import glob  # of an absolute pattern Path.glob knows nothing

        if not set(pattern) & set("*?[") or (self._here / pattern).exists():
            return [pattern]
        found = sorted(glob(pattern, root_dir=self._here, recursive=True))  # noqa: PTH207
        if not found:
            self.problems.append(Problem(self._drill.places["file", pattern], f"no file is called like `{pattern}`",
                                         "paths count from the drill's own folder", "no-file"))  # fmt: skip
        return found

    def file(self, name: str, model: type[T], written: str = "") -> File[T] | None:
        """One file; None, and problems, when it is not what it should be. `written` is how the drill names it."""
        path = self._here / name
        try:
            node = source.substitute(source.read(path), self._values, [])
        except DrillError as error:
            place = self._drill.places["file", written or name]
            self.problems += [one._replace(place=place, what=f"`{name}`: {one.what}") if one.slug == "no-file" else one
                              for one in error.problems]  # fmt: skip
            return None
        binding = Binding(foreign=True)
        data = binding.bind(model, node, alone=False)
        self.problems += binding.problems
        return None if data is None else File(path, node, data)


def _evidence(rules: Sequence[File[RuleFile]], routes: File[RoutesFile] | None, prometheus: PrometheusFile) -> Evidence:
    """As if two observers had told it; the people who wrote the files say so, and nobody has seen it."""
    common = prometheus.global_
    evaluation_s = seconds(common.evaluation_interval)
    told = [_rule(rule, group, evaluation_s) for file in rules for group in file.data.groups for rule in group.rules
            if rule.alert]  # fmt: skip
    events = [_event(0, "alerting.rules", "prometheus", rules=told, scrape_s=seconds(common.scrape_interval),
                     evaluation_s=evaluation_s, external_labels=dict(common.external_labels),
                     relabelled=bool(prometheus.alerting.alert_relabel_configs))]  # fmt: skip
    if routes:
        config = settings_of(routes.data)
        events.append(_event(1, "alerting.routes", "alertmanager", version="", receivers=receivers(config),
                             routes=route_tree(config), inhibit=inhibitions(config),
                             send_resolved=send_resolved(config)))  # fmt: skip
    return Evidence(events)


def _event(seq: int, kind: str, observer: str, **data: Any) -> Event:
    return Event(seq=seq, t_s=0.0, at="", kind=kind, source="files", trust=Trust.DECLARED,
                 data={"observer": f"the files of {observer}", "kind": observer, **data})  # fmt: skip


def _rule(rule: Rule, group: Group, evaluation_s: float) -> dict[str, Any]:
    return {
        "alert": rule.alert,
        "group": group.name,
        "query": rule.expr,
        "for_s": seconds(rule.for_),
        "keep_firing_for_s": seconds(rule.keep_firing_for),
        "interval_s": seconds(group.interval) if group.interval else evaluation_s,
        "labels": {**group.labels, **rule.labels},
        "annotations": dict(rule.annotations),
        "health": "unknown",
        "error": "",
        "series": None,
        "could_fire": None,
    }


def _items(node: Node, name: str) -> Sequence[Node]:
    """The list of this name in a table; nothing when it is not there."""
    listed_ = node.get(name) if isinstance(node, Table) else None
    return listed_.items if isinstance(listed_, Items) else ()
