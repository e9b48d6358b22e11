"""Alertmanager's configuration, as far as it decides whom an alert reaches: routes and inhibitions. Pure."""

from collections.abc import Mapping
from typing import Any

from checks.matchers import listed
from checks.observers.listening import seconds

_DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
_DEEPEST = 50
"""Levels of routes that are followed."""


def route_tree(config: Mapping[str, Any]) -> dict[str, Any]:
    """The root route with all below it, each with the values that hold for it: its own, or those of the one above.

    Matchers, `continue`, and when a route is mute or active, are never inherited. Raises ValueError for what is none.
    """
    start = {"receiver": "", "group_by": [], **{f"{key}_s": seconds(text) for key, text in _DEFAULTS.items()}}
    return _route(config["route"], start, _DEEPEST)


def inhibitions(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which alerts keep which others from being sent: while `source` fires, those of `target` that equal it in `equal`."""
    return [
        {
            "source": _matchers(rule, "source_"),
            "target": _matchers(rule, "target_"),
            "equal": list(rule.get("equal") or ()),
        }
        for rule in config.get("inhibit_rules") or ()
    ]


def receivers(config: Mapping[str, Any]) -> list[str]:
    """The names of those who can be told."""
    return [str(receiver["name"]) for receiver in config.get("receivers") or ()]


def send_resolved(config: Mapping[str, Any]) -> dict[str, bool]:
    """Of each receiver that posts to a webhook, as a sink is one, whether it also says that an alert is over."""
    hooks = {str(one["name"]): one.get("webhook_configs") or () for one in config.get("receivers") or ()}
    return {name: any(hook.get("send_resolved", True) for hook in listed) for name, listed in hooks.items() if listed}


def matcher(name: str, value: str, *, equal: bool = True, regex: bool = False) -> str:
    """One matcher as Alertmanager writes it: `severity="page"`, `service=~"cart.*"`."""
    import json

    sign = ("=~" if regex else "=") if equal else ("!~" if regex else "!=")
    return f"{name}{sign}{json.dumps(value, ensure_ascii=False)}"


def _route(route: Mapping[str, Any], above: Mapping[str, Any], deepest: int) -> dict[str, Any]:
    if not deepest:
        raise ValueError(f"its routes are nested more than {_DEEPEST} deep")
    inherited = {
        "receiver": route.get("receiver") or above["receiver"],
        "group_by": list(route.get("group_by") or above["group_by"]),
        **{f"{key}_s": seconds(route[key]) if key in route else above[f"{key}_s"] for key in _DEFAULTS},
    }
    return {
        **inherited,
        "matchers": _matchers(route),
        "continue": bool(route.get("continue")),
        "mute": list(route.get("mute_time_intervals") or ()),
        "active": list(route.get("active_time_intervals") or ()),
        "routes": [_route(below, inherited, deepest - 1) for below in route.get("routes") or ()],
    }


def _matchers(holder: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The matchers of a route or of one side of an inhibition, whichever of the three ways they are written in."""
    equal = [matcher(name, str(value)) for name, value in (holder.get(f"{prefix}match") or {}).items()]
    regex = [matcher(name, str(value), regex=True) for name, value in (holder.get(f"{prefix}match_re") or {}).items()]
    return equal + regex + [one for text in holder.get(f"{prefix}matchers") or () for one in listed(str(text))]
