"""HubSpot kept in step with scored leads. Light: services import this module to request syncs."""

from __future__ import annotations

from functions.hubspot import client
from shared.outbox.record_sync import RecordSync

LEADS = RecordSync(
    target=client.TARGET,
    name="lead",
    table="functions.scoring.tables:ScoredLead",
    subject_prefix="scored-lead:",
    prefix="hubspot",
    send="functions.scoring.hubspot_rows:bring_up_to_date",
    batch_size=lambda: client.LARGEST_BATCH,
    keep=("hubspot_contact_id",),
    is_used=client.is_used,
)
