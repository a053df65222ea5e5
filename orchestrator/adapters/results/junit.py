"""JUnit XML of a batch: one test case per contact, for those who watch batches with the tools of a build server.

Reached passes, not reached fails, unknown is an error, refused and waiting are skipped.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from html import escape

from orchestrator.adapters.results.files import folder_of, replacing, spool
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.masking import mask_cards

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    Tally.NOT_REACHED: "failure",
    Tally.UNKNOWN: "error",
    Tally.REFUSED: "skipped",
    Tally.WAITING: "skipped",
}


def write_junit(path: str | os.PathLike[str], rows: Iterable[ResultRow], *, campaign: str) -> None:
    """Write the test report of a batch, whole or not at all.

    Args:
        path: The file.
        rows: One per contact, read once.
        campaign: The name of the suite.

    Raises:
        ConfigurationError: When the file cannot be written.
        LedgerError: For a row whose disposition no total counts.
    """
    counts: Counter[str | None] = Counter()
    seconds = 0.0
    with replacing(path) as stream, spool(folder_of(path)) as spooled:
        for row in rows:
            counts[_ELEMENTS.get(row.tally)] += 1
            took_s = _seconds(row)
            seconds += took_s
            spooled.write(_case(row, campaign, took_s))
        totals = (
            f'tests="{counts.total()}" failures="{counts["failure"]}" errors="{counts["error"]}" '
            f'skipped="{counts["skipped"]}" time="{seconds:.3f}"'
        )
        stream.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {totals}>\n')
        stream.write(f'<testsuite name="{_attribute(campaign)}" {totals}>\n')
        spooled.seek(0)
        stream.writelines(spooled)
        stream.write("</testsuite>\n</testsuites>\n")


def _case(row: ResultRow, campaign: str, took_s: float) -> str:
    begin = f'<testcase classname="{_attribute(campaign)}" name="{_attribute(row.to)}" time="{took_s:.3f}"'
    element = _ELEMENTS.get(row.tally)
    if element is None:
        return f"{begin}/>\n"
    message = row.disposition if not row.reason else f"{row.disposition}: {row.reason}"
    detail = f"run {row.run_id}" if row.run_id else ""
    # The schema most tools follow gives `skipped` no type.
    kind = "" if element == "skipped" else f' type="{_attribute(row.disposition)}"'
    return f'{begin}><{element}{kind} message="{_attribute(message)}">{_attribute(detail)}</{element}></testcase>\n'


def _seconds(row: ResultRow) -> float:
    if row.started_at is None or row.ended_at is None:
        return 0.0
    took = datetime.fromisoformat(row.ended_at) - datetime.fromisoformat(row.started_at)
    return max(took.total_seconds(), 0.0)


def _attribute(text: str) -> str:
    """Return a text as XML takes it, on one line, without card numbers."""
    return escape(_NOT_XML.sub("\ufffd", mask_cards(text))).replace("\n", "&#10;").replace("\r", "&#13;")
