"""What every fault of a link has in common. How it is planned and brought about is in `link_planning` and `link_memory`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from injectors.injector import Effect, Injection, Preview, Remembered, Residue, Stage, TargetName
from injectors.toxiproxy import ToxiproxyLink, Transport

if TYPE_CHECKING:
    from injectors.toxiproxy_server import Abilities, Stream

Direction = Literal["downstream", "upstream", "both"]
Sign = Literal["slower", "silent", "reset", "refused", "hangs", "cut"]
"""How an effect shows: late answers, none, a reset, nobody listening, connecting that hangs, either that or no answer."""
Wish = tuple[str, Mapping[str, int | float]]
"""The type and the attributes of a toxic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFault:
    """A fault of a link that goes through Toxiproxy. Each fault says what toxic it is made of, and how its effect shows."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    address: ClassVar[type] = ToxiproxyLink
    carries: ClassVar[frozenset[Transport]] = frozenset({"tcp"})
    """What links must carry to have this fault."""
    types: ClassVar[frozenset[str]]
    """Toxics that are looked for as what this fault has left."""
    undo: ClassVar[str] = ""
    """What healing does, where there is more to say than that toxics are removed."""
    takes_down: ClassVar[bool] = False
    """Whether the proxy is disabled; the toxic is then a mark that it was us."""

    link: Annotated[TargetName, "The link to spoil"]

    @property
    def target(self) -> TargetName:
        """The link."""
        return self.link

    # --- what each fault says of itself

    def wish(self, able: "Abilities") -> Wish:
        """What it is made of at a server of these abilities; one for each direction."""
        raise NotImplementedError

    def says(self, able: "Abilities", transport: Transport) -> str:
        """What it does, as a clause; the direction and the share are said after it."""
        raise NotImplementedError

    def sign(self, able: "Abilities") -> Sign | str:
        """How its effect shows; or why it cannot be measured, as a clause."""
        raise NotImplementedError

    @property
    def slower_s(self) -> float:
        """By how much each direction is slower at least, where that is the effect."""
        return 0.0

    @property
    def streams(self) -> tuple["Stream", ...]:
        """The directions that are spoiled."""
        direction: Direction = getattr(self, "direction", "upstream")
        return ("upstream", "downstream") if direction == "both" else (direction,)

    @property
    def spoiled(self) -> float:
        """The share of the connections that are."""
        return float(getattr(self, "toxicity", 1.0))

    # --- what they all do

    async def preview(self, address: ToxiproxyLink) -> Preview:
        """Look at the server and its proxy; of the run's own server, before it runs, there is nothing to be seen."""
        from injectors import link_planning

        return await link_planning.preview(self, address)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, add each toxic."""
        from injectors import link_planning

        memory = await link_planning.intend(self, injection)
        stage.remember(memory.to_data())
        await memory.bring_about(stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Remove our toxics, and enable the proxy if our mark says that we took it down; as far as they are there."""
        from injectors.link_memory import Memory

        stage.remember({"healing": True})
        await Memory.from_data(remembered.data).take_away(stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look for the toxics as they were asked for, and measure what can be measured."""
        from injectors.link_memory import Memory

        return await Memory.from_data(remembered.data).effect()

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the leases of our toxics, and of a proxy that is down."""
        from injectors.link_memory import Memory

        return await Memory.from_data(remembered.data).renew(stage)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, ToxiproxyLink]]) -> list[Residue]:
        """Toxics of this fault's types that bear a name of ours, whenever they were left."""
        from injectors import link_planning

        return [one for name, address in targets for one in await link_planning.left(cls, name, address)]
