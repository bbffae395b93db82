"""The public endpoint for leads: guards, the form, an answer as old callers expect it. No SQL; of vendors, the captcha's."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import azure.functions as func

from functions.leads import guard, payloads
from functions.leads.settings import LeadSettings
from shared import problems
from shared.errors import RefusedError
from shared.intake import body
from shared.intake.webhook import Webhook
from shared.settings import get_settings, settings_of

log = logging.getLogger("puente.leads")

ACCEPTED = 202
PREFLIGHT_SECONDS = "600"


async def take(webhook: Webhook, request: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
    """Take a form in: 200 `{"ok": true, "lead_id": ...}` once it is on its queue, else a problem document with `ok` false.

    A form with the honeypot filled in is answered in the same way and dropped.
    """
    settings = settings_of(LeadSettings)
    try:
        answer = await _taken(webhook, request, message, settings)
    except RefusedError as error:
        log.warning("%s refused: %s %s", webhook.name, error.status, error.reason)
        answer = problems.response(error)
    return _as_old_callers_expect(answer, allowed(request.headers, settings))


def preflight(request: func.HttpRequest) -> func.HttpResponse:
    """The answer to a browser that asks whether a page may post here (CORS)."""
    headers = allowed(request.headers, settings_of(LeadSettings))
    if "Access-Control-Allow-Origin" in headers:
        headers |= {
            "Access-Control-Allow-Methods": "POST, OPTIONS",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        }
    return func.HttpResponse(status_code=204, headers=headers)


def allowed(headers: Mapping[str, str], settings: LeadSettings) -> dict[str, str]:
    """The headers that let a page of an allowed origin read the answer; for any other origin it stays closed."""
    origin = headers.get("origin", "")
    known = {name.rstrip("/").lower() for name in settings.lead_allowed_origins}
    grant = {"Access-Control-Allow-Origin": origin} if origin and (origin.lower() in known or "*" in known) else {}
    return {"Vary": "Origin", **grant}


async def _taken(
    webhook: Webhook, request: func.HttpRequest, message: func.Out[bytes], settings: LeadSettings
) -> func.HttpResponse:
    raw = request.get_body()
    body.check_size(raw, settings.lead_max_body_bytes)
    address = guard.address_of(request.headers, settings.lead_proxies)
    guard.keep_pace(guard.sender_of(request.headers, settings.lead_proxies), settings)
    payload = payloads.read(request, raw)
    if str(payload.get(settings.lead_honeypot_field) or "").strip():
        log.warning("%s dropped: a machine has filled in the honeypot", webhook.name)
        return _accepted(payloads.number_of(payload, get_settings().default_time_zone))
    checked = payloads.checked(payload).model_dump(exclude_none=True)
    captcha = await guard.person(payload, address, settings)
    data = checked | {"lead_id": payloads.number_of(checked, get_settings().default_time_zone), "captcha": captcha}
    return await replace(webhook, read=lambda _request, _raw: data).accept(request, message)


def _accepted(lead_id: int) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({"lead_id": lead_id}), status_code=ACCEPTED, mimetype="application/json")


def _as_old_callers_expect(answer: func.HttpResponse, headers: dict[str, str]) -> func.HttpResponse:
    """The answer with the members that the old system's callers look for: `ok`, and `lead_id` or `error`."""
    payload: dict[str, Any] = json.loads(answer.get_body())
    if answer.status_code == ACCEPTED:
        content = json.dumps({"ok": True, "lead_id": payload["lead_id"]})
        return func.HttpResponse(content, status_code=200, headers=headers, mimetype="application/json")
    reason = str(payload.get("type", "")).rpartition(":")[2]
    content = json.dumps(payload | {"ok": False, "error": payloads.text_for(reason, payload.get("errors", []))})
    later = {"Retry-After": "60"} if answer.status_code in (429, 503) else {}
    return func.HttpResponse(content, status_code=answer.status_code, headers=headers | later, mimetype=problems.CONTENT_TYPE)
