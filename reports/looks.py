"""Every look of every probe as CSV, for whoever wants to reckon with them elsewhere. A line at a time: there may be millions."""

from collections.abc import Iterable, Iterator

from checks import Samples, Seen
from reports.cells import table_lines

COLUMNS = ("run", "probe", "n", "planned_s", "sent_s", "done_s", "took_s", "seen", "why", "line")
_WORDS = {Seen.GOOD: "good", Seen.BAD: "bad", Seen.BLIND: "blind"}


def to_csv(runs: Iterable[tuple[str, Iterable[Samples]]]) -> Iterator[str]:
    """The file, a line at a time. Times are seconds since the run was opened; `line` is that of the journal, from 0."""
    return table_lines(COLUMNS, (row for run, probes in runs for looks in probes for row in _rows(run, looks)))


def _rows(run: str, looks: Samples) -> Iterator[tuple[object, ...]]:
    for one in looks:
        yield (run, looks.probe, one.n, f"{one.planned_s:.6f}", f"{one.sent_s:.6f}", f"{one.done_s:.6f}",
               f"{one.took_s:.6f}", _WORDS[one.seen], one.why, one.seq)  # fmt: skip
