"""The HTML report in a real Chromium: on a desk, on a phone, on paper, by key, mouse and finger, and without scripts."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports import Moment, Report
from reports.evidence_table import ROWS_MAX
from reports.to_html import ToHtml
from tests.built import call, made_once
from tests.real import need
from tests.reports import specimen
from tests.reports.browser import Browser, running

AXE = "4.14.1"
MAKERS = {**specimen.ALL, "hostile": specimen.hostile, "empty": specimen.empty}
SLIDER = "document.querySelector('.tools input')"
ACKED = "document.querySelector('.step[href=\"#step-acked\"]')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running() as one:
        yield one


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Callable[..., Browser]:
    def open_page(make: Callable[[], Report], language: str = "en", **how: Any) -> Browser:
        page = tmp_path / "report.html"
        page.write_text(ToHtml().render(make(), language), encoding="utf-8")
        browser.open(page, **how)
        return browser

    return open_page


def axis(browser: Browser) -> str:
    return str(browser.run("document.querySelector('.marks').textContent"))


def tip(browser: Browser) -> str:
    return str(browser.run("(tip => tip.hidden ? '' : tip.innerText)(document.querySelector('.tip'))"))


def middle(browser: Browser, what: str) -> tuple[float, float]:
    x, y = (
        browser.run(f"""(() => {{ const one = document.querySelector({what!r}); one.scrollIntoView({{block: "center"}});
        const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
    )
    return x, y


@pytest.mark.parametrize("name", MAKERS)
def test_the_page_says_nothing_to_the_console_and_fetches_nothing(name: str, opened: Callable[..., Browser]) -> None:
    assert opened(MAKERS[name]).told == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("name", ["handled", "paged", "measured", "chinese", "hostile", "rescheduled"])
def test_no_width_makes_the_page_scroll_sideways(
    name: str, width: int, scripts: bool, opened: Callable[..., Browser]
) -> None:
    language = "zh" if name == "chinese" else "en"
    page = opened(MAKERS[name], language, width=width, height=844, scripts=scripts, touch=width < 500)
    assert page.run("document.documentElement.scrollWidth") == width


def test_keys_zoom_pan_and_reset_the_axis(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    whole = axis(page)
    page.run(f"{SLIDER}.focus()")
    page.press("+")
    zoomed = axis(page)
    page.press("ArrowRight", shift=True)
    panned = axis(page)
    assert len({whole, zoomed, panned}) == 3
    page.press("-")
    page.press("-")
    page.press("0")
    assert axis(page) == whole
    assert page.run("document.querySelector('.tools [aria-pressed=true]').textContent") == "whole run"


def test_buttons_do_the_same_and_have_names(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    named = page.run("[...document.querySelectorAll('.tools button')].map(one => one.ariaLabel || one.textContent)")
    assert named == ["wider", "closer", "earlier", "later", "whole run", "primary-dies"]
    whole = axis(page)
    page.run("document.querySelectorAll('.tools button')[5].click()")
    page.settle()
    assert axis(page) != whole


def test_the_mouse_zooms_by_dragging_and_by_its_wheel(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    whole = axis(page)
    x, y = middle(page, ".lane.probe svg")
    for kind, at in (("Moved", x), ("Pressed", x), ("Moved", x + 60), ("Released", x + 60)):
        page.mouse(kind, at, y)
    page.settle()
    dragged = axis(page)
    page.mouse("Wheel", x, y, deltaX=0, deltaY=-200, modifiers=2)
    page.settle()
    assert len({whole, dragged, axis(page)}) == 3


def test_two_fingers_zoom_and_one_pans(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled, width=390, height=844, touch=True)
    whole = axis(page)
    x, y = middle(page, ".lane.probe svg")
    page.touch("Start", (x - 20, y), (x + 20, y))
    for apart in (30, 60, 90, 120):
        page.touch("Move", (x - apart, y), (x + apart, y))
    page.touch("End")
    page.settle()
    pinched = axis(page)
    page.touch("Start", (x, y))
    for moved in (20, 60, 100):
        page.touch("Move", (x - moved, y))
    page.touch("End")
    page.settle()
    assert len({whole, pinched, axis(page)}) == 3


def test_a_step_in_focus_tells_when_by_whom_until_when_and_which_line_shows_it(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    page.run(f"{ACKED}.focus()")
    said = tip(page)
    assert {"acknowledged", "Time 20.100 s", "UTC 09:41:23.100", "Since 686 ms after 6", "Due 24.414 s on time",
            "Who L1/IC (lin)", "Line 84"} <= {line.strip().replace("\u00a0", " ") for line in said.splitlines()}  # fmt: skip
    assert page.run("document.querySelector('.tip a').getAttribute('href')") == "#line-84"
    assert page.run(f"{ACKED}.getAttribute('aria-describedby')") == "tip"
    page.press("Escape")
    assert tip(page) == ""


def test_a_step_under_the_pointer_tells_the_same(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    page.mouse("Moved", *middle(page, '.step[href="#step-acked"] > span'))
    page.settle()
    assert "Who L1/IC (lin)" in tip(page)


def test_a_finger_opens_what_a_step_tells_and_does_not_leave(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled, width=390, height=844, touch=True)
    x, y = middle(page, '.step[href="#step-verified"] > span')
    page.touch("Start", (x, y))
    page.touch("End")
    page.settle()
    assert "all-clear said" in tip(page)
    assert page.run("location.hash") == ""


STRIP = """[...document.querySelectorAll('.lane.states .strip')[%d].children].map(one => one.getBoundingClientRect())
    .map(box => [Math.round(box.left), Math.round(box.right)])"""


def test_workloads_are_drawn_step_by_step_and_zoomed_with_the_rest(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.rescheduled)
    names = "[...document.querySelectorAll('.lane.states .label b')].map(one => one.textContent)"
    assert page.run(names) == ["deployment/worker", "statefulset/cart", "deployment/shop", "node/b"]
    (lacks, evicted, placed) = page.run(STRIP % 2)
    assert lacks[0] < lacks[1] <= evicted[0] + 1 <= placed[0] + 1  # the shortest are drawn a little wider than they are
    assert placed[0] + 20 < placed[1]
    spans, wide = (
        page.run("[...document.querySelectorAll('.lane.states .bounds')].map(one => one.offsetWidth)"),
        placed[1] - placed[0],
    )
    assert len(spans) == 2
    assert min(spans) > 10
    page.run("[...document.querySelectorAll('.tools button')].find(one => one.textContent == 'primary-dies').click()")
    page.settle()
    assert page.run(STRIP % 2)[2][1] - page.run(STRIP % 2)[2][0] > wide
    page.run("document.querySelector('.lane.states .label a').click()")
    assert page.run("document.querySelector(location.hash).querySelector('b').textContent") == "deployment/worker"


def test_the_slider_tells_how_workloads_stood(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.rescheduled)
    page.run(f"{SLIDER}.focus()")
    page.run(f"{SLIDER}.value = 280; {SLIDER}.dispatchEvent(new Event('input'))")
    said = page.run(f"{SLIDER}.getAttribute('aria-valuetext')")
    assert "deployment/worker not ready" in said
    assert "deployment/shop evicted" not in said


def test_the_slider_tells_what_was_there_at_its_moment(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    page.run(f"{SLIDER}.focus()")
    page.run(f"{SLIDER}.value = 290; {SLIDER}.dispatchEvent(new Event('input'))")
    said = page.run(f"{SLIDER}.getAttribute('aria-valuetext')")
    assert said.startswith("9.11 s  ·  09:41:12.1")
    assert "primary-dies in effect" in said
    assert "orders bad 102/102: connection refused" in said
    assert "orders bad 4" in said
    assert "storefront good" in said


WORDS = """[...document.querySelectorAll('.step')].filter(one => one.style.visibility != 'hidden')
    .map(one => one.querySelector('span')).filter(one => one.offsetWidth > 10)
    .map(one => one.getBoundingClientRect()).map(box => [box.left, box.top, box.right, box.bottom])"""


@pytest.mark.parametrize("zoomed", [0, 3])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_words_of_steps_never_lie_on_each_other(width: int, zoomed: int, opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled, width=width)
    page.run(f"{SLIDER}.focus()")
    for _ in range(zoomed):
        page.press("+")
    boxes = page.run(WORDS)
    assert len(boxes) > (8 if not zoomed else 0)
    for one, other in itertools.combinations(boxes, 2):
        apart = one[2] <= other[0] + 1 or other[2] <= one[0] + 1 or one[3] <= other[1] + 1 or other[3] <= one[1] + 1
        assert apart, (one, other)


@pytest.mark.parametrize("width", [390, 1280])
def test_without_scripts_the_picture_is_whole_and_names_or_numbers_each_step(
    width: int, opened: Callable[..., Browser]
) -> None:
    page = opened(specimen.handled, width=width, scripts=False, touch=width == 390)
    assert page.run("document.querySelector('.tools')") is None
    assert len(page.run(WORDS)) > 8
    assert page.run("document.querySelector('.links .gap')") is None
    shown = page.run("document.querySelector('.step').innerText").split()
    assert shown == ["1", "fault", "in", "effect"]
    wide = page.run("document.querySelector('.step span span').offsetWidth")
    assert (wide > 50) == (width == 1280)


@pytest.mark.parametrize("name", ["handled", "paged", "measured", "failed-twice", "chinese"])
def test_on_paper_no_table_is_cut_and_no_tool_is_left(name: str, opened: Callable[..., Browser]) -> None:
    page = opened(MAKERS[name])
    page.on_paper()
    cut = page.run("""[...document.querySelectorAll('table, .lane, .gauge')].filter(one =>
        one.getBoundingClientRect().right > innerWidth + 1).map(one => one.className)""")
    assert cut == []
    tall = "[...document.querySelectorAll('tr')].filter(one => one.offsetHeight > 200).map(one => one.textContent)"
    assert page.run(tall) == []  # as where a column is so narrow that its words stand letter below letter
    assert page.run("getComputedStyle(document.querySelector('.tools')).display") == "none"


def test_what_was_zoomed_is_printed_whole(opened: Callable[..., Browser]) -> None:
    page = opened(specimen.handled)
    whole, words = axis(page), page.run(f"{ACKED}.className + {ACKED}.getAttribute('style')")
    page.run(f"{SLIDER}.focus()")
    page.press("+")
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    assert axis(page) == whole
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert axis(page) != whole
    assert words
    assert page.paper().startswith(b"%PDF")


def crowded() -> Report:
    """An hour, with a line twice a second."""
    moments = tuple(
        Moment(t_s=n / 2, at=f"2026-11-21T09:41:03.{n:06d}Z", seq=1000 + n, what=f"said {n}", source="chat")
        for n in range(7200)
    )
    return replace(specimen.handled(), duration_s=3600.0, moments=(*specimen.MOMENTS, *moments))


def test_thousands_of_moments_are_few_marks_that_part_when_zoomed(opened: Callable[..., Browser]) -> None:
    page = opened(crowded)
    marks, several = (f"document.querySelectorAll('.moments a{kind}').length" for kind in ("", ".several"))
    assert page.run("document.querySelectorAll('#evidence tr[data-at]').length") == ROWS_MAX
    assert 10 < page.run(marks) < 100
    assert page.run(several) > 0
    page.run(f"{SLIDER}.value = 100; {SLIDER}.dispatchEvent(new Event('input')); {SLIDER}.focus()")
    for _ in range(8):
        page.press("+")
    assert page.run(several) == 0
    assert page.run(marks) > 3
    assert page.told == []


def axe() -> str:
    """The script of axe-core, from npm."""
    npm = shutil.which("npm")
    need(f"axe-core {AXE} (needs npm)", npm is not None)

    def install(folder: Path) -> None:
        (folder / "package.json").write_text("{}")  # else npm looks for one in the folders above
        call([str(npm), "install", "--silent", "--no-audit", "--no-fund", f"axe-core@{AXE}"], cwd=folder)

    return (made_once(f"axe-core-{AXE}", "node_modules", install) / "axe-core" / "axe.min.js").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("how", ["desk", "dark", "phone", "chinese"])
@pytest.mark.parametrize("name", ["handled", "failed", "paged", "measured", "control", "rescheduled"])
def test_axe_finds_nothing_that_keeps_anybody_out(name: str, how: str, opened: Callable[..., Browser]) -> None:
    size = {"width": 390, "height": 844, "touch": True} if how == "phone" else {}
    page = opened(MAKERS[name], "zh" if how == "chinese" else "en", dark=how == "dark", **size)
    page.run(axe() + "; 1")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    said = "found.violations.map(one => [one.id, one.nodes.slice(0, 4).map(node => node.html + node.failureSummary)])"
    assert page.run(f"axe.run(document, {{runOnly: {tags}}}).then(found => {said})") == []
