"""Draws what each ability was worth: a bar as long as its weight, filled as far as it was earned; and what a cap cut off."""

from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.ratings import WORDS
from reports.report import DimensionScore, Report
from reports.wording import show_part, show_points


def abilities(report: Report, language: str) -> Html:
    """One row an ability, and below what a cap leaves of the sum; nothing where the score knows of none."""
    score = report.score
    if not score.dimensions:
        return Html("")
    widest = max((one.weight for one in score.dimensions), default=0) or 1
    rows = [_row(one, widest, language) for one in score.dimensions]
    return join(el("ul", *rows, class_="abilities"), *_cap(report, language))


def _row(one: DimensionScore, widest: float, language: str) -> Html:
    points = 0.0 if one.points is None else one.points
    said = say(one.title, language)
    rating = el("abbr", one.rating or "?", title=say(WORDS.get(one.rating, "not judged"), language),
                class_=f"rating {one.rating.lower() or 'none'}")  # fmt: skip
    figure = phrase(
        "{points} of 100, weight {weight}", language, points=show_part(one.points), weight=show_part(one.weight)
    )
    if one.judged < one.planned:
        figure += " · " + phrase("{judged} of {planned} judged", language, judged=one.judged, planned=one.planned)
    bar = el(
        "span",
        el("span", class_="kept", style=f"width:{points:.2f}%"),
        style=f"--most:{100 * one.weight / widest:.2f}%",
        class_="bar unknown" if one.points is None else "bar",
        aria_hidden="true",
    )
    return el("li", rating, el("b", said), el("span", figure, class_="soft"), bar)


def _cap(report: Report, language: str) -> list[Html]:
    """The cap that bit, as it stands over the sum."""
    score = report.score
    if score.points is None or score.uncapped is None or not score.caps or score.uncapped <= score.points:
        return []
    hit = score.caps[0]
    because = f"{say(hit.because, language)} ({hit.check})"
    said = phrase("cut from {uncapped} to {points}: {because}", language, uncapped=show_points(score.uncapped),
                  points=show_points(score.points), because=because)  # fmt: skip
    bar = el("span", el("span", class_="taken", style=f"width:{score.uncapped:.2f}%"),
             el("span", class_="kept", style=f"width:{score.points:.2f}%"), class_="bar", aria_hidden="true")  # fmt: skip
    return [el("p", el("i", "✕", aria_hidden="true"), " ", said, bar, class_="cap")]
