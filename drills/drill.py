"""The drill as written: its model, and how a file becomes one, with every mistake of every file found at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Literal

from checks import Check, FaultName, FirstHand, Probe, ProbeName, RatioLimit, SecondHand, Sentence
from checks.ground import need_time
from checks.service_level import Objective
from checks.steady import Steady
from checks.units import write_duration
from drills import registry, source
from drills.binding import Binding, settings, settings_of
from drills.cast import LINES, Cue, CueName, CueSettings, split
from drills.errors import DrillError, Place, Problem, choices
from drills.slo import Slo, objective
from drills.source import Items, Node, Scalar, Table
from drills.when import When
from injectors import Bundle, Injector
from reports.words import Words

_NO_WORDS = Words("")


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortWhen:
    """A guard rail: when the probe is this bad for this long while a fault is in effect, everything is healed."""

    probe: Annotated[ProbeName, "The probe to watch"]
    success: Annotated[RatioLimit, "The run is aborted while this holds, as `< 20%`"]
    for_: Annotated[timedelta, "For how long it must hold"] = timedelta(seconds=10)

    def __post_init__(self) -> None:
        need_time("for", self.for_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """What the drill must never exceed."""

    environments: Annotated[tuple[str, ...], "Environments it may run in"] = ("lab",)
    max_targets: Annotated[int, "The most things that all faults together may touch"] = 1
    max_duration: Annotated[timedelta, "The longest time from the steady state to the last heal"] = timedelta(
        minutes=10
    )
    abort_when: Annotated[tuple[AbortWhen, ...], "Conditions under which everything is healed at once"] = ()
    preflight: Annotated[
        Literal["stop", "tell"],
        "What happens when it is foreseen that what is expected cannot come as it should, or cannot be seen",
    ] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSettings:
    """What every fault may have beside its kind."""

    id: Annotated[str, "Its name in the drill; left out, made of kind and target"] = ""
    at: Annotated[timedelta | None, "When it starts, counted from the confirmed steady state"] = None
    for_: Annotated[timedelta | None, "How long it lasts; left out, until the checks are done"] = None
    when: Annotated[When | None, "What it waits for, instead of `at`"] = None
    note: Annotated[Words, "For the report"] = _NO_WORDS

    def __post_init__(self) -> None:
        if self.at is not None and self.when is not None:
            raise ValueError("when", "a fault starts `at` a time or `when` something is so, not both",
                             "take one of them away")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a drill."""

    id: str
    kind: str
    injector: Injector | Bundle
    at: timedelta | None
    for_: timedelta | None
    when: When | None
    note: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """What every probe may have beside its kind."""

    every: Annotated[timedelta, "The distance of its looks; a slow answer does not delay the next look"] = timedelta(
        milliseconds=100
    )
    timeout: Annotated[timedelta, "A look without an answer for this long is bad"] = timedelta(seconds=1)
    impact: Annotated[
        bool, "Whether somebody suffers while it is bad, as SOPs and reviews reckon; false for what only watches"
    ] = True

    def __post_init__(self) -> None:
        for name in ("every", "timeout"):
            if getattr(self, name) < timedelta(milliseconds=1):
                raise ValueError(name, f"`{name}` is shorter than 1 ms", "nothing finer can be kept on time")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeUse:
    """One probe of a drill."""

    name: str
    kind: str
    probe: Probe
    every: timedelta
    timeout: timedelta
    impact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """What every check may have beside its kind."""

    id: Annotated[str, "Its name in the report; left out, its kind"] = ""
    note: Annotated[Words, "For the report"] = _NO_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckUse:
    """One check of a drill, or one that every drill has."""

    id: str
    kind: str
    title: str
    check: Check
    note: Words = _NO_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFiles:
    """What alerting is set up by, for `drills lint`: what is expected of alerts is held against it, without any run."""

    rules: Annotated[tuple[str, ...], "Rule files of Prometheus, beside the drill; `*` stands for any part of a name"]
    routes: Annotated[str | None, "Alertmanager's configuration, for whom an alert reaches and how long it waits"] = (
        None
    )
    prometheus: Annotated[
        str | None, "Prometheus' configuration, for its intervals; left out, they are its defaults"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The settings of a drill that are not lists of kinds."""

    drill: Annotated[str, "Its name, in file names and reports"]
    title: Annotated[Words, "What happens, in a few words; a text, or {en: …, zh: …}"] = _NO_WORDS
    about: Annotated[Words, "Why it is run and what is expected"] = _NO_WORDS
    severity: Annotated[Literal["P0", "P1", "P2", "P3", "P4"], "How bad it would be as a real incident"] = "P2"
    inventory: Annotated[str, "The file that says where its targets are, beside the drill"] = "inventory.yaml"
    lab: Annotated[str, "A file that says what to start for it; left out, nothing is started"] = ""
    safety: Annotated[Safety, "What it must never exceed"] = Safety()
    steady: Annotated[tuple[Steady, ...], "What must be so before anything is injected, and again at the end"] = ()
    steady_within: Annotated[timedelta, "How long the steady state may take to be reached, each time"] = timedelta(
        seconds=60
    )
    slo: Annotated[Slo | None, "What the service is to keep where it is used, for the figures of the report"] = None
    rubric: Annotated[str, "How it is scored: ci, game-day, training, or a file"] = "ci"
    par: Annotated[
        timedelta | None,
        "How much service a good run loses, in seconds of full outage, for the score; left out, the rubric's",
    ] = None
    suite: Annotated[str, "A published list of checks that it holds to, as standard/losing-a-primary@1, or a file"] = ""
    alerting: Annotated[AlertFiles | None, "Files that alerting is set up by, for `drills lint` to look through"] = None
    every: Annotated[
        timedelta | None, "How often it must be rehearsed, as 30d; `drills fleet` says when it is overdue"
    ] = None

    def __post_init__(self) -> None:
        if self.par is not None:
            need_time("par", self.par)
        if self.every is not None and self.every < timedelta(hours=1):
            raise ValueError("every", "nobody rehearses more often than once an hour", "write every: 30d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A drill, read and found well-formed."""

    head: Head
    probes: Mapping[str, ProbeUse]
    faults: tuple[Fault, ...]
    checks: tuple[CheckUse, ...]
    """Those written, in their order."""
    cast: tuple[Cue, ...] = ()
    """What colleagues do by a script."""
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict, compare=False)
    """Where each ("head", setting), ("probe", name), ("fault", id), ("check", id) and ("act", id) stands in the file, each
    ("file", name) of `alerting`, and each ("word", text) of a command of the cast, for errors found later."""

    @property
    def name(self) -> str:
        """What the drill is called."""
        return self.head.drill

    @property
    def objective(self) -> Objective | Sentence:
        """What the service is to keep, or why that is not known."""
        return objective(self.head.slo, self.head.steady, self.probes)

    @property
    def all_checks(self) -> tuple[CheckUse, ...]:
        """What is judged, in the report's order: steady before, faults in effect, those written, steady after, clean."""
        from checks.clean import Clean
        from checks.took_effect import TookEffect

        def steady(phase: Literal["before", "after"]) -> list[CheckUse]:
            count = len(self.head.steady)
            return [
                CheckUse(
                    id=f"steady-{phase}" + (f"-{number}" if count > 1 else ""),
                    kind="steady",
                    title=f"steady {phase}" + (f" ({entry.probe})" if count > 1 else ""),
                    check=replace(entry, phase=phase),
                )
                for number, entry in enumerate(self.head.steady, 1)
            ]

        effects = [
            CheckUse(id=f"in-effect-{fault.id}", kind=TookEffect.name, check=TookEffect(fault=FaultName(fault.id)),
                     title=fault.id if len(self.faults) > 1 else "fault in effect")
            for fault in self.faults
        ]  # fmt: skip
        clean = CheckUse(id="clean", kind=Clean.name, title="clean", check=Clean())
        return (*steady("before"), *effects, *self.checks, *steady("after"), clean)


def digest(text: bytes) -> str:
    """SHA-256 of a file, as the journal and the report name it."""
    from hashlib import sha256

    return sha256(text).hexdigest()


def read(path: Path, *, limits: Sequence[str] = ()) -> Drill:
    """Read a drill file, with some limits set otherwise (`failover.within=3s`). Raises DrillError with all mistakes."""
    binding = Binding()
    drill = bind(source.read(path), binding, limits=limits)
    if drill is None or binding.problems:
        raise DrillError(binding.problems)
    return drill


def bind(node: Node, binding: Binding, *, limits: Sequence[str] = ()) -> Drill | None:
    """Make a drill of a file's nodes. When `binding` then holds problems, it is what could be made of them, or None."""
    if not isinstance(node, Table):
        binding.bind(Head, node, kind="drill", alone=False)
        return None
    lists = {"probes", "faults", "checks", "cast"}
    listed = {key.text: value for key, value in node.entries if key.text in lists}
    rest = Table(tuple(entry for entry in node.entries if entry[0].text not in lists), node.place)
    head = binding.bind(Head, rest, kind="drill", alone=False, also=tuple(sorted(lists)))
    places = {("head", key.text): value.place for key, value in node.entries}
    probes = _probes(listed.get("probes"), binding, places)
    faults = _faults(listed.get("faults"), binding, places)
    checks = _checks(listed.get("checks"), binding, places)
    cast = _cast(listed.get("cast"), binding, places)
    places |= {("file", one.text): one.place for one in source.texts(rest.get("alerting"))}
    drill = Drill(head=head or _stand_in(rest), probes=probes, faults=faults, checks=checks, cast=cast, places=places)
    for limit in limits:
        drill = _limited(drill, limit, binding)
    known_faults, known_acts = _ids(listed.get("faults"), faults), _ids(listed.get("cast"), cast)
    _check_references(binding, _probe_names(listed.get("probes")), known_faults)
    _check_cues(drill, binding, known_faults, known_acts)
    _check_circles(drill, binding)
    _check_pace(drill, binding)
    _check_hands(drill, binding)
    _check_slo(drill, binding)
    return drill


def _check_pace(drill: Drill, binding: Binding) -> None:
    """A steady state that can never have seen enough would be waited for in vain."""
    for entry in drill.head.steady:
        use = drill.probes.get(entry.probe)
        if use and entry.hold / use.every < entry.at_least:
            every, hold = write_duration(use.every), write_duration(entry.hold)
            binding.problems.append(Problem(drill.places["head", "steady"], f"`{use.name}` looks every {every}, so {hold} "
                                            f"hold fewer than {entry.at_least} looks",
                                            "raise `hold`, or lower `every` or `at_least`", "too-slow"))  # fmt: skip


def _check_hands(drill: Drill, binding: Binding) -> None:
    """By what somebody else knows of the system, however often one asks, nobody can say how long it was down."""
    for use in drill.checks:
        probe = drill.probes.get(getattr(use.check, "probe", ""))
        if probe and isinstance(use.check, FirstHand) and isinstance(probe.probe, SecondHand):
            binding.problems.append(Problem(drill.places["check", use.id], f"`{use.kind}` measures how long something lasts, "
                                            f"and `{probe.name}` is a `{probe.kind}` probe, which hears of things later",
                                            "name a probe that asks the service itself", "second-hand"))  # fmt: skip


def _check_slo(drill: Drill, binding: Binding) -> None:
    """Who writes down an objective, or a par below it, wants it reckoned with."""
    if drill.head.par and isinstance(drill.objective, Sentence):
        fix = "as in slo: {probe: orders, success: 99.9%}, or take `par` away"
        what = f"there is no objective below which service could be lost: {drill.objective}"
        binding.problems.append(Problem(drill.places["head", "par"], what, fix, "no-objective"))
    if drill.head.slo and isinstance(drill.objective, Sentence):
        fix = "as in slo: {probe: orders, success: 99.9%}"
        binding.problems.append(Problem(drill.places["head", "slo"], str(drill.objective), fix, "no-objective"))


def _stand_in(node: Table) -> Head:
    """For a head with mistakes, so that the files it names are looked through all the same."""
    texts = {key.text: value.text for key, value in node.entries if isinstance(value, Scalar)}
    named = {name: texts[name] for name in ("inventory", "lab", "rubric") if texts.get(name)}
    return Head(drill=texts.get("drill", "drill"), **named)  # type: ignore[arg-type]


def _probes(node: Node | None, binding: Binding, places: dict[tuple[str, str], Place]) -> dict[str, ProbeUse]:
    if node is None:
        return {}
    if not isinstance(node, Table):
        binding.problems.append(Problem(node.place, "`probes` must be a table of names", "probes:\n  shop: {http: shop}",
                                        "wrong-shape"))  # fmt: skip
        return {}
    known = registry.kinds("probes", _keys((value for _, value in node.entries), ProbeSettings, flat=True))
    found: dict[str, ProbeUse] = {}
    for name, value in node.entries:
        places["probe", name.text] = name.place
        bound = binding.bind_entry(value, known, ProbeSettings, what="probe", flat=True)
        if bound:
            probe, common = bound
            found[name.text] = ProbeUse(name=name.text, kind=probe.name, probe=probe, every=common.every,
                                        timeout=common.timeout, impact=common.impact)  # fmt: skip
    return found


def _faults(node: Node | None, binding: Binding, places: dict[tuple[str, str], Place]) -> tuple[Fault, ...]:
    entries = _entries(node, "faults", "  - kill: cache-primary", binding)
    known = registry.faults(_keys(entries, FaultSettings))
    ids = _Ids("fault", entries, binding)
    found: dict[str, Fault] = {}
    for entry in entries:
        bound = binding.bind_entry(entry, known, FaultSettings, what="fault")
        if bound is None:
            continue
        injector, common = bound
        id_ = ids.of(entry, common.id, f"{injector.name}-{injector.target}")
        places["fault", id_] = entry.place
        at = timedelta(0) if common.at is None and common.when is None else common.at
        found[id_] = Fault(id=id_, kind=injector.name, injector=injector, at=at, for_=common.for_, when=common.when,
                           note=common.note)  # fmt: skip
    return tuple(found.values())


def _checks(node: Node | None, binding: Binding, places: dict[tuple[str, str], Place]) -> tuple[CheckUse, ...]:
    entries = _entries(node, "checks", "  - failover: {probe: orders, after: primary-dies, within: 5s}", binding)
    known = registry.kinds("checks", _keys(entries, CheckSettings))
    ids = _Ids("check", entries, binding)
    found: dict[str, CheckUse] = {}
    for entry in entries:
        bound = binding.bind_entry(entry, known, CheckSettings, what="check")
        if bound is None:
            continue
        check, common = bound
        id_ = ids.of(entry, common.id, check.name)
        places["check", id_] = entry.place
        title = common.id or check.name.replace("_", " ") + id_.removeprefix(check.name).replace("-", " ")
        found[id_] = CheckUse(id=id_, kind=check.name, title=title, check=check, note=common.note)
    return tuple(found.values())


def _cast(node: Node | None, binding: Binding, places: dict[tuple[str, str], Place]) -> tuple[Cue, ...]:
    entries = _entries(node, "cast", "  - {who: lin, severity: P1, at: 10s}", binding)
    ids = _Ids("act", entries, binding)
    found: dict[str, Cue] = {}
    for entry in entries:
        bound = binding.bind_entry(entry, LINES, CueSettings, what="act")
        if bound is None:
            continue
        line, common = bound
        id_ = ids.of(entry, common.id, f"{common.who}-{line.name}")
        places["act", id_] = entry.place
        places |= {("word", one.text): one.place for one in source.texts(entry.get("run"))}
        found[id_] = Cue(id=id_, line=line, settings=common)
    return tuple(found.values())


def _entries(node: Node | None, name: str, example: str, binding: Binding) -> tuple[Table, ...]:
    """The tables of a list; anything else in it is a problem."""
    if node is None:
        return ()
    listed = node.items if isinstance(node, Items) else ()
    if not isinstance(node, Items):
        binding.problems.append(Problem(node.place, f"`{name}` must be a list", f"{name}:\n{example}", "wrong-shape"))
    for item in listed:
        if not isinstance(item, Table):
            binding.problems.append(Problem(item.place, f"an entry of `{name}` must be a table whose key is its kind",
                                            example.strip(), "wrong-shape"))  # fmt: skip
    return tuple(item for item in listed if isinstance(item, Table))


def _keys(entries: Iterable[Node], common: type, *, flat: bool = False) -> set[str]:
    """Keys that may be kinds, so that plugins are looked for only when one of them is not a known kind."""
    shared = {one.name for one in settings(common)}
    own = [[key.text for key, _ in entry.entries if key.text not in shared] for entry in entries
           if isinstance(entry, Table)]  # fmt: skip
    # When flat, the kind stands first by habit, and what follows may be settings of any kind.
    return {name for names in own for name in (names[:1] if flat else names)}


class _Ids:
    """The ids of a list's entries: those given, each once, and made up for the others, numbered where it is needed."""

    def __init__(self, what: str, entries: Sequence[Table], binding: Binding) -> None:
        self._what, self._binding = what, binding
        self._given = {one.text for entry in entries if isinstance(one := entry.get("id"), Scalar)}
        self._taken: set[str] = set()

    def of(self, entry: Table, given: str, made: str) -> str:
        """The id that was given, a problem when it is taken; or one made up, which is never one that is given."""
        if given in self._taken:
            place = next(value.place for key, value in entry.entries if key.text == "id")
            self._binding.problems.append(Problem(place, f"there are two {self._what}s with the id `{given}`",
                                                  "give one of them another id", "duplicate-id"))  # fmt: skip
        numbered = (made if number == 1 else f"{made}-{number}" for number in count(1))
        id_ = given or next(name for name in numbered if name not in self._taken | self._given)
        self._taken.add(id_)
        return id_


def _probe_names(node: Node | None) -> list[str]:
    """Every probe that is written, also one with a mistake in it: to call it missing would be a second mistake, ours."""
    return [name.text for name, _ in node.entries] if isinstance(node, Table) else []


def _ids(node: Node | None, read: Sequence[Fault | Cue]) -> list[str] | None:
    """The id of every fault or act, as `_probe_names`; None when one with a mistake has none, so that it could be any."""
    entries = [item for item in node.items if isinstance(item, Table)] if isinstance(node, Items) else []
    given = [entry.get("id") for entry in entries]
    if len(read) < len(entries) and not all(given):
        return None
    return [*(one.id for one in read), *(one.text for one in given if isinstance(one, Scalar))]


def _check_references(binding: Binding, probes: list[str], faults: list[str] | None) -> None:
    names: dict[Any, tuple[str, list[str] | None, str]] = {
        ProbeName: ("probe", probes, "unknown-probe"),
        FaultName: ("fault", faults, "unknown-fault"),
    }
    for reference in dict.fromkeys(binding.references):
        what, known, slug = names.get(reference.kind, ("", None, ""))
        if known is not None and reference.name not in known:
            binding.problems.append(Problem(reference.place, f"the drill has no {what} `{reference.name}`",
                                            choices(reference.name, list(dict.fromkeys(known)), f"{what}s"), slug))  # fmt: skip


def _check_cues(drill: Drill, binding: Binding, faults: list[str] | None, acts: list[str] | None) -> None:
    """What an act of the cast comes after, or goes on until, is there, and is one thing."""
    for cue in drill.cast:
        if cue.id in (faults or ()):
            binding.problems.append(Problem(drill.places["act", cue.id], f"a fault has the id `{cue.id}` too, so `after: "
                                            f"{cue.id}` could mean either", "give the act an `id` of its own",
                                            "duplicate-id"))  # fmt: skip
    if faults is None or acts is None:
        return
    for reference in dict.fromkeys(one for one in binding.references if one.kind is CueName):
        try:
            name, _ = split(reference.name)
        except ValueError:  # told already
            continue
        if name not in (*acts, *faults):
            binding.problems.append(Problem(reference.place, f"the drill has no act or fault `{name}`",
                                            choices(name, [*acts, *faults], "acts and faults"), "unknown-act"))  # fmt: skip


def _check_circles(drill: Drill, binding: Binding) -> None:
    """No fault and no act waits for itself, however indirectly: it would never come, whatever happened."""
    faults = {one.id: one.when.fault for one in drill.faults if one.when and one.when.fault}
    acts = {one.id: one.after.name for one in drill.cast if one.after}
    waiting: tuple[tuple[str, Mapping[str, str]], ...] = (("fault", faults), ("act", acts))
    for what, after in waiting:
        for first in after:
            chain = [first]
            while (following := after.get(chain[-1])) and following not in chain:
                chain.append(following)
            if following == first == min(chain):  # one of the circle, so that it is told once
                binding.problems.append(Problem(drill.places[what, first], f"this {what} can never come: "
                                                + " waits for ".join([*chain, first]),
                                                "let one of them start `at` a time", "waits-for-itself"))  # fmt: skip


def _limited(drill: Drill, limit: str, binding: Binding) -> Drill:
    """The drill with one setting of its checks set otherwise, as CHECK.SETTING=VALUE.

    CHECK is a check's id, or a kind, which means every check of that kind.
    """
    place = Place(f"--set {limit}")
    path, equals, value = limit.partition("=")
    name, dot, setting = (part.strip() for part in path.partition("."))
    if not (equals and dot and name and setting):
        binding.problems.append(Problem(place, "a limit is set as CHECK.SETTING=VALUE", "for example failover.within=3s",
                                        "bad-set"))  # fmt: skip
        return drill

    def changed(check: Any) -> Any:
        written = {one: text for one, text in settings_of(check).items() if one != setting}
        table = source.from_data({**written, setting: _value(value.strip(), place.file)}, place.file)
        return binding.bind(type(check), table) or check

    if name == Steady.name and drill.head.steady:
        return replace(drill, head=replace(drill.head, steady=tuple(changed(one) for one in drill.head.steady)))
    if not any(name in (one.id, one.kind) for one in drill.checks):
        known = [one.id for one in drill.checks] + [Steady.name for _ in drill.head.steady[:1]]
        binding.problems.append(Problem(place, f"the drill has no check `{name}`", choices(name, known, "checks"),
                                        "bad-set"))  # fmt: skip
        return drill
    checks = [replace(one, check=changed(one.check)) if name in (one.id, one.kind) else one for one in drill.checks]
    return replace(drill, checks=tuple(checks))


def _value(text: str, shown_as: str) -> object:
    """What stands after `--set …=`: the text as it is, unless it is a list, a table or quoted as in a file."""
    return source.to_data(source.parse(text, shown_as)) if text[:1] in {"[", "{", '"', "'"} else text
