"""The composition root: settings → adapters → runner. The CLI and the library are both thin shells over it.

`library` has the `Orchestrator` that both are given; the other modules are what it is made of.
"""

from orchestrator.compose.library import Orchestrator
from orchestrator.compose.observing import Observer
from orchestrator.compose.result import WAY_OUT, Result

__all__ = ["WAY_OUT", "Observer", "Orchestrator", "Result"]
