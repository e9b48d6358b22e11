"""Engines said once, links, and servers that a run starts itself where the inventory names none."""

import asyncio
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest

from drills import inventory as inventories
from drills import lab as labs
from drills import servers
from drills.binding import Binding
from drills.errors import DrillError, Problem
from drills.inventory import Inventory
from drills.lab import Lab
from drills.source import parse
from injectors import Server, host


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """An address whose engine can be started."""

    name: ClassVar[str] = "wire"

    line: Annotated[str, "Which line of the server"]
    url: Annotated[str, "The server"] = ""
    colour: Annotated[str, "Of the line"] = "grey"
    pidfile: str = field(default="", metadata={"setting": False})

    @property
    def lacks_server(self) -> bool:
        return not self.url

    def served(self, port: int, pidfile: str) -> "Wire":
        return replace(self, url=f"http://127.0.0.1:{port}", pidfile=pidfile)

    @classmethod
    def server(cls, addresses: Sequence["Wire"], port: int, folder: str) -> Server:
        if len({one.line for one in addresses}) < len(addresses):
            raise ValueError("line", "two wires are on one line", "give one of them another line")
        lines = json.dumps([one.line for one in addresses])
        return Server(name="exchange", module="http.server", arguments=("--bind", "127.0.0.1", str(port)),
                      files={"lines.json": lines}, ready=f"http://127.0.0.1:{port}/lines.json")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """An address that needs no server."""

    name: ClassVar[str] = "plain"

    at: Annotated[str, "Where"]


def read(text: str) -> tuple[Inventory | None, list[Problem]]:
    binding = Binding()
    known: dict[str, type] = {"wire": Wire, "plain": Plain}
    found = inventories.bind(parse(textwrap.dedent(text), "inventory.yaml"), known, None, binding, environment={})
    return found, binding.problems


def good(text: str) -> Inventory:
    found, problems = read(text)
    assert [str(one) for one in problems] == []
    assert found is not None
    return found


def only(text: str) -> Problem:
    (problem,) = read(text)[1]
    return problem


# engines and links


def test_what_is_said_of_an_engine_holds_for_each_address_that_does_not_say_otherwise() -> None:
    found = good("""
        environment: lab
        engines: {wire: {url: "http://one", colour: red}}
        targets: {a: {wire: {line: x}}, b: {wire: {line: y, url: "http://two"}}, c: {wire: z}, d: {plain: {at: here}}}
    """)

    urls = {name: (facets["wire"].url, facets["wire"].colour) for name, facets in found.targets.items() if name != "d"}
    assert urls == {"a": ("http://one", "red"), "b": ("http://two", "red"), "c": ("http://one", "red")}
    assert found.address("c", "wire").line == "z"


def test_a_link_is_a_target_too() -> None:
    found = good("environment: lab\nlinks: {a-to-b: {wire: {line: x, url: u}}}\n")

    assert found.address("a-to-b", "wire").line == "x"
    assert found.in_lab == frozenset()


@pytest.mark.parametrize(
    ("text", "slug", "word"),
    [
        ("targets: {a: {plain: x}}\nlinks: {a: {plain: y}}", "two-of-a-name", "`a` is a target and a link"),
        ("targets: {a: {plain: x}}\nlinks: [a]", "missing-setting", "links"),
        ("targets: {a: {plain: x}}\nengines: {wrie: {url: x}}", "unknown-kind", "wrie"),
        ("targets: {a: {plain: x}}\nengines: {wire: {ulr: x}}", "unknown-setting", "wire has no setting `ulr`"),
        ("targets: {a: {wire: x}}\nengines: {wire: {ulr: x}}", "unknown-setting", "wire has no setting `ulr`"),
        ("targets: {a: {plain: x}}\nengines: {wire: fast}", "wrong-shape", "engine `wire`"),
        ("targets: {a: {plain: x}}\nengines: [wire]", "wrong-shape", "`engines`"),
        ("engines: {wire: {url: x}}", "missing-setting", "`targets`"),
    ],
)
def test_a_mistake_in_engines_or_links_is_told_once(text: str, slug: str, word: str) -> None:
    problem = only(f"environment: lab\n{text}\n")

    assert problem.slug == slug
    assert word in problem.what


def test_a_wrong_value_of_an_engine_is_told_where_it_stands() -> None:
    text = "environment: lab\ntargets: {a: {wire: x}}\nengines:\n  wire: {colour: [red]}\n"

    assert only(text).place.line == 4


# observers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """Somebody to listen to."""

    name: ClassVar[str] = "ear"

    url: Annotated[str, "Where"]


def heard(text: str) -> tuple[Inventory | None, list[Problem]]:
    binding = Binding()
    node = parse(f"environment: lab\ntargets: {{a: {{plain: x}}}}\nobservers: {text}\n", "inventory.yaml")
    found = inventories.bind(
        node, {"plain": Plain}, None, binding, environment={"URL": "http://u"}, observers={"ear": Ear}
    )
    return found, binding.problems


def test_observers_are_named_and_have_one_kind_each() -> None:
    found, problems = heard('{metrics: {ear: {url: "${env.URL}"}}, pages: {ear: there}}')

    assert problems == []
    assert found is not None
    assert found.observers == {"metrics": Ear(url="http://u"), "pages": Ear(url="there")}


@pytest.mark.parametrize(
    ("text", "slug"),
    [("[ear]", "wrong-shape"), ("{metrics: ear}", "wrong-shape"), ("{metrics: {ear: x, eye: y}}", "wrong-shape"),
     ("{metrics: {eat: x}}", "unknown-kind"), ("{metrics: {ear: {}}}", "missing-setting")],
)  # fmt: skip
def test_a_mistake_in_observers_is_told(text: str, slug: str) -> None:
    (problem,) = heard(text)[1]

    assert problem.slug == slug


# servers


def serve(found: Inventory, folder: Path, taken: Sequence[str] = ()) -> tuple[Inventory, Lab | None]:
    return servers.serve(found, folder, taken, where="inventory.yaml")


LINKS = """
environment: lab
targets: {a: {wire: x}, b: {wire: {line: y, url: "http://two"}}, d: {plain: here}}
links: {c: {wire: z}}
"""


def test_where_every_address_has_its_server_none_is_started(tmp_path: Path) -> None:
    found = good("environment: lab\ntargets: {b: {wire: {line: y, url: u}}}\n")

    assert serve(found, tmp_path) == (found, None)


def test_addresses_without_a_server_share_one_of_their_own(tmp_path: Path) -> None:
    found, lab = serve(good(LINKS), tmp_path)

    assert lab is not None
    assert found.in_lab == {"a", "c"}, "they are there only while the run is"
    assert found.address("a", "wire").url == found.address("c", "wire").url == f"http://127.0.0.1:{lab.ports['wire']}"
    assert found.address("a", "wire").pidfile == str(tmp_path / "exchange.pid")
    assert found.address("b", "wire").url == "http://two"
    assert lab.file.files == {"lines.json": '["x", "z"]'}


@pytest.mark.parametrize("only_check", [True, False])
def test_addresses_that_no_server_can_have_together_are_a_mistake_of_their_file(
    only_check: bool, tmp_path: Path
) -> None:
    found = good("environment: lab\ntargets: {a: {wire: x}, b: {wire: x}}\n")
    with pytest.raises(DrillError) as refused:
        servers.serve(found, tmp_path, (), where="inventory.yaml", only_check=only_check)

    (problem,) = refused.value.problems
    assert (problem.place.file, problem.slug) == ("inventory.yaml", "cannot-serve")
    assert (problem.what, problem.fix) == ("two wires are on one line", "give one of them another line")


def test_a_process_of_the_lab_with_the_servers_name_keeps_its_files(tmp_path: Path) -> None:
    found, lab = serve(good(LINKS), tmp_path, ["exchange"])

    assert lab is not None
    assert list(lab.file.processes) == ["exchange_"]
    assert found.address("a", "wire").pidfile == str(tmp_path / "exchange_.pid")


def test_the_server_is_started_and_ended_as_a_lab_is(tmp_path: Path) -> None:
    """A real one: what is ready answers, and the folder alone is enough to end it."""
    _, lab = serve(good(LINKS), tmp_path)
    assert lab is not None
    started: list[tuple[str, Any]] = []
    try:
        asyncio.run(labs.start(lab, lambda *one: started.append(one)))

        assert labs.running(tmp_path) == ["exchange"]
        assert [name for name, _ in started] == ["exchange"]
    finally:
        left = labs.end(tmp_path)
    assert left == []
    assert host.state(started[0][1]) == "gone"
