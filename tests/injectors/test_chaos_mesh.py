"""What Chaos Mesh is asked for, and what is made of its answers; nothing here needs a cluster."""

from datetime import timedelta
from typing import Any

import pytest

from injectors import InjectionFailed, TargetName, address_for, addresses_of
from injectors.amounts import Rate, Size
from injectors.chaos_mesh import ChaosMeshAddress, Pods
from injectors.chaos_mesh_faults import following
from injectors.chaos_mesh_kinds import NETWORK_CHAOS
from injectors.chaos_mesh_link import asked
from injectors.chaos_mesh_records import MARGIN_S, MOST_S, State, Whom, Wish, body, lasts_s, name_of
from injectors.injector import Ratio
from injectors.kubernetes_marks import Owner
from injectors.link import Bandwidth, Corrupt, Duplicate, Latency, LimitData, PacketLoss, Partition, Reorder
from injectors.link_fault import LinkFault
from injectors.toxiproxy import ToxiproxyLink

LINK = TargetName("shop-to-cache")
WAY = ChaosMeshAddress(from_=Pods(deployment="shop"), to=Pods(deployment="cache"), namespace="shop")
OUT = ChaosMeshAddress(from_=Pods(deployment="shop"), external=("db.example.com",))
MS = timedelta(milliseconds=1)
TENTH = Ratio(0.1)


def pod(name: str, namespace: str = "shop", uid: str = "1", ip: str = "192.0.2.1") -> Any:
    return {"metadata": {"name": name, "namespace": namespace, "uid": uid}, "status": {"podIP": ip}}


def spec(fault: LinkFault, address: ChaosMeshAddress = WAY) -> Any:
    return dict(asked(fault, address).wish.spec)


# --- addresses


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, "deployment"),
        ({"deployment": "a", "selector": "app=a"}, "selector"),
        ({"deployment": "a", "from_": Pods(deployment="b")}, "deployment"),
        ({"deployment": "a", "to": Pods(deployment="b")}, "to"),
        ({"deployment": "a", "external": ("10.0.0.1",)}, "external"),
        ({"deployment": "a", "ping": ("true",)}, "ping"),
    ],
)
def test_an_address_is_pods_or_a_link(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as raised:
        ChaosMeshAddress(**given)
    assert raised.value.args[0] == wrong


def test_the_ends_of_a_link_are_where_the_link_says_unless_they_say_otherwise() -> None:
    one = ChaosMeshAddress(context="lab", namespace="shop", from_=Pods(deployment="shop"),
                           to=Pods(selector="app=db", namespace="data"))  # fmt: skip

    assert (one.pods.namespace, one.pods.context) == ("shop", "lab")
    assert one.others is not None
    assert one.others.namespace == "data"
    assert one.shown == "deployment shop to pods app=db"
    assert OUT.shown == "deployment shop to db.example.com"
    assert ChaosMeshAddress(from_=Pods(deployment="shop")).shown == "deployment shop to everybody"


def test_a_link_that_has_two_engines_goes_through_the_first() -> None:
    proxy = ToxiproxyLink(proxy="p", url="http://127.0.0.1:8474")

    assert addresses_of(Latency) == (ToxiproxyLink, ChaosMeshAddress)
    assert address_for(Latency, {"chaos_mesh": WAY}) is WAY
    assert address_for(Latency, {"chaos_mesh": WAY, "toxiproxy": proxy}) is proxy
    assert address_for(LimitData, {"chaos_mesh": WAY}) is None


# --- what is asked for


def test_latency_is_a_delay_where_answers_are_sent() -> None:
    fault = Latency(link=LINK, delay=40 * MS, jitter=10 * MS)

    assert spec(fault) == {"action": "delay", "direction": "from",
                           "delay": {"latency": "40ms", "jitter": "10ms", "correlation": "0"}}  # fmt: skip
    assert asked(fault, WAY).does == "40ms ± 10ms on answers, from deployment shop to deployment cache"
    assert (asked(fault, WAY).sign, asked(fault, WAY).at_least_s) == ("slower", 0.03)


def test_a_rate_is_in_bytes_and_leaves_room_for_what_waits() -> None:
    fault = Bandwidth(link=LINK, rate=Rate.parse("1MB/s"), direction="upstream")

    assert spec(fault)["bandwidth"] == {"rate": "1000000bps", "buffer": 16384, "limit": 250000}
    assert spec(fault)["direction"] == "to"
    assert "of each pod together" in asked(fault, WAY).does
    assert asked(fault, WAY).does.endswith("unless they are sent to the address of a Service")


@pytest.mark.parametrize(
    ("fault", "figures"),
    [
        (PacketLoss(link=LINK, loss=TENTH, correlation=Ratio(0.25)), {"loss": {"loss": "10", "correlation": "25"}}),
        (Duplicate(link=LINK, share=TENTH), {"duplicate": {"duplicate": "10", "correlation": "0"}}),
        (Corrupt(link=LINK, share=TENTH), {"corrupt": {"corrupt": "10", "correlation": "0"}}),
    ],
)
def test_shares_are_percents(fault: LinkFault, figures: dict[str, Any]) -> None:
    assert spec(fault) == {"action": next(iter(figures)), "direction": "from", **figures}


def test_who_is_not_held_back_overtakes() -> None:
    delay = spec(Reorder(link=LINK, share=TENTH, delay=20 * MS))["delay"]

    assert delay["latency"] == "20ms"
    assert delay["reorder"] == {"reorder": "90", "correlation": "0", "gap": 1}


def test_a_partition_needs_nobody_at_the_other_end() -> None:
    assert spec(Partition(link=LINK), OUT) == {"action": "partition", "direction": "both",
                                               "externalTargets": ["db.example.com"]}  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "address", "why"),
    [
        (Latency(link=LINK, delay=MS, toxicity=Ratio(0.5)), WAY, "all connections alike"),
        (Latency(link=LINK, delay=MS), OUT, "direction: upstream"),
        (PacketLoss(link=LINK, loss=TENTH, direction="both"), OUT, "direction: upstream"),
        (LimitData(link=LINK, bytes=Size(1)), WAY, "nothing like limit_data"),
        (Partition(link=LINK), ChaosMeshAddress(deployment="shop"), "deployment shop are pods"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_sentence(fault: LinkFault, address: ChaosMeshAddress, why: str) -> None:
    with pytest.raises(InjectionFailed, match=why):
        asked(fault, address)


def test_who_is_changed_is_who_sends() -> None:
    whom = Whom((pod("shop-1"),), (pod("cache-1"),))

    def touched(fault: LinkFault) -> list[str]:
        return [one["metadata"]["name"] for one in asked(fault, WAY).touches(whom)]

    assert touched(Latency(link=LINK, delay=MS)) == ["cache-1"]
    assert touched(Latency(link=LINK, delay=MS, direction="upstream")) == ["shop-1"]
    assert touched(Partition(link=LINK, direction="upstream")) == ["shop-1", "cache-1"]


# --- the resource


def test_the_very_pods_are_named_and_a_time_is_always_given() -> None:
    whom = Whom((pod("shop-1"), pod("shop-2")), (pod("db-1", "data"),))
    made = body(Wish(NETWORK_CHAOS, {"action": "partition"}), whom, "drill-7", 90.5)

    assert made["metadata"] == {"name": "drill-7", "namespace": "shop"}
    assert made["spec"]["selector"] == {"namespaces": ["shop"], "pods": {"shop": ["shop-1", "shop-2"]}}
    assert made["spec"]["target"] == {"mode": "all", "selector": {"namespaces": ["data"], "pods": {"data": ["db-1"]}}}
    assert (made["spec"]["mode"], made["spec"]["duration"]) == ("all", "90s")


def test_it_may_last_as_long_as_the_drill_wants_or_the_drill_may_last() -> None:
    assert lasts_s(30.0, 120.0) == 30.0 + MARGIN_S
    assert lasts_s(None, 120.0) == 120.0 + MARGIN_S
    assert lasts_s(300.0, 120.0) == 120.0 + MARGIN_S
    assert lasts_s(30.0, None) == 30.0 + MARGIN_S
    assert lasts_s(None, None) == MOST_S + MARGIN_S


def test_two_injections_never_have_one_name() -> None:
    ids = ["3f2a-cut", "3f2a_cut", "3F2A-cut", "x" * 60 + "1", "x" * 60 + "2"]
    names = {name_of(Owner(one, "partition")) for one in ids}

    assert len(names) == len(ids)
    assert all(len(one) < 60 for one in names)
    assert name_of(Owner("3f2a-cut", "partition"), 2) == "drill-3f2a-cut-2"


# --- what the controllers say


def state(*records: dict[str, Any], selected: bool = True, phase: str = "Run", lasts: bool = True) -> State:
    conditions = [{"type": "Selected", "status": str(selected)}, {"type": "AllInjected", "status": "True"}]
    status = {"conditions": conditions, "experiment": {"desiredPhase": phase, "containerRecords": list(records)}}
    return State.of({"status": status}, lasts=lasts)


def record(phase: str = "Injected", injected: int = 1, *events: dict[str, Any], pod: str = "shop/a") -> dict[str, Any]:
    return {"id": pod, "phase": phase, "injectedCount": injected, "events": list(events)}


FAILED = {"type": "Failed", "operation": "Apply", "message": "unable to set tcs\n for pod"}


def test_every_record_must_have_been_injected_and_be_so_still() -> None:
    assert state(record(), record(pod="shop/b")).injected
    assert not state().injected
    assert not state(record(), record(injected=0, pod="shop/b")).injected
    assert state(record(), record("Injected/Wait", pod="shop/b")).waiting == ["shop/b"]
    assert state(record("Not Injected"), lasts=False).injected, "what is done once recovers at once"


def test_the_last_event_says_what_is_wrong_and_an_earlier_one_does_not() -> None:
    assert state(record("Not Injected/Wait", 0, FAILED)).failure == "unable to set tcs for pod"
    assert state(record("Injected", 1, FAILED, {"type": "Succeeded", "operation": "Apply"})).failure == ""


def test_an_object_of_which_nothing_is_said_was_not_seen() -> None:
    assert not State.of({}).seen
    assert not state(selected=False).selected
    assert state(record(), phase="Stop").stopped


# --- churn


def known(*pods: Any) -> dict[str, Any]:
    return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": [one["metadata"]["uid"], one["status"]["podIP"]]
            for one in pods}  # fmt: skip


OLD, NEW, ANSWERS, LATE = pod("a"), pod("b"), pod("x"), pod("y")


def test_the_born_are_followed_and_nobody_is_befallen_twice() -> None:
    assert following(Whom((OLD,), (ANSWERS,)), known(OLD), known(ANSWERS)) == []
    assert following(Whom((OLD, NEW), (ANSWERS,)), known(OLD), known(ANSWERS)) == [Whom((NEW,), (ANSWERS,))]
    assert following(Whom((OLD, NEW), (ANSWERS, LATE)), known(OLD), known(ANSWERS)) == [
        Whom((NEW,), (ANSWERS, LATE)), Whom((OLD,), (LATE,)),
    ]  # fmt: skip


def test_a_pod_of_the_same_name_with_another_network_is_another() -> None:
    again = pod("a", ip="192.0.2.9")

    assert following(Whom((again,), (ANSWERS,)), known(OLD), known(ANSWERS)) == [Whom((again,), (ANSWERS,))]
