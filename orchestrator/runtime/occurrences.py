"""What earlier occurrences of a campaign mean for a tick of this one. For the batch alone."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.campaign import Campaign, Occurrence, Repeat, end_of_occurrence
from orchestrator.ports import CampaignStore, ContactState
from orchestrator.runtime.job import Job, SameFileError


def close_what_is_over(store: CampaignStore, job: Job, *, now_wall: float) -> None:
    """Let nobody wait for a further call whose occurrence is over: what the last one came to stands.

    One that became due after its end is left: a person went on with that occurrence. One with a name that a person
    gave never ends.
    """
    campaign = job.campaign
    for standing in store.all_of(campaign.name, state=ContactState.AGAIN):
        ended_wall = end_of_occurrence(standing.occurrence, campaign.timezone)
        is_other = standing.occurrence != job.occurrence.name
        if is_other and ended_wall is not None and (standing.due_wall or 0.0) <= ended_wall <= now_wall:
            store.put([replace(standing, state=ContactState.DONE, due_wall=None)])


def refuse_an_old_file(
    store: CampaignStore, campaign: Campaign, occurrence: Occurrence, *, content_digest: str
) -> None:
    """Raise SameFileError where the contacts were called in an earlier occurrence, and the campaign does not repeat."""
    earlier = store.called_before(campaign.name, occurrence=occurrence.name, content_digest=content_digest)
    if earlier is not None and campaign.repeat is Repeat.NONE:
        raise SameFileError(
            f"these contacts were called in the occurrence {earlier} of {campaign.name} already, and it does not "
            "repeat: say `repeat: daily` or `weekly` in the campaign if they are to be called again, or go on with "
            f"the same ones by --occurrence {earlier}"
        )
