"""Metrics of a batch for Prometheus, as the text file that node_exporter's textfile collector reads.

All are gauges of the last tick: a counter would have to outlive the process, and one that starts again with each tick
misleads `rate()` whenever a tick counts more than the one before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from orchestrator.adapters.results.files import replacing
from orchestrator.core.ledger import Ledger, Tally

_READABLE = 0o644
"""node_exporter runs as another user, and the file holds no numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMetrics:
    """What one tick of a batch did.

    Attributes:
        campaign: The campaign's name, a label of every metric.
        ledger: Where its contacts stand.
        dials: Dials made in this tick.
        rejected_rows: Rows of the contacts file that could not be used.
        duplicates: Rows that were the same as another.
        started_at: Seconds since the epoch.
        ended_at: Seconds since the epoch.
        exit_code: What the process ends with.
    """

    campaign: str
    ledger: Ledger
    dials: int
    rejected_rows: int
    duplicates: int
    started_at: float
    ended_at: float
    exit_code: int


def write_metrics(path: str | os.PathLike[str], metrics: BatchMetrics) -> None:
    """Write the metrics file, whole or not at all. Its name must end in `.prom` for node_exporter to read it.

    Raises:
        ConfigurationError: When the file cannot be written.
    """
    with replacing(path, mode=_READABLE) as stream:
        stream.write(metrics_text(metrics))


def metrics_text(metrics: BatchMetrics) -> str:
    """Return the metrics in the Prometheus text format."""
    ledger, campaign = metrics.ledger, f'campaign="{_label(metrics.campaign)}"'
    lines = [
        "# HELP orchestrator_batch_contacts Contacts of the campaign's occurrence, by where they stand.",
        "# TYPE orchestrator_batch_contacts gauge",
    ]
    for tally in Tally:
        count = getattr(ledger, tally.value)
        lines.append(f'orchestrator_batch_contacts{{{campaign},tally="{tally.value}"}} {count}')
    single = (
        ("dials", "Dials made in the last tick.", metrics.dials),
        ("rejected_rows", "Rows of the contacts file that could not be used.", metrics.rejected_rows),
        ("duplicates", "Rows of the contacts file that were the same as another.", metrics.duplicates),
        ("last_start_timestamp_seconds", "When the last tick began.", round(metrics.started_at, 3)),
        ("last_end_timestamp_seconds", "When the last tick ended.", round(metrics.ended_at, 3)),
        ("duration_seconds", "How long the last tick took.", round(metrics.ended_at - metrics.started_at, 3)),
        ("exit_code", "What the last tick ended with; 0 is success.", metrics.exit_code),
    )
    for name, meaning, value in single:
        metric = f"orchestrator_batch_{name}"
        lines += [f"# HELP {metric} {meaning}", f"# TYPE {metric} gauge", f"{metric}{{{campaign}}} {value}"]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
