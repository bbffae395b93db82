"""Twilio as a vendor of the sandbox: one account that sends messages, makes calls, and tells the app what became of them."""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.items import MOST_ITEMS, Deed, Item, Step, links_in
from sandbox.jsonapi import RefusedError, answer_json, header
from sandbox.shelf import Row, Shelved, one_of
from sandbox.twilio import calls, messages, resources
from sandbox.twilio.resources import ACCOUNT, API_VERSION, TOKEN, error, number_of, refused
from sandbox.vendor import Answer, Call, Card, Column, Reply, Webhook

FORM = "application/x-www-form-urlencoded"
EVERYBODY = "*"
CARDS = 12
_ROOT = f"/{API_VERSION}/Accounts/{ACCOUNT}"
_MESSAGE_TROUBLE = frozenset({"undelivered", "failed"})


class Twilio(Shelved):
    """One account. What becomes of messages and calls is chosen for a number or for everybody, for once or until changed."""

    name = "twilio"
    title = "Twilio"
    prefixes = ("/twilio",)
    connection: Mapping[str, str] = {
        "TWILIO_BASE_URL": "/twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_CALLER_ID": "+525500000001",
        "TWILIO_WHATSAPP_SENDER": "+525500000002",
        "TWILIO_SMS_SENDER": "+525500000003",
    }
    board_title = "Messages and calls"
    kinds = ("messages", "calls", "choices", "stopped", "contents", "conversations", "files")
    routes = (f"/{API_VERSION}/{{rest:.*}}",)
    default_secret = TOKEN
    modes: Mapping[str, str] = {"too_many": "Answers 429 with Twilio's code 20429; does nothing."}
    actions: Mapping[str, str] = {
        "answer": "How calls end: human, machine, no-answer, busy or failed; as `outcome`; `to` a number or all; `once`.",
        "deliver": "Fate of messages (`outcome`): delivered, read, undelivered, failed, limited or silent; `to`, `once`.",
        "reply": "Somebody writes to us: `from`, `text`, `channel` whatsapp or sms; `opt_out` STOP or START as Twilio took it.",
        "photo": "Somebody sends a file by WhatsApp: `from`, `caption`, its bytes in `base64`, `mime_type`.",
        "report": "The `status` (sent, delivered, read, undelivered, failed; with an `error`) of the message `id` is told.",
        "content": "The text (`body`, with {{1}}, {{2}}, ...) of the approved WhatsApp template `id` (HX...).",
    }

    def __init__(self) -> None:
        super().__init__()
        self.messages, self.calls = messages.Messages(self), calls.Calls(self)

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        if header(call, "authorization") != _basic(ACCOUNT, self.secret):
            return error(20003, status=401)
        try:
            return self._serve(call)
        except RefusedError as refusal:
            return refusal.answer

    def _serve(self, call: Call) -> Answer:
        path = call.path.removeprefix(_ROOT)
        if path == ".json" and call.method == "GET":
            return answer_json(resources.account())
        if "/Media/" in path and call.method == "GET":
            return self._file(path.rpartition("/")[2])
        kind, _, rest = path.removeprefix("/").removesuffix(".json").partition("/")
        if path == call.path or kind not in ("Messages", "Calls") or not path.endswith(".json"):
            raise refused(20404, call.path, 404)
        shown, name = (resources.message, "messages") if kind == "Messages" else (resources.call, "calls")
        if not rest:
            if call.method == "GET":
                return answer_json(resources.page(name, call.path, self.shelf.rows(name), call.query))
            return answer_json(shown(self._create(name, call)), 201)
        row = self.shelf.get(name, rest)
        if row is None:
            raise refused(20404, call.path, 404)
        if call.method == "POST" and name == "calls":
            self.calls.redirect(row, _without_overrides(_form(call.body)))
        return answer_json(shown(row))

    def _file(self, sid: str) -> Answer:
        file = self.shelf.get("files", sid)
        if file is None:
            raise refused(20404, sid, 404)
        return Answer(body=base64.b64decode(file["content"]), content_type=file["type"])

    def _create(self, name: str, call: Call) -> Row:
        form = _without_overrides(_form(call.body))
        if name == "calls":
            events = [value for field, value in _fields(call.body) if field == "StatusCallbackEvent"]
            row = self.calls.create(form, [each for event in events for each in event.split()])
        else:
            row = self.messages.create(form)
        # The answer is that of the moment in which the request was taken.
        return row | {"status": "accepted" if row.get("messaging_service_sid") else "queued", "answered_by": None} | _fresh(row)

    def fail(self, mode: str, call: Call) -> Answer:
        """Too many at once."""
        del mode, call
        return error(20429, status=429)

    def what(self, call: Call) -> str:
        """Such as `POST Messages` (to be told from `GET Messages`); no numbers, no ids."""
        kind, _, rest = call.path.removeprefix(_ROOT).removeprefix("/").removesuffix(".json").partition("/")
        return f"{call.method} {kind or 'account'}{'/{sid}' if rest else ''}"

    def chosen(self, kind: str, number: str, default: str) -> str:
        """What was chosen for this number, else for everybody; a choice for once is used up."""
        choice = self.shelf.get("choices", f"{kind}:{number}") or self.shelf.get("choices", f"{kind}:{EVERYBODY}")
        if choice is None:
            return default
        if choice["once"]:
            self.shelf.drop("choices", choice["id"])
        return str(choice["outcome"])

    def post(
        self,
        what: str,
        url: str,
        fields: Mapping[str, str],
        line: str,
        *,
        about: str = "",
        method: str = "POST",
        asks: bool = False,
    ) -> None:
        """Call the app; what is about one message or call goes one after another."""
        own = url if "://" in url else self.config.app_url.rstrip("/") + url
        body = urlencode(fields).encode()
        self.send(Webhook(what=what, url=own, body=body, content_type=FORM, line=line, about=about, method=method, asks=asks))

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Base64 HMAC-SHA1 of the address as it was given, followed by the form's fields in their order."""
        fields = "".join(name + value for name, value in sorted(set(_fields(webhook.body))))
        signed = (webhook.url + (fields if webhook.method == "POST" else "")).encode()
        return {"X-Twilio-Signature": base64.b64encode(hmac.digest(self.secret.encode(), signed, "sha1")).decode()}

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """Go on with a call after its script, and with what somebody wrote after the app's answer."""
        kind, _, sid = webhook.about.partition(":")
        if kind == "script":
            self.calls.answered(sid, reply)
        elif kind == "reply":
            self.messages.answered(sid, reply)

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of the actions; the choice, message or content as it is then."""
        own: dict[str, Callable[[Mapping[str, Any]], Row]] = {
            "answer": lambda given: self._choose("calls", given, list(calls.OUTCOMES)),
            "deliver": lambda given: self._choose("messages", given, list(messages.OUTCOMES)),
            "reply": self.messages.reply,
            "photo": self.messages.photo,
            "content": self._put_content,
            "report": self._report,
        }
        return own[action](given) if action in own else super().act(action, given)

    def _put_content(self, given: Mapping[str, Any]) -> Row:
        key = str(given.get("id", ""))
        return self.shelf.put("contents", key, {"id": key, "body": str(given.get("body", ""))})

    def _report(self, given: Mapping[str, Any]) -> Row:
        row, code = self.row("messages", given), given.get("error")
        if code is not None and not (isinstance(code, int) and code > 0):
            raise ValueError("error is the number of one of Twilio's errors")
        self.messages.report(row, one_of(given, "status", messages.REPORTS), code)
        return row

    def _choose(self, kind: str, given: Mapping[str, Any], allowed: Sequence[str]) -> Row:
        key = f"{kind}:{number_of(str(given.get('to') or EVERYBODY))}"
        row = {"id": key, "outcome": one_of(given, "outcome", allowed), "once": bool(given.get("once"))}
        return self.shelf.put("choices", key, row)

    def inbox(self) -> Sequence[Item]:
        """Messages in both directions, and calls."""
        messages, calls = (self.shelf.latest(kind, MOST_ITEMS) for kind in ("messages", "calls"))
        return [*map(self._message_item, messages), *map(self._call_item, calls)]

    def _message_item(self, row: Row) -> Item:
        incoming = row["direction"] == "inbound"
        person = row["from"] if incoming else row["to"]
        wrong = row["status"] in _MESSAGE_TROUBLE
        return Item(
            vendor=self.name,
            id=row["id"],
            kind="whatsapp" if person.startswith("whatsapp:") else "sms",
            person=number_of(person),
            at=row["at"],
            sender=number_of(row["to"] if incoming else row["from"] or ""),
            name=row.get("name", ""),
            incoming=incoming,
            text=row["body"],
            status=row["status"],
            trouble=f"{row['error_code'] or ''} {row['error_message'] or ''}".strip() or row["status"] if wrong else "",
            links=links_in(row["body"]),
            steps=_steps(row),
            facts={"Template": row["content_sid"]} if row["content_sid"] else {},
            deeds=() if incoming or not row["callback"] else _deeds(person),
        )

    def _call_item(self, row: Row) -> Item:
        by = f" ({row['answered_by'].replace('_', ' ')})" if row["answered_by"] else ""
        return Item(
            vendor=self.name,
            id=row["id"],
            kind="call",
            person=row["to"],
            at=row["at"],
            sender=row["from"],
            text="\n\n".join(row["said"]),
            status=row["status"] + by,
            trouble=row["trouble"],
            steps=_steps(row),
            facts={"Duration": f"{row['duration']} s"} if row["status"] == "completed" else {},
        )

    def board(self) -> Sequence[Column]:
        """The latest of each kind."""
        named = (("messages", "Messages"), ("calls", "Calls"))
        return [
            Column(
                id=number,
                title=title,
                total=len(rows),
                cards=tuple(_card(row) for row in rows[::-1][:CARDS]),
            )
            for number, (kind, title) in enumerate(named, start=1)
            for rows in [self.shelf.rows(kind)]
        ]

    def counters(self) -> Mapping[str, int]:
        """Messages, calls, numbers that have said STOP."""
        return {
            "Messages": len(self.shelf.rows("messages")),
            "Calls": len(self.shelf.rows("calls")),
            "Stopped numbers": len(self.shelf.rows("stopped")),
        }


def _deeds(person: str) -> tuple[Deed, ...]:
    words = ("delivered", "read", "undelivered") if person.startswith("whatsapp:") else ("delivered", "undelivered")
    errors = {"undelivered": {"error": messages.UNREACHABLE}}
    return tuple(
        Deed(label=word.capitalize(), action="report", given={"status": word, **errors.get(word, {})}) for word in words
    )


def _fresh(row: Row) -> Row:
    """What a message or call has not yet when it is taken."""
    return (
        {"duration": None, "events": []}
        if row["id"].startswith("CA")
        else {"error_code": None, "error_message": None, "events": []}
    )


def _steps(row: Row) -> tuple[Step, ...]:
    return tuple(Step(word=each["word"], at=each["at"]) for each in row["events"])


def _card(row: Row) -> Card:
    text = row["body"] if "body" in row else " ".join(row["said"])
    return Card(id=row["id"], title=f"{row['from']} → {row['to']}", lines=(text[:80], row["at"][11:19]), tag=row["status"])


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _without_overrides(form: Mapping[str, str]) -> dict[str, str]:
    """The form with its addresses as they are called: what stands after `#` is for Twilio (`#rc=5&rp=all`), not signed."""
    return {name: value.partition("#")[0] if name.endswith(("Url", "Callback")) else value for name, value in form.items()}


def _form(body: bytes) -> dict[str, str]:
    """The form's fields; of one that comes several times the first."""
    return dict(reversed(_fields(body)))
