"""The settings of a run with their defaults (rules, section 5). A script may set them; flags override it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.budget import ApiLimits


class Mode(StrEnum):
    """How a step's completion is learnt (contract section 4)."""

    SYNC = "sync"  # by the reply, which lasts as long as the step
    ASYNC = "async"  # by an event, or by looking at the call, whichever comes first
    POLL = "poll"  # by looking at the call: for hosts that no event can reach
    AUTO = "auto"  # chosen for each step by what is known


class OnSeveral(StrEnum):
    """What to do with further calls that match one lost dial."""

    END = "end"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that shapes how one run is driven. Durations are seconds.

    Attributes:
        max_silence_s: Longest silence a callee is left in before the call goes to `on_stale` or is ended.
        on_stale: Label to go to when resuming after too long a silence; None ends the call.
        max_call_s: Longest a call may last.
        max_visits: How often a label may be entered.
        leave_up: Leave the call up when the script ends without `hangup`, or stops.
        replay_preamble: Spoken before something heard is repeated; None for nothing.
        max_dead_air_s: Longest dead air between steps that is not worth a notice; None for any.
        dial_expire_s: A dial rings at the latest this long after its intent (`schedule_expire`).
        on_several: What to do with further calls that match one lost dial.
        settle_heard_s: Settle time of `heard` and `asks` steps.
        settle_dangerous_s: Settle time of `dangerous` and `forbidden` steps.
        max_attempts: How often a step is sent at most on unknown outcomes.
        retry_attempts: How often a step that was not sent or was throttled is tried in all.
        retry_total_s: How long such a step is tried in all.
        api_limits: The request limits of the API, which are the account's; None to go by its 429 replies alone.
        words_per_minute: Expected rate of speech.
        read_margin_s: Added to a step's longest duration before its reply is given up.
        lease_s: How long the right to drive a run outlives its last heartbeat.
        grace_s: How long a live call goes on after the first SIGINT or SIGTERM.
        mode: How completion is learnt.
        limit_s: The network limit steps are packed for; None for one command a step.
        idempotent_for_s: How long the server keeps replies by idempotency key (contract section 8); None: it does not.
        shows_results: `GET /calls/UUID` shows the results of what ran (contract section 8).
        hears_events: An event receiver is set up, so that events can be expected.
    """

    max_silence_s: float = 20.0
    on_stale: str | None = None
    max_call_s: float = 600.0
    max_visits: int = 3
    leave_up: bool = False
    replay_preamble: str | None = None
    max_dead_air_s: float | None = None
    dial_expire_s: float = 60.0
    on_several: OnSeveral = OnSeveral.END
    settle_heard_s: float = 3.0
    settle_dangerous_s: float = 60.0
    max_attempts: int = 3
    retry_attempts: int = 5
    retry_total_s: float = 60.0
    api_limits: ApiLimits | None = None
    words_per_minute: float = 150.0
    read_margin_s: float = 5.0
    lease_s: float = 30.0
    grace_s: float = 30.0
    mode: Mode = Mode.SYNC
    limit_s: float | None = None
    idempotent_for_s: float | None = None
    shows_results: bool = False
    hears_events: bool = False
