"""Heals a whole cluster without any memory: what bears a mark of ours says itself what it was, and how long it may stay.

It works from any machine that may write there, after the machine that ran the drill is gone for good. A mark is renewed as
long as its run lives, so what is past its time is nobody's any more; what is not, is left to its run unless all is asked for.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from drills import healer, registry
from drills.clock import SystemClock
from drills.errors import Exit
from drills.journal import Journal
from drills.stage import Outstanding
from injectors import InjectionFailed, Remembered

PATIENCE_S = 60.0
"""How long it goes on trying to heal what resists."""
Say = Callable[[str], None]


def heal(kubeconfig: str, context: str, *, everything: bool, say: Say) -> Exit:
    """Find what is ours and take it away; with `everything` also what a run still renews. Says what is left, and why."""
    try:
        return asyncio.run(_heal(kubeconfig, context, everything=everything, say=say))
    except InjectionFailed as error:
        say(f"NOT healed: {error}")
        return Exit.NOT_HEALED


async def _heal(kubeconfig: str, context: str, *, everything: bool, say: Say) -> Exit:
    from injectors.kubernetes_sweep import sweep

    kinds = _written()
    found = await sweep(kubeconfig, context, kinds)
    for why in found.unseen:
        say(f"could not look: {why}")
    ours = [one for one in found.held if everything or one.is_over]
    for one in found.held:
        if one not in ours:
            say(f"left: {one}, which renews it until {one.until}; --all takes it away too")
    whole = found.by_injection(ours)
    resisting = await _take_away(whole)
    for remembered, by, what in whole:
        resists = resisting.get((remembered.id, by))
        say(f"NOT healed: {what}: {resists}" if resists else f"healed: {what}")
    if not found.held:
        say(f"nothing of ours is in {found.place}" + (", as far as could be seen" if found.unseen else ""))
    if resisting:
        return Exit.NOT_HEALED
    return Exit.INCONCLUSIVE if found.unseen else Exit.PASSED


async def _take_away(whole: Iterable[tuple[Remembered, str, str]]) -> dict[tuple[str, str], str]:
    """Heal each injection; pass why those that resist do, by id and injector."""
    why: dict[tuple[str, str], str] = {}
    with TemporaryDirectory(prefix="chaos-drills-") as folder:
        journal = Journal.create(Path(folder, "journal.jsonl"), SystemClock())
        last: dict[str, str] = {}
        journal.listen(lambda event: last.update({event.data["injection"]: event.data["why"]})
                       if event.kind == "injection.heal_failed" else None)  # fmt: skip
        try:
            faults = [Outstanding(injector=by, remembered=one, touched=True, seq=0) for one, by, _ in whole]
            for left in await healer.heal(faults, journal, source="heal", patience_s=PATIENCE_S):
                why[left.remembered.id, left.injector] = last.get(left.remembered.id, "it is still there")
        finally:
            journal.close()
    return why


def _written() -> Sequence[Any]:
    """The kinds of objects that any injector changes or makes."""
    injectors: list[Any] = list(registry.kinds("injectors", plugins=True).values())
    needs = [need for one in injectors for need in getattr(one, "needs", ())]
    return list(dict.fromkeys(need.kind for need in needs if {"patch", "create"} & {*need.verbs} and not need.part))
