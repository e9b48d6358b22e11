"""Whole drills on a real cluster on its bad days: its servers die, tokens end, history is forgotten, objects vanish.

Nothing is lost, healing ends clean, and what could not be looked at is unknown and never passed.
"""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drills.errors import Exit
from injectors.kubernetes_marks import Mark
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.injectors.clusters import a_namespace, a_node, a_pod, a_workload, as_it_is, workload
from tests.kubernetes_bed.control_plane import ETCD_PORT, Component, ControlPlane, control_plane

INVENTORY = """
environment: lab
engines:
  kubernetes: {kubeconfig: "KUBECONFIG", policy_engine: that of the bed}
targets:
  here: {command: {}}
  rack: {kubernetes: {nodes: rack=NODE}}
  shop: {kubernetes: {deployment: shop, namespace: SPACE}}
  shelf: {kubernetes: {nodes: shelf=NODE}}
observers:
  cluster: {kubernetes: {namespace: [SPACE], kinds: [deployments, nodes]}}
"""
DRILL = """
drill: bad-day
title: Something goes wrong that was not meant to
inventory: inventory.yaml
safety: {max_targets: 40, max_duration: 2m}
probes:
  witness: {command: here, run: ["true"], every: 200ms}
faults:
  - {id: bad, FAULT, for: FORs}
checks:
  - recovered: {probe: witness, within: 2s, hold: 300ms}
"""
CORDONED, SCALED = "cordon: rack", "scale: {target: shop, to: 0}"
LONG_S = 100.0
"""Longer than any of these takes; who has seen enough ends the run."""
NODES, DEPLOYMENTS = "/api/v1/nodes", "/apis/apps/v1/deployments"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """An API server and etcd, and nobody who changes anything by itself."""
    few = ("--max-requests-inflight=100", "--max-mutating-requests-inflight=50")
    with control_plane(flags={"kube-apiserver": few}) as one:
        one.kubectl("create", "namespace", "accounts")
        yield one


@pytest.fixture(autouse=True)
def _up(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "plane" in request.fixturenames:
        request.getfixturevalue("plane").start("etcd", "kube-apiserver")


class Office(Desk):
    """Where a drill on a node of its own is run, and on `shop` where a namespace is given."""

    def __init__(
        self, folder: Path, plane: ControlPlane, kubeconfig: Path | None = None, namespace: str = "default"
    ) -> None:
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.plane, self.namespace, self.node = plane, namespace, a_node(plane)
        said = {"KUBECONFIG": str(kubeconfig or plane.kubeconfig), "SPACE": self.namespace, "NODE": self.node}
        self.write("inventory.yaml", INVENTORY, said)

    def write(self, name: str, text: str, said: Mapping[str, str]) -> None:
        for key, value in said.items():
            text = text.replace(key, value)
        (self.folder / name).write_text(text, encoding="utf-8")

    def now(self) -> str:
        """What anybody wants of what its drills touch."""
        ours = (f"rack%3D{self.node}", f"shelf%3D{self.node}")
        return as_it_is(self.plane, *(f"{NODES}?labelSelector={one}" for one in ours),
                        f"/apis/apps/v1/namespaces/{self.namespace}/deployments")  # fmt: skip

    def until(self) -> str:
        """As the mark of the node says it."""
        mark = Mark.on(self.plane.get(f"{NODES}/{self.node}"))
        assert mark
        return mark.until

    @contextmanager
    def drill(
        self, fault: str, for_s: float = LONG_S, *, patience_s: float = 60.0, lease_s: float = 300.0
    ) -> Iterator["subprocess.Popen[str]"]:
        """A run that is under way, its fault in effect, or nobody could see whether; patience and leases as given."""
        self.write("drill.yaml", DRILL, {"FAULT": fault, "FOR": f"{for_s:g}"})
        process = self.start(str(patience_s), str(lease_s), "run", "drill.yaml", module="tests.end_to_end.impatient")
        try:
            looked = ("injection.verified", "injection.unverified")
            wait_until(
                lambda: process.poll() is not None or any(map(self.has, looked)), "somebody has looked at the fault", 60
            )
            assert process.poll() is None, process.communicate()[0]
            yield process
        finally:
            process.kill()
            process.communicate()

    def wait(self, kind: str) -> None:
        wait_until(lambda: self.has(kind), f"{kind} is told", 60)

    def told_if(self, kind: str) -> list[dict[str, Any]]:
        """The same for what may never have been told."""
        return self.told(kind) if self.has(kind) else []

    def verdicts(self) -> dict[str, str]:
        return {one["kind"]: one["verdict"]["outcome"] for one in self.report()["checks"] if one["kind"] != "recovered"}


@pytest.fixture
def office(tmp_path: Path, plane: ControlPlane) -> Iterator[Office]:
    here = Office(tmp_path, plane)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def end(process: "subprocess.Popen[str]", *, now: bool = False) -> tuple[int, str]:
    """Its exit code and all it printed; `now` as by Ctrl-C."""
    if now:
        process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    return process.returncode, said


def was_seen(office: Office) -> dict[str, str]:
    """The verdicts of a run that was healed: whether the fault was there all the time, only who could look can say."""
    in_effect = office.has("injection.verified") and not office.has("injection.lapsed")
    return {"fault_in_effect": "passed" if in_effect else "unknown", "clean": "passed"}


AND_ANOTHER = ", and another one that bears its name is left alone"
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: bed, cluster: {server: "SERVER", certificate-authority: CERTIFICATE}}]
users: [{name: me, user: {FORM}}]
contexts: [{name: bed, context: {cluster: bed, user: me}}]
current-context: bed
"""
ONE_SEAT = """
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: one-seat}
spec: {type: Limited, limited: {nominalConcurrencyShares: 1, lendablePercent: 0, borrowingLimitPercent: 0,
                                limitResponse: {type: Reject}}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: one-seat}
spec:
  priorityLevelConfiguration: {name: one-seat}
  matchingPrecedence: 100
  rules:
    - subjects: [{kind: ServiceAccount, serviceAccount: {name: slow, namespace: accounts}}]
      resourceRules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"]}]
"""


def account(plane: ControlPlane, name: str) -> str:
    """The token of a new account that may do everything."""
    plane.kubectl("create", "serviceaccount", name, "-n", "accounts")
    plane.kubectl(
        "create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--serviceaccount=accounts:{name}"
    )
    return plane.kubectl("create", "token", name, "-n", "accounts").strip()


def tell(file: Path, program: Path, token: str) -> None:
    """Have the file and the program say this token from now on, each with a newline after it."""
    file.write_text(f"{token}\n", encoding="utf-8")
    said = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    program.write_text(f"print({json.dumps(json.dumps(said))})\n", encoding="utf-8")


def made_anew(plane: ControlPlane, namespace: str) -> Any:
    """Delete the workload, and make another one of its name as it was with the fault."""
    mine = workload(plane, namespace)
    plane.kubectl("delete", "deployment", "shop", "-n", namespace)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    return plane.api.post(path, {"metadata": {"name": "shop"}, "spec": mine["spec"]})


def kubeconfig(plane: ControlPlane, name: str, form: str) -> Path:
    path = plane.ground.folder / f"kubeconfig.{name}"
    said = {"SERVER": plane.url, "CERTIFICATE": str(plane.certificate), "FORM": form}
    text = KUBECONFIG
    for key, value in said.items():
        text = text.replace(key, value)
    path.write_text(text, encoding="utf-8")
    return path


def forget(plane: ControlPlane) -> None:
    """Have etcd forget everything but what is."""

    def ask(path: str, **body: object) -> Any:
        request = urllib.request.Request(f"http://{plane.address}:{ETCD_PORT}/v3/kv/{path}", json.dumps(body).encode())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)

    now = ask("range", key="AA==")["header"]["revision"]
    ask("compaction", revision=now, physical=True)


# --- the servers die


def test_an_api_server_that_dies_in_mid_fault_and_is_back_costs_nothing(office: Office, plane: ControlPlane) -> None:
    before = office.now()
    with office.drill(CORDONED) as drill:
        plane.kill("kube-apiserver")
        office.wait("observer.lost")
        plane.start("kube-apiserver")
        office.wait("observer.back")
        code, said = end(drill, now=True)

    assert code == Exit.ABORTED, said
    assert office.verdicts() == was_seen(office)
    assert office.now() == before


def test_a_fault_that_nobody_could_look_at_for_long_is_not_said_to_have_been_there(
    office: Office, plane: ControlPlane
) -> None:
    """Once its server is back its mark is renewed as before, so that nobody takes it for left behind."""
    before = office.now()
    with office.drill(CORDONED, lease_s=10) as drill:
        plane.kill("kube-apiserver")
        office.wait("injection.lapsed")
        plane.start("kube-apiserver")
        until = office.until()
        wait_until(lambda: office.until() > until, "its mark is renewed again")
        code, said = end(drill, now=True)

    assert code == Exit.ABORTED, said
    (lapsed,) = office.told("injection.lapsed")
    assert "cannot be reached" in lapsed["why"]
    assert office.verdicts() == {"fault_in_effect": "unknown", "clean": "passed"}
    assert office.now() == before


@pytest.mark.parametrize("server", ["kube-apiserver", "etcd"])
def test_healing_is_tried_until_the_server_is_back(office: Office, plane: ControlPlane, server: Component) -> None:
    before = office.now()
    with office.drill(CORDONED, 3) as drill:
        plane.kill(server)
        office.wait("injection.heal_failed")
        plane.start(server)
        code, said = end(drill)

    assert code == (Exit.INCONCLUSIVE if office.has("injection.lapsed") else Exit.PASSED), said
    assert office.verdicts() == was_seen(office)
    assert office.now() == before


def test_who_runs_out_of_patience_says_so_and_whoever_comes_later_heals(office: Office, plane: ControlPlane) -> None:
    before = office.now()
    with office.drill(CORDONED, 3, patience_s=1) as drill:
        plane.kill("kube-apiserver")
        code, said = end(drill)
    short = office.run().short

    assert code == Exit.NOT_HEALED, said
    assert f"heal what is left        drills heal {short}\n" in said
    assert office.verdicts()["clean"] == "failed"
    assert f"NOT HEALED   drills heal {short}" in office.call("runs")[1]
    plane.start("kube-apiserver")
    assert office.now() != before
    code, said = office.call("heal", short)
    assert code == 0, said
    assert office.now() == before
    assert "NOT HEALED" not in office.call("runs")[1]


def test_the_reaper_of_a_dead_run_waits_for_the_server_too(office: Office, plane: ControlPlane) -> None:
    before = office.now()
    with office.drill(CORDONED) as drill:
        plane.kill("kube-apiserver")
        drill.send_signal(signal.SIGKILL)
        office.wait("injection.heal_failed")
        plane.start("kube-apiserver")
        office.wait("run.closed")

    assert office.told("injection.gone")
    assert office.now() == before


# --- credentials end


def test_credentials_that_end_keep_nothing_from_being_healed_once_there_are_others(
    tmp_path: Path, plane: ControlPlane
) -> None:
    """One run has a token for good, one a file with it, one asks a program for it; then its account is gone."""
    first, second = account(plane, "first"), account(plane, "second")
    file, program = tmp_path / "said", tmp_path / "says"
    forms = {
        "token": f"token: {first}",
        "file": f"tokenFile: {file}",
        "program": "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, "
                   f"command: {sys.executable}, args: [{program}]}}",
    }  # fmt: skip
    tell(file, program, first)
    offices = {name: Office(tmp_path / name, plane, kubeconfig(plane, name, form)) for name, form in forms.items()}
    before = {name: one.now() for name, one in offices.items()}
    with ExitStack() as stack:
        drills = {name: stack.enter_context(one.drill(CORDONED, patience_s=1)) for name, one in offices.items()}
        plane.kubectl("delete", "serviceaccount", "first", "-n", "accounts")
        tell(file, program, second)
        offices["token"].wait("injection.lapsed")
        ended = {name: end(one, now=True) for name, one in drills.items()}

    for name in ("file", "program"):
        assert ended[name][0] == Exit.ABORTED, ended[name]
        assert offices[name].verdicts() == was_seen(offices[name])
        assert all(one["caught_up"] for one in offices[name].told_if("observer.back"))
        assert offices[name].now() == before[name]
    dead, (code, said) = offices["token"], ended["token"]
    assert code == Exit.NOT_HEALED, said
    assert "does not know who we are (401)" in dead.told("injection.lapsed")[0]["why"]
    assert f"the credentials of {plane.ground.folder / 'kubeconfig.token'} are wrong, or over; renew them there" in said
    assert dead.verdicts() == {"fault_in_effect": "unknown", "clean": "failed"}
    assert dead.now() != before["token"]

    code, said = dead.call("heal", dead.run().short, "--kubeconfig", str(plane.kubeconfig))

    assert code == 0, said
    assert dead.now() == before["token"]


def test_whoever_may_heals_the_cluster_and_the_run_is_clean_once_it_can_look(
    office: Office, plane: ControlPlane
) -> None:
    """Its token was taken out of the kubeconfig, which is as when it is over."""
    before, good = office.now(), plane.kubeconfig.read_text(encoding="utf-8")
    mine = plane.kubeconfig_for("mine", "admin-token")
    office.write("inventory.yaml", INVENTORY, {"KUBECONFIG": str(mine), "SPACE": "default", "NODE": office.node})
    with office.drill(CORDONED, 3, patience_s=1) as drill:
        mine.write_text(good.replace("admin-token", "no-such-token"), encoding="utf-8")
        code, said = end(drill)
    assert code == Exit.NOT_HEALED, said

    code, said = office.call("heal", "--cluster", "--kubeconfig", str(plane.kubeconfig))
    assert code == 0, said
    assert f"left: node {office.node} is held by injection {office.run().short}-" in said
    code, said = office.call("heal", "--cluster", "--kubeconfig", str(plane.kubeconfig), "--all")
    assert code == 0, said
    assert office.now() == before
    mine.write_text(good, encoding="utf-8")
    code, said = office.call("heal", office.run().short)
    assert code == 0, said
    assert office.now() == before


# --- what happened is forgotten, or withheld


def test_what_was_done_while_nobody_listened_is_told_with_its_bounds(office: Office, plane: ControlPlane) -> None:
    """One of two API servers dies; by the other one somebody goes on working, and etcd forgets how that went."""
    before = office.now()
    other = replace(plane, flags={"kube-apiserver": ("--secure-port=6444",)}, _daemons={}).daemon("kube-apiserver")
    api = replace(plane.api, url=f"https://{plane.address}:6444")
    other.start(lambda: api.answers("/readyz"))
    try:
        with office.drill(CORDONED) as drill:
            plane.kill("kube-apiserver")
            office.wait("observer.lost")
            plane.kubectl("--server", api.url, "uncordon", office.node)
            forget(plane)
            plane.start("kube-apiserver")
            office.wait("observer.back")
            office.wait("injection.lapsed")
            code, said = end(drill, now=True)
    finally:
        other.kill()

    assert code == Exit.ABORTED, said
    assert office.told("observer.back")[0]["caught_up"] is False
    (change,) = [one for one in office.told("kubernetes.changed") if one.get("relisted")]
    assert change["object"] == f"node/{office.node}"
    assert change["within_s"] > 0
    assert office.verdicts() == {"fault_in_effect": "unknown", "clean": "passed"}
    assert office.now() == before


def test_who_may_ask_but_one_thing_at_a_time_loses_nothing(tmp_path: Path, plane: ControlPlane) -> None:
    plane.apply(ONE_SEAT)
    office = Office(tmp_path, plane, plane.kubeconfig_for("slow", account(plane, "slow")))
    for _ in range(6):
        a_node(plane, shelf=office.node)
    before = office.now()
    with office.drill(
        "node_kill: shelf", patience_s=200
    ) as drill:  # who is refused again and again is told to wait 32 s
        code, said = end(drill, now=True)

    assert code == Exit.ABORTED, said
    assert office.verdicts() == was_seen(office)
    assert office.now() == before
    counted = plane.kubectl("get", "--raw", "/metrics").splitlines()
    refused = [one for one in counted if one.startswith("apiserver_flowcontrol_rejected_requests_total{")]
    assert any('flow_schema="one-seat"' in one for one in refused), "it was really asked too much"


# --- what is held vanishes


@pytest.mark.parametrize("again", [False, True])
def test_a_node_that_is_deleted_in_mid_fault_counts_as_healed_and_one_that_takes_its_name_is_left(
    office: Office, plane: ControlPlane, again: bool
) -> None:
    with office.drill(CORDONED) as drill:
        plane.kubectl("delete", "node", office.node)
        if again:
            meta = {"name": office.node, "labels": {"rack": office.node}}
            plane.api.post(NODES, {"metadata": meta, "spec": {"unschedulable": True}})
        office.wait("injection.lapsed")
        code, said = end(drill, now=True)

    assert code == Exit.ABORTED, said
    assert office.told("injection.gone")[0]["why"] == f"node {office.node} is gone" + (AND_ANOTHER if again else "")
    assert office.verdicts() == {"fault_in_effect": "unknown", "clean": "passed"}
    if again:
        assert plane.get(f"{NODES}/{office.node}")["spec"]["unschedulable"] is True


def test_nothing_is_made_in_a_namespace_that_is_being_deleted(tmp_path: Path, plane: ControlPlane) -> None:
    """Nobody ends here what has begun: no controller is there that would."""
    office = Office(tmp_path, plane, namespace=a_namespace(plane))
    office.write(
        "inventory.yaml",
        (tmp_path / "inventory.yaml").read_text(encoding="utf-8"),
        {"deployment: shop": "selector: app=shop"},
    )
    a_pod(plane, office.namespace, labels={"app": "shop"})
    plane.kubectl("delete", "namespace", office.namespace, "--wait=false")
    office.write("drill.yaml", DRILL, {"FAULT": "isolate: shop", "FOR": "1"})
    code, said = office.call("run", "drill.yaml")

    assert code == Exit.INCONCLUSIVE, said
    why = office.told("injection.failed")[0]["why"]
    assert why == f"namespace {office.namespace} is being terminated, and nothing new can be made in it"
    assert office.verdicts() == {"fault_in_effect": "unknown", "clean": "passed"}


def test_a_workload_that_is_deleted_or_made_anew_in_mid_fault_is_told_and_not_touched(tmp_path: Path) -> None:
    """By one run its whole namespace goes, by the other one somebody makes another workload of the name."""
    with control_plane("kube-controller-manager") as plane, ExitStack() as stack:
        whole, anew = (Office(tmp_path / name, plane, namespace=a_workload(plane)) for name in ("whole", "anew"))
        drills = [stack.enter_context(one.drill(SCALED)) for one in (whole, anew)]
        plane.kubectl("delete", "namespace", whole.namespace, "--wait=false")
        theirs = made_anew(plane, anew.namespace)
        for one in (whole, anew):
            one.wait("injection.lapsed")
        ended = [end(one, now=True) for one in drills]

        assert [code for code, _ in ended] == [Exit.ABORTED] * 2, ended
        for one, more in ((whole, ""), (anew, AND_ANOTHER)):
            assert one.told("injection.gone")[0]["why"] == f"deployment {one.namespace}/shop is gone{more}"
            assert one.verdicts() == {"fault_in_effect": "unknown", "clean": "passed"}
        now = workload(plane, anew.namespace)
        assert (now["metadata"]["uid"], now["spec"]) == (theirs["metadata"]["uid"], theirs["spec"])


# --- whose it is while the drill lives


def test_a_living_drill_renews_its_marks_and_nobody_takes_away_what_it_holds(
    office: Office, plane: ControlPlane
) -> None:
    """With marks of six seconds instead of five minutes."""
    before = office.now()
    with office.drill(CORDONED, lease_s=6) as drill:
        first = office.until()
        wait_until(
            lambda: datetime.now(UTC) > datetime.fromisoformat(first) + timedelta(seconds=1), "the first is over"
        )
        code, said = office.call("heal", "--cluster", "--kubeconfig", str(plane.kubeconfig))
        assert code == 0, said
        assert f"left: node {office.node} is held by injection {office.run().short}-" in said
        assert office.until() > first
        code, said = end(drill, now=True)

    assert code == Exit.ABORTED, said
    assert office.now() == before
