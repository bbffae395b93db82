"""Brevo as a vendor of the sandbox: transactional mails, their event log, and the webhooks that tell of events."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.jsonapi import RefusedError, Router, answer_json, body_of, header
from sandbox.mailing import MailSender, is_address
from sandbox.shelf import Row, one_of
from sandbox.vendor import Answer, Call, Webhook

API_KEY, TOKEN = "sandbox-brevo-key", "sandbox-brevo-token"  # known to everybody, good for nothing
EVENTS_PATH = "/api/brevo/events"
KEY_LIVES = timedelta(minutes=30)
LOG_READS_AN_HOUR = 100
ACCOUNT_ZONE = ZoneInfo("America/Mexico_City")
MOST_EVENTS = 2500
# Our words to those of the webhooks, and to those of the event log.
WORDS: Mapping[str, str] = {
    "sent": "request",
    "delivered": "delivered",
    "deferred": "deferred",
    "opened": "opened",
    "clicked": "click",
    "hard_bounce": "hard_bounce",
    "soft_bounce": "soft_bounce",
    "blocked": "blocked",
    "spam": "spam",
    "complaint": "complaint",
    "unsubscribed": "unsubscribed",
    "unsubscribe": "unsubscribe",
    "first_opened": "unique_opened",
    "loaded_by_proxy": "proxy_open",
    "error": "error",
    "invalid": "invalid_email",
}
LOG_WORDS: Mapping[str, str] = {
    "sent": "requests",
    "clicked": "clicks",
    "hard_bounce": "hardBounces",
    "soft_bounce": "softBounces",
}


class Brevo(MailSender):
    """One account. A mail with an idempotency key that came less than half an hour ago is refused, as one without HTML is."""

    name = "brevo"
    title = "Brevo"
    prefixes = ("/brevo",)
    connection: Mapping[str, str] = {
        "BREVO_BASE_URL": "/brevo/v3",
        "SENDINBLUE_API_KEY": API_KEY,
        "SENDINBLUE_SENDER_EMAIL": "javier@puente.example",
        "BREVO_WEBHOOK_SECRETS": TOKEN,
    }
    kinds = (*MailSender.kinds, "keys")
    routes = ("/v3/{rest:.*}",)
    words = WORDS
    default_secret = TOKEN
    modes: Mapping[str, str] = {
        "no_credits": "Answers 402: the account has no mails left; does nothing.",
        "unknown_address": "Answers 401: the calls come from an address that the account does not know; does nothing.",
        "blocked_account": "Answers 403: the account is under validation; does nothing.",
        "limit": "Answers 429 with the headers that Brevo gives; does nothing.",
        "late_log": "Sends, but the event log knows nothing yet.",
    }
    actions: Mapping[str, str] = {
        **MailSender.actions,
        "brevo_unsubscribe": "The recipient uses Brevo's own link for the way out of the mail `id`.",
        "brevo_says": "Brevo tells the `word` of the mail `id`, in its own spelling; with a `reason`.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._log_reads: list[datetime] = []
        self._router = Router(
            [
                ("POST", "/v3/smtp/email", self._send),
                ("GET", "/v3/smtp/statistics/events", self._events),
                ("GET", "/v3/smtp/emails", self._mails),
                ("GET", "/v3/account", self._account),
            ]
        )

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        if header(call, "api-key") != API_KEY:
            return _error(401, "unauthorized", "Key not found")
        found = self._router.find(call)
        if found is None:
            return _error(404, "not_found", "Route not found")
        try:
            return found[0](call, **found[1])
        except RefusedError as error:
            return error.answer

    def fail(self, mode: str, call: Call) -> Answer:
        """The faults of its own."""
        if mode == "no_credits":
            return _error(402, "not_enough_credits", "Your account does not have enough credits to send this email")
        if mode == "unknown_address":
            return _error(401, "unauthorized", "We have detected you are using an unrecognised IP address 203.0.113.7")
        if mode == "blocked_account":
            return _error(403, "account_under_validation", "Your account is under validation")
        if mode == "limit":
            headers = {"x-sib-ratelimit-limit": "100", "x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "7"}
            return _error(429, "too_many_requests", "Too many requests", headers)
        return answer_json({"events": []}) if call.method == "GET" else self.answer(call)

    def what(self, call: Call) -> str:
        """Such as `POST smtp/email`; nothing of the people."""
        return f"{call.method} {call.path.removeprefix('/v3/')}"

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Brevo signs nothing: it sends the token it was given. The mail program's button sends nothing of the kind."""
        return {} if webhook.about.startswith("one-click:") else {"Authorization": f"Bearer {self.secret}"}

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """Brevo has a way out of its own."""
        if action == "brevo_says":
            return self._say(given)
        if action != "brevo_unsubscribe":
            return super().act(action, given)
        mail = self.row("emails", given)
        self.tell(mail, "unsubscribed")
        return mail

    def why_blocked(self, before: str) -> str:
        """Brevo does not tell one cause from another."""
        del before
        return "blocked : due to blacklist user"

    def event(self, mail: Row, word: str, detail: Mapping[str, str]) -> Webhook | None:
        """As Brevo's documentation shows its webhooks; `tag` is the list of tags as text.

        Of its times only `ts_epoch` is that of UTC: the others are the account's clock, read as if it were UTC.
        """
        now = self.now()
        there = now.astimezone(ACCOUNT_ZONE).replace(tzinfo=UTC)
        body = {
            "event": WORDS[word],
            "email": mail["to"],
            "id": 26224,
            "date": f"{there:%Y-%m-%d %H:%M:%S}",
            "ts": int(there.timestamp()),
            "ts_event": int(there.timestamp()),
            "ts_epoch": int(now.timestamp() * 1000),
            "message-id": mail["id"],
            "subject": mail["subject"],
            "tag": json.dumps(mail["tags"]),
            "tags": mail["tags"],
            "sending_ip": "185.41.28.109",
        }
        body |= {"link": detail["link"]} if "link" in detail else {}
        body |= {"reason": detail.get("reason", word)} if "bounce" in word or word == "blocked" else {}
        return Webhook(
            what=f"mail {WORDS[word]}", url=EVENTS_PATH, body=json.dumps(body).encode(), about=mail["id"], line=mail["id"]
        )

    def _say(self, given: Mapping[str, Any]) -> Row:
        mail, spelling = self.row("emails", given), one_of(given, "word", tuple(WORDS.values()))
        word = next(ours for ours, theirs in WORDS.items() if theirs == spelling)
        self.tell(mail, word, **({"reason": str(given["reason"])} if given.get("reason") else {}))
        return mail

    def _send(self, call: Call) -> Answer:
        body = _body(call)
        _check(body)
        key = str(_mapping(body.get("headers")).get("idempotencyKey", ""))
        if key and not _is_uuid(key):
            raise _refused("invalid_parameter", "idempotencyKey should be a valid UUID")
        self._once(key)
        mail = self.take(_mail(body))
        if key:
            self.shelf.put("keys", key, {"id": key, "at": mail["at"], "message_id": mail["id"]})
        return answer_json({"messageId": mail["id"]}, 201)

    def _once(self, key: str) -> None:
        known = self.shelf.get("keys", key)
        if known and self.now() - datetime.fromisoformat(known["at"]) < KEY_LIVES:
            raise _refused("duplicate_parameter", "A request with this idempotencyKey was received before")

    def _events(self, call: Call) -> Answer:
        """Newest first, as the real log; every filter that our client and a person need. A hundred reads an hour are taken."""
        now = self.now()
        self._log_reads = [at for at in self._log_reads if timedelta() <= now - at < timedelta(hours=1)]
        if len(self._log_reads) >= LOG_READS_AN_HOUR:
            wait = str(int((self._log_reads[0] + timedelta(hours=1) - now).total_seconds()) + 1)
            raise RefusedError(_error(429, "too_many_requests", "Too many requests", {"x-sib-ratelimit-reset": wait}))
        self._log_reads.append(now)
        query = call.query
        events = [
            _logged(mail, event)
            for mail in self.shelf.rows("emails")
            if _fits(mail, query)
            for event in mail["events"]
            if _is_recent(event, query, now)
            if not query.get("event") or LOG_WORDS.get(event["word"], event["word"]) == query["event"]
        ]
        start = _number(query, "offset", 0)
        return answer_json({"events": events[::-1][start : start + min(_number(query, "limit", MOST_EVENTS), MOST_EVENTS)]})

    def _account(self, _call: Call) -> Answer:
        """Whose account it is, and how many mails its plan still allows."""
        company = {"email": "javier@puente.example", "firstName": "Javier", "lastName": "Virtual", "companyName": "Sandbox"}
        address = {"street": "Reforma 1", "city": "México", "zipCode": "06600", "country": "Mexico"}
        plan = {"type": "free", "creditsType": "sendLimit", "credits": 300}
        relay = {"enabled": True, "data": {"userName": company["email"], "relay": "smtp-relay.sandbox.invalid", "port": 587}}
        return answer_json({**company, "address": address, "plan": [plan], "relay": relay})

    def _mails(self, call: Call) -> Answer:
        found = [mail for mail in self.shelf.rows("emails") if _fits(mail, call.query)]
        shown = [
            {
                "email": mail["to"],
                "subject": mail["subject"],
                "messageId": mail["id"],
                "uuid": mail["uuid"],
                "date": mail["at"],
                "from": mail["from_address"],
                "tags": mail["tags"],
            }
            for mail in found[::-1]
        ]
        return answer_json({"count": len(shown), "transactionalEmails": shown[: _number(call.query, "limit", 500)]})


def _mail(body: Mapping[str, Any]) -> Row:
    sender, to = body["sender"], body["to"][0]
    number = uuid.uuid4()
    name = sender.get("name", "")
    return {
        "id": f"<{number.hex}@smtp-relay.sandbox.invalid>",
        "uuid": str(number),
        "to": to["email"],
        "to_name": str(to.get("name", "")),
        "from": f"{name} <{sender['email']}>" if name else sender["email"],
        "from_address": sender["email"],
        "subject": body["subject"],
        "text": body.get("textContent") or "",
        "html": body.get("htmlContent") or "",
        "reply_to": str(_mapping(body.get("replyTo")).get("email") or ""),
        "headers": {name: str(value) for name, value in _mapping(body.get("headers")).items() if name != "idempotencyKey"},
        "tags": list(body.get("tags") or []),
        "files": {one["name"]: one["content"] for one in body.get("attachment") or []},
    }


def _check(body: Mapping[str, Any]) -> None:
    """Refuse what Brevo refuses, in its words."""
    for name in ("subject", "htmlContent", "textContent"):
        if not isinstance(body.get(name) or "", str):
            raise _refused("invalid_parameter", f"{name} should be a string")
    sender, to = _mapping(body.get("sender")), body.get("to")
    if not sender:
        raise _refused("missing_parameter", "sender is missing")
    if not is_address(sender.get("email")):
        raise _refused("invalid_parameter", "valid sender email required")
    if not isinstance(to, Sequence) or isinstance(to, str) or not to:
        raise _refused("missing_parameter", "to is missing")
    if not all(isinstance(each, Mapping) and is_address(each.get("email")) for each in to):
        raise _refused("invalid_parameter", "email is not valid in to")
    if not body.get("subject"):
        raise _refused("missing_parameter", "subject is missing")
    if not body.get("htmlContent"):  # there are no templates here
        raise _refused("missing_parameter", "htmlContent is missing")
    tags = body.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
        raise _refused("invalid_parameter", "tags should be an array of strings")


def _fits(mail: Row, query: Mapping[str, str]) -> bool:
    email, message_id = query.get("email"), query.get("messageId")
    if email and mail["to"].lower() != email.lower():
        return False
    return (not message_id or mail["id"] == message_id) and (not query.get("tags") or bool(_tags(query) & set(mail["tags"])))


def _tags(query: Mapping[str, str]) -> set[str]:
    """The tags that are asked for: an array as JSON. Anything else is no tag that a mail could have."""
    try:
        tags = json.loads(query["tags"])
    except ValueError:
        tags = None
    return {str(tag) for tag in tags} if isinstance(tags, list) else set()


def _is_recent(event: Mapping[str, str], query: Mapping[str, str], now: datetime) -> bool:
    """Whether it happened in the last `days`, today included, by the account's calendar."""
    days = _number(query, "days", 0)
    if not days:
        return True
    happened = datetime.fromisoformat(event["at"]).astimezone(ACCOUNT_ZONE).date()
    return (now.astimezone(ACCOUNT_ZONE).date() - happened).days < days


def _logged(mail: Row, event: Mapping[str, str]) -> dict[str, Any]:
    word = event["word"]
    shown = {
        "email": mail["to"],
        "date": event["at"],
        "messageId": mail["id"],
        "event": LOG_WORDS.get(word, word),
        "subject": mail["subject"],
        "tag": json.dumps(mail["tags"]),
        "from": mail["from_address"],
    }
    return shown | {name: event[name] for name in ("link", "reason") if name in event}


def _body(call: Call) -> Mapping[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refused("bad_request", "Invalid JSON in the request body")
    return body


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() else default


def _refused(code: str, message: str) -> RefusedError:
    return RefusedError(_error(400, code, message))


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return answer_json({"code": code, "message": message}, status, outcome=code, headers=headers)
