"""Places in an object: JSON pointers in which an item of a list is named by what it has, and not by its number.

`/spec/unschedulable`, `/spec/containers/name=web/image`, `/spec/taints/key=example.com~1lost,effect=NoExecute`. Pure.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any


def escaped(word: str) -> str:
    """As one step of a pointer."""
    return word.replace("~", "~0").replace("/", "~1")


def value_at(found: Any, at: str) -> Any:
    """What is there; None when nothing is."""
    for step in _steps(at):
        if isinstance(found, list):
            index = _index(found, step)
            found = None if index is None else found[index]
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
        if found is None:
            return None
    return found


def operations(found: Mapping[str, Any], wanted: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """The JSON patch that makes these places have these values; None takes what is there away."""
    now: Any = deepcopy(dict(found))
    made: list[dict[str, Any]] = []
    for at, value in wanted:
        if value is None and value_at(now, at) is None:
            continue
        made += _operations(now, at, value)
    return made


def _operations(now: Any, at: str, value: Any) -> list[dict[str, Any]]:
    """Those of one place, done to `now` as well, so that the numbers of later ones are right."""
    *steps, last = _steps(at)
    made: list[dict[str, Any]] = []
    pointer = ""
    for step, follows in zip(steps, [*steps[1:], last], strict=True):
        key: Any = _index(now, step) if isinstance(now, list) else step
        if key is None:
            raise ValueError(f"{at} has no {step}")
        pointer += f"/{escaped(str(key))}"
        if isinstance(now, dict) and now.get(step) is None:
            now[step] = [] if "=" in follows else {}
            made.append({"op": "add", "path": pointer, "value": deepcopy(now[step])})
        now = now[key]
    if isinstance(now, list):
        index = _index(now, last)
        made.append(_listed(now, index, pointer, value))
    elif value is None:
        del now[last]
        made.append({"op": "remove", "path": f"{pointer}/{escaped(last)}"})
    else:
        now[last] = value
        made.append({"op": "add", "path": f"{pointer}/{escaped(last)}", "value": value})  # replaces what is there
    return made


def _listed(now: list[Any], index: int | None, pointer: str, value: Any) -> dict[str, Any]:
    if index is None:
        now.append(value)
        return {"op": "add", "path": f"{pointer}/-", "value": value}
    if value is None:
        del now[index]
        return {"op": "remove", "path": f"{pointer}/{index}"}
    now[index] = value
    return {"op": "replace", "path": f"{pointer}/{index}", "value": value}


def _steps(at: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in at.removeprefix("/").split("/")]


def _index(items: list[Any], step: str) -> int | None:
    wanted = dict(part.split("=", 1) for part in step.split(",") if "=" in part)
    for n, item in enumerate(items):
        if isinstance(item, Mapping) and all(str(item.get(key, "")) == value for key, value in wanted.items()):
            return n
    return None
