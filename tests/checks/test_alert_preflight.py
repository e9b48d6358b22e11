"""What is foreseen of an expected alert: each thing that could make its drill a waste, and the edge at which it does."""

import ast
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import checks
from checks.alert import Alert
from checks.alert_wish import Wish
from checks.alerts import Alerts
from checks.check import FaultName, Foreseen
from checks.evidence import Evidence
from reports.chinese import PATTERNS
from tests.checks.history import EPOCH_UNIX, History

NAME = "CachePrimaryDown"


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def all_of(history: History, **wish: Any) -> Sequence[Foreseen]:
    settings = {"name_": NAME, "within": s(30), "severity": "page", "reaches": "oncall", **wish}
    return Alert(after=FaultName("kill"), **settings).foresee(history.evidence)


def foreseen(history: History, **wish: Any) -> list[str]:
    """All that is not fine, with its grade."""
    return [f"{one.grade}: {one.what}" for one in all_of(history, **wish) if one.grade != "fine"]


def cures(history: History, **wish: Any) -> list[str]:
    return [str(one.cure) for one in all_of(history, **wish) if one.grade != "fine"]


def listening() -> History:
    return History().listening("prometheus", "alertmanager", "sink")


def ground(**rule: Any) -> History:
    """All is well: scrape 1 s, evaluation 1 s, `for` 5 s, group_wait 3 s, group_interval 5 min."""
    return listening().rules(NAME, **rule).routes()


def route(
    receiver: str, *below: Any, matchers: Sequence[str] = (), by: Sequence[str] = ("alertname",), **more: Any
) -> Any:
    return {"receiver": receiver, "matchers": [*matchers], "group_by": [*by], "group_wait_s": 3.0, "group_interval_s": 300.0,
            "repeat_interval_s": 14400.0, "continue": False, "mute": [], "active": [], "routes": [*below], **more}  # fmt: skip


def routed(
    tree: Any, *, inhibit: Sequence[Any] = (), receivers: Sequence[str] = ("oncall", "others"), **rule: Any
) -> History:
    history = listening().rules(NAME, **rule)
    return history.told(0.0, "alertmanager", "alerting.routes", version="0.25", receivers=[*receivers], routes=tree,
                        inhibit=[*inhibit])  # fmt: skip


def could_fire(*series: dict[str, str]) -> dict[str, Any]:
    return {"could_fire": {"count": len(series), "labels": list(series)}, "series": len(series)}


def test_where_all_is_well_the_arithmetic_is_shown() -> None:
    found = all_of(ground())

    assert {one.grade for one in found} == {"fine"}
    assert [str(one.what) for one in found] == [
        f"the rule of {NAME} works; it finds 1 series",
        f"{NAME} reaches oncall at worst after scrape 1 s + evaluation 1 s + for 5 s + grouping 3 s = 10 s; limit 30 s",
    ]
    assert all(one.proof for one in found)


def test_whatever_is_not_fine_says_how_to_mend_it() -> None:
    for history in (ground(series=0), ground(health="err"), ground().state(5, "firing"), listening()):
        found = [one for one in all_of(history) if one.grade != "fine"]
        assert found
        assert all(one.cure for one in found)


class TestRule:
    def test_one_that_is_not_there_is_told_with_the_nearest(self) -> None:
        assert foreseen(ground(), name_="CachePrimaryDwn") == ["wrong: no rule is called CachePrimaryDwn"]
        assert cures(ground(), name_="CachePrimaryDwn") == [f"did you mean {NAME}?"]
        assert cures(ground(), name_="Zzz") == [f"there are {NAME}"]

    def test_a_name_that_is_an_expression_needs_one_that_matches(self) -> None:
        assert foreseen(ground(), name_="/Cache.*/") == []
        assert foreseen(ground(), name_="/Cache/") == ["wrong: no rule is called /Cache/"]

    def test_where_not_all_rules_are_known_it_may_be_there(self) -> None:
        cut = (
            listening().told(0, "prometheus", "alerting.rules", rules=[], scrape_s=1, evaluation_s=1, cut=True).routes()
        )
        lost = ground().told(1, "prometheus", "observer.lost", why="gone")

        assert foreseen(cut) == [f"unknown: no rule is called {NAME} among those that are known"]
        assert "unknown: no rule is called Other among those that are known" in foreseen(lost, name_="Other")

    def test_where_nobody_tells_of_rules_nobody_can_say(self) -> None:
        deaf = History().listening("alertmanager", "sink").routes()

        assert foreseen(deaf) == [f"unknown: nobody tells of rules, so nobody can say whether {NAME} can fire"]

    def test_labels_that_its_rule_sets_otherwise_are_wrong(self) -> None:
        assert foreseen(ground(), severity="info") == [f"wrong: {NAME} has severity=page, and not severity=info"]
        assert foreseen(ground(), severity="/page|info/") == []

    def test_labels_made_by_a_template_may_be_anything(self) -> None:
        assert foreseen(ground(labels={"severity": "{{ $labels.s }}"}), severity="page") == []

    def test_of_several_rules_the_one_that_fits_counts(self) -> None:
        history = listening().routes()
        rules = [{"alert": NAME, "for_s": 500.0, "labels": {"severity": "info"}, "health": "ok"},
                 {"alert": NAME, "for_s": 5.0, "labels": {"severity": "page"}, "health": "ok"},
                 {"alert": NAME, "for_s": 500.0, "labels": {"severity": "page"}, "health": "ok"}]  # fmt: skip
        history.told(0, "prometheus", "alerting.rules", rules=rules, scrape_s=1.0, evaluation_s=1.0)

        assert foreseen(history) == []

    @pytest.mark.parametrize(
        ("rule", "found"),
        [
            ({"health": "err", "error": "many-to-many"}, [f"wrong: the rule of {NAME} fails: many-to-many"]),
            ({"health": "unknown"}, [f"unknown: the rule of {NAME} was not evaluated yet"]),
            ({"health": "ok"}, []),
        ],
    )
    def test_it_must_work(self, rule: dict[str, Any], found: list[str]) -> None:
        assert foreseen(ground(**rule)) == found


class TestData:
    def test_no_series_may_mean_that_it_never_fires(self) -> None:
        assert foreseen(ground(series=0)) == [f"doubtful: the rule of {NAME} finds no series now, so it may never fire"]
        assert foreseen(ground(series=1)) == []
        assert foreseen(ground(series=None)) == []

    def test_a_rule_on_absence_has_none_rightly(self) -> None:
        assert foreseen(ground(series=0, query='absent(up{job="cache"})')) == []

    def test_more_than_one_series_leaves_open_which_it_tells_of(self) -> None:
        two = ground(**could_fire({"instance": "a", "job": "x"}, {"instance": "b", "job": "x"}))

        assert foreseen(two) == [f"doubtful: {NAME} can fire for 2 series, so its page may be about another one"]
        assert cures(two) == ["say by `labels` which one is meant, or that any is, as instance: /.*/"]
        assert foreseen(two, labels={"job": "x"}) == foreseen(two)
        assert foreseen(two, labels={"instance": "a"}) == []
        assert foreseen(two, labels={"instance": "/.*/"}) == []
        assert foreseen(ground(**could_fire({"instance": "a"}))) == []

    def test_many_series_that_come_to_one_alert_are_one(self) -> None:
        assert foreseen(ground(series=500, could_fire={"count": 1, "labels": [{}]})) == []

    def test_labels_that_nothing_has_now_are_doubtful(self) -> None:
        one = ground(**could_fire({"instance": "a"}))

        assert foreseen(one, labels={"instance": "b"}) == [f"doubtful: nothing that {NAME} watches now has instance=b"]


class TestContent:
    def test_an_annotation_that_the_rule_lacks_is_wrong(self) -> None:
        rule = ground(annotations={"summary": "the cache is down", "action": " "})

        assert foreseen(rule, annotations=("summary",)) == []
        assert foreseen(rule, annotations=("action", "impact")) == [
            f"wrong: the rule of {NAME} has no annotation action",
            f"wrong: the rule of {NAME} has no annotation impact",
        ]

    def test_what_it_says_is_known_but_for_templates(self) -> None:
        rule = ground(annotations={"summary": "the cache is down", "action": "see {{ $labels.book }}"})

        assert foreseen(rule, says={"summary": "cache", "action": "https"}) == []
        assert foreseen(rule, says={"summary": "primary"}) == [
            f"wrong: the annotation summary of {NAME} does not say primary"
        ]


class TestDelay:
    @pytest.mark.parametrize(
        ("within_s", "grades"), [(10, []), (9.999, ["doubtful"]), (8, ["doubtful"]), (7.999, ["wrong"])]
    )
    def test_the_worst_case_may_and_the_best_case_must_fit(self, within_s: float, grades: list[str]) -> None:
        assert [one.partition(":")[0] for one in foreseen(ground(), within=s(within_s))] == grades

    def test_both_are_shown_with_their_sum(self) -> None:
        (found,) = foreseen(ground(), within=s(9))
        assert found == (f"doubtful: {NAME} reaches oncall at worst after scrape 1 s + evaluation 1 s + for 5 s + grouping 3 s"
                         " = 10 s; limit 9 s")  # fmt: skip
        assert foreseen(ground(), within=s(5)) == [
            f"wrong: {NAME} cannot reach oncall before for 5 s + grouping 3 s = 8 s; limit 5 s"
        ]

    def test_where_the_routes_are_not_known_only_the_best_case_is(self) -> None:
        rules = History().rules(NAME)

        assert foreseen(rules) == [f"unknown: nobody can say when {NAME} reaches oncall: group_wait not known"]
        assert foreseen(rules, within=s(4)) == [
            f"wrong: {NAME} cannot reach oncall before for 5 s + grouping 0 s = 5 s; limit 4 s"
        ]

    def test_a_group_that_lives_makes_it_wait_for_its_turn(self) -> None:
        def living(receiver: str = "oncall", **labels: str) -> History:
            group = {"receiver": receiver, "labels": labels, "alerts": 1, "since_unix": EPOCH_UNIX}
            return ground().told(0, "alertmanager", "alerting.groups", groups=[group])

        (found,) = foreseen(living(alertname=NAME))
        assert found == (f"doubtful: oncall was told of the group of {NAME} already (alertname={NAME}), whose next turn may be "
                         "5 min away, so it may take 5 min 7 s; limit 30 s")  # fmt: skip
        assert foreseen(living(alertname=NAME), within=s(307)) == []
        assert foreseen(living("others", alertname=NAME)) == foreseen(living(alertname="Other")) == []

    def test_in_a_group_that_lives_its_turn_may_come_at_once(self) -> None:
        group = {"receiver": "oncall", "labels": {"alertname": NAME}, "alerts": 1, "since_unix": EPOCH_UNIX}
        history = ground().told(0, "alertmanager", "alerting.groups", groups=[group])

        assert [one.partition(":")[0] for one in foreseen(history, within=s(7))] == ["doubtful", "doubtful"]

    def test_the_end_takes_its_time_too(self) -> None:
        assert foreseen(ground(), resolves_within=s(302)) == []
        (found,) = foreseen(ground(), resolves_within=s(301))
        assert found == (f"doubtful: oncall is told that {NAME} is over at worst after scrape 1 s + evaluation 1 s + "
                         "keep_firing_for 0 s + group_interval 5 min = 5 min 2 s; limit 5 min 1 s")  # fmt: skip
        keeps = ground(keep_firing_for_s=60.0)
        assert foreseen(keeps, resolves_within=s(362)) == []
        assert foreseen(keeps, resolves_within=s(59)) == [
            f"wrong: {NAME} cannot be over before keep_firing_for 1 min; limit 59 s"
        ]

    def test_a_receiver_that_is_not_told_of_ends_never_hears_of_it(self) -> None:
        history = routed(route("oncall"))
        history.events[-1].data["send_resolved"] = {"oncall": False}  # type: ignore[index]

        assert foreseen(history) == []
        assert foreseen(history, resolves_within=s(600)) == [f"wrong: oncall is never told that {NAME} is over"]


class TestRoute:
    def test_a_receiver_that_is_not_there_is_told_with_the_nearest(self) -> None:
        assert foreseen(ground(), reaches="oncal") == ["wrong: no receiver is called oncal"]
        assert cures(ground(), reaches="oncal") == ["did you mean oncall?"]

    def test_one_that_leads_to_others_is_named(self) -> None:
        tree = route("oncall", route("others", matchers=['severity="page"']))

        assert foreseen(routed(tree)) == [f'wrong: {NAME} goes to others (severity="page") and not to oncall']
        assert foreseen(routed(tree), reaches="others") == []
        assert foreseen(routed(tree), reaches=None) == []

    def test_what_its_series_decide_is_doubtful(self) -> None:
        tree = route("others", route("oncall", matchers=['team="cart"']))

        assert foreseen(routed(tree)) == [f"doubtful: {NAME} reaches oncall or others, depending on team"]
        assert foreseen(routed(tree), labels={"team": "cart"}) == []
        assert foreseen(routed(tree, **could_fire({"team": "cart"}))) == []
        assert foreseen(routed(tree, **could_fire({"team": "shop"}))) == [
            f"wrong: {NAME} goes to others (by default) and not to oncall"
        ]

    def test_what_is_relabelled_on_its_way_is_never_sure(self) -> None:
        history = listening()
        rule = {"alert": NAME, "for_s": 0.0, "labels": {"severity": "page"}, "health": "ok"}
        history.told(0, "prometheus", "alerting.rules", rules=[rule], scrape_s=1.0, evaluation_s=1.0, relabelled=True)
        tree = route("oncall", route("others", matchers=['severity="page"']))
        history.told(0, "alertmanager", "alerting.routes", receivers=["oncall", "others"], routes=tree, inhibit=[])

        assert foreseen(history) == [f'doubtful: {NAME} goes to others (severity="page") and not to oncall']

    def test_times_at_which_nobody_is_told_are_doubtful(self) -> None:
        found = foreseen(routed(route("oncall", mute=["night"], active=["office"])))

        assert found == ["doubtful: oncall is told nothing at some times (night, not office)"]

    def test_a_receiver_without_a_webhook_reaches_no_sink(self) -> None:
        history = routed(route("oncall"))
        told: Any = history.events[-1].data

        told["send_resolved"] = {"others": True}
        assert foreseen(history) == ["doubtful: oncall has no webhook, so no sink hears of its pages"]
        told["send_resolved"] = {"oncall": True}
        assert foreseen(history) == []

    def test_whom_it_does_not_reach_needs_no_webhook(self) -> None:
        history = routed(route("others"))
        told: Any = history.events[-1].data
        told["send_resolved"] = {"oncall": True}
        assert foreseen(history) == [f"wrong: {NAME} goes to others (by default) and not to oncall"]


class TestKeptBack:
    def silenced(self, *matchers: str, state: str = "active") -> History:
        return ground().told(0, "alertmanager", "silence.changed", id="abcdefghij", state=state, matchers=[*matchers],
                             by="ann", comment="deploy", ends_unix=EPOCH_UNIX)  # fmt: skip

    def test_a_silence_tells_whose_it_is_and_until_when(self) -> None:
        assert foreseen(self.silenced(f'alertname="{NAME}"')) == [
            f"wrong: {NAME} is silenced until 2026-05-28 20:26 UTC: abcdefgh of ann (deploy)"
        ]

    def test_one_that_is_over_or_of_others_does_not_matter(self) -> None:
        assert foreseen(self.silenced(f'alertname="{NAME}"', state="expired")) == []
        assert foreseen(self.silenced(f'alertname="{NAME}"', 'severity="info"')) == []
        again = self.silenced(f'alertname="{NAME}"')
        again.told(1, "alertmanager", "silence.changed", id="abcdefghij", state="expired", matchers=[], by="", comment="",
                   ends_unix=EPOCH_UNIX)  # fmt: skip
        assert foreseen(again) == []

    def test_one_that_depends_on_what_is_not_known_may_match(self) -> None:
        (found,) = foreseen(self.silenced('team="cart"'))

        assert found.startswith(f"doubtful: {NAME} may be silenced")

    def test_an_alert_that_inhibits_it_and_fires_now_is_named(self) -> None:
        rule = {"source": ['alertname="RegionDown"'], "target": ['severity="page"'], "equal": ["region"]}
        tree = route("oncall")

        def inhibited(target: str = 'severity="page"', **mine: str) -> list[str]:
            history = routed(tree, inhibit=[{**rule, "target": [target]}], **could_fire(mine))
            return foreseen(history.held(1, alert="RegionDown", region="eu"))

        assert inhibited(region="eu") == [f"doubtful: {NAME} would be inhibited by RegionDown, which fires now"]
        assert inhibited(region="us") == []
        assert inhibited('severity="info"', region="eu") == []
        assert foreseen(routed(tree, inhibit=[rule])) == []


class TestThere:
    def test_one_that_fires_or_is_pending_already_proves_nothing(self) -> None:
        assert foreseen(ground().state(1, "firing")) == [f"wrong: {NAME} fires already, so it would prove nothing"]
        assert foreseen(ground().state(1, "pending")) == [
            f"wrong: {NAME} is pending already, so it would prove nothing"
        ]
        assert foreseen(ground().held(1)) == [f"wrong: Alertmanager holds {NAME} already, so it would prove nothing"]

    def test_another_one_does_not_matter(self) -> None:
        assert foreseen(ground().state(1, "firing", alert="Other").held(1, alert="Other")) == []
        assert foreseen(ground().state(1, "firing", zone="b").held(1, zone="b"), labels={"zone": "a"}) == []

    def test_one_that_was_there_and_is_over_may_come_again_by_itself(self) -> None:
        flapped = ground().state(1, "firing").state(3, "inactive")

        assert foreseen(flapped) == [f"doubtful: {NAME} has come and gone already, so it may prove nothing"]
        assert foreseen(ground().state(1, "pending").state(3, "inactive")) == []
        assert foreseen(ground().held(1).held(2, "gone")) == []


class TestListeners:
    def test_one_that_cannot_be_heard_is_wrong_until_it_is_back(self) -> None:
        lost = ground().told(1, "alertmanager", "observer.lost", why="refused")

        assert foreseen(lost) == ["wrong: alertmanager cannot be heard: refused"]
        assert foreseen(lost.told(2, "alertmanager", "observer.back", lost_s=1.0)) == []

    def test_without_a_sink_nobody_knows_whom_it_reached(self) -> None:
        history = History().listening("prometheus", "alertmanager").rules(NAME).routes()

        assert foreseen(history) == ["doubtful: no sink listens, so nobody will know whom a page reached"]

    @pytest.mark.parametrize(
        ("alive", "found"),
        [
            (True, []),
            (False, ["wrong: Watchdog is not alive: silent"]),
            (None, ["unknown: Watchdog was not heard of yet: silent"]),
        ],
    )
    def test_a_dead_man_must_live(self, alive: bool | None, found: list[str]) -> None:
        told = ground().told(0, "alertmanager", "alerting.dead_man", alert="Watchdog", alive=alive, why="silent")

        assert foreseen(told) == found

    def test_of_files_nobody_expects_what_only_the_living_can_tell(self) -> None:
        files = History().rules(NAME, health="unknown", series=None).routes()

        assert foreseen(files) == []


def test_alerts_foresee_each_that_is_expected_and_those_who_listen_once() -> None:
    wishes = tuple(Wish(name_=name, within=s(30)) for name in (NAME, "Other", "Another"))
    history = History().listening("prometheus", "alertmanager").rules(NAME).routes()
    found = [str(one.what) for one in Alerts(after=FaultName("kill"), expect=wishes).foresee(history.evidence)]

    assert found.count("no sink listens, so nobody will know whom a page reached") == 1
    assert [one for one in found if "no rule" in one] == ["no rule is called Other", "no rule is called Another"]
    assert Alerts(after=FaultName("kill")).foresee(history.evidence) == ()


def test_of_nothing_nothing_is_foreseen() -> None:
    assert Alert(name_=NAME, after=FaultName("kill"), within=s(30)).foresee(Evidence()) == ()


VALUES = {"by default", "all alerts", "not "}
"""What stands in the place of a name, and is no sentence."""


def said_in(module: str) -> set[str]:
    """The sentences of findings and cures that a module holds."""
    tree = ast.parse((Path(checks.__file__).parent / module).read_text(encoding="utf-8"))
    comments = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    texts = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in comments]
    return {text for text in texts if isinstance(text, str) and re.match(r"[a-zA-Z{`].* ", text)} - VALUES


@pytest.mark.parametrize("module", ["alert_preflight.py", "page_preflight.py", "foreseen.py"])
def test_every_sentence_can_be_said_in_chinese(module: str) -> None:
    """Whole, or clause by clause; of a clause that is a value alone there is nothing to translate."""
    said = said_in(module)
    clauses = [clause for text in said if text not in PATTERNS for clause in re.split("; |: ", text)]
    unknown = [clause for clause in clauses if clause not in PATTERNS and not re.fullmatch(r"\{\w+\}", clause)]

    assert said
    assert unknown == []


def test_of_an_alert_that_comes_another_way_no_rule_and_no_route_is_asked_for() -> None:
    history = ground()

    assert foreseen(history, name_="PipelineSilent") == ["wrong: no rule is called PipelineSilent"]
    assert foreseen(history, name_="PipelineSilent", elsewhere=True) == []
