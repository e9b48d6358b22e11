"""What was not as it should be, and who sees to it by when: the findings, with the action items of the review beside the run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reports.language import phrase, say, translate
from reports.markup import Html, el, join
from reports.pieces import Line, cards
from reports.report import Action, Report
from reports.wording import kept_together

if TYPE_CHECKING:
    from reports.review import Finding

_COLUMNS: Mapping[str, str] = {"Finding": "", "What": "wide", "Owner": "", "Due": "", "State": ""}


def followed_up(report: Report, language: str) -> Html:
    """The table; nothing where there is nothing to see to."""
    from reports.review import findings  # with all that reviews need, which no other page does

    found = findings(report)
    places = {check.id: place for place, check in enumerate(report.checks)}
    answered: dict[str, list[Action]] = {}
    for action in report.actions:
        answered.setdefault(action.finding, []).append(action)
    lines = [line for one in found for line in _lines(one, answered.pop(one.id, []), places, language)]
    others = [action for actions in answered.values() for action in actions]
    lines += [Line(cells=["–", action.what, *_cells(action, language)]) for action in others]
    if not lines:
        return Html("")
    hint = Html("") if report.actions else _hint(report, language)
    return join(cards("Findings and who sees to them", _COLUMNS, [lines], language, class_="findings"), hint)


def _hint(report: Report, language: str) -> Html:
    """How they get their owners."""
    command = f"drills review {report.run.rpartition('-')[2]}"
    said, _, rest = phrase("no owner yet: {command}", language, command=command).partition(command)
    return el("p", said, el("code", command), rest, class_="soft")


def _lines(one: "Finding", actions: list[Action], places: Mapping[str, int], language: str) -> list[Line]:
    place = places.get(one.id.partition("/")[0])
    name = el("a", el("code", one.id), href=f"#check-{place}") if place is not None else el("code", one.id)
    why = kept_together(translate(one.because, language))
    first, others = (actions[0] if actions else None), actions[1:]
    kind = "failed" if one.known else "unknown"
    lines = [Line(cells=[name, join(el("p", why), *_what(first)), *_cells(first, language)], kind=kind)]
    return lines + [Line(cells=[name, join(*_what(other)), *_cells(other, language)]) for other in others]


def _what(action: Action | None) -> list[Html]:
    return [el("p", "→ ", action.what, class_="soft")] if action and action.what else []


def _cells(action: Action | None, language: str) -> list[str]:
    if action is None:
        return [el("span", say("no owner yet", language), class_="soft"), "", say("open", language)]
    state = phrase("closed {day}", language, day=action.closed) if action.closed else say("open", language)
    return [action.owner or el("span", say("no owner yet", language), class_="soft"), action.due, state]
