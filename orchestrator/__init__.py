"""Drives a phone call through a REST call-control API step by step, and survives lost replies and killed processes.

The public library API, imported at the first use of each name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator._version import __version__

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator, Result
    from orchestrator.errors import OrchestratorError
    from orchestrator.incoming import IncomingCalls
    from orchestrator.receiver import EventReceiver
    from orchestrator.scriptfile import Script

__all__ = ["EventReceiver", "IncomingCalls", "Orchestrator", "OrchestratorError", "Result", "Script", "__version__"]

_HOMES = {
    "EventReceiver": "orchestrator.receiver",
    "IncomingCalls": "orchestrator.incoming",
    "Orchestrator": "orchestrator.compose",
    "OrchestratorError": "orchestrator.errors",
    "Result": "orchestrator.compose",
    "Script": "orchestrator.scriptfile",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'orchestrator' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
