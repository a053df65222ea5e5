"""Lets hypothesis draw what `drawing` draws, so that what fails shrinks."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.property import drawing
from tests.property.drawing import One, Wanted
from tests.property.scenarios import Scenario


class _Drawn:
    """A `drawing.Dice` whose results hypothesis chooses."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, options: Sequence[One]) -> One:
        """Draw one of these; the first is the simplest."""
        return options[self._draw(st.integers(0, len(options) - 1))]

    def number(self, lowest: int, highest: int) -> int:
        """Draw a whole number."""
        return self._draw(st.integers(lowest, highest))


@st.composite
def scenarios(draw: st.DrawFn, wanted: Wanted) -> Scenario:
    """Draw a scenario."""
    return drawing.scenario(_Drawn(draw), wanted)
