"""Expectations of alerts are checked without a fault and without a cluster: by our own reading, by promtool and by amtool."""

import os
import random
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from drills import alert_tools, cli
from drills import drill as drills
from drills.alert_files import read as read_files
from drills.load import load
from tests.checks.observers.monitoring import GENERATIONS, amtool, promtool
from tests.end_to_end.ground import wait_until

INVENTORY = """\
environment: lab
targets:
  web: {process: {match: "^no such process here$"}, tcp: {host: 127.0.0.1, port: 1}}
observers:
  pages: {sink: {listen: "127.0.0.1:9099", token: drill-token}}
"""
DRILL = """\
drill: nobody-answers
alerting:
  rules: rules.yml
  routes: alertmanager.yml
  prometheus: prometheus.yml
probes:
  page: {tcp: web}
faults:
  - {id: hangs, pause: web, for: 8s}
checks:
  - alert: {name: PageDown, after: hangs, within: 30s, severity: page, reaches: oncall, annotations: [summary]}
"""
RULES = """\
groups:
  - name: page
    rules:
      - alert: PageDown
        expr: up{job="web"} == 0
        for: 5s
        labels: {severity: page}
        annotations: {summary: the page does not answer}
"""
ROUTES = """\
route:
  receiver: tickets
  group_wait: 1s
  routes:
    - {matchers: ['severity="page"'], receiver: oncall}
receivers:
  - name: tickets
  - name: oncall
    webhook_configs: [{url: "http://127.0.0.1:9099/"}]
"""
PROMETHEUS = "global: {scrape_interval: 5s, evaluation_interval: 5s}\n"
UNPARSED = 'group "page", rule 1, "PageDown": could not parse expression: 1:17: parse error: unexpected end of input'
FINE = "1 drill, no problems\n"
ELSE_FINE = "1 drill, no problems in what could be looked at\n"
Said = pytest.CaptureFixture[str]


class Folder:
    """A folder with a drill and its files, and another with the only programs there are."""

    def __init__(self, folder: Path, programs: Path, capsys: Said) -> None:
        self.folder, self._programs, self._capsys = folder, programs, capsys
        for name, text in [("drill.yaml", DRILL), ("inventory.yaml", INVENTORY), ("rules.yml", RULES),
                           ("alertmanager.yml", ROUTES), ("prometheus.yml", PROMETHEUS)]:  # fmt: skip
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        """A file, beside the drill."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Put something else into a file, where it stands once."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1
        self.write(name, text.replace(old, new))

    def install(self, name: str, what: str | Path) -> None:
        """A program: one that is there, or a shell script."""
        path = self._programs / name
        if isinstance(what, Path):
            path.symlink_to(what)
        else:
            path.write_text(f"#!{shutil.which('sh', path=os.defpath)}\n{textwrap.dedent(what)}", encoding="utf-8")
            path.chmod(0o755)

    def lint(self, *paths: str) -> tuple[int, str]:
        """Its exit code, and what it says."""
        code = cli.main(["lint", *(paths or ["drill.yaml"])])
        said = self._capsys.readouterr()
        assert said.err == ""
        return code, said.out


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> Folder:
    """Where neither promtool nor amtool is installed."""
    for name in ("drill", "programs"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "drill")
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return Folder(tmp_path / "drill", tmp_path / "programs", capsys)


@pytest.fixture(params=GENERATIONS)
def here(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> Folder:
    """Where both are installed."""
    programs = {"promtool": promtool(request.param), "amtool": amtool(request.param)}
    found: Folder = bare.__wrapped__(tmp_path, monkeypatch, capsys)  # type: ignore[attr-defined]
    for name, path in programs.items():
        found.install(name, path)
    return found


# what is right


def test_good_files_have_no_problems(here: Folder) -> None:
    assert here.lint() == (0, FINE)


def test_without_the_tools_what_they_would_have_done_is_told_in_the_last_line(bare: Folder) -> None:
    assert bare.lint() == (0, FINE + "not installed: promtool, which would check rules.yml; amtool, which would check "
                           "alertmanager.yml, try the route of PageDown\n")  # fmt: skip


def test_a_drill_that_names_no_such_files_asks_for_no_tools(bare: Folder) -> None:
    bare.change("drill.yaml", DRILL[DRILL.index("alerting:") : DRILL.index("probes:")], "")

    assert bare.lint() == (0, FINE)


def test_a_run_has_no_need_of_these_files(bare: Folder) -> None:
    (bare.folder / "rules.yml").unlink()

    assert load(bare.folder / "drill.yaml").drill.name == "nobody-answers"


def test_what_a_lab_fills_in_is_filled_in_for_the_tools_too(here: Folder) -> None:
    """So that the files of a lab need not be written twice. Without it, `${port.sink}` is no port."""
    here.write(
        "lab.yaml", "lab: page\nports: [sink]\ntemplates: [alertmanager.yml]\nprocesses: {web: {run: [sleep, '9']}}\n"
    )
    here.change("alertmanager.yml", "9099", "${port.sink}")
    refused, _ = here.lint()
    here.change("drill.yaml", "alerting:", "lab: lab.yaml\nalerting:")

    assert refused == 2
    assert here.lint() == (0, FINE)


# what our own reading finds


def test_a_rule_that_is_not_there(here: Folder) -> None:
    here.change("rules.yml", "PageDown", "PageGone")

    assert here.lint() == (2, """\
drill.yaml:11:5: no rule is called PageDown
   11 |   - alert: {name: PageDown, after: hangs, within: 30s, severity: page, reaches: oncall, annotations: [summary]}
      |     ^^^^^
  did you mean PageGone?                                                           [alert-foreseen]

1 problem in 1 file
""")  # fmt: skip


def test_a_route_to_somebody_else(here: Folder) -> None:
    here.change("alertmanager.yml", 'severity="page"', 'severity="P1"')

    assert here.lint() == (2, """\
drill.yaml:11:5: PageDown goes to tickets (by default) and not to oncall
   11 |   - alert: {name: PageDown, after: hangs, within: 30s, severity: page, reaches: oncall, annotations: [summary]}
      |     ^^^^^
  give oncall a route that its labels match, or expect it elsewhere
  the rule: rules.yml:4:9                                                          [alert-foreseen]

1 problem in 1 file
""")  # fmt: skip


def test_a_page_that_may_come_too_late(here: Folder) -> None:
    here.change("rules.yml", "for: 5s", "for: 20s")

    assert here.lint() == (2, """\
drill.yaml:11:5: PageDown reaches oncall at worst after scrape 5 s + evaluation 5 s + for 20 s + grouping 1 s = 31 s; limit 30 s
   11 |   - alert: {name: PageDown, after: hangs, within: 30s, severity: page, reaches: oncall, annotations: [summary]}
      |     ^^^^^
  shorten `for`, `group_wait` or the intervals, or allow 31 s
  the rule: rules.yml:4:9                                                          [alert-foreseen]

1 problem in 1 file
""")  # fmt: skip


def test_the_readme_shows_what_is_seen(bare: Folder) -> None:
    bare.change("rules.yml", "for: 5s", "for: 20s")
    shown = bare.lint()[1].partition("\n\n")[0]

    assert f"```\n{shown}\n```" in (Path(cli.__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_intervals_that_nobody_gave_are_said_to_be_taken_for_granted(here: Folder) -> None:
    here.change("drill.yaml", "  prometheus: prometheus.yml\n", "")
    code, said = here.lint()

    assert code == 2
    assert "PageDown cannot reach oncall before for 1 min + grouping 1 s = 1 min 1 s; limit 30 s\n" in said
    assert (
        "intervals that no file gives are a minute, Prometheus' own; `prometheus` under `alerting` would give them"
        in said
    )


def test_an_annotation_that_the_rule_does_not_have(here: Folder) -> None:
    here.change("drill.yaml", "[summary]", "[summary, action]")

    assert here.lint() == (2, """\
drill.yaml:11:5: the rule of PageDown has no annotation action
   11 |   - alert: {name: PageDown, after: hangs, within: 30s, severity: page, reaches: oncall, annotations: [summary, action]}
      |     ^^^^^
  write it into the rule
  the rule: rules.yml:4:9                                                          [alert-foreseen]

1 problem in 1 file
""")  # fmt: skip


def test_several_expectations_are_held_against_the_files_too(here: Folder) -> None:
    here.change("drill.yaml", DRILL[DRILL.index("  - alert:") :],
                "  - alerts: {after: hangs, expect: [{name: PageDown, within: 30s}, {name: Other, within: 30s}]}\n")  # fmt: skip
    code, said = here.lint()

    assert (code, said.splitlines()[0]) == (2, "drill.yaml:11:5: no rule is called Other")


def test_of_alerts_that_come_from_elsewhere_these_files_say_nothing(here: Folder) -> None:
    here.change("rules.yml", "PageDown", "PageGone")
    here.change("drill.yaml", DRILL[DRILL.index("  - alert:") :],
                "  - alert: {name: PageDown, after: hangs, within: 30s, elsewhere: true}\n")  # fmt: skip

    assert here.lint() == (0, FINE)


def test_labels_that_groups_of_rules_give_are_known(bare: Folder) -> None:
    bare.change("rules.yml", "        labels: {severity: page}\n", "")
    bare.change("rules.yml", "    rules:", "    labels: {severity: page, team: web}\n    rules:")
    bare.change("alertmanager.yml", 'severity="page"', 'severity="page", team="web"')

    assert bare.lint()[0] == 0


# files that are none


def test_a_file_that_is_not_there(here: Folder) -> None:
    here.change("drill.yaml", "rules: rules.yml", "rules: [rules.yml, rule.yml]")

    assert here.lint() == (2, """\
drill.yaml:3:22: `rule.yml`: there is no such file
    3 |   rules: [rules.yml, rule.yml]
      |                      ^^^^^^^^
  did you mean `rules.yml`?  files beside it: alertmanager.yml, drill.yaml, inventory.yaml, prometheus.yml, rules.yml [no-file]

1 problem in 1 file
""")  # fmt: skip


def test_a_pattern_that_no_file_fits(bare: Folder) -> None:
    bare.change("drill.yaml", "rules: rules.yml", "rules: alerts/*.yml")
    code, said = bare.lint()

    assert code == 2
    assert said.startswith("""\
drill.yaml:3:10: no file is called like `alerts/*.yml`
    3 |   rules: alerts/*.yml
      |          ^^^^^^^^^^^^
  paths count from the drill's own folder                                          [no-file]
""")


def test_a_pattern_stands_for_all_files_that_fit(bare: Folder) -> None:
    bare.change("drill.yaml", "rules: rules.yml", 'rules: ["rul*.yml", "**/*.rules"]')
    bare.write("rules.yml", "groups: []\n")
    (bare.folder / "deep").mkdir()
    bare.write("deep/page.rules", RULES)

    assert bare.lint()[0] == 0
    assert "check rules.yml, page.rules;" in bare.lint()[1]


def test_what_is_no_yaml(here: Folder) -> None:
    here.change("rules.yml", "labels: {severity: page}", "labels: {severity: page")

    assert here.lint() == (2, """\
rules.yml:7:17: `{` is not closed, or a `,` is missing before line 8
    7 |         labels: {severity: page
      |                 ^
  close it; a text that holds `: `, `,` or a bracket goes in quotes                [not-closed]

1 problem in 1 file
""")  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("rules.yml", "groups:", "group:", "rules.yml:1:1: a rule file needs `groups`"),
        ("rules.yml", "        expr: up{job=\"web\"} == 0\n", "", "rules.yml:4:9: rules needs `expr`"),
        ("rules.yml", "for: 5s", "for: 5x", "rules.yml:6:14: `for` cannot be `5x`"),
        ("rules.yml", "{severity: page}", "severity=page", "rules.yml:7:17: `labels` is a text, where a table is expected"),
        ("alertmanager.yml", "group_wait: 1s", "group_wait: 1", "alertmanager.yml:3:15: `group_wait` cannot be `1`"),
        ("alertmanager.yml", "'severity=\"page\"'", "severity", "alertmanager.yml:5:19: `matchers` cannot be `severity`"),
        ("alertmanager.yml", "['severity=\"page\"']", "severity=page",
         "alertmanager.yml:5:18: `matchers` is a text, where a list is expected"),
        ("alertmanager.yml", "route:", "rout:", "alertmanager.yml:1:1: Alertmanager's configuration needs `route`"),
        ("prometheus.yml", "scrape_interval: 5s", "scrape_interval: often",
         "prometheus.yml:1:27: `scrape_interval` cannot be `often`"),
    ],
)  # fmt: skip
def test_a_file_of_another_shape_is_told_at_its_place(
    bare: Folder, file: str, old: str, new: str, expected: str
) -> None:
    bare.change(file, old, new)
    code, said = bare.lint()

    assert (code, said.splitlines()[0]) == (2, expected)
    assert "1 problem in 1 file\n" in said


def test_nothing_that_can_be_written_breaks_the_reading(bare: Folder) -> None:
    """Files that somebody is in the middle of writing: parts of them are missing, doubled or something else."""
    read = {"rules.yml": RULES, "alertmanager.yml": ROUTES, "prometheus.yml": PROMETHEUS}
    drill, well = drills.read(bare.folder / "drill.yaml"), 0
    for seed in range(300):
        dice = random.Random(seed)
        for name, text in read.items():
            for _ in range(dice.choice((0, 0, 1, 2))):
                start = dice.randrange(len(text))
                end = start + dice.choice((0, 1, 5, 30))
                put = dice.choice(
                    ("", "[", "}", "\n", "  ", "~", ":", "- ", "1", '"', "&a ", "*a", "{{", "/", text[start:end] * 2)
                )
                text = text[:start] + put + text[end:]  # noqa: PLW2901
            bare.write(name, text)
        setup = read_files(drill, bare.folder, {})
        assert (setup.evidence is None) == bool(setup.problems)
        well += not setup.problems

    assert 30 < well < 270


def test_mistakes_of_the_drill_and_of_these_files_are_told_at_once(here: Folder) -> None:
    here.change("drill.yaml", "pause: web", "pause: wbe")
    here.change("rules.yml", "== 0", "==")
    here.change("alertmanager.yml", "receiver: oncall", "receiver: oncal")
    said = here.lint()[1]

    assert [line for line in said.splitlines() if line.split(":")[0] in {"drill.yaml", "rules.yml", "alertmanager.yml"}] == [
        "drill.yaml:9:5: fault `hangs` names `wbe`, which the inventory does not have",
        "drill.yaml:11:5: PageDown goes to oncal (severity=\"page\") and not to oncall",
        "alertmanager.yml:5:49: undefined receiver \"oncal\" used in route",
        "rules.yml:5:15: " + UNPARSED,
    ]  # fmt: skip


# what the tools find


def test_a_wrong_expression(here: Folder) -> None:
    here.change("rules.yml", "== 0", "==")

    assert here.lint() == (2, """\
rules.yml:5:15: group "page", rule 1, "PageDown": could not parse expression: 1:17: parse error: unexpected end of input
    5 |         expr: up{job="web"} ==
      |               ^^^^^^^^^^^^^^^^
  promtool says so: Prometheus would not load this file                            [refused-by-tool]

1 problem in 1 file
""")  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("rules.yml", "the page does not answer", '"{{ $labels.x "',
         'rules.yml:4:9: group "page", rule 1, "PageDown": annotation "summary": template: __alert_PageDown:1: unclosed action'),
        ("rules.yml", "for: 5s", "fro: 5s", "rules.yml:6:9: field fro not found in type rulefmt.Rule"),
        ("alertmanager.yml", "receiver: tickets", "receiver: ticket",
         'alertmanager.yml:2:13: undefined receiver "ticket" used in route'),
        ("alertmanager.yml", "group_wait", "group_weight",
         "alertmanager.yml:3:3: field group_weight not found in type config.plain"),
        ("alertmanager.yml", "receiver: oncall}", "receiver: oncall, match_re: {a: 'd('}}",
         "alertmanager.yml: error parsing regexp: missing closing ): `^(?:d()$`"),
    ],
)  # fmt: skip
def test_what_a_tool_refuses_is_told_at_its_place(here: Folder, file: str, old: str, new: str, expected: str) -> None:
    here.change(file, old, new)
    code, said = here.lint()

    assert code == 2
    assert [line for line in said.splitlines() if line.startswith(expected)]
    assert "could not look" not in said


def test_whoever_amtool_says_is_not_reached_is_not(bare: Folder) -> None:
    bare.install("promtool", "")
    bare.install("amtool", "echo tickets,chat")

    assert bare.lint() == (2, """\
drill.yaml:11:5: PageDown does not reach oncall, but tickets,chat
   11 |   - alert: {name: PageDown, after: hangs, within: 30s, severity: page, reaches: oncall, annotations: [summary]}
      |     ^^^^^
  amtool says so; change the routes, the rule's labels, or `reaches`               [alert-foreseen]

1 problem in 1 file
""")  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rules.yml", "severity: page", 'severity: "{{ $labels.level }}"'),
        ("prometheus.yml", "}\n", "}\nalerting: {alert_relabel_configs: [{action: labeldrop, regex: severity}]}\n"),
    ],
)  # fmt: skip
def test_where_labels_are_not_known_amtool_is_not_asked_for_a_route(
    bare: Folder, file: str, old: str, new: str
) -> None:
    bare.change("drill.yaml", "severity: page, ", "")
    bare.change(file, old, new)
    bare.install("promtool", "")
    bare.install("amtool", 'case "$*" in *routes*) echo asked >&2; exit 1;; esac')

    assert "asked" not in bare.lint()[1]


def test_each_file_is_looked_at_once_however_many_drills_name_it(bare: Folder) -> None:
    bare.write("second.yaml", DRILL.replace("nobody-answers", "again"))
    for name in ("promtool", "amtool"):
        bare.install(name, f"echo {name} $1 $2 >>{bare.folder}/calls; echo oncall")
    code, said = bare.lint(".")

    assert (code, said) == (0, "2 drills, no problems\n")
    assert sorted((bare.folder / "calls").read_text(encoding="utf-8").splitlines()) == [
        f"amtool check-config {bare.folder}/alertmanager.yml", "amtool config routes", "promtool check rules"
    ]  # fmt: skip


# tools that break


def test_a_tool_that_hangs_has_not_looked_and_is_ended_with_all_it_began(
    bare: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_tools, "DEADLINE_S", 4)
    sleep = shutil.which("sleep", path=os.defpath)
    bare.install("promtool", f"echo $$ >{bare.folder}/pid; {sleep} 600 & wait")
    bare.install("amtool", "echo oncall")

    unseen = "could not look: promtool gave no answer within 4 s; it was to check rules.yml\n\n"
    assert bare.lint() == (3, unseen + ELSE_FINE)
    leader = int((bare.folder / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: not any(_is_of(leader, one) for one in psutil.process_iter()), "nothing of it runs")


def _is_of(leader: int, process: psutil.Process) -> bool:
    """Whether it runs, in the session of this process."""
    try:
        return os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def _cannot_start(folder: Folder) -> None:
    folder.install("promtool", "")
    (folder.folder.parent / "programs" / "promtool").write_text("#!/nowhere/at/all\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("install", "why"),
    [
        (_cannot_start, "cannot be run: No such file or directory"),
        (lambda folder: folder.install("promtool", "echo oh no >&2; exit 70"), "ended with 70: oh no"),
        (lambda folder: folder.install("promtool", "kill -9 $$"), "ended with -9: it said nothing"),
    ],
)
def test_a_tool_that_breaks_has_not_looked(bare: Folder, install: Callable[[Folder], None], why: str) -> None:
    install(bare)
    bare.install("amtool", "echo oncall")

    assert bare.lint() == (3, f"could not look: promtool {why}; it was to check rules.yml\n\n{ELSE_FINE}")  # fmt: skip


def test_a_route_that_amtool_could_not_try_was_not_looked_at(bare: Folder) -> None:
    bare.install("promtool", "")
    bare.install("amtool", 'case "$*" in *routes*) echo no such flag >&2; exit 1;; esac')

    assert bare.lint()[1].startswith(
        "could not look: amtool ended with 1: no such flag; it was to try the route of PageDown\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/zero is as long as one likes")
def test_a_tool_that_says_too_much_is_not_kept(bare: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_tools, "_OUTPUT_MAX", 100)
    bare.install("promtool", f"{shutil.which('head', path=os.defpath)} -c 3000000 /dev/zero; exit 1")
    bare.install("amtool", "echo oncall")
    code, said = bare.lint()

    assert code == 3
    assert len(said) < 1_000
