"""Whom an alert would reach that has not come yet, of whose labels perhaps only some are known. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.alerting import expression_in, fits
from checks.matchers import read
from checks.page_delay import labels_of

Matching = str | Mapping[str, Any]
"""A matcher as a text, or as the API writes it."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of the labels of an alert before it is there."""

    known: Mapping[str, str]
    unknown: frozenset[str] = frozenset()
    """Names of labels that it may have, with whatever value."""
    whole: bool = False
    """Whether it has no others: then one that is in neither is empty."""

    def get(self, name: str) -> str | None:
        """The value of a label, empty where it is not there; None when it is not known."""
        if name in self.known:
            return self.known[name]
        return "" if self.whole and name not in self.unknown else None

    def fits(self, matchers: Iterable[Matching]) -> bool | None:
        """Whether all matchers are satisfied; None when that cannot be said."""
        answers = [self._fits(one) for one in matchers]
        return False if False in answers else None if None in answers else True

    def same(self, group: Mapping[str, str], names: Iterable[str]) -> bool | None:
        """Whether it belongs to the group with these labels, where alerts are grouped by these names."""
        by = list(names)
        every = "..." in by
        values = [
            (self.get(name), group.get(name, "")) for name in ([*group, *self.known, *self.unknown] if every else by)
        ]
        if any(value is not None and value != theirs for value, theirs in values):
            return False
        sure = all(value is not None for value, _ in values) and (self.whole or not every)
        return sure or None

    def _fits(self, matcher: Matching) -> bool | None:
        try:
            one = read(matcher)
            value = self.get(one.name)
            return None if value is None else one.fits(value)
        except ValueError:  # it is one that only Go can read
            return None


@dataclass(frozen=True, slots=True)
class Way:
    """A route that an alert takes, or may take."""

    route: Mapping[str, Any]
    asks: frozenset[str]
    """The labels that are not known and decide whether it is taken; none where it surely is."""

    @property
    def receiver(self) -> str:
        """Whom it leads to."""
        return str(self.route.get("receiver") or "?")


def ways(tree: Mapping[str, Any], labels: Labels, asks: frozenset[str] = frozenset()) -> Iterator[Way]:
    """The routes that an alert with these labels takes, as Alertmanager chooses them, and those that it may take.

    `asks` are the labels that decide whether it comes to this tree at all.
    """
    own: frozenset[str] | None = asks
    for child in tree.get("routes") or ():
        matchers: Sequence[Matching] = child.get("matchers") or ()
        fits = labels.fits(matchers)
        if fits is False:
            continue
        asked = asks | {_name(one) for one in matchers if labels.fits([one]) is None}
        yield from ways(child, labels, asked)
        if fits:
            own = None
            if not child.get("continue"):
                break
        else:
            own = None if own is None else own | asked
            asks = asks if child.get("continue") else asked
    if own is not None:
        yield Way(tree, own)


def _name(matcher: Matching) -> str:
    try:
        return read(matcher).name
    except ValueError:
        return str(matcher)


def candidates(rule: Mapping[str, Any], wanted: Mapping[str, str]) -> list[Mapping[str, str]]:
    """The labels with which a rule can fire at present, as far as they are wished; none where not all are known."""
    could = rule.get("could_fire") or {"count": 0, "labels": []}
    if could["count"] != len(could["labels"]):
        return []
    fixed, templates = _own(rule)
    asked = {name: value for name, value in wanted.items() if name not in templates}
    whole = [{**(rule.get("external_labels") or {}), **one, **fixed} for one in could["labels"]]
    return [one for one in whole if fits(one, asked)]


def labels_before(name: str, wanted: Mapping[str, str], rule: Mapping[str, Any] | None) -> Labels:
    """The labels that an alert will have which is wished for so: those wished, of its rule, and of the series it watches."""
    wished = {key: value for key, value in wanted.items() if expression_in(value) is None}
    if rule is None:
        return Labels(wished if expression_in(name) is not None else {**wished, "alertname": name})
    fixed, templates = _own(rule)
    series = candidates(rule, wanted)
    if not series:
        return Labels({**wished, **fixed}, templates - wished.keys())
    common = dict(set(series[0].items()).intersection(*(one.items() for one in series)))
    differ = {key for one in series for key in one} - common.keys()
    return Labels({**wished, **common}, (templates | differ) - wished.keys(), whole=not rule.get("relabelled"))


def _own(rule: Mapping[str, Any]) -> tuple[Mapping[str, str], frozenset[str]]:
    """The labels that a rule gives each of its alerts, and the names of those that it makes by templates."""
    labels: Mapping[str, str] = rule.get("labels") or {}
    fixed = labels_of(rule)
    return fixed, frozenset(labels) - fixed.keys()
