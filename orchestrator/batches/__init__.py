"""The composition of a batch: a campaign, its script, contacts, lists and calendars → ticks, results and previews.

`batch` of the CLI and `Orchestrator.run_many` are thin shells over it. It knows the orchestrator by its type only: that
one is made first, and is given.
"""

from orchestrator.batches.campaignrun import CampaignRun
from orchestrator.batches.many import ContactEnd, campaign_from, ends

__all__ = ["CampaignRun", "ContactEnd", "campaign_from", "ends"]
