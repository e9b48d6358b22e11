"""What a drill may wish of alerts: which must come, how soon, to whom and saying what; and which others may come.

Settings only. What became of a wish is said by `alert_fate`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from checks.alerting import Delivery, expression_in, fits, matching
from checks.ground import need_time


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMatcher:
    """Alerts of this name, with these labels, that reach this receiver. What is left out may be anything."""

    name_: Annotated[str, "Its name; `/…/` is a regular expression that the whole of it must match"] = "/.*/"
    labels: Annotated[Mapping[str, str], "Labels it has; `/…/` is a regular expression"] = field(default_factory=dict)
    reaches: Annotated[str | None, "The receiver that it reaches, as one where nobody is woken; left out, any"] = None

    def __post_init__(self) -> None:
        need_expressions("name", self.name_)
        need_expressions("labels", *self.labels.values())
        if self.name_ == "/.*/" and not self.labels and self.reaches is None:
            raise ValueError("name", "this would match every alert", "give a `name`, `labels` or `reaches`")

    def matches(self, page: Delivery) -> bool:
        """Whether what was delivered is meant."""
        reached = self.reaches in (None, page.receiver)
        return reached and matching(self.name_, page.alert) and fits(page.labels, self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """This alert reaches somebody soon after the fault, and says what one must know."""

    name_: Annotated[str, "The alert's name"]
    within: Annotated[timedelta, "How long after the fault it may take until it is delivered"]
    severity: Annotated[str | None, "Its label `severity`; `/…/` is a regular expression"] = None
    labels: Annotated[
        Mapping[str, str], "Labels it must have; `/…/` is a regular expression that all of it must match"
    ] = field(default_factory=dict)
    reaches: Annotated[str | None, "The receiver it must reach; left out, any"] = None
    resolves_within: Annotated[
        timedelta | None, "How long it may take, once the fault is gone, until it is resolved"
    ] = None
    annotations: Annotated[
        tuple[str, ...], "Annotations that must be there and not empty, as summary, impact, cause, action"
    ] = ()
    elsewhere: Annotated[
        bool, "It comes another way than from the Prometheus whose rules are known, as from a dead man's switch"
    ] = False
    says: Annotated[Mapping[str, str], "What annotations must hold: a regular expression for each"] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        need_time("within", self.within)
        if self.resolves_within is not None:
            need_time("resolves_within", self.resolves_within)
        need_expressions("name", self.name_)
        need_expressions("severity", self.severity or "")
        need_expressions("labels", *self.labels.values())
        need_expressions("says", *self.says.values(), bare=True)
        if self.severity is not None and "severity" in self.labels:
            raise ValueError("severity", "`severity` is given twice, here and among `labels`", "keep one of them")

    @property
    def healed_s(self) -> float:
        """How long to go on listening once all faults are healed: until it is resolved, and may have come again."""
        return (self.resolves_within + self.within).total_seconds() + 1 if self.resolves_within else 0.0

    @property
    def wanted(self) -> Mapping[str, str]:
        """All labels it must have."""
        return self.labels if self.severity is None else {"severity": self.severity, **self.labels}

    def matches(self, alert: str, labels: Mapping[str, str]) -> bool:
        """Whether such an alert is meant."""
        return matching(self.name_, alert) and fits(labels, self.wanted)


def need_expressions(setting: str, *texts: str, bare: bool = False) -> None:
    """Raise ValueError for a regular expression that is none: one in `/…/`, or `bare`."""
    for text in texts:
        try:
            re.compile(text if bare else expression_in(text) or "")
        except re.error as error:
            raise ValueError(setting, f"`{text}` is no regular expression: {error}", "mend it") from None
