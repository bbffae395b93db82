"""Meetings, as calendars and people who take part see them; what is asked for comes over the REST API (`api.py`).

POST /api/meetings/google    a notice of Google's that a calendar has changed
POST /api/meetings/outlook   the same of Microsoft's, which first asks whether the address is ours
  -> events-queue -> meeting-calendar.changes (the calendar is read)
GET  /api/meetings?t=<token>   the page of somebody who takes part; changes nothing, because gateways open links
POST /api/meetings?t=<token>   chooses, moves, declines or cancels
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.meetings.flow import OLD_ID
from shared import page_headers
from shared.errors import RefusedError, RetryableError
from shared.intake import body
from shared.intake.by_hand import Reply, Synchronous
from shared.intake.endpoint import EVENTS_QUEUE, accepting
from shared.intake.inbox import Event, Handler
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from functions.meetings.payloads import CalendarNotice

log = logging.getLogger("puente.meetings")

ROUTES = ("/api/v1/meetings", f"/api/v1/executions/webhook/{{namespace}}/{OLD_ID}")
LARGEST_FORM_BYTES = 65_536
LONGEST_VALIDATION = 1000
HTML = "text/html"
AWAY = 503
NOTICE = "functions.meetings.payloads:CalendarNotice"
bp = func.Blueprint()


def apply_notice(session: Session, event: Event[CalendarNotice]) -> str:
    """Have the calendars read: "applied", or "ignored" where we listen to none of them any more."""
    from functions.meetings import calendar_notices

    return calendar_notices.take(session, event.payload.changed, event.payload.lost, event.key)


GOOGLE = Webhook(
    name="meetings.google",
    queue=EVENTS_QUEUE,
    payload=NOTICE,
    authenticate="functions.meetings.payloads:by_token",
    read="functions.meetings.payloads:read_google",
)
OUTLOOK = Webhook(
    name="meetings.outlook",
    queue=EVENTS_QUEUE,
    payload=NOTICE,
    authenticate="functions.meetings.payloads:by_states",
    read="functions.meetings.payloads:read_outlook",
)
HANDLER = Handler(queue=EVENTS_QUEUE, payload=NOTICE, apply=apply_notice)


async def take_outlook(request: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take a list of notices in; a new subscription first asks for its own token back, as plain text."""
    if (token := request.params.get("validationToken")) is not None:
        return func.HttpResponse(token[:LONGEST_VALIDATION], mimetype="text/plain")
    return await OUTLOOK.accept(request, message)


def answer(inputs: Mapping[str, Any]) -> Reply:
    """Ask for a meeting by hand, as over the webhook."""
    from functions.meetings import asking

    return asking.answer(inputs)


BY_HAND = {OLD_ID: Synchronous(routes=ROUTES, answer=answer)}
accepting(bp, "meetings_google_webhook", "api/meetings/google", GOOGLE)
accepting(
    bp,
    "meetings_outlook_webhook",
    "api/meetings/outlook",
    OUTLOOK,
    take_outlook,
    answers={200: "The token of a new subscription, as plain text."},
)


@bp.route("api/meetings", methods=["GET", "HEAD", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def meetings_page(req: func.HttpRequest) -> func.HttpResponse:
    """The meeting as somebody who takes part sees it, with buttons; after a button, what has become of it."""
    from functions.meetings import page

    token = req.params.get("t", "")
    try:
        body.check_size(req.get_body(), LARGEST_FORM_BYTES)
        return _html(page.answer(token, req.get_body()) if req.method == "POST" else page.shown(token))
    except RefusedError as error:
        log.warning("a page of a meeting was refused: %s %s", error.status, error.reason)
        return _html(page.refusal(error.reason), error.status)
    except RetryableError as error:
        log.warning("a page of a meeting was put off: %s", error)
        return _html(page.refusal("unavailable"), AWAY)


def _html(text: str, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(text, status_code=status, mimetype=HTML, headers=page_headers.PAGE)
