"""What is told of a cluster, as a SOP sees it: writes of people, how things stand, states that hold, and who is deaf."""

from typing import Any

import pytest

from checks.check import CountLimit
from checks.sop.acts import Act, acts_in
from checks.sop.book import State
from checks.sop.check import Sop
from tests.checks.sop.story import Story, book, one, standing

OBJECT = "deployment/shop"
READY = 'states: {up: {observer: cluster, object: deployment/shop, ready: ">= 3"}}'
RULE = "- {id: a, hold: {state: up, for: 5m, before: incident.resolved}}"


class Cluster(Story):
    """A run whose observer `cluster` listens to a cluster, with a deployment that wants three and has them."""

    def __init__(self, ready: int = 3) -> None:
        super().__init__()
        self.told(0, "observer.opened", kind="kubernetes", what="Kubernetes")
        state = "ready" if ready == 3 else "not_ready"
        there = {
            "object": OBJECT,
            "namespace": "shop",
            "uid": "u",
            "state": state,
            "now": {"desired": 3, "ready": ready},
        }
        self.told(0, "kubernetes.listed", resource="deployments", namespace="shop", n=1, objects=[there])
        self._ready, self._state = ready, state

    def told(self, minute: float, kind: str, /, **data: Any) -> "Cluster":
        self.history.told(minute * 60, "cluster", kind, **data)
        return self

    def stands(
        self, minute: float, ready: int, *, desired: int = 3, wrote: dict[str, Any] | None = None, **data: Any
    ) -> "Cluster":
        """So many of it are ready from now on."""
        state = "ready" if ready >= desired else "not_ready"
        was = {"ready": self._ready, **({"desired": 0} if wrote and wrote["verb"] == "scale" else {})}
        more = {"wrote": wrote} if wrote else {}
        self.told(minute, "kubernetes.changed", object=OBJECT, namespace="shop", uid="u", change="changed", state=state,
                  now={"desired": desired, "ready": ready}, was_state=self._state, was=was, **more, **data)  # fmt: skip
        self._ready, self._state = ready, state
        return self

    def deaf(self, from_minute: float, to_minute: float, *, caught_up: bool) -> "Cluster":
        self.told(from_minute, "observer.lost", kind="kubernetes", why="it cannot be reached")
        lost_s = (to_minute - from_minute) * 60
        return self.told(to_minute, "observer.back", kind="kubernetes", lost_s=lost_s, caught_up=caught_up)

    @property
    def acts(self) -> list[Act]:
        return [act for act in acts_in(self.evidence) if act.kind in ("observe", "k8s.write")]


def scaled(by: str = "somebody") -> dict[str, Any]:
    return {"manager": "kubectl", "operation": "Update", "by": by, "verb": "scale", "change": "replicas 3→5"}


# --- acts


def test_a_write_of_somebody_is_an_act_and_one_of_the_drill_or_of_machines_is_none() -> None:
    story = Cluster().fault(1)
    for minute, by in enumerate(("somebody", "drill", "machinery", "unknown"), 2):
        story.stands(minute, 3, desired=5, wrote=scaled(by))
    (write,) = [act for act in story.acts if act.kind == "k8s.write"]

    assert (write.t_s, write.actor, write.trust, write.text) == (120, "", "observed", f"scale {OBJECT}: replicas 3→5")
    assert {key: write.value(key) for key in ("verb", "resource", "namespace", "name", "manager", "change", "object")} == {
        "verb": "scale", "resource": "deployment", "namespace": "shop", "name": "shop", "manager": "kubectl",
        "change": "replicas 3→5", "object": OBJECT,
    }  # fmt: skip


def test_how_something_stands_is_told_when_it_changes_and_only_then() -> None:
    story = Cluster().fault(1).stands(2, 2).stands(3, 1).stands(4, 3).stands(5, 4, desired=4, wrote=scaled())
    story.told(6, "kubernetes.changed", object=OBJECT, namespace="shop", uid="u", change="gone", state="gone", now={},
               was_state="ready", was={})  # fmt: skip
    story.told(
        7, "kubernetes.changed", object=OBJECT, namespace="shop", uid="v", change="born", state="not_ready", now={}
    )
    seen = [(act.t_s / 60, act.value("result")) for act in story.acts if act.kind == "observe"]

    assert seen == [(0, "ready"), (2, "not_ready"), (4, "ready"), (5, "scaled"), (5, "ready"), (6, "gone"), (7, "added"),
                    (7, "not_ready")]  # fmt: skip


def test_rules_speak_of_writes_and_of_what_was_seen() -> None:
    events = "grown: {kind: k8s.write, verb: scale, object: deployment/shop, manager_re: ^kubectl}"
    rules = "- {id: a, do: grown, of: fault.injected, within: 5m}"
    lost = "ill: {kind: observe, probe: cluster, object: deployment/shop, result: not_ready}"
    never = "- {id: a, never: {what: ill}}"

    assert one(rules, Cluster().fault(1).stands(3, 3, desired=5, wrote=scaled()).ended(9), events=events).credit == 1.0
    assert (
        one(rules, Cluster().fault(1).stands(3, 3, desired=5, wrote=scaled("machinery")).ended(9), events=events).credit
        == 0.0
    )
    assert one(never, Cluster().fault(1).ended(9), events=lost).status == "satisfied"
    assert one(never, Cluster().fault(1).stands(3, 2).ended(9), events=lost).status == "violated"


def test_scaling_what_is_ready_leaves_it_ready() -> None:
    """The last word about a thing decides, and `scaled` is not the last one."""
    order = "- {id: a, order: {first: fine, then: flag.write}}"
    fine = "fine: {kind: observe, probe: cluster, object: deployment/shop, result: ready}"
    story = Cluster().fault(1).stands(2, 5, desired=2, wrote=scaled()).act(3, "flag.write", "lin").ended(9)

    assert one(order, story, events=fine).status == "satisfied"


def test_nobody_who_listened_all_the_time_is_unknown_unless_all_was_told_afterwards() -> None:
    rule = "- {id: a, never: {what: k8s.write}}"

    assert one(rule, Cluster().fault(1).ended(9)).status == "satisfied"
    assert one(rule, Cluster().fault(1).deaf(2, 3, caught_up=False).ended(9)).status == "unknown"
    assert one(rule, Cluster().fault(1).deaf(2, 3, caught_up=True).ended(9)).status == "satisfied"
    twice = Cluster().fault(1).deaf(2, 3, caught_up=True).deaf(4, 5, caught_up=False)
    assert one(rule, twice.ended(9)).status == "unknown"
    still = Cluster().fault(1).told(2, "observer.lost", kind="kubernetes", why="x")
    assert one(rule, still.ended(9)).status == "unknown"


def test_a_write_belongs_to_the_change_by_whose_command_it_was_made() -> None:
    order = "- {id: a, order: {first: announce, then: change, same: [change_id]}}"
    events = "announce: {kind: chat, tag: announce}\nchange: {any_of: [{kind: cli, mutating: true}, {kind: k8s.write}]}"

    def judged(cmd: str, at: float) -> str:
        story = Cluster().fault(1).chat(2, "lin", tag="announce", change_id="c1")
        story.act(3, "cli", "lin", cmd=cmd, mutating=True, took_s=2.0, change_id="c1")
        return one(order, story.stands(at, 3, desired=5, wrote=scaled()).ended(9), events=events).status

    assert judged("kubectl scale deployment/shop --replicas=5", 3 - 1 / 60) == "satisfied"
    assert judged("kubectl scale deployment/shop --replicas=5", 3 + 2 / 60) == "violated"
    assert judged("kubectl scale deployment/cart --replicas=5", 3 - 1 / 60) == "violated"


# --- states


def judged(story: Story, minute: float, head: str = READY) -> tuple[str, float | None]:
    found = one(RULE, story.act(minute, "incident.resolved", "lin").ended(30), head=head)
    return found.status, found.credit


def test_a_state_holds_while_so_many_are_ready() -> None:
    down = Cluster().fault(1).stands(2, 2)

    assert judged(down, 9) == ("violated", 0.0)
    assert judged(Cluster().fault(1).stands(2, 2).stands(4, 3), 9) == ("satisfied", 1.0)
    assert judged(Cluster().fault(1).stands(2, 2).stands(6.5, 3), 9) == ("violated", pytest.approx(0.5))
    assert judged(Cluster().fault(1).stands(2, 2).stands(3, 3).stands(7, 2).stands(8, 3), 9) == (
        "violated",
        pytest.approx(0.2),
    )
    assert judged(Cluster().fault(1), 9) == ("satisfied", 1.0)
    assert judged(Cluster().fault(5), 9) == ("violated", pytest.approx(0.8)), "it does not count from before the fault"


def test_left_out_as_many_must_be_ready_as_are_wanted() -> None:
    wanted = READY.replace(', ready: ">= 3"', "")

    assert judged(Cluster().fault(1).stands(2, 3, desired=4), 9, wanted) == ("violated", 0.0)
    assert judged(Cluster().fault(1).stands(2, 3, desired=4), 9) == ("satisfied", 1.0)


def test_what_is_gone_is_not_so() -> None:
    story = Cluster().fault(1)
    story.told(
        2, "kubernetes.changed", object=OBJECT, namespace="shop", uid="u", change="gone", state="gone", now={}, was={}
    )
    none = 'states: {up: {observer: cluster, object: deployment/shop, ready: "<= 3"}}'

    assert judged(story, 9, none) == ("violated", 0.0)


def test_what_nobody_could_see_is_unknown() -> None:
    assert judged(Cluster().fault(1).deaf(6, 7, caught_up=False), 9) == ("unknown", None)
    assert judged(Cluster().fault(1).deaf(6, 7, caught_up=True), 9) == ("satisfied", 1.0)
    assert judged(Cluster().fault(1).deaf(2, 3, caught_up=False), 9) == ("satisfied", 1.0), "long enough ago"
    assert judged(Cluster().fault(1).deaf(8, 10, caught_up=True), 9) == ("unknown", None)
    assert judged(Cluster().fault(1), 9, READY.replace("/shop", "/cart")) == ("unknown", None)
    assert judged(Cluster().fault(1), 9, READY.replace("cluster", "other")) == ("unknown", None)
    assert judged(Cluster().fault(1), 9, READY.replace("ready:", "namespace: cart, ready:")) == ("unknown", None)
    deaf_then_ill = Cluster().fault(1).deaf(2, 3, caught_up=False).stands(8, 2)
    assert judged(deaf_then_ill, 9) == ("violated", 0.0), "that much is known"


@pytest.mark.parametrize("settings", [
    {"observer": "cluster"}, {"object": OBJECT}, {"prom": "up", "observer": "cluster", "object": OBJECT},
    {"prom": "up", "ready": CountLimit(">=", 1)}, {"prom": "up", "namespace": "shop"}, {},
])  # fmt: skip
def test_settings_of_a_state_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        State(**settings)
    assert len(refused.value.args) == 3


@pytest.mark.parametrize("text", ["3", ">= 3.5", ">= -1", ">= 50%", ">="])
def test_a_count_is_limited_by_a_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="a limit such as"):
        CountLimit.parse(text)
    assert str(CountLimit.parse(" >=3 ")) == ">= 3"


# --- before anything is broken


def foreseen(story: Story, *, head: str = READY, rules: str = RULE, **more: str) -> list[tuple[str, str]]:
    sop = Sop(file="sop.yaml", book=book(rules, head=head, **more))
    return [(one.grade, str(one.what)) for one in sop.foresee(story.evidence)]


def test_an_observer_that_cannot_be_heard_and_is_needed_is_foreseen() -> None:
    deaf = Story().history.told(0, "cluster", "observer.lost", kind="kubernetes", why="it does not let us")
    story = Story()
    story.history.events.extend(deaf.events[-1:])
    wrong = [("wrong", "cluster cannot be heard: it does not let us")]

    assert foreseen(story) == wrong
    writes = {"head": "", "rules": "- {id: a, never: {what: write}}", "events": "write: {kind: k8s.write}"}
    assert foreseen(story, **writes) == wrong
    seen = {**writes, "events": "write: {kind: observe, probe: cluster|other, result: ready}"}
    assert foreseen(story, **seen) == wrong
    others = {**writes, "events": "write: {kind: observe, probe: other, result: ready}"}
    assert foreseen(story, **others) == []


def test_one_that_is_heard_is_fine_and_one_that_is_not_there_is_doubtful() -> None:
    assert foreseen(Cluster()) == []
    assert foreseen(Cluster().deaf(1, 2, caught_up=True)) == []
    assert foreseen(Story()) == [("doubtful", "no observer is called cluster")]
    assert foreseen(Story(heard=False)) == [], "of files nobody expects to be heard"


def test_it_stands_so_while_a_run_goes_on() -> None:
    story = Cluster().fault(1).stands(2, 2).stands(3, 3).act(8, "incident.resolved", "lin")

    assert [ruling.status for ruling in standing(RULE, story, minute=8, head=READY).rulings] == ["satisfied"]
