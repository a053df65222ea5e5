"""Many numbers in little memory."""

from __future__ import annotations

import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.marks import Marks, mark_of

WORD = 2**64


@given(st.lists(st.tuples(st.integers(1, WORD - 1), st.integers(0, WORD - 1))))
def test_it_keeps_what_a_dict_keeps(pairs: list[tuple[int, int]]) -> None:
    """The first value of each mark; marks that meet at one place are told apart."""
    marks, known = Marks(), dict[int, int]()
    for mark, value in pairs:
        assert marks.add(mark, value) == known.get(mark)
        known.setdefault(mark, value)
    assert all(mark in marks for mark in known)


def test_marks_that_want_one_place_are_told_apart() -> None:
    """However many there are, and round the end of the table."""
    marks = Marks()
    crowd = [1023 + 1024 * number for number in range(50)]
    assert [marks.add(mark, mark) for mark in crowd] == [None] * 50
    assert [marks.add(mark) for mark in crowd] == crowd
    assert 1023 + 1024 * 50 not in marks


def test_a_digest_has_a_mark() -> None:
    """Never 0, which stands for a place that is free."""
    assert mark_of("f" * 64) == 16**15 - 1
    assert mark_of("0" * 64) == 1


def test_a_hundred_thousand_take_a_few_bytes_each() -> None:
    """A list's length must not be what a batch needs memory for: at most a tenth of what it needs anyway, 70 MiB."""
    drawn = random.Random(1)
    tracemalloc.start()
    try:
        marks = Marks()
        for _ in range(100_000):
            assert marks.add(drawn.randrange(1, WORD)) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 7 * 2**20
