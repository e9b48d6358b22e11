"""What does not fit in memory is put aside, and reads as if it had not been; where it cannot be, memory serves."""

import errno
import os
import random
import subprocess
import sys
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import ordered, samples
from checks.aside import Aside
from checks.evidence import Event, Evidence, Sample, Samples, Seen
from checks.ordered import in_order, quantile

MANY = 5_000


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """What takes millions of looks elsewhere takes thousands here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "_BLOCK", 512)
        patch.setattr(ordered, "_FEW", 512)
        yield


def looks() -> Iterator[Sample]:
    """Of all three kinds, in rows of all lengths; some end, and so come, long after the others."""
    rng = random.Random(1)
    seen = Seen.GOOD
    for n in range(MANY):
        if rng.random() < (0.5 if 2_000 < n < 2_200 else 0.01):
            seen = rng.choices(list(Seen), (8, 1, 1))[0]
        sent_s = n / 50
        yield Sample(n=n, planned_s=sent_s - rng.random() / 1e4, sent_s=sent_s, done_s=sent_s + rng.random() / 10,
                     seen=seen, why="" if seen is Seen.GOOD else f"reason {n % 7}", seq=n // 10)  # fmt: skip


LOOKS = list(looks())


def held(aside: Aside | None, *, late: bool = False) -> Samples:
    """All of these looks, a few of the first coming last."""
    order = LOOKS if not late else [*LOOKS[:100], *LOOKS[130:], *LOOKS[100:130]]
    return Samples("orders", order, aside=aside)


@pytest.fixture(scope="module")
def aside(tmp_path_factory: pytest.TempPathFactory) -> Aside:
    return Aside([tmp_path_factory.mktemp("aside")])


@pytest.mark.parametrize("late", [False, True], ids=["in order", "some late"])
def test_looks_that_are_aside_read_as_they_were(aside: Aside, late: bool) -> None:
    found = held(aside, late=late)
    assert list(found) == LOOKS
    assert [found[place] for place in (0, 511, 512, -1)] == [LOOKS[place] for place in (0, 511, 512, -1)]
    assert list(found.columns()[0]) == [one.sent_s for one in LOOKS]
    assert list(found.columns()[0][500:3_000]) == [one.sent_s for one in LOOKS[500:3_000]]
    assert list(found.numbers().since(1_023)) == list(range(1_023, MANY))


def test_what_is_asked_of_looks_is_answered_the_same_wherever_they_are(aside: Aside) -> None:
    found = held(aside)
    for seen in Seen:
        places = [place for place, one in enumerate(LOOKS) if one.seen is seen]
        assert found.count(seen) == len(places)
        assert [found.first(seen, start) for start in (0, 2_500, places[-1], places[-1] + 1)] == [
            places[0], next(one for one in places if one >= 2_500), places[-1], None]  # fmt: skip
        assert [found.last(seen), found.last(seen, places[0])] == [places[-1], None]
        assert list(found.only(seen)) == [LOOKS[place] for place in places]
    assert list(found.turns()) == [n for n, one in enumerate(LOOKS) if not n or one.seen is not LOOKS[n - 1].seen]
    assert list(found.where(one.n % 3 == 0 for one in LOOKS)) == [one for one in LOOKS if one.n % 3 == 0]
    assert list(found.between(20, 70)) == [one for one in LOOKS if 20 <= one.sent_s < 70]
    assert list(found.between(20, 70).only(Seen.BAD)) == [
        one for one in LOOKS if 20 <= one.sent_s < 70 and one.seen is Seen.BAD
    ]
    assert found.lines() == tuple(range(MANY // 10))
    assert found.ends(4) == (0, 1, MANY // 10 - 2, MANY // 10 - 1)


def test_times_of_many_looks_are_in_order_to_the_last_digit(aside: Aside) -> None:
    took = sorted(one.done_s - one.sent_s for one in LOOKS if one.seen is Seen.GOOD)
    found = held(aside).took_s()
    assert len(found) == len(took)
    assert [quantile(found, share) for share in (0, 0.5, 0.95, 0.99, 1)] == [
        quantile(took, share) for share in (0, 0.5, 0.95, 0.99, 1)
    ]
    assert [found[place] for place in (0, 1, 1_777, -1)] == [took[place] for place in (0, 1, 1_777, -1)]
    late = sorted(one.sent_s - one.planned_s for one in LOOKS)
    assert quantile(held(aside).late_s(), 0.99) == quantile(late, 0.99)


@given(st.lists(st.floats(-2, 1000, allow_nan=False), min_size=6, max_size=60, unique=True))
def test_times_of_whatever_size_are_in_order(times: list[float]) -> None:
    """Many different ones, and negative ones too, as only a journal of somebody else may hold."""
    piece = array("d", times)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "_FEW", 4)
        found, wanted = in_order(len(times), lambda: [piece[:4], piece[4:]]), sorted(times)
    assert len(found) == len(wanted)
    assert [found[place] for place in range(-len(times), len(times))] == wanted * 2
    with pytest.raises(IndexError):
        found[len(times)]


def test_times_that_are_nearly_all_the_same_are_counted_and_not_listed() -> None:
    piece = array("d", [0.25] * 9_999 + [0.75])
    found = in_order(10_000, lambda: [piece])
    assert [found[0], found[9_998], found[9_999]] == [0.25, 0.25, 0.75]


def told(aside: Aside | None, *, order: int = 1) -> Evidence:
    events = [
        Event(seq=seq, t_s=seq / 10, at="", kind="alert.state" if seq % 3 else "page.received", source="observer:m",
              data={"state": "firing" if seq % 2 else "pending", "labels": {"n": seq}})
        for seq in range(9_000)
    ]  # fmt: skip
    return Evidence(events[::order], aside=aside)


@pytest.mark.parametrize("order", [1, -1], ids=["as they came", "backwards"])
def test_events_that_are_aside_read_as_they_were(aside: Aside, order: int) -> None:
    whole, found = told(None), told(aside, order=order)
    assert list(found.events) == list(whole.events)
    assert [found.events[0], found.events[-1], len(found.events)] == [whole.events[0], whole.events[-1], 9_000]
    for kind in ("alert.state", "page.received", "never"):
        assert found.of(kind, state="firing") == whole.of(kind, state="firing")
        assert [found.first(kind), found.last(kind)] == [whole.first(kind), whole.last(kind)]
        assert [*found.told(kind)[:500], *found.told(kind)[-500:]] == [
            *whole.told(kind)[:500],
            *whole.told(kind)[-500:],
        ]
        assert list(reversed(found.told(kind))) == list(reversed(whole.told(kind)))
    assert [found.line(seq) for seq in (0, 4_444, 8_999, 9_000)] == [
        whole.line(seq) for seq in (0, 4_444, 8_999, 9_000)
    ]
    assert found.line(4_444) is not None


def test_where_no_file_can_be_made_memory_serves_and_that_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    nowhere = Aside([tmp_path / "missing", tmp_path / "missing too"], tell=said.append)
    assert list(held(nowhere)) == LOOKS
    assert list(told(nowhere).events) == list(told(None).events)
    assert said == ["No such file or directory"]


def test_the_next_folder_serves_where_the_first_does_not(tmp_path: Path) -> None:
    said: list[str] = []
    second = Aside([tmp_path / "missing", tmp_path], tell=said.append)
    at = second.put(b"looks")
    assert at is not None
    assert second.get(at, 5) == b"looks"
    assert said == []


def test_a_disk_that_fills_up_costs_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, said, room = os.pwrite, [], [1]

    def full(handle: int, content: bytes, at: int) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room.pop()
        return write(handle, content, at)

    monkeypatch.setattr(os, "pwrite", full)
    found = held(Aside([tmp_path], tell=said.append))
    assert list(found) == LOOKS
    assert said == ["No space left on device"]


def test_no_name_of_it_is_ever_left_even_by_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from checks.aside import Aside\n"
        "aside = Aside([Path(sys.argv[1])]); assert aside.put(b'x' * 100_000) == 0; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert list(tmp_path.iterdir()) == []


def test_what_a_reader_holds_stays_as_it_was_while_more_looks_come(aside: Aside) -> None:
    found = Samples("orders", LOOKS[10:20], aside=aside)
    part = found.between(0, 1000)
    found.add(replace(LOOKS[0], n=0))
    assert list(part) == LOOKS[10:20]
    assert list(found) == [LOOKS[0], *LOOKS[10:20]]
