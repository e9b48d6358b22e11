"""The journal: what it holds, what it refuses, and what it saves from a torn end."""

import os
from pathlib import Path

import pytest

from checks import Event
from drills.clock import SystemClock
from drills.errors import DrillError
from drills.journal import FORMAT, Journal, JournalBusy, boot, is_being_written, last_link, read
from tests.fakes import StillClock


def written(path: Path, count: int = 4) -> Path:
    """A closed journal of `count` lines."""
    journal = Journal.create(path, SystemClock())
    journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": journal.origin_s})
    for number in range(1, count):
        journal.append("step.done", {"number": number, "text": "订单 \u2028 “x”"})
    journal.close()
    return path


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def refusal(path: Path) -> str:
    with pytest.raises(DrillError) as refused:
        read(path)
    return str(refused.value)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    events = read(written(tmp_path / "journal.jsonl"))

    assert [event.seq for event in events] == [0, 1, 2, 3]
    assert events[2].data == {"number": 2, "text": "订单 \u2028 “x”"}


def test_listeners_hear_each_event_as_it_will_be_read(tmp_path: Path) -> None:
    heard: list[Event] = []
    journal = Journal.create(tmp_path / "journal.jsonl", StillClock())
    journal.listen(heard.append)
    journal.append("run.opened", {"format": FORMAT})
    journal.append("step.done", {"number": 1})
    journal.close()

    assert heard == read(tmp_path / "journal.jsonl")


@pytest.mark.parametrize("edited", [0, 1, 2, 3])
def test_an_edited_line_is_refused_by_its_number(tmp_path: Path, edited: int) -> None:
    path = written(tmp_path / "journal.jsonl")
    kept = lines(path)
    kept[edited] = kept[edited].replace(b'"trust":"observed"', b'"trust":"declared"')
    path.write_bytes(b"".join(kept))

    assert f":{edited + 1}:1: line {edited + 1} does not follow" in refusal(path)


def test_a_line_taken_out_is_told_at_the_next_one(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl")
    kept = lines(path)
    path.write_bytes(b"".join([*kept[:2], *kept[3:]]))

    assert "line 3 does not follow" in refusal(path)


def test_two_lines_that_change_places_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl")
    first, second, third, fourth = lines(path)
    path.write_bytes(first + third + second + fourth)

    assert "line 2 does not follow" in refusal(path)


def test_a_line_put_in_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl")
    kept = lines(path)
    path.write_bytes(b"".join([*kept[:2], b'{"seq":2,"kind":"made.up"}\n', *kept[2:]]))

    assert "line 3 does not follow" in refusal(path)


@pytest.mark.parametrize("rubbish", [b"\n", b"null\n", b"[]\n", b"\xff\xfe\n", b"{" * 5000 + b"\n"])
def test_rubbish_is_refused_and_never_breaks_the_reader(tmp_path: Path, rubbish: bytes) -> None:
    path = written(tmp_path / "journal.jsonl")
    path.write_bytes(path.read_bytes() + rubbish)

    assert "line 5 does not follow" in refusal(path)


def test_every_possible_torn_end_is_read_up_to_the_last_whole_line(tmp_path: Path) -> None:
    """The writer may die at any byte; what was whole before stays readable and can be gone on with."""
    content = written(tmp_path / "whole.jsonl", 3).read_bytes()
    before_last = content.rindex(b"\n", 0, len(content) - 1) + 1
    for end in range(before_last, len(content)):
        path = tmp_path / f"torn-{end}.jsonl"
        path.write_bytes(content[:end])
        assert len(read(path)) == 2

        journal, events = Journal.resume(path, SystemClock())
        journal.append("step.done")
        journal.close()
        assert [event.seq for event in read(path)] == list(range(len(events) + 1))
        if end > before_last:
            assert events[-1].kind == "journal.torn"
            assert path.with_suffix(".torn").read_bytes() == content[before_last:end]


def test_another_format_is_refused_with_both_numbers(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", SystemClock())
    journal.append("run.opened", {"format": 99})
    journal.close()

    assert "format 99" in refusal(tmp_path / "journal.jsonl")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.create(path, SystemClock())
    journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": journal.origin_s})
    assert is_being_written(path)
    with pytest.raises(JournalBusy):
        Journal.resume(path, SystemClock())

    journal.close()

    assert not is_being_written(path)


def test_a_second_run_never_writes_over_a_journal(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl")
    with pytest.raises(FileExistsError):
        Journal.create(path, SystemClock())

    assert len(read(path)) == 4


def test_resuming_in_another_process_goes_on_with_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    clock = StillClock(100.0)
    journal = Journal.create(path, clock)
    journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": journal.origin_s})
    journal.close()
    clock.now_s = 107.5

    resumed, _ = Journal.resume(path, clock)
    event = resumed.append("run.aborted")
    resumed.close()

    assert event.t_s == pytest.approx(7.5)


def test_after_a_reboot_time_is_reckoned_from_utc(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    clock = StillClock(100.0)
    journal = Journal.create(path, clock)
    journal.append("run.opened", {"format": FORMAT, "boot": "another boot", "monotonic_s": 999_999.0})
    journal.close()
    clock.now_s = 160.0

    resumed, _ = Journal.resume(path, clock)
    event = resumed.append("run.aborted")
    resumed.close()

    assert event.t_s == pytest.approx(60.0)


def test_the_last_link_changes_with_any_line(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one.jsonl", 3), written(tmp_path / "two.jsonl", 4)

    assert len(last_link(one)) == 32
    assert last_link(one) != last_link(two)
    assert last_link(one).encode() in lines(one)[-1]


def test_a_journal_is_for_its_user_only(tmp_path: Path) -> None:
    assert written(tmp_path / "journal.jsonl").stat().st_mode & 0o077 == 0


def test_a_line_that_cannot_be_written_whole_is_not_there_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line would break the chain for every line that follows once there is room again."""
    path = tmp_path / "journal.jsonl"
    journal = Journal.create(path, SystemClock())
    journal.append("run.opened", {"format": FORMAT})
    real_write, room = os.write, [20]

    def write_a_little(handle: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        count = real_write(handle, data[: room[0]])
        room[0] -= count
        return count

    with monkeypatch.context() as patch:
        patch.setattr("drills.journal.os.write", write_a_little)
        with pytest.raises(OSError, match="No space"):
            journal.append("step.done", {"number": 1})
        journal.may_fail = True
        journal.append("step.done", {"number": 2})
    journal.append("step.done", {"number": 3})
    journal.close()

    assert [event.data.get("number") for event in read(path)] == [None, 3]
    assert journal.lost == 1
