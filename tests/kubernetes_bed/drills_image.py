"""The product's own image, as `deploy/Containerfile` says it is, without a container engine: a Debian root with the wheel in it.

The root and what the product requires are made once, and kept; the product's own layer is made each time. All of it comes from
where this machine's own apt and pip look.
"""

import hashlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.built import ROOT, call, made_once
from tests.kubernetes_bed.images import machine
from tests.real import need

IMAGE = "registry.example/chaos-drills:1"
"""As the manifests call it."""
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
_HOME = "opt/drills"
"""Where in the image the product is."""
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "var/cache", "var/lib/apt", "var/log",
             "dev", "proc", "sys")  # fmt: skip
"""Folders of the root that are left empty: nothing of them is used."""


def archive(folder: Path) -> Path:
    """The image as `docker save` writes it, made in this folder."""
    root = _root()
    python = (root / "python").read_text(encoding="utf-8")
    layers = [root / "layer.tar", _requirements(python) / "layer.tar", _product(folder, python)]
    with tarfile.open(folder / "drills.tar", "w") as saved:
        digests = [_digest(one) for one in layers]
        for digest, layer in zip(digests, layers, strict=True):
            saved.add(layer, f"{digest}/layer.tar")
        config = json.dumps({**machine(), "config": _settings(),
                             "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one}" for one in digests]}})  # fmt: skip
        manifest = {"Config": "config.json", "RepoTags": [IMAGE], "Layers": [f"{one}/layer.tar" for one in digests]}
        for name, text in {"config.json": config, "manifest.json": json.dumps([manifest])}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            saved.addfile(entry, io.BytesIO(text.encode()))
    return folder / "drills.tar"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settings() -> Mapping[str, object]:
    """What the last stage of the Containerfile says of the image beside its files."""
    said = CONTAINERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    words = [(key, value.strip()) for key, value in re.findall(r"^([A-Z]+) (.+)$", said, re.MULTILINE)]
    last = dict(words)
    return {
        "Env": [value for key, value in words if key == "ENV"],
        "WorkingDir": last["WORKDIR"],
        "User": last["USER"],
        "Entrypoint": json.loads(last["ENTRYPOINT"]),
    }


# --- the layers


def _root() -> Path:
    """A folder with the layer of a small Debian that has a Python, and with that Python's name."""
    need("debootstrap of Debian", shutil.which("debootstrap") is not None)
    mirror, suite = _mirror()
    words = ("debootstrap", "--variant=minbase", "--include=python3", suite)

    def make(folder: Path) -> None:
        made, root = folder / "debian", folder / "root"
        made.mkdir()
        # In mounts of its own, so that nothing stays mounted when it is ended on the way.
        call(["unshare", "--mount", "--propagation=private", *words, str(root), mirror], **_proxy())
        (made / "python").write_text((root / "usr/bin/python3").readlink().name, encoding="utf-8")
        with tarfile.open(made / "layer.tar", "w") as layer:
            layer.add(root, ".", filter=_kept)

    key = hashlib.sha256(f"{words}{_LEFT_OUT}".encode()).hexdigest()[:12]
    return made_once(f"drills-image-debian-{suite}-{key}", "debian", make)


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    inside = any(entry.name.startswith(f"./{one}/") for one in _LEFT_OUT)
    return None if inside or entry.isdev() else entry


def _mirror() -> tuple[str, str]:
    """Where this machine's apt has its own Debian from, and which one that is."""
    asked = subprocess.run(
        ["apt-get", "--print-uris", "update"], capture_output=True, text=True, timeout=60, check=False
    )
    system = Path("/etc/os-release").read_text(encoding="utf-8")
    own = next(iter(re.findall(r"^VERSION_CODENAME=(\w+)$", system, re.MULTILINE)), "")
    found = re.findall(r"^'(\S+)/dists/([^/']+)/InRelease'", asked.stdout, re.MULTILINE)
    mirror = next((address for address, suite in found if suite == own), "")
    need("a mirror of this Debian in apt's sources", bool(mirror))
    return mirror, own


def _proxy() -> Mapping[str, str]:
    """As apt is told to go out; debootstrap does not ask it."""
    said = subprocess.run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"], capture_output=True, text=True,
                          timeout=20, check=False)  # fmt: skip
    proxy = said.stdout.strip().removeprefix("PROXY=").strip("'")
    return {"http_proxy": proxy} if proxy else {}


def _requirements(python: str) -> Path:
    """A folder with the layer of what the product requires in a cluster."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*told["dependencies"], *told["optional-dependencies"]["kubernetes"]]

    def make(folder: Path) -> None:
        made, home = folder / "requirements", folder / "home"
        made.mkdir()
        version = python.removeprefix("python")
        _pip(_packages(home, python), "--python-version", version, "--only-binary=:all:", *wanted)
        (home / "bin").mkdir()
        (home / "bin" / "python").symlink_to(f"/usr/bin/{python}")
        (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n", encoding="utf-8")
        _pack(home, made / "layer.tar")

    key = hashlib.sha256(f"{python} {_HOME} {wanted}".encode()).hexdigest()[:12]
    return made_once(f"drills-image-requirements-{key}", "requirements", make)


def _product(folder: Path, python: str) -> Path:
    """The layer of the product alone, as it is now."""
    home = folder / "home"
    _pip(_packages(home, python), "--no-deps", str(ROOT))
    (home / "bin").mkdir()
    program = home / "bin" / "drills"
    program.write_text(
        f"#!/{_HOME}/bin/python\nimport sys\nfrom drills.cli import main\nsys.exit(main())\n", encoding="utf-8"
    )
    program.chmod(0o755)
    _pack(home, folder / "product.tar")
    return folder / "product.tar"


def _packages(home: Path, python: str) -> Path:
    return home / "lib" / python / "site-packages"


def _pip(target: Path, *words: str) -> None:
    """Install there, with bytecode: nobody can write any later."""
    pip = [sys.executable, "-m", "pip"]
    compiled: Sequence[str] = ()
    if importlib.util.find_spec("pip") is None:
        uv = shutil.which("uv")
        need("pip or uv", uv is not None)
        pip, compiled = [str(uv), "pip"], ("--compile-bytecode",)
    call([*pip, "install", "--quiet", *compiled, "--target", str(target), *words])


def _pack(home: Path, path: Path) -> None:
    with tarfile.open(path, "w") as layer:
        for one in ("opt", "var/lib/chaos-drills"):
            entry = tarfile.TarInfo(one)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        layer.add(home, _HOME, filter=_for_everybody)


def _for_everybody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o444 | (0o111 if entry.isdir() else 0)
    entry.mtime = int(entry.mtime)  # by which bytecode knows its source
    return entry
