"""Interests that HubSpot's contacts got and no webhook reported: HubSpot held against `hubspot_messages`.

    kind     | what it means                                                   | mended with
    ---------|-----------------------------------------------------------------|-------------------------------------------
    missing  | a contact's interest or ManyChat's id changed, no event says so | the event that its webhook would have been

HubSpot repeats a webhook ten times in a day, and not at all what was refused; what is lost then is known to its API alone.
Every night the differences of three days are counted and reported. A person mends them by a plan, which shows the messages.
What changed in the last minutes is left for the webhook, which may be on its way; what we have written ourselves is none.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from functions.hubspot import changed, events
from functions.hubspot.changed import Changed
from functions.hubspot.client import TARGET, is_used
from functions.hubspot.payloads import subject_of
from functions.hubspot.settings import HubSpotSettings
from functions.hubspot.tables import HubSpotMessage
from functions.hubspot.triggers import WEBHOOK
from shared import clock
from shared.crm import reconciliations
from shared.crm.reconcile import Report
from shared.crm.reconciliations import Goes
from shared.intake.envelope import Envelope, fingerprint
from shared.settings import settings_of
from shared.store.session import reading

BACK, ON_ITS_WAY = timedelta(days=3), timedelta(minutes=10)
CLOCKS = timedelta(minutes=1)  # by which the time in a webhook and that in a contact's history may differ
WITHOUT_EFFECT = (events.OTHER_PROPERTY, events.OTHER_EVENT, events.OWN_WRITE)


def ask_nightly() -> int:
    """Ask for a comparison with HubSpot, which only reports; 1 where a token is set."""
    return reconciliations.ask_by_the_clock([TARGET] if is_used() else [], dry_run=True)


def with_hubspot(report: Report, place: Goes | None, dry_run: bool) -> Goes | None:  # noqa: FBT001  # as `Comparison` has it
    """Compare the next contacts whose interest may have changed in three days. It only reports. Raises PuenteError."""
    del dry_run
    now = clock.now()
    place = place or {"since": (now - BACK).isoformat(), "until": (now - ON_ITS_WAY).isoformat(), "behind": 0}
    since, until = datetime.fromisoformat(place["since"]), datetime.fromisoformat(place["until"])
    interest = settings_of(HubSpotSettings).hubspot_prop_interes_producto
    found = changed.since(since, int(place["behind"]), interest, _watched())
    if not found:
        return None
    _compare(report, [event for one in found if (event := _event(one, since, until)) is not None])
    return {**place, "behind": max(int(one.found.contact_id) for one in found)}


def _watched() -> tuple[str, str]:
    """The properties whose change may lead to a message."""
    settings = settings_of(HubSpotSettings)
    return settings.hubspot_prop_interes_producto, settings.hubspot_prop_manychat_user_id


def _event(one: Changed, since: datetime, until: datetime) -> dict[str, Any] | None:
    """The event that the webhook of the contact's newest change would have been; None where nothing follows from any."""
    changes = [(version.at, name, version) for name, version in one.newest.items() if since <= version.at <= until]
    has_all = all(name in one.newest and one.newest[name].value for name in _watched())
    if not has_all or not changes:
        return None
    at, name, version = max(changes, key=lambda change: change[:2])
    return {
        "subscriptionType": "contact.propertyChange",
        "objectId": one.found.contact_id,
        "occurredAt": int(at.timestamp() * 1000),
        "changeSource": version.source,
        "sourceId": version.source_id,
        "propertyName": name,
        "propertyValue": version.value,
        "properties": {key: value for key, value in one.found.properties.items() if key != "hs_merged_object_ids"},
        "former": list(one.former),
    }


def _compare(report: Report, found: Iterable[dict[str, Any]]) -> None:
    reported = list(_reported(found))
    newest = _newest_known({number for event in reported for number in _ids(event)})
    for event in reported:
        report.compared += 1
        at = datetime.fromtimestamp(event["occurredAt"] / 1000, UTC)
        known = [newest[number] for number in _ids(event) if number in newest]
        if known and max(known) >= at - CLOCKS:
            report.in_step += 1
            continue
        example = {"contact": event["objectId"], "property": event["propertyName"], "at": at.isoformat()}
        report.add("missing", example)
        if report.repairs is not None:
            facts = [["missing", event["propertyName"], event["propertyValue"], at.isoformat()]]
            repair = reconciliations.event_repair(WEBHOOK.queue, _envelope(event, at), facts, creates=True)
            report.repairs.append(repair)


def _reported(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those of which a webhook would have led to something: the writes of our own apps are none."""
    return (event for event in found if events.of(event, 0, "", clock.now()).refusal is None)


def _ids(event: dict[str, Any]) -> tuple[str, ...]:
    return (str(event["objectId"]), *event["former"])


def _newest_known(contacts: set[str]) -> dict[str, datetime]:
    """When the newest event of each contact happened that looked at its interest."""
    query = (
        select(HubSpotMessage.contact_id, func.max(HubSpotMessage.occurred_at))
        .where(HubSpotMessage.contact_id.in_(sorted(contacts)))
        .where(HubSpotMessage.reason.is_(None) | HubSpotMessage.reason.not_in(WITHOUT_EFFECT))
        .group_by(HubSpotMessage.contact_id)
    )
    with reading() as session:
        return {str(number): clock.as_utc(at) for number, at in session.execute(query)}


def _envelope(event: dict[str, Any], at: datetime) -> Envelope:
    """The event as if HubSpot had told of it; the same change is the same event."""
    data = {"events": [{name: value for name, value in event.items() if name != "former"}]}
    return Envelope(
        id=f"compared:{fingerprint(data)}",
        source=TARGET,
        type=WEBHOOK.name,
        time=at,
        received=clock.now(),
        subject=subject_of(str(event["objectId"])),
        data=data,
    )
