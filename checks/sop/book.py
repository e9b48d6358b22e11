"""A SOP as it is written: roles, events with alternative evidence, states, and rules in seven forms. Settings only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, NewType

from checks.check import CountLimit, ProbeName, RatioLimit
from checks.evidence import Trust
from checks.ground import need_time
from checks.sop.expression import Expression
from checks.units import parse_duration

EventName = NewType("EventName", str)
"""A setting of this type names an event of the SOP, a kind of act, or a moment that the run knows by itself."""
AnchorName = NewType("AnchorName", str)
"""The same, and `+5m` after it for so much later."""
RoleName = NewType("RoleName", str)
"""A setting of this type names a role of the SOP."""
StateName = NewType("StateName", str)
"""A setting of this type names a state of the SOP."""
SEARCHED = "_re"
"""What a pattern's setting ends in that is an expression to be found, and no text to be equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A text for people, in one language or two."""

    en: Annotated[str, "In English"] = ""
    zh: Annotated[str, "In Chinese"] = ""


_UNSAID = Said()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliesTo:
    """What a SOP is for. It is for people to read, and decides nothing."""

    severity: Annotated[tuple[str, ...], "The severities it is for"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What somebody may hold during an incident. Several may hold it at a time, unless it is exclusive."""

    initial: Annotated[bool, "Held from the beginning by whoever is on call"] = False
    holds: Annotated[
        tuple[RoleName, ...], "Roles that come with it at the beginning, until somebody else takes them"
    ] = ()
    exclusive: Annotated[bool, "Who takes it takes it from whoever held it"] = False
    many: Annotated[bool, "Several are expected to hold it; for people to read"] = False
    group_by: Annotated[Literal["team"] | None, "They work in teams; for people to read"] = None
    decides: Annotated[bool, "For people to read; a rule with `first_by` says whose decision counts"] = False
    executes: Annotated[bool, "For people to read; a rule with `never` says who must keep their hands off"] = True

    def __post_init__(self) -> None:
        if self.exclusive and self.many:
            raise ValueError("many", "a role cannot be `exclusive` and held by `many`", "take one of the two away")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCaps:
    """The most that a rule can give, by how far its best evidence can be believed."""

    observed: Annotated[float, "The run itself measured it"] = 1.0
    attributed: Annotated[float, "A system recorded it, and says who did it"] = 1.0
    attested: Annotated[float, "Somebody else saw it"] = 0.8
    declared: Annotated[float, "Whoever did it says so"] = 0.3

    def __post_init__(self) -> None:
        before = 1.0
        for trust in Trust:
            value = getattr(self, trust)
            if not 0 <= value <= before:
                raise ValueError(str(trust), f"`{trust}` is {value:g}", "give figures from 1 to 0, none larger than the one of "
                                 "better evidence: " + ", ".join(Trust))  # fmt: skip
            before = value

    def of(self, trust: Trust) -> float:
        """What evidence of this kind is worth, 0 to 1."""
        value: float = getattr(self, trust)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One way in which an event shows: an act of this kind, whose data is like this."""

    kind: Annotated[str, "The kind of act: chat, cli, incident.declared, observe, …"]
    texts: Mapping[str, str] = field(default_factory=dict)
    """What its data must be, each as a whole; `|` stands between alternatives."""
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    """What must be found in its data, by the name of the data with `_re` after it."""

    def __post_init__(self) -> None:
        if not self.kind:
            raise ValueError("kind", "`kind` is empty", "name a kind of act, as {kind: chat, tag: update}")

    @property
    def reads_words(self) -> bool:
        """Whether it rests on what somebody wrote, which may mean anything."""
        return f"text{SEARCHED}" in self.expressions


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """A named event: it happened when one of its patterns fits an act."""

    any_of: Annotated[tuple[Pattern, ...], "Ways in which it shows, each enough by itself"]
    pre_authorised: Annotated[
        bool, "A standing order allows it: rules with `unless: {pre_authorised: true}` let it pass"
    ] = False
    note: Annotated[Said, "For the reader"] = _UNSAID

    def __post_init__(self) -> None:
        if not self.any_of:
            raise ValueError(
                "any_of", "an event that nothing shows can never happen", "any_of: [{kind: chat, tag: update}]"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Something that is so or not at any time: by a probe, by an object of a cluster, or by what somebody else answers."""

    prom: Annotated[str, "A query of Prometheus, true while it is so"] = ""
    probe: Annotated[ProbeName | None, "A probe of the drill, whose looks show it"] = None
    success: Annotated[RatioLimit | None, "It is so while the looks of the probe keep this, as `>= 99%`"] = None
    over: Annotated[timedelta, "Over how long `success` is reckoned"] = timedelta(seconds=10)
    traffic_floor: Annotated[
        float, "The share of the usual traffic below which it is not so: nobody served is no success"
    ] = 0.5
    observer: Annotated[str, "An observer of a Kubernetes cluster, which tells how the object stands"] = ""
    object: Annotated[str, "The object, by kind and name: deployment/shop"] = ""
    namespace: Annotated[str, "Where it is; left out, wherever the observer looks"] = ""
    ready: Annotated[
        CountLimit | None, "It is so while so many of it are ready, as `>= 3`; left out, as many as it wants"
    ] = None

    def __post_init__(self) -> None:
        if bool(self.prom) + bool(self.probe) + bool(self.observer) != 1:
            raise ValueError("probe" if self.probe else "", "a state has one source, `prom`, `probe` or `observer`",
                             'as in {probe: orders, success: ">= 99%"}')  # fmt: skip
        of_an_object = bool(self.object or self.namespace or self.ready)
        if of_an_object != bool(self.observer) or bool(self.object) != bool(self.observer):
            raise ValueError("observer" if self.observer else "", "`observer` and `object` need each other",
                             'as in {observer: cluster, object: deployment/shop, ready: ">= 3"}')  # fmt: skip
        if bool(self.probe) != bool(self.success):
            raise ValueError("success" if self.success else "probe", "`probe` and `success` need each other",
                             'as in {probe: orders, success: ">= 99%"}')  # fmt: skip
        need_time("over", self.over)
        if not 0 <= self.traffic_floor <= 1:
            raise ValueError(
                "traffic_floor", f"a share cannot be {self.traffic_floor:g}", "give a figure from 0 to 1, as 0.5"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unless:
    """What an act must be so that a rule lets it pass; all that is written here."""

    pre_authorised: Annotated[bool, "It is an event that the SOP marks `pre_authorised`"] = False
    tag: Annotated[str, "It has this tag"] = ""
    max_duration: Annotated[timedelta | None, "It says how long it lasts, and that is no longer"] = None

    def __post_init__(self) -> None:
        if not (self.pre_authorised or self.tag or self.max_duration):
            raise ValueError("", "`unless` says nothing", "as in {pre_authorised: true}")


# --- the seven forms


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """Something must happen in time."""

    name: ClassVar[str] = "do"

    event: Annotated[EventName, "What must happen"]
    of: Annotated[tuple[AnchorName, ...], "From when the time counts; of several, the first to come"]
    within: Annotated[timedelta, "How long it may take"]
    zero_at: Annotated[timedelta | None, "When it is too late for any credit; left out, twice `within`"] = None
    by: Annotated[tuple[RoleName, ...], "Who must do it: a holder of one of these roles; left out, anybody"] = ()

    def __post_init__(self) -> None:
        need_time("within", self.within)
        _need_any("of", self.of)
        if self.zero_at is not None and self.zero_at < self.within:
            raise ValueError("zero_at", "`zero_at` comes before `within` is over", "make it longer than `within`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Whenever one thing happens, another has happened before."""

    name: ClassVar[str] = "order"

    first: Annotated[EventName, "What must have happened"]
    then: Annotated[EventName, "Before this"]
    same: Annotated[tuple[str, ...], "What both must have in common, as change_id"] = ()
    within: Annotated[timedelta | None, "No longer before than this; left out, at any time since the fault"] = None
    first_by: Annotated[tuple[RoleName, ...], "Who must have done the first; left out, anybody"] = ()
    unless: Annotated[Unless | None, "What may happen without it"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """Whenever one thing happens, another follows."""

    name: ClassVar[str] = "after"

    when: Annotated[EventName, "After this; the time counts from when it began"]
    then: Annotated[EventName, "This must follow"]
    within: Annotated[timedelta | None, "How long that may take; left out, until the end of the drill"] = None
    same: Annotated[tuple[str, ...], "What both must have in common, as change_id"] = ()
    by: Annotated[tuple[RoleName, ...], "Who must do it; left out, anybody"] = ()
    unless: Annotated[Unless | None, "After what nothing need follow"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Something must happen again and again. What counts is the time that it covers, not how often it happened."""

    name: ClassVar[str] = "every"

    what: Annotated[EventName, "What must happen"]
    period: Annotated[timedelta, "How often, at the least"]
    grace: Annotated[timedelta, "How much longer it may take"] = timedelta(0)
    from_: Annotated[tuple[AnchorName, ...], "From when on; of several, the first to come"] = ()
    until: Annotated[tuple[AnchorName, ...], "Until when; left out, until the end of the drill"] = ()
    per: Annotated[Literal["team"] | None, "`team`: each of the SOP's `teams` must"] = None
    require: Annotated[Mapping[str, Expression], "What its text must say to count, by name"] = field(
        default_factory=dict
    )
    dedupe: Annotated[float | None, "How like an earlier text it may be and still count, from 0 to 1"] = None
    by: Annotated[tuple[RoleName, ...], "Who must do it; left out, anybody"] = ()

    def __post_init__(self) -> None:
        need_time("period", self.period)
        _need_any("from", self.from_)
        if self.dedupe is not None and not 0 < self.dedupe <= 1:
            raise ValueError("dedupe", f"a likeness cannot be {self.dedupe:g}", "give a figure from 0 to 1, as 0.9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """Something must not happen. To keep it earns nothing; to break it costs."""

    name: ClassVar[str] = "never"

    what: Annotated[EventName, "What must not happen"]
    from_: Annotated[tuple[AnchorName, ...], "From when on; left out, since the fault"] = ()
    after: Annotated[tuple[AnchorName, ...], "The same as `from`, where that reads better"] = ()
    until: Annotated[tuple[AnchorName, ...], "Until when; left out, until the end of the drill"] = ()
    by: Annotated[tuple[RoleName, ...], "Who must not do it; left out, anybody"] = ()
    unless: Annotated[Unless | None, "What may happen all the same"] = None
    more_than: Annotated[int, "How often it may happen; each time more costs"] = 0

    def __post_init__(self) -> None:
        if self.from_ and self.after:
            raise ValueError("after", "`after` and `from` say the same", "take one of the two away")
        if self.more_than < 0:
            raise ValueError(
                "more_than", f"nothing happens {self.more_than} times", "give how often it may happen, as 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Before something is said or done, a state has held for a while."""

    name: ClassVar[str] = "hold"

    state: Annotated[StateName, "What must have been so"]
    for_: Annotated[timedelta, "For how long"]
    before: Annotated[EventName, "Before this"]

    def __post_init__(self) -> None:
        need_time("for", self.for_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is said holds what one must know."""

    name: ClassVar[str] = "content"

    event: Annotated[EventName, "Whose text is read"]
    require: Annotated[Mapping[str, Expression], "What it must say, by name"]
    by: Annotated[tuple[RoleName, ...], "Whose texts are read; left out, anybody's"] = ()

    def __post_init__(self) -> None:
        if not self.require:
            raise ValueError("require", "nothing is required", "as in require: {next: '(?i)next|下一步'}")


Form = Do | Order | After | Every | Never | Hold | Content
FORMS: Mapping[str, type] = {kind.name: kind for kind in (Do, Order, After, Every, Never, Hold, Content)}
Level = Literal["must", "should", "may"]
Ability = Literal["detect", "triage", "contain", "safety", "command", "learn"]
"""What a rule shows of those who follow it; in this order they are told."""
WEIGHTS: Mapping[Level, float] = {"must": 3.0, "should": 2.0, "may": 1.0}
"""What a rule of each level weighs beside the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a broken rule does to the whole score."""

    cap: Annotated[float, "The score is at most this, from 0 to 100"]
    why: Annotated[str, "In a few words, for the report"]

    def __post_init__(self) -> None:
        if not 0 <= self.cap <= 100:
            raise ValueError("cap", f"a score cannot be {self.cap:g}", "give a figure from 0 to 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """What every rule may have beside its form."""

    id: Annotated[str, "Its name in the report"]
    level: Annotated[Level, "What it weighs: must 3, should 2, may 1"] = "should"
    min_trust: Annotated[Trust | None, "Evidence that can be believed less than this counts for nothing"] = None
    gate: Annotated[Gate | None, "What it does to the whole score when it is broken"] = None
    shows: Annotated[Ability, "The ability it shows, for rubrics that list a SOP by its parts, as sop.triage"] = (
        "safety"
    )
    note: Annotated[Said, "Where it comes from, and why it is there"] = _UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    form: Form
    settings: RuleSettings

    @property
    def id(self) -> str:
        """Its name."""
        return self.settings.id

    @property
    def weight(self) -> float:
        """What it weighs beside the others."""
        return WEIGHTS[self.settings.level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The settings of a SOP that are not events or rules."""

    apiVersion: Annotated[Literal["drill/v1"], "The form of the file"] = "drill/v1"  # noqa: N815 - as in other YAML files
    kind: Annotated[Literal["SOP"], "That it is a SOP"]
    id: Annotated[str, "Its name"]
    title: Annotated[Said, "What it is about, in a few words; a text, or {en: …, zh: …}"] = _UNSAID
    about: Annotated[Said, "When to use it, and what for"] = _UNSAID
    applies_to: Annotated[AppliesTo, "What it is for"] = AppliesTo()
    roles: Annotated[Mapping[str, Role], "What people may hold, by name"] = field(default_factory=dict)
    teams: Annotated[tuple[str, ...], "Who must report where a rule says `per: team`; left out, all together"] = ()
    trust: Annotated[TrustCaps, "What evidence is worth"] = TrustCaps()
    states: Annotated[Mapping[str, State], "What is so or not at any time, by name"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A SOP, read and found well-formed."""

    head: Head
    events: Mapping[str, EventSeen]
    rules: tuple[Rule, ...]


def split_anchor(text: str) -> tuple[str, timedelta]:
    """`page.delivered+5m` as its name and how much later. Raises ValueError when that is no time."""
    name, plus, later = text.partition("+")
    return name.strip(), parse_duration(later) if plus else timedelta(0)


def names_of(form: Form) -> tuple[str, ...]:
    """The events that a form is about, other than those that it counts time from."""
    keys = ("event", "first", "then", "when", "what", "before")
    given: list[Any] = [getattr(form, key, None) for key in keys]
    return tuple(one for one in given if one)


def reads_words(rule: Rule, events: Mapping[str, EventSeen]) -> bool:
    """Whether a rule rests on what somebody wrote, so that it may advise and never decide over the whole score."""
    if getattr(rule.form, "require", None):
        return True
    seen = [events[name] for name in names_of(rule.form) if name in events]
    return any(pattern.reads_words for one in seen for pattern in one.any_of)


def _need_any(setting: str, names: tuple[str, ...]) -> None:
    if not names:
        raise ValueError(setting, f"`{setting}` is empty", f"as in {setting}: [incident.declared, page.delivered+5m]")
