"""What must hold of a score whatever anybody does, by property: noise, delay, silence, and looking earlier than the end."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from checks.evidence import Trust
from checks.sop.book import WEIGHTS
from checks.sop.standing import Ruling
from tests.checks.sop import five_logs
from tests.checks.sop.story import Story, book, flagship, one, standing

BOOK = flagship()
QUICK = settings(max_examples=60)
PEOPLE = st.sampled_from(["lin", "wang", "zhao", "chen"])
MINUTES = st.floats(1.0, 59.0).map(lambda minute: round(minute, 3))

NOISE = st.one_of(
    st.fixed_dictionaries({"act": st.just("chat"), "channel": st.sampled_from(["random", "customer-service"]),
                           "text": st.text(max_size=30)}),
    st.fixed_dictionaries({"act": st.sampled_from(["note", "manual", "coffee.made", "webhook"]), "text": st.text(max_size=30)}),
    st.fixed_dictionaries({"act": st.just("cli"), "cmd": st.sampled_from(["ls", "top", "drillctl list"]),
                           "mutating": st.just(False)}),
    st.fixed_dictionaries({"act": st.just("observe"), "probe": st.sampled_from(["disk", "lb_pool"]),
                           "result": st.sampled_from(["full", "steady"])}),
)  # fmt: skip
"""Acts that are none of the SOP's events."""
HARM = st.one_of(
    st.fixed_dictionaries({"act": st.just("cli"), "cmd": st.just("rm"), "mutating": st.just(True)}),
    st.fixed_dictionaries({"act": st.just("am.silence"), "max_duration_s": st.just(7200)}),
    st.fixed_dictionaries({"act": st.just("chat"), "channel": st.just("war-room"), "text": st.just("谁干的?")}),
    st.fixed_dictionaries({"act": st.just("manual"), "step": st.just("verify-integrity"), "replica": st.just("r1")}),
)
"""Acts that nobody was asked for: changes without a word, silences, blame, a tick."""
ACTS = st.one_of(
    NOISE,
    HARM,
    st.fixed_dictionaries({"act": st.sampled_from(["page.acked", "incident.declared", "incident.severity", "incident.resolved",
                                                   "submit.diagnosis"])}),
    st.fixed_dictionaries({"act": st.just("chat"), "channel": st.just("war-room"), "change_id": st.sampled_from(["c1", "c2"]),
                           "tag": st.sampled_from(["update", "announce", "approve"]),
                           "text": st.sampled_from(["progress, next", "影响用户", "order load", ""])}),
    st.fixed_dictionaries({"act": st.just("flag.write"), "flag": st.just("order_admission"),
                           "change_id": st.sampled_from(["c1", "c2"])}),
    st.fixed_dictionaries({"act": st.just("role.taken"), "role": st.sampled_from(["IC", "CL"])}),
)  # fmt: skip
Timed = list[tuple[float, str, dict[str, Any]]]
timed = st.lists(st.tuples(MINUTES, PEOPLE, ACTS), max_size=12)


def told(story: Story, acts: Timed, trust: Trust = Trust.ATTRIBUTED) -> Story:
    for minute, actor, data in sorted(acts, key=lambda act: act[0]):
        story.act(
            minute, data["act"], actor, trust=trust, **{key: value for key, value in data.items() if key != "act"}
        )
    return story


def base() -> Story:
    return Story().fault(1).bad(1, 30, 60, every_s=5.0).page(2)


def score(acts: Timed, *more: Timed) -> float:
    story = base()
    for one_ in (acts, *more):
        told(story, one_)
    return standing(BOOK, story.ended(60)).score or 0.0


@QUICK
@given(timed, st.lists(st.tuples(MINUTES, PEOPLE, NOISE), min_size=1, max_size=8))
def test_noise_changes_no_score(acts: Timed, noise: Timed) -> None:
    assert score(acts, noise) == score(acts)


IN_FORM = ("announce", "approve", None)
"""What is done of a change, one after the other: announced, approved, made."""


@QUICK
@given(timed, st.lists(st.floats(30.0, 58.0).map(lambda minute: round(minute, 3)), max_size=25))
def test_changes_in_good_form_heal_no_rule_that_was_broken_beyond_half_of_it(acts: Timed, minutes: list[float]) -> None:
    story = told(base(), acts)
    before = {one_.rule.id: one_ for one_ in standing(BOOK, told(base(), acts).ended(60)).rulings}
    for n, minute in enumerate(minutes):
        for step, tag in enumerate(IN_FORM):
            about: dict[str, Any] = {"change_id": f"n{n}"}
            if tag:
                story.chat(minute + step / 100, "lin", "order load", tag=tag, **about)
            else:
                story.act(minute + step / 100, "cli", "lin", cmd="touch", mutating=True, **about)
    after = {one_.rule.id: one_ for one_ in standing(BOOK, story.ended(60)).rulings}

    for id_ in ("announce", "ic-decides", "integrity-gate"):
        broken = sum(found.credit == 0.0 for found in before[id_].obligations)
        if broken and (credit := after[id_].credit) is not None:
            assert credit <= max(0.0, 1 - broken / 2)


@QUICK
@given(timed, st.lists(st.tuples(MINUTES, PEOPLE, HARM), min_size=1, max_size=8))
def test_what_nobody_asked_for_never_raises_a_score(acts: Timed, harm: Timed) -> None:
    """A change may be announced by chance, so it is taken away who could have announced it."""
    quiet = [
        act for act in acts if act[2].get("tag") not in ("announce", "approve") and "影响" not in act[2].get("text", "")
    ]

    assert score(quiet, harm) <= score(quiet)


@QUICK
@given(st.lists(st.tuples(MINUTES, st.just(""), NOISE), max_size=8), st.sets(st.sampled_from(range(len(BOOK.rules)))))
def test_doing_nothing_scores_nothing_under_any_of_the_rules(noise: Timed, left: set[int]) -> None:
    rules = tuple(rule for place, rule in enumerate(BOOK.rules) if place not in left)
    made = type(BOOK)(head=BOOK.head, events=BOOK.events, rules=rules)

    assert standing(made, told(base(), noise, Trust.OBSERVED).ended(60)).score in (0.0, None)


@QUICK
@given(MINUTES, MINUTES, st.sampled_from(list(Trust)), st.integers(1, 20), st.integers(1, 20))
def test_to_delay_what_must_be_done_never_helps(
    minute: float, later: float, trust: Trust, within: int, more: int
) -> None:
    rules = (f"- {{id: a, do: chat, of: page.delivered, within: {within}m, zero_at: {within + more}m}}",
             f"- {{id: a, after: {{when: page.delivered, then: chat, within: {within}m}}}}")  # fmt: skip
    soon, late = sorted((max(2.01, minute), max(2.01, later)))
    for rule in rules:
        credits = [one(rule, base().chat(at, "lin", trust=trust).ended(60)).credit or 0.0 for at in (soon, late)]
        assert credits[0] >= credits[1]


@QUICK
@given(MINUTES, MINUTES, MINUTES)
def test_to_declare_late_puts_nothing_off_for_longer_than_the_fall_back(
    minute: float, declared: float, later: float
) -> None:
    rule = "- {id: a, do: webhook, of: [incident.declared, page.delivered+5m], within: 10m, zero_at: 30m}"

    def credit(at: float | None) -> float:
        story = base() if at is None else base().act(at, "incident.declared", "lin")
        return one(rule, story.act(minute, "webhook", "lin").ended(60)).credit or 0.0

    assert credit(max(declared, 7.0)) == credit(max(later, 7.0)) == credit(None)
    assert credit(declared) <= credit(None)


@QUICK
@given(st.lists(MINUTES, max_size=10), MINUTES)
def test_one_more_report_never_lowers_and_the_same_report_never_raises(minutes: list[float], extra: float) -> None:
    rule = "- {id: a, every: {what: chat, period: 10m, from: page.delivered, dedupe: 0.9}}"
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo"]

    def credit(times: list[float], again: int = 1) -> float:
        story = base()
        for word, minute in zip(words, sorted(times), strict=False):
            for copy in range(again):
                story.chat(minute + copy / 1000, "lin", f"{copy} {word}")
        return one(rule, story.ended(60)).credit or 0.0

    assert credit([*minutes, extra]) >= credit(minutes) - 1e-12
    assert credit(minutes, again=20) == credit(minutes)


@QUICK
@given(timed)
def test_a_score_is_between_0_and_100_and_so_is_every_credit(acts: Timed) -> None:
    found = standing(BOOK, told(base(), acts).ended(60))

    assert found.score is None or 0 <= found.score <= 100
    assert all(0 <= credit <= 1 for one_ in found.rulings for credit in (one_.credit,) if credit is not None)
    assert sum(one_.rule.weight for one_ in found.rulings) == sum(WEIGHTS[rule.settings.level] for rule in BOOK.rules)


SETTLED = {"do", "order", "after", "content"}
"""Forms whose obligations are each decided once. Duties go on; what is forbidden can be broken until the end."""


def settled(rulings: tuple[Ruling, ...]) -> set[tuple[str, str, float | None]]:
    """What was decided, but for what could still be done late for less."""
    return {
        (one_.rule.id, found.status, found.done_s)
        for one_ in rulings
        if type(one_.rule.form).name in SETTLED
        for found in one_.obligations
        if found.status == "satisfied"
    }


@QUICK
@given(timed, st.floats(2.0, 59.0))
def test_what_is_satisfied_while_it_runs_is_satisfied_afterwards(acts: Timed, minute: float) -> None:
    story = told(base(), acts).ended(60)

    early = settled(standing(BOOK, story, minute=minute).rulings)
    assert {one_[:2] for one_ in early} <= {one_[:2] for one_ in settled(standing(BOOK, story).rulings)}


@QUICK
@given(timed, st.floats(2.0, 59.0))
def test_what_is_violated_while_it_runs_is_never_satisfied_afterwards(acts: Timed, minute: float) -> None:
    story = told(base(), acts).ended(60)
    before = {one_.rule.id: one_.status for one_ in standing(BOOK, story, minute=minute).rulings}
    after = {one_.rule.id: one_.status for one_ in standing(BOOK, story).rulings}

    assert [id_ for id_, status in before.items() if status == "violated" != after[id_]] == []


@QUICK
@given(timed)
def test_at_the_end_live_and_final_are_the_same(acts: Timed) -> None:
    story = told(base(), acts).ended(60)

    assert standing(BOOK, story, minute=61).rulings == standing(BOOK, story).rulings


def test_the_five_runs_stand_the_same_at_their_end_as_ever_after() -> None:
    for make in (five_logs.disciplined, five_logs.nobody_reports, five_logs.with_boilerplate, five_logs.nothing):
        story = make()
        assert standing(BOOK, story, minute=60.1).score == standing(BOOK, story).score


def test_nothing_that_people_write_into_the_journal_breaks_the_evaluator() -> None:
    story = base()
    for kind in ("chat", "cli", "role.taken", "incident.severity", "am.silence", "observe"):
        for value in (None, 5, -1.5, True, [], {}, "", "x" * 10_000):
            story.act(5, kind, "lin", tag=value, change_id=value, role=value, holder=value, replica=value, mutating=value,
                      text=value, max_duration_s=value, result=value)  # fmt: skip

    assert standing(BOOK, story.ended(60)).score is not None
    assert standing(book("- {id: a, never: {what: chat}}"), Story()).score is None
