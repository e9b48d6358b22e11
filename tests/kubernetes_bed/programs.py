"""The programs of the test bed and how each is built from its Go module: once, into the user's cache, each for itself.

`python -m tests.kubernetes_bed.programs [NAME ...]` builds them beforehand; the first time takes many minutes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.built import call, made_once
from tests.real import need

KUBERNETES = "1.36.3"
CONTAINERD = "2.2.9"
GO = 26
"""The minor version of Go 1 that all of them are content with."""
BUILD_S = 3600
"""The API server alone takes minutes on two free cores, and builds are rarely alone."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command of a Go module."""

    module: str
    version: str
    command: str = ""
    """The command's folder in the module; the module itself when empty."""
    tags: Sequence[str] = ()
    stamps: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Variables that the linker sets, by their full names."""
    of_c: bool = False
    """Whether parts of it are C."""
    c_library: str = ""
    """The library that those need, as pkg-config names it."""
    neighbours: str = ""
    """The version of the modules that its own module finds in folders beside it."""

    @property
    def package(self) -> str:
        """What Go is asked to build."""
        return f"{self.module}/{self.command}".rstrip("/")


def _kubernetes(name: str) -> Program:
    version = "k8s.io/component-base/version"
    major, minor, patch = KUBERNETES.split(".")
    stamps = {f"{version}.gitVersion": f"v{KUBERNETES}", f"{version}.gitMajor": major, f"{version}.gitMinor": minor}
    return Program("k8s.io/kubernetes", KUBERNETES, f"cmd/{name}", stamps=stamps, neighbours=f"0.{minor}.{patch}")


def _containerd(name: str) -> Program:
    module = "github.com/containerd/containerd/v2"
    without = ("no_btrfs", "no_devmapper", "no_zfs")
    return Program(module, CONTAINERD, f"cmd/{name}", tags=without, stamps={f"{module}/version.Version": CONTAINERD})


def _cni(command: str) -> Program:
    return Program("github.com/containernetworking/plugins", "1.9.1", f"plugins/{command}")


def _chaos_mesh(name: str) -> Program:
    version, neighbours = "0.9.1-0.20260902003049-47411975a8cb", "0.0.0-20260906172039-d70b66ad97ac"
    module, of_c = "github.com/chaos-mesh/chaos-mesh", name == "chaos-daemon"
    return Program(module, version, f"cmd/{name}", of_c=of_c, neighbours=neighbours)


CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
CNI_PLUGINS = ("ptp", "loopback", "host-local", "portmap")
NODE = ("containerd", "containerd-shim-runc-v2", "ctr", "runc", "kubelet", "kube-proxy", "coredns", *CNI_PLUGINS)
CHAOS_MESH = ("chaos-controller-manager", "chaos-daemon")
PROGRAMS: Mapping[str, Program] = {
    "etcd": Program("go.etcd.io/etcd/server/v3", "3.6.16"),
    **{name: _kubernetes(name) for name in (*CONTROL_PLANE[1:], "kubelet", "kube-proxy")},
    **{name: _containerd(name) for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
    # Without seccomp no sandbox starts.
    "runc": Program("github.com/opencontainers/runc", "1.3.4", tags=("seccomp",), of_c=True, c_library="libseccomp"),
    "ptp": _cni("main/ptp"),
    "loopback": _cni("main/loopback"),
    "host-local": _cni("ipam/host-local"),
    "portmap": _cni("meta/portmap"),
    "coredns": Program("github.com/coredns/coredns", "1.14.2"),
    **{name: _chaos_mesh(name) for name in CHAOS_MESH},
    "kwok": Program("sigs.k8s.io/kwok", "0.8.0", "cmd/kwok"),
}


def program(name: str) -> Path:
    """The built program of this name; the test that needs it is skipped where it cannot be built."""
    one = PROGRAMS[name]
    need(f"{name} {one.version} (needs Go 1.{GO} to build)", _go_minor() >= GO)
    if one.of_c:
        tools = ", ".join(filter(None, ["gcc, pkg-config", one.c_library]))
        need(f"{name} {one.version} (needs {tools} to build)", _has_c(one.c_library))

    def build(folder: Path) -> None:
        _write_module(one, folder)
        stamps = " ".join(["-s", "-w", *[f"-X {variable}={value}" for variable, value in one.stamps.items()]])
        flags = ["-mod=mod", "-trimpath", "-tags", ",".join(one.tags), "-ldflags", stamps, "-o", name]
        call([*_politely(), "go", "build", *flags, one.package], folder, BUILD_S, CGO_ENABLED=str(int(one.of_c)))

    return made_once(f"{name}-{one.version}", name, build)


def folder_of(names: Sequence[str], folder: Path) -> Path:
    """This folder, made, with links to these programs, for whatever looks them up by a path."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).symlink_to(program(name))
    return folder


def source_of(one: Program) -> Path:
    """The files of the program's module as the proxy has them; read only."""
    return Path(json.loads(_go("mod", "download", "-json", f"{one.module}@v{one.version}"))["Dir"])


def _write_module(one: Program, folder: Path) -> None:
    """A module of our own that needs theirs: what theirs replaces ours must replace as well, and their sums are ours."""
    source = source_of(one)
    (folder / "go.mod").write_text(_module(one, json.loads(_go("mod", "edit", "-json", str(source / "go.mod")))))
    if (source / "go.sum").exists():
        (folder / "go.sum").write_bytes((source / "go.sum").read_bytes())


def _module(one: Program, theirs: Mapping[str, Any]) -> str:
    text = f"module bed\n\ngo {theirs['Go']}\n\nrequire {one.module} v{one.version}\n"
    for replaced in theirs["Replace"] or []:
        old, new = replaced["Old"]["Path"], replaced["New"]
        if "Version" in new:
            text += f"replace {old} => {new['Path']} {new['Version']}\n"
        elif one.neighbours:
            text += f"replace {old} => {old} v{one.neighbours}\n"
    return text


def _go(*words: str) -> str:
    done = subprocess.run(["go", *words], cwd="/", capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def _go_minor() -> int:
    """Of Go 1; -1 where there is none."""
    found = re.match(r"go1\.(\d+)", _go("env", "GOVERSION")) if shutil.which("go") else None
    return int(found[1]) if found else -1


@cache
def _has_c(library: str) -> bool:
    if not (shutil.which("gcc") and shutil.which("pkg-config")):
        return False
    return not library or subprocess.run(["pkg-config", "--exists", library], timeout=60, check=False).returncode == 0


def _politely() -> Sequence[str]:
    return ["nice", "-n", "19"] if shutil.which("nice") else []


if __name__ == "__main__":
    os.environ["CHAOS_DRILLS_REQUIRE_REAL"] = "1"
    for wanted in sys.argv[1:] or PROGRAMS:
        sys.stdout.write(f"{program(wanted)}\n")
        sys.stdout.flush()
