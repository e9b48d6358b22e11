"""Tiny histories, so that a test reads as a table: what a fault did and when, and what a probe saw, look by look.

    History().fault(acting=10, effect=10.001).looks("100+ 20- 50+").evidence

is a fault that acted after ten seconds, and a probe that looked every 100 ms from 0 s on: 100 good looks, 20 bad ones,
50 good ones. `?` is a blind look, `.` one that was not made.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Self

from checks.check import Verdict
from checks.evidence import Event, Evidence, Sample, Seen, pack

EPOCH_UNIX = 1_780_000_000.0
"""When the runs of these histories were opened, by our clock."""
NOTHING: Mapping[str, str] = MappingProxyType({})


class History:
    """Builds evidence, one journal line after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def evidence(self) -> Evidence:
        """What was told so far."""
        return Evidence(self.events)

    def event(self, t_s: float, kind: str, **data: Any) -> Self:
        """One line."""
        self.events.append(Event(seq=len(self.events), t_s=t_s, at="", kind=kind, source="test", data=data))
        return self

    def fault(self, name: str = "kill", *, acting: float | None = 10.0, effect: float | None = 10.0,
              healing: float | None = None, gone: float | None = None, target: str = "primary") -> Self:  # fmt: skip
        """A fault on one target; what is None did not happen. Told again for another target, it has both."""
        if not any(event.kind == "fault.planned" and event.data["fault"] == name for event in self.events):
            self.event(0.0, "fault.planned", fault=name)
        names = {"injection": f"{name}-{target}", "fault": name}
        self.event(acting or 0.0, "injection.intended", **names, target=target)
        for t_s, kind, data in [
            (acting, "injection.acting", {"what": "do it"}),
            (effect, "injection.verified", {"in_effect": True}),
            (healing, "injection.healing", {}),
            (gone, "injection.gone", {}),
        ]:
            if t_s is not None:
                self.event(t_s, kind, **names, **data)
        return self

    def withheld(self, name: str = "kill", *, began: float = 10.0, elapsed: float | None = None) -> Self:
        """A control, which withheld this fault."""
        self.event(0.0, "run.opened", control=True).event(0.0, "fault.planned", fault=name)
        self.event(began, "fault.withheld", fault=name, does="SIGKILL", target="primary")
        return self if elapsed is None else self.event(elapsed, "fault.elapsed", fault=name)

    def opened(
        self, probe: str = "orders", *, every_s: float = 0.1, timeout_s: float = 1.0, writes: bool = True
    ) -> Self:
        """How a probe was meant to look."""
        return self.event(0.0, "probe.opened", probe=probe, every_s=every_s, timeout_s=timeout_s, writes=writes)

    def told(self, t_s: float, observer: str, kind: str, /, **data: Any) -> Self:
        """One line of an observer, with the UTC of its time."""
        self.events.append(Event(seq=len(self.events), t_s=t_s, at=_utc(t_s), kind=kind, source=f"observer:{observer}",
                                 data={"observer": observer, **data}))  # fmt: skip
        return self

    def listening(self, *observers: str, from_s: float = 0.0, offset_s: float = 0.0, error_s: float = 0.0) -> Self:
        """Observers begin; each is called what it is, and the clocks of those that have one are so far before ours."""
        for name in observers:
            self.told(from_s, name, "observer.opened", kind=name, what=f"{name} 1.0 at 127.0.0.1")
            if name != "sink":
                self.told(from_s, name, "observer.clock", offset_s=offset_s, error_s=error_s)
        return self

    def rules(self, *names: str, for_s: float = 5.0, scrape_s: float = 1.0, evaluation_s: float = 1.0, t_s: float = 0.0,
              observer: str = "prometheus", **more: Any) -> Self:  # fmt: skip
        """Rules that differ in nothing but their names."""
        common = {"group": "g", "query": "up == 0", "for_s": for_s, "keep_firing_for_s": 0.0, "interval_s": None,
                  "labels": {"severity": "page"}, "annotations": {}, "health": "ok", "error": "", "series": 1}  # fmt: skip
        listed = [{**common, "alert": name, **more} for name in names]
        return self.told(t_s, observer, "alerting.rules", rules=listed, scrape_s=scrape_s, evaluation_s=evaluation_s)

    def routes(self, receiver: str = "oncall", *, group_wait_s: float = 3.0, group_interval_s: float = 300.0,
               t_s: float = 0.0) -> Self:  # fmt: skip
        """One route, to this receiver."""
        tree = {"receiver": receiver, "matchers": [], "group_by": ["alertname"], "group_wait_s": group_wait_s,
                "group_interval_s": group_interval_s, "repeat_interval_s": 14400.0, "continue": False, "mute": [],
                "routes": []}  # fmt: skip
        return self.told(
            t_s, "alertmanager", "alerting.routes", version="0.25", receivers=[receiver], routes=tree, inhibit=[]
        )

    def state(self, t_s: float, state: str, *, since: float | None = None, alert: str = "CachePrimaryDown",
              observer: str = "prometheus", before: bool = False, skew_s: float = 0.0, **labels: str) -> Self:  # fmt: skip
        """What Prometheus holds an alert for, told at `t_s` and so since `since` of our time."""
        labels = {"alertname": alert, "severity": "page", **labels}
        at_unix = EPOCH_UNIX + (t_s if since is None else since) + skew_s
        more = {"before": True} if before else {}
        return self.told(t_s, observer, "alert.state", alert=alert, labels=labels, series=str(sorted(labels.items())),
                         state=state, since_unix=at_unix, active_unix=None, **more)  # fmt: skip

    def seen(self, t_s: float, sample: float | None = None, *, active: float, firing: float, skew_s: float = 0.0,
             alert: str = "CachePrimaryDown", scrape_s: float | None = None, **labels: str) -> Self:  # fmt: skip
        """Prometheus tells at `t_s` that an alert is active since then, fires since then, and which sample showed it."""
        labels = {"alertname": alert, "severity": "page", **labels}
        about: dict[str, Any] = {"alert": alert, "labels": labels, "series": str(sorted(labels.items())),
                                 "active_unix": EPOCH_UNIX + active + skew_s}  # fmt: skip
        if firing > active:
            self.told(
                t_s, "prometheus", "alert.state", state="pending", since_unix=EPOCH_UNIX + active + skew_s, **about
            )
        self.told(t_s, "prometheus", "alert.state", state="firing", since_unix=EPOCH_UNIX + firing + skew_s, **about)
        if sample is None:
            return self
        return self.told(t_s, "prometheus", "alert.sensed", sample_unix=EPOCH_UNIX + sample + skew_s, scrape_s=scrape_s,
                         **about)  # fmt: skip

    def held(self, t_s: float, state: str = "active", *, alert: str = "CachePrimaryDown", silenced_by: Iterable[str] = (),
             inhibited_by: Iterable[str] = (), muted_by: Iterable[str] = (), **labels: str) -> Self:  # fmt: skip
        """What Alertmanager does with an alert."""
        labels = {"alertname": alert, "severity": "page", **labels}
        return self.told(t_s, "alertmanager", "alert.held", alert=alert, labels=labels, fingerprint=_print(labels),
                         state=state, silenced_by=[*silenced_by], inhibited_by=[*inhibited_by], muted_by=[*muted_by],
                         receivers=["oncall"], starts_unix=EPOCH_UNIX + t_s)  # fmt: skip

    def page(self, t_s: float, status: str = "firing", *, starts: float | None = None, alert: str = "CachePrimaryDown",
             receiver: str = "oncall", answered: int = 200, truncated: int = 0, annotations: Mapping[str, str] = NOTHING,
             skew_s: float = 0.0, cut: bool = False, observer: str = "sink", took_s: float | None = None,
             **labels: str) -> Self:  # fmt: skip
        """A page of one alert, which began to fire at `starts` of our time; left out, its sender does not say."""
        labels = {"alertname": alert, "severity": "page", **labels}
        starts_unix = None if starts is None else EPOCH_UNIX + starts + skew_s
        one = {"alert": alert, "fingerprint": _print(labels), "status": status, "labels": labels,
               "annotations": dict(annotations), "starts_unix": starts_unix, "ends_unix": None}  # fmt: skip
        more: dict[str, Any] = {"cut": True} if cut else {}
        more |= {} if took_s is None else {"took_s": took_s}
        return self.told(t_s, observer, "page.received", receiver=receiver, group="g", status=status, alerts=[one],
                         truncated=truncated, attempt=1, new=True, answered=answered, format="alertmanager", reason="",
                         **more)  # fmt: skip

    def ended(self, t_s: float) -> Self:
        """The run went on until then."""
        return self.event(t_s, "run.closed")

    def looks(self, pattern: str, *, probe: str = "orders", from_s: float = 0.0, every_s: float = 0.1,
              took_s: float = 0.002, why: str = "refused", batch: int = 5) -> Self:  # fmt: skip
        """Looks of one probe: `3+ 2- + ? .`; several calls go on with the numbers."""
        first = sum(
            len(event.data["n"]) for event in self.events if event.data.get("probe") == probe and "n" in event.data
        )
        seen = "".join(kind * int(count or 1) for count, kind in re.findall(r"(\d*)([-+?.])", pattern))
        made = [
            Sample(n=first + place, planned_s=from_s + place * every_s, sent_s=from_s + place * every_s,
                   done_s=from_s + place * every_s + took_s, seen=Seen(kind), why="" if kind == "+" else why, seq=0)
            for place, kind in enumerate(seen) if kind != "."
        ]  # fmt: skip
        return self.samples(made, probe=probe, batch=batch)

    def samples(self, samples: Iterable[Sample], *, probe: str = "orders", batch: int = 5) -> Self:
        """Looks as they are given, a few to a line, in the order given."""
        listed = list(samples)
        for start in range(0, len(listed), batch):
            some = listed[start : start + batch]
            self.event(max(one.done_s for one in some), "probe.sampled", **pack(probe, some))
        return self

    def steady(self, from_s: float, to_s: float, *, phase: str = "before", reached: bool = True) -> Self:
        """The steady state was reached, or not."""
        data: dict[str, Any] = {"phase": phase, "from_s": from_s, "to_s": to_s}
        return (
            self.event(to_s, "steady.confirmed", **data)
            if reached
            else self.event(to_s, "steady.missed", why="?", **data)
        )

    def read_back(self, *present: tuple[int, int], probe: str = "orders", t_s: float = 100.0) -> Self:
        """What was found of a probe's writes: inclusive ranges."""
        return self.event(t_s, "probe.read_back", probe=probe, present=[list(one) for one in present])


def _utc(t_s: float) -> str:
    return datetime.fromtimestamp(EPOCH_UNIX + t_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _print(labels: Mapping[str, str]) -> str:
    """A fingerprint: the same for the same labels."""
    return "|".join(f"{name}={value}" for name, value in sorted(labels.items()))


def said(verdict: Verdict) -> str:
    """Outcome and reason on one line, as the end screen shows them."""
    return f"{verdict.outcome}: {verdict.because}"
