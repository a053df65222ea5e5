"""What an HTTP status alone says of an attempt: the table of the rules, section 4.2."""

from __future__ import annotations

import pytest

from orchestrator.core.exchange import Outcome, outcome_of_status


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DONE),
        (299, Outcome.DONE),
        (199, Outcome.UNKNOWN),
        (301, Outcome.UNKNOWN),
        (400, Outcome.REJECTED),
        (408, Outcome.UNKNOWN),
        (409, Outcome.REJECTED),
        (429, Outcome.THROTTLED),
        (499, Outcome.REJECTED),
        (500, Outcome.UNKNOWN),
        (503, Outcome.UNKNOWN),
        (504, Outcome.UNKNOWN),
    ],
)
def test_a_status_by_itself(status: int, outcome: Outcome) -> None:
    """Only what surely did not run is rejected or throttled."""
    assert outcome_of_status(status, has_retry_after=False, is_json_object=False) is outcome


@pytest.mark.parametrize(("has_retry_after", "is_json_object"), [(True, False), (False, True)])
def test_a_503_that_may_be_a_proxys_is_unknown(has_retry_after: bool, is_json_object: bool) -> None:
    """It takes both, a Retry-After and a JSON object, for a 503 to be the API's own."""
    found = outcome_of_status(503, has_retry_after=has_retry_after, is_json_object=is_json_object)
    assert found is Outcome.UNKNOWN
    assert outcome_of_status(503, has_retry_after=True, is_json_object=True) is Outcome.THROTTLED
