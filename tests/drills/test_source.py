"""YAML is read with its places, surprises are refused, and nothing in a file can hurt."""

import json
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from drills.errors import DrillError, Problem
from drills.source import (
    DEPTH_MAX,
    NODES_MAX,
    SIZE_MAX,
    Items,
    Node,
    Scalar,
    Table,
    from_data,
    parse,
    read,
    substitute,
    to_data,
)  # fmt: skip


@pytest.fixture(params=["c", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with PyYAML's parser in C and with the one in Python, which is all that some systems have."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CBaseLoader", raising=False)
    elif not hasattr(yaml, "CBaseLoader"):
        pytest.skip("this PyYAML comes without its parser in C")


def problems(text: str) -> list[Problem]:
    """What is wrong with a text."""
    with pytest.raises(DrillError) as caught:
        parse(text, "x.yaml")
    return list(caught.value.problems)


def outcome(text: str) -> Node | DrillError:
    """What a text is, or why it is nothing."""
    try:
        return parse(text, "x.yaml")
    except DrillError as error:
        return error


def slugs(text: str) -> list[str]:
    """Names of what is wrong with a text."""
    return [problem.slug for problem in problems(text)]


def marked(problem: Problem) -> str:
    """What the caret of a problem is under."""
    return problem.place.text[problem.place.column - 1 :][: problem.place.width]


def table(text: str) -> Table:
    """A text that is a table."""
    node = parse(text, "x.yaml")
    assert isinstance(node, Table)
    return node


def value(text: str) -> Node:
    """The value of `a`."""
    node = table(text).get("a")
    assert node is not None
    return node


# What a text means


@pytest.mark.parametrize(
    "plain", ["no", "12:30", "0o10", "1_000", "2026-11-21", "1e3", "0x1F", "off", "y", ".inf", "True"]
)
def test_a_plain_word_stays_the_text_it_is(plain: str) -> None:
    assert value(f"a: {plain}") == Scalar(plain, value(f"a: {plain}").place, False)


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL", "  # a remark"])
def test_nothing_and_its_names_are_the_empty_text(nothing: str) -> None:
    node = value(f"a: {nothing}\nb: 1")

    assert isinstance(node, Scalar)
    assert (node.text, node.quoted) == ("", False)


@pytest.mark.parametrize(
    ("written", "text"),
    [("'no'", "no"), ('"~"', "~"), ("''", ""), ("|\n  one\n  two\n", "one\ntwo\n"), (">-\n  one\n  two\n", "one two"),
     (r'"\u00e9\t"', "é\t")],
)  # fmt: skip
def test_quotes_and_blocks_are_remembered(written: str, text: str) -> None:
    node = value(f"a: {written}")

    assert isinstance(node, Scalar)
    assert (node.text, node.quoted) == (text, True)


def test_tables_and_lists_keep_their_order() -> None:
    node = table("b: [1, {c: d}]\na:\n- x\n- y: z\n")

    assert node.keys() == ("b", "a")
    assert to_data(node) == {"b": ["1", {"c": "d"}], "a": ["x", {"y": "z"}]}
    assert node.get("nowhere") is None


# Places


def test_a_place_is_line_column_and_width_in_characters() -> None:
    """A wide letter, and one outside of the basic plane, count as one each."""
    node = table("t: x\nüber😀: {水: wert, b: 'q q'}\n")

    inner = node.get("über😀")
    assert isinstance(inner, Table)
    (key, first), (_, second) = inner.entries
    assert (inner.place.line, inner.place.column, inner.place.width) == (2, 8, 19)
    assert (key.place.column, key.place.width) == (9, 1)
    assert (first.place.column, first.place.width) == (12, 4)
    assert (second.place.column, second.place.width) == (21, 5)
    assert second.place.text == "über😀: {水: wert, b: 'q q'}"
    assert second.place.file == "x.yaml"


def test_what_runs_over_several_lines_is_marked_on_its_first() -> None:
    node = table("a: one\n  two\nb: |-  \n  x\nc: [1,\n  2]\nd:\n  - 1\n  - 2\ne:\n  longname: 1\n  f: 2\n")

    places = {key.text: (value.place.line, value.place.column, value.place.width) for key, value in node.entries}
    assert places == {"a": (1, 4, 3), "b": (3, 4, 2), "c": (5, 4, 3), "d": (8, 3, 1), "e": (11, 3, 8)}


def test_a_mark_is_no_part_of_the_value_behind_it() -> None:
    node = value("a: &five 5s")

    assert (node.place.column, node.place.width) == (10, 2)


def test_an_empty_value_stands_behind_its_colon() -> None:
    assert (value("a:\nb: 1").place.line, value("a:\nb: 1").place.column) == (1, 3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_they_do_anywhere(end: str) -> None:
    node = table(f"x: 1{end}a: two{end}")

    assert node.get("a") == Scalar("two", node.entries[1][1].place, False)
    assert (node.entries[1][1].place.line, node.entries[1][1].place.text) == (2, "a: two")


def test_a_byte_order_mark_shifts_nothing() -> None:
    place = table("\ufeffa: 1").entries[0][0].place

    assert (place.column, place.text) == (1, "a: 1")


WORD = st.text(st.characters(codec="utf-8", categories=["L", "Nd", "So"]), min_size=1, max_size=8)


NESTED = st.recursive(WORD, lambda below: st.lists(below, max_size=4) | st.dictionaries(WORD, below, max_size=4))


@given(NESTED, st.booleans(), st.integers(20, 100))
def test_every_scalar_stands_where_it_says(data: object, flow: bool, width: int) -> None:
    text = yaml.safe_dump(data, allow_unicode=True, default_flow_style=flow or None, width=width)
    read = outcome(text)

    def look(node: Node | DrillError) -> None:
        lines = text.split("\n")
        match node:
            case DrillError():  # a name that is `null` to YAML, or nothing at all
                assert {problem.slug for problem in node.problems} <= {"empty-file", "bad-name"}
            case Scalar():
                assert node.place.text == lines[node.place.line - 1]
                shown = node.place.text[node.place.column - 1 :][: node.place.width]
                assert node.quoted or shown == node.text or shown in {"null", "Null", "NULL"}
            case Items():
                for item in node.items:
                    look(item)
            case Table():
                for key, below in node.entries:
                    look(key)
                    look(below)

    look(read)


# What would surprise


def test_a_name_twice_is_refused_at_the_second_and_names_the_first() -> None:
    (problem,) = problems("a: 1\nb: 2\n'a': 3\n")

    assert (problem.slug, problem.place.line, marked(problem)) == ("duplicate-setting", 3, "'a'")
    assert "line 1" in problem.what


def test_all_that_is_no_syntax_error_is_told_at_once() -> None:
    text = "a: 1\na: 2\nb: !!python/object:os.system x\n? [c]\n: d\ne: *nobody\n---\nsecond: 1\n"

    assert slugs(text) == ["duplicate-setting", "no-tags", "bad-name", "unknown-alias", "second-document"]


def test_a_syntax_error_ends_the_reading_but_hides_nothing_before_it() -> None:
    assert slugs("a: 1\na: 2\nb: 'open\nc: !x 3\n") == ["duplicate-setting", "not-closed"]


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [id]", "!foo bar", "!!str x", "! x", "!<tag:x,2000:y> z"]
)
def test_tags_are_refused(tag: str) -> None:
    assert slugs(f"a: {tag}") == ["no-tags"]


@pytest.mark.parametrize("name", ["[x]", "{x: 1}", "{{ x }}", "~", "", "null"])
def test_a_name_is_a_text(name: str) -> None:
    assert set(slugs(f"? {name}\n: 1\n")) == {"bad-name"}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n", "---\n", "~\n", "\ufeff", "--- # nothing\n...\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert slugs(text) == ["empty-file"]


# Repetition


def test_an_alias_repeats_what_was_marked() -> None:
    node = table("a: &one {x: 1}\nb: *one\nc: &two z\nd: [*two, *two]\n*two : 3\n")

    assert to_data(node) == {"a": {"x": "1"}, "b": {"x": "1"}, "c": "z", "d": ["z", "z"], "z": "3"}


def test_a_later_mark_of_the_same_name_counts_from_there() -> None:
    assert to_data(table("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")) == {"a": "1", "b": "1", "c": "2", "d": "2"}


def test_merging_takes_in_what_is_not_set_beside_it() -> None:
    text = (
        "base: &base {x: 1, y: 1}\nmore: &more {y: 2, z: 2}\na:\n  <<: *base\n  y: own\nb: {w: 0, <<: [*base, *more]}\n"
    )

    assert to_data(table(text).get("a") or Items((), table(text).place)) == {"x": "1", "y": "own"}
    assert to_data(table(text))["b"] == {"w": "0", "x": "1", "y": "1", "z": "2"}  # type: ignore[index]


def test_own_settings_come_before_merged_ones() -> None:
    """An entry's kind stays its first key."""
    node = table("base: &base {every: 1s}\na: {<<: *base, http: shop}\n").get("a")

    assert isinstance(node, Table)
    assert node.keys() == ("http", "every")


def test_a_quoted_merge_sign_is_a_name() -> None:
    assert to_data(parse("'<<': x", "x.yaml")) == {"<<": "x"}


@pytest.mark.parametrize(
    ("text", "slug"),
    [("a: {<<: 5}", "bad-merge"), ("a: &a [1]\nb: {<<: [*a]}", "bad-merge"), ("a: *b\nb: &b 1", "unknown-alias"),
     ("a: &a [*a]", "endless-alias"), ("a: &a {b: {c: *a}}", "endless-alias"), ("a: &a {<<: *a}", "endless-alias"),
     ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "duplicate-setting")],
)  # fmt: skip
def test_repetition_that_makes_no_sense_is_refused(text: str, slug: str) -> None:
    assert slugs(text) == [slug]


def test_an_unknown_alias_has_a_suggestion() -> None:
    (problem,) = problems("a: &primary 1\nb: *primry\n")

    assert marked(problem) == "*primry"
    assert "did you mean `primary`?" in problem.fix


# Bounds


def test_a_billion_laughs_are_refused_at_once() -> None:
    laughs = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(30))
    began = time.process_time()

    assert slugs(laughs) == ["too-large"]
    assert time.process_time() - began < 1


def test_merging_is_bounded_too() -> None:
    lines = ["m0: &m0 {" + ", ".join(f"k{n}: 1" for n in range(100)) + "}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 9)]

    assert slugs("\n".join(lines)) == ["too-large"]


def test_as_many_values_as_are_allowed_and_one_more() -> None:
    def listed(count: int) -> str:
        return "[" + "a," * count + "]"  # the list counts as well

    assert isinstance(parse(listed(NODES_MAX - 1), "x"), Items)
    assert slugs(listed(NODES_MAX)) == ["too-large"]


def test_as_deep_as_is_allowed_and_one_deeper() -> None:
    assert isinstance(parse("[" * DEPTH_MAX + "]" * DEPTH_MAX, "x"), Items)
    assert slugs("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)) == ["too-deep"]


def test_aliases_do_not_get_deeper_than_is_allowed() -> None:
    def stacked(levels: int) -> str:
        return "\n".join(["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, levels)])

    assert isinstance(parse(stacked(DEPTH_MAX - 1), "x"), Table)  # the table itself is a level
    assert slugs(stacked(DEPTH_MAX)) == ["too-deep"]


@pytest.mark.parametrize(
    "piece", ["[", "{", "- ", "? ", "a: ", "&a ", "'", '"', "*a ", "!", "|\n", "\n ", "x" * 50, ": ", "#", "{a: "]
)
def test_a_megabyte_of_anything_is_answered_soon(piece: str) -> None:
    began = time.process_time()

    assert isinstance(outcome((piece * (SIZE_MAX // len(piece)))[: SIZE_MAX // 4]), Scalar | Items | Table | DrillError)
    assert time.process_time() - began < 10


def test_what_is_larger_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("#" * SIZE_MAX + "#", encoding="utf-8")

    with pytest.raises(DrillError, match="too-large"):
        read(tmp_path / "big.yaml")
    with pytest.raises(DrillError, match="too-large"):
        parse("#" * SIZE_MAX + "#", "x")


# Mistakes in the YAML itself


@pytest.mark.parametrize(
    ("text", "slug", "line", "under"),
    [
        ("a:\n\tb: 1\n", "tab", 2, "\t"),
        ("a: 1\n# fine\n\t# not fine\n", "tab", 3, "\t"),
        ("a: @x\n", "needs-quotes", 1, "@"),
        ("a: %x\n", "needs-quotes", 1, "%"),
        ("a: *\n", "needs-quotes", 1, "*"),
        ("success: >= 99.9%\n", "needs-quotes", 1, ">"),
        ("{success: >= 99.9%}\n", "needs-quotes", 1, ">"),
        ("a: b: c\n", "misplaced-colon", 1, ":"),
        ("a: 1\n  b: 2\n", "misplaced-colon", 2, ":"),
        ("x: 0\na:1\nb: 2\n", "no-blank", 2, ":"),
        ("a: 1\nfoo\nb: 2\n", "no-colon", 2, "f"),
        ("a: 'open\nb: 2\n", "not-closed", 1, "'"),
        ('a: "open\n', "not-closed", 1, '"'),
        ("a: [1,\n  2\nb: 3\n", "not-closed", 1, "["),
        ("a: {b: 1\n", "not-closed", 1, "{"),
        ("a: {b: ${x}/y}\n", "needs-quotes", 1, "{"),
        ("a:\n  b: 1\n c: 2\n", "indentation", 3, "c"),
        ("- a\nb: 1\n", "indentation", 2, "b"),
        ("a: 'x' y\n", "indentation", 1, "y"),
        ("a: - b\n", "misplaced-list", 1, "-"),
        ("a: [1,,2]\n", "needs-quotes", 1, ","),
        ("a: ? b\n", "needs-quotes", 1, "?"),
        ("---\na: 1\n...\nfoo: 1\n", "second-document", 4, "f"),
        ("a: 1\n---\nb: 1\n", "second-document", 2, "---"),
        ("a: 1\nb: \x01\n", "bad-character", 2, "\x01"),
        ("a: 1\nb: \ufffe\n", "bad-character", 2, "\ufffe"),
        ("a: 1\nb: \ud800\n", "bad-character", 2, "\ud800"),
        ("a: 1\nb: x\ufeff\n", "bad-character", 2, "\ufeff"),
    ],
)
def test_a_slip_is_shown_where_it_is_and_how_to_mend_it(text: str, slug: str, line: int, under: str) -> None:
    (problem,) = problems(text)

    assert (problem.slug, problem.place.line) == (slug, line)
    assert marked(problem) == under
    assert problem.fix


@pytest.mark.parametrize("escape", [r"\q", r"\ud800", r"\xzz"])
def test_an_escape_that_is_none_is_refused(escape: str) -> None:
    assert slugs(f'a: "{escape}"') == ["bad-escape"]


def test_directives_have_no_use_here() -> None:
    """The parser in Python passes those over that it does not know."""
    assert problems("%YAML 3.0\n---\na: 1\n")[0].slug == "yaml-syntax"
    assert problems("%FOO bar\na: 1\n")[0].slug in {"yaml-syntax", "second-document"}


def test_a_colon_needs_a_blank_in_brackets_too() -> None:
    """The parser in Python is content without."""
    read = outcome("{a: {b: 1, c:}}")

    assert isinstance(read, Table) or [problem.slug for problem in read.problems] == ["no-blank"]  # type: ignore[union-attr]


def test_a_version_line_is_accepted() -> None:
    assert to_data(parse("%YAML 1.2\n---\na: 1\n", "x")) == {"a": "1"}


PIECES = ["\n  ", ": ", "- ", "<<: ", "&a ", "*a", "---\n", "...\n", "%YAML ", "!!str ", "\\u", "\\U", "\x85", "\u2028"]
YAMLISH = st.lists(
    st.sampled_from([*"abc019{}[]:,-?|>&*!%@`'\"#~\\\t \n\r.\ufeff$\x00é水😀", *PIECES]), max_size=40
).map("".join)


@given(st.text() | YAMLISH)
@example("\ud800")
@example('"\\U7fffffff"')
@example('"\\Uffffffff"')
@example("%YAML 1." + "9" * 5000)
@example("a: \u2028b: c")
def test_no_text_raises_anything_but_a_drill_error(text: str) -> None:
    read = outcome(text)

    if isinstance(read, DrillError):
        assert read.problems
        assert all(problem.what and problem.place.column <= len(problem.place.text) + 1 for problem in read.problems)
        assert str(read)
    else:
        assert isinstance(read, Scalar | Items | Table)


# Files


def test_a_file_is_called_what_it_is_shown_as(tmp_path: Path) -> None:
    path = tmp_path / "drill.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: caf\xc3\xa9\r\n")

    node = read(path, "drill.yaml")

    assert to_data(node) == {"a": "1", "b": "café"}
    assert node.place.file == "drill.yaml"
    assert read(path).place.file == str(path)


@pytest.mark.parametrize("name", ["gone.yaml", "folder", "a\0b", "x" * 300, "drill.yaml/below"])
def test_what_cannot_be_read_is_a_mistake_of_the_user(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "drill.yaml").write_text("a: 1", encoding="utf-8")

    with pytest.raises(DrillError) as caught:
        read(tmp_path / name, name)

    assert [problem.slug for problem in caught.value.problems] == ["no-file"]


def test_a_missing_file_has_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "failover.yaml").write_text("a: 1", encoding="utf-8")

    with pytest.raises(DrillError, match=r"did you mean `failover.yaml`"):
        read(tmp_path / "failver.yaml")


def test_bytes_that_are_no_utf8_are_shown(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9 au lait\n")

    with pytest.raises(DrillError) as caught:
        read(tmp_path / "latin.yaml")

    (problem,) = caught.value.problems
    assert (problem.slug, problem.place.line, problem.place.column) == ("not-utf8", 2, 7)
    assert problem.place.text == "b: caf\ufffd au lait"


# Variables


def fill(text: str, **values: str) -> tuple[object, list[Problem]]:
    """A text with its variables put in, as data, and the problems of doing so."""
    found: list[Problem] = []
    return to_data(substitute(parse(text, "x.yaml"), values, found)), found


def test_variables_are_put_in_wherever_they_stand() -> None:
    text = "a: ${host}:${port}\nb: ['${host}', {'${host}': '$${host}'}]\nc: $host ${ port }\n"

    assert fill(text, host="db", port="5432") == (
        {"a": "db:5432", "b": ["db", {"db": "${host}"}], "c": "$host 5432"},
        [],
    )


def test_a_value_is_not_looked_into_again() -> None:
    assert fill("a: ${x}", x="${y}$${z}") == ({"a": "${y}$${z}"}, [])


def test_an_unknown_variable_is_marked_itself() -> None:
    _, (problem,) = fill("a: tcp://${hots}:1", host="db")

    assert (problem.slug, marked(problem)) == ("unknown-variable", "${hots}")
    assert "did you mean `host`?" in problem.fix


def test_every_unknown_variable_is_told_and_what_an_alias_repeats_once() -> None:
    _, found = fill("a: &a ${one}\nb: *a\nc: ${two}${three}\n")

    assert [marked(problem) for problem in found] == ["${one}", "${two}", "${three}"]


def test_the_names_of_a_whole_environment_are_not_listed() -> None:
    _, (problem,) = fill("a: ${env.TOKN}", **{"env.TOKEN": "secret", **{f"env.X{n}": "" for n in range(50)}})

    assert "did you mean `env.TOKEN`?" in problem.fix
    assert "env.X42" not in problem.fix
    assert "secret" not in str(problem)


@pytest.mark.parametrize("wrong", ["${}", "${a b}", "${x", "${x:-default}"])
def test_what_names_no_variable_is_refused(wrong: str) -> None:
    _, (problem,) = fill(f"a: '{wrong}'", x="1")

    assert problem.slug == "bad-variable"


def test_two_names_that_become_one_are_refused() -> None:
    _, (problem,) = fill("${x}: 1\nb: 2\n", x="b")

    assert problem.slug == "duplicate-setting"


@given(st.text())
def test_no_text_breaks_substitution(text: str) -> None:
    found: list[Problem] = []

    substitute(from_data([text, {text: text}], "x"), {"a": "b"}, found)

    assert all(problem.slug in {"unknown-variable", "bad-variable"} for problem in found)


# Data


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_data_becomes_texts_and_stays_as_it_is(data: object) -> None:
    once = to_data(from_data(data, "journal"))

    assert to_data(from_data(once, "journal")) == once
    assert to_data(from_data(json.loads(json.dumps(data)), "journal")) == once


def test_numbers_and_switches_become_what_one_would_write() -> None:
    assert to_data(from_data({"a": [1, 1.5, True, None, "", "x"]}, "j")) == {"a": ["1", "1.5", "true", None, "", "x"]}


def test_data_that_is_too_deep_is_refused() -> None:
    data: object = "x"
    for _ in range(500):
        data = [data]

    with pytest.raises(DrillError, match="too-deep"):
        from_data(data, "journal")


def test_what_is_no_data_is_a_bug_of_ours() -> None:
    with pytest.raises(TypeError, match="object"):
        from_data({"a": object()}, "journal")
