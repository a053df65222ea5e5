"""The composition root, where the library and the CLI meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.compose import Orchestrator
from orchestrator.ports import ContactClaim
from tests.fakes import machine as m

CONTACT = ContactClaim(key="key", campaign="spring", occurrence="monday", row_digest="row")


@pytest.mark.parametrize(("contact", "resumable"), [(None, ["run-1"]), (CONTACT, [])])
def test_a_run_of_a_batch_that_has_not_dialled_is_left_to_the_batch(
    tmp_path: Path, contact: ContactClaim | None, resumable: list[str]
) -> None:
    """Only the batch knows its calling window and its do-not-call lists; `resume --all` does not dial for it."""
    with Orchestrator(journal=tmp_path / "journal.db") as orchestrator:
        lease = orchestrator.journal.start_run(m.started(), lease_s=30, contact=contact)
        orchestrator.journal.release(lease)
        assert [run.run_id for run in orchestrator.resumable()] == resumable
