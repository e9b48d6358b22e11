"""How a drill may say `media`: with one limit, with several, with those of a call; and how an editor sees it."""

from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from checks.media import Late, Lost, Media
from drills import source
from drills.binding import Binding, settings_of
from drills.schema import schema_of

CALL = (Late(over=timedelta(milliseconds=300), at_most=0.05), Late(over=timedelta(milliseconds=500), at_most=0.01))  # type: ignore[arg-type]
ONE = CALL[1:]
WRITTEN = [
    ("{probe: call, during: slow}", CALL, 0.01),
    ("{probe: call, during: slow, late: {over: 500ms, at_most: 1%}, lost: {at_most: 1%}}", ONE, 0.01),
    ("{probe: call, during: slow, late: [{over: 300ms, at_most: 5%}, {over: 500ms, at_most: 1%}]}", CALL, 0.01),
    ("{probe: call, during: slow, late: []}", (), 0.01),
    ("{probe: call, during: slow, lost: 2%}", CALL, 0.02),
]


def read(text: str) -> tuple[Media | None, list[str]]:
    binding = Binding()
    media = binding.bind(Media, source.parse(text, "drill.yaml"))
    return media, [f"{one.what} [{one.slug}]" for one in binding.problems]


@pytest.mark.parametrize(("text", "late", "lost"), WRITTEN)
def test_limits_are_read_alone_and_as_a_list(text: str, late: tuple[Late, ...], lost: float) -> None:
    media, problems = read(text)
    assert problems == []
    assert media
    assert (media.late, media.lost) == (late, Lost(at_most=lost))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [text for text, _, _ in WRITTEN])
def test_what_was_read_can_be_written_and_read_again(text: str) -> None:
    """As `--set` does it, and as the plan shows it."""
    media, _ = read(text)
    again = Binding().bind(Media, source.from_data(settings_of(media), "again"))
    whole = Binding().bind(Media, source.from_data(settings_of(media, defaults=True), "again"))
    assert again == whole == media


@pytest.mark.parametrize("text", [text for text, _, _ in WRITTEN])
def test_an_editor_takes_it(text: str) -> None:
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(as_editors_see(text))) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{probe: call, during: slow, late: {over: 500ms}}", "late needs `at_most` [missing-setting]"),
        ("{probe: call, during: slow, late: [{over: 500, at_most: 1%}]}", "`over` needs a unit [missing-unit]"),
        ("{probe: call, during: slow, late: {over: 500ms, at_most: 1}}", "`at_most` needs a percent sign [bad-share]"),
        ("{probe: call, during: slow, lost: {most: 1%}}", "lost has no setting `most` [unknown-setting]"),
    ],
)
def test_mistakes_are_told_and_marked_by_an_editor(text: str, problem: str) -> None:
    assert problem in read(text)[1]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_editors_see(text), schema())


@pytest.mark.parametrize(
    ("late", "problem"),
    [
        ("{over: 0s, at_most: 1%}", "`over` is no time at all [setting-conflict]"),
        (
            "[{over: 1s, at_most: 1%}, {over: 1s, at_most: 2%}]",
            "`late` has two limits for the same time [setting-conflict]",
        ),
    ],
)
def test_limits_that_make_no_sense_are_refused(late: str, problem: str) -> None:
    assert read(f"{{probe: call, during: slow, late: {late}}}")[1] == [problem]


def as_editors_see(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def schema() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    return {**schema_of(Media, definitions=definitions), "$defs": definitions}
