"""Words below moments of a lane: what is shown never lies on anything else, and what cannot be shown is not."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from reports.packing import NUMBER_PX, ROWS_MAX, packed

WIDTH = 780
MOMENTS = st.lists(st.tuples(st.floats(0, WIDTH), st.floats(40, 200)), max_size=12)


@given(MOMENTS)
def test_no_words_lie_on_others_or_leave_the_lane(moments: list[tuple[float, float]]) -> None:
    shown = [one for one in packed(moments, WIDTH) if one.shown != "dot"]
    assert all(one.from_ >= 0 and one.to <= WIDTH + 1 and 0 <= one.row < ROWS_MAX for one in shown)
    assert all(
        one.to <= other.from_ or other.to <= one.from_ for one, other in permutations(shown, 2) if one.row == other.row
    )


@given(MOMENTS)
def test_no_line_goes_through_words(moments: list[tuple[float, float]]) -> None:
    shown = [one for one in packed(moments, WIDTH) if one.shown != "dot"]
    for one, other in permutations(shown, 2):
        if other.row < one.row:  # its line passes that row
            assert not other.from_ + 1 < one.at < other.to - 1


@given(MOMENTS)
def test_each_hangs_at_its_own_moment_as_wide_as_it_is(moments: list[tuple[float, float]]) -> None:
    for (at, wide), one in zip(moments, packed(moments, WIDTH), strict=True):
        size = {"words": wide, "number": NUMBER_PX, "dot": 0}[one.shown]
        assert abs(one.to - one.from_ - size) < 1e-6
        assert at == one.at == (one.to if one.late else one.from_)


def test_what_has_room_is_shown_to_the_right_in_the_first_row() -> None:
    assert [(one.row, one.shown, one.late) for one in packed([(10, 100), (200, 100)], WIDTH)] == [
        (0, "words", False)
    ] * 2


def test_at_the_end_it_stands_to_the_left() -> None:
    assert [(one.shown, one.late) for one in packed([(WIDTH, 100)], WIDTH)] == [("words", True)]


def test_moments_at_once_hang_below_each_other() -> None:
    assert sorted(one.row for one in packed([(300, 100)] * 3, WIDTH)) == [0, 1, 2]


def test_of_more_than_there_is_room_for_the_others_are_dots() -> None:
    shown = [one.shown for one in packed([(300, 150)] * 12, WIDTH)]
    assert "dot" in shown
    assert shown.count("words") >= ROWS_MAX
    assert packed([], WIDTH) == []
