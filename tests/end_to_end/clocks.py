"""Prometheus on a host whose clock is wrong: the real program, built with a `time.Now` that is ahead of the system's.

Go reads the time without asking the C library, so that nothing put before it can turn its clock. What it reads it goes
on by from the moment at which the file changes that the variable `CLOCK_AHEAD` names, which holds whole seconds.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.built import call, made_once
from tests.checks.observers.monitoring import BUILD_S, PROMETHEUS, Generation
from tests.real import need

_VERSIONS: dict[Generation, str] = {"old": "0.42.0", "new": PROMETHEUS}
_REPLACED: dict[Generation, Sequence[str]] = {
    "old": ("k8s.io/klog=github.com/simonpasquier/klog-gokit@v0.3.0",
            "k8s.io/klog/v2=github.com/simonpasquier/klog-gokit/v3@v3.3.0"),
    "new": (),
}  # fmt: skip
"""Modules that its own build replaces as well."""
_AHEAD = """package time

import (
	"sync/atomic"
	"syscall"
)

var ahead atomic.Int64 // time.Now is called where nothing may be waited for

func init() {
	if path, given := syscall.Getenv("CLOCK_AHEAD"); given {
		look(path)
		go func() {
			for {
				Sleep(20 * Millisecond)
				look(path)
			}
		}()
	}
}

func look(path string) {
	file, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(file)
	var text [24]byte
	if n, _ := syscall.Read(file, text[:]); n > 0 {
		if s, err := atoi(string(text[:n])); err == nil {
			ahead.Store(int64(s))
		}
	}
}
"""


def prometheus_with_a_clock_of_its_own(generation: Generation) -> Path:
    """The program; minutes to build, the first time."""
    version, go = _VERSIONS[generation], shutil.which("go")
    need(f"Prometheus {version} with a clock of its own (needs Go to build)", go is not None)
    module = "github.com/prometheus/prometheus/cmd/prometheus"

    def build(folder: Path) -> None:
        (folder / "go.mod").write_text("module built\n")
        (folder / "bin").mkdir()
        call([str(go), "get", f"{module}@v{version}"], folder, BUILD_S)
        for one in _REPLACED[generation]:
            call([str(go), "mod", "edit", "-replace", one], folder)
        turned = ["-overlay", str(_overlay(str(go), folder)), "-mod=mod", "-tags", "remove_all_sd"]
        call(["nice", "-n", "19", str(go), "build", *turned, "-o", "bin/", module], folder, BUILD_S)

    return made_once(f"prometheus-{version}-own-clock", "bin", build) / "prometheus"


def _overlay(go: str, folder: Path) -> Path:
    """What the compiler is to read instead of Go's own files."""
    root = subprocess.run([go, "env", "GOROOT"], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    time = Path(root) / "src" / "time"
    begins = r"(func Now\(\) Time \{\n\tsec, nsec, mono := \w+\(\)\n)"
    text, count = re.subn(begins, r"\1\tsec += ahead.Load()\n", (time / "time.go").read_text())
    assert count == 1, "time.Now of this Go begins otherwise"
    (folder / "time.go").write_text(text)
    (folder / "ahead.go").write_text(_AHEAD)
    names = {str(time / name): str(folder / name) for name in ("time.go", "ahead.go")}
    (folder / "overlay.json").write_text(json.dumps({"Replace": names}))
    return folder / "overlay.json"
