"""Words, sentences and text that is safe to print."""

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Sentence
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
