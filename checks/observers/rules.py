"""The alerting rules of a Prometheus, with what they look at and how often."""

from collections.abc import Mapping
from typing import Any

from checks.observer import Tell
from checks.observers import could_fire
from checks.observers.bounds import bounded
from checks.observers.listening import Line, Unheard, seconds, unix, yaml_of
from checks.observers.selectors import counting, selectors

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
        self._counts: list[dict[str, Any]] = []
        """Of each rule that was told, `series` and `could_fire`."""
        self._scrape_s = self._evaluation_s = 60.0
        self._jobs: dict[str, float] = {}
        """How often the targets of each are scraped."""
        self._sending: dict[str, Any] = {}
        """`external_labels` that every alert gets on its way out, and whether it is `relabelled` there."""
        self._loaded, self._read_s = "", 0.0

    @property
    def longest_s(self) -> float:
        """The longest interval at which a rule is evaluated."""
        return max((rule["interval_s"] for rule in self._rules), default=self._evaluation_s)

    @property
    def rarest_scrape_s(self) -> float:
        """How often the targets are scraped that are so most rarely."""
        return max((self._scrape_s, *self._jobs.values()))

    def scrape_s(self, job: str) -> float | None:
        """How often the targets of a job are scraped; None where there is no such job."""
        return self._jobs.get(job)

    @property
    def ripe(self) -> bool:
        """Whether all rules were evaluated, and find series where they look for any."""
        return all(self._evaluated) and not any(one["series"] == 0 for one in self._counts)

    def rule(self, labels: Mapping[str, str]) -> Mapping[str, Any] | None:
        """The rule of an alert; None where there is none any more."""
        rules = self._of(labels)
        return self._rules[rules[0]] if rules else None

    def interval_s(self, labels: Mapping[str, str]) -> float:
        """How often the rule of an alert is evaluated."""
        rule = self.rule(labels)
        return float(rule["interval_s"]) if rule else self._evaluation_s

    def for_s(self, labels: Mapping[str, str]) -> float:
        """How long the rule of an alert has it wait before it fires."""
        rule = self.rule(labels)
        return float(rule["for_s"]) if rule else 0.0

    def evaluated_unix(self, labels: Mapping[str, str]) -> float | None:
        """When the rule of an alert was evaluated last, by Prometheus' clock; 0 for never, None where there is no rule."""
        return min((self._evaluated[n] for n in self._of(labels)), default=None)

    async def look(self, tell: Tell, loaded: str = "", *, young: bool = False) -> None:
        """Read them, and tell if they changed. Raises Unheard.

        `loaded` says which loading of the configuration is the present one: what was read of the same one and is well is
        read again only after a while, since there may be thousands. Without it they are read in any case. A Prometheus
        that is `young` may not have scraped everything yet, so that rules without series are looked at again.
        """
        import time

        hungry = young and not self.ripe
        well = not hungry and all(rule["health"] == "ok" for rule in self._rules)
        if loaded and loaded == self._loaded and well and time.monotonic() - self._read_s < _AGAIN_S:
            return
        await self._read_config()
        params = [("type", "alert"), ("exclude_alerts", "true")]  # the older ones do not know the latter
        groups = (await self._line.ask("/api/v1/rules", params)).data["data"]["groups"]
        pairs = [(rule, group) for group in groups for rule in group["rules"] if rule["type"] == "alerting"]
        self._rules = [_rule(rule, group) for rule, group in pairs]
        self._evaluated = [unix(rule["lastEvaluation"]) for rule, _ in pairs]
        self._loaded, self._read_s = loaded or self._loaded, time.monotonic()
        if self._rules == self._told and not hungry:
            return
        counts = await self._count()
        if (self._rules, counts) == (self._told, self._counts):
            return
        rules = [{**rule, **count} for rule, count in zip(self._rules, counts, strict=True)]
        tell("alerting.rules", **bounded({"rules": rules, **self._sending}), scrape_s=self._scrape_s,
             evaluation_s=self._evaluation_s)  # fmt: skip
        self._told, self._counts = self._rules, counts

    def _of(self, labels: Mapping[str, str]) -> list[int]:
        """The rules that an alert can be of, those first whose own labels it has; templates in them are not known."""
        named = [n for n, rule in enumerate(self._rules) if rule["alert"] == labels.get("alertname")]
        return sorted(named, key=lambda n: not self._rules[n]["labels"].items() <= labels.items())

    async def _read_config(self) -> None:
        text = (await self._line.ask("/api/v1/status/config")).data["data"]["yaml"]
        config = yaml_of(text)
        intervals = config["global"]
        scrape_s, evaluation_s = seconds(intervals["scrape_interval"]), seconds(intervals["evaluation_interval"])
        jobs = ((one["job_name"], one.get("scrape_interval")) for one in config.get("scrape_configs") or ())
        self._jobs = {name: seconds(every) if every else scrape_s for name, every in jobs}
        outside = {name: str(value) for name, value in (intervals.get("external_labels") or {}).items()}
        relabelled = bool((config.get("alerting") or {}).get("alert_relabel_configs"))
        sending = {"external_labels": outside, "relabelled": relabelled}
        if (scrape_s, evaluation_s, sending) != (self._scrape_s, self._evaluation_s, self._sending):
            self._told = None
        self._scrape_s, self._evaluation_s, self._sending = scrape_s, evaluation_s, sending

    async def _count(self) -> list[dict[str, Any]]:
        """How many series each rule's selectors give at present, and with which labels it could fire; None if not known."""
        import time

        until_s = time.monotonic() + _COUNT_S
        counts: list[dict[str, Any]] = []
        for rule in self._rules:
            known = len(counts) < _COUNT_MAX and time.monotonic() < until_s
            series = await self._series(rule["query"]) if known else None
            counts.append({"series": series, "could_fire": await self._could_fire(rule["query"]) if known else None})
        return counts

    async def _could_fire(self, expression: str) -> dict[str, Any] | None:
        try:
            found = await self._line.ask("/api/v1/query", [("query", could_fire.query(expression))])
        except Unheard:
            return None  # as below
        return could_fire.answer(found.data["data"]["result"])

    async def _series(self, expression: str) -> int | None:
        query = counting(selectors(expression))
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
