"""The properties that an event does not tell, read from HubSpot: a hundred contacts in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.hubspot import client
from shared.errors import PermanentError
from shared.outbox.actions import Done
from shared.outbox.record_sync import RecordSync

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.outbox.actions import Outcome

CONTACT = "contact_id"


def fetch(keys: Sequence[int]) -> Mapping[int, Outcome]:
    """What HubSpot has of these events' contacts. Where it refuses, or has no such contact, the event's own words must do.

    Raises:
        PuenteError: HubSpot cannot be asked now.
    """
    from sqlalchemy import select

    from functions.hubspot import batches, events
    from functions.hubspot.tables import HubSpotMessage
    from shared.store.session import reading

    with reading() as session:
        query = select(HubSpotMessage.id, HubSpotMessage.contact_id).where(HubSpotMessage.id.in_(keys))
        wanted = {row.id: row.contact_id for row in session.execute(query)}
    ids = {number for number in wanted.values() if number}
    try:
        found = batches.read_by_ids(ids, _properties(), batches.Budget())
    except PermanentError:
        found = {}
    facts = {number: events.facts_of(one.properties) | {CONTACT: one.contact_id} for number, one in found.items()}
    return {key: Done({"found": facts.get(number or "", {})}) for key, number in wanted.items()}


def _properties() -> list[str]:
    from functions.hubspot.settings import HubSpotSettings
    from shared.settings import settings_of

    settings = settings_of(HubSpotSettings)
    chosen = [settings.hubspot_prop_interes_producto, settings.hubspot_prop_manychat_user_id]
    return list(dict.fromkeys(["firstname", "lastname", "interes_producto", "manychat_user_id", *chosen]))


def _kept(result: Mapping[str, Any], _final: bool) -> Mapping[str, Any]:  # noqa: FBT001  # as RecordSync wants it
    return {"found": result["found"]}


FETCHES = RecordSync(
    target=client.TARGET,
    name="properties",
    table="functions.hubspot.tables:HubSpotMessage",
    subject_prefix="hubspot-message:",
    prefix="fetch",
    send=fetch,
    batch_size=lambda: client.LARGEST_BATCH,
    keep=_kept,
    then="functions.hubspot.deciding:settle_fetched",
    is_used=client.is_used,
)
