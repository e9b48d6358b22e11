"""Drills that run inside the cluster that they break, by the manifests of `deploy/` and with no more rights than are printed."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from kubernetes.aio.config import incluster_config as official

from checks.observers import api_server
from drills import conductor, healer, journal, rundir
from drills.errors import Exit
from drills.linting import lint
from drills.rundir import RunDir
from injectors import InjectionFailed, kubernetes_found
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import reach
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT
from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.drills_image import archive
from tests.kubernetes_bed.node import Plan
from tests.kubernetes_bed.programs import program
from tests.kubernetes_bed.workloads import dns, web
from tests.real import need

DEPLOY = ROOT / "deploy"
OURS = ("--namespace", "chaos-drills")
HOLD = """
drill: hold
inventory: inventory.yaml
safety: {environments: [staging], max_duration: 5m}
probes:
  storefront: {http: storefront, every: 50ms}
steady_within: 30s
steady:
  - {probe: storefront, success: ">= 99%", hold: 1s}
faults:
  - {id: fewer, scale: {target: web, to: 1}, for: 4m}
checks:
  - {recovered: {probe: storefront, within: 30s, hold: 1s}}
"""
DISK = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {path: /var/lib/volume}
  nodeAffinity:
    required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [a]}]}]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A node with a web service of three pods, and all of `deploy/` applied as its page says; nothing comes by the clock."""
    folder = tmp_path_factory.mktemp("deploy")
    image = archive(folder)
    drills = shutil.copytree(DEPLOY / "drills", folder / "drills")
    (drills / "hold.yaml").write_text(HOLD, encoding="utf-8")
    with bed(Plan("a", "zone-a", "north")) as one:
        one.apply(dns(replicas=1))
        one.apply(web())
        one.node("a").load(image)
        volume(one).mkdir()
        one.apply(DISK)
        for name in ("namespace", "storage"):
            one.apply(manifest(name))
        one.kubectl(*OURS, "create", "configmap", "drills", f"--from-file={drills}")
        for words in (
            (str(drills / "lose-a-pod.yaml"), "game-day"),
            (str(drills / "hold.yaml"), "game-day"),
            ("--heal", "healer"),
        ):
            one.apply(printed(folder, *words))
        for name in ("healing", "game-day"):
            one.apply(manifest(name).replace("\nspec:\n", "\nspec:\n  suspend: true\n", 1))
        yield one


@pytest.fixture(autouse=True)
def _well(request: pytest.FixtureRequest) -> None:
    if "cluster" in request.fixturenames:
        one: Bed = request.getfixturevalue("cluster")
        one.wait("three web servers", lambda: replicas(one) == (3, 3))
        one.wait("names are found", lambda: len(pods(one, "kube-system", "k8s-app=kube-dns", ready=True)) == 1)


def manifest(name: str) -> str:
    return (DEPLOY / f"{name}.yaml").read_text(encoding="utf-8")


def printed(folder: Path, what: str, account: str) -> str:
    code, said = Desk(folder).call("rbac", what, "--service-account", f"chaos-drills/{account}")
    assert code == 0, said
    return said


def volume(one: Bed) -> Path:
    """The folder of this machine that is the volume."""
    return one.node("a").folder / "disk" / "lib" / "volume"


def replicas(one: Bed) -> tuple[int, int]:
    """How many web servers are wanted, and how many are ready."""
    found = one.plane.get("/apis/apps/v1/namespaces/default/deployments/web")
    return int(found["spec"]["replicas"]), int(found["status"].get("readyReplicas", 0))


def held(one: Bed) -> bool:
    """Whether the web service bears a mark of ours."""
    return (
        "chaos-drills/held"
        in one.plane.get("/apis/apps/v1/namespaces/default/deployments/web")["metadata"]["annotations"]
    )


def pods(one: Bed, namespace: str, labels: str, *, ready: bool = False) -> list[Any]:
    found = one.plane.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={labels.replace('=', '%3D')}")["items"]
    return [pod for pod in found if not ready or any(it["type"] == "Ready" and it["status"] == "True"
                                                     for it in pod["status"].get("conditions", ()))]  # fmt: skip


def job(one: Bed, name: str, drill: str = "") -> str:
    """Begin the Job of `deploy/job.yaml`, with this name and this drill."""
    text = manifest("job").replace("lose-a-pod-once", name)
    one.apply(text.replace("/drills/lose-a-pod.yaml", f"/drills/{drill}.yaml") if drill else text)
    return name


def ended(one: Bed, name: str, within_s: float = 90.0) -> tuple[str, str]:
    """Once the job has ended: how, and what its pod printed."""

    def condition() -> str:
        told = one.plane.get(f"/apis/batch/v1/namespaces/chaos-drills/jobs/{name}")["status"].get("conditions") or ()
        return next((it["type"] for it in told if it["type"] in ("Complete", "Failed") and it["status"] == "True"), "")

    one.wait(f"job {name} has ended", lambda: bool(condition()), within_s)
    mine = pods(one, "chaos-drills", f"job-name={name}")
    return condition(), one.kubectl(*OURS, "logs", mine[0]["metadata"]["name"]) if mine else ""


def newest(one: Bed) -> RunDir | None:
    runs = rundir.all_runs(volume(one) / "runs")
    return runs[-1] if runs else None


def told(one: Bed, kind: str, drill: str = "") -> list[Any]:
    """The newest run's events of this kind, if it is one of this drill."""
    run = newest(one)
    if run is None or drill not in run.id:
        return []
    return [event for event in journal.read(run.journal) if event.kind == kind]


def begin_to_hold(one: Bed, name: str) -> RunDir:
    """Run the drill that holds its fault for minutes, until it does."""
    before = newest(one)
    job(one, name, "hold")
    one.wait("the fault is in effect", lambda: newest(one) != before and bool(told(one, "injection.verified")), 60)
    assert replicas(one)[0] == 1
    assert held(one)
    run = newest(one)
    assert run is not None
    return run


def test_a_drill_in_a_pod_loses_a_pod_with_the_printed_rights_alone_and_leaves_its_report_on_the_volume(
    cluster: Bed,
) -> None:
    before = {one["metadata"]["uid"] for one in pods(cluster, "default", "app=web")}
    cluster.kubectl(*OURS, "create", "job", "--from=cronjob/lose-a-pod", "by-hand")

    how, said = ended(cluster, "by-hand")

    assert how == "Complete", said
    assert "PASSED  lose-a-pod" in said
    run = newest(cluster)
    assert run is not None
    report = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    assert {one["kind"]: one["verdict"]["outcome"] for one in report["checks"]}.items() >= {
        "fault_in_effect": "passed", "recovered": "passed", "failover": "passed", "clean": "passed",
    }.items()  # fmt: skip
    assert (run.path / "report.html").is_file()
    assert (run.path.stat().st_uid, list((volume(cluster) / "state" / "open").iterdir())) == (10001, [])
    gone = before - {one["metadata"]["uid"] for one in pods(cluster, "default", "app=web")}
    assert len(gone) == 1
    watched = [event for event in told(cluster, "observer.opened") if event.data["observer"] == "cluster"]
    assert "pods" in watched[0].data["what"]


def test_a_pod_that_is_asked_to_go_in_the_middle_of_a_fault_heals_before_it_ends(cluster: Bed) -> None:
    run = begin_to_hold(cluster, "asked")
    cluster.kubectl(*OURS, "delete", "pod", "--selector=job-name=asked", within_s=60)

    assert replicas(cluster)[0] == 3
    assert not held(cluster)
    assert told(cluster, "run.aborted")[0].data == {"by": "SIGTERM", "why": "asked to end"}
    assert told(cluster, "injection.gone")[-1].source == "conductor"
    assert json.loads((run.path / "report.json").read_text(encoding="utf-8"))["outcome"] == "aborted"
    assert ended(cluster, "asked")[0] == "Failed"
    assert pods(cluster, "chaos-drills", "job-name=asked") == [], "it is not begun again"


def test_from_the_desk_a_drill_is_asked_to_end_and_heals(cluster: Bed) -> None:
    cluster.apply(manifest("desk"))
    cluster.wait(
        "the desk is there",
        lambda: cluster.plane.get("/api/v1/namespaces/chaos-drills/pods/desk")["status"]["phase"] == "Running",
    )
    run = begin_to_hold(cluster, "unwanted")

    said = at_the_desk(cluster, "abort")

    assert f"{run.short}: ended, and nothing of it is left" in said
    assert replicas(cluster)[0] == 3
    assert not held(cluster)
    assert ended(cluster, "unwanted")[0] == "Failed"
    assert told(cluster, "run.aborted")[0].data["why"] == "drills abort"
    assert run.short in at_the_desk(cluster, "runs")
    cluster.kubectl(*OURS, "delete", "pod", "desk", within_s=60)


def at_the_desk(one: Bed, *words: str) -> str:
    return one.kubectl(*OURS, "exec", "desk", "--", "drills", *words)


def test_what_a_pod_leaves_that_dies_at_once_is_healed_by_the_cron_job_and_the_next_drill_runs(cluster: Bed) -> None:
    begin_to_hold(cluster, "killed")
    (pod,) = pods(cluster, "chaos-drills", "job-name=killed")
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    cluster.node("a").call(program("ctr"), "--address", "/run/containerd/containerd.sock", "--namespace", "k8s.io",
                           "tasks", "kill", "--all", "--signal", "SIGKILL", container)  # fmt: skip
    assert ended(cluster, "killed")[0] == "Failed"
    assert replicas(cluster)[0] == 1, "nobody is left who could heal"
    assert healed(cluster, "too-soon").startswith("left: deployment default/web is held by injection ")
    assert held(cluster)

    let_time_pass(cluster)

    assert healed(cluster, "in-time").startswith("healed: deployment default/web and replicaset default/web-")
    assert (replicas(cluster)[0], held(cluster)) == (3, False)
    assert healed(cluster, "again").startswith("nothing of ours is in 10.96.0.1:443")
    how, said = ended(cluster, job(cluster, "lose-a-pod-once"))
    assert how == "Complete", said
    assert list((volume(cluster) / "state" / "open").iterdir()) == []


def healed(one: Bed, name: str) -> str:
    """What the healing job says, that is begun now."""
    one.kubectl(*OURS, "create", "job", "--from=cronjob/heal", name)
    how, said = ended(one, name)
    assert how == "Complete", said
    return said


def let_time_pass(one: Bed) -> None:
    """Have the mark look as if nobody had renewed it for five minutes."""
    found = one.plane.get("/apis/apps/v1/namespaces/default/deployments/web")["metadata"]["annotations"]
    mark = {**json.loads(found["chaos-drills/held"]), "until": "2026-01-01T00:00:00+00:00"}
    one.kubectl("annotate", "--overwrite", "deployment/web", f"chaos-drills/held={json.dumps(mark)}")


# --- the account of a pod


def test_the_account_of_a_pod_is_read_again_when_its_token_is_over(
    cluster: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By faults and by the observer alike, as its node renews the token in the file."""
    token = cluster.kubectl(*OURS, "create", "token", "healer", "--duration=10m")
    account = tmp_path / "account"
    account.mkdir()
    shutil.copyfile(cluster.plane.certificate, account / "ca.crt")
    (account / "namespace").write_text("chaos-drills", encoding="utf-8")
    for module in (kubernetes_found, api_server):
        monkeypatch.setattr(module, "_IN_CLUSTER", account)
    monkeypatch.setattr(api_server, "_RELOAD_S", 0.0)
    monkeypatch.setattr(official, "SERVICE_TOKEN_FILENAME", str(account / "token"))
    monkeypatch.setattr(official, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
    host, _, port = cluster.plane.url.removeprefix("https://").partition(":")
    for name, value in {
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KUBECONFIG", raising=False)

    async def look() -> None:
        server = api_server.ApiServer("", "")
        (account / "token").write_text("over", encoding="utf-8")
        await server.connect()
        try:
            with pytest.raises(InjectionFailed, match="401"):
                async with reach(KubernetesAddress(deployment="web")):
                    pass
            (account / "token").write_text(token, encoding="utf-8")
            with pytest.raises(api_server.Refused, match="401"):
                await server.ask("/api/v1/nodes")
            assert len(json.loads(await server.ask("/api/v1/nodes"))["items"]) == 1
            async with reach(KubernetesAddress(deployment="web")) as inside:
                assert len(await inside.list("/api/v1/nodes")) == 1
                assert (inside.namespace, server.namespace) == ("chaos-drills", "chaos-drills")
        finally:
            await server.close()

    asyncio.run(look())


# --- without a cluster


def test_the_first_process_of_a_container_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    """A first process that does not ask for it hears no signal; this one waits for a server that says nothing."""
    need("root, for a process namespace", os.geteuid() == 0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "config").write_text(KUBECONFIG.replace("PORT", str(silent.getsockname()[1])), encoding="utf-8")
        inside = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "drills", "heal", "--cluster",
             "--kubeconfig", str(tmp_path / "config")],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            silent.settimeout(30)
            asked, _ = silent.accept()
            with asked:
                (first,) = psutil.Process(inside.pid).children()
                first.send_signal(signal.SIGTERM)
                said, _ = inside.communicate(timeout=30)
        finally:
            inside.kill()
            inside.wait()

    assert inside.returncode == Exit.ABORTED, said
    assert "Traceback" not in said


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: silent
contexts: [{name: silent, context: {cluster: silent, user: nobody}}]
clusters: [{name: silent, cluster: {server: "http://127.0.0.1:PORT"}}]
users: [{name: nobody, user: {}}]
"""


def test_what_comes_along_has_no_mistake() -> None:
    found = lint([DEPLOY])

    assert (found.drills, found.problems, found.unseen) == (1, (), ())


def test_the_job_and_the_game_day_have_the_same_pod() -> None:
    once, weekly = (yaml.safe_load(manifest(name))["spec"] for name in ("job", "game-day"))

    assert weekly["jobTemplate"]["spec"] == once


def test_what_is_asked_to_end_has_the_time_to_heal() -> None:
    spec = yaml.safe_load(manifest("job"))["spec"]["template"]["spec"]

    longest_s = conductor.HEAL_PATIENCE_S + healer.HEAL_S + healer.GONE_S + healer.SCAN_S + 3 * conductor.READ_BACK_S
    assert spec["terminationGracePeriodSeconds"] >= longest_s
