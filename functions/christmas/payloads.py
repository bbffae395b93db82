"""The payloads that the website, the calendar and the sales team send of a person in the campaign: one model for each handler.

Unknown fields are kept with the event. Which fields are needed, and what the others default to, is that of the replaced
system. Light: the webhooks import it.
"""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from functions.christmas.fields import Count, Link, Notes, Score, Several, moment
from shared.intake.fields import Amount, Instant, Name, OptionalInstant, RequiredEmail, RequiredName
from shared.intake.webhook import Payload

PAID = "paid"
SENT = "sent"
MISSING, MALFORMED = "email_1_sent_at is missing; counted from now", "email_1_sent_at cannot be read; counted from now"


class CampaignPayload(Payload):
    """What every handler receives: the person. Most senders give no time."""

    model_config = ConfigDict(extra="allow")

    email: RequiredEmail
    first_name: RequiredName
    last_name: Name = None
    business_name: Name = None
    calendly_link: Link = None
    pdf_download_link: Link = None
    portal_url: Link = None

    @property
    def links(self) -> dict[str, str]:
        """Links of the person's own, which stand in place of the campaign's."""
        named = {
            "calendly_link": self.calendly_link,
            "pdf_download_link": self.pdf_download_link,
            "portal_url": self.portal_url,
        }
        return {name: link for name, link in named.items() if link}

    def subject(self) -> str:
        """The person, by their address."""
        return self.email

    def occurred_at(self) -> datetime | None:
        """None: the event counts from when we received it."""
        return None


class SignupPayload(CampaignPayload):
    """Somebody has signed up on the website, which mails them itself. `name` may stand for first and last name."""

    @model_validator(mode="before")
    @classmethod
    def _name_in_one(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("first_name") or not isinstance(data.get("name"), str):
            return data
        first, _, last = data["name"].strip().partition(" ")
        return data | {"first_name": first, "last_name": data.get("last_name") or last}


class AssessmentPayload(CampaignPayload):
    """Somebody has answered the assessment; the website has sent the first mail and says when.

    Without a time that can be read it counts from when we received it, and `warnings` says so.
    """

    business_name: RequiredName
    red_systems: Count
    orange_systems: Count
    yellow_systems: Count = 0
    green_systems: Count = 0
    assessment_score: Score = None
    email_1_sent_at: datetime | None = None
    email_1_status: Name = SENT
    weakest_system_1: Name = None
    weakest_system_2: Name = None
    strongest_system: Name = None
    revenue_leak_total: Amount = None
    gps_score: Score = None
    money_score: Score = None
    warnings: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _first_mail(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        payload = data.get("email_1_sent_at")
        found = moment(payload)
        warning = () if found else (MISSING if payload in (None, "") else MALFORMED,)
        return data | {"email_1_sent_at": found, "warnings": warning}

    def occurred_at(self) -> datetime | None:
        """When the website sent its mail, which is when they had answered."""
        return self.email_1_sent_at


class NoShowPayload(CampaignPayload):
    """Somebody did not come to their call; our own form of it. Calendly's is in `functions.bookings.calendly`."""

    calendly_event_uri: Link = None
    calendly_event_id: Link = None
    scheduled_time: OptionalInstant = None
    event_type: Name = None
    reschedule_url: Link = None


class PostCallPayload(CampaignPayload):
    """Somebody said maybe in their call."""

    business_name: RequiredName
    call_date: Instant
    call_outcome: Name = "Maybe"
    call_notes: Notes = None
    objections: Several = Field(default_factory=list)
    follow_up_priority: Name = "Medium"
    interest_level: Name = None


class OnboardingPayload(CampaignPayload):
    """Somebody has become a customer, once `is_paid`."""

    business_name: RequiredName
    payment_status: Name = None
    payment_confirmed: bool | None = None
    payment_amount: Amount = None
    payment_date: OptionalInstant = None
    package_type: Name = None
    docusign_completed: bool | None = True
    salon_address: Notes = None
    observation_dates: Several = Field(default_factory=list)
    start_date: OptionalInstant = None

    @property
    def is_paid(self) -> bool:
        """Whether the payment is confirmed, in either way of saying so."""
        return self.payment_confirmed is True or (self.payment_status or "").lower() == PAID
