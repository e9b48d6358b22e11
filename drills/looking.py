"""Tells a command that only looks from one that changes something. Pure.

What only looks is listed: `looking.yaml` beside this file, and what an inventory adds under `looking`. Whatever is not
understood or not listed changes something: to call a look a change costs a word in the review, the other way round it
would hide what somebody did.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_COMMAND_MAX = 4_000
"""Characters of a command that are read; a longer one changes something."""
_DEPTH_MAX = 5
_NUL = "\0"
_BETWEEN = frozenset({";", "&", "&&", "|", "||", "|&", "(", ")", "\n", ";;"})
_WORDS_BEFORE = frozenset({"!", "{", "if", "then", "else", "elif", "do", "while", "until", "time"})
_WORDS_ALONE = frozenset({"}", "fi", "done", "esac"})
_NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})
"""Where output may be led without anything being written."""
_SET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_RUNS = re.compile(r"(LD_\w*|GIT_\w*|BASH_ENV|ENV|PATH|LESS\w*|MAN\w*|\w*PAGER|PROMPT_COMMAND)\+?=")
"""Variables by which a command that only looks may be made to run another."""


@dataclass(frozen=True, slots=True)
class Looks:
    """When a command of one name only looks."""

    words: tuple[tuple[str, ...], ...] = ()
    """What must follow it, options apart; empty: anything may."""
    valued: frozenset[str] = frozenset()
    """Options that take the next word as their value."""
    never: tuple[str, ...] = ()
    """Options with which it changes something all the same."""
    only: tuple[str, ...] = ()
    """Options one of which must be there."""
    values: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """What the values of some options must be like."""
    without: re.Pattern[str] | None = None
    """What must not be found in what follows it."""
    runs: str = ""
    """It runs another command, which decides: `words`, those that follow, or `shell`, those as a text."""
    skips: int = 0
    """How many words come before the command that it runs, as the host of `ssh`."""
    inside: tuple[str, ...] = ()
    """Words after which what follows `--` is run, and decides."""


def looks(command: str, more: Sequence[str] = ()) -> bool:
    """Whether a command, as typed into a shell, only looks. `more` are beginnings of commands that do: `mytool status`."""
    return _looks(command, [tuple(one.split()) for one in more], _DEPTH_MAX)


def _looks(command: str, more: Sequence[Sequence[str]], depth: int) -> bool:
    if depth == 0 or len(command) > _COMMAND_MAX or _NUL in command:
        return False
    try:
        outer = _without_inner(command, more, depth)
        return outer is not None and all(_simple(words, more, depth) for words in _commands(outer))
    except ValueError:  # a quote that does not end
        return False


_SINGLE = re.compile(r"'[^']*'")
_INNER = re.compile(r"\$\(([^()`]*)\)|`([^`]*)`")


def _without_inner(command: str, more: Sequence[Sequence[str]], depth: int) -> str | None:
    """The command with a word in the place of each command within it; None when one of those changes something."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"{_NUL}{len(kept) - 1}{_NUL}"

    # Nothing is run of what stands in single quotes; those that stand in double quotes are no quotes, and taking them
    # for such could hide a command. So then nothing is taken out.
    text = command if '"' in command and "'" in command else _SINGLE.sub(keep, command)
    while match := _INNER.search(text):
        if not _looks(match[1] if match[1] is not None else match[2], more, depth - 1):
            return None
        text = f"{text[: match.start()]}_{text[match.end() :]}"
    if any(mark in text for mark in ("$(", "`", "<(", ">(")):
        return None
    return re.sub(f"{_NUL}([0-9]+){_NUL}", lambda match: kept[int(match[1])], text)


def _commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a line, each as its words; where output is led to follows `>` as a word of its own."""
    lexer = shlex.shlex(text.replace("\\\n", "").replace("\n", " ; "), posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in lexer:
        if token in _BETWEEN:
            yield words
            words = []
        elif set(token) <= set(";&|()") and token:
            raise ValueError(token)
        else:
            words.append(token)
    yield words


def _simple(words: Sequence[str], more: Sequence[Sequence[str]], depth: int) -> bool:
    """Whether a simple command only looks."""
    rest = _without_redirections(words)
    if rest is None:
        return False
    while rest and (rest[0] in _WORDS_BEFORE or _SET.match(rest[0])):
        rest = rest[1:]
    if any(_RUNS.match(word) for word in words[: len(words) - len(rest)]):
        return False
    if not rest or rest[0] == "for" or (rest[0] in _WORDS_ALONE and len(rest) == 1):
        return True
    if any(tuple(rest[: len(one)]) == tuple(one) for one in more if one):
        return True
    name = rest[0].removeprefix("\\")
    known = _listed().get(name.rpartition("/")[2] if name.startswith(("/bin/", "/usr/")) else name)
    return known is not None and _allowed(known, rest[1:], more, depth)


def _without_redirections(words: Sequence[str]) -> list[str] | None:
    """The words without where input comes from and output goes to; None when that is a file."""
    rest: list[str] = []
    items = iter(words)
    for word in items:
        if not set(word) <= set("<>&|") or not word:
            rest.append(word)
            continue
        where = next(items, "")
        if rest and rest[-1].isdigit():  # the number of what is led there
            rest.pop()
        same = word.endswith("&") and (where.isdigit() or where == "-")  # as in 2>&1
        if ">" in word and where not in _NOWHERE and not same:
            return None
    return rest


def _allowed(known: Looks, words: Sequence[str], more: Sequence[Sequence[str]], depth: int) -> bool:
    """Whether a listed command with these words only looks."""
    never = (word == option or word.startswith(f"{option}=") or _in_bundle(option, word)
             for word in words for option in known.never)  # fmt: skip
    if any(never) or (known.without and known.without.search(" ".join(words))):
        return False
    before, rest = _options(known, words)
    runs_after = "--" in rest and rest[0] in known.inside
    if known.runs or runs_after:
        inner = rest[rest.index("--") + 1 if runs_after else known.skips :]
        if depth == 1 or not inner:
            return False
        return _looks(" ".join(inner), more, depth - 1) if known.runs == "shell" else _simple(inner, more, depth - 1)
    return _as_listed(known, before, rest)


def _as_listed(known: Looks, before: Sequence[tuple[str, str]], rest: Sequence[str]) -> bool:
    flags = {option for option, _ in before}
    if known.only and not flags & {*known.only}:
        return False
    if not all(known.values[option].fullmatch(value) for option, value in before if option in known.values):
        return False
    said = tuple(word.lower() for word in rest if not word.startswith("-"))
    return not known.words or any(said[: len(one)] == one or one[0] in flags for one in known.words)


def _in_bundle(option: str, word: str) -> bool:
    """Whether `-i` is in `-ni`, or stands before its value, as in `-i.bak`."""
    short = len(option) == 2 and option[0] == "-" and option[1] != "-"
    return short and len(word) > 2 and word[0] == "-" and word[1] != "-" and option[1] in word


def _options(known: Looks, words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The options that stand first, each with its value, and what follows them; those of `values` wherever they stand."""
    found: list[tuple[str, str]] = []
    index = 0
    while index < len(words) and (words[index].startswith("-") or (known.runs == "words" and _SET.match(words[index]))):
        name, equals, value = words[index].partition("=")
        if (name in known.valued or name in known.values) and not equals:
            index += 1
            value = words[index] if index < len(words) else ""
        found.append((name, value))
        index += 1
    rest = list(words[index:])
    found += [(one, value) for one, value in zip(rest, [*rest[1:], ""], strict=False) if one in known.values]
    return found, rest


@cache
def _listed() -> Mapping[str, Looks]:
    import yaml

    data = yaml.safe_load(Path(__file__).with_name("looking.yaml").read_text(encoding="utf-8"))
    found = dict.fromkeys(str(data["always"]).split(), Looks())
    return {**found, **{name: _read(entry) for name, entry in data["when"].items()}}


def _read(entry: Mapping[str, Any]) -> Looks:
    return Looks(
        words=tuple(tuple(one.split()) for one in entry.get("words", ())),
        valued=frozenset(str(entry.get("valued", "")).split()),
        never=tuple(str(entry.get("never", "")).split()),
        only=tuple(str(entry.get("only", "")).split()),
        values={name: re.compile(text, re.IGNORECASE | re.DOTALL) for name, text in entry.get("values", {}).items()},
        without=re.compile(entry["without"], re.IGNORECASE | re.DOTALL) if "without" in entry else None,
        runs=entry.get("runs", ""),
        skips=entry.get("skips", 0),
        inside=tuple(str(entry.get("inside", "")).split()),
    )
