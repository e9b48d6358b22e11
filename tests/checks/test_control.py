"""The negative control: the fault is withheld at 10 s, and what is expected because of it must not come.

Those who listen to alerts do so from 0 s on; the alert `CachePrimaryDown` may take 30 s, and the run goes on until 60 s.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from checks.alert import Alert
from checks.alert_wish import AlertMatcher, Wish
from checks.alerts import Alerts
from checks.check import FaultName, Outcome, ProbeName, RatioLimit, Reacts, Verdict, judge, passed
from checks.data_loss import DataLoss
from checks.evidence import Evidence
from checks.failover import Failover
from checks.recovered import Recovered
from checks.unaffected import Unaffected
from tests.checks.history import History, said

ALL = ("prometheus", "alertmanager", "sink")
KILL, ORDERS = FaultName("kill"), ProbeName("orders")
ALERT = Alert(name_="CachePrimaryDown", after=KILL, within=timedelta(seconds=30), severity="page", reaches="oncall")
FAILOVER = Failover(probe=ORDERS, after=KILL, within=timedelta(seconds=5))


def ready(*observers: str) -> History:
    """A control in which these listen from the start."""
    history = History().listening(*(observers or ALL))
    if not observers or "prometheus" in observers:
        history.rules("CachePrimaryDown")
    return history.withheld(elapsed=45.0)


def judged(history: History, check: Any = ALERT, *, ended: float = 60.0) -> Verdict:
    verdict = judge(check, history.ended(ended).evidence)
    assert "broke" not in str(verdict.because)
    return verdict


def pending(history: History | None = None) -> History:
    return (history or ready()).state(13.4, "pending", since=13.1)


class TestEvidence:
    def test_a_fault_that_was_withheld_has_the_times_it_would_have_had(self) -> None:
        seen = History().withheld(elapsed=20.0).evidence.fault("kill")
        assert (seen.acting_s, seen.effect_s, seen.healing_s, seen.gone_s) == (10.0, 10.0, 20.0, 20.0)
        assert seen.withheld
        assert seen.trouble == ""
        assert len(seen.lines) == 2

    def test_until_its_time_is_over_it_counts_as_there(self) -> None:
        seen = History().withheld().evidence.fault("kill")
        assert (seen.effect_s, seen.gone_s) == (10.0, None)

    @pytest.mark.parametrize(("data", "control"), [({"control": True}, True), ({"control": False}, False), ({}, False)])
    def test_a_control_is_what_its_first_line_calls_so(self, data: dict[str, Any], control: bool) -> None:
        assert History().event(0.0, "run.opened", **data).evidence.control is control
        assert not History().fault().evidence.fault("kill").withheld


class TestWhoIsAsked:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Both:
        name: ClassVar[str] = "both"

        def judge(self, evidence: Evidence) -> Verdict:
            return passed("judged")

        def control(self, evidence: Evidence) -> Verdict:
            return passed("controlled")

    def test_one_that_reacts_is_asked_so_in_a_control_and_nowhere_else(self) -> None:
        assert said(judge(self.Both(), History().withheld().evidence)) == "passed: controlled"
        assert said(judge(self.Both(), History().fault().evidence)) == "passed: judged"

    def test_alerts_and_failover_react_and_what_must_hold_anyhow_does_not(self) -> None:
        for check in (ALERT, Alerts(after=KILL), FAILOVER):
            assert isinstance(check, Reacts)
        for kind in (DataLoss, Recovered, Unaffected):
            assert not issubclass(kind, Reacts)

    @pytest.mark.parametrize("check", [ALERT, Alerts(after=KILL), FAILOVER])
    def test_a_fault_whose_time_never_came_leaves_it_unknown(self, check: Any) -> None:
        history = History().listening(*ALL).event(0.0, "run.opened", control=True).looks("200+")
        assert judged(history, check).outcome is Outcome.UNKNOWN


class TestWhatHoldsAnyhow:
    def test_it_is_judged_as_with_the_fault(self) -> None:
        history = History().opened().withheld(elapsed=20.0).looks("400+").read_back((0, 399))
        unaffected = Unaffected(probe=ORDERS, during=KILL, success=RatioLimit.parse(">= 99%"))
        recovered = Recovered(probe=ORDERS, within=timedelta(seconds=5))

        for check in (DataLoss(probe=ORDERS), unaffected, recovered):
            assert judge(check, history.evidence).outcome is Outcome.PASSED

    def test_and_fails_when_it_does_not_hold(self) -> None:
        history = History().opened().withheld(elapsed=20.0).looks("100+ 50- 250+").read_back((0, 398))
        unaffected = Unaffected(probe=ORDERS, during=KILL, success=RatioLimit.parse(">= 99%"))

        for check in (DataLoss(probe=ORDERS), unaffected):
            assert judge(check, history.evidence).outcome is Outcome.FAILED


class TestAlert:
    def test_one_that_does_not_come_passes(self) -> None:
        assert said(judged(ready())) == "passed: CachePrimaryDown did not come without kill"

    @pytest.mark.parametrize(
        ("history", "how"),
        [
            (pending().state(18.3, "firing", since=18.1).page(21.2, starts=18.1), "reached oncall"),
            (ready().page(21.2, starts=18.1), "reached oncall"),
            (ready().page(50.0, starts=18.1), "reached oncall"),
            (ready().page(21.2, starts=18.1, receiver="chat"), "reached chat"),
            (ready().page(21.2, starts=18.1).page(21.3, starts=18.1, receiver="chat"), "reached oncall, chat"),
            (ready("sink").page(21.2), "reached oncall"),
            (pending().state(18.3, "firing", since=18.1), "fired"),
            (ready("prometheus").state(18.3, "firing", since=18.1), "fired"),
            (pending().state(18.3, "firing").held(18.5, "suppressed", silenced_by=["3f2a"]), "fired"),
            (ready("alertmanager").held(18.5), "fired"),
            (ready().state(1.0, "firing", before=True), "fired"),
            (ready().held(1.0), "fired"),
            (ready().state(2.0, "firing").state(5.0, "inactive"), "fired"),
            (ready().page(3.0, starts=1.0).page(6.0, "resolved", starts=1.0), "reached oncall"),
            (ready().page(3.0, "resolved", starts=0.5), "reached oncall"),
            (ready().state(9.9, "pending").state(12.0, "firing"), "fired"),
            (pending().state(18.3, "firing").told(30, "sink", "observer.lost", why="it died"), "fired"),
        ],
        ids=["in time", "only the page", "late", "wrong receiver", "two receivers", "without a beginning", "not delivered",
             "without a sink", "silenced", "only held", "there before", "held before", "came and went", "paged before",
             "resolved", "at the same time", "with trouble"],
    )  # fmt: skip
    def test_one_that_is_seen_to_fire_or_reaches_anybody_is_not_discriminating(
        self, history: History, how: str
    ) -> None:
        verdict = judged(history)
        assert said(verdict) == f"failed: not discriminating: CachePrimaryDown {how} without kill"
        assert verdict.harm == "not_discriminating"
        assert verdict.proof

    def test_what_came_can_be_seen_in_the_picture(self) -> None:
        windows = judged(pending().state(18.3, "firing", since=18.1).page(21.2, starts=18.1)).windows
        assert {"pending", "firing", "delivered"} <= {one.label for one in windows}

    def test_being_pending_for_a_while_is_what_its_for_is_there_for(self) -> None:
        assert said(judged(pending().state(15.0, "inactive"))) == (
            "passed: CachePrimaryDown was pending for a while without kill, and never fired"
        )

    def test_what_is_still_pending_may_fire_next(self) -> None:
        assert said(judged(pending())).startswith("unknown: CachePrimaryDown was still pending at the end")
        assert judged(ready().state(5.0, "pending", before=True)).outcome is Outcome.UNKNOWN

    def test_one_with_other_labels_is_another(self) -> None:
        assert judged(ready().page(21.2, severity="info", starts=18.1)).outcome is Outcome.PASSED
        assert judged(ready().page(21.2, alert="Other", starts=18.1)).outcome is Outcome.PASSED

    @pytest.mark.parametrize(
        "history",
        [
            History().withheld(),
            ready().told(30, "sink", "observer.lost", why="it died"),
            ready().told(30, "prometheus", "observer.restarted", why="it began anew"),
            ready().told(5, "sink", "observer.lost", why="it died").told(6, "sink", "observer.back", lost_s=1.0),
            ready().told(30, "sink", "page.rejected", why="the token is wrong", answered=401),
            ready("alertmanager"),
        ],
        ids=["nobody", "lost", "restarted", "deaf before", "refused", "nobody who knows"],
    )
    def test_silence_of_those_who_could_not_hear_is_unknown(self, history: History) -> None:
        assert judged(history).outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize(("ended", "outcome"), [(40.0, "unknown"), (40.1, "passed")])
    def test_it_must_be_listened_for_as_long_as_it_may_take(self, ended: float, outcome: str) -> None:
        history = History().listening(*ALL).rules("CachePrimaryDown").withheld()
        assert judged(history, ended=ended).outcome == outcome


class TestAlerts:
    CHECK = Alerts(after=KILL, expect=tuple(Wish(name_=name, within=timedelta(seconds=30)) for name in ("Down", "Burn")),
                   allow=(AlertMatcher(name_="Lag"),), forbid=(AlertMatcher(name_="NodeDown"),))  # fmt: skip

    def judged(self, *pages: str, history: History | None = None) -> Verdict:
        history = history or ready()
        for place, name in enumerate(pages):
            history.page(20.0 + place, alert=name, starts=15.0)
        return judged(history, self.CHECK)

    @pytest.mark.parametrize(
        ("pages", "answer"),
        [
            ([], "passed: 2 of 2 expected alerts kept silent without kill, and 0 others came"),
            (["Lag"], "passed: 2 of 2 expected alerts kept silent without kill, and 0 others came"),
            (["Burn"], "failed: not discriminating: Burn reached oncall without kill"),
            (["Down", "Burn"], "failed: not discriminating: Down reached oncall without kill; and 1 more (Burn)"),
            (
                ["Burn", "DiskFull"],
                "failed: not discriminating: Burn reached oncall without kill; and 1 more (DiskFull)",
            ),
            (["DiskFull"], "failed: noise after kill (DiskFull): 1; limit 0"),
            (["NodeDown"], "failed: NodeDown came after kill, which must not be"),
        ],
    )
    def test_each_that_comes_is_named_and_noise_is_noise(self, pages: list[str], answer: str) -> None:
        assert said(self.judged(*pages)) == answer

    def test_the_worst_is_what_does_not_discriminate(self) -> None:
        assert self.judged("DiskFull", "Burn").harm == "not_discriminating"

    def test_it_counts_those_that_kept_silent(self) -> None:
        figures = {name: one.value for name, one in self.judged("Burn").measured.items()}
        assert figures == {"expected": 2, "silent": 1, "noise": 0, "forbidden": 0}

    def test_one_that_nobody_could_hear_is_unknown(self) -> None:
        history = ready().told(30, "sink", "observer.lost", why="it died")
        assert self.judged(history=history).outcome is Outcome.UNKNOWN


class TestFailover:
    def story(self, looks: str, **control: Any) -> Verdict:
        return judged(History().opened().withheld(**control).looks(looks), FAILOVER)

    def test_a_service_that_nothing_interrupts_passes(self) -> None:
        assert said(self.story("300+")) == (
            "passed: orders never failed; an interruption of less than 102 ms would not have been seen"
        )

    def test_one_that_is_interrupted_without_the_fault_is_not_discriminating(self) -> None:
        verdict = self.story("120+ 5- 200+")
        assert said(verdict) == "failed: not discriminating: orders down for 501 ms ± 101 ms without kill"
        assert verdict.harm == "not_discriminating"
        assert [one.label for one in verdict.windows] == ["outage"]

    def test_however_long_it_might_have_been_with_the_fault(self) -> None:
        assert self.story("120+ 1- 200+").outcome is Outcome.FAILED
        assert self.story("120+ 100-").outcome is Outcome.FAILED

    def test_the_longest_of_several_is_told(self) -> None:
        assert "down for 1 s" in said(self.story("120+ 2- 50+ 10- 200+"))

    def test_what_comes_after_its_time_is_for_other_checks(self) -> None:
        assert self.story("300+ 20- 50+", elapsed=25.0).outcome is Outcome.PASSED

    @pytest.mark.parametrize("looks", ["95+ 5- 200+", "100+ 200?", "110+", "100+ 60. 200+"],
                             ids=["bad before", "blind", "watched too briefly", "nobody looked"])  # fmt: skip
    def test_what_was_not_seen_is_unknown(self, looks: str) -> None:
        assert self.story(looks).outcome is Outcome.UNKNOWN
