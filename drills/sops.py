"""Reads SOP files, with every mistake at once, and gives them to the checks that judge by them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from checks import ProbeName
from checks.sop.acts import KINDS
from checks.sop.book import (
    FORMS,
    SEARCHED,
    AnchorName,
    Book,
    Do,
    EventName,
    EventSeen,
    Every,
    Head,
    RoleName,
    Rule,
    RuleSettings,
    StateName,
    reads_words,
    split_anchor,
)
from checks.sop.check import Sop
from checks.sop.roles import HANDED_OVER
from drills import source
from drills.binding import Binding, Reference
from drills.drill import CheckUse, Drill
from drills.errors import DrillError, Problem, choices
from drills.source import Items, Node, Scalar, Table

_SAID = frozenset({"title", "about", "note"})
"""Settings that are texts for people."""
_OF_THEMSELVES = frozenset({"incident.declared", "incident.resolved", "incident.severity", "page.acked", "role.taken"})
"""What everybody is expected to say in every incident, and can leave unsaid."""
_EXAMPLE = "  - {id: triage, level: must, do: severity_set, of: page.delivered, within: 5m}"


def read(
    path: Path, *, probes: Iterable[str] | None = None, shown_as: str | None = None, written: bool = False
) -> Book:
    """Read a SOP. Raises DrillError with all mistakes; `probes` are those that its states may name, None any.

    While it is being `written` it is a mistake, too, what a run would judge by all the same: that people could leave out
    what a rule counts from, and be asked nothing.
    """
    binding = Binding()
    book = bind(source.read(path, shown_as), binding, written=written)
    known = None if probes is None else [*probes]
    for reference in dict.fromkeys(binding.references):
        if reference.kind is ProbeName and known is not None and reference.name not in known:
            _unknown(binding, reference, "the drill has no probe", known, kind="probes", slug="unknown-probe")
    if book is None or binding.problems:
        raise DrillError(binding.problems)
    return book


def bind(node: Node, binding: Binding, *, written: bool = False) -> Book | None:
    """Make a SOP of a file's nodes; None when that cannot be done, and then there are problems."""
    if not isinstance(node, Table):
        binding.bind(Head, node, kind="SOP", alone=False)
        return None
    node = _with_commas(node)
    rest = Table(tuple(entry for entry in node.entries if entry[0].text not in ("events", "rules")), node.place)
    head = binding.bind(Head, rest, kind="SOP", alone=False, also=("events", "rules"))
    events = _events(node.get("events"), binding)
    rules = list(_rules(node.get("rules"), binding))
    _check_names(node, binding)
    if head is None:
        return None
    if not rules and not binding.problems:
        binding.problems.append(Problem(node.place, "a SOP without `rules` asks nothing of anybody", f"rules:\n{_EXAMPLE}",
                                        "missing-setting"))  # fmt: skip
    if written and not binding.problems:
        binding.problems += _left_open(rules, events)
    return Book(head=head, events=events, rules=tuple(rule for rule, _ in _told_apart(rules, events, binding)))


def attached(drill: Drill, file_of: Callable[[str, str], Path]) -> Drill:
    """The drill with the SOP of each check that judges by one. Raises DrillError with the mistakes of all of them.

    `file_of` says where one is, by its name in a run's directory (`sop`, `sop-2`) and as the drill has it.
    """
    problems: list[Problem] = []
    found: dict[str, CheckUse] = {}
    mine = [(use, use.check) for use in drill.checks if isinstance(use.check, Sop)]
    for number, (use, check) in enumerate(mine, 1):
        try:
            book = read(file_of(f"sop-{number}" if number > 1 else "sop", check.file), probes=drill.probes)
        except DrillError as error:
            problems += [one for one in error.problems if one not in problems]
            continue
        found[use.id] = replace(use, check=replace(check, book=book))
        for role in check.holds:
            if role not in book.head.roles:
                problems.append(Problem(drill.places["check", use.id], f"the SOP of `{use.id}` has no role `{role}`",
                                        choices(role, list(book.head.roles), "roles"), "unknown-role"))  # fmt: skip
    if problems:
        raise DrillError(problems)
    return replace(drill, checks=tuple(found.get(use.id, use) for use in drill.checks))


def roles_of(drill: Drill) -> tuple[str, ...]:
    """What people may hold by the SOPs of a drill; empty when it has none, or they know no roles."""
    books = [use.check.book for use in drill.checks if isinstance(use.check, Sop) and use.check.book]
    return tuple(dict.fromkeys(role for book in books for role in book.head.roles))


def _with_commas(node: Table) -> Table:
    """The same, and of `{en: Overload, with a comma}` the text whole, of which YAML makes a setting more."""
    return node._replace(entries=tuple((key, _whole(key.text, value)) for key, value in node.entries))


def _whole(name: str, node: Node) -> Node:
    match node:
        case Table() if name in _SAID:
            entries: list[tuple[Scalar, Node]] = []
            for key, value in node.entries:
                before, said = entries[-1] if entries else (key, value)
                if entries and isinstance(said, Scalar) and value == Scalar("", value.place, False):
                    entries[-1] = before, said._replace(text=f"{said.text}, {key.text}")
                else:
                    entries.append((key, value))
            return node._replace(entries=tuple(entries))
        case Table():
            return _with_commas(node)
        case Items():
            return node._replace(items=tuple(_whole("", one) for one in node.items))
        case _:
            return node


# --- events


def _events(node: Node | None, binding: Binding) -> Mapping[str, EventSeen]:
    if node is None:
        return {}
    if not isinstance(node, Table):
        binding.problems.append(Problem(node.place, "`events` must be a table of names",
                                        "events:\n  update: {any_of: [{kind: chat, tag: update}]}", "wrong-shape"))  # fmt: skip
        return {}
    found = {name.text: binding.bind(EventSeen, _with_patterns(value), kind=name.text) for name, value in node.entries}
    return {name: event for name, event in found.items() if event}


def _with_patterns(node: Node) -> Node:
    """An event whose patterns are as their model is: what is to be equal apart from what is to be found."""
    match node:
        case Table() if node.get("kind") and not node.get("any_of"):
            return Items((_pattern(node),), node.place)
        case Table():
            return node._replace(entries=tuple(
                (key, _all_patterns(value) if key.text == "any_of" else value) for key, value in node.entries
            ))  # fmt: skip
        case _:
            return _all_patterns(node)


def _all_patterns(node: Node) -> Node:
    if isinstance(node, Items):
        return node._replace(items=tuple(_pattern(one) for one in node.items))
    return _pattern(node)


def _pattern(node: Node) -> Node:
    if not isinstance(node, Table):
        return node
    own = tuple(entry for entry in node.entries if entry[0].text == "kind")
    searched = tuple(entry for entry in node.entries if entry[0].text.endswith(SEARCHED))
    equal = tuple(entry for entry in node.entries if entry not in (*own, *searched))
    parts = (("texts", equal), ("expressions", searched))
    tables = tuple((Scalar(name, node.place, False), Table(entries, node.place)) for name, entries in parts if entries)
    return Table((*own, *tables), node.place)


# --- rules


def _rules(node: Node | None, binding: Binding) -> Iterator[tuple[Rule, Table]]:
    listed = node.items if isinstance(node, Items) else ()
    if node is not None and not isinstance(node, Items):
        binding.problems.append(Problem(node.place, "`rules` must be a list", f"rules:\n{_EXAMPLE}", "wrong-shape"))
    for entry in listed:
        named = [value for key, value in entry.entries if key.text in FORMS] if isinstance(entry, Table) else []
        flat = len(named) == 1 and not isinstance(named[0], Table)
        bound = binding.bind_entry(entry, FORMS, RuleSettings, what="rule", flat=flat)
        if bound and isinstance(entry, Table):
            yield Rule(form=bound[0], settings=bound[1]), entry


def _told_apart(
    rules: Iterable[tuple[Rule, Table]], events: Mapping[str, EventSeen], binding: Binding
) -> Iterator[tuple[Rule, Table]]:
    """The rules, with a problem for each that has the id of another, and for each gate that would rest on words."""
    taken: set[str] = set()
    for rule, entry in rules:
        places = {key.text: value.place for key, value in entry.entries}
        if rule.id in taken:
            binding.problems.append(Problem(places["id"], f"there are two rules with the id `{rule.id}`",
                                            "give one of them another id", "duplicate-id"))  # fmt: skip
        taken.add(rule.id)
        if rule.settings.gate and reads_words(rule, events):
            binding.problems.append(Problem(places["gate"], f"the gate of `{rule.id}` rests on words, which may mean anything",
                                            "let it rest on acts or observations without `text_re`, or take the gate away",
                                            "gate-on-words"))  # fmt: skip
        yield rule, entry


def _left_open(rules: Iterable[tuple[Rule, Table]], events: Mapping[str, EventSeen]) -> Iterator[Problem]:
    """A problem for each duty that counts from nothing but what people say of themselves: who says nothing has none."""
    for rule, entry in rules:
        anchors = rule.form.of if isinstance(rule.form, Do) else rule.form.from_ if isinstance(rule.form, Every) else ()
        names = [split_anchor(anchor)[0] for anchor in anchors]
        kinds = {kind.strip() for name in names for kind in _kinds_of(name, events)}
        if kinds and kinds <= _OF_THEMSELVES:
            places = {key.text: value.place for key, value in entry.entries}
            yield Problem(places.get("of") or places[rule.form.name], f"`{rule.id}` counts from {' or '.join(names)} alone, "
                          "so who leaves that out is asked nothing",
                          f"add what comes anyhow: [{names[0]}, page.delivered+5m]", "no-fall-back")  # fmt: skip


def _kinds_of(name: str, events: Mapping[str, EventSeen]) -> Iterator[str]:
    if name not in events:
        yield name
    else:
        for pattern in events[name].any_of:
            yield from pattern.kind.split("|")


# --- names


def _check_names(node: Table, binding: Binding) -> None:
    """Every event, role and state that is named is there; also one with a mistake in it, which is told already."""
    named = {
        what: part.keys() if isinstance(part := node.get(what), Table) else () for what in ("events", "roles", "states")
    }
    events = [*named["events"], *KINDS, *(f"{role.lower()}{HANDED_OVER}" for role in named["roles"])]
    events += [kind.text for kind in _kinds(node.get("events"))]
    for reference in dict.fromkeys(binding.references):
        if reference.kind in (EventName, AnchorName):
            _check_event(reference, events, binding)
        elif reference.kind is RoleName and reference.name not in named["roles"]:
            _unknown(binding, reference, "the SOP has no role", named["roles"], kind="roles", slug="unknown-role")
        elif reference.kind is StateName and reference.name not in named["states"]:
            _unknown(binding, reference, "the SOP has no state", named["states"], kind="states", slug="unknown-state")


def _check_event(reference: Reference, known: list[str], binding: Binding) -> None:
    name = reference.name
    if reference.kind is AnchorName:
        try:
            name, _ = split_anchor(name)
        except ValueError as expected:
            binding.problems.append(Problem(reference.place, f"`{reference.name}` does not say how much later",
                                            f"write {expected}, as in page.delivered+5m", "bad-duration"))  # fmt: skip
            return
    if name not in known:
        _unknown(binding, reference._replace(name=name), "there is no event", list(dict.fromkeys(known)), kind="events",
                 slug="unknown-event")  # fmt: skip


def _unknown(binding: Binding, reference: Reference, what: str, known: Iterable[str], *, kind: str, slug: str) -> None:
    binding.problems.append(Problem(reference.place, f"{what} `{reference.name}`",
                                    choices(reference.name, list(known), kind), slug))  # fmt: skip


def _kinds(node: Node | None) -> Iterator[Scalar]:
    """Every kind of act that a pattern names."""
    match node:
        case Table():
            for key, value in node.entries:
                if key.text == "kind" and isinstance(value, Scalar):
                    yield value
                else:
                    yield from _kinds(value)
        case Items():
            for one in node.items:
                yield from _kinds(one)
