"""The text message to a contact who was not reached: a run of its own, at most once in an occurrence. For the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from orchestrator.core.campaign import Campaign
from orchestrator.core.contact import occurrence_key
from orchestrator.core.evolve import fold
from orchestrator.core.records import Disposition
from orchestrator.core.script import Entry, Script, Sms, Variables
from orchestrator.core.state import RunState
from orchestrator.errors import AlreadyCalledError, ConfigurationError, NumberBlockedError
from orchestrator.ports import CampaignStore, ContactClaim, ContactState, Journal, Standing
from orchestrator.runtime.driver import Observer
from orchestrator.runtime.job import Job
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.runtime.shared import RunResult


@dataclass(frozen=True, slots=True)
class _Variable:
    """Text that is the value of one variable: the number a message goes to."""

    name: str

    @property
    def source(self) -> str:
        """As a script would write it."""
        return f"{{{{ {self.name} }}}}"

    @property
    def names(self) -> frozenset[str]:
        """The variable."""
        return frozenset({self.name})

    def render(self, variables: Variables) -> str:
        """Return its value."""
        return str(variables[self.name])


def message_of(campaign: Campaign) -> Script | None:
    """Return the script that sends the campaign's text message to one who was not reached; None where it has none."""
    if campaign.fallback_sms is None:
        return None
    message = Sms(
        to=_Variable("to"), from_=campaign.fallback_sms.from_ or _Variable("from"), message=campaign.fallback_sms.text
    )
    entry = Entry(element=message, digest="", written="sms: the fallback_sms of the campaign")
    return Script(name=f"{campaign.name} (fallback_sms)", entries=(entry,))


class Messages:
    """Sends them, from any thread."""

    def __init__(
        self,
        *,
        runner: Runner,
        journal: Journal,
        store: CampaignStore,
        job: Job,
        trouble: Callable[[str], None],
        observer: Observer | None = None,
    ) -> None:
        self._runner = runner
        self._journal = journal
        self._store = store
        self._job = job
        self._trouble = trouble
        self._observer = observer
        self._campaign = f"{job.campaign.name} (sms)"

    def unfinished(self) -> Iterator[Standing]:
        """Yield what an earlier tick left in the middle of being sent."""
        if self._job.fallback is not None:
            yield from self._store.all_of(self._campaign, state=ContactState.OPEN)

    def send(self, standing: Standing, state: RunState) -> None:
        """Send the campaign's message, if it has one, to the callee of a run that is over."""
        begun, fallback = state.begun, self._job.fallback
        if fallback is None:
            return
        if (forbidden := self._job.forbidden(begun.to)) is not None:
            self._trouble(f"no text message was sent to {begun.to}: {forbidden}")
            return
        key = occurrence_key(campaign=self._campaign, contact=standing.key, occurrence=standing.occurrence)
        claim = ContactClaim(key=key, campaign=self._campaign, occurrence=standing.occurrence, row_digest=key)
        prepared = Prepared(
            to=begun.to, from_=begun.from_, variables=begun.variables, secrets=begun.secrets, settings=state.settings
        )
        try:
            result = self._runner.run(fallback, prepared, contact=claim, observer=self._observer)
        except AlreadyCalledError:
            return  # an earlier tick has sent it
        except NumberBlockedError as error:
            self._trouble(f"no text message was sent to {begun.to}: {error}")
            return
        self._settle(replace(standing, key=key, campaign=self._campaign, row_digest=key), result)

    def resume(self, standing: Standing) -> None:
        """Carry on with one that was left unfinished."""
        assert self._job.fallback is not None, "only a campaign with a message has unfinished ones"
        assert standing.run_id is not None, "an open contact has a run"
        settings = fold(self._journal.read(standing.run_id)).settings
        try:
            result = self._runner.resume(
                standing.run_id, self._job.fallback, secrets={}, settings=settings, observer=self._observer
            )
        except ConfigurationError as error:
            self._trouble(f"the text message of run {standing.run_id} cannot be carried on with: {error}")
            return
        self._settle(standing, result)

    def _settle(self, standing: Standing, result: RunResult) -> None:
        state = result.state
        if state.end is None:
            why = "unknown" if result.rest is None else result.rest.message
            self._trouble(f"whether the text message to {state.begun.to} was sent is not known: {why}")
            return
        if state.end.disposition is not Disposition.COMPLETED:
            why = "unknown" if state.end.fault is None else state.end.fault.message
            self._trouble(f"the text message to {state.begun.to} failed: {why}")
        held = self._store.standings([standing.key]).get(standing.key, standing)
        self._store.put([replace(held, state=ContactState.DONE, disposition=state.end.disposition.value)])
