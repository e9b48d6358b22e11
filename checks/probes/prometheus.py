"""Looks at what Prometheus knows: whether something is so, or whether every one of several things is watched at all."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from checks.probe import GOOD, Look, TargetName, Watch, bad, blind

if TYPE_CHECKING:
    from checks.observers.listening import Line

_EACH_MAX = 1_000
"""Combinations of labels that are looked for; more would make every look slow."""
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusServer:
    """Where a Prometheus is, or anything that answers its queries."""

    name: ClassVar[str] = "prometheus"

    url: Annotated[str, "Where it is, as http://127.0.0.1:9090"] = field(repr=False)  # it may hold a password
    headers: Annotated[tuple[str, ...], "Sent with each request, each as `Name: value`"] = field(default=(), repr=False)
    verify: Annotated[bool, "Whether the certificate of an https:// address must be valid"] = True

    def __post_init__(self) -> None:
        from checks.observers.listening import need_address

        need_address(self.url, self.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusProbe:
    """Asks a query. It is good while that finds a series, or one with each of these labels.

    As in an alerting rule a comparison leaves out what does not satisfy it. What Prometheus knows is as old as its last
    scrape. A Prometheus that does not answer is no system that is down: then the look is blind.
    """

    name: ClassVar[str] = "prometheus"
    address: ClassVar[type] = PrometheusServer
    second_hand: ClassVar[bool] = True

    target: Annotated[TargetName, "The Prometheus to ask"]
    query: Annotated[str, "What is asked: sum(rate(calls_total[10s])) < 5"]
    each: Annotated[
        Mapping[str, tuple[str, ...]],
        "Labels and their values, of which each needs a series: {instance: [sfu-1, sfu-2]}",
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise ValueError("query", "nothing is asked", "write a query, as up == 1")
        count = 1
        for label, values in self.each.items():
            if not values:
                raise ValueError("each", f"no value of `{label}` is named", f"as in {{{label}: [sfu-1, sfu-2]}}")
            count *= len(values)
        if count > _EACH_MAX:
            raise ValueError("each", f"these are {count} combinations", f"ask for at most {_EACH_MAX}")

    @asynccontextmanager
    async def open(self, address: PrometheusServer, mark: str) -> AsyncIterator[Watch]:
        """Nothing is asked yet. Nothing of ours is ever left."""
        from checks.observers.listening import open_line

        async with open_line(address.url, address.headers, verify=address.verify) as line:
            yield _Asking(line, self)


class _Asking:
    """The probe at work."""

    def __init__(self, line: "Line", settings: PrometheusProbe) -> None:
        self._line, self._settings = line, settings

    async def look(self, n: int) -> Look:
        """See the contract."""
        from checks.observers.listening import Unheard

        try:
            answer = await self._line.ask("/api/v1/query", [("query", self._settings.query)])
            found = answer.data["data"]
            rows = [one["metric"] for one in found["result"]] if found["resultType"] == "vector" else None
        except Unheard as error:
            return blind(f"Prometheus {error}")
        except (KeyError, TypeError):
            return blind("Prometheus gave an answer that is none of its own")
        if rows is None:
            return blind(f"the query gives a {found['resultType']}, which is always there; compare series, as up == 1")
        return _judged(rows, self._settings.each)


def _judged(rows: Sequence[Mapping[str, Any]], each: Mapping[str, Sequence[str]]) -> Look:
    if not each:
        return GOOD if rows else bad("the query finds nothing")
    there = {tuple(str(one.get(label, "")) for label in each) for one in rows}
    lacking = [values for values in product(*each.values()) if values not in there]
    if not lacking:
        return GOOD
    named = ", ".join(_pairs(each, lacking[:_NAMED]))
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return bad(f"nothing of {named}{more}")


def _pairs(labels: Mapping[str, object], lacking: Sequence[Sequence[str]]) -> Iterator[str]:
    return (" ".join(f"{label}={value}" for label, value in zip(labels, values, strict=True)) for values in lacking)
