"""The alerting rules of a Prometheus, with what they look at and how often."""

from collections.abc import Mapping
from typing import Any

from checks.observer import Tell
from checks.observers.bounds import bounded
from checks.observers.listening import Line, Unheard, seconds, unix, yaml_of
from checks.observers.selectors import selectors

_COUNT_MAX, _COUNT_S = 200, 3.0
"""For how many rules, and for how long, series are counted; of further rules their number is not known."""
_AGAIN_S = 30.0
"""After this long rules are read again that seem to be the same."""


class Rules:
    """The rules as they were last read."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rules: list[dict[str, Any]] = []
        self._evaluated: list[float] = []
        """Of each rule, when it was evaluated last; 0 for never."""
        self._told: list[dict[str, Any]] | None = None
        self._scrape_s = self._evaluation_s = 60.0
        self._loaded, self._read_s = "", 0.0

    @property
    def longest_s(self) -> float:
        """The longest interval at which a rule is evaluated."""
        return max((rule["interval_s"] for rule in self._rules), default=self._evaluation_s)

    def interval_s(self, labels: Mapping[str, str]) -> float:
        """How often the rule of an alert is evaluated."""
        rules = self._of(labels)
        return float(self._rules[rules[0]]["interval_s"]) if rules else self._evaluation_s

    def for_s(self, labels: Mapping[str, str]) -> float:
        """How long the rule of an alert has it wait before it fires."""
        rules = self._of(labels)
        return float(self._rules[rules[0]]["for_s"]) if rules else 0.0

    def evaluated_unix(self, labels: Mapping[str, str]) -> float | None:
        """When the rule of an alert was evaluated last, by Prometheus' clock; 0 for never, None where there is no rule."""
        return min((self._evaluated[n] for n in self._of(labels)), default=None)

    async def look(self, tell: Tell, loaded: str = "") -> None:
        """Read them, and tell if they changed. Raises Unheard.

        `loaded` says which loading of the configuration is the present one: what was read of the same one and is well is
        read again only after a while, since there may be thousands. Without it they are read in any case.
        """
        import time

        well = all(rule["health"] == "ok" for rule in self._rules)
        if loaded and loaded == self._loaded and well and time.monotonic() - self._read_s < _AGAIN_S:
            return
        await self._read_config()
        params = [("type", "alert"), ("exclude_alerts", "true")]  # the older ones do not know the latter
        groups = (await self._line.ask("/api/v1/rules", params)).data["data"]["groups"]
        pairs = [(rule, group) for group in groups for rule in group["rules"] if rule["type"] == "alerting"]
        self._rules = [_rule(rule, group) for rule, group in pairs]
        self._evaluated = [unix(rule["lastEvaluation"]) for rule, _ in pairs]
        self._loaded, self._read_s = loaded or self._loaded, time.monotonic()
        if self._rules == self._told:
            return
        counts = await self._count()
        rules = [{**rule, "series": count} for rule, count in zip(self._rules, counts, strict=True)]
        tell("alerting.rules", **bounded({"rules": rules}), scrape_s=self._scrape_s, evaluation_s=self._evaluation_s)
        self._told = self._rules

    def _of(self, labels: Mapping[str, str]) -> list[int]:
        """The rules that an alert can be of, those first whose own labels it has; templates in them are not known."""
        named = [n for n, rule in enumerate(self._rules) if rule["alert"] == labels.get("alertname")]
        return sorted(named, key=lambda n: not self._rules[n]["labels"].items() <= labels.items())

    async def _read_config(self) -> None:
        text = (await self._line.ask("/api/v1/status/config")).data["data"]["yaml"]
        intervals = yaml_of(text)["global"]
        scrape_s, evaluation_s = seconds(intervals["scrape_interval"]), seconds(intervals["evaluation_interval"])
        if (scrape_s, evaluation_s) != (self._scrape_s, self._evaluation_s):
            self._told = None
        self._scrape_s, self._evaluation_s = scrape_s, evaluation_s

    async def _count(self) -> list[int | None]:
        """How many series each rule's selectors give at present; None where that is not known."""
        import time

        until_s = time.monotonic() + _COUNT_S
        counts: list[int | None] = []
        for rule in self._rules:
            known = len(counts) < _COUNT_MAX and time.monotonic() < until_s
            counts.append(await self._series(rule["query"]) if known else None)
        return counts

    async def _series(self, expression: str) -> int | None:
        found = selectors(expression)
        query = " + ".join(f"(count({one}) or vector(0))" for one in found)
        if not query:
            return None
        try:
            answer = await self._line.ask("/api/v1/query", [("query", query)])
        except Unheard:
            return None  # as for an expression that our reading of it does not fit; a lost line shows at the next call
        return int(float(answer.data["data"]["result"][0]["value"][1]))


def _rule(rule: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "alert": rule["name"],
        "group": group["name"],
        "query": rule["query"],
        "for_s": float(rule["duration"]),
        "keep_firing_for_s": float(rule.get("keepFiringFor") or 0),
        "interval_s": float(group["interval"]),
        "labels": dict(rule.get("labels") or {}),
        "annotations": dict(rule.get("annotations") or {}),
        "health": rule["health"],
        "error": rule.get("lastError", ""),
    }
