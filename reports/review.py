"""The review afterwards: a draft of it, as one Markdown file that people finish and keep. Pure.

It is blameless by construction: what the run shows is told of roles, never of persons, and what went well stands before
what did not. What only people can say (why it made sense, what is behind it, what will be done) is left open. Settings
that are checked stand in YAML, in front and under the action items; all else is prose.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from checks import Measured, Outcome, Seen, Sentence
from checks.incident import Incident, Span
from checks.units import show_count, show_duration
from reports.event_log import Happening
from reports.language import phrase, say, translate
from reports.markdown import plain, table
from reports.report import CheckResult, ProbeResult, Report
from reports.wording import summary_words

SECTIONS: Mapping[str, str] = {
    "summary": "Summary",
    "impact": "Impact",
    "times": "Where the time went",
    "timeline": "Timeline",
    "well": "What went well",
    "findings": "Findings",
    "sense": "Why it made sense at the time",
    "whys": "Five whys",
    "prevent": "How to prevent it",
    "faster": "How to find it faster",
    "items": "Action items",
}
"""The headings, by the names that those who read the file know them by; in Chinese they are translated."""
OPEN: Mapping[str, str] = {
    "sense": "What did people see and know when they decided, and why was it reasonable?",
    "whys": "Ask why at least three times, down to something that can be changed. Then set `class` at the top.",
    "prevent": "What would have kept it from happening?",
    "faster": "What would have shown it, or its cause, sooner?",
}
"""What people write themselves, and what about."""
_LINES_MAX = 200
_ANYBODY = frozenset({"somebody", "anybody"})
"""What stands in a sentence in place of a name."""
NO_PERSONS = frozenset({"admin", "root", "ubuntu", "user"})
"""Users of systems, who share a name with words that every review needs, such as a root cause."""
_CJK = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_LETTER = rf"[^\W{_CJK}]"
"""One by whose neighbourhood a word is another word. Chinese is written without spaces, so there it says nothing."""
_ITEMS_MAX = 12
_MONITORS = frozenset({"alert", "alerts"})
"""Checks whose failure means that a monitor is missing or wrong, which always becomes an action item."""
_SPANS: Mapping[str, str] = {
    "MTTI": "to see that it is an incident, and who acts",
    "MTTK": "to know enough to act",
    "MTTF": "to fix it",
    "MTTV": "to make sure that it is over",
    "total": "from the first failed look to the all-clear",
    "TTD": "from the first failed look to the alert",
    "TTD from fault": "from the fault to the alert",
    "TTN": "from the alert to the page",
    "TTA": "from the page to its acknowledgement",
    "TTE": "from the page to the first work on it",
    "TTM": "from the first failed look until it was contained",
    "TTR": "from the first failed look until the service was back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """All that a draft is made of."""

    report: Report
    incident: Incident
    happenings: Sequence[Happening]
    severity: str
    """As it was set last, or as the drill has it."""
    over_at: datetime
    """When it was said to be over, or else when the service was back, or the run ended."""
    runbooks: tuple[str, ...] = ()
    """That alerts of the run led to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was not as it should be."""

    id: str
    """`failover`, or `sop/announce` for a rule of a SOP."""
    title: str
    because: Sentence
    monitor: bool
    """Whether it is about a monitor, so that it must become an action item."""
    known: bool = True
    """False when nobody could say whether it was as it should be."""


def findings(report: Report) -> list[Finding]:
    """What was not as it should be, or could not be judged, in the order of the checks; each rule of a SOP by itself."""
    found: dict[str, Finding] = {}
    for one in report.checks:
        for finding in _findings(one):
            found.setdefault(finding.id, finding)
    return list(found.values())


def _findings(check: CheckResult) -> Iterator[Finding]:
    grave = [row for row in check.verdict.rows if row.status in ("violated", "unknown")]
    if check.outcome is not Outcome.PASSED and not grave:
        yield Finding(id=check.id, title=check.title, because=check.verdict.because, monitor=check.kind in _MONITORS,
                      known=check.outcome is Outcome.FAILED)  # fmt: skip
    for row in grave:
        yield Finding(id=f"{check.id}/{row.name}", title=f"{check.title}: {row.name}", because=row.because, monitor=False,
                      known=row.status == "violated")  # fmt: skip


def headings(key: str) -> tuple[str, ...]:
    """What a section may be headed with, in every language."""
    return SECTIONS[key], say(SECTIONS[key], "zh")


def draft(lived: Lived, language: str = "en") -> str:
    """The whole file."""
    report = lived.report
    page = _Page(lived, language)
    bodies = {
        "summary": page.summary(),
        "impact": page.impact(),
        "times": page.times(),
        "timeline": page.timeline(),
        "well": page.well(),
        "findings": page.findings(),
        **{key: f"<!-- {phrase(text, language)} -->" for key, text in OPEN.items()},
        "items": page.items(),
    }
    bodies["whys"] += "\n\n1. \n2. \n3. "
    title = phrase("Review: {title}", language, title=report.title.in_(language) or report.drill)
    parts = [page.front(), f"# {plain(title)}"]
    parts += [f"## {say(heading, language)}\n\n{bodies[key]}" for key, heading in SECTIONS.items()]
    return "\n\n".join(parts) + "\n"


class _Page:
    """Writes the sections of one draft."""

    def __init__(self, lived: Lived, language: str) -> None:
        self.lived, self.language = lived, language
        self.colon = "：" if language == "zh" else ": "
        self.people = People(lived.happenings, language)
        fault, impact = (lived.incident.milestones[name] for name in ("fault", "impact"))
        self.zero_s = fault.at_s if fault.at_s is not None else impact.at_s or 0.0

    def say(self, pattern: str, /, **values: object) -> str:
        """A sentence, as Markdown."""
        return plain(phrase(pattern, self.language, **values))

    def tell(self, sentence: Sentence) -> str:
        """A sentence of a check, with roles in it where it names persons."""
        return plain(translate(self.people.unnamed(sentence), self.language))

    def point(self, title: str, because: Sentence, *names: str) -> str:
        """What a check says, or a rule of it by its name, as a point of a list."""
        parts = [plain(say(title, self.language)), *map(plain, names), self.tell(because)]
        return f"- {self.colon.join(parts)}"

    def rel(self, t_s: float | None) -> str:
        """When it was, counted from the fault: `+3.2 s`."""
        if t_s is None:
            return ""
        shown = show_duration(round(t_s - self.zero_s, 6))
        return shown if shown.startswith("-") else f"+{shown}"

    # --- what the run shows

    def front(self) -> str:
        """The settings."""
        rows = [
            ("run", self.lived.report.run, "what this is about; leave it as it is"),
            ("severity", self.lived.severity, "P0 to P4, or SEV1 to SEV5"),
            (
                "over",
                self.lived.over_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "when it was over; days count from here",
            ),
            ("held", "", "the day of the review, as 2026-11-23"),
            ("organised_by", "", "the role that held it: L3"),
            ("class", "", "what was behind it: code, config, capacity or external"),
            ("runbook", self.lived.runbooks[0] if self.lived.runbooks else "", "where the alert leads"),
            ("knowledge", "", "the page that keeps this, linked from the runbook"),
        ]
        lines = [
            f"{f'{name}: {_yaml(value)}'.rstrip():<40} # {phrase(hint, self.language)}" for name, value, hint in rows
        ]
        return "\n".join(["---", *lines, "---"])

    def summary(self) -> str:
        """The answer, and how to read this page."""
        report = self.lived.report
        about = plain(self.people.nameless(" ".join(report.about.in_(self.language).split())))
        blameless = self.say(
            "This page asks how it came about and what will be changed. It speaks of roles, not of persons."
        )
        facts = [
            f"**{self.tell(report.headline)}**",
            plain(" · ".join([self.lived.severity, report.environment, *summary_words(report, self.language)])),
        ]
        return "\n\n".join(part for part in [f"> {blameless}", about, *facts] if part)

    def impact(self) -> str:
        """What users would have felt."""
        columns = [say(one, self.language) for one in ("Probe", "Failed looks", "First", "Last")]
        rows = [row for probe in self.lived.report.probes if (row := self._hurt(probe))]
        lost = [one for one in self.lived.report.checks if one.kind == "data_loss"]
        said = [self.point(one.title, one.verdict.because) for one in lost]
        return "\n\n".join([table(columns, rows) or self.say("No look of any probe failed."), *said])

    def _hurt(self, probe: ProbeResult) -> list[str]:
        began = [fault.acting_s for fault in self.lived.report.faults if fault.acting_s is not None]
        looks = probe.samples.between(min(began, default=0.0), self.lived.report.duration_s + 1)
        bad = looks.only(Seen.BAD)
        if not bad:
            return []
        count = phrase("{bad} of {looks}", self.language, bad=show_count(len(bad)), looks=show_count(len(looks)))
        return [plain(probe.name), plain(count), self.rel(bad[0].sent_s), self.rel(bad[-1].sent_s)]

    def times(self) -> str:
        """The four parts, which make up the whole, and the usual spans."""
        incident = self.lived.incident
        columns = [say(one, self.language) for one in ("Span", "Took", "From", "To", "What it is")]
        rows = [self._span(one) for one in (*incident.parts, incident.total, *map(incident.span, _spans_only()))]
        note = self.say("Times count from the moment at which the fault was seen in effect. "
                        "The four parts make up the whole; what was not measured says why.")  # fmt: skip
        return f"{note}\n\n{table(columns, rows)}"

    def _span(self, span: Span) -> list[str]:
        name = say(span.name, self.language)
        took = plain(_took(span.took)) if span.took else self._unmeasured(span)
        ends = (self.rel(span.from_s), self.rel(span.to_s)) if span.took else ("", "")
        return [f"**{plain(name)}**", took, *ends, self.say(_SPANS[span.name])]

    def _unmeasured(self, span: Span) -> str:
        why = self.tell(span.why_not) if span.why_not else ""
        return self.say("not measured") + (f"{self.colon}{why}" if why else "")

    def timeline(self) -> str:
        """What happened, one after the other."""
        told = [one for one in self.lived.happenings if one.said.pattern]
        columns = [say(one, self.language) for one in ("Since the fault", "UTC", "What happened", "Journal line")]
        rows = [[self.rel(one.t_s), one.at.strftime("%H:%M:%S.%f")[:-3], self._told(one), str(one.seq)]
                for one in told[:_LINES_MAX]]  # fmt: skip
        more = self.say("And {n} more; `drills export` has all of them.", n=len(told) - _LINES_MAX)
        return table(columns, rows) + (f"\n\n{more}" if len(told) > _LINES_MAX else "")

    def _told(self, one: Happening) -> str:
        values = {**self.people.unnamed(one.said).values, "who": self.people.who(one)}
        said = translate(Sentence(one.said.pattern, values), self.language).rstrip(":： ")
        marks = [str(one.trust)] if one.actor and one.trust != "attributed" else []
        marks += ["scripted"] if one.data.get("scripted") else []
        if not marks:
            return plain(said)
        marked = ("、" if self.language == "zh" else ", ").join(say(mark, self.language) for mark in marks)
        return self.say("{said} ({marks})", said=said, marks=marked)

    def well(self) -> str:
        """What was as it should be: first, since it is worth as much."""
        checks = self.lived.report.checks
        listed = [self.point(one.title, one.verdict.because) for one in checks if one.outcome is Outcome.PASSED]
        listed += [self.point(check.title, row.because, row.name)
                   for check in checks for row in check.verdict.rows if row.status == "satisfied"]  # fmt: skip
        return "\n".join(listed) or f"<!-- {phrase('What helped, by luck or by design?', self.language)} -->"

    def findings(self) -> str:
        """What was not, each with the name that an action item may give as `finding`."""
        lines = [self._finding(one) for one in findings(self.lived.report)]
        lines += [f"- {self.tell(one)}" for one in self.lived.report.findings]
        return "\n".join(lines) or self.say("None: all that was asked of this run was so.")

    def _finding(self, one: Finding) -> str:
        doubt = "" if one.known else f" ({say('unknown', self.language)})"
        return f"- `{one.id}`{doubt}{self.colon}{self.tell(one.because)}"

    # --- what people write

    def items(self) -> str:
        """One action item for each finding, to be filled in, merged or struck out."""
        hint = phrase("Each has an owner and a due date, and a test or another drill that will show that it is done. "
                        "A missing monitor always is one. What is done has its day under `closed`.", self.language)  # fmt: skip
        found = [one.id for one in findings(self.lived.report) if one.known][:_ITEMS_MAX]
        blocks = [_item(id_) for id_ in found] or ["# - what: …"]
        terms = phrase("term: short, mid or long; verified_by: a link to a test, or drills run FILE", self.language)
        return f"<!-- {hint} -->\n\n```yaml\n# {terms}\n" + "\n".join(blocks) + "\n```"


class People:
    """What everybody is called in a review: by role, else by a number."""

    def __init__(self, happenings: Iterable[Happening], language: str) -> None:
        self._language = language
        self._called: dict[str, str] = {}
        no_names = set[str](NO_PERSONS)
        for one in happenings:
            no_names |= {role.casefold() for role in (*one.roles, one.team) if role}
            if one.actor and (one.roles or one.actor not in self._called):
                numbered = phrase("responder {n}", language, n=len(self._called) + 1)
                known = self._called.get(one.actor)
                self._called[one.actor] = "/".join(one.roles) or known or numbered
        self.names = frozenset(name for name in self._called
                               if name.casefold() not in no_names and re.search(r"[^\W\d_]", name))  # fmt: skip
        """Who took part, but for those whose name is a figure, or a word for something else: a role, a team, a system's user."""
        self._by_spelling = {spelling: self._called[name] for name in self.names for spelling in spellings(name)}
        self._spoken_of = speaks_of(*self.names) if self.names else None

    def who(self, one: Happening) -> str:
        """Whoever did this, by the roles held then."""
        return "/".join(one.roles) or self._called.get(one.actor) or phrase("somebody", self._language)

    def unnamed(self, sentence: Sentence) -> Sentence:
        """The sentence, with what people are called here wherever it names a person."""
        return Sentence(sentence.pattern, {key: self._unnamed(value) for key, value in sentence.values.items()})

    def nameless(self, text: str) -> str:
        """A text, with what people are called here in place of their names."""
        if self._spoken_of is None:
            return text
        return self._spoken_of.sub(
            lambda match: self._by_spelling.get(match[0]) or self._by_spelling[match[0].removeprefix("@")], text
        )

    def _unnamed(self, value: str) -> str:
        return phrase(value, self._language) if value in _ANYBODY else self._called.get(value) or self.nameless(value)


def spellings(name: str) -> tuple[str, ...]:
    """How a name is written: as it is, and as people write what they log in by."""
    return tuple(dict.fromkeys([name, name[:1].upper() + name[1:], name.upper()]))


def speaks_of(*names: str) -> re.Pattern[str]:
    """Finds these names in a text, also behind an `@`, and no longer words or other people's addresses that hold them."""
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(_spoken(spelling) for name in longest_first for spelling in spellings(name)))


def _spoken(name: str) -> str:
    before = "" if re.match(f"[{_CJK}]", name) else rf"(?<!{_LETTER})(?<![.-])(?<!{_LETTER}@)"
    after = "" if re.search(f"[{_CJK}]$", name) else rf"(?!{_LETTER})(?![.-]{_LETTER})"
    return rf"{before}@?{re.escape(name)}{after}"


def _took(took: Measured) -> str:
    """The figure, by which the parts add up, and its bounds where they can be told apart."""
    value, low, high = map(show_duration, (took.value, took.low, took.high))
    return value if low == high else f"{value} ({low} … {high})"


def _spans_only() -> Iterator[str]:
    return (name for name in _SPANS if name.startswith("TT"))


def _item(finding: str) -> str:
    names = ("what", "owner", "due", "term", "verified_by", "closed")
    return "\n".join([f"- finding: {_yaml(finding)}", *(f"  {name}:" for name in names)])


def _yaml(text: str) -> str:
    """A text as YAML reads it, plain where that cannot be taken for anything else."""
    return (
        text
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./:-]*[A-Za-z0-9]|", text)
        else json.dumps(text, ensure_ascii=False)
    )
