"""The HTML report: one file, that fetches nothing, escapes everything, and reads without scripts."""

import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from checks import Measured, Part, Sentence, Spent, Window
from reports import Report
from reports.evidence_table import ROWS_MAX
from reports.markup import Html, el, join
from reports.to_html import ToHtml
from tests.reports import specimen

VOID = {"meta", "link", "br"}
MAKERS = {**specimen.ALL, "hostile": specimen.hostile, "empty": specimen.empty}


class Page(HTMLParser):
    """A page, read: its elements in order, its text, and whether every element is closed by its own tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, name: str) -> list[str]:
        return [given[name] for _, given in self.tags if name in given]


def page(make: Callable[[], Report], language: str = "en") -> Page:
    return Page(ToHtml().render(make(), language))


@pytest.mark.parametrize("name", MAKERS)
def test_the_page_is_well_formed_and_every_link_arrives(name: str) -> None:
    read = page(MAKERS[name])
    assert read.open == []
    ids = read.all("id")
    assert len(ids) == len(set(ids))
    links = [href for href in read.all("href") if href != "data:,"]
    assert all(href.startswith("#") and href[1:] in ids for href in links)
    assert all(name in ids for name in read.all("aria-labelledby"))


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_is_fetched_from_anywhere(name: str) -> None:
    text = ToHtml().render(MAKERS[name]())
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text
    read = Page(text)
    assert read.all("src") == []
    assert [given["href"] for tag, given in read.tags if tag == "link"] == ["data:,"]


def test_only_our_script_may_run() -> None:
    text = ToHtml().render(specimen.failing())
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(scripts) == 1
    policy = next(given["content"] for tag, given in Page(text).tags if given.get("http-equiv"))
    assert f"'sha256-{b64encode(sha256(scripts[0].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not [name for _, given in Page(text).tags for name in given if name.startswith("on")]


def test_hostile_texts_stay_texts() -> None:
    text = ToHtml().render(specimen.hostile())
    assert "<script>alert" not in text
    assert text.count("<script>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode("utf-8")
    assert any("<script>alert('1')</script>\\x1b[31m" in one for one in Page(text).texts)


def test_it_opens_with_the_answer() -> None:
    texts = [one.strip() for one in page(specimen.failing).texts if one.strip()]
    seen = texts[: texts.index("Timeline")]
    assert seen[2] == "FAILED"  # after the page's title, and the link that skips to the timeline
    assert any(one.replace("\u00a0", " ").startswith("Failed on data loss: 3 of 1 397") for one in seen[:6])


def test_every_verdict_stands_with_its_reason_and_its_evidence() -> None:
    text = ToHtml().render(specimen.failing())
    plain = " ".join(Page(text).texts).replace("\u00a0", " ")
    for check in specimen.failing().checks:
        assert str(check.verdict.because) in plain
    assert 'href="#line-64"' in text


def test_a_journal_line_that_is_not_shown_is_named_without_a_link() -> None:
    text = ToHtml().render(specimen.failing())
    assert '"#line-41"' not in text
    assert "41, " in text


def test_the_score_shows_its_sum_its_caps_and_its_rubric() -> None:
    plain = "|".join(page(specimen.failing_twice).texts)
    assert "Total|49.2|100" in plain
    assert "by the curve: 1.35 times its limit, and nothing is left at 2 times: 64.67" in plain
    assert "at most 49|acknowledged data was lost (data loss)|49" in plain
    assert specimen.digest("ci.yaml") in plain


def test_the_picture_shows_the_fault_its_effect_and_the_outage() -> None:
    text = ToHtml().render(specimen.failing())
    assert re.search(
        r'<g class="in-effect"><title>in effect: 8\.214 – 18\.700 s \(09:41:11\.214 – 09:41:21\.700 UTC\)', text
    )
    assert re.search(r"<title>bad 102/102, 8\.\d+ – 10\.\d+ s \(.*?UTC\): connection refused</title>", text)
    assert re.search(r'<a href="#check-3"><i aria-hidden="true">✕</i> data loss: lost</a>', text)
    pictures = [given for tag, given in Page(text).tags if tag == "svg"]
    assert all(given["role"] == "img" and given["aria-label"] for given in pictures)
    assert len(pictures) == 3


def test_an_alert_has_a_lane_that_reads_without_eyes() -> None:
    read = page(specimen.paging)
    drawn = [given["aria-label"] for tag, given in read.tags if tag == "div" and given.get("role") == "img"]
    assert drawn[0] == (
        "CachePrimaryDown: pending 11.314 – 16.314 s; firing 16.314 – 20.902 s; delivered 19.414 s; limit 23.214 s"
        "; resolved 26.400 s"
    )
    assert drawn[2] == "other pages: noise (DiskFull) 18.100 s; noise (CpuHot) 18.300 s; forbidden (NodeDown) 20.200 s"


def test_it_is_shown_where_the_time_of_a_page_went_and_which_knob_would_help_most() -> None:
    text = ToHtml().render(specimen.paging())
    plain = "|".join(one.strip() for one in Page(text).texts if one.strip()).replace("\u00a0", " ")
    assert "|after 11.2 s; limit 15 s|Of 11.2 s, 5 s is|for|, set to 5 s: no other knob would help as much|" in plain
    assert "|Of 19.6 s, 11.4 s is grouping: the knob that would help most is|group_interval|, set to 15 s|" in plain
    assert "|scrape|1 s ± 300 ms|scrape_interval|2 s|evaluation|2.1 s|evaluation_interval|4 s|for|5 s|for|5 s|" in plain
    assert "|grouping|3 s ± 300 ms|group_wait|group_interval|3 s|5 min|delivery|100 ms|–|–|" in plain
    first, second = text.split('<div class="spent')[1:]
    assert first.startswith(' passed"')
    assert '<tr role="row" class="longest"><th role="rowheader" scope="row">for</th>' in first
    # The limit of 12 s lies within the 19.6 s that the second took, and that of 15 s beyond the 11.2 s of the first.
    assert first.count('<span class="limit"') == 0
    assert second.count('<span class="limit" style="left:min(61.22%, 100% - 3px);width:0.00%">') == 5


def test_where_nobody_was_paged_nothing_of_that_is_shown() -> None:
    texts = page(specimen.failing).texts
    assert "Where the time went" not in texts
    assert "pending" not in texts


def test_words_beside_moments_keep_apart_and_where_they_cannot_are_left_out() -> None:
    windows = tuple(
        Window(lane="other pages", label=f"noise (A{n})", from_s=20 + n / 100, to_s=20 + n / 100) for n in range(30)
    )
    last = specimen.clean()
    report = specimen.report([replace(last, verdict=replace(last.verdict, windows=windows))])
    text = ToHtml().render(report)
    assert len(re.findall(r'<span title="noise \(A\d+\)', text)) == 30
    assert len(re.findall(r"<span>noise \(A\d+\)</span>", text)) == 3


def test_hostile_texts_stay_texts_where_time_went() -> None:
    part = Part(name=specimen.HOSTILE, took=Measured.between(0, 2), knobs={specimen.HOSTILE: 1})
    what = Sentence.of("{x}", x=specimen.HOSTILE)
    spent = Spent(what=what, lane=f"alert:{specimen.HOSTILE}", from_s=3, took=part.took, limit_s=1, parts=(part, part))
    window = Window(lane=spent.lane, label=specimen.HOSTILE, from_s=2, to_s=3)
    last = specimen.clean()
    report = specimen.report([replace(last, verdict=replace(last.verdict, windows=(window,), spent=(spent,)))])
    text = ToHtml().render(report)
    assert Page(text).open == []
    assert "<script>alert" not in text
    assert "\u202e" not in text


def test_the_language_is_declared_and_spoken() -> None:
    read = page(specimen.chinese, "zh")
    assert ("html", {"lang": "zh-Hans"}) in read.tags
    plain = "".join(read.texts)
    assert "未通过：数据丢失" in plain
    assert "缓存主库宕机，从库必须在五秒内接管" in plain
    assert "Timeline" not in plain
    assert page(specimen.failing).tags[0] == ("html", {"lang": "en"})


def test_tables_say_what_their_rows_and_columns_are() -> None:
    read = page(specimen.failing)
    heads = [given for tag, given in read.tags if tag == "th"]
    assert heads
    assert all(given.get("scope") in ("row", "col") for given in heads)


def test_a_day_of_looks_makes_a_page_of_less_than_a_megabyte_in_seconds() -> None:
    report = specimen.long_run(200_000)
    began = time.process_time()
    text = ToHtml().render(report)
    assert time.process_time() - began < 10
    assert len(text.encode()) < 1_000_000


def test_text_is_escaped_unless_it_is_markup() -> None:
    assert el("b", "<&\"'>", title="\"'<") == '<b title="&quot;&#39;&lt;">&lt;&amp;&quot;&#39;&gt;</b>'
    assert join("<", Html("<br>")) == "&lt;<br>"
    assert el("td", class_="", id=None) == "<td></td>"


def test_the_chain_is_drawn_and_told_step_by_step() -> None:
    text = ToHtml().render(specimen.handled())
    read = Page(text)
    drawn = next(given["aria-label"] for tag, given in read.tags if tag == "svg" and given.get("class") == "links")
    assert drawn.startswith(
        "Causal chain: 1 fault in effect 8.214 s; 2 first failed look 8.234 s; 3 alert pending 11.300 s"
    )
    rows = [given["id"] for tag, given in read.tags if tag == "tr" and given.get("id", "").startswith("step-")]
    assert rows[:3] == ["step-fault", "step-impact", "step-active"]
    assert rows[-1] == "step-cleared"
    plain = "|".join(one.strip() for one in read.texts if one.strip()).replace("\u00a0", " ")
    assert "|7|acknowledged|20.100 s|09:41:23.100|686 ms after 6|24.414 s|on time|L1/IC (lin)|84|" in plain
    assert "|–|cause stated|nobody said what the cause was|" in plain


def test_where_nothing_was_asked_of_people_their_silence_is_no_alarm() -> None:
    silent = replace(specimen.measured(), checks=specimen.passing().checks)
    assert 'class="step never unasked' in ToHtml().render(silent)
    assert 'class="step never unasked' not in ToHtml().render(specimen.measured())


def test_the_outage_is_drawn_in_its_parts() -> None:
    text = ToHtml().render(specimen.handled())
    lane = text[text.index('class="lane outage"') :]
    assert re.findall(r'<span title="(MTT.) ', lane[: lane.index("lane verdicts")]) == ["MTTI", "MTTK", "MTTF", "MTTV"]


def test_rules_stand_violated_first_with_who_when_until_when_and_how_far_it_can_be_trusted() -> None:
    plain = "|".join(one.strip() for one in page(specimen.handled).texts if one.strip()).replace("\u00a0", " ")
    rules = plain[plain.index("Rule|What|Who|Done|Due|Trust|Line") :]
    assert rules.index("✕ violated|updates|should|no update within 5 s of page.delivered") < rules.index("✓ satisfied")
    assert (
        "✓ satisfied|acknowledged|must|page.acked by L1/IC, 686 ms after page.delivered; limit 5 s|I have it|L1/IC|20.100 s"
        "|24.414 s|4.31 s left|attributed|70|,|84|"
    ) in rules


def test_findings_have_the_owner_and_the_day_that_the_review_says_and_else_none() -> None:
    plain = "|".join(one.strip() for one in page(specimen.handled).texts if one.strip())
    assert "|→ remind the lead|L3|2026-12-05|open|" in plain
    alone = "|".join(one.strip() for one in page(specimen.failing).texts if one.strip())
    assert "|no owner yet|open|no owner yet:|drills review 3f2a|" in alone


def test_what_went_well_has_no_findings() -> None:
    assert "findings" not in page(specimen.passing).all("id")


def test_many_lines_leave_a_page_that_can_be_opened_and_keep_those_that_count() -> None:
    many = tuple(replace(specimen.MOMENTS[0], seq=1000 + n, t_s=n / 9) for n in range(9000))
    whole = specimen.failing()
    text = ToHtml().render(replace(whole, duration_s=1000.0, moments=(*many, *whole.moments)))
    assert len(text.encode()) < 1_000_000
    ids = Page(text).all("id")
    assert sum(one.startswith("line-") for one in ids) == ROWS_MAX
    assert "line-96" in ids
    assert "7511 more lines are in the journal; nothing was judged by them." in text


def test_more_verdicts_than_rows_are_counted_and_the_gravest_are_shown() -> None:
    window = Window(lane="", label="long", from_s=2, to_s=29)
    passed_ones = [replace(specimen.clean(), id=f"p{n}", title=f"p{n}") for n in range(9)]
    failed_one = replace(specimen.clean("x"), id="f", title="f")
    results = [replace(one, verdict=replace(one.verdict, windows=(window,))) for one in (*passed_ones, failed_one)]
    text = ToHtml().render(specimen.report(results))
    lane = text[text.index('class="lane verdicts"') : text.index('class="lane fault"')]
    assert "and 4 more" in lane
    assert re.findall(r"<span>(. \w+)</span></a>", lane) == ["✕ f", "✓ p0", "✓ p1", "✓ p2", "✓ p3", "✓ p4"]
