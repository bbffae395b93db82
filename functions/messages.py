"""Statuses of our messages, replies to them, and the link to unsubscribe.

POST /api/twilio/status    -> message-status-queue -> message_statuses, suppressions, fallbacks, journeys
POST /api/brevo/events     -> the same
POST /api/resend/events    -> the same
POST /api/twilio/message   -> message-reply-queue  -> inbound_messages, conversations, suppressions (STOP, BAJA, START, ALTA)
POST /api/unsubscribe      -> events-queue         -> suppressions
GET  /api/unsubscribe      a page that asks
GET  /api/twilio/voice     the script of a call
"""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING

import azure.functions as func

from shared import page_headers, problems
from shared.errors import PermanentError, RefusedError
from shared.flow import Flow, IdentityKind, Job, Rhythm
from shared.intake import body
from shared.intake.endpoint import EVENTS_QUEUE, accepting, handling
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Webhook
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.messages.events import InboundMessage, ProviderEvents, Unsubscribe

log = logging.getLogger("puente.messages")

STATUS_QUEUE = "message-status-queue"
REPLY_QUEUE = "message-reply-queue"
STATUSES, MESSAGE = "shared.messages.events:ProviderEvents", "shared.messages.events:InboundMessage"
WISH = "shared.messages.events:Unsubscribe"
BY_TWILIO = "shared.messages.providers.twilio_events:verify"
XML, HTML = "text/xml", "text/html"
LARGEST_FORM_BYTES = 65_536  # Twilio signs the sorted fields, so they are sorted before the sender is known
ACCEPTED = 202
PRIVATE = page_headers.PAGE  # the page is about one person and its address is a key
FLOW = Flow(
    name="messages",
    title="Messages to people and their answers",
    about="E-mail, WhatsApp, SMS, calls and ManyChat messages: what became of them, what people answer, and how they "
    "unsubscribe.",
    functions=("functions.messages:bp",),
    optional=False,
    queues=(STATUS_QUEUE, REPLY_QUEUE),
    handlers=MappingProxyType({"link.unsubscribe": "functions.messages:UNSUBSCRIBE_HANDLER"}),
    moved_queues=MappingProxyType({"unsubscribe-queue": "unsubscribe_handler"}),
    routers=(
        "shared.web.suppressions:router",
        "shared.web.templates:router",
        "shared.web.inbound_messages:router",
        "shared.web.consents:router",
    ),
    tables=(
        "shared.store.message_models",
        "shared.store.consent_models",
        "shared.store.whatsapp_models",
        "shared.store.text_models",
    ),
    people=("shared.messages.received:INBOUND",),
    importers=("shared.importer.consents:IMPORTER",),
    privacy="shared.messages.personal_data:PERSONAL_DATA",
    kept=MappingProxyType(
        {
            "suppressions": "a stop holds until the person lifts it",
            "consents": "proof that somebody has permitted or refused messages",
            "conversations": "one for each person and channel",
            "template_copies": "one for each page in Notion",
            "text_versions": "one for each time that a person publishes; any of them can be returned to",
            "text_uses": "one for each version of a text",
            "whatsapp_numbers": "one for each number of ours",
            "whatsapp_templates": "one for each template at Meta",
            "whatsapp_portfolios": "a single row",
        }
    ),
    timeline=("shared.messages.personal_data:TIMELINE",),
    # The others know people by digests alone: the wish not to be written to outlives an erasure, as it must.
    impersonal_tables=frozenset(
        (
            "suppressions",
            "conversations",
            "message_days",
            "message_statuses",
            "template_copies",
            "text_versions",
            "text_uses",
            "whatsapp_numbers",
            "whatsapp_templates",
            "whatsapp_portfolios",
            "whatsapp_openings",
            "whatsapp_opening_minutes",
            "whatsapp_failures",
            "whatsapp_waves",
        )
    ),
    effects=("shared.messages.carriers:ACTIONS",),
    targets=MappingProxyType(
        {
            "brevo": "shared.messages.carriers:brevo_policy",
            "resend": "shared.messages.carriers:resend_policy",
            "smtp": "shared.messages.carriers:smtp_policy",
            "twilio": "shared.messages.carriers:twilio_policy",
            "meta": "shared.messages.carriers:meta_policy",
            "manychat": "shared.messages.carriers:manychat_policy",
        }
    ),
    events=(
        "message.attachments",
        "message.sending",
        "message.place",
        "message.last_look",
        "message.outcome",
        "message.received",
        "message.variables",
        "person.message",
    ),
    listeners=MappingProxyType({"message.outcome": "shared.messages.answering:note_outcome"}),
    jobs=(
        Job(name="key-digests", rhythm=Rhythm.FIVE_MINUTES, run="shared.messages.rekey:rekey"),
        Job(name="not-on-whatsapp", rhythm=Rhythm.FIVE_MINUTES, run="shared.messages.not_on_whatsapp:settle"),
    ),
    clients=(
        "shared.messages.providers.brevo:BREVO",
        "shared.messages.providers.resend:RESEND",
        "shared.messages.providers.smtp:SMTP",
        "shared.messages.providers.twilio_client:TWILIO",
        "shared.messages.providers.meta:META",
        "shared.messages.providers.manychat:MANYCHAT",
    ),
    kept_keys=frozenset(("twilio.message",)),
    identities=(IdentityKind(name="whatsapp", title="User of WhatsApp", is_address=True),),
    stand_ins=(
        "sandbox.brevo:Brevo",
        "sandbox.resend:Resend",
        "sandbox.smtp:MailServer",
        "sandbox.twilio:Twilio",
        "sandbox.meta:Meta",
        "sandbox.manychat:ManyChat",
    ),
)
bp = func.Blueprint()


def apply_events(session: Session, event: Event[ProviderEvents]) -> str:
    """Apply the events of a provider: "applied", "behind", "unknown-message" or "ignored"; of several, the first."""
    from shared.messages import statuses

    dated = [one if one.at else one.model_copy(update={"at": event.envelope.time}) for one in event.payload.events]
    first, *_others = [statuses.status(session, one) for one in dated]
    return first


def apply_reply(session: Session, event: Event[InboundMessage]) -> str:
    """Keep what they wrote, and do what they ask: "stop", "start", "asked" or "noted". Journeys get the request or reply."""
    from shared.messages import replies

    return replies.take(session, event.payload, event.envelope.time)


def apply_unsubscribe(session: Session, event: Event[Unsubscribe]) -> str:
    """No more marketing by e-mail for this address and person."""
    from shared.messages import statuses

    payload = event.payload
    statuses.unsubscribed(session, payload.delivery, [payload.address, payload.person], event.envelope.time)
    return "applied"


def _no_reply() -> func.HttpResponse:
    """Twilio expects TwiML as an answer; an empty one sends no reply."""
    return func.HttpResponse('<?xml version="1.0" encoding="UTF-8"?><Response/>', mimetype=XML)


def _done() -> func.HttpResponse:
    """The page after an unsubscription, which a mail program (RFC 8058) does not read."""
    from shared.messages import pages

    return func.HttpResponse(pages.done(), mimetype=HTML, headers=PRIVATE)


TWILIO = Webhook(
    name="twilio.status",
    queue=STATUS_QUEUE,
    payload=STATUSES,
    authenticate=BY_TWILIO,
    read="shared.messages.providers.twilio_events:read_events",
    max_bytes=LARGEST_FORM_BYTES,
)
BREVO = Webhook(
    name="brevo.event",
    queue=STATUS_QUEUE,
    payload=STATUSES,
    authenticate="shared.messages.providers.brevo:verify",
    read="shared.messages.providers.brevo:read_events",
)
RESEND = Webhook(
    name="resend.event",
    queue=STATUS_QUEUE,
    payload=STATUSES,
    authenticate="shared.messages.providers.resend:verify",
    read="shared.messages.providers.resend:read_events",
)
REPLY = Webhook(
    name="twilio.message",
    queue=REPLY_QUEUE,
    payload=MESSAGE,
    authenticate=BY_TWILIO,
    read="shared.messages.providers.twilio_events:read_reply",
    max_bytes=LARGEST_FORM_BYTES,
    reply=_no_reply,
)
LINK = Webhook(
    name="link.unsubscribe",
    queue=EVENTS_QUEUE,
    payload=WISH,
    authenticate="shared.messages.inbound:signed_by_us",
    read="shared.messages.inbound:read_link",
    reply=_done,
)
STATUS_HANDLER = Handler(queue=STATUS_QUEUE, payload=STATUSES, apply=apply_events)
REPLY_HANDLER = Handler(queue=REPLY_QUEUE, payload=MESSAGE, apply=apply_reply)
UNSUBSCRIBE_HANDLER = Handler(queue=EVENTS_QUEUE, payload=WISH, apply=apply_unsubscribe)


accepting(bp, "twilio_status_webhook", "api/twilio/status", TWILIO)
accepting(bp, "brevo_events_webhook", "api/brevo/events", BREVO)
accepting(bp, "resend_events_webhook", "api/resend/events", RESEND)
accepting(bp, "twilio_message_webhook", "api/twilio/message", REPLY)
accepting(bp, "unsubscribe_webhook", "api/unsubscribe", LINK)
handling(bp, "message_status_handler", STATUS_HANDLER)
handling(bp, "message_reply_handler", REPLY_HANDLER)


@bp.route("api/unsubscribe", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
async def unsubscribe_page(req: func.HttpRequest) -> func.HttpResponse:
    """Ask whether they mean it. Changes nothing, because mail programs and scanners open links by themselves."""
    from shared.messages import inbound, pages

    try:
        inbound.signed_by_us(req, b"", get_settings())
    except RefusedError as error:
        return func.HttpResponse(pages.bad_link(), status_code=error.status, mimetype=HTML, headers=PRIVATE)
    return func.HttpResponse(pages.question(), mimetype=HTML, headers=PRIVATE)


@bp.route("api/twilio/voice", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def twilio_voice(req: func.HttpRequest) -> func.HttpResponse:
    """The script of a call, as TwiML, to Twilio alone; with the database away as well."""
    from shared.messages import voice
    from shared.messages.providers import twilio_events

    try:
        body.check_size(req.get_body(), LARGEST_FORM_BYTES)
        twilio_events.verify(req, req.get_body(), get_settings())
        text = voice.script(*twilio_events.read_call(req))
    except RefusedError as error:
        return problems.response(error)
    except PermanentError:  # the address names no call
        text = voice.SILENCE
    except Exception:  # somebody is on the phone, whatever it is that broke
        log.exception("a call gets an apology")
        text = voice.sorry()
    return func.HttpResponse(text, mimetype=XML)
