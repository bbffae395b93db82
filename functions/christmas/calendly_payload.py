"""Calendly's own webhooks: an invitee who has booked, cancelled, or did not come.

Calendly gives a subscription up when its webhooks are refused for a day, so what cannot be used is taken in and ignored; no
field is required but the event's name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from functions.christmas.fields import moment
from shared.intake.webhook import Payload
from shared.readers.email import key_or_none

SIGNATURE = "calendly-webhook-signature"
CREATED, CANCELLED = "invitee.created", "invitee.canceled"
NO_SHOW, NO_SHOW_TAKEN_BACK = "invitee_no_show.created", "invitee_no_show.deleted"
LONGEST_URI = 200


def is_native(headers: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    """Whether a request is in Calendly's own form: signed by it, or an `event` with a `payload`."""
    return bool(headers.get(SIGNATURE)) or (isinstance(body.get("event"), str) and isinstance(body.get("payload"), dict))


def event_id(uri: str | None) -> str | None:
    """What names a meeting in every form of it: the last part of its address, which is also its id."""
    parts = [part for part in (uri or "").strip().rstrip("/").split("/") if part]
    return parts[-1][:LONGEST_URI] if parts else None


def _text(value: Any) -> Any:
    return value.strip()[:1000] or None if isinstance(value, str) else None


def _part(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


Text = Annotated[str | None, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(lambda value: value is True)]
When = Annotated[datetime | None, BeforeValidator(moment)]


class Meeting(BaseModel):
    """The meeting that was booked (`scheduled_event`)."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    uri: Text = None
    name: Text = None
    start_time: When = None
    end_time: When = None


class NoShow(BaseModel):
    """That they did not come (`no_show`)."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    created_at: When = None


class Invitee(BaseModel):
    """The person, for one meeting. `uri` names both. Some senders give only `invitee`, the address of all this."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    uri: Text = None
    invitee: Text = None
    email: Annotated[str | None, BeforeValidator(key_or_none)] = None
    name: Text = None
    first_name: Text = None
    last_name: Text = None
    timezone: Text = None
    event: Text = None
    rescheduled: Flag = False
    old_invitee: Text = None
    new_invitee: Text = None
    reschedule_url: Text = None
    scheduled_event: Annotated[Meeting, BeforeValidator(_part)] = Meeting.model_construct()
    no_show: Annotated[NoShow, BeforeValidator(_part)] = NoShow.model_construct()

    @property
    def key(self) -> str | None:
        """What names the person in the meeting; too long an address is none of Calendly's."""
        uri = self.invitee or self.uri
        return uri if uri is not None and len(uri) <= LONGEST_URI else None

    @property
    def names(self) -> tuple[str | None, str | None]:
        """First and last name."""
        if self.first_name:
            return self.first_name[:200], (self.last_name or "")[:200] or None
        first, _, last = (self.name or "").partition(" ")
        return first[:200] or None, last.strip()[:200] or None


class CalendlyPayload(Payload):
    """Calendly's envelope. It has no id; `created_at` is when it happened."""

    model_config = ConfigDict(extra="allow")

    event: str
    created_at: When = None
    payload: Annotated[Invitee, BeforeValidator(_part)] = Invitee.model_construct()

    def subject(self) -> str:
        """The person, by their address if there is one."""
        return self.payload.email or self.payload.key or "calendly"

    def occurred_at(self) -> datetime | None:
        """When it happened."""
        return self.created_at
