"""The inventory: targets by name, variables from the lab and the environment, and nothing of either where it must not be."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drills import inventory as inventories
from drills import registry
from drills.binding import Binding
from drills.errors import Problem
from drills.inventory import Inventory
from drills.lab import Lab
from drills.lab_file import LabFile, LabProcess
from drills.programs import LeftOut
from drills.source import parse

ADDRESSES = registry.addresses()
OBSERVERS = registry.kinds("observers")
LAB = Lab(
    file=LabFile(lab="x", processes={"primary": LabProcess(run=("server", "--port", "6379"), env={"LANG": "C"})}),
    here=Path("/here"), folder=Path("/runs/1/lab"), ports={"primary": 6379},
)  # fmt: skip


def read(text: str, *, lab: Lab | None = None,
         environment: Mapping[str, str] | None = None) -> tuple[Inventory | None, list[Problem]]:  # fmt: skip
    """An inventory's text, read, and the mistakes in it."""
    binding = Binding()
    node = parse(textwrap.dedent(text), "inventory.yaml")
    found = inventories.bind(node, ADDRESSES, lab, binding, environment=environment, observers=OBSERVERS)
    return found, binding.problems


def good(text: str, **how: Any) -> Inventory:
    found, problems = read(text, **how)
    assert [str(one) for one in problems] == []
    assert found is not None
    return found


def only(text: str, **how: Any) -> Problem:
    (problem,) = read(text, **how)[1]
    return problem


def targets(text: str) -> str:
    return f"environment: lab\ntargets:\n  {text}\n"


# what may stand in it


def test_a_target_has_an_address_for_each_engine_and_probe_that_reaches_it() -> None:
    found = good(targets("shop: {tcp: {host: shop, port: 80}, process: {match: ^shop}}"))

    assert found.environment == "lab"
    assert found.address("shop", "tcp").port == 80
    assert found.address("shop", "http") is None
    assert found.address("other", "tcp") is None
    assert found.having("process") == ["shop"]


def test_an_engine_that_nobody_knows_is_told_with_the_nearest() -> None:
    problem = only(targets("shop: {tpc: {host: shop, port: 80}}"))

    assert problem.slug == "unknown-kind"
    assert "did you mean `tcp`?" in problem.fix
    assert problem.place.line == 3


@pytest.mark.parametrize("text", ["environment: lab", "environment: lab\ntargets:\n", "environment: lab\ntargets: [a]"])
def test_an_inventory_needs_targets(text: str) -> None:
    assert only(text).slug == "missing-setting"


def test_an_inventory_needs_its_environment() -> None:
    assert "`environment`" in only("targets: {a: {tcp: {host: a, port: 1}}}").what


def test_an_inventory_that_is_a_list_is_told() -> None:
    problem = only("- a")

    assert problem.slug == "wrong-shape"
    assert "targets" in problem.fix


def test_a_stranger_beside_the_targets_is_told_what_may_stand_there() -> None:
    problem = only(targets("a: {tcp: {host: a, port: 1}}") + "target: x\n")

    assert "did you mean `targets`?" in problem.fix


def test_a_target_must_say_where_it_is() -> None:
    assert only(targets("a: 127.0.0.1")).slug == "wrong-shape"


def test_all_mistakes_of_all_targets_are_told() -> None:
    text = targets("a: {tcp: {host: a}}\n  b: {tcp: {host: b, port: x}}\n  c: {what: 1}\n  d: 7")

    assert [one.slug for one in read(text)[1]] == ["missing-setting", "bad-number", "unknown-kind", "wrong-shape"]


# the lab


def test_a_process_of_the_lab_is_led_to_its_pidfile_and_its_start() -> None:
    address = good(targets("a: {process: {lab: primary}}"), lab=LAB).address("a", "process")

    assert address.pidfile == "/runs/1/lab/primary.pid"
    assert address.start == ("server", "--port", "6379")
    assert address.cwd == "/here"
    assert address.log == "/runs/1/lab/primary.log"
    assert dict(address.env) == {"LANG": "C"}
    assert address.lab is None


def test_a_process_that_the_lab_does_not_have_is_told() -> None:
    problem = only(targets("a: {process: {lab: primray}}"), lab=LAB)

    assert problem.slug == "unknown-process"
    assert "did you mean `primary`?" in problem.fix


def test_a_process_of_a_lab_needs_a_lab() -> None:
    assert only(targets("a: {process: {lab: primary}}")).slug == "no-lab"


STOOD_IN = replace(LAB, left_out=(LeftOut(name="eyes", missing=("eyes",), instead=("primary",)),))
"""A lab in which `primary` runs instead of `eyes`."""


def test_a_process_that_is_left_out_is_led_to_the_one_that_runs_instead() -> None:
    address = good(targets("a: {process: {lab: eyes}}"), lab=STOOD_IN).address("a", "process")

    assert address.pidfile == "/runs/1/lab/primary.pid"
    assert only(targets("a: {process: {lab: eye}}"), lab=STOOD_IN).fix == (
        "did you mean `eyes`?  processes: primary, eyes"
    )


def test_what_an_engine_says_holds_for_observers_of_that_kind_too() -> None:
    text = targets("a: {tcp: {host: a, port: 1}}") + (
        "engines: {kubernetes: {context: staging, namespace: shop}}\n"
        "observers:\n"
        "  one: {kubernetes: {kinds: [pods]}}\n"
        "  two: {kubernetes: {context: other, namespace: ['*']}}\n"
        "  three: {kubernetes: }\n"
    )
    found = {name: (one.context, one.namespace) for name, one in good(text).observers.items()}  # type: ignore[attr-defined]

    assert found == {"one": ("staging", ("shop",)), "two": ("other", ("*",)), "three": ("staging", ("shop",))}
    wrong = only(text.replace("context: staging", "contxt: staging"))
    assert (wrong.slug, "did you mean `context`?" in wrong.fix) == ("unknown-setting", True)


def test_an_observer_of_a_process_is_listened_to_only_where_that_runs() -> None:
    """Whoever stands in for it does not speak its language."""
    text = targets("a: {tcp: {host: a, port: 1}}") + (
        "observers:\n"
        "  always: {prometheus: {url: 'http://a'}}\n"
        "  here: {prometheus: {url: 'http://b'}, lab: primary}\n"
        "  gone: {lab: eyes, prometheus: {url: 'http://c'}}\n"
    )

    assert list(good(text, lab=STOOD_IN).observers) == ["always", "here"]


@pytest.mark.parametrize(
    ("observer", "slug"),
    [
        ("{prometheus: {url: 'http://a'}, lab: primray}", "unknown-process"),
        ("{prometheus: {url: 'http://a'}, lab: [primary]}", "unknown-process"),
        ("{lab: primary}", "wrong-shape"),
        ("{prometheus: {url: 'http://a'}, alertmanager: {url: 'http://a'}, lab: primary}", "wrong-shape"),
        ("{prometheus: {url: 'nowhere'}, lab: eyes}", "setting-conflict"),
    ],
)
def test_what_an_observer_cannot_be_is_told_even_where_it_is_not_listened_to(observer: str, slug: str) -> None:
    text = targets("a: {tcp: {host: a, port: 1}}") + f"observers: {{a: {observer}}}\n"
    assert only(text, lab=STOOD_IN).slug == slug
    if "primray" in observer:
        assert only(text).slug == "no-lab"


def test_variables_of_the_lab_are_filled_in() -> None:
    found = good(targets('a: {tcp: {host: "${dir}", port: "${port.primary}"}}'), lab=LAB)

    assert (found.address("a", "tcp").host, found.address("a", "tcp").port) == ("/runs/1/lab", 6379)


def test_a_variable_of_a_lab_that_is_not_there_is_one_mistake() -> None:
    """That the text with its variable is no number either would be a second one, and ours."""
    assert only(targets('a: {tcp: {host: a, port: "${port.primary}"}}')).slug == "unknown-variable"


@pytest.mark.parametrize(
    ("target", "in_lab"),
    [
        ("{process: {lab: primary}}", True),
        ('{tcp: {host: a, port: "${port.primary}"}}', True),
        ('{tcp: {host: a, port: "${ port.primary }"}}', True),
        ('{process: {pidfile: "${dir}/a.pid"}}', True),
        ('{process: {pidfile: "${here}/a.pid", start: ["${python}"]}}', False),
        ('{tcp: {host: "${env.HOST}", port: 1}}', False),
        ('{tcp: {host: "$${port.primary}", port: 1}}', False),
        ("{tcp: {host: a, port: 1}}", False),
    ],
)
def test_what_lives_in_the_lab_is_known(target: str, in_lab: bool) -> None:
    """A target that only lies beside the lab's file is there before the lab, and after it."""
    found = good(targets(f"a: {target}"), lab=LAB, environment={"HOST": "h"})

    assert found.in_lab == (frozenset({"a"}) if in_lab else frozenset())


@pytest.mark.parametrize(
    ("address", "in_lab"), [("http://127.0.0.1:${port.primary}", True), ("http://127.0.0.1:9090", False)]
)
def test_who_can_be_heard_only_while_the_lab_runs_is_known(address: str, in_lab: bool) -> None:
    observers = f'observers: {{metrics: {{prometheus: {{url: "{address}"}}}}}}\n'
    found = good(targets("a: {tcp: {host: a, port: 1}}") + observers, lab=LAB)

    assert found.observers_in_lab == (frozenset({"metrics"}) if in_lab else frozenset())
    assert found.in_lab == frozenset()


# the environment


def test_a_variable_of_the_environment_is_filled_in() -> None:
    found = good(
        targets('a: {tcp: {host: "${env.HOST}", port: "${env.PORT}"}}'), environment={"HOST": "h", "PORT": "7"}
    )

    assert (found.address("a", "tcp").host, found.address("a", "tcp").port) == ("h", 7)


def test_a_variable_that_is_not_set_is_one_mistake() -> None:
    problem = only(targets('a: {tcp: {host: a, port: "${env.PORT}"}}'), environment={"OTHER": "1"})

    assert problem.slug == "unknown-variable"
    assert "env.PORT" in problem.what


def test_an_empty_value_is_a_value() -> None:
    found = good(targets('a: {tcp: {host: "x${env.E}", port: 1}}'), environment={"E": ""})

    assert found.address("a", "tcp").host == "x"


def test_without_the_environment_what_comes_from_it_is_taken_as_given() -> None:
    """A drill is checked where its secrets are not: nobody can say there that a port from outside is no number."""
    text = targets('a: {tcp: {host: "${env.HOST}", port: "${ env.PORT }"}, process: {match: "(${env.X}"}}')

    assert [str(one) for one in read(text)[1]] == []


def test_without_the_environment_other_mistakes_are_told_all_the_same() -> None:
    text = targets('a: {tcp: {host: "${env.HOST}", port: x, prot: 1}}')

    assert sorted(one.slug for one in read(text)[1]) == ["bad-number", "unknown-setting"]


SECRET = {"PASSWORD": "hunter2-and-more", "SHORT": "ab"}


def test_a_secret_stands_in_no_message() -> None:
    text = targets(
        'a: {tcp: {host: "${env.PASSWORD}", port: "${env.PASSWORD}"}}\n'
        '  b: {process: {match: "(${env.PASSWORD}"}}\n'
        '  c: {sql: {url: "${env.PASSWORD}"}, http: {url: "${env.PASSWORD}"}, valkey: {url: "${env.PASSWORD}"}}\n'
        '  d: {process: {lab: "${env.PASSWORD}"}, "${env.PASSWORD}": 1}'
    )
    found = "\n\n".join(map(str, read(text, environment=SECRET)[1]))

    assert "bad-number" in found
    leaks = [block for block in found.split("\n\n") if "hunter2" in block]
    assert leaks == []


def test_a_secret_is_hidden_wherever_it_stands_in_a_text() -> None:
    found = good(targets('a: {process: {match: "${env.PASSWORD} ${env.SHORT}"}}'), environment=SECRET)

    assert (
        found.hidden("run --pw hunter2-and-more twice hunter2-and-more")
        == "run --pw ${env.PASSWORD} twice ${env.PASSWORD}"
    )
    assert found.hidden("cab") == "cab", "two letters stand in every text, and hide nothing"


def test_the_longest_secret_is_hidden_whole() -> None:
    environment = {"A": "secret", "B": "secret-and-more"}
    found = good(targets('a: {process: {match: "${env.A} ${env.B}"}}'), environment=environment)

    assert found.hidden("secret-and-more secret") == "${env.B} ${env.A}"


def test_what_the_inventory_does_not_use_is_no_secret_of_its() -> None:
    found = good(targets("a: {tcp: {host: a, port: 1}}"), environment={"HOME": "/root"})

    assert found.hidden("/root") == "/root"
    assert found.secrets == {}


def test_an_inventory_that_is_printed_shows_no_secret() -> None:
    found = good(targets('a: {tcp: {host: a, port: 1}, process: {match: "x${env.PASSWORD}"}}'), environment=SECRET)

    assert "hunter2" not in repr(found).replace(repr(found.targets), "")
    assert json.dumps(sorted(found.secrets)) == '["PASSWORD"]'


# who takes part


def test_people_have_roles_teams_and_tokens_and_those_are_hidden() -> None:
    text = targets("shop: {tcp: {host: shop, port: 80}}") + (
        'people:\n  lin: {roles: [IC, L1], team: sre, token: "${env.LIN_TOKEN}"}\n  mei: {}\nlooking: [mytool status]\n'
    )
    found = good(text, environment={"LIN_TOKEN": "lin-knows-this"})

    assert (found.people["lin"].roles, found.people["lin"].team) == (("IC", "L1"), "sre")
    assert found.people["lin"].token == "lin-knows-this"
    assert (found.people["mei"].roles, found.people["mei"].token) == ((), "")
    assert found.looking == ("mytool status",)
    assert found.hidden("lin-knows-this") == "${env.LIN_TOKEN}"
    assert "lin-knows-this" not in repr(found)
    assert good(text).people["lin"].token, "linted, it is taken as given"


def test_a_token_that_the_environment_does_not_have_is_told() -> None:
    text = targets("shop: {tcp: {host: shop, port: 80}}") + 'people: {lin: {token: "${env.LIN_TOKEN}"}}\n'

    assert only(text, environment={}).slug == "unknown-variable"


@pytest.mark.parametrize(
    ("people", "slug", "line"),
    [
        ("{max: {roles: [facilitator]}}", "setting-conflict", 4),
        ("{lin: {role: IC}}", "unknown-setting", 4),
        ("[lin]", "wrong-shape", 4),
    ],
)
def test_a_mistake_in_people_is_told_at_its_place(people: str, slug: str, line: int) -> None:
    problem = only(targets("shop: {tcp: {host: shop, port: 80}}") + f"people: {people}\n")

    assert (problem.slug, problem.place.line) == (slug, line)
