"""Every look as a line of CSV, which reads back as it was."""

import csv
import io

from checks import Sample, Samples, Seen
from reports.looks import to_csv

LOOKS = [
    Sample(n=0, planned_s=1.0, sent_s=1.000_2, done_s=1.003_3, seen=Seen.GOOD, seq=7),
    Sample(n=1, planned_s=1.1, sent_s=1.1, done_s=2.1, seen=Seen.BAD, why="=cmd, refused\nnow", seq=7),
    Sample(n=2, planned_s=1.2, sent_s=1.2, done_s=1.2, seen=Seen.BLIND, why="no socket", seq=8),
]


def test_a_look_is_a_line_that_reads_back() -> None:
    text = "".join(to_csv([("run-3f2a", [Samples("orders", LOOKS), Samples("never")])]))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    assert [(row["run"], row["probe"], int(row["n"]), row["seen"], int(row["line"])) for row in rows] == [
        ("run-3f2a", "orders", 0, "good", 7), ("run-3f2a", "orders", 1, "bad", 7), ("run-3f2a", "orders", 2, "blind", 8)
    ]  # fmt: skip
    assert (rows[0]["planned_s"], rows[0]["sent_s"], rows[0]["done_s"], rows[0]["took_s"]) == (
        "1.000000", "1.000200", "1.003300", "0.003100"
    )  # fmt: skip
    assert rows[1]["why"] == "'=cmd, refused\nnow", "a spreadsheet runs nothing of it"


def test_several_runs_stand_one_below_the_other_under_one_head() -> None:
    lines = list(to_csv([("a", [Samples("p", LOOKS[:1])]), ("b", [Samples("p", LOOKS[:1])])]))

    assert [line.split(",")[0] for line in lines] == ["run", "a", "b"]
