"""Words, sentences and text that is safe to print."""

import ast
import re
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Measured, Part, Sentence
from checks.page_parts import clause
from reports.chinese import PATTERNS, WORDS
from reports.language import phrase, say, translate
from reports.printable import printable
from tests.reports import RUBRICS, specimen


def fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}


@pytest.mark.parametrize("english", PATTERNS)
def test_a_translation_has_the_same_fields(english: str) -> None:
    assert fields(PATTERNS[english]) == fields(english)


def test_no_word_is_translated_by_nothing() -> None:
    assert all(WORDS.values())
    assert all(PATTERNS.values())


@pytest.mark.parametrize("path", sorted(RUBRICS.glob("*.yaml")), ids=lambda path: path.stem)
def test_all_words_of_our_rubrics_are_translated(path) -> None:
    rubric = specimen.rubric(path.stem)
    said = [one.title for one in rubric.dimensions.values()] + [one.because for one in rubric.caps.values()]
    assert [text for text in said if say(text, "zh") == text] == []


def test_a_title_is_translated_up_to_its_bracket() -> None:
    assert say("steady before (orders)", "zh") == "注入前稳态（orders）"
    assert say("steady before (orders)", "en") == "steady before (orders)"
    assert say("my own title (x)", "zh") == "my own title (x)"


def test_a_headline_is_translated_with_the_title_in_it_and_the_reason_after_it() -> None:
    said = translate(specimen.failing().headline, "zh")
    assert said.startswith("未通过：数据丢失：已确认的 1 397 条 orders 中丢失 3 条")
    assert said.endswith("；要求 0")


@pytest.mark.parametrize("sending", [("grouping", "delivery"), ("grouping and delivery",)])
@pytest.mark.parametrize(
    "noticing", [("scrape", "evaluation", "for"), ("scrape and evaluation", "for"), ("scrape, evaluation and for",)]
)
def test_where_the_time_of_a_page_went_is_translated_however_it_is_told(
    noticing: tuple[str, ...], sending: tuple[str, ...]
) -> None:
    parts = [Part(name=name, took=Measured.between(1, 1)) for name in (*noticing, *sending)]
    times, values = clause(parts)
    english = Sentence.of("{alert} reached {receiver} after {took}; limit {limit}" + times, alert="A", receiver="B",
                          took="1 s", limit="2 s", **values)  # fmt: skip
    chinese = translate(english, "zh")
    assert chinese.startswith("A 在 1 s 后送达 B；要求 2 s（抓取")
    assert not {"scrape", "evaluation", "grouping", "delivery"} & set(chinese.split())
    assert [one.name for one in parts if say(one.name, "zh") == one.name] == [one for one in noticing if one == "for"]


def test_every_sentence_of_a_sop_is_translated_clause_by_clause() -> None:
    """The rule's id stands before a colon; it is the author's."""
    said = set[str]()
    for path in sorted((RUBRICS.parent.parent / "checks" / "sop").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call | ast.Assign))
        texts = (one.value for call in calls for one in ast.walk(call) if isinstance(one, ast.Constant))
        said |= {
            text for text in texts if isinstance(text, str) and re.search(r"[a-z] ?\{[a-z]+\}|\{[a-z]+\} [a-z]", text)
        }
    clauses = {clause for text in said for clause in re.split("; |: ", text)} - {"{rule}", "{why}", ""}

    assert len(clauses) > 20
    assert sorted(clauses - PATTERNS.keys()) == []


def test_what_is_not_translated_is_said_in_english() -> None:
    ours = Sentence.of("{probe}: the moon was full for {time}; limit {limit}", probe="orders", time="1 h", limit="0 s")
    assert translate(ours, "zh") == "orders: the moon was full for 1 h；要求 0 s"
    assert translate(Sentence("nobody: knows; this"), "zh") == "nobody: knows; this"
    assert phrase("{n} of them", "zh", n=3) == "3 of them"


@pytest.mark.parametrize("pattern", ["{gone}", "{0}", "{", "}", "{a.b}", "{a[b]}", "{a!x}", "{:"])
def test_a_pattern_that_cannot_be_filled_is_shown_and_not_raised(pattern: str) -> None:
    assert pattern in translate(Sentence.of(pattern, a="1"), "en")


@given(st.text())
def test_printable_text_is_one_line_without_controls_that_every_encoding_takes(text: str) -> None:
    safe = printable(text)
    assert "\n" not in safe
    assert "\x1b" not in safe
    assert "\u202e" not in safe
    safe.encode("utf-8")
    assert printable(safe) == safe


def test_letters_of_every_script_stay() -> None:
    for text in ("café", "缓存主库", "אבג", "ไทย", "👩‍👩‍👧", "a\u00a0b"):
        assert printable(text) == text
    assert printable("a\x1b[2J\tb\x00") == "a\\x1b[2J b\\x00"
