"""An obligation: one live instance of a rule, and how it stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from checks.check import Sentence
from checks.evidence import Trust
from checks.sop.acts import Act
from checks.sop.book import Rule
from checks.sop.log import Log, Since
from checks.units import show_duration

_AT_RISK = 0.8
"""The share of its time after which something that has not been done is at risk."""


class Status(StrEnum):
    """How an obligation, or a rule, stands; the first of these that any of a rule's obligations has is the rule's."""

    VIOLATED = "violated"
    AT_RISK = "at risk"
    PENDING = "pending"
    SATISFIED = "satisfied"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Something that somebody had to do, or to leave be."""

    status: Status
    because: Sentence
    credit: float | None = None
    """0 to 1; None when nothing can be said of it, or not yet."""
    since_s: float | None = None
    """From when its time counts."""
    due_s: float | None = None
    """Until when it must be done."""
    done_s: float | None = None
    """When it was done."""
    trust: Trust | None = None
    """Of the evidence that decided."""
    proof: tuple[int, ...] = ()
    matched: str = ""
    """The words that decided, where it was words."""
    remarks: tuple[str, ...] = ()
    """`unsubstantiated`, `clock off`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule before what happened."""

    rule: Rule
    log: Log

    def worth(self, name: str, act: Act, by: Iterable[str] = ()) -> float:
        """What an act counts for as this event: nothing where it was the drill's, or what was observed says otherwise."""
        if act.by_drill or self.log.contradicted(name, act):
            return 0.0
        return self.log.worth(act, by, self.rule.settings.min_trust)

    def remarks(self, name: str, act: Act) -> tuple[str, ...]:
        """What one must know of the evidence that an act is."""
        weak = not self.log.worth(act, least=self.rule.settings.min_trust)
        found = {"unsubstantiated": weak or self.log.contradicted(name, act), "clock off": act.clock_off}
        return tuple(remark for remark, holds in found.items() if holds)

    def shown(self, name: str, act: Act, also: Iterable[int] = ()) -> dict[str, Any]:
        """What shows this event, for the obligation that it decides."""
        return {"trust": act.trust, "proof": tuple(sorted({act.seq, *also})), "remarks": self.remarks(name, act),
                "matched": self.log.words(name, act)}  # fmt: skip

    def unfit(self, name: str, act: Act, by: Sequence[str]) -> Sentence:
        """Why an act does not count as this event."""
        if act.by_drill:
            return Sentence.of("{event} came only after the drill had begun to heal", event=name)
        about = {"event": name, "who": self.log.who(act)}
        if "unsubstantiated" in self.remarks(name, act):
            return Sentence.of(
                "{event} is {trust} only, by {who}, and nothing better shows it", trust=act.trust, **about
            )
        return Sentence.of("{event} by {who}, and it takes {roles}", roles=" / ".join(by), **about)

    def waiting(self, since_s: float, due_s: float | None) -> Status:
        """How something stands that is still to be done."""
        late = due_s is not None and self.log.now_s >= since_s + _AT_RISK * (due_s - since_s)
        return Status.AT_RISK if late else Status.PENDING

    def not_begun(self, since: Since) -> Obligation:
        """What can be said while the moment that time counts from has not come."""
        if not self.log.ended:
            return Obligation(status=Status.PENDING, because=Sentence.of("{event} has not come yet", event=since.name))
        if since.unheard:
            return _unheard(since.name, since.unheard)
        because = Sentence.of("there was no {event}", event=since.name)
        return Obligation(status=Status.NOT_APPLICABLE, because=because)

    def never_asked(self, name: str) -> Obligation:
        """Nothing happened that the rule speaks of."""
        because = Sentence.of("there was no {event}", event=name)
        return self.unheard(name) or Obligation(status=Status.NOT_APPLICABLE, because=because)

    def unheard(self, name: str) -> Obligation | None:
        """Unknown, when this event was not seen and nobody could have seen it as the rule wants it seen."""
        why = self.log.unheard(name, self.rule.settings.min_trust)
        return _unheard(name, why) if why else None

    def deaf(self, name: str, observer: str) -> Obligation | None:
        """Unknown, when this observer saw the event before the fault and could not be heard when it counted."""
        return _unheard(name, f"{observer} could not be heard") if observer else None

    def ended_before(self, name: str, due_s: float, **shown: Any) -> Obligation:
        """Nobody can say what would have become of it; unless somebody said that all is over, and it was not."""
        left = show_duration(due_s - self.log.now_s)
        because = Sentence.of("the drill ended {left} before {event} was due", left=left, event=name)
        if not self.log.given_up:
            return Obligation(status=Status.UNKNOWN, because=because, due_s=due_s, **shown)
        because = Sentence(f"{because.pattern}; it was said to be over, and was not", because.values)
        return Obligation(status=Status.VIOLATED, credit=0.0, because=because, due_s=due_s, **shown)


def _unheard(name: str, why: str) -> Obligation:
    because = Sentence.of("nobody can say whether there was {event}: {why}", event=name, why=why)
    return Obligation(status=Status.UNKNOWN, because=because)
