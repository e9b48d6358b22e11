"""The form `every`: a duty that comes again and again, scored by the time that is covered and not by how often.

So a burst of sixty messages in twenty seconds is worth what one of them would be. Who must report is set in the SOP,
never found out from who spoke: a team that says nothing must score nothing, and not vanish.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from checks.check import Sentence
from checks.evidence import Trust
from checks.sop.acts import Act
from checks.sop.book import Every
from checks.sop.obligation import Obligation, Status, Trial
from checks.units import show_duration

_COMPARED = 8
"""With how many earlier reports, newest first, a report is compared; one that is the same as any of them never counts."""
_PROOFS = 8
"""Of how many reports the journal's lines are named."""


def every(form: Every, trial: Trial) -> Iterator[Obligation]:
    """Each team, or all together, reported again and again."""
    log, since = trial.log, trial.log.since(form.from_)
    if since.at_s is None:
        yield trial.not_begun(since)
        return
    until_s, known_s = log.until(form.until, since.at_s)
    to_s = max(since.at_s, min(log.now_s, known_s) if until_s is None else min(until_s, known_s, log.now_s))
    duty = _Duty(form, trial, since.at_s, to_s, over=log.ended or (until_s is not None and until_s <= known_s))
    reports = [act for act in log.between(form.what, since.at_s, to_s) if duty.worth(act)]
    teams = log.book.head.teams if form.per == "team" else ()
    for team in teams or ("",):
        mine = [act for act in reports if not team or act.team.casefold() == team.casefold()]
        yield duty.of(team, list(_counting(form, mine)))


@dataclass(frozen=True, slots=True)
class _Duty:
    """What everybody who must report has to do, over one stretch of time."""

    form: Every
    trial: Trial
    from_s: float
    to_s: float
    over: bool

    @property
    def period_s(self) -> float:
        """How long nothing may be said."""
        return (self.form.period + self.form.grace).total_seconds()

    def worth(self, act: Act) -> float:
        """What a report counts for."""
        return self.trial.worth(self.form.what, act, self.form.by)

    def of(self, team: str, reports: Sequence[Act]) -> Obligation:
        """What one team made of it."""
        span_s = round(self.to_s - self.from_s, 6)
        about = {"event": self.form.what, "team": team or "anybody", "span": show_duration(span_s),
                 "limit": show_duration(self.period_s), "n": str(len(reports))}  # fmt: skip
        last_s = reports[-1].t_s if reports else self.from_s
        due_s = round(last_s + self.period_s, 6)
        now = Status.SATISFIED if self.over else self.trial.waiting(last_s, due_s)
        if span_s <= self.period_s:
            pattern = (
                "it was over after {span}, before any {event} was due" if self.over else "{event} by {team} is due"
            )
            return Obligation(status=Status.NOT_APPLICABLE if self.over else now, because=Sentence.of(pattern, **about),
                              since_s=last_s, due_s=due_s)  # fmt: skip
        if not reports and (unheard := self.trial.unheard(self.form.what)):
            return unheard
        if not reports:
            because = Sentence.of("no {event} by {team} that counts in {span}; limit {limit}", **about)
            return Obligation(status=Status.VIOLATED, because=because, credit=0.0, since_s=last_s, due_s=due_s)
        gap_s = round(max(b - a for a, b in pairwise([self.from_s, *(one.t_s for one in reports), self.to_s])), 6)
        about["gap"] = show_duration(gap_s, beside=self.period_s)
        because = Sentence.of("{n} times {event} by {team}, at most {gap} apart; limit {limit}", **about)
        worst = max(reports, key=lambda one: tuple(Trust).index(one.trust))
        shown = self.trial.shown(self.form.what, worst, (one.seq for one in reports[:_PROOFS]))
        return Obligation(status=now if gap_s <= self.period_s else Status.VIOLATED, because=because, since_s=last_s,
                          due_s=due_s, done_s=last_s, credit=self._covered(reports), **shown)  # fmt: skip

    def _covered(self, reports: Sequence[Act]) -> float:
        """The share of the time that is covered. Weaker evidence covers as much, for what it is worth, where no better does."""
        by_worth: dict[float, list[float]] = {}
        for act in reports:
            by_worth.setdefault(self.worth(act), []).append(act.t_s)
        credit, times = 0.0, list[float]()
        levels = sorted(by_worth, reverse=True)
        for level, lower in zip(levels, [*levels[1:], 0.0], strict=True):
            times = sorted((*times, *by_worth[level]))
            gaps = (b - a for a, b in pairwise([self.from_s, *times, self.to_s]))
            uncovered_s = sum(max(0.0, gap - self.period_s) for gap in gaps)
            credit += (level - lower) * max(0.0, 1 - uncovered_s / (self.to_s - self.from_s - self.period_s))
        return credit


def _counting(form: Every, reports: Iterable[Act]) -> Iterator[Act]:
    """Those that say what they must, and that nobody has said so already."""
    said: set[str] = set()
    pieces: list[Mapping[str, int]] = []
    for act in reports:
        if not all(expression.search(act.text) for expression in form.require.values()):
            continue
        if form.dedupe is not None:
            plain = _plain(act.text)
            mine = _pieces(plain)
            if plain in said or any(_likeness(mine, other) >= form.dedupe for other in pieces[-_COMPARED:]):
                continue
            said.add(plain)
            pieces.append(mine)
        yield act


def _plain(text: str) -> str:
    """A text without what costs nothing to vary: case, figures, blanks and marks."""
    return "".join(char for char in text.casefold() if char.isalpha())


def _pieces(text: str) -> Mapping[str, int]:
    """How often each two neighbouring characters stand in a text; of one character, itself."""
    found: dict[str, int] = {}
    for place in range(max(1, len(text) - 1)):
        piece = text[place : place + 2]
        found[piece] = found.get(piece, 0) + 1
    return found


def _likeness(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """The share of their pieces that two texts have in common, 0 to 1."""
    few, many = sorted((one, other), key=len)
    shared = sum(min(count, many.get(piece, 0)) for piece, count in few.items())
    return 2 * shared / (sum(one.values()) + sum(other.values()))
