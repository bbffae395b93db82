"""The campaign: sign-up, assessment, no-show, "maybe" after the call, onboarding; each begins its sequence of mails.

POST /api/v1/christmas/<handler>[/<key>]
POST /api/v1/executions/webhook/christmas/<handler>[/<key>], as the replaced system had it
  <handler>: signup-handler, assessment-handler, noshow-recovery-handler (also for Calendly's own webhooks),
  postcall-maybe-handler, onboarding-handler; <key>: an API key, for senders that cannot set a header
  -> sequences-queue
  -> sequence_contacts, sequences, bookings; the journeys assessment, noshow, postcall, onboarding
  -> notion.contact, notion.sequence (kept in step), discord.hot_lead (critical assessments)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.christmas import calendly_payload, hot_leads, kinds, notion_sync, segments
from functions.christmas.calendly_payload import CalendlyPayload
from functions.christmas.payloads import AssessmentPayload, NoShowPayload, OnboardingPayload, PostCallPayload, SignupPayload
from functions.christmas.settings import CampaignSettings
from shared import problems
from shared.errors import RefusedError
from shared.intake import auth, signatures
from shared.intake.endpoint import CONNECTION, accepting, handle_by_type
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Webhook
from shared.settings import Settings, settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.christmas.payloads import CampaignPayload
    from functions.christmas.tables import SequenceContact

log = logging.getLogger("puente.sequences")

QUEUE = "sequences-queue"
COUNTS = ("red_systems", "orange_systems", "yellow_systems", "green_systems")
bp = func.Blueprint()


def apply_signup(session: Session, event: Event[SignupPayload]) -> str:
    """Know the person: "applied". The website mails them itself."""
    contact = _known(session, event)
    notion_sync.ask_contact(session, contact)
    return "applied"


def apply_assessment(session: Session, event: Event[AssessmentPayload]) -> str:
    """Segment, the five mails (the first is the website's), and an alert where it is critical; see `begin` for the outcomes."""
    from functions.christmas import begin, people

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
    from functions.christmas import calendly

    payload = event.payload
    uri = payload.calendly_event_uri or payload.calendly_event_id
    when = payload.scheduled_time
    meeting = calendly_payload.event_id(uri) or (when.isoformat() if when else event.key)
    no_show = calendly.NoShow(
        meeting=meeting,
        at=event.envelope.time,
        scheduled_at=when,
        event_type=payload.event_type,
        event_uri=uri,
        reschedule_url=payload.reschedule_url,
        links=payload.links,
    )
    return calendly.no_show(session, _known(session, event), no_show, event.key)


def apply_calendly(session: Session, event: Event[CalendlyPayload]) -> str:
    """Apply Calendly's own webhook: booked, cancelled, rescheduled, missed."""
    from functions.christmas import calendly

    return calendly.apply(session, event.payload, event.envelope.time, event.key)


def apply_postcall(session: Session, event: Event[PostCallPayload]) -> str:
    """Three mails to somebody who said maybe, once for each call."""
    from functions.christmas import begin, people

    payload, at = event.payload, event.envelope.time
    contact = _known(session, event)
    people.learn(contact, at, event.key, booking_status=people.COMPLETED, diagnostic_call_at=payload.call_date)
    people.fall_back(contact, kinds.BOOKED, at)
    people.reach(contact, kinds.POST_CALL.event, at)
    notion_sync.ask_contact(session, contact)
    source = payload.call_date.isoformat()
    start = begin.Start(kind=kinds.POST_CALL, source=source, at=at, facts=_facts(payload), data=payload.links)
    return begin.begin(session, contact, start, event.key)[0]


def apply_onboarding(session: Session, event: Event[OnboardingPayload]) -> str:
    """A customer: what sold to them ends, and three mails welcome them, once for each payment. "unpaid" is only recorded."""
    from functions.christmas import begin, people

    payload, at = event.payload, event.envelope.time
    if not payload.is_paid:
        log.warning("onboarding without a confirmed payment is ignored")
        return "unpaid"
    if payload.docusign_completed is False:
        log.warning("onboarding: the contract is not signed yet")
    contact = _known(session, event)
    people.learn(contact, at, event.key, phase=people.ONBOARDING_PHASE)
    people.reach(contact, kinds.PAID, at)
    notion_sync.ask_contact(session, contact)
    begin.signal(session, contact.email, kinds.PAID, {"email": contact.email}, event.key, at)
    dated = payload.payment_date or payload.start_date
    source = dated.isoformat() if dated else "undated"
    start = begin.Start(kind=kinds.ONBOARDING, source=source, at=at, facts=_facts(payload), data=payload.links)
    return begin.begin(session, contact, start, event.key)[0]


def _known(session: Session, event: Event[Any]) -> SequenceContact:
    """The person, locked, with their name from this event, and the booking status from meetings that they booked before."""
    from functions.christmas import meetings, people

    payload = event.payload
    contact = people.locked_contact(session, payload.email)
    names = {"first_name": payload.first_name, "last_name": payload.last_name, "business_name": payload.business_name}
    people.learn(contact, event.envelope.time, event.key, **names)
    contact.campaign_status = contact.campaign_status or people.SIGNED_UP
    meetings.follow(session, contact)
    return contact


def _facts(payload: CampaignPayload) -> dict[str, Any]:
    """The facts of a payload that its sequence stores: all fields but those that the contact stores."""
    return payload.model_dump(mode="json", exclude={"email", "first_name", "last_name", "business_name"}, exclude_none=True)


def by_key(request: func.HttpRequest, _raw: bytes, settings: Settings) -> None:
    """The caller has a key with the scope `webhook`, in the header, or else as the last part of the address.

    Raises:
        RefusedError: 401 or 403.
    """
    in_address = request.route_params.get("key")
    headers = request.headers
    if in_address and not headers.get(auth.HEADER):
        headers = {auth.HEADER: in_address}
    auth.caller(headers, settings.api_keys, "webhook")


def by_calendly_or_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """Calendly has signed it; where it bears no signature of theirs, the caller has a key. Raises RefusedError."""
    if request.headers.get(calendly_payload.SIGNATURE):
        signatures.calendly(request.headers, raw, settings_of(CampaignSettings, settings).calendly_signing_keys)
    else:
        by_key(request, raw, settings)


def calendly_variant(request: func.HttpRequest, data: dict[str, Any]) -> Webhook | None:
    """Calendly's own webhooks come to the address of the no-show handler, where the replaced system took them."""
    return CALENDLY if calendly_payload.is_native(request.headers, data) else None


CALENDLY = Webhook(name="calendly.invitee", queue=QUEUE, payload=CalendlyPayload, authenticate=by_calendly_or_key)
WEBHOOKS = {
    "signup-handler": Webhook(name="christmas.signup", queue=QUEUE, payload=SignupPayload, authenticate=by_key),
    "assessment-handler": Webhook(name="christmas.assessment", queue=QUEUE, payload=AssessmentPayload, authenticate=by_key),
    "noshow-recovery-handler": Webhook(
        name="christmas.noshow",
        queue=QUEUE,
        payload=NoShowPayload,
        authenticate=by_calendly_or_key,
        variant=calendly_variant,
    ),
    "postcall-maybe-handler": Webhook(name="christmas.postcall", queue=QUEUE, payload=PostCallPayload, authenticate=by_key),
    "onboarding-handler": Webhook(name="christmas.onboarding", queue=QUEUE, payload=OnboardingPayload, authenticate=by_key),
}
HANDLERS: dict[str, Handler[Any]] = {
    "christmas.signup": Handler(queue=QUEUE, payload=SignupPayload, apply=apply_signup),
    "christmas.assessment": Handler(queue=QUEUE, payload=AssessmentPayload, apply=apply_assessment),
    "christmas.noshow": Handler(queue=QUEUE, payload=NoShowPayload, apply=apply_noshow),
    "christmas.postcall": Handler(queue=QUEUE, payload=PostCallPayload, apply=apply_postcall),
    "christmas.onboarding": Handler(queue=QUEUE, payload=OnboardingPayload, apply=apply_onboarding),
    "calendly.invitee": Handler(queue=QUEUE, payload=CalendlyPayload, apply=apply_calendly),
}


async def accept(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what comes for one of the handlers; 404 for any other name."""
    name = req.route_params.get("handler", "")
    webhook = WEBHOOKS.get(name)
    if webhook is None:
        return problems.response(RefusedError(404, "no-such-handler", f"There is no handler {name[:60]!r}."))
    return await webhook.accept(req, message)


accepting(bp, "christmas_webhook", "api/v1/christmas/{handler}/{key?}", WEBHOOKS, accept)
accepting(bp, "christmas_old_webhook", "api/v1/executions/webhook/christmas/{handler}/{key?}", WEBHOOKS, accept)


@bp.queue_trigger("message", queue_name=QUEUE, connection=CONNECTION, data_type=func.DataType.BINARY)
def christmas_handler(message: func.QueueMessage) -> None:
    """Handle the event by its type; one of no known type becomes a dead letter."""
    handle_by_type(QUEUE, HANDLERS, message)
