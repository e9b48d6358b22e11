"""The page on paper, by a browser that is really there; and a clear word where there is none."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drills import pdf
from reports.to_html import ToHtml
from tests.drills.writing import refusal
from tests.real import need
from tests.reports import specimen

PAGE = "<!doctype html><title>Run</title>" + "<h1 style='break-after: page'>Lost, 丢失</h1>" * 3


def test_a_page_is_printed() -> None:
    need("chromium", pdf.browser_here() is not None)
    printed = pdf.to_pdf(PAGE)

    assert printed.startswith(b"%PDF-")
    assert printed.rstrip().endswith(b"%%EOF")
    assert b"/Count 4" in printed or b"/Count 3" in printed


def test_without_a_browser_weasyprint_prints_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need("WeasyPrint and its libraries", weasyprint_here())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHAOS_DRILLS_BROWSER", raising=False)
    printed = pdf.to_pdf(ToHtml().render(specimen.failing()))

    assert printed.startswith(b"%PDF-")
    assert printed.rstrip().endswith(b"%%EOF")
    assert len(printed) > 10_000


def weasyprint_here() -> bool:
    code = "import weasyprint"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60).returncode == 0


def test_what_cannot_be_drawn_is_told_in_words() -> None:
    page = ToHtml().render(specimen.failing())
    told = pdf.in_words(page)

    plots = re.findall(r'<svg[^>]*aria-label="([^"]*)"', page)
    assert len(plots) == page.count("<svg") > 2
    assert "<svg" not in told
    assert [one for one in plots if f'<p class="soft">{one}</p>' not in told] == []


def test_without_a_printer_it_is_said_what_helps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    (problem,) = refusal(lambda: pdf.to_pdf(PAGE))

    assert problem.slug == "no-printer"
    assert "pip install weasyprint" in problem.fix


def test_a_browser_that_breaks_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "browser"
    broken.write_text("#!/bin/sh\necho no display >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("CHAOS_DRILLS_BROWSER", str(broken))
    (problem,) = refusal(lambda: pdf.to_pdf(PAGE))

    assert f"{broken} ended with 3: no display" in problem.what
