"""Kinds of objects that a cluster knows by definition, made for tests whose controllers are played: any fields are taken."""

from collections.abc import Mapping

from tests.injectors.clusters import eventually, there
from tests.kubernetes_bed.control_plane import ControlPlane

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def make(plane: ControlPlane, group: str, kinds: Mapping[str, str]) -> None:
    """These kinds, each with what many of it are called, of the version v1alpha1; they can be used when this returns."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING, "status": _ANYTHING}}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    for kind, plural in kinds.items():
        names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
        plane.api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
        })  # fmt: skip
    paths = [f"/apis/{group}/v1alpha1/{plural}" for plural in kinds.values()]
    assert eventually(lambda: all(there(plane, path) is not None for path in paths))
