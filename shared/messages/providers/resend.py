"""Resend: e-mail. Within 24 hours the same key is sent once, so what ended without an answer is simply sent again."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, PuenteError, RetryableError
from shared.intake import signatures
from shared.intake.webhook import SIGNED, Sender, json_object
from shared.messages.digests import digest_of_address
from shared.messages.providers import mail
from shared.messages.providers.mail import Email
from shared.vendors import answers, waits
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import azure.functions as func
    import requests
    from requests.adapters import BaseAdapter

    from shared.messages.letter import Letter
    from shared.settings import Settings
    from shared.vendors.connection import Connection

READ_SECONDS = 20.0
SENDING_ONLY = "restricted_api_key"
# What is refused is not this e-mail but all of ours: the key, or the domain from which we send.
ACCOUNT_CODES = frozenset({"missing_api_key", "invalid_api_key", SENDING_ONLY, "invalid_from_address", "invalid_access"})
# Resend's types of its webhooks.
STATUSES: Mapping[str, str] = {
    "email.scheduled": "queued",
    "email.sent": "sent",
    "email.delivery_delayed": "delayed",
    "email.delivered": "delivered",
    "email.opened": "opened",
    "email.clicked": "clicked",
    "email.bounced": "bounced",
    "email.failed": "failed",
    "email.suppressed": "complained",
    "email.complained": "complained",
}
SUPPRESSED = "email.suppressed"
HELD_BACK = "resend-suppressed"
_PASSING_BOUNCES = frozenset({"transient", "undetermined"})


class Resend:
    """Sends e-mail. Shared by the process's threads."""

    def __init__(self, url: str, api_key: str, sender: str, adapter: BaseAdapter | None = None) -> None:
        self._http = RESEND.connect(url, api_key, adapter=adapter)
        self._sender = sender

    @staticmethod
    def from_settings(settings: Settings) -> Resend:
        """The process's client. Raises PermanentError `not-configured`."""
        RESEND.require(settings)
        mail.sender(settings.resend_from, "RESEND_FROM")
        key = settings.resend_api_key.get_secret_value() if settings.resend_api_key else ""
        return kept(Resend, settings.resend_base_url, key, settings.resend_from)

    def ping(self) -> str:
        """How many domains we send from, as a sign that Resend answers us."""
        return self._http.ping()

    def send(self, email: Email) -> str:
        """Hand over one e-mail; Resend's id of it.

        Within 24 hours the same e-mail with the same key is sent once and answered with the first id, so after an
        UncertainError it may simply be sent again (unchanged: other content with the same key is refused for good).

        Raises:
            PermanentError: `resend-invalid-idempotent-request`, `resend-validation-error`, ...
            UnavailableError: also where our account is refused.
        """
        headers = {"Idempotency-Key": email.key_digest}
        body = self._body(email)
        sent = self._http.call("POST", "/emails", "sending an e-mail", json=body, headers=headers, repeatable=False)
        return str(sent.get("id", ""))

    def _body(self, email: Email) -> dict[str, Any]:
        body: dict[str, Any] = {"from": self._sender, "to": [email.to], "subject": email.subject, "text": email.text}
        if email.html:
            body["html"] = email.html
        if email.reply_to:
            body["reply_to"] = email.reply_to
        if email.headers:
            body["headers"] = dict(email.headers)
        if email.attachments:
            body["attachments"] = [
                {"filename": one.name, "content": base64.b64encode(one.content).decode(), "content_type": one.content_type}
                for one in email.attachments
            ]
        if email.tags:
            # Resend takes nothing else than these characters in a tag.
            body["tags"] = [{"name": re.sub("[^A-Za-z0-9_-]", "_", tag), "value": "1"} for tag in email.tags]
        return body


def _of_a_key(
    _response: requests.Response,
    error: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    name = error.get("name")
    if name == "invalid_idempotent_request":
        return PermanentError("resend-invalid-idempotent-request", f"{what}: this key was used for another e-mail")
    if name == "concurrent_idempotent_requests":
        return RetryableError(f"{what}: the same e-mail is just being sent")
    return None


def _asked(http: Connection) -> str:
    """How many domains we send from (GET /domains, resend.com/docs/api-reference).

    A key that may only send is refused there, by a word that Resend has for keys that it knows: that is a sign as well.
    """
    what, response = "asking for the domains", http.request("GET", "/domains")
    if not answers.is_good(response):
        error = answers.parsed(response)
        if isinstance(error, dict) and error.get("name") == SENDING_ONLY:
            return "a key for sending only"
        raise http.refusal(response, what, repeatable=True)
    domains = answers.mapping(response, http.words(what), repeatable=True).get("data") or []
    verified = sum(domain.get("status") == "verified" for domain in domains)
    return f"{verified} of {len(domains)} domains verified"


RESEND = RestClient(
    name="Resend",
    address="resend_base_url",
    key="resend_api_key",
    needs=("resend_from",),
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    error=lambda body: (body.get("name"), body.get("message")),
    account_codes=ACCOUNT_CODES,
    account_statuses=frozenset({403}),
    named_wait=waits.quota,
    verdict=_of_a_key,
)


def send(letter: Letter) -> dict[str, Any]:
    """A mail through Resend; the same key within 24 hours is sent once."""
    return {"id": Resend.from_settings(letter.settings).send(letter.email())}


def verify(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The request is Resend's. Raises RefusedError."""
    signatures.resend(request.headers, raw, settings.resend_webhook_secrets)
    return SIGNED


def read_events(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """An event of a mail, or of a contact of ours at Resend that wants no more mails."""
    given = json_object(request, raw)
    data = given.get("data")
    data = data if isinstance(data, dict) else {}
    word, to = str(given.get("type") or ""), data.get("to") or data.get("email")
    to = to[0] if isinstance(to, list) and to else to
    status, reason = _meaning(word, data)
    event = {
        "provider": "resend",
        "vendor_id": str(data.get("email_id") or data.get("id") or "")[:200],
        "word": word[:60],
        "status": status,
        "reason": reason,
        "at": given.get("created_at"),
        "who": digest_of_address(to) if isinstance(to, str) else None,
    }
    return {"events": [event]}


def status_of(word: str, *, bounce: str = "") -> str | None:
    """Our status for a type of Resend's webhooks; `bounce` is its type of a bounce."""
    status = STATUSES.get(word)
    return "soft-bounced" if status == "bounced" and bounce.lower() in _PASSING_BOUNCES else status


def _meaning(word: str, data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Our status and reason. A mail that Resend suppresses because of an earlier complaint counts as that same complaint."""
    if word == SUPPRESSED:
        why = _inner(data, "suppressed", "reason") or _inner(data, "suppressed", "message")
        return "bounced" if "bounce" in why.lower() else "complained", HELD_BACK
    if word.startswith("contact."):
        return "unsubscribed" if data.get("unsubscribed") is True else None, None
    return status_of(word, bounce=_inner(data, "bounce", "type")), None


def _inner(data: Mapping[str, Any], name: str, member: str) -> str:
    inside = data.get(name)
    return str(inside.get(member) or "") if isinstance(inside, dict) else ""
