"""A real Chromium without a window, driven through two pipes by its DevTools protocol; it ends with the test."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.real import need

ANSWER_S = 60.0
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
          "--disable-dev-shm-usage", "--disable-extensions", "--remote-debugging-pipe")  # fmt: skip


def chromium() -> str | None:
    """Where it is, if it is here."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """One Chromium with one tab."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._rest = b""
        self._number = 0
        self._session = ""
        self._tab = ""
        self._scripts = True
        self._loaded: set[str] = set()
        self.told: list[str] = []
        """What the page wrote to the console, raised, or was refused by its own policy."""

    def open(self, page: Path, *, width: int = 1280, height: int = 900, scripts: bool = True, dark: bool = False,
             calm: bool = True, touch: bool = False) -> None:  # fmt: skip
        """A tab of this size, in place of the one before, with this page in it, loaded and drawn."""
        if self._tab:
            self._send("Target.closeTarget", {"targetId": self._tab})
            self.told.clear()
        self._tab = target = self._send("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.size(width, height, touch=touch)
        features = [("prefers-color-scheme", "dark" if dark else "light"),
                    ("prefers-reduced-motion", "reduce" if calm else "no-preference")]  # fmt: skip
        self.call("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in features])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._scripts = scripts
        loading = self.call("Page.navigate", url=page.as_uri())["loaderId"]
        until = time.monotonic() + ANSWER_S
        while loading not in self._loaded:  # this page, not the empty one before it, and it may be so by now
            self._hear(self._next(until))
        self.settle()

    def on_paper(self) -> None:
        """Lay the page out as it would be printed, as wide as the inside of A4."""
        self.size(695, 1000)
        self.call("Emulation.setEmulatedMedia", media="print")
        self.settle()

    def size(self, width: int, height: int, *, touch: bool = False) -> None:
        """Make the window as wide and high; a narrow one is a phone's."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)

    def settle(self) -> None:
        """Until what was asked for is drawn: two frames on. Where scripts are off nobody can count frames."""
        if not self._scripts:
            self.picture(whole=False)
            return
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def run(self, script: str) -> Any:
        """What a script of ours gives in the page; scripts of the page may be off."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """One key, down and up."""
        text = {"text": key} if len(key) == 1 else {}
        about = {"key": key, "code": key, "modifiers": 8 if shift else 0, "windowsVirtualKeyCode": _CODES.get(key, 0)}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)
        self.settle()

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """`Moved`, `Pressed`, `Released` or `Wheel`, there."""
        held = {"button": "left", "clickCount": 1} if kind in ("Pressed", "Released") else {}
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **held, **more)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """`Start`, `Move` or `End`, with fingers there."""
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.call("Input.dispatchTouchEvent", type=f"touch{kind}", touchPoints=fingers)

    def picture(self, *, whole: bool = True, part: dict[str, float] | None = None) -> bytes:
        """What it looks like, or a part of it, as PNG."""
        clip = {"clip": {**part, "scale": 1}} if part else {}
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole, **clip)["data"])

    def paper(self) -> bytes:
        """The page printed on A4, as PDF."""
        return base64.b64decode(
            self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False,
                      preferCSSPageSize=True)["data"]
        )  # fmt: skip

    def call(self, method: str, **about: Any) -> dict[str, Any]:
        """Ask the tab, and wait for its answer."""
        return self._send(method, about)

    def _send(self, method: str, about: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        words: dict[str, Any] = {"id": self._number, "method": method, "params": about}
        if self._session and not method.startswith("Target."):
            words["sessionId"] = self._session
        os.write(self._write, json.dumps(words).encode() + b"\0")
        until = time.monotonic() + ANSWER_S
        while (message := self._next(until)).get("id") != self._number:
            self._hear(message)
        assert "error" not in message, f"{method}: {message['error']}"
        return message["result"]  # type: ignore[no-any-return]

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"Chromium said nothing within {ANSWER_S:g} s"
            more = os.read(self._read, 1 << 20)
            assert more, "Chromium ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)  # type: ignore[no-any-return]

    def _hear(self, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "Page.lifecycleEvent" if message["params"]["name"] == "load":
                self._loaded.add(message["params"]["loaderId"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.told.append(json.dumps(message["params"]))
            case "Network.requestWillBeSent" if not message["params"]["request"]["url"].startswith(("file:", "data:")):
                self.told.append(f"fetched {message['params']['request']['url']}")


_CODES = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowUp": 38, "ArrowDown": 40, "Home": 36, "End": 35, "Escape": 27, "Tab": 9,
          "Enter": 13}  # fmt: skip


@contextmanager
def running() -> Iterator[Browser]:
    """A browser of the test's own, with a profile that is thrown away."""
    program = chromium()
    need("chromium", program is not None)
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # It reads from the third file and writes to the fourth, which only a shell can be told to put there.
        words = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "-", str(program), *_FLAGS,
                 f"--user-data-dir={profile}"]  # fmt: skip
        process = subprocess.Popen(words, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        browser = Browser(write, read)
        try:
            yield browser
        finally:
            _end(browser, process)
            os.close(write)
            os.close(read)


def _end(browser: Browser, process: subprocess.Popen[bytes]) -> None:
    """As it ends by itself, with all its own processes; and if it does not, by force."""
    try:
        browser._session = ""
        browser.call("Browser.close")
        process.wait(10)
    except (AssertionError, OSError, subprocess.TimeoutExpired):
        process.kill()
        process.wait()
