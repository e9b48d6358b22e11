"""The page on paper, by a browser that is really there; and a clear word where there is none."""

import importlib.util
from pathlib import Path

import pytest

from drills import pdf
from tests.drills.writing import refusal
from tests.real import need

PAGE = "<!doctype html><title>Run</title>" + "<h1 style='break-after: page'>Lost, 丢失</h1>" * 3


def test_a_page_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    need("chromium", pdf.browser_here() is not None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    printed = pdf.to_pdf(PAGE)

    assert printed.startswith(b"%PDF-")
    assert printed.rstrip().endswith(b"%%EOF")
    assert b"/Count 4" in printed or b"/Count 3" in printed


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
