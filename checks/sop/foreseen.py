"""What can be said of a SOP before anything is broken: whether those can be heard who are to see what its rules speak of."""

from collections.abc import Iterator

from checks.check import Foreseen
from checks.evidence import Evidence
from checks.foreseen import choice, foreseen, is_live
from checks.sop.book import Book

_OF_A_CLUSTER = "k8s.write"


def foresee(book: Book, evidence: Evidence) -> tuple[Foreseen, ...]:
    """That an observer is deaf, or is not there at all, on whom rules rest."""
    return tuple(_foresee(book, evidence)) if is_live(evidence) else ()


def _foresee(book: Book, evidence: Evidence) -> Iterator[Foreseen]:
    opened = {str(event.data.get("observer")): event for event in evidence.of("observer.opened")}
    lost = {str(event.data.get("observer")): event for event in evidence.of("observer.lost")}
    back = {str(event.data.get("observer")): event for event in evidence.of("observer.back")}
    wanted = dict.fromkeys(_observers(book))
    if _OF_A_CLUSTER in {pattern.kind for event in book.events.values() for pattern in event.any_of}:
        wanted |= dict.fromkeys(name for name, event in lost.items() if event.data.get("kind") == "kubernetes")
    for name in wanted:
        if name in lost and not (name in back and back[name].seq > lost[name].seq):
            yield foreseen("wrong", "{observer} cannot be heard: {why}", "see that it runs, and that the inventory says where",
                           observer=name, why=lost[name].data["why"], proof=(lost[name].seq,))  # fmt: skip
    for name in {one.observer: None for one in book.head.states.values() if one.observer}:
        if name not in opened and name not in lost:
            cure, known = choice(name, opened)
            yield foreseen("doubtful", "no observer is called {observer}", cure, observer=name, **known)


def _observers(book: Book) -> Iterator[str]:
    """Those that the SOP names."""
    for state in book.head.states.values():
        if state.observer:
            yield state.observer
    for event in book.events.values():
        for pattern in event.any_of:
            if pattern.kind == "observe":
                yield from (one.strip() for one in pattern.texts.get("probe", "").split("|") if one.strip())
