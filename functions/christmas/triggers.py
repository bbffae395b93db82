"""The campaign: sign-up, assessment, no-show, "maybe" after the call, onboarding; each begins its sequence of mails.

POST /api/v1/christmas/<handler>[/<key>]
POST /api/v1/executions/webhook/christmas/<handler>[/<key>], as the replaced system had it
  <handler>: signup-handler, assessment-handler, noshow-recovery-handler (also for Calendly's own webhooks),
  postcall-maybe-handler, onboarding-handler; <key>: an API key, for senders that cannot set a header
  -> events-queue
  -> sequence_contacts, sequences, bookings; the journeys assessment, noshow, postcall, onboarding
  -> notion.contact, notion.sequence (kept in step), discord.hot_lead (critical assessments)
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.bookings.triggers import CALENDLY, apply_booking_event
from functions.christmas.settings import CampaignSettings
from shared import problems
from shared.errors import RefusedError
from shared.intake.endpoint import EVENTS_QUEUE, accepting
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Sender, Webhook, by_key_in_address
from shared.settings import Settings, settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.christmas.payloads import (
        AssessmentPayload,
        CampaignPayload,
        NoShowPayload,
        OnboardingPayload,
        PostCallPayload,
        SignupPayload,
    )
    from functions.christmas.tables import SequenceContact

log = logging.getLogger("puente.sequences")

COUNTS = ("red_systems", "orange_systems", "yellow_systems", "green_systems")
SENDER = "christmas"
bp = func.Blueprint()


def apply_signup(session: Session, event: Event[SignupPayload]) -> str:
    """Know the person: "applied". The website mails them itself."""
    from functions.christmas import notion_sync

    contact = _known(session, event)
    notion_sync.ask_contact(session, contact)
    return "applied"


def apply_assessment(session: Session, event: Event[AssessmentPayload]) -> str:
    """Segment, the five mails (the first is the website's), and an alert where it is critical; see `begin` for the outcomes."""
    from functions.christmas import begin, hot_leads, kinds, notion_sync, people, segments

    payload, at = event.payload, event.payload.email_1_sent_at or event.envelope.received
    for warning in payload.warnings:
        log.warning("assessment: %s", warning)
    contact = _known(session, event)
    segment = segments.segment(
        {name.removesuffix("_systems"): getattr(payload, name) for name in COUNTS}, settings_of(CampaignSettings).segment_rule
    )
    people.learn(contact, at, event.key, segment=segment, assessment_score=people.exact(payload.assessment_score))
    people.reach(contact, kinds.FIVE_DAY.event, at)
    notion_sync.ask_contact(session, contact)
    facts = _facts(payload) | {"email_1_sent_at": at.isoformat()}
    source = payload.email_1_sent_at.isoformat() if payload.email_1_sent_at else event.key
    data = payload.links | {"email_1_sent_at": at.isoformat()}
    start = begin.Start(kind=kinds.FIVE_DAY, source=source, at=at, facts=facts, segment=segment, data=data)
    outcome, row = begin.begin(session, contact, start, event.key)
    if row is not None and segment == segments.CRITICAL:
        hot_leads.plan_alert(session, row)
    return outcome


def apply_noshow(session: Session, event: Event[NoShowPayload]) -> str:
    """Three mails to somebody who did not come, once for each meeting, whether Calendly or another system reports it."""
    from functions.christmas import meetings, noshow

    payload = event.payload
    uri = payload.calendly_event_uri or payload.calendly_event_id
    when = payload.scheduled_time
    missed = noshow.NoShow(
        meeting=noshow.event_id(uri) or (when.isoformat() if when else event.key),
        at=event.envelope.time,
        scheduled_at=when,
        event_type=payload.event_type,
        event_uri=uri,
        reschedule_url=payload.reschedule_url,
        links=payload.links,
    )
    contact = _known(session, event)
    outcome = noshow.report(session, contact, missed, event.key)
    meetings.follow(session, contact)
    return outcome


def apply_postcall(session: Session, event: Event[PostCallPayload]) -> str:
    """Three mails to somebody who said maybe, once for each call."""
    from functions.christmas import begin, kinds, notion_sync, people

    payload, at = event.payload, event.envelope.time
    contact = _known(session, event)
    people.learn(contact, at, event.key, booking_status=people.COMPLETED, diagnostic_call_at=payload.call_date)
    people.reach(contact, kinds.POST_CALL.event, at)
    notion_sync.ask_contact(session, contact)
    source = payload.call_date.isoformat()
    start = begin.Start(kind=kinds.POST_CALL, source=source, at=at, facts=_facts(payload), data=payload.links)
    return begin.begin(session, contact, start, event.key)[0]


def apply_onboarding(session: Session, event: Event[OnboardingPayload]) -> str:
    """A customer: what sold to them ends, and three mails welcome them, once for each payment. "unpaid" is only recorded."""
    from functions.christmas import begin, kinds, onboarding

    payload, at = event.payload, event.envelope.time
    if not payload.is_paid:
        log.warning("onboarding without a confirmed payment is ignored")
        return "unpaid"
    if payload.docusign_completed is False:
        log.warning("onboarding: the contract is not signed yet")
    contact = _known(session, event)
    onboarding.become_customer(session, contact, at, event.key)
    begin.signal(session, contact.email, kinds.PAID, {"email": contact.email}, event.key, at)
    dated = payload.payment_date or payload.start_date
    source = dated.isoformat() if dated else "undated"
    start = begin.Start(kind=kinds.ONBOARDING, source=source, at=at, facts=_facts(payload), data=payload.links)
    return onboarding.begin_by_website(session, contact, start, (payload.payment_date or at).date(), event.key)


def _known(session: Session, event: Event[Any]) -> SequenceContact:
    """The person, locked, with their name from this event, and the booking status from meetings that they booked before."""
    from functions.christmas import meetings, people

    payload = event.payload
    contact = people.locked_contact(session, payload.email)
    names = {"first_name": payload.first_name, "last_name": payload.last_name, "business_name": payload.business_name}
    people.observe(session, contact)
    people.learn(contact, event.envelope.time, event.key, **names)
    contact.campaign_status = contact.campaign_status or people.SIGNED_UP
    meetings.follow(session, contact)
    return contact


def _facts(payload: CampaignPayload) -> dict[str, Any]:
    """The facts of a payload that its sequence stores: all fields but those that the contact stores."""
    return payload.model_dump(mode="json", exclude={"email", "first_name", "last_name", "business_name"}, exclude_none=True)


def by_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The caller has a key with the scope `webhook:christmas`, in the header or in the address. Raises RefusedError."""
    return by_key_in_address(request, raw, settings, sender=SENDER)


def by_calendly_or_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """Calendly has signed it; where it bears no signature of theirs, the caller has a key. Raises RefusedError."""
    from functions.bookings.payloads import signed_by_calendly

    return signed_by_calendly(request, raw, settings, otherwise=by_key)


def calendly_variant(request: func.HttpRequest, data: dict[str, Any]) -> Webhook | None:
    """Calendly's own webhooks come to the address of the no-show handler as well, where the replaced system took them."""
    from functions.bookings import calendly

    return OF_CALENDLY if calendly.is_native(request.headers, data) else None


OF_CALENDLY = replace(CALENDLY, queue=EVENTS_QUEUE, authenticate=by_calendly_or_key)


def _webhook(kind: str, payload: str) -> Webhook:
    return Webhook(name=f"{SENDER}.{kind}", queue=EVENTS_QUEUE, payload=payload, authenticate=by_key)


WEBHOOKS = {
    "signup-handler": _webhook("signup", "functions.christmas.payloads:SignupPayload"),
    "assessment-handler": _webhook("assessment", "functions.christmas.payloads:AssessmentPayload"),
    "noshow-recovery-handler": replace(
        _webhook("noshow", "functions.christmas.payloads:NoShowPayload"),
        authenticate=by_calendly_or_key,
        variant=calendly_variant,
    ),
    "postcall-maybe-handler": _webhook("postcall", "functions.christmas.payloads:PostCallPayload"),
    "onboarding-handler": _webhook("onboarding", "functions.christmas.payloads:OnboardingPayload"),
}
SIGNUP = Handler(queue=EVENTS_QUEUE, payload="functions.christmas.payloads:SignupPayload", apply=apply_signup)
ASSESSMENT = Handler(queue=EVENTS_QUEUE, payload="functions.christmas.payloads:AssessmentPayload", apply=apply_assessment)
NO_SHOW = Handler(queue=EVENTS_QUEUE, payload="functions.christmas.payloads:NoShowPayload", apply=apply_noshow)
POST_CALL = Handler(queue=EVENTS_QUEUE, payload="functions.christmas.payloads:PostCallPayload", apply=apply_postcall)
ONBOARDING = Handler(queue=EVENTS_QUEUE, payload="functions.christmas.payloads:OnboardingPayload", apply=apply_onboarding)
MEETING: Handler[Any] = Handler(queue=EVENTS_QUEUE, payload=OF_CALENDLY.payload, apply=apply_booking_event)


async def accept(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what comes for one of the handlers; 404 for any other name."""
    name = req.route_params.get("handler", "")
    webhook = WEBHOOKS.get(name)
    if webhook is None:
        return problems.response(RefusedError(404, "no-such-handler", f"There is no handler {name[:60]!r}."))
    return await webhook.accept(req, message)


accepting(bp, "christmas_webhook", "api/v1/christmas/{handler}/{key?}", WEBHOOKS, accept, also=(OF_CALENDLY,))
accepting(
    bp, "christmas_old_webhook", "api/v1/executions/webhook/christmas/{handler}/{key?}", WEBHOOKS, accept, also=(OF_CALENDLY,)
)
