"""LitmusChaos: an engine is made, watched and taken away, and what Litmus says is told for what it is worth."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from injectors.conformance import Conformance, Subject
from injectors.injector import InjectionFailed, Remembered
from injectors.kubernetes_sweep import sweep
from injectors.litmus import Litmus
from injectors.litmus_engine import ENGINE
from tests.injectors.clusters import (
    IT,
    SPEC,
    a_namespace,
    a_stage,
    a_workload,
    address,
    eventually,
    injection,
    pods,
    there,
)
from tests.injectors.litmus import ACCOUNT, FINALIZER, GROUP, all_of, define, install, operator
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Controllers and no node: pods are made, and wait. It knows Litmus's kinds, and nobody works on them."""
    with control_plane("kube-controller-manager") as one:
        define(one)
        yield one


@pytest.fixture(scope="module")
def worked(plane: ControlPlane) -> Iterator[ControlPlane]:
    """With somebody who plays Litmus's operator."""
    with operator(plane):
        yield plane


def a_fault(experiment: str = "pod-delete", **more: Any) -> Litmus:
    return Litmus(target=IT, experiment=experiment, account=ACCOUNT, **more)


def a_shop(plane: ControlPlane) -> str:
    namespace = a_workload(plane)
    install(plane, namespace)
    return namespace


class TestLitmus(Conformance):
    """On the stand-in."""

    settle_s = 20.0
    """Controllers on a busy machine take their time."""

    @pytest.fixture(autouse=True)
    def _on(self, worked: ControlPlane) -> None:
        self.plane = worked

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane = self.plane
        namespace = a_shop(plane)
        first = {one["metadata"]["uid"] for one in pods(plane, namespace)}

        def look() -> tuple[list[str], list[str]]:
            return all_of(plane, namespace), sorted(one["metadata"]["uid"] for one in pods(plane, namespace))

        def is_faulty() -> bool:
            """With another pod in the place of the one that is gone: its coming would change the world."""
            own = [one["metadata"] for one in pods(plane, namespace)]
            now = {one["uid"] for one in own if one["labels"].get("app") == "shop"}
            is_there = any(one.startswith("chaosengines/") for one in all_of(plane, namespace))
            return is_there and len(now) == len(first) and now != first

        def mend() -> None:
            plane.kubectl("--namespace", namespace, "delete", "chaosengines", "--all")

        yield Subject(
            injector=Litmus(target=IT, experiment="pod-delete", account=ACCOUNT),
            address=address(plane, namespace=namespace, deployment="shop"),
            nowhere=address(plane, namespace=namespace, deployment="none"),
            world=look,
            is_faulty=is_faulty,
            is_well=lambda: not all_of(plane, namespace) and len(pods(plane, namespace)) == len(first),
            mend=mend,
        )


class Run:
    """One injection, by hand."""

    def __init__(self, plane: ControlPlane, fault: Litmus, **where: Any) -> None:
        self.plane, self.fault = plane, fault
        self.where = address(plane, **({"deployment": "shop"} | where))
        self.data: dict[str, Any] = {}

    @property
    def memory(self) -> Remembered:
        return Remembered(id="7-fault", fault="fault", target=str(IT), version=1, data=self.data)

    def inject(self) -> None:
        stage = a_stage()
        try:
            asyncio.run(self.fault.inject(injection(self.where), stage))
        finally:
            self.data = stage.data

    def extend(self) -> None:
        asyncio.run(Litmus.extend(self.memory, a_stage(injecting=False)))

    def heal(self) -> None:
        stage = a_stage(injecting=False)
        asyncio.run(Litmus.heal(self.memory, stage))
        self.data = {**self.data, **stage.data}

    def effect(self) -> tuple[bool | None, str]:
        found = asyncio.run(Litmus.verify(self.memory, a_stage(injecting=False)))
        return found.present, found.why


def engine(plane: ControlPlane, namespace: str) -> Any:
    found = plane.get(f"{GROUP}/namespaces/{namespace}/chaosengines")["items"]
    return found[0] if found else None


def test_the_engine_names_the_target_by_one_label_and_says_how_long_it_lasts(worked: ControlPlane) -> None:
    namespace = a_shop(worked)
    run = Run(worked, a_fault(env={"PODS_AFFECTED_PERC": "50"}), namespace=namespace)
    run.inject()
    spec = engine(worked, namespace)["spec"]
    run.heal()

    assert spec["appinfo"] == {"appns": namespace, "applabel": "app=shop", "appkind": "deployment"}
    assert spec["chaosServiceAccount"] == ACCOUNT
    env = {one["name"]: one["value"] for one in spec["experiments"][0]["spec"]["components"]["env"]}
    assert env == {"PODS_AFFECTED_PERC": "50", "TOTAL_CHAOS_DURATION": "3600"}


def test_a_verdict_without_probes_is_told_to_prove_nothing(worked: ControlPlane) -> None:
    namespace = a_shop(worked)
    run = Run(worked, a_fault(env={"TOTAL_CHAOS_DURATION": "1"}), namespace=namespace)
    run.inject()
    present, why = run.effect()
    assert present
    assert "only traffic shows" in why

    assert eventually(lambda: run.effect()[0] is False)
    with pytest.raises(InjectionFailed, match="is done already: phase Completed"):
        run.extend()
    run.heal()

    said = "phase Completed, verdict Pass (without probes, which proves nothing), deployment/shop targeted"
    assert run.effect() == (False, f"nothing is left of it; Litmus said: {said}")


def test_probes_that_failed_are_told_by_name(worked: ControlPlane) -> None:
    namespace = a_shop(worked)
    run = Run(worked, a_fault("pod-probed", env={"TOTAL_CHAOS_DURATION": "1"}), namespace=namespace)
    run.inject()
    assert eventually(lambda: run.effect()[0] is False)
    run.heal()

    assert "verdict Fail (50 % of its 2 probes passed; failed: shop-answers)" in run.effect()[1]


@pytest.mark.parametrize(("experiment", "why"), [
    ("pod-unlucky", "could not do it: phase Error, verdict Error, TARGET_SELECTION_ERROR: no target pods found"),
    ("pod-skipped", "could not do it: Skipped"),
])  # fmt: skip
def test_what_litmus_could_not_do_fails_in_its_own_words(worked: ControlPlane, experiment: str, why: str) -> None:
    namespace = a_shop(worked)
    run = Run(worked, a_fault(experiment), namespace=namespace)

    with pytest.raises(InjectionFailed, match=why):
        run.inject()

    run.heal()
    assert not all_of(worked, namespace)


def test_a_runner_that_cannot_start_is_told(worked: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("injectors.litmus._SPARE_S", 27.0)  # three seconds are left to wait
    namespace = a_shop(worked)
    run = Run(worked, a_fault("pod-unable"), namespace=namespace)

    with pytest.raises(InjectionFailed, match="runner: ImagePullBackOff: no such image"):
        run.inject()

    monkeypatch.undo()
    run.heal()
    assert not all_of(worked, namespace)


def test_where_no_operator_works_it_fails_and_heals_all_the_same(
    worked: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("injectors.litmus._NOTICED_S", 0.5)
    monkeypatch.setattr("injectors.litmus._OBEYED_S", 0.5)
    namespace = a_shop(worked)
    run = Run(worked, a_fault("pod-unseen"), namespace=namespace)
    with pytest.raises(InjectionFailed, match="is Litmus's operator running"):
        run.inject()
    # As an operator leaves it that dies in the middle: held by its finalizer, with a pod under way.
    found = engine(worked, namespace)
    path = f"{GROUP}/namespaces/{namespace}/chaosengines/{found['metadata']['name']}"
    found["metadata"]["finalizers"], found["status"] = [FINALIZER], {"engineStatus": "initialized"}
    worked.api.put(path, found)
    helper = {"metadata": {"name": "helper", "labels": {"chaosUID": found["metadata"]["uid"]}}, "spec": SPEC}
    worked.api.post(f"/api/v1/namespaces/{namespace}/pods", helper)

    run.heal()

    assert there(worked, path) is None
    assert not all_of(worked, namespace)


def test_what_is_missing_the_plan_says(plane: ControlPlane) -> None:
    namespace = a_workload(plane)
    where = address(plane, namespace=namespace, deployment="shop")

    with pytest.raises(InjectionFailed, match=f"no ChaosExperiment pod-delete in namespace {namespace}"):
        asyncio.run(a_fault().preview(where))
    install(plane, namespace)
    with pytest.raises(InjectionFailed, match=f"no ServiceAccount nobody in namespace {namespace}"):
        asyncio.run(Litmus(target=IT, experiment="pod-delete", account="nobody").preview(where))
    plane.api.delete(f"{GROUP}/namespaces/{namespace}/chaosexperiments/pod-unlucky")
    with pytest.raises(InjectionFailed, match="no ChaosExperiment pod-unlucky"):
        asyncio.run(a_fault("pod-unlucky").preview(where))


def test_a_cluster_without_litmus_is_told_and_has_nothing_of_ours() -> None:
    with control_plane() as plane:
        namespace = a_namespace(plane)
        where = address(plane, namespace=namespace, deployment="shop")

        with pytest.raises(InjectionFailed, match="LitmusChaos is not installed"):
            asyncio.run(a_fault().preview(where))
        assert asyncio.run(Litmus.residue([("it", where)])) == []
        assert asyncio.run(sweep(str(plane.kubeconfig), "", [ENGINE])).unseen == ()


def test_pods_that_no_single_label_means_are_refused(plane: ControlPlane) -> None:
    """Litmus would take those of somebody else, too."""
    namespace = a_shop(plane)
    labels = pods(plane, namespace)[0]["metadata"]["labels"]
    for key, value in labels.items():
        pod = {"metadata": {"generateName": "theirs-", "labels": {key: value}}, "spec": SPEC}
        plane.api.post(f"/api/v1/namespaces/{namespace}/pods", pod)

    with pytest.raises(InjectionFailed, match="no single label means"):
        asyncio.run(a_fault().preview(address(plane, namespace=namespace, deployment="shop")))


def test_pods_that_are_exempt_are_never_a_target(plane: ControlPlane) -> None:
    namespace = a_shop(plane)
    name = pods(plane, namespace)[0]["metadata"]["name"]
    plane.kubectl("--namespace", namespace, "label", "pod", name, "chaos-drills/exempt=")

    with pytest.raises(InjectionFailed, match="exempt"):
        asyncio.run(a_fault().preview(address(plane, namespace=namespace, deployment="shop")))


def test_an_engine_that_was_left_is_found_and_healed_without_any_memory(worked: ControlPlane) -> None:
    namespace = a_shop(worked)
    Run(worked, a_fault(), namespace=namespace).inject()

    swept = asyncio.run(sweep(str(worked.kubeconfig), "", [ENGINE]))
    [(memory, by, _)] = swept.by_injection([one for one in swept.held if one.held.ref.namespace == namespace])
    assert by == "litmus"
    asyncio.run(Litmus.heal(memory, a_stage(injecting=False)))

    assert not all_of(worked, namespace)


def test_an_engine_of_somebody_else_by_our_name_is_left(plane: ControlPlane) -> None:
    namespace = a_shop(plane)
    body = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosEngine", "metadata": {"name": "drill-7-fault"},
            "spec": {"engineState": "stop", "experiments": [{"name": "pod-delete"}]}}  # fmt: skip
    plane.api.post(f"{GROUP}/namespaces/{namespace}/chaosengines", body)
    run = Run(plane, a_fault(), namespace=namespace)

    with pytest.raises(InjectionFailed, match="not ours"):
        run.inject()
    run.heal()

    assert engine(plane, namespace)["spec"]["engineState"] == "stop"


def test_a_duration_that_is_no_whole_number_of_seconds_is_refused() -> None:
    with pytest.raises(ValueError, match="TOTAL_CHAOS_DURATION"):
        a_fault(env={"TOTAL_CHAOS_DURATION": "30s"})
    assert a_fault(env={"TOTAL_CHAOS_DURATION": "30"}).env
