"""What became of our messages, what people answer, and the way out of our mails.

POST /api/twilio/status    -> message-status-queue -> message_statuses, suppressions, fallbacks, journeys
POST /api/brevo/events     -> the same
POST /api/resend/events    -> the same
POST /api/twilio/message   -> message-reply-queue  -> conversations, suppressions (STOP, BAJA, START, ALTA)
POST /api/unsubscribe      -> unsubscribe-queue    -> suppressions
GET  /api/unsubscribe      a page that asks
GET  /api/twilio/voice     what is said in a call
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import azure.functions as func

from shared import queues
from shared.errors import PermanentError, RefusedError
from shared.intake import problem
from shared.intake.inbox import Event, Flow, handle
from shared.intake.webhook import Webhook
from shared.messages import inbound, pages
from shared.messages.inbound import Reply, Unsubscribe, VendorWord
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger("puente.messages")

STATUS_QUEUE = queues.declare("message-status-queue")
REPLY_QUEUE = queues.declare("message-reply-queue")
UNSUBSCRIBE_QUEUE = queues.declare("unsubscribe-queue")
XML, HTML = "text/xml", "text/html"
ACCEPTED = 202
# The page is about one person and its address is a key.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
bp = func.Blueprint()


def apply_word(session: Session, event: Event[VendorWord]) -> str:
    """Take in a vendor's word: "applied", "behind", "unknown-message"; "ignored" where it says nothing that concerns us."""
    from shared.messages import statuses, vendor_words
    from shared.vendors.twilio import reason_of

    said = event.payload
    status = vendor_words.ours(said.provider, said.word, said.detail)
    if status is None:
        return "ignored"
    news = statuses.News(
        provider=said.provider,
        vendor_id=said.vendor_id,
        status=status,
        at=event.envelope.time,
        reason=reason_of(said.detail.get("error")) or None,
        delivery_id=said.delivery,
        who=said.who,
    )
    return statuses.status(session, news)


def apply_reply(session: Session, event: Event[Reply]) -> str:
    """Remember that they wrote, and do what they wish: "stop", "start" or "noted". Journeys hear of wish or answer."""
    from shared.messages import consent
    from shared.messages.outcomes import Said, tell_said

    said, at = event.payload, event.envelope.time
    consent.wrote_to_us(session, said.who, said.channel, at)
    if said.wish == "stop":
        consent.suppress(session, consent.PHONE_CHANNELS, [said.who], "stop", at)
    elif said.wish == "start":
        consent.lift(session, consent.PHONE_CHANNELS, [said.who], "stop", at)
    else:
        tell_said(session, Said(word="replied", whos=(said.who,), channels=(said.channel,), at=at))
    return said.wish or "noted"


def apply_unsubscribe(session: Session, event: Event[Unsubscribe]) -> str:
    """No more marketing by e-mail for this address and person."""
    from shared.messages import statuses

    said = event.payload
    statuses.unsubscribed(session, said.delivery, [said.address, said.person], event.envelope.time)
    return "applied"


TWILIO = Webhook(
    name="twilio.status",
    queue=STATUS_QUEUE,
    payload=VendorWord,
    authenticate=inbound.signed_by_twilio,
    read=inbound.read_twilio_status,
)
BREVO = Webhook(
    name="brevo.event", queue=STATUS_QUEUE, payload=VendorWord, authenticate=inbound.signed_by_brevo, read=inbound.read_brevo
)
RESEND = Webhook(
    name="resend.event", queue=STATUS_QUEUE, payload=VendorWord, authenticate=inbound.signed_by_resend, read=inbound.read_resend
)
REPLY = Webhook(
    name="twilio.message",
    queue=REPLY_QUEUE,
    payload=Reply,
    authenticate=inbound.signed_by_twilio,
    read=inbound.read_twilio_message,
)
LINK = Webhook(
    name="link.unsubscribe",
    queue=UNSUBSCRIBE_QUEUE,
    payload=Unsubscribe,
    authenticate=inbound.signed_by_us,
    read=inbound.read_link,
)
STATUS_FLOW = Flow(queue=STATUS_QUEUE, payload=VendorWord, apply=apply_word)
REPLY_FLOW = Flow(queue=REPLY_QUEUE, payload=Reply, apply=apply_reply)
UNSUBSCRIBE_FLOW = Flow(queue=UNSUBSCRIBE_QUEUE, payload=Unsubscribe, apply=apply_unsubscribe)


@bp.route("api/twilio/status", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=STATUS_QUEUE, connection="AzureWebJobsStorage")
async def twilio_status_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what Twilio says of a message or a call."""
    return await TWILIO.accept(req, message)


@bp.route("api/brevo/events", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=STATUS_QUEUE, connection="AzureWebJobsStorage")
async def brevo_events_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what Brevo says of a mail."""
    return await BREVO.accept(req, message)


@bp.route("api/resend/events", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=STATUS_QUEUE, connection="AzureWebJobsStorage")
async def resend_events_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what Resend says of a mail."""
    return await RESEND.accept(req, message)


@bp.route("api/twilio/message", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=REPLY_QUEUE, connection="AzureWebJobsStorage")
async def twilio_message_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take in what somebody writes to us. Twilio wants TwiML for an answer; an empty one says nothing."""
    answer = await REPLY.accept(req, message)
    if answer.status_code != ACCEPTED:
        return answer
    return func.HttpResponse('<?xml version="1.0" encoding="UTF-8"?><Response/>', mimetype=XML)


@bp.route("api/unsubscribe", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.queue_output("message", queue_name=UNSUBSCRIBE_QUEUE, connection="AzureWebJobsStorage")
async def unsubscribe_webhook(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take an unsubscription in, from a mail program (RFC 8058) or from our own page: 200 once it is on its queue."""
    answer = await LINK.accept(req, message)
    if answer.status_code != ACCEPTED:
        return answer
    return func.HttpResponse(pages.done(), mimetype=HTML, headers=PRIVATE)


@bp.route("api/unsubscribe", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def unsubscribe_page(req: func.HttpRequest) -> func.HttpResponse:
    """Ask whether they mean it. Changes nothing, because mail programs and scanners open links by themselves."""
    try:
        inbound.signed_by_us(req, b"", get_settings())
    except RefusedError as error:
        return func.HttpResponse(pages.bad_link(), status_code=error.status, mimetype=HTML, headers=PRIVATE)
    return func.HttpResponse(pages.question(), mimetype=HTML, headers=PRIVATE)


@bp.route("api/twilio/voice", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def twilio_voice(req: func.HttpRequest) -> func.HttpResponse:
    """What is to be said in a call, as TwiML, to Twilio alone; with the database away as well."""
    from shared.messages import voice

    try:
        inbound.signed_by_twilio(req, req.get_body(), get_settings())
        text = voice.script(*inbound.read_call(req))
    except RefusedError as error:
        return problem.response(error)
    except PermanentError:  # the address names no call
        text = voice.SILENCE
    except Exception:  # somebody is on the phone, whatever it is that broke
        log.exception("a call gets an apology")
        text = voice.sorry()
    return func.HttpResponse(text, mimetype=XML)


@bp.queue_trigger("message", queue_name=STATUS_QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def message_status_handler(message: func.QueueMessage) -> None:
    """Handle a vendor's word."""
    handle(STATUS_FLOW, message)


@bp.queue_trigger("message", queue_name=REPLY_QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def message_reply_handler(message: func.QueueMessage) -> None:
    """Handle what somebody wrote to us."""
    handle(REPLY_FLOW, message)


@bp.queue_trigger("message", queue_name=UNSUBSCRIBE_QUEUE, connection="AzureWebJobsStorage", data_type=func.DataType.BINARY)
def unsubscribe_handler(message: func.QueueMessage) -> None:
    """Handle an unsubscription."""
    handle(UNSUBSCRIBE_FLOW, message)
