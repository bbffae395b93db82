"""Our facts as Notion's properties: default names (NOTION_PROPERTIES may give others, "" leaves one out) and our values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.christmas import kinds, people
from functions.christmas.tables import MailSequence, SequenceContact
from functions.christmas.tracker import Progress
from functions.christmas.variables import COLOURS

CAMPAIGN = "Christmas 2025"  # unless CAMPAIGN_VARIABLES says `campaign`
MOST_MAILS = 5
LONGEST_NOTES = 2000

CONTACT = {
    "contact_email": "email",
    "first_name": "first_name",
    "last_name": "last_name",
    "contact_business_name": "business_name",
    "campaign_status": "Christmas Campaign Status",
    "contact_assessment_score": "Assessment Score",
    "contact_segment": "Segment",
    "phase": "Phase",
    "booking_status": "Booking Status",
    "diagnostic_call_date": "Diagnostic Call Date",
    "unsubscribed": "Unsubscribed",
}
_MAIL = {
    "sent": "Email {n} Sent",
    "status": "Email {n} Status",
    "sent_by": "Email {n} Sent By",
    "resend_id": "Email {n} Resend ID",
}
SEQUENCE = {
    "sequence_id": "Puente ID",
    "sequence_email": "Email",
    "sequence_first_name": "First Name",
    "sequence_business_name": "Business Name",
    "campaign": "Campaign",
    "sequence_type": "Sequence Type",
    "template_type": "Template Type",
    "sequence_segment": "Segment",
    "sequence_assessment_score": "Assessment Score",
    "red_systems": "Red Systems",
    "orange_systems": "Orange Systems",
    "yellow_systems": "Yellow Systems",
    "green_systems": "Green Systems",
    "started_at": "Started At",
    "signup_date": "Signup Date",
    "sequence_created": "Sequence Created",
    "assessment_completed": "Assessment Completed",
    "sequence_completed": "Sequence Completed",
    "last_email_sent": "Last Email Sent",
    "last_email_sent_at": "Last Email Sent At",
    "calendly_event_uri": "Calendly Event URI",
    "scheduled_time": "Scheduled Time",
    "event_type": "Event Type",
    "call_date": "Call Date",
    "call_outcome": "Call Outcome",
    "call_notes": "Call Notes",
    "objections": "Objections",
    "follow_up_priority": "Follow-Up Priority",
    "payment_amount": "Payment Amount",
    "payment_date": "Payment Date",
    "package_type": "Package Type",
    "salon_address": "Salon Address",
    "observation_dates": "Observation Dates",
    "start_date": "Start Date",
} | {f"email_{n}_{fact}": name.format(n=n) for n in range(1, MOST_MAILS + 1) for fact, name in _MAIL.items()}

# Alternatives: one of each group is enough, so the others are not missed where a database lacks them.
ALTERNATIVES = (
    frozenset({"sequence_type", "template_type"}),
    frozenset({"started_at", "signup_date", "sequence_created"}),
)
# The databases of the replaced system may have been made without these; their absence is not reported.
WELCOME = frozenset({"sequence_id", "contact_business_name"})

_DATES = frozenset({"scheduled_time", "call_date", "payment_date", "start_date"})
_OF_TYPE = {
    kinds.NO_SHOW.type: ("calendly_event_uri", "scheduled_time", "event_type"),
    kinds.POST_CALL.type: ("call_date", "call_outcome", "call_notes", "objections", "follow_up_priority"),
    kinds.ONBOARDING.type: (
        "payment_amount",
        "payment_date",
        "package_type",
        "salon_address",
        "observation_dates",
        "start_date",
    ),
}


def names(defaults: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Fact -> property's name, those that are wanted."""
    return {fact: name for fact, default in defaults.items() if (name := given.get(fact, default).strip())}


def of_contact(row: SequenceContact, *, unsubscribed: bool) -> dict[str, Any]:
    """The facts of a person for Notion."""
    return {
        "contact_email": row.email,
        "first_name": row.first_name or row.email,  # the title: a page without one cannot be distinguished from others
        "last_name": row.last_name,
        "contact_business_name": row.business_name,
        "campaign_status": row.campaign_status,
        "contact_assessment_score": None if row.assessment_score is None else float(row.assessment_score),
        "contact_segment": row.segment,
        "phase": row.phase,
        "booking_status": row.booking_status or people.NOT_BOOKED,
        "diagnostic_call_date": row.diagnostic_call_at,
        "unsubscribed": unsubscribed,
    }


def of_sequence(row: MailSequence, progress: Progress, campaign: str = CAMPAIGN) -> dict[str, Any]:
    """The facts of a sequence and of its mails for Notion."""
    kind, contact, facts = kinds.KINDS[row.type], row.contact, row.facts
    last = progress.last
    payload: dict[str, Any] = {
        "sequence_id": f"{row.id}-{row.key[:8]}",  # a number alone could be that of another environment's row
        "sequence_email": row.email,
        "sequence_first_name": contact.first_name or row.email,
        "sequence_business_name": contact.business_name,
        "campaign": campaign,
        "sequence_type": kind.type,
        "template_type": kind.template_type,
        "sequence_segment": row.segment,
        "started_at": row.started_at,
        "signup_date": row.started_at,
        "sequence_created": row.created_at,
        "sequence_completed": progress.completed_at,
        "last_email_sent": last.number if last else None,
        "last_email_sent_at": last.sent_at if last else None,
    }
    if kind is kinds.FIVE_DAY:
        payload |= {"sequence_assessment_score": facts.get("assessment_score"), "assessment_completed": row.started_at}
        payload |= {f"{colour}_systems": facts.get(f"{colour}_systems") for colour in COLOURS}
    payload |= {name: _fact(name, facts.get(name)) for name in _OF_TYPE.get(row.type, ())}
    if any(mail.is_unrecorded for mail in progress.mails):  # Notion keeps what was written before
        del payload["last_email_sent"], payload["last_email_sent_at"]
    for mail in (mail for mail in progress.mails[:MOST_MAILS] if not mail.is_unrecorded):
        prefix = f"email_{mail.number}_"
        payload |= {f"{prefix}sent": mail.sent_at, f"{prefix}status": mail.status}
        payload |= {f"{prefix}sent_by": mail.sent_by, f"{prefix}resend_id": mail.resend_id}
    return payload


def _fact(name: str, value: Any) -> Any:
    if name in _DATES and isinstance(value, str):
        return datetime.fromisoformat(value)
    if name == "payment_amount" and value is not None:
        return float(value)  # Notion's numbers are binary fractions; ours stays the exact text
    return value[:LONGEST_NOTES] if name == "call_notes" and isinstance(value, str) else value
