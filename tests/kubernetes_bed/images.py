"""Container images made from programs that are here: nothing is pulled, and no Docker is needed.

An archive as `docker save` writes it, one layer an image, which containerd takes as it is.
"""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.built import call, made_once
from tests.kubernetes_bed.programs import PROGRAMS, program
from tests.real import need

PAUSE = "localhost/bed/pause:1"
BUSYBOX = "localhost/bed/busybox:1"
"""A shell, a web server (`httpd`) and a client (`wget`), among hundreds."""
COREDNS = "localhost/bed/coredns:1"

_PAUSE_C = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
/* The first process of a pod or of a node: it holds the namespaces and buries whatever nobody else waits for. */
static void leave(int number) { _exit(0); }
static void bury(int number) { while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    signal(SIGCHLD, bury);
    bury(0);
    for (;;) pause();
}
"""
_USERS = {
    "etc/passwd": b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
}


def pause() -> Path:
    """The built program that does nothing but wait."""
    need("gcc, to build the pause program", shutil.which("gcc") is not None)

    def build(folder: Path) -> None:
        (folder / "pause.c").write_text(_PAUSE_C)
        call(["gcc", "-static", "-O2", "-s", "-o", "pause", "pause.c"], folder)

    return made_once(f"kubernetes-bed-pause-{_digest(_PAUSE_C.encode())}", "pause", build)


def archive() -> Path:
    """One archive with all images, made once for every change of what is in them."""
    busybox = _busybox()
    versions = f"{PROGRAMS['coredns'].version} {_PAUSE_C}".encode()
    key = _digest(Path(__file__).read_bytes(), busybox.read_bytes(), versions)

    def make(folder: Path) -> None:
        listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, timeout=20, check=True)
        images = {
            PAUSE: (_layer({"pause": pause().read_bytes()}), ["/pause"]),
            COREDNS: (_layer({"coredns": program("coredns").read_bytes()}), ["/coredns"]),
            BUSYBOX: (_layer({"bin/busybox": busybox.read_bytes(), **_USERS}, listed.stdout.split()), ["/bin/sh"]),
        }
        _write(folder / "images.tar", images)

    return made_once(f"kubernetes-bed-images-{key}", "images.tar", make)


def _busybox() -> Path:
    found = shutil.which("busybox")
    # A layer of its own has no libraries, so it must be the static one; that names no loader in its head.
    static = found is not None and b"/ld-linux" not in Path(found).read_bytes()[:4096]
    need("busybox-static of Debian", static)
    return Path(str(found))


def _layer(files: Mapping[str, bytes], applets: Sequence[str] = ()) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as layer:
        for folder, mode in {"bin": 0o755, "etc": 0o755, "www": 0o755, "tmp": 0o1777}.items():
            entry = _entry(folder, mode)
            entry.type = tarfile.DIRTYPE
            layer.addfile(entry)
        for name, content in files.items():
            entry = _entry(name, 0o644 if name.startswith("etc/") else 0o755)
            entry.size = len(content)
            layer.addfile(entry, io.BytesIO(content))
        for applet in applets:
            if applet != "busybox":
                entry = _entry(f"bin/{applet}", 0o777)
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                layer.addfile(entry)
    return written.getvalue()


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry


def _write(path: Path, images: Mapping[str, tuple[bytes, Sequence[str]]]) -> None:
    manifest = []
    with tarfile.open(path, "w") as saved:

        def add(name: str, content: bytes) -> None:
            entry = _entry(name, 0o644)
            entry.size = len(content)
            saved.addfile(entry, io.BytesIO(content))

        for image, (layer, command) in images.items():
            digest = hashlib.sha256(layer).hexdigest()
            config = json.dumps(_config(digest, command)).encode()
            named = f"{hashlib.sha256(config).hexdigest()}.json"
            add(f"{digest}/layer.tar", layer)
            add(named, config)
            manifest.append({"Config": named, "RepoTags": [image], "Layers": [f"{digest}/layer.tar"]})
        add("manifest.json", json.dumps(manifest).encode())


def machine() -> Mapping[str, str]:
    """What an image says of the machines that it is for, which are such as this one."""
    name = platform.machine()
    return {"architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(name, name), "os": "linux"}


def _config(layer: str, command: Sequence[str]) -> Mapping[str, object]:
    return {
        **machine(),
        "config": {"Cmd": command, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created_by": "the test bed"}],
    }


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]
