"""Are the pods of a workload ready again in time, by themselves, as far as anybody saw?"""

from datetime import timedelta
from typing import Any

import pytest

from checks import FaultName, Outcome, Reacts
from checks.rescheduled import Rescheduled
from tests.checks.history import said
from tests.checks.test_rescheduling import Cluster


def check(within_s: float = 5.0, **settings: Any) -> Rescheduled:
    about = {"workload": "deployment/shop", "after": FaultName("kill"), "within": timedelta(seconds=within_s)}
    return Rescheduled(**{**about, **settings})


def killed(*, back: float | None = 14.0, healing: float | None = 60.0, ended: float = 90.0, **late: Any) -> Cluster:
    """One of two pods dies with the fault, at 10 s; another is ready at `back`."""
    one = Cluster().listed("a", "b")
    one.fault("kill", acting=10, effect=10.5, healing=healing, gone=healing)
    one.pod(10.4, "a", "gone", "gone", "ready").pod(10.6, "c", "born", "not_ready", node="b")
    if back is not None:
        one.pod(back, "c", "changed", "ready", "not_ready", node="b", **late)
    one.ended(ended)
    return one


def judged(one: Cluster, within_s: float = 5.0, **settings: Any) -> str:
    return said(check(within_s, **settings).judge(one.evidence))


@pytest.mark.parametrize(("within_s", "outcome"), [(4.0, Outcome.PASSED), (3.999, Outcome.FAILED)])
def test_a_millisecond_late_fails(within_s: float, outcome: Outcome) -> None:
    verdict = check(within_s).judge(killed().evidence)

    assert verdict.outcome is outcome
    assert verdict.measured["ready_after_s"].value == 4
    assert (verdict.lateness is not None) == (outcome is Outcome.FAILED)
    assert judged(killed()) == "passed: deployment/shop ready again 4 s after kill; limit 5 s"


@pytest.mark.parametrize(("within_s", "outcome"), [(4.0, "passed"), (3.5, "unknown"), (2.5, "failed")])
def test_a_limit_inside_the_bounds_is_unknown(within_s: float, outcome: str) -> None:
    """It was told after a gap, and may have come a second sooner."""
    assert judged(killed(within_s=1.0), within_s).partition(":")[0] == outcome


def test_what_came_back_only_once_the_fault_was_taken_away_was_not_rescheduled() -> None:
    early = judged(killed(back=14.0, healing=13.0))
    late = check(5).judge(killed(back=17.0, healing=16.0).evidence)

    assert early == "unknown: kill was healed before deployment/shop was ready again, 4 s after it came; limit 5 s"
    assert said(late) == "failed: deployment/shop ready again 7 s after kill, once that was healed; limit 5 s"
    assert late.credit == 0
    assert judged(killed(back=14.0, healing=14.0)).startswith("passed")


def test_what_is_never_ready_again_fails_and_says_for_how_long() -> None:
    assert judged(killed(back=None)) == "failed: deployment/shop still not ready 1 min 20 s after kill; limit 5 s"
    assert judged(killed(back=None, ended=15.0, healing=None)) == (
        "unknown: deployment/shop not ready 5 s after kill; not ready again when the run ended; limit 5 s")  # fmt: skip
    assert judged(killed(back=None, healing=12, ended=14)).startswith("unknown: kill was healed before deployment/shop")


def test_what_nobody_watches_any_more_is_unknown_unless_it_was_too_late_already() -> None:
    one = killed(back=None, healing=None, ended=12.0).lost(12.5).ended(90)

    assert (
        judged(one)
        == "unknown: deployment/shop not ready 2.5 s after kill; nobody watched the cluster any more; limit 5 s"
    )
    assert judged(one, 2.4).startswith("failed: deployment/shop still not ready 2.5 s after kill")


def test_what_was_never_hurt_passes_only_if_somebody_watched_long_enough() -> None:
    def quiet(healing: float | None, ended: float) -> Cluster:
        one = Cluster().listed("a", "b")
        one.fault("kill", acting=10, effect=10.5, healing=healing)
        one.ended(ended)
        return one

    assert judged(quiet(60, 90)) == "passed: deployment/shop stayed ready while kill was there"
    assert judged(quiet(None, 15)).startswith("passed")
    assert judged(quiet(None, 14.9)) == (
        "unknown: deployment/shop stayed ready, but was watched only 4.9 s after kill; limit 5 s")  # fmt: skip
    deaf = quiet(60, 90).lost(40).back(41, lost_s=2.0, caught_up=False)
    assert (
        judged(deaf)
        == "unknown: deployment/shop was never seen unready, but nobody watched it from 39.000 s to 41.000 s"
    )
    assert judged(quiet(60, 90).lost(40).back(41, lost_s=2.0, caught_up=True)).startswith("passed")


def test_nothing_is_said_of_what_nobody_knows() -> None:
    assert judged(killed(), workload="deployment/cart") == "unknown: no observer told of deployment/cart"
    assert judged(killed(), namespace="cart") == "unknown: no observer told of deployment/shop"
    assert judged(killed(), namespace="shop").startswith("passed")
    (wrong,) = check(workload="deployment/cart").foresee(killed().evidence)
    assert wrong.grade == "wrong"
    assert check().foresee(killed().evidence) == ()
    assert check().foresee(Cluster().evidence) == (), "where no cluster is watched, somebody else says so"

    one = Cluster()
    one.fault("kill", acting=10, effect=10)
    one.pod(5, "a", "born", "not_ready")
    assert judged(one) == "unknown: deployment/shop was not ready before kill"


def test_a_fault_that_never_took_effect_proves_nothing() -> None:
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=None)
    assert judged(one) == "unknown: kill never took effect"


def test_of_a_node_it_is_the_node() -> None:
    one = Cluster()
    one.fault("kill", acting=10, effect=10)
    one.node(16, "a", "not_ready", "ready").node(30, "a", "ready", "not_ready")

    assert judged(one, 20, workload="node/a") == "passed: node/a ready again 20 s after kill; limit 20 s"
    assert judged(one, 19.9, workload="node/a").startswith("failed")


def test_in_a_control_nothing_may_hurt_it() -> None:
    assert isinstance(check(), Reacts)
    quiet = Cluster().listed("a", "b")
    quiet.withheld(began=10, elapsed=20).ended(30)
    hurt = Cluster().listed("a", "b")
    hurt.withheld(began=10, elapsed=20)
    hurt.pod(12, "a", "changed", "not_ready", "ready").pod(13, "a", "changed", "ready", "not_ready").ended(30)

    assert said(check().control(quiet.evidence)) == "passed: deployment/shop stayed ready while kill was there"
    verdict = check().control(hurt.evidence)
    assert said(verdict) == "failed: not discriminating: deployment/shop not ready after 2 s, without kill"
    assert verdict.harm == "not_discriminating"


@pytest.mark.parametrize("settings", [{"workload": "shop"}, {"workload": "Deployment/shop"}, {"within": timedelta(0)},
                                      {"workload": "node/a", "namespace": "shop"}])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=[*settings][-1]):
        check(**settings)
