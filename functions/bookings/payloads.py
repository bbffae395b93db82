"""The event of a calendar about a booking, and the check of its sender. Light: imports no SQL and no vendor's client."""

import hashlib
import hmac
from datetime import datetime
from typing import Final, Literal, Self

import azure.functions as func
from pydantic import Field, model_validator

from functions.bookings.settings import BookingSettings
from shared.errors import RefusedError
from shared.intake import signatures
from shared.intake.fields import OptionalInstant
from shared.intake.webhook import BEARER, SIGNED, Authenticate, Payload, Sender, by_api_key
from shared.settings import Settings, settings_of

CREATED, RESCHEDULED, CANCELLED, REJECTED = "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REJECTED"
NO_SHOW, ENDED, REQUESTED = "BOOKING_NO_SHOW_UPDATED", "MEETING_ENDED", "BOOKING_REQUESTED"
# What changes a booking, whichever calendar reports it. All else is taken in and ignored. A request is no booking yet, but it
# says what the confirmation leaves out: whose it is, and which booking it takes the place of.
MEANINGFUL = frozenset({CREATED, RESCHEDULED, CANCELLED, REJECTED, NO_SHOW, ENDED, REQUESTED})
CALCOM: Final = "calcom"
CALENDLY: Final = "calendly"

SIGNATURE, OLD_HEADER = "x-cal-signature-256", "x-webhook-secret"
LONGEST_UID = 150
SUBJECT_LENGTH = 100
SEAT_LENGTH = 16
LARGEST_ID = 2**63 - 1
CALENDLY_SIGNATURE = "calendly-webhook-signature"
_CALENDLY_MEETINGS = "https://api.calendly.com/scheduled_events/"  # what the ids of all its bookings begin with


class BookingEvent(Payload):
    """One event of the calendar about one booking. `follows` is the id that the booking had before it was rescheduled.

    `absent`: by e-mail address, whether that person stayed away; without an address, whoever booked. `has_ended`: the meeting
    took place, where the event says so beside what it is about. `page` is the address of the calendar's own pages, `change_url`
    and `cancel_url` those of the pages on which this booking can be moved and cancelled.

    `seat` tells apart several people in one meeting of the same `uid`; `seats` are the people whom an event about the whole
    meeting lists, by their seats (`functions.bookings.parts`). `series` is the kind of meeting that is repeated; with
    `ends_series` or `off_at` the event calls off further bookings of the series: all to come, or those that begin then.
    """

    calendar: Literal["calcom", "calendly"] = CALCOM
    trigger: str = Field(min_length=1, max_length=60)
    uid: str | None = Field(default=None, min_length=1, max_length=LONGEST_UID)
    follows: str | None = Field(default=None, min_length=1, max_length=LONGEST_UID)
    at: OptionalInstant = None
    lead_ref: int | None = Field(default=None, ge=1, le=LARGEST_ID)
    email: str | None = Field(default=None, max_length=254)
    name: str | None = Field(default=None, max_length=200)
    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=100)
    phone: str | None = Field(default=None, max_length=100)
    title: str | None = Field(default=None, max_length=200)
    start_at: OptionalInstant = None
    end_at: OptionalInstant = None
    time_zone: str | None = Field(default=None, max_length=64)
    locale: str | None = Field(default=None, max_length=35)
    meeting_url: str | None = Field(default=None, max_length=1000)
    page: str | None = Field(default=None, max_length=300)
    change_url: str | None = Field(default=None, max_length=1000)
    cancel_url: str | None = Field(default=None, max_length=1000)
    has_ended: bool = False
    seat: str | None = Field(default=None, min_length=1, max_length=SEAT_LENGTH)
    seats: dict[str, str] = Field(default_factory=dict)
    series: str | None = Field(default=None, max_length=40)
    ends_series: bool = False
    off_at: list[OptionalInstant] = Field(default_factory=list)
    absent: dict[str, bool] = Field(default_factory=dict)
    unread: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.trigger in MEANINGFUL and self.booking is None:
            raise ValueError("says neither which booking it is about (uid) nor whose (lead_id, or the attendee's e-mail)")
        return self

    @property
    def booking(self) -> str | None:
        """The calendar's id of the booking; where it gives none (the simple form), a lead's or person's only one."""
        if self.uid is not None:
            return self._seated(self.uid)
        if self.lead_ref is not None:
            return f"lead-{self.lead_ref}"
        return f"email-{hashlib.sha256(self.email.encode()).hexdigest()[:32]}" if self.email else None

    def event_id(self) -> str | None:
        """The calendar's own key: which booking, what happened, and when; None where it does not say all three."""
        return f"{self.booking}:{self.trigger}:{self.at.isoformat()}" if self.uid and self.at else None

    @property
    def previous(self) -> str | None:
        """The id that the booking had before, as `booking` gives it."""
        return None if self.follows is None else self._seated(self.follows)

    @property
    def meeting(self) -> str | None:
        """The calendar's id of a meeting in which several people have a booking each; None where there is one."""
        return self.uid if self.seat is not None else None

    def _seated(self, uid: str) -> str:
        return uid if self.seat is None else f"{uid}/{self.seat}"

    def subject(self) -> str:
        """The booking."""
        return subject_of(self.booking or self.trigger)

    def occurred_at(self) -> datetime | None:
        """When it happened; for the report of a meeting's end, which has no time of its own, when the meeting ended."""
        return self.at or (self.end_at if self.trigger == ENDED else None)


def seat_of(address: str) -> str:
    """What tells apart the people in one meeting: a digest of the address under which they booked."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:SEAT_LENGTH]


def subject_of(uid: str) -> str:
    """The name of a booking as the subject of events. Of Calendly's ids, which are addresses, it keeps what differs."""
    return f"booking:{uid.removeprefix(_CALENDLY_MEETINGS).replace('/invitees/', '/')}"[:SUBJECT_LENGTH]


def by_calendly_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The caller has a key with the scope `webhook:calendly`. Raises RefusedError, 401 or 403."""
    return by_api_key(request, raw, settings, sender=CALENDLY)


def signed_by_calendly(
    request: func.HttpRequest, raw: bytes, settings: Settings, *, otherwise: Authenticate = by_calendly_key
) -> Sender:
    """Calendly has signed the request; where it bears no signature of theirs, `otherwise` decides.

    Raises:
        RefusedError: 401; 403, the key may not; 503, a secret is needed and none is configured.
    """
    if request.headers.get(CALENDLY_SIGNATURE):
        signatures.calendly(request.headers, raw, settings_of(BookingSettings, settings).calendly_signing_keys)
        return SIGNED
    return otherwise(request, raw, settings)


def is_from_calendar(request: func.HttpRequest) -> bool:
    """Whether the calendar itself sends it: what such a body holds was written by whoever opened the booking page."""
    return SIGNATURE in request.headers


def signed(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The request is the calendar's, or that of somebody with a key.

    `X-Cal-Signature-256` over the body; else the old system's header `x-webhook-secret`, which holds the secret itself; else
    an API key with the scope `webhook:calcom`. Whoever sends the first of them is judged by that one alone.

    Raises:
        RefusedError: 401; 403, the key may not; 503, a secret is needed and none is configured.
    """
    if not is_from_calendar(request):
        if old := request.headers.get(OLD_HEADER):
            _check_secret(old, settings)
            return BEARER
        if "x-api-key" in request.headers:
            return by_api_key(request, raw, settings, sender=CALCOM)
    signatures.calcom(request.headers, raw, settings_of(BookingSettings, settings).calcom_webhook_secret)
    return SIGNED


def _check_secret(presented: str, settings: Settings) -> None:
    secrets = [secret.get_secret_value().encode() for secret in settings_of(BookingSettings, settings).calcom_webhook_secret]
    if not any(secrets):
        raise RefusedError(503, "not-configured", "No secret is configured for this webhook.")
    given = presented.encode("utf-8", "surrogatepass")
    if not max([hmac.compare_digest(secret, given) for secret in secrets if secret]):  # a list: all are compared
        raise RefusedError(401, "bad-signature", f"The secret in {OLD_HEADER} is none that is known here.")


__all__ = ["MEANINGFUL", "BookingEvent", "is_from_calendar", "seat_of", "signed", "signed_by_calendly", "subject_of"]
