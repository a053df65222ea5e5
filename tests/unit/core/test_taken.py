"""What the journal keeps of a reply does not repeat the secrets of its run."""

from __future__ import annotations

from orchestrator.core.evolve import fold
from orchestrator.core.exchange import CommandResult, Outcome, Reply
from orchestrator.core.taken import without_echoes
from tests.fakes import machine as m

WORD = "opensesame"
REPLY = Reply(
    outcome=Outcome.REJECTED,
    reason=f"the API answered 400 (bad request): cannot say {WORD}",
    ended=m.at(1),
    results=(
        CommandResult(command="say", ok=False, error=f"no voice for {WORD}"),
        CommandResult(command="say", ok=True),
    ),
)


def test_a_server_that_quotes_a_secret_is_not_quoted() -> None:
    """Neither in the reason nor in the error of a command."""
    state = fold([m.started(secret_names=("word", "lost"), secrets={"word": WORD})])
    kept = without_echoes(REPLY, state)
    assert kept.reason == "the API answered 400 (bad request): cannot say ***"
    assert kept.results is not None
    assert [result.error for result in kept.results] == ["no voice for ***", None]


def test_a_reply_to_a_run_without_secrets_stays() -> None:
    """As it is, and so does one without results."""
    assert without_echoes(REPLY, fold([m.started()])) is REPLY
