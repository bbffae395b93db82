"""What HubSpot's webhooks send, in all the shapes in which they do, and the check of their sender.

an array of events         subscriptionType, objectId, occurredAt (ms), propertyName, propertyValue
an object                  subscriptionId, subscriptionType, properties, propertyChanges[] {property, value}
an object with objectId    and properties, as texts or as {value}
{contacts: [...]}          contacts whose id is `vid` or `id`
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import azure.functions as func
from pydantic import Field, field_validator

from functions.hubspot.settings import HubSpotSettings
from shared.intake import body, signatures
from shared.intake.webhook import SIGNED, Payload, Sender, by_key_in_address
from shared.settings import Settings, settings_of

SENDER = "hubspot"
IDS = ("objectId", "hubspot_contact_id", "contact_id", "vid", "id")

KNOWN = frozenset((*IDS, "subscriptionType", "eventType", "properties"))


class HubSpotEvents(Payload):
    """Events about contacts, as HubSpot sent them: each is looked at by itself, so that a bad one costs no other."""

    not_kept: ClassVar[frozenset[str]] = frozenset({"events"})

    events: list[dict[str, Any]] = Field(min_length=1)

    @field_validator("events")
    @classmethod
    def _of_contacts(cls, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse a body in which nothing looks like a contact: it is somebody else's."""
        if not any(event.keys() & KNOWN for event in events):
            raise ValueError(f"none of them has one of {', '.join(sorted(KNOWN))}")
        return events

    def subject(self) -> str:
        """The contact; of several the inbox names none, for each has a row of its own."""
        found = {str(number) for event in self.events if (number := id_of(event)) is not None}
        return subject_of(found.pop()) if len(found) == 1 else "hubspot"

    def occurred_at(self) -> datetime | None:
        """Each event says so itself."""
        return None


def id_of(event: Mapping[str, Any]) -> Any:
    """HubSpot's id of the contact, as it stands there; None where the event has none."""
    return next((event[name] for name in IDS if event.get(name) is not None), None)


def subject_of(contact_id: str) -> str:
    """The name of a contact as the subject of events."""
    return f"hubspot:{contact_id}"[:100]


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The events in the body, each by itself. Raises RefusedError."""
    body.check_content_type(request.headers)
    return {"events": list(_single(body.parse_objects(raw, lenient=True)))}


def _single(objects: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for one in objects:
        several = next((one[name] for name in ("contacts", "events") if isinstance(one.get(name), list)), None)
        if several is None:
            yield one
        else:
            yield from (member if isinstance(member, dict) else {"unreadable": member} for member in several)


def signed(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """HubSpot has signed the request; where no client secret is set, the caller has a key with the scope `webhook:hubspot`.

    Version 3 signs the time as well, so that nobody can send a copy later; a copy of an older one is genuine for ever.

    Raises:
        RefusedError: 401, or 403, the key may not.
    """
    own = settings_of(HubSpotSettings, settings)
    if not own.hubspot_client_secret:
        return by_key_in_address(request, raw, settings, sender=SENDER)
    signatures.hubspot(
        request.headers,
        raw,
        own.hubspot_client_secret,
        method=request.method,
        url=signatures.public_url(settings.public_base_url, request.url),
        versions=own.hubspot_signature_versions,
    )
    is_timed = "v3" in own.hubspot_signature_versions and bool(request.headers.get("x-hubspot-signature-v3"))
    return Sender() if is_timed else SIGNED
