"""The rules of the port `PathStore`, for every implementation."""

from __future__ import annotations

import pytest

from orchestrator.core.limits import FORGET_AFTER_S, Cut, CutKind, History, Lived
from orchestrator.errors import JournalError
from orchestrator.ports import KEPT_OF_A_HOST, PathStore
from tests.conformance.journal_bench import Bench, at_once

HOST = "api.example"


def cut(lasted_s: float = 60.0, *, when: float = 1_700_000_000.0, host: str = HOST) -> Cut:
    return Cut(host=host, lasted_s=lasted_s, kind=CutKind.CLOSED, when=when)


def lived(lasted_s: float = 60.0, *, when: float = 1_700_000_000.0, host: str = HOST) -> Lived:
    return Lived(host=host, lasted_s=lasted_s, when=when)


class PathSuite:
    """Subclasses give the fixture `bench`."""

    @pytest.fixture
    def paths(self, bench: Bench) -> PathStore:
        """Return what this process sees."""
        return bench.open().paths

    def test_nothing_is_known_of_a_host_never_heard_of(self, paths: PathStore) -> None:
        """Neither before anything was written, nor when only others were."""
        assert paths.read(HOST) == History((), ())
        paths.add_cut(cut(host="other.example"))
        assert paths.read(HOST) == History((), ())

    def test_what_was_added_is_read_as_it_was(self, bench: Bench, paths: PathStore) -> None:
        """Every field, by every process, the newest first, cuts and clean requests apart."""
        gateway = Cut(host=HOST, lasted_s=29.5, kind=CutKind.GATEWAY, when=1_700_000_005.0, status=504, keepalive=False)
        clean = Lived(host=HOST, lasted_s=12.25, when=1_700_000_006.0, keepalive=False)
        for seen in (cut(), gateway, cut(61.0)):
            paths.add_cut(seen)
        paths.add_lived(clean)
        paths.add_lived(lived())
        for store in (paths, bench.open("other").paths):
            assert store.read(HOST) == History((gateway, cut(61.0), cut()), (clean, lived()))

    def test_every_kind_of_cut_is_kept(self, paths: PathStore) -> None:
        """As the word that it is."""
        for number, kind in enumerate(CutKind):
            paths.add_cut(Cut(host=HOST, lasted_s=60, kind=kind, when=1_700_000_000.0 - number))
        assert [each.kind for each in paths.read(HOST).cuts] == list(CutKind)

    def test_of_each_host_only_the_newest_are_kept(self, paths: PathStore) -> None:
        """Cuts do not push clean requests out, nor one host another."""
        paths.add_lived(lived())
        paths.add_cut(cut(host="other.example"))
        for number in range(KEPT_OF_A_HOST + 3):
            paths.add_cut(cut(float(number), when=1_700_000_100.0 + number))
        known = paths.read(HOST)
        assert [each.lasted_s for each in known.cuts] == [float(number) for number in range(KEPT_OF_A_HOST + 2, 2, -1)]
        assert known.lived == (lived(),)
        assert paths.read("other.example").cuts == (cut(host="other.example"),)
        for number in range(KEPT_OF_A_HOST + 3):
            paths.add_lived(lived(float(number), when=1_700_000_100.0 + number))
        assert [each.lasted_s for each in paths.read(HOST).lived][-1] == 3.0

    def test_what_is_too_old_is_forgotten(self, paths: PathStore) -> None:
        """By the time of what is added, of whatever host."""
        paths.add_cut(cut())
        paths.add_lived(lived())
        late = 1_700_000_000.0 + FORGET_AFTER_S
        paths.add_cut(cut(when=late, host="other.example"))
        assert paths.read(HOST) == History((cut(),), (lived(),))
        paths.add_lived(lived(when=late + 1, host="other.example"))
        assert paths.read(HOST) == History((), ())

    def test_threads_may_add_at_once(self, paths: PathStore) -> None:
        """Nothing is lost."""
        assert at_once(8, lambda number: paths.add_cut(cut(float(number)))) == [None] * 8
        assert sorted(each.lasted_s for each in paths.read(HOST).cuts) == [float(number) for number in range(8)]

    def test_a_closed_journal_says_so(self, bench: Bench) -> None:
        """By its error, for writing and for reading."""
        journal = bench.open()
        journal.close()
        for work in (lambda: journal.paths.add_cut(cut()), lambda: journal.paths.read(HOST)):
            with pytest.raises(JournalError):
                work()
