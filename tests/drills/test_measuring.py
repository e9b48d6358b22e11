"""The figures of a run: all of them in every report, each measured or with the reason why not.

A run of 300 s in which two probes go bad at 10 s and are back at 60 s, an alert fires and is paged, and a team acts.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks import Event, Evidence
from checks.moments import incident
from drills.drill import Drill
from drills.load import with_sops
from drills.measuring import TITLES, metrics
from reports import Metric
from tests.checks.history import History
from tests.drills.writing import good

DRILL = """
drill: x
probes:
  shop: {tcp: web}
  orders: {tcp: cache}
steady: [{probe: orders, success: ">= 99.9%"}]
faults: [{id: kill, kill: cache}]
slo: {rate: 100/s}
"""
SOURCES: dict[str, Callable[[Event], bool]] = {
    "people": lambda event: event.kind == "act.recorded",
    "alerts": lambda event: event.kind == "alert.state",
    "pages": lambda event: event.kind == "page.received",
    "reading": lambda event: event.kind == "probe.read_back",
    "shop": lambda event: event.data.get("probe") == "shop",
    "orders": lambda event: event.data.get("probe") == "orders",
    "injection": lambda event: event.kind.startswith("injection."),
}
"""What may be missing of a run."""


def whole(looks: str = "100+ 500- 2400+") -> History:
    """A run in which everything was seen."""
    history = History().listening("prometheus", "alertmanager", "sink").opened("orders").opened("shop", writes=False)
    history.event(5, "steady.confirmed", phase="before", from_s=2.0, to_s=5.0).fault(acting=10, effect=10, healing=250)
    history.looks(looks, batch=50).looks(looks, probe="shop", batch=50)
    history.state(17, "pending", since=15).state(21, "firing", since=20).page(22)
    acts = ((25, "page.acked", {}), (28, "incident.declared", {}), (30, "incident.severity", {"severity": "P1"}),
            (32, "chat", {"text": "looking"}), (35, "submit.diagnosis", {"text": "no disk"}), (45, "flag.write", {}),
            (120, "incident.resolved", {}))  # fmt: skip
    for t_s, act, data in acts:
        history.told(t_s, "chat", "act.recorded", act=act, actor="lin", **data)
    return history.read_back((0, 98), (600, 2999), t_s=300.0).ended(300)


WHOLE = whole()


def of(history: History, *without: str, text: str = DRILL) -> dict[tuple[str, str], Metric]:
    """The figures of a run, with some of it missing."""
    kept = [event for event in history.events if not any(SOURCES[name](event) for name in without)]
    evidence = Evidence(sorted(kept, key=lambda one: one.t_s))
    return {(one.name, one.of): one for one in metrics(evidence, good(text), incident(evidence))}


def value(found: dict[tuple[str, str], Metric], name: str, probe: str = "") -> float | None:
    measured = found[name, probe].value
    return None if measured is None else measured.value


def test_a_run_in_which_all_was_seen_has_every_figure() -> None:
    found = of(whole())

    assert [name for (name, _), one in found.items() if one.value is None] == ["mobilise"]  # there is no SOP
    assert str(found["mobilise", ""].why_not) == "the drill has no SOP that says who must be there"
    names = ("TTD", "TTD from fault", "TTN", "TTA", "TTE", "TTM", "TTR", "MTTI", "MTTK", "MTTF", "MTTV", "total")
    assert [value(found, name) for name in names] == [10, 10, 2, 3, 10, 50, 50, 22, 3, 25, 60, 110]
    assert value(found, "lost writes", "orders") == 1
    assert value(found, "availability", "shop") == value(found, "availability", "orders") == pytest.approx(2400 / 2900)
    assert value(found, "failed requests", "orders") == pytest.approx(500 / 2900 * 289.9 * 100)


def test_every_figure_that_is_known_is_in_every_report_in_one_order() -> None:
    for history in (whole(), History(), History().ended(1)):
        listed = list(dict.fromkeys(name for name, _ in of(history)))
        assert listed == list(TITLES)
    assert list(dict.fromkeys(name for name, _ in of(History(), text="drill: x"))) == list(TITLES)


def test_the_probe_that_the_service_is_known_by_comes_first() -> None:
    probes = [probe for name, probe in of(whole()) if name == "RTO"]
    assert probes == ["orders", "shop"]
    other = DRILL.replace("slo: {", "slo: {probe: shop, success: 99%, ")
    assert [probe for name, probe in of(whole(), text=other) if name == "RTO"] == ["shop", "orders"]
    assert ("lost area", "shop") in of(whole(), text=other)


def test_a_probe_that_only_watches_says_nothing_of_the_service_and_its_writes_count() -> None:
    text = DRILL.replace("orders: {tcp: cache}", "orders: {tcp: cache, impact: false}")
    found = of(WHOLE, text=text)
    assert not {("RTO", "orders"), ("availability", "orders")} & found.keys()
    assert value(found, "lost writes", "orders") == 1
    assert value(found, "error budget", "orders")  # the objective is of its looks
    neither = of(WHOLE, text=text.replace("shop: {tcp: web}", "shop: {tcp: web, impact: false}"))
    assert str(neither["RTO", ""].why_not) == str(neither["availability", ""].why_not) == "no probe shows the service"


def test_a_probe_that_failed_before_the_fault_has_no_outage_by_it() -> None:
    assert str(of(whole("80+ 520- 2400+"))["RTO", "orders"].why_not) == "orders failed already before the fault"


def test_the_four_parts_are_the_whole_exactly() -> None:
    found = of(whole())
    parts = [value(found, name) or 0 for name in ("MTTI", "MTTK", "MTTF", "MTTV")]
    assert round(sum(parts), 6) == value(found, "total")


def test_what_came_back_once_the_drill_had_begun_to_heal_says_so() -> None:
    by_drill = {name for (name, _), one in of(whole("100+ 2450- 450+")).items() if "heal" in str(one.note)}
    assert by_drill == {"TTM", "TTR", "MTTF", "RTO"}  # nobody said after that that it was over
    assert not any("heal" in str(one.note) for one in of(whole()).values())


@settings(max_examples=40)
@given(st.sets(st.sampled_from(sorted(SOURCES))))
def test_what_is_missing_is_none_with_the_reason_never_0_and_changes_nothing_else(without: set[str]) -> None:
    full, less = of(WHOLE), of(WHOLE, *without)

    for key, one in less.items():
        assert (one.value is None) is (one.why_not is not None)
        if one.value is not None:
            assert one.value.low <= one.value.value <= one.value.high
            assert one.value.value == pytest.approx(value(full, *key)) or "injection" in without
    probes = {key for key in less if key[1] in without}
    assert all(less[key].value is None for key in probes)


@pytest.mark.parametrize(
    ("without", "unmeasured"),
    [
        ("people", {"TTA", "TTE", "MTTI", "MTTK", "MTTF", "MTTV", "total"}),
        ("alerts", {"TTD", "TTD from fault", "TTN"}),
        ("pages", {"TTN", "TTA", "TTE"}),
        ("reading", {"RPO", "lost writes"}),
    ],
)
def test_each_source_that_is_missing_takes_its_own_figures_and_no_other(without: str, unmeasured: set[str]) -> None:
    found = of(whole(), without)
    assert {name for (name, _), one in found.items() if one.value is None} == {"mobilise", *unmeasured}


def test_without_people_the_area_ends_when_the_service_was_back() -> None:
    full, alone = of(whole()), of(whole(), "people")
    assert value(full, "lost area", "orders") == value(alone, "lost area", "orders")
    assert "there was no all-clear" in str(alone["lost area", "orders"].note)


def test_a_run_without_a_fault_measures_how_available_it_was_and_nothing_of_an_outage() -> None:
    found = of(History().opened().event(5, "steady.confirmed", phase="before", from_s=2, to_s=5).looks("290+ 10-"))
    assert value(found, "availability", "orders") == pytest.approx(240 / 250)
    reasons = {name: str(found[name, probe].why_not) for name, probe in found if found[name, probe].value is None}
    for name in ("TTR", "RTO", "RPO", "lost area"):
        assert reasons[name] in ("nothing was injected", "shop never looked", "orders was not read back")


def test_a_control_has_no_outage_whatever_was_seen() -> None:
    found = of(History().withheld().opened().looks("100+ 20- 100+").read_back((0, 219)))
    for name, probe in (("TTR", ""), ("RTO", "orders"), ("RPO", "orders"), ("lost area", "orders")):
        assert str(found[name, probe].why_not) == "nothing was injected"


def test_a_fault_that_hurt_nobody_has_no_outage_and_a_share_of_all_looks() -> None:
    found = of(whole("3000+"))
    assert value(found, "availability", "orders") == 1
    assert value(found, "error budget", "orders") == 0
    assert str(found["RTO", "orders"].why_not) == "no look of orders failed"
    assert str(found["lost area", "orders"].why_not) == "no look of any probe failed"


def test_what_was_not_seen_of_a_run_that_never_began_is_said() -> None:
    for one in of(History()).values():
        assert one.value is None
        assert one.why_not


def test_without_an_objective_its_figures_say_so_and_the_others_stay() -> None:
    bare = DRILL.replace("slo: {rate: 100/s}\n", "").replace('steady: [{probe: orders, success: ">= 99.9%"}]\n', "")
    found = of(whole(), text=bare)
    for name in ("error budget", "burn rate", "failed requests", "lost area"):
        assert str(found[name, ""].why_not) == "the drill does not say by which probe the service is known"
    assert value(found, "availability", "orders") == pytest.approx(2400 / 2900)


def test_roles_are_those_of_each_sop_of_the_drill(tmp_path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(
            f"kind: SOP\nid: {name}\nroles: {{L1: {{initial: true}}}}\nrules:\n"
            "  - {id: triage, do: incident.severity, of: page.delivered, within: 5m}\n"
        )
    text = DRILL + "checks: [{id: a, sop: one.yaml}, {id: b, sop: two.yaml}]\n"
    drill: Drill = with_sops(good(text), lambda _, file: tmp_path / file)
    evidence = whole().evidence
    found = [one for one in metrics(evidence, drill, incident(evidence)) if one.name == "mobilise"]
    assert [(one.of, one.value and one.value.value) for one in found] == [("one", 0), ("two", 0)]
