"""Resend as a vendor of the sandbox: mails with an idempotency key, and webhooks signed as Svix signs them."""

import base64
import hmac
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.jsonapi import RefusedError, Router, answer_json, bearer, body_of, header
from sandbox.mailing import MailSender, is_address
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call, Webhook

API_KEY = "re_sandbox_key"
SECRET = "whsec_" + base64.b64encode(b"sandbox-resend-secret").decode()
EVENTS_PATH = "/api/resend/events"
KEY_LIVES = timedelta(hours=24)
LONGEST_KEY = 256
MOST_RECIPIENTS = 50
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
WORDS: Mapping[str, str] = {
    "sent": "email.sent",
    "delivered": "email.delivered",
    "deferred": "email.delivery_delayed",
    "opened": "email.opened",
    "clicked": "email.clicked",
    "hard_bounce": "email.bounced",
    "soft_bounce": "email.bounced",
    "blocked": "email.suppressed",
    "spam": "email.complained",
}
_LAST_EVENTS = {"accepted": "queued", "email.delivery_delayed": "delivery_delayed"}
_BOUNCES: Mapping[str, tuple[str, str, str]] = {
    "hard_bounce": ("Permanent", "General", "smtp; 550 5.1.1 user unknown"),
    "soft_bounce": ("Transient", "MailboxFull", "smtp; 452 4.2.2 mailbox full"),
}


class Resend(MailSender):
    """One account. The same key within a day gives the first answer for the same mail, and is refused for another."""

    name = "resend"
    title = "Resend"
    prefixes = ("/resend",)
    connection: Mapping[str, str] = {
        "RESEND_BASE_URL": "/resend",
        "RESEND_API_KEY": API_KEY,
        "RESEND_FROM": "Javier Virtual <javier@puente.example>",
        "RESEND_WEBHOOK_SECRETS": SECRET,
    }
    kinds = (*MailSender.kinds, "keys")
    routes = ("/{rest:.*}",)
    words = WORDS
    default_secret = SECRET
    modes: Mapping[str, str] = {
        "limit": "Answers 429 `rate_limit_exceeded` with the headers that Resend gives; does nothing.",
        "sending_only": "Answers 401 `restricted_api_key`, as for a key that may only send.",
        "quota": "Answers 429 `daily_quota_exceeded`; does nothing.",
        "concurrent": "Answers 409 as when the same key is just being sent; does nothing.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._router = Router(
            [("POST", "/emails", self._send), ("GET", "/emails/{email_id}", self._show), ("GET", "/domains", self._domains)]
        )

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        key = bearer(call)
        if not key:
            return _error(401, "missing_api_key", "Missing API Key")
        if key != API_KEY:
            return _error(403, "invalid_api_key", "API key is invalid")
        found = self._router.find(call)
        if found is None:
            known = self._router.methods(call.path)
            return _error(*((405, "method_not_allowed", "Method not allowed") if known else (404, "not_found", "Not found")))
        try:
            return found[0](call, **found[1])
        except RefusedError as error:
            return error.answer

    def fail(self, mode: str, call: Call) -> Answer:
        """The faults of its own."""
        del call
        if mode == "sending_only":
            return _error(401, "restricted_api_key", "This API key is restricted to only send emails")
        if mode == "concurrent":
            return _error(409, "concurrent_idempotent_requests", "Another request with the same key is in progress")
        if mode == "quota":
            return _error(429, "daily_quota_exceeded", "You have reached your daily email sending quota")
        headers = {"retry-after": "1", "ratelimit-limit": "2", "ratelimit-remaining": "0", "ratelimit-reset": "1"}
        return _error(429, "rate_limit_exceeded", "Too many requests. You can only make 2 requests per second.", headers)

    def what(self, call: Call) -> str:
        """Such as `POST /emails`."""
        return f"{call.method} {'/emails/{id}' if call.path.startswith('/emails/') else call.path}"

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """As Svix signs: id, time and body. A try again has the same id and a new time."""
        if webhook.about.startswith("one-click:"):
            return {}
        number, at = f"msg_{webhook.about}", str(int(self.now().timestamp()))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{number}.{at}.".encode() + webhook.body, "sha256")
        return {"svix-id": number, "svix-timestamp": at, "svix-signature": f"v1,{base64.b64encode(digest).decode()}"}

    def event(self, mail: Row, word: str, detail: Mapping[str, str]) -> Webhook | None:
        """As Resend's description has it."""
        data: dict[str, Any] = {
            "email_id": mail["id"],
            "created_at": mail["at"],
            "from": mail["from"],
            "to": [mail["to"]],
            "subject": mail["subject"],
        }
        if mail["tags"]:
            data["tags"] = mail["tag_values"]
        if mail["headers"]:
            data["headers"] = [{"name": name, "value": value} for name, value in mail["headers"].items()]
        now = self.moment()
        if word in _BOUNCES:
            kind, under, message = _BOUNCES[word]
            data["bounce"] = {"type": kind, "subType": under, "message": message, "diagnosticCode": [message]}
        if word == "clicked":
            data["click"] = {"ipAddress": "127.0.0.1", "link": detail["link"], "timestamp": now, "userAgent": "sandbox"}
        if word == "blocked":
            reason = "previous_complaint" if "spam" in detail.get("reason", "") else "previous_bounce"
            message = "The address is on the suppression list"
            data["suppressed"] = {"type": "Suppressed", "reason": reason, "message": message, "diagnosticCode": [message]}
        body = json.dumps({"type": WORDS[word], "created_at": now, "data": data}).encode()
        return Webhook(
            what=WORDS[word], url=EVENTS_PATH, body=body, about=f"{mail['id']}-{uuid.uuid4().hex[:8]}", line=mail["id"]
        )

    def _send(self, call: Call) -> Answer:
        key = header(call, "idempotency-key")
        if len(key) > LONGEST_KEY:
            raise _refused(400, "invalid_idempotency_key", "The idempotency key must be between 1-256 characters")
        body = _body(call)
        same = json.dumps(body, sort_keys=True)
        if key and (known := self._known(key)):
            if known["body"] != same:
                raise _refused(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload")
            return answer_json({"id": known["email_id"]}, outcome="sent before")
        _check(body)
        mail = self.take(_mail(body))
        if key:
            self.shelf.put("keys", key, {"id": key, "at": mail["at"], "body": same, "email_id": mail["id"]})
        return answer_json({"id": mail["id"]})

    def _known(self, key: str) -> Row | None:
        known = self.shelf.get("keys", key)
        return known if known and self.now() - datetime.fromisoformat(known["at"]) < KEY_LIVES else None

    def _domains(self, _call: Call) -> Answer:
        """The one domain that mails are sent from."""
        domain = {
            "id": "d91cd9bd-1176-453e-8fc1-35364d380206",
            "name": "puente.example",
            "status": "verified",
            "created_at": "2026-01-05 09:00:00.000000+00",
            "region": "us-east-1",
            "open_tracking": True,
            "click_tracking": True,
            "capabilities": {"sending": "enabled", "receiving": "disabled"},
        }
        return answer_json({"object": "list", "has_more": False, "data": [domain]})

    def _show(self, _call: Call, email_id: str) -> Answer:
        mail = self.shelf.get("emails", email_id)
        if mail is None:
            raise _refused(404, "not_found", "Email not found")
        last = WORDS.get(mail["status"], mail["status"])
        return answer_json(
            {
                "object": "email",
                "id": mail["id"],
                "message_id": f"<{mail['id']}@sandbox.invalid>",
                "to": [mail["to"]],
                "from": mail["from"],
                "created_at": mail["at"],
                "subject": mail["subject"],
                "html": mail["html"],
                "text": mail["text"],
                "bcc": [],
                "cc": [],
                "reply_to": [mail["reply_to"]] if mail["reply_to"] else [],
                "last_event": _LAST_EVENTS.get(last, last.removeprefix("email.")),
            }
        )


def _mail(body: Mapping[str, Any]) -> Row:
    tags = {tag["name"]: tag["value"] for tag in body.get("tags") or []}
    reply_to = body.get("reply_to") or ""
    return {
        "id": str(uuid.uuid4()),
        "to": _recipients(body)[0],
        "from": body["from"],
        "subject": body["subject"],
        "text": body.get("text") or "",
        "html": body.get("html") or "",
        "reply_to": reply_to if isinstance(reply_to, str) else ", ".join(reply_to),
        "headers": {str(name): str(value) for name, value in (body.get("headers") or {}).items()},
        "tags": list(tags),
        "tag_values": tags,
        "files": {one["filename"]: one["content"] for one in body.get("attachments") or []},
    }


def _recipients(body: Mapping[str, Any]) -> list[Any]:
    to = body.get("to")
    return [to] if isinstance(to, str) else to if isinstance(to, list) else []


def _texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


# What each part must be, where it is given.
_KINDS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("from", "subject", "html", "text"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("to", "reply_to"), _texts),
    "headers": lambda value: isinstance(value, dict),
    "tags": lambda value: isinstance(value, list),
}


def _check(body: Mapping[str, Any]) -> None:
    """Refuse what Resend refuses, in its words."""
    for name, is_right in _KINDS.items():
        if body.get(name) is not None and not is_right(body[name]):
            raise _refused(422, "validation_error", f"Invalid `{name}` field.")
    for name in ("from", "to", "subject"):
        if not body.get(name):
            raise _refused(422, "missing_required_field", f"Missing `{name}` field.")
    if not (body.get("html") or body.get("text")):
        raise _refused(422, "missing_required_field", "Missing `html` or `text` field.")
    if not is_address(body["from"]):
        raise _refused(422, "invalid_from_address", "Invalid `from` field. It needs to be `email@example.com` or `Name <...>`.")
    to = _recipients(body)
    if len(to) > MOST_RECIPIENTS or not to or not all(is_address(each) for each in to):
        raise _refused(422, "validation_error", "Invalid `to` field. The email address needs to be `email@example.com`.")
    for tag in body.get("tags") or []:
        good = isinstance(tag, dict) and all(_TAG.fullmatch(str(tag.get(part, ""))) for part in ("name", "value"))
        if not good:
            raise _refused(422, "validation_error", "Tags should only contain ASCII letters, numbers, underscores, or dashes.")


def _body(call: Call) -> Mapping[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refused(400, "validation_error", "The request body is no JSON object.")
    return body


def _refused(status: int, name: str, message: str) -> RefusedError:
    return RefusedError(_error(status, name, message))


def _error(status: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return answer_json({"statusCode": status, "name": name, "message": message}, status, outcome=name, headers=headers)
