"""What a batch leaves behind in files: results, rejected rows, JUnit XML, metrics.

Every file is written whole or not at all (`files`). Nothing here knows the journal: the batch gives rows and totals.
"""

from __future__ import annotations

from orchestrator.adapters.results.append import Appended, append_results, check_appendable
from orchestrator.adapters.results.files import check_writable
from orchestrator.adapters.results.junit import write_junit
from orchestrator.adapters.results.metrics import BatchMetrics, write_metrics
from orchestrator.adapters.results.rejects import RejectsWriter, write_rejects
from orchestrator.adapters.results.rows import Format, write_results

__all__ = [
    "Appended",
    "BatchMetrics",
    "Format",
    "RejectsWriter",
    "append_results",
    "check_appendable",
    "check_writable",
    "write_junit",
    "write_metrics",
    "write_rejects",
    "write_results",
]
