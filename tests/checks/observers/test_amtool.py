"""Our reading of routes and amtool's are the same, over many trees and labels, by both generations of it."""

import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from checks.observers.routing import route_tree
from checks.page_routes import Labels, ways
from tests.checks.observers.monitoring import GENERATIONS, Generation, amtool

CASES = 60
LABELS = ("alertname", "severity", "team", "cut")
VALUES = ("page", "ticket", "Page", "x", "xy", "12", "a b", 'a"b', "a\\b", "a,b", "{x}", "日本", "page\n")
PATTERNS = (
    "page|ticket",
    "p.*",
    ".+",
    ".*",
    "",
    "x",
    "[a-y]+",
    "x{1,2}",
    r"\d+",
    "(?i)PAGE",
    "p.g.",
    r"a\\b",
    'a"b',
    "日.",
    "^x$",
)
SIGNS = ("=", "!=", "=~", "!~")


def quoted(value: str) -> str:
    """As one writes a value in a matcher."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def written(dice: random.Random) -> str:
    """One matcher, or several in one text, in one of the manners in which people write them."""
    found = []
    for _ in range(dice.choice((1, 1, 1, 2))):
        sign = dice.choice(SIGNS)
        value = dice.choice(PATTERNS if "~" in sign else VALUES)
        bare = value.isalnum() and dice.random() < 0.5
        blank = dice.choice(("", " "))
        found.append(f"{dice.choice(LABELS)}{blank}{sign}{blank}{value if bare else quoted(value)}")
    text = dice.choice((",", ", ")).join(found)
    return dice.choice((text, text, f"{{{text}}}", f"{text},"))


def route(dice: random.Random, names: list[str], depth: int) -> dict[str, Any]:
    """A route with a receiver of its own, or now and then that of the route above."""
    made: dict[str, Any] = {}
    if not names or dice.random() < 0.9:
        names.append(f"r{len(names)}")
        made["receiver"] = names[-1]
    if depth:
        made["continue"] = dice.random() < 0.4
        for way in dice.sample(("match", "match_re", "matchers"), dice.choice((0, 1, 1, 1, 2))):
            match way:
                case "match":
                    made[way] = {dice.choice(LABELS): dice.choice(VALUES)}
                case "match_re":
                    made[way] = {dice.choice(LABELS): dice.choice(PATTERNS)}
                case _:
                    made[way] = [written(dice) for _ in range(dice.choice((1, 2)))]
    if depth < 3:
        made["routes"] = [route(dice, names, depth + 1) for _ in range(dice.choice((0, 1, 2, 3)) if depth else 4)]
    return made


def told(program: Path, config: Path, labels: dict[str, str]) -> list[str]:
    """Whom amtool says that an alert reaches."""
    words = [
        program,
        "config",
        "routes",
        "test",
        f"--config.file={config}",
        *(f"{k}={quoted(v)}" for k, v in labels.items()),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, (labels, config.read_text(), done.stderr)
    return done.stdout.splitlines()[-1].split(",")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_routes_are_those_that_amtool_says(generation: Generation, tmp_path: Path) -> None:
    program = amtool(generation)

    def differs(seed: int) -> tuple[Any, ...] | None:
        dice = random.Random(seed)
        names: list[str] = []
        config = {"route": route(dice, names, 0), "receivers": []}
        config["receivers"] = [{"name": one} for one in names]
        labels = {name: dice.choice(VALUES) for name in LABELS if dice.random() < 0.8}
        path = tmp_path / f"{seed}.yml"
        path.write_text(json.dumps(config), encoding="utf-8")
        ours = [one.receiver for one in ways(route_tree(config), Labels(labels, whole=True))]
        theirs = told(program, path, labels)
        return None if ours == theirs else (seed, labels, ours, theirs, config)

    with ThreadPoolExecutor(4) as pool:
        assert [one for one in pool.map(differs, range(CASES)) if one] == []


def test_the_ways_of_an_alert_hold_whatever_else_it_is_labelled() -> None:
    """Where all of them are sure, they are what it takes; and what it takes is always among them."""
    sure = 0
    for seed in range(1_000):
        dice = random.Random(seed)
        tree = route_tree({"route": route(dice, [], 0)})
        known = {name: dice.choice(VALUES) for name in LABELS if dice.random() < 0.6}
        found = list(ways(tree, Labels(known)))
        surely = [one.route for one in found if not one.asks]
        sure += len(surely) == len(found)
        for _ in range(5):
            others = {name: dice.choice(VALUES) for name in LABELS if name not in known and dice.random() < 0.7}
            taken = [one.route for one in ways(tree, Labels({**known, **others}, whole=True))]
            assert [one for one in taken if all(one is not way.route for way in found)] == []
            assert [one for one in surely if all(one is not other for other in taken)] == []

    assert 100 < sure < 900
