"""Advice as a document, and as the settings and flags that follow it. Pure; `advise` prints both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.core.advice import Advice, Choice, Limit, Way
from orchestrator.core.plan import Plan
from orchestrator.core.records import ReplayClass


def advice_document(advice: Advice, *, command: Sequence[str]) -> dict[str, Any]:
    """Return what `advise --json` prints; times in seconds.

    Args:
        advice: It.
        command: The command line that follows it, in words.
    """
    facts, choice = advice.facts, advice.choice
    traffic, receiver = facts.traffic, facts.receiver
    return {
        "script": facts.script.name,
        "unknown_variables": list(advice.ways[0].plan.unknown),
        "dead_air": {"gap_s": round(facts.gap.seconds, 3), "measured": facts.gap.measured},
        "application": {
            "calls_in_flight": traffic.in_flight,
            "most_calls_in_flight": traffic.most_in_flight,
            "runs": traffic.runs,
            "requests": traffic.requests,
            "lost_replies": traffic.lost_replies,
            "api_limits_set": facts.settings.api_limits is not None,
        },
        "network": _limit(facts.limit),
        "web_server": {
            "receiver_running": receiver.running,
            "can_serve": receiver.can_serve,
            "url": receiver.url,
            "results_shown": facts.settings.shows_results,
        },
        "ways": [
            way_document(way, is_chosen=choice is not None and choice.way.name == way.name) for way in advice.ways
        ],
        "recommendation": None if choice is None else _recommendation(choice, command=command),
        "flips": [{"when": when, "then": then} for when, then in advice.flips],
        "concerns": list(advice.concerns),
        "problems": problems_document(advice.ways[0].plan if choice is not None else best_refused(advice).plan),
    }


def way_document(way: Way, *, is_chosen: bool) -> dict[str, Any]:
    """Return what is shown of one way."""
    return {
        "way": way.name,
        "mode": way.plan.mode.value,
        "limit_s": way.plan.limit_s,
        **plan_figures(way.plan),
        "fits": way.fits,
        "calls_carried": way.calls_carried,
        "needs_receiver": way.needs_receiver,
        "recommended": is_chosen,
    }


def plan_figures(planned: Plan) -> dict[str, Any]:
    """Return the figures of a plan that are set beside those of others."""
    return {
        "requests": planned.requests,
        "looks": planned.looks,
        "longest_request_s": round(planned.longest_request_s, 1),
        "worst_dead_air_s": round(planned.worst_silence_s, 3),
        "if_lost": lost_counts(planned),
        "refused": len(planned.problems),
    }


def lost_counts(planned: Plan) -> dict[str, int]:
    """Return for each replay class how many requests of it a lost reply would leave in doubt."""
    counts = Counter(item.step.replay_class for item in planned.steps)
    return {each.value: counts[each] for each in ReplayClass if counts[each]}


def problems_document(planned: Plan) -> list[dict[str, Any]]:
    """Return why parts of a plan cannot be sent."""
    return [
        {"line": problem.place.line, "column": problem.place.column, "message": problem.message}
        for problem in planned.problems
    ]


def best_refused(advice: Advice) -> Way:
    """Return the way that comes nearest to what can be sent, where none can be: the one with the fewest refusals."""
    return min(advice.ways, key=lambda way: len(way.plan.problems) or len(way.plan.steps) + 1)


def yaml_lines(choice: Choice) -> list[str]:
    """Return what to write into the configuration file."""
    return [*_limit_lines(choice), "settings:", f"  mode: {choice.mode.value}"]


def flags(choice: Choice) -> list[str]:
    """Return the flags of `run` and `resume` that say the same."""
    limit = [] if choice.limit_s is None else ["--limit", f"{choice.limit_s:g}s"]
    if choice.network is not None:
        limit = ["--network", choice.network]
    return ["--mode", choice.mode.value, *limit]


def _limit_lines(choice: Choice) -> list[str]:
    if choice.network is not None:
        return [f"network: {choice.network}"]
    return [] if choice.limit_s is None else [f"limit: {choice.limit_s:g}s"]


def _limit(limit: Limit) -> Mapping[str, Any]:
    return {
        "limit_s": limit.counted_s,
        "known": limit.is_known,
        "source": limit.source.value,
        "network": limit.network,
        "why": limit.why,
    }


def _recommendation(choice: Choice, *, command: Sequence[str]) -> dict[str, Any]:
    return {
        "way": choice.way.name,
        "mode": choice.mode.value,
        "limit_s": choice.limit_s,
        "network": choice.network,
        "grouping": "one command a step" if choice.limit_s is None else "packed",
        "reasons": list(choice.reasons),
        "yaml": yaml_lines(choice),
        "command": list(command),
    }
