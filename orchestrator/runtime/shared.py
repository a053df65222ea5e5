"""What the runs of a process share, and how each of them is driven with it. For `runner` and `reaping`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.core.actions import Orders
from orchestrator.core.budget import Demand
from orchestrator.core.instant import Instant
from orchestrator.core.origin import Origin, other_api
from orchestrator.core.records import Fault, Record, Resumed
from orchestrator.core.script import Script, Value
from orchestrator.core.settings import Settings
from orchestrator.core.state import RunState
from orchestrator.errors import ConfigurationError
from orchestrator.ports import Clock, Journal, Lease, RequestBudget, Transport
from orchestrator.runtime.control import Control
from orchestrator.runtime.driver import Driver, Observer
from orchestrator.runtime.heartbeat import Heartbeat
from orchestrator.runtime.listing import Listing
from orchestrator.runtime.pathmemory import PathMemory
from orchestrator.runtime.places import Places
from orchestrator.runtime.serverclock import ServerClock

NOTHING_LEFT = Script(name="", entries=())
"""What is driven when only the end of a call is left to do."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Where a run stands after it was driven.

    Attributes:
        state: As its records tell.
        rest: Why it rests without having ended; None when it ended.
    """

    state: RunState
    rest: Fault | None = None


class Shared:
    """One journal, one transport and one heartbeat, for all runs. May be used by several threads at once.

    Attributes:
        journal: Where the runs are.
        clock: Tells the time.
        lease_s: How long the right to drive a run outlives its last heartbeat.
        origin: The API that the transport reaches.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        transport: Transport,
        clock: Clock,
        control: Control,
        draw: Callable[[], float],
        lease_s: float,
        budget: RequestBudget | None,
        shares_lists: bool,
        origin: Origin,
        memory: PathMemory | None,
    ) -> None:
        """Take them; see `Runner`."""
        self.journal = journal
        self.clock = clock
        self.lease_s = lease_s
        self.origin = origin
        self._transport = transport
        self._control = control
        self._draw = draw
        self._budget = budget
        self._listing = Listing(clock) if shares_lists else None
        self._memory = memory
        self._server_clock = ServerClock(journal, api_url=origin.api_url)
        self._heartbeat = Heartbeat(journal=journal, clock=clock, lease_s=lease_s)

    def close(self) -> None:
        """End the heartbeat."""
        self._heartbeat.stop()

    def tell(self, run_id: str) -> None:
        """Tell a run that this process drives that it has mail, so that it need not find out by itself."""
        self._heartbeat.tell(run_id)

    def acquire(self, run_id: str) -> Lease:
        """Take the lease of a run. Raises LeaseHeldError where a live process drives it."""
        return self.journal.acquire(run_id, lease_s=self.lease_s)

    def clock_skew_s(self, now: Instant) -> float | None:
        """Return by how much the server's clock is ahead of this machine's, as far as is known."""
        return self._server_clock.skew_s(now)

    def room_for(self, dial: Demand) -> Instant | None:
        """Return when one more call may be thought of within the account's request limits; None: now."""
        if self._budget is None:
            return None
        wall = self._budget.room_at(dial)
        now = self.clock.now()  # read later than the budget's own, so that "now" is not a moment still to come
        return now.plus(wall - now.wall) if wall > now.wall else None

    def refuse_another_api(self, state: RunState) -> None:
        """Raise ConfigurationError for a run that belongs to another API than this process uses."""
        theirs = other_api(state, self.origin.api_url)
        if theirs is not None:
            raise ConfigurationError(
                f"run {state.run_id} belongs to the API at {theirs}, and this process uses {self.origin.api_url}: "
                f"set ORCHESTRATOR_API_URL={theirs} for it"
            )

    def resumed(
        self, settings: Settings, *, why: str, secrets: Mapping[str, Value] | None = None, latest: Instant | None = None
    ) -> Resumed:
        """Return the record that a run is carried on with here and now, for a reason."""
        return Resumed(
            at=self.clock.now(),
            settings=settings,
            why=why,
            api_url=self.origin.api_url,
            account=self.origin.account,
            dial_by=latest,
            secrets=secrets or {},
        )

    def drive(
        self,
        script: Script,
        state: RunState,
        lease: Lease,
        *,
        first: Record | None = None,
        then: Record | None = None,
        orders: Orders | None = None,
        ring_by_wall: float | None = None,
        observer: Observer | None = None,
    ) -> RunResult:
        """Drive a run until it ends or rests, and give its lease back.

        Args:
            script: What to execute.
            state: Where it stands.
            lease: The right to drive it.
            first: A record to begin with.
            then: One to follow it.
            orders: What to do and not to do, besides.
            ring_by_wall: As for `Runner.run`.
            observer: Told of every record.

        Raises:
            JournalError: Nothing was sent, or a live call was ended.
        """
        driver = self._driver(script, state, lease, orders=orders, ring_by_wall=ring_by_wall, observer=observer)
        self._heartbeat.watch(driver)
        try:
            rest = driver.drive(first=[record for record in (first, then) if record is not None])
        finally:
            self._heartbeat.forget(driver)
            self._server_clock.learn(driver.state, self.clock.now())
            driver.close()
            self.journal.release(lease)
        return RunResult(driver.state, rest)

    def _driver(
        self,
        script: Script,
        state: RunState,
        lease: Lease,
        *,
        orders: Orders | None = None,
        ring_by_wall: float | None = None,
        observer: Observer | None = None,
    ) -> Driver:
        return Driver(
            script=script,
            state=state,
            lease=lease,
            journal=self.journal,
            channel=self._transport.open_channel(),
            clock=self.clock,
            control=self._control,
            draw=self._draw,
            places=None
            if self._budget is None or state.settings.api_limits is None
            else Places(self._budget, clock=self.clock, run_id=state.run_id),
            listing=self._listing,
            orders=orders,
            ring_by_wall=ring_by_wall,
            observer=observer,
            memory=self._memory,
        )
