"""What a review must hold: held in time and blameless, a cause, lessons, action items that will be done, and a place to stay.

Each rule says what is still open, where in the file, and how to mend it. What cannot be mended any more, such as that it
was late, and what only somebody who reads can tell, is a remark, and keeps no review from being complete.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote

from drills.errors import Place, Problem, choices
from drills.review_file import ReviewFile, Section, Written, is_written, place_of, says
from reports.review import NO_PERSONS, Finding, speaks_of

_IN_DAYS = {"P0": 3, "SEV1": 3}
_IN_WORKING_DAYS = {"P1": 5, "SEV2": 5}
_SATURDAY = 5
_KEPT_IN = timedelta(days=7)
_WHYS = 3
_GRAVE = {*_IN_DAYS, *_IN_WORKING_DAYS}
"""For these the third line organises the review."""
_THIRD_LINE = re.compile(r"L3(?![0-9A-Za-z]).*|三线.*", re.IGNORECASE)
_LINK = re.compile(r"drills run \S.*|\S*[/.:]\S+.*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_CLAUSE = re.compile(r"(?:[^.;:,!?。；：，！？、]|[.:,](?!\s|$))+")
"""A dot within a word, as in `li.lei`, ends nothing."""
_BLOCK = re.compile(r"\s*(?:$|[-*+>|#]|\d+[.)、．）])")
"""A line that is no continuation of the one before."""
_BLAMES = re.compile(
    r"whose fault|fault of|'s fault|\bto blame\b|\bblame\b|careless|negligen|incompeten|human error|stupid|screwed up"
    r"|谁干的|谁搞的|谁弄的|谁的错|谁的锅|责任人|甩锅|背锅|追责|粗心|疏忽|大意|人为失误|低级错误|不负责|不专业",
    re.IGNORECASE,
)
"""Words that look for somebody, and not for a cause."""
_FAULTS = re.compile(
    rf"{_BLAMES.pattern}|\bforgot|\bfailed to\b|should(?: not|n't)? have|\bmistake|\bmessed up|\bbroke\b|\bwrongly\b"
    r"|忘了|忘记|没有按|不小心|失误|误操作|搞错|弄错|本应|应该早|害得",
    re.IGNORECASE,
)
"""With a name in the same clause these hold somebody to be at fault; without one they may say what a system did."""
_PROSE = ("summary", "well", "findings", "sense", "whys", "prevent", "faster")
"""What people write; timeline and tables are evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """By what a review is judged."""

    run: str
    findings: Sequence[Finding]
    names: frozenset[str]
    """Who took part in the run."""
    today: date
    severity: str = ""
    """Of the run, as a draft would have it; empty when nobody knows."""


@dataclass(slots=True)
class Judged:
    """What is open, and what else is to be said."""

    open: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def judge(review: ReviewFile, asked: Asked) -> Judged:
    """Hold a review against all rules."""
    found = Judged()
    if review.head.run is not None and review.head.run != asked.run:
        found.open.append(_at(review, "run", f"this is the review of another run, `{review.head.run}`",
                              f"the run is {asked.run}", "review-form"))  # fmt: skip
    for rule in (_held, _blameless, _cause, _lessons, _concrete, _proven, _kept, _organised):
        found.open += rule(review, asked, found.remarks)
    refused = {problem.place.line for problem in review.problems if problem.slug != "unknown-setting"}
    found.open = [one for one in found.open if one.place.line not in refused]  # what is wrong there is told already
    return found


def due_by(severity: str | None, over: date) -> date | None:
    """The last day for the review; None when there is none. Working days are Monday to Friday, whatever is a holiday."""
    if severity in _IN_DAYS:
        return over + timedelta(days=_IN_DAYS[severity])
    if severity not in _IN_WORKING_DAYS:
        return None
    day, left = over, _IN_WORKING_DAYS[severity]
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY
    return day


# --- the rules


def _held(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """In time, for what was grave."""
    head = review.head
    for name in ("severity", "over"):
        if getattr(head, name) is None:
            yield _at(
                review, name, f"`{name}` is not set", "write what the draft had, or what is right", "not-reviewed"
            )
    if head.severity and asked.severity and head.severity != asked.severity:
        remarks.append(f"the run was graded {asked.severity}, and its review {head.severity}")
    last = due_by(head.severity, head.over.day) if head.over else None
    if last is None or head.over is None:
        return
    held = head.held.day if head.held else None
    if held is None or held > asked.today:
        when = "was due" if asked.today > last else "is due"
        yield _at(review, "held", f"the review has not been held; for {head.severity} it {when} by {last}",
                  "hold it, and write its day: held: " + str(last), "not-reviewed")  # fmt: skip
    elif held < head.over.day:
        yield _at(review, "held", f"the review was held before it was over, on {head.over}", "write the right day",
                  "not-reviewed")  # fmt: skip
    elif held > last:
        remarks.append(f"the review was held {_days(held - last)} late: for {head.severity} it was due by {last}")


def _blameless(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """No person in a clause that finds fault."""
    names = asked.names - NO_PERSONS
    spoken_of = speaks_of(*names) if names else None
    for one in _said(review):
        for clause in _CLAUSE.finditer(one.text):
            word = _FAULTS.search(clause[0])
            name = spoken_of.search(clause[0]) if spoken_of and word else None
            if word and name:
                place = one.place(clause.start(), clause.end(), clause.start() + name.start())
                yield Problem(place, f"this holds `{name[0]}` to be at fault: `{word[0]}`",
                              "say what made it possible, and name the role, if anybody", "names-blame")  # fmt: skip
            elif blame := _BLAMES.search(clause[0]):
                line = one.place(clause.start(), clause.end(), clause.start() + blame.start()).line
                remarks.append(f"{review.file}:{line}: `{blame[0]}` looks for somebody, and not for a cause")


def _cause(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """Three whys, and what kind of cause it was."""
    section = review.sections.get("whys")
    if section and (count := len(section.points)) < _WHYS:
        yield Problem(section.heading, f"{count} of at least {_WHYS} whys are answered",
                      "go on asking until something can be changed: 1. …, 2. …, 3. …", "no-cause")  # fmt: skip
    if review.head.class_ is None:
        yield _at(review, "class", "what was behind it is not said",
                  "class: code, config, capacity or external", "no-cause")  # fmt: skip


def _lessons(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """How to prevent it, and how to find it faster."""
    for key, what in (
        ("prevent", "how it could have been prevented"),
        ("faster", "how it could have been found faster"),
    ):
        section = review.sections.get(key)
        if section and not any(says(line.text) for line in section.lines):
            yield Problem(section.heading, f"{what} is not said", "answer in a sentence; `nothing` with its reason is "
                          "an answer, too", "no-lesson")  # fmt: skip


def _concrete(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """Each item says what, who, until when; and what is missing among the monitors is one."""
    known = [one.id for one in asked.findings]
    section = review.sections.get("items")
    if section and not review.items and any(one.known for one in asked.findings):
        yield Problem(section.heading, f"there are {len(known)} findings and no action item",
                      "write what will be done: - what: …", "vague-item")  # fmt: skip
    for number, written in enumerate(review.items, 1):
        lacking = [name for name in ("what", "owner", "due", "term") if not _is_said(written, name)]
        if lacking:
            yield Problem(written.place(lacking[0]), f"action item {number} has no {', no '.join(lacking)}",
                          "owner: who sees to it, due: 2026-12-05, term: short, mid or long; or strike the item out",
                          "vague-item")  # fmt: skip
        if written.item.finding and written.item.finding not in known:
            yield Problem(written.place("finding"), f"the run has no finding `{written.item.finding}`",
                          choices(written.item.finding, known, "findings"), "vague-item")  # fmt: skip
    answered = {written.item.finding for written in review.items}
    for one in asked.findings:
        if one.monitor and one.known and one.id not in answered and section:
            yield Problem(section.heading, f"`{one.id}` is about a monitor, and no action item mends it",
                          f"write one with `finding: {one.id}`", "vague-item")  # fmt: skip


def _proven(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """Each item has a test or a drill that will show it, and is closed when it is due."""
    for number, written in enumerate(review.items, 1):
        item = written.item
        if not item.verified_by or not says(item.verified_by) or not _LINK.fullmatch(item.verified_by):
            yield Problem(written.place("verified_by"), f"nothing will show that action item {number} is done",
                          "verified_by: a link to a test, or drills run FILE", "unproven-item")  # fmt: skip
        if item.closed and item.closed.day > asked.today:
            yield Problem(written.place("closed"), f"action item {number} is closed on a day to come, {item.closed}",
                          "write the day on which it was done", "unproven-item")  # fmt: skip
        elif item.closed and review.head.over and item.closed.day < review.head.over.day:
            yield Problem(written.place("closed"), f"action item {number} was closed on {item.closed}, before it was over",
                          "write the day on which it was done", "unproven-item")  # fmt: skip
        elif item.due and not item.closed and item.due.day < asked.today:
            yield Problem(written.place("due"), f"action item {number} was due on {item.due} and is not closed",
                          "do it and write `closed: DAY`, or agree on another day", "unproven-item")  # fmt: skip
        elif item.due and item.closed and item.closed.day > item.due.day:
            remarks.append(f"action item {number} was closed {_days(item.closed.day - item.due.day)} late")


def _kept(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """Where the next one on call finds it: in a page that the alert's runbook links to."""
    head = review.head
    last = f"; it is due by {head.over.day + _KEPT_IN}" if head.over else ""
    if not head.knowledge:
        yield _at(review, "knowledge", f"no page keeps what was learnt{last}", "knowledge: a link, or a path from here",
                  "not-kept")  # fmt: skip
    if not head.runbook:
        yield _at(review, "runbook", "no alert of this run led to a runbook, and none is named",
                  "runbook: the page that links it; give the alert an annotation `runbook_url`", "not-kept")  # fmt: skip
    if head.knowledge and head.runbook:
        yield from _linked(review, head.knowledge, head.runbook, remarks)


def _linked(review: ReviewFile, knowledge: str, runbook: str, remarks: list[str]) -> Iterator[Problem]:
    """Files are looked into; of what lies elsewhere nobody looked."""
    gone = [name for name, link in (("knowledge", knowledge), ("runbook", runbook))
            if not _URL.match(link) and _text(review.folder / link.partition("#")[0]) is None]  # fmt: skip
    for name in gone:
        yield _at(review, name, f"there is no such file beside the review that can be read: {getattr(review.head, name)}",
                  "write a path from the review's folder, or a whole link", "not-kept")  # fmt: skip
    if _URL.match(runbook):
        remarks.append(f"nobody looked whether {runbook} leads to {knowledge}")
    elif not gone and not _leads(_text(review.folder / runbook.partition("#")[0]) or "", knowledge):
        yield _at(review, "runbook", f"{runbook} does not lead to {knowledge}", "link it there", "not-kept")


def _leads(text: str, link: str) -> bool:
    """Whether a page has a link in it: to a whole address, or to a file of this name."""
    page = link.partition("#")[0].rstrip("/")
    wanted = page.partition("://")[2] or page.rpartition("/")[2]
    return bool(wanted) and any(
        re.search(rf"(?<![\w.-]){re.escape(unquote(wanted))}(?![\w-])", one) for one in (text, unquote(text))
    )


def _text(path: Path) -> str | None:
    """What a file holds; None when there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None


def _organised(review: ReviewFile, asked: Asked, remarks: list[str]) -> Iterator[Problem]:
    """By the third line, for what was grave."""
    head = review.head
    if head.severity in _GRAVE and not _THIRD_LINE.fullmatch((head.organised_by or "").strip()):
        who = f"`{head.organised_by}`" if head.organised_by else "nobody"
        yield _at(review, "organised_by", f"a review of {head.severity} is organised by L3, and this one by {who}",
                  "organised_by: L3", "wrong-organiser")  # fmt: skip


# --- what they stand on


def _is_said(written: Written, name: str) -> bool:
    """Whether an item has this setting, right or wrong, and not just something in its place."""
    value = getattr(written.item, name)
    return is_written(written.node, name) and (not isinstance(value, str) or says(value))


def _at(review: ReviewFile, name: str, what: str, fix: str, slug: str) -> Problem:
    return Problem(place_of(review.front, name), what, fix, slug)


@dataclass(frozen=True, slots=True)
class _Said:
    """A stretch of what people wrote: a paragraph or a point, with its lines, which are joined by a space."""

    lines: Sequence[Place]

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(line.text for line in self.lines)

    def place(self, start: int, end: int, at: int) -> Place:
        """Of a stretch of the text, the part that stands in the same line as this place in it."""
        began = 0
        for line in self.lines:
            stop = began + len(line.text)
            if at < stop:
                part = self.text[max(start, began) : min(end, stop)]
                column = max(start, began) - began + len(part) - len(part.lstrip())
                return line._replace(column=column + 1, width=max(1, len(part.strip())))
            began = stop + 1
        return self.lines[-1]


def _said(review: ReviewFile) -> Iterator[_Said]:
    """What people wrote: prose, and what the items say."""
    sections: list[Section] = [review.sections[key] for key in _PROSE if key in review.sections]
    for section in sections:
        yield from _paragraphs(section)
    for written in review.items:
        if what := written.item.what:
            place = written.place("what")
            yield _Said([place if what in place.text else place._replace(text=" ".join(what.split()))])


def _paragraphs(section: Section) -> Iterator[_Said]:
    """Its lines, those together that belong together."""
    together: list[Place] = []
    for line in section.lines:
        if together and _BLOCK.match(line.text):
            yield _Said(together)
            together = []
        if line.text.strip():
            together.append(line)
    if together:
        yield _Said(together)


def _days(span: timedelta) -> str:
    return f"{span.days} day{'' if span.days == 1 else 's'}"
