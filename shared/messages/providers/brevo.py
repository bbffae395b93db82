"""Brevo (once Sendinblue): e-mail.

Within 30 minutes Brevo takes the same key once. An e-mail whose sending ended without an answer is looked up in the event log
before it is sent again; the log lags by minutes and may be read a hundred times an hour, so our look-ups are counted.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.errors import DeferredError, PuenteError, ThrottledError
from shared.intake import body as bodies
from shared.intake import signatures
from shared.intake.webhook import BEARER, Sender
from shared.messages.digests import digest_of_address
from shared.messages.providers import mail
from shared.messages.providers.mail import Email
from shared.vendors import answers, waits
from shared.vendors.allowance import Allowance
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import azure.functions as func
    from requests.adapters import BaseAdapter

    from shared.messages.letter import Letter
    from shared.settings import Settings
    from shared.vendors.connection import Connection

log = logging.getLogger("puente.messages")

READ_SECONDS = 20.0
DUPLICATE_REQUEST, DUPLICATE_PARAMETER = "duplicate_request", "duplicate_parameter"
# The event log takes 100 calls an hour, those of people at its page included.
LOOK_UPS_AN_HOUR = 90
MOST_EVENTS = "500"
MOST_DAYS = 30
# What is refused is not this e-mail but all of ours: the key, the account, the address we call from, the mails left.
ACCOUNT_CODES = frozenset({"unauthorized", "permission_denied", "account_under_validation", "not_enough_credits"})
# Brevo's words in its webhooks; all others are logged.
STATUSES: Mapping[str, str] = {
    "request": "sent",
    "sent": "sent",
    "deferred": "delayed",
    "delivered": "delivered",
    "opened": "opened",
    "unique_opened": "opened",
    "click": "clicked",
    "soft_bounce": "soft-bounced",
    "hard_bounce": "bounced",
    "invalid_email": "bounced",
    "blocked": "failed",
    "error": "failed",
    "spam": "complained",
    "complaint": "complained",
    "unsubscribed": "unsubscribed",
    "unsubscribe": "unsubscribed",
}
# A mail program's own loading of pictures says nothing of the person; lists of contacts are not ours.
_IGNORED = frozenset({"proxy_open", "unique_proxy_open", "list_addition", "contact_updated", "contact_deleted"})
BLOCKED_FOR_A_WISH = "brevo-blocked-for-a-wish"
_WISH = re.compile(r"black\s?list|block\s?list|unsubscri|complain|spam", re.IGNORECASE)
_ANOTHER_FIELD = re.compile(r"\b(to|cc|bcc|tags?|attachments?|params?|reply-?to|sender)\b", re.IGNORECASE)
_MILLISECONDS_FROM = 1e11


class Brevo:
    """Sends e-mail, and finds out whether one was sent. Shared by the process's threads."""

    def __init__(self, url: str, api_key: str, sender: str, sender_name: str, adapter: BaseAdapter | None = None) -> None:
        self._http = BREVO.connect(url, api_key, adapter=adapter)
        self._sender = {"email": sender, "name": mail.encoded_name(sender_name)}
        self.look_ups = Allowance(LOOK_UPS_AN_HOUR, timedelta(hours=1))

    @staticmethod
    def from_settings(settings: Settings) -> Brevo:
        """The process's client. Raises PermanentError `not-configured`."""
        BREVO.require(settings)
        key = settings.sendinblue_api_key.get_secret_value() if settings.sendinblue_api_key else ""
        return kept(Brevo, settings.brevo_base_url, key, settings.sendinblue_sender_email, settings.sendinblue_sender_name)

    def ping(self) -> str:
        """The account's plans, as a sign that Brevo answers us."""
        return self._http.ping()

    def send(self, email: Email) -> str:
        """Hand over one e-mail; Brevo's message id, or "" when it had this one before and does not say under which id.

        Brevo drops a second request with the same key for 30 minutes only, so an unknown outcome is an UncertainError here:
        ask `find` before sending again.

        Raises:
            PermanentError: `brevo-invalid-parameter`, ... UnavailableError: also where our account is refused.
        """
        response = self._http.request("POST", "/smtp/email", json=self._body(email), repeatable=False)
        if _is_duplicate(response.status_code, answers.parsed(response)):
            return self._had_before(email)
        if not answers.is_good(response):
            raise self._http.refusal(response, "sending an e-mail", repeatable=False)
        what = self._http.words("sending an e-mail")
        return str(answers.mapping(response, what, repeatable=False).get("messageId", ""))

    def find(self, email: Email, since: datetime | None = None) -> str | None:
        """The message id of the e-mail with this key, if Brevo's event log knows it (it may lag by minutes), else None.

        `since`: not before this it was sent (now).

        Raises:
            ThrottledError: the log was read too often this hour; sending goes on meanwhile.
        """
        days = min((clock.now() - (since or clock.now())).days + 2, MOST_DAYS)  # the account's days may not be those of UTC
        params = {"email": email.to, "days": str(days), "limit": MOST_EVENTS}
        log_of = self._http.call("GET", "/smtp/statistics/events", "looking up an e-mail", repeatable=True, params=params)
        # Only an event that itself carries the key counts: the filter names the person, not the e-mail.
        events = log_of.get("events") or []
        found = (str(event.get("messageId", "")) for event in events if email.key_uuid in json.dumps(event))
        return next(found, None)

    def _had_before(self, email: Email) -> str:
        """The id of an e-mail that is on its way already, as far as the log knows it by now."""
        try:
            return (self.look_ups.take() and self.find(email)) or ""
        except PuenteError as error:
            log.info("the id of an e-mail that Brevo had before is not known: %s", error)
            return ""

    def _body(self, email: Email) -> dict[str, Any]:
        name = {"name": mail.encoded_name(email.to_name)} if email.to_name else {}
        body: dict[str, Any] = {
            "sender": self._sender,
            "to": [{"email": email.to} | name],
            "subject": email.subject,
            "textContent": email.text,
            "htmlContent": email.html or mail.html_of(email.text),  # a mail without is refused
            "headers": dict(email.headers) | {"idempotencyKey": email.key_uuid},
            "tags": [*email.tags, email.key_uuid],
        }
        if email.reply_to:
            body["replyTo"] = {"email": email.reply_to}
        if email.attachments:  # Brevo goes by the name's ending, and takes no type
            body["attachment"] = [
                {"name": one.name, "content": base64.b64encode(one.content).decode()} for one in email.attachments
            ]
        return body


def _is_duplicate(status: int, error: Any) -> bool:
    """Whether Brevo refuses an e-mail because it had its key before."""
    if status < 400 or not isinstance(error, dict):  # noqa: PLR2004  # below are no errors
        return False
    if error.get("code") == DUPLICATE_REQUEST:
        return True
    message = str(error.get("message") or "")
    is_of_key = "idempoten" in message.lower() or not _ANOTHER_FIELD.search(message)
    return error.get("code") == DUPLICATE_PARAMETER and is_of_key


def _asked(http: Connection) -> str:
    """The account's plans (GET /v3/account, developers.brevo.com/reference)."""
    account = http.call("GET", "/account", "asking for the account", repeatable=True)
    return ", ".join(str(plan.get("type")) for plan in account.get("plan") or [] if isinstance(plan, dict))


# For one e-mail: looking it up, sending it, and asking for the id of one that Brevo had before.
BREVO = RestClient(
    name="Brevo",
    address="brevo_base_url",
    key="sendinblue_api_key",
    needs=("sendinblue_sender_email",),
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    calls=3,
    headers={"Accept": "application/json"},
    authorize=lambda key: {"api-key": key},
    account_codes=ACCOUNT_CODES,
    account_statuses=frozenset({403}),
    named_wait=waits.in_header("x-sib-ratelimit-reset"),
)


def send(letter: Letter) -> dict[str, Any]:
    """A mail through Brevo; it drops the same key for half an hour, later repetitions are looked up first."""
    return {"id": _bare(Brevo.from_settings(letter.settings).send(letter.email()))}


def look_up(letter: Letter) -> str | None:
    """The mail's id in Brevo's event log.

    Raises:
        DeferredError: the log has been read often enough this hour; other mails go on meanwhile.
    """
    brevo = Brevo.from_settings(letter.settings)
    if not brevo.look_ups.take():
        wait = brevo.look_ups.seconds_until_free()
        raise DeferredError("Brevo: its event log is read no more for now", after_seconds=wait)
    try:
        found = brevo.find(letter.email(), letter.first_try)
    except ThrottledError as error:
        wait = error.after_seconds or brevo.look_ups.seconds_apart
        raise DeferredError(str(error), after_seconds=wait) from error
    return found if found is None else _bare(found)


def verify(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The request is Brevo's. Raises RefusedError."""
    signatures.brevo(request.headers, raw, settings.brevo_webhook_secrets)
    return BEARER


def read_events(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """One event of a transactional mail, or a batch of them. What is none in a batch is left out, and costs the others nothing.

    Raises:
        RefusedError: it is not JSON, or holds no event.
    """
    bodies.check_content_type(request.headers)
    events = [_event(one) for one in bodies.parse_objects(raw)]
    return {"events": [one for one in events if one["vendor_id"]] or events[:1]}


def _event(given: Mapping[str, Any]) -> dict[str, Any]:
    word, address = str(given.get("event") or ""), given.get("email")
    status, reason = _meaning(word, str(given.get("reason") or ""))
    return {
        "provider": "brevo",
        "vendor_id": _bare(str(given.get("message-id") or ""))[:200],
        "word": word[:60],
        "status": status,
        "reason": reason,
        "at": _moment(given),
        "who": digest_of_address(str(address)) if address else None,
    }


def _meaning(word: str, why: str) -> tuple[str | None, str | None]:
    """Our status and reason. A mail that Brevo blocks because the person opted out or complained counts as that same wish."""
    if word == "blocked" and _WISH.search(why):
        is_complaint = re.search("complain|spam", why, re.IGNORECASE)
        return "complained" if is_complaint else "unsubscribed", BLOCKED_FOR_A_WISH
    if word and word not in STATUSES and word not in _IGNORED:
        log.warning("Brevo has a word that is not known here: %s", answers.clean(word[:60]))
    return STATUSES.get(word), None


def _moment(given: Mapping[str, Any]) -> str | None:
    """When it happened. `ts_epoch` (ms) is UTC; the others may follow the account's time zone and count only without it."""
    for name in ("ts_epoch", "ts_event", "ts"):
        try:
            number = float(given.get(name) or 0)
            seconds = number / 1000 if number > _MILLISECONDS_FROM else number
            if seconds > 0:
                return datetime.fromtimestamp(seconds, UTC).isoformat()
        except (ValueError, TypeError, OverflowError, OSError):
            continue
    return None


def _bare(message_id: str) -> str:
    """Brevo's webhooks name the mail with or without angle brackets."""
    return message_id.strip("<>")
