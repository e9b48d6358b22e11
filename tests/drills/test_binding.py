"""Settings are made of nodes with nothing guessed, every mistake is told at its place, and the way back is the same."""

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, Literal, NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import checks
import injectors
from checks import DurationLimit, FaultName, ProbeName, RatioLimit
from drills.binding import Binding, Reference, settings, settings_of
from drills.errors import DrillError, Place, Problem
from drills.source import Items, Node, Scalar, Table, from_data, parse
from injectors import Ratio, TargetName
from reports import Words
from tests.drills.models import ANYTHING, KINDS, Beside, Clean, Colour, Everything, Inner, Kill, Latency, Rate


def node(text: str) -> Node:
    """A text as nodes."""
    return parse(dedent(text).strip(), "drill.yaml")


def bind(model: type, text: str, **how: Any) -> Any:
    """An instance of a text that has no mistakes."""
    binding = Binding()
    made = binding.bind(model, node(text), **how)
    assert binding.problems == []
    return made


def entry(text: str, *, flat: bool = False) -> Any:
    """An entry that has no mistakes."""
    binding = Binding()
    made = binding.bind_entry(node(text), KINDS, Beside, what="fault", flat=flat)
    assert binding.problems == []
    return made


def wrong(model: type, text: str, **how: Any) -> list[Problem]:
    """The mistakes of a text, in the order of the file."""
    binding = Binding()
    assert binding.bind(model, node(text), **how) is None
    return list(DrillError(binding.problems).problems)


def wrong_entry(text: str, *, flat: bool = False) -> list[Problem]:
    """The mistakes of an entry, in the order of the file."""
    binding = Binding()
    assert binding.bind_entry(node(text), KINDS, Beside, what="fault", flat=flat) is None
    return list(DrillError(binding.problems).problems)


def marked(problem: Problem) -> str:
    """What the caret of a problem is under."""
    return problem.place.text[problem.place.column - 1 :][: problem.place.width]


# What a text becomes


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("text: no", "no"),
        ("text: 12:30", "12:30"),
        ("text: ''", ""),
        ("text: 5", "5"),
        ("text: |\n  one\n  two", "one\ntwo"),
        ("maybe: x", "x"),
        ("maybe:", None),
        ("maybe: ~", None),
        ("maybe: null", None),
        ("maybe: 'null'", "null"),
        ("whole: 5", 5),
        ("whole: -12", -12),
        ("whole: '7'", 7),
        ("whole: 0", 0),
        ("number: 5", 5.0),
        ("number: 0.25", 0.25),
        ("number: -1e-3", -0.001),
        ("switch: true", True),
        ("switch: YES", True),
        ("switch: 'on'", True),
        ("switch: no", False),
        ("switch: Off", False),
        ("lasts: 1m30s", timedelta(seconds=90)),
        ("lasts: 0", timedelta(0)),
        ("lasts: '250ms'", timedelta(milliseconds=250)),
        ("share: 5%", 0.05),
        ("share: 99.9%", 0.999),
        ("other_share: 100%", 1.0),
        ("within: <= 50ms", DurationLimit("<=", 0.05)),
        ('success: ">= 99.9%"', RatioLimit(">=", 0.999)),
        ("rate: 50/s", Rate(50)),
        ("choice: no", "no"),
        ("colour: dark blue", Colour.DARK_BLUE),
        ("probe: orders", "orders"),
        ("faults: [a, b]", ("a", "b")),
        ("faults: a", ("a",)),
        ("faults: []", ()),
        ("limits: ['> 1%', '< 2%']", (RatioLimit(">", 0.01), RatioLimit("<", 0.02))),
        ("labels: {region: sea, no: 5}", {"region": "sea", "no": "5"}),
        ("shares: {a: 1%, b: [2%, 3%]}", {"a": (0.01,), "b": (0.02, 0.03)}),
        ("inner: {over: 1s}", Inner(over=timedelta(seconds=1))),
        ("inner: 1s", Inner(over=timedelta(seconds=1))),
        ("inner: {}", Inner()),
        ("inner:", None),
        ("inners: {at_most: 1%}", (Inner(at_most=Ratio(0.01)),)),
        ("inners: [{}, {at_most: 1%}]", (Inner(), Inner(at_most=Ratio(0.01)))),
        ("by_name: {a: {over: 1s}, b: }", {"a": Inner(over=timedelta(seconds=1)), "b": Inner()}),
        ("title: The cache", Words("The cache")),
        ("title: {en: The cache, zh: 缓存}", Words("The cache", "缓存")),
        ("title: {zh: 缓存}", Words("", "缓存")),
        ("for: 5s", timedelta(seconds=5)),
        ("from: here", "here"),
        ("max_targets: 3", 3),
    ],
)
def test_the_type_of_a_setting_decides_what_its_text_means(setting: str, value: object) -> None:
    name = setting.split(":", maxsplit=1)[0]
    made = getattr(bind(Everything, setting), name if name not in {"for", "from"} else f"{name}_")

    assert made == value
    assert type(made) is type(value)


def test_what_is_left_out_has_its_default() -> None:
    assert bind(Everything, "{}") == Everything()


def test_the_only_needed_setting_may_stand_alone() -> None:
    assert bind(Kill, "cache-primary") == Kill(target=TargetName("cache-primary"))


def test_without_needed_settings_the_first_may_stand_alone() -> None:
    assert bind(Inner, "5s") == Inner(over=timedelta(seconds=5))
    assert bind(Clean, "no") == Clean(thorough=False)


def test_with_several_needed_ones_the_first_stands_alone_and_the_others_are_missing() -> None:
    (problem,) = wrong(Latency, "users-to-hk")

    assert (problem.slug, problem.what) == ("missing-setting", "latency needs `delay`")
    assert "add `delay: 5s`" in problem.fix


def test_nothing_at_all_is_a_table_without_settings() -> None:
    nothing = Scalar("", Place("x"), False)

    assert Binding().bind(Clean, nothing) == Clean()
    assert [problem.slug for problem in wrong_entry("kill:")] == ["missing-setting"]


def test_a_list_may_stand_alone_where_the_setting_is_one() -> None:
    @dataclass(frozen=True)
    class Ports:
        ports: tuple[str, ...]

    assert bind(Ports, "[a, b]") == Ports(("a", "b"))
    assert bind(Ports, "a") == Ports(("a",))


def test_what_is_given_is_no_setting() -> None:
    made = bind(Kill, "{signal: TERM}", given={"target": TargetName("db")})

    assert made == Kill(target=TargetName("db"), signal="TERM")
    assert bind(Kill, "TERM", given={"target": TargetName("db")}) == made
    assert [problem.slug for problem in wrong(Kill, "{target: x}", given={"target": "db"})] == ["unknown-setting"]


# References


def test_references_are_kept_for_whoever_knows_what_there_is() -> None:
    binding = Binding()
    binding.bind(Everything, node("{probe: orders, faults: [one, two], whole: x}"))
    binding.bind(Kill, node("db"))

    assert [(one.kind, one.name, one.place.column) for one in binding.references] == [
        (ProbeName, "orders", 9), (FaultName, "one", 26), (FaultName, "two", 31), (TargetName, "db", 1),
    ]  # fmt: skip
    assert isinstance(binding.references[0], Reference)


def test_an_empty_name_is_no_reference() -> None:
    assert [problem.slug for problem in wrong(Everything, "faults: ['']")] == ["empty-value"]


# Mistakes, each at its place


@pytest.mark.parametrize(
    ("text", "slug", "under", "what", "fix"),
    [
        ("texd: x", "unknown-setting", "texd", "everything has no setting `texd`", "did you mean `text`?"),
        ("for_: 5s", "unknown-setting", "for_", "everything has no setting `for_`", "did you mean `for`?"),
        ("lasts: 5", "missing-unit", "5", "`lasts` needs a unit", "write 5s, 5ms or 5m"),
        ("lasts: '2.5'", "missing-unit", "'2.5'", "`lasts` needs a unit", "write 2.5s, 2.5ms or 2.5m"),
        ("lasts: 5 parsecs", "bad-duration", "5 parsecs", "`lasts` cannot be `5 parsecs`", "write a duration such"),
        ("lasts: -5s", "bad-duration", "-5s", "`lasts` cannot be `-5s`", "write a duration"),
        ("share: 5", "bad-share", "5", "`share` needs a percent sign", "write 5%"),
        ("share: 0.05", "bad-share", "0.05", "`share` needs a percent sign", "write 5%, or 0.05% if that is meant"),
        ("share: 101%", "bad-share", "101%", "`share` cannot be `101%`", "write a share such as"),
        ("share: half", "bad-share", "half", "`share` cannot be `half`", "write a share such as"),
        ("whole: 010", "bad-number", "010", "`whole` begins with 0, which some read as octal", "write 10"),
        ("whole: 1_000", "bad-number", "1_000", "`whole` cannot be `1_000`", "write 1000"),
        ("whole: 1e3", "bad-number", "1e3", "`whole` cannot be `1e3`", "write a whole number"),
        ("whole: 5.0", "bad-number", "5.0", "`whole` cannot be `5.0`", "write a whole number"),
        ("whole: 0x10", "bad-number", "0x10", "`whole` cannot be `0x10`", "write a whole number"),
        ("whole: ٣", "bad-number", "٣", "`whole` cannot be `٣`", "write a whole number"),
        ("number: 010.5", "bad-number", "010.5", "`number` begins with 0", "write 10.5"),
        ("number: .nan", "bad-number", ".nan", "`number` cannot be `.nan`", "write a number"),
        ("number: 1e999", "bad-number", "1e999", "`number` cannot be `1e999`", "write a number"),
        ("switch: 1", "bad-switch", "1", "`switch` cannot be `1`", "write true or false"),
        ("choice: three", "bad-choice", "three", "`choice` cannot be `three`", "choices: one, two, no"),
        ("choice: twoo", "bad-choice", "twoo", "`choice` cannot be `twoo`", "did you mean `two`?"),
        ("choice: ONE", "bad-choice", "ONE", "`choice` cannot be `ONE`", "did you mean `one`?"),
        ("colour: dark_blue", "bad-choice", "dark_blue", "`colour` cannot be", "did you mean `dark blue`?"),
        ("success: 99.9%", "bad-limit", "99.9%", "`success` cannot be `99.9%`", 'write a limit such as ">= 99.9%"'),
        ("within: <= 50", "bad-limit", "<= 50", "`within` cannot be `<= 50`", 'write a limit such as "<= 50ms"'),
        ("rate: 50", "bad-value", "50", "`rate` cannot be `50`", "write a rate such as 50/s"),
        ("text:", "empty-value", "", "`text` has no value", "write `text: …`; what has a default"),
        ("lasts: ~", "empty-value", "~", "`lasts` has no value", "write `lasts: 5s`"),
        ("lasts: ''", "empty-value", "''", "`lasts` has no value", "write `lasts: 5s`"),
        ("faults:", "empty-value", "", "`faults` has no value", "write `faults: […]`"),
        ("labels:", "empty-value", "", "`labels` has no value", "write `labels: {name: …}`"),
        ("title:", "empty-value", "", "`title` has no value", "write `title: …`"),
        ("lasts: [5s]", "wrong-shape", "[5s]", "`lasts` is a list, where a duration is expected", "write `lasts: 5s`"),
        ("text: {a: b}", "wrong-shape", "{a: b}", "`text` is a table, where a text is expected", "write `text: …`"),
        ("faults: [[a]]", "wrong-shape", "[a]", "`faults` is a list, where a name is expected", ""),
        ("labels: region", "wrong-shape", "region", "`labels` is a text, where a table is expected", ""),
        ("labels: {a: [b]}", "wrong-shape", "[b]", "`a` is a list, where a text is expected", ""),
        ("title: [a]", "wrong-shape", "[a]", "`title` is a list, where a text is expected", ""),
        ("title: {fr: La cache}", "unknown-language", "fr", "`title` cannot be in the language", "languages: en, zh"),
        ("inner: {at_most: 5}", "bad-share", "5", "`at_most` needs a percent sign", "write 5%"),
        ("inner: {att: 5%}", "unknown-setting", "att", "inner has no setting `att`", "settings: over, at_most"),
        ("inners: [{}, {ovr: 1s}]", "unknown-setting", "ovr", "inners has no setting `ovr`", "did you mean `over`?"),
        ("by_name: {a: {over: 1}}", "missing-unit", "1", "`over` needs a unit", ""),
        ("shares: {a: [1%, 2]}", "bad-share", "2", "`a` needs a percent sign", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_marked_and_says_how_to_mend_it(text: str, slug: str, under: str, what: str, fix: str) -> None:
    (problem,) = wrong(Everything, text, kind="everything")

    assert (problem.slug, marked(problem)) == (slug, under)
    assert problem.what.startswith(what)
    assert fix in problem.fix


def test_a_mistake_reads_as_the_language_page_has_it() -> None:
    text = "faults:\n  - id: primary-dies\n    kill: {target: cache-primary, singal: KILL}\n"
    binding = Binding()
    faults = node(text)
    assert isinstance(faults, Table)
    assert isinstance(faults.entries[0][1], Items)
    binding.bind_entry(faults.entries[0][1].items[0], KINDS, Beside, what="fault")

    assert [line.rstrip() for line in str(DrillError(binding.problems)).splitlines()] == [
        "drill.yaml:3:35: kill has no setting `singal`",
        "    3 |     kill: {target: cache-primary, singal: KILL}",
        "      |                                   ^^^^^^",
        "  did you mean `signal`?  settings: target, signal                                 [unknown-setting]",
    ]


def test_all_mistakes_are_told_at_once_however_deep() -> None:
    text = """
        whole: x
        nowhere: 1
        inner: {over: 5, at_most: 3, beside: 1}
        inners:
          - {over: 1s}
          - {over: later}
        labels: {a: [1], b: }
        lasts: 7
    """
    found = wrong(Everything, text)

    assert [(problem.place.line, problem.slug) for problem in found] == [
        (1, "bad-number"), (2, "unknown-setting"), (3, "missing-unit"), (3, "bad-share"), (3, "unknown-setting"),
        (6, "bad-duration"), (7, "wrong-shape"), (7, "empty-value"), (8, "missing-unit"),
    ]  # fmt: skip


def test_what_is_missing_is_told_at_the_table_that_lacks_it() -> None:
    @dataclass(frozen=True)
    class Outer:
        first: Kill
        needed: Annotated[Literal["a", "b"], "Which of the two"]
        more: tuple[Kill, ...] = ()

    found = wrong(Outer, "first: {}\nmore:\n  - {signal: TERM}\n")

    assert [(problem.place.line, marked(problem), problem.what) for problem in found] == [
        (1, "first", "Outer needs `needed`"), (1, "first", "first needs `target`"),
        (3, "{signal: TERM}", "more needs `target`"),
    ]  # fmt: skip
    assert found[0].fix == "add `needed: a`  (Which of the two)"


def test_a_mistake_that_an_alias_repeats_is_told_once() -> None:
    found = wrong(Everything, "inner: &i {over: 5}\ninners: [*i, *i]\nby_name: {a: *i}\n")

    assert [problem.slug for problem in found] == ["missing-unit"]


def test_a_table_is_needed_where_nothing_may_stand_alone() -> None:
    (problem,) = wrong(Everything, "hello", alone=False, kind="drill")

    assert (problem.slug, problem.what) == ("wrong-shape", "drill is a text, where a table is expected")
    assert "settings: text, maybe" in problem.fix


def test_names_that_somebody_else_reads_are_listed_too() -> None:
    (problem,) = wrong(Clean, "prbes: 1", also=("probes", "faults"))

    assert problem.fix == "did you mean `probes`?  settings: thorough, probes, faults"


def test_a_value_that_came_from_a_variable_is_not_shown() -> None:
    """It may be a secret; what the file says is shown."""
    line = node("whole: ${env.TOKEN}")
    assert isinstance(line, Table)
    key, value = line.entries[0]
    assert isinstance(value, Scalar)
    binding = Binding()
    binding.bind(Everything, Table(((key, Scalar("hunter2", value.place, False)),), line.place))

    assert "hunter2" not in str(binding.problems[0])
    assert marked(binding.problems[0]) == "${env.TOKEN}"


def test_a_long_or_unprintable_value_does_not_spoil_the_message() -> None:
    long, escape = wrong(Everything, "whole: " + "x" * 500)[0], wrong(Everything, r'whole: "\e[31mred"')[0]

    assert len(long.what) < 100
    assert "\x1b" not in str(escape)


# Settings that do not fit together


@dataclass(frozen=True, kw_only=True)
class Picky:
    """Refuses things."""

    low: int = 0
    for_: int = 0
    how: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.low > 5:
            raise ValueError("low", "is larger than 5", "make it smaller")
        if self.for_:
            raise ValueError("for_", "`for` must be 0", "take it away")
        if len(self.how) > 1:
            raise ValueError("how", "`how` can be one thing only", "choose")
        if self.low < 0:
            raise ValueError("", "nothing below 0 makes sense", "think again")
        if self.low == 5:
            raise ValueError("plain words")


@pytest.mark.parametrize(
    ("text", "under", "what"),
    [
        ("{low: 6}", "6", "`low`: is larger than 5"),
        ("{for: 1}", "1", "`for` must be 0"),
        ("{how: [a, b]}", "how", "`how` can be one thing only"),
        ("{low: -1}", "{low: -1}", "nothing below 0 makes sense"),
        ("{low: 5}", "{low: 5}", "`Picky`: plain words"),
    ],
)
def test_what_a_model_refuses_is_told_at_the_setting_it_names(text: str, under: str, what: str) -> None:
    (problem,) = wrong(Picky, text)

    assert (problem.slug, marked(problem), problem.what) == ("setting-conflict", under, what)


# Entries whose kind is a key


def test_an_entry_is_its_kind_and_what_stands_beside_it() -> None:
    assert entry("{id: a, kill: db, at: 5s}") == (
        Kill(target=TargetName("db")),
        Beside(id="a", at=timedelta(seconds=5)),
    )
    assert entry("kill: {target: db, signal: TERM}\nfor: 1s") == (
        Kill(target=TargetName("db"), signal="TERM"),
        Beside(for_=timedelta(seconds=1)),
    )


def test_a_kind_that_needs_nothing_may_be_named_alone() -> None:
    assert entry("clean:") == (Clean(), Beside())


def test_a_flat_entry_has_all_its_settings_beside_each_other() -> None:
    made = entry("{latency: users, delay: 5ms, for: 2s, share: 5%}", flat=True)

    assert made == (
        Latency(link=TargetName("users"), delay=timedelta(milliseconds=5), share=Ratio(0.05)),
        Beside(for_=timedelta(seconds=2)),
    )


@pytest.mark.parametrize(
    ("text", "slug", "under", "what", "fix"),
    [
        ("{kil: db, at: 5s}", "unknown-kind", "kil", "no such fault `kil`", "`kill`?  faults: kill, latency, clean"),
        ("{idd: x, kil: db}", "unknown-kind", "kil", "no such fault `kil`", "did you mean `kill`?"),
        ("{explode: db}", "unknown-kind", "explode", "no such fault `explode`", "faults: kill, latency, clean"),
        ("{at: 5s}", "unknown-kind", "{at: 5s}", "this entry does not say which fault", "faults: kill, latency, clean"),
        ("{}", "unknown-kind", "{}", "this entry does not say which fault it is", ""),
        ("{kill: a, latency: b}", "two-kinds", "latency", "two faults in one entry: `kill` and", "of its own"),
        ("kill", "wrong-shape", "kill", "this fault is a text, where a table is", "its kind is a key: `kill: …`"),
        ("[kill]", "wrong-shape", "[kill]", "this fault is a list, where a table is expected", ""),
        ("{kill: db, att: 5s}", "unknown-setting", "att", "", "did you mean `at`?"),
        ("{kill: [db]}", "wrong-shape", "[db]", "`target` is a list, where a name is expected", ""),
        ("{kill: db, at: 5}", "missing-unit", "5", "`at` needs a unit", ""),
        ("{kill: db, at: 5s, when: {over: 1s}}", "setting-conflict", "when", "a fault starts", "take one away"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_entry(text: str, slug: str, under: str, what: str, fix: str) -> None:
    for flat in (True, False):
        (problem,) = wrong_entry(text, flat=flat)

        assert (problem.slug, marked(problem)) == (slug, under)
        assert problem.what.startswith(what)
        assert fix in problem.fix


def test_what_belongs_into_the_kind_and_what_beside_it() -> None:
    beside, inside = wrong_entry("{kill: db, signal: TERM}")[0], wrong_entry("{kill: {target: db, at: 5s}}")[0]

    assert (beside.what, marked(beside)) == ("a fault has no setting `signal`", "signal")
    assert "kill: {…, signal: …}" in beside.fix
    assert (inside.what, inside.fix) == ("kill has no setting `at`", "it stands beside `kill`, not in its value")


def test_an_unknown_setting_of_a_flat_entry_is_told_once_with_all_that_may_stand_there() -> None:
    (problem,) = wrong_entry("{latency: users, delay: 5ms, jiter: 5ms}", flat=True)

    assert problem.what == "latency has no setting `jiter`"
    assert problem.fix.endswith("settings: delay, share, id, at, for, when")


def test_a_missing_setting_of_an_entry_is_told_at_its_kind() -> None:
    for flat in (True, False):
        (problem,) = wrong_entry("{at: 1s, latency: users}", flat=flat)

        assert (problem.slug, marked(problem)) == ("missing-setting", "latency")


def test_mistakes_beside_an_unknown_kind_are_told_too() -> None:
    assert [problem.slug for problem in wrong_entry("{kil: db, at: 5}")] == ["unknown-kind", "missing-unit"]


def test_a_setting_may_bear_the_name_of_another_kind() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Http:
        target: TargetName
        path: str = "/"

    @dataclass(frozen=True, kw_only=True)
    class File:
        file: str

    for text in ("{http: shop, path: /health}", "{path: /health, http: shop}"):
        binding = Binding()
        made = binding.bind_entry(node(text), {"http": Http, "path": File}, Beside, what="probe", flat=True)

        assert made == (Http(target=TargetName("shop"), path="/health"), Beside())


# Models


def test_the_settings_of_a_model() -> None:
    target, signal = settings(Kill)

    assert (target.name, target.type, target.required, target.help) == (
        "target",
        TargetName,
        True,
        "The process to end",
    )
    assert (signal.required, signal.default, signal.help) == (False, "KILL", "The signal")
    assert settings(Kill) is settings(Kill)
    assert {one.name for one in settings(Everything)} >= {"for", "from", "max_targets"}


@pytest.mark.parametrize(
    "type_", [object, bytes, dict[int, str], tuple[int, str], int | str, list[str], NewType("New", bytes)]
)
def test_a_type_that_no_text_can_become_is_a_bug_of_the_model(type_: Any) -> None:
    @dataclass
    class Odd:
        odd: Any

    Odd.__annotations__["odd"] = type_
    with pytest.raises(TypeError, match="no setting can be of the type"):
        Binding().bind(Odd, node("odd: x"))


# The way back


@given(ANYTHING)
def test_settings_written_and_read_again_are_equal(made: Everything) -> None:
    binding = Binding()
    again = binding.bind(Everything, from_data(settings_of(made), "journal"))

    assert binding.problems == []
    assert again == made


def test_settings_are_written_as_one_would_write_them() -> None:
    made = Everything(
        lasts=timedelta(minutes=2), share=Ratio(0.05), title=Words("a", "b"), for_=timedelta(seconds=5), whole=7
    )

    assert settings_of(made) == {
        "whole": 7, "lasts": "2m", "share": "5%", "title": {"en": "a", "zh": "b"}, "for": "5s",
    }  # fmt: skip
    assert settings_of(Kill(target=TargetName("db"))) == {"target": "db"}


# Whatever is written


HERE = Place("x")
TEXTS = st.text(max_size=5) | st.sampled_from(["5s", "5%", "~", "yes", "9" * 5000, "1e999", "kill", "${x}"])
KEYS = st.sampled_from([*KINDS, "id", "at", "when", "x", *(one.name for one in settings(Everything))])
SCALARS = st.builds(Scalar, TEXTS, st.just(HERE), st.booleans())


def tables(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Tables with names that mean something."""
    entries = st.dictionaries(KEYS, below, max_size=4)
    return entries.map(lambda made: Table(tuple((Scalar(key, HERE, False), one) for key, one in made.items()), HERE))


NODES: st.SearchStrategy[Node] = st.recursive(
    SCALARS, lambda below: st.builds(Items, st.lists(below, max_size=3).map(tuple), st.just(HERE)) | tables(below)
)


@given(NODES, st.booleans())
def test_nothing_that_can_be_written_breaks_the_binder(anything: Node, flag: bool) -> None:
    for model in (Everything, Kill, Picky, Words):
        binding = Binding()
        made = binding.bind(model, anything, alone=flag)

        assert (made is None) == bool(binding.problems)
    binding = Binding()
    assert (binding.bind_entry(anything, KINDS, Beside, what="fault", flat=flag) is None) == bool(binding.problems)
    assert str(DrillError(binding.problems)) is not None


# Speed


def test_a_typical_drill_is_read_in_a_few_milliseconds() -> None:
    text = "".join(
        f"- id: f{n}\n  latency: {{link: users-to-hk, delay: 80ms, share: 3%}}\n  at: {n}s\n  for: 1m\n"
        for n in range(20)
    )
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        binding, listed = Binding(), node(text)
        assert isinstance(listed, Items)
        assert all(binding.bind_entry(one, KINDS, Beside, what="fault") for one in listed.items)
        best = min(best, time.process_time() - began)

    assert best < 0.03  # 5 ms on a laptop; the rest is for slow machines


def test_the_binder_drags_nothing_heavy_in() -> None:
    heavy = {"asyncio", "yaml", "rich", "aiohttp", "psutil", "reports", "decimal", "drills.syntax"}
    code = f"import sys, drills.source, drills.binding; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_each_package_has_a_share_of_its_own() -> None:
    """So the binder must know both, as `share` and `other_share` above try."""
    assert injectors.Ratio is not checks.Ratio


# Files whose form is another's


def foreign(model: type, text: str) -> tuple[Any, list[Problem]]:
    binding = Binding(foreign=True)
    return binding.bind(model, node(text), alone=False), binding.problems


def test_of_a_foreign_file_only_what_is_known_is_read() -> None:
    made, problems = foreign(Kill, "target: cache\nsignal:\nanything: [else]\n")

    assert problems == []
    assert made == Kill(target=TargetName("cache"))


def test_in_a_foreign_file_nothing_stands_for_something_else() -> None:
    """A text is no list, and no table, though in our own files it may stand for one."""
    made, (problem,) = foreign(Everything, "faults: one")

    assert made is None
    assert (problem.slug, problem.what) == ("wrong-shape", "`faults` is a text, where a list is expected")
