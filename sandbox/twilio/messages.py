"""SMS and WhatsApp messages: what Twilio takes, what becomes of them, what people answer."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.pictures import PICTURE
from sandbox.shelf import Row
from sandbox.twilio import resources, twiml
from sandbox.twilio.resources import MAGIC_MESSAGES, SEGMENT, is_number, is_url, new_sid, number_of, refused
from sandbox.vendor import Reply

if TYPE_CHECKING:
    from sandbox.twilio.server import Twilio

REPLY_PATH = "/api/twilio/message"
WINDOW = timedelta(hours=24)
LONGEST = 1600
OUR_NUMBER = "+525500000000"
# What can become of a message, and the words in which that is told.
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "delivered": ("sent", "delivered"),
    "read": ("sent", "delivered", "read"),
    "undelivered": ("sent", "undelivered"),
    "failed": ("failed",),
    "limited": ("failed",),
    "silent": (),
}
UNREACHABLE, NOT_ON_WHATSAPP, UNKNOWN_ERROR, OUTSIDE_WINDOW, SENDER_LIMIT = 30003, 63024, 30008, 63016, 63018
REPORTS = ("sent", "delivered", "read", "undelivered", "failed")
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_CONTENT = re.compile(r"HX[0-9a-fA-F]{32}")
_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Messages:
    """The messages of the account; `twilio` keeps them and calls the app."""

    def __init__(self, twilio: "Twilio") -> None:
        self._twilio = twilio

    def create(self, form: Mapping[str, str]) -> Row:
        """Take a message, or refuse it as Twilio does. Raises RefusedError."""
        _check(form)
        to = form["To"]
        whatsapp = to.startswith("whatsapp:")
        if not whatsapp and self._twilio.shelf.get("stopped", to):
            raise refused(21610)
        row = self._keep("outbound-api", form.get("From", ""), to, self._body(form), form.get("MessagingServiceSid"))
        row |= {"content_sid": form.get("ContentSid", ""), "callback": form.get("StatusCallback", "")}
        self._conversation(to)["base"] = _base(row["callback"])
        free_text_too_late = whatsapp and not form.get("ContentSid") and not self._window_is_open(to)
        outcome = self._twilio.chosen("messages", number_of(to), "delivered")
        if free_text_too_late and outcome != "silent":
            self.report(row, "undelivered", OUTSIDE_WINDOW)
            return row
        failed = SENDER_LIMIT if outcome == "limited" else UNKNOWN_ERROR
        error = {"undelivered": NOT_ON_WHATSAPP if whatsapp else UNREACHABLE, "failed": failed}
        for word in OUTCOMES[outcome]:
            if word != "read" or whatsapp:  # nobody knows when an SMS is read
                self.report(row, word, error.get(word))
        return row

    def report(self, row: Row, word: str, error: int | None = None) -> None:
        """Note what became of the message, and tell its status callback."""
        row["events"].append({"word": word, "at": self._twilio.moment()} | ({"error": error} if error else {}))
        row["status"] = word
        if error:
            row |= {"error_code": error, "error_message": resources.ERRORS.get(error)}
        self._twilio.shelf.touch()
        if row["callback"]:
            self._twilio.post(f"message {word}", row["callback"], _callback(row, word, error), row["id"])

    def reply(self, given: Mapping[str, Any]) -> Row:
        """Somebody writes to us: `from`, `text`, by `channel` whatsapp or sms. Raises ValueError."""
        number, text, channel = str(given.get("from", "")), given.get("text"), given.get("channel", "whatsapp")
        if not is_number(number) or channel not in ("whatsapp", "sms") or not isinstance(text, str) or not text:
            raise ValueError("a reply has a number in E.164 (from), a text, and a channel (whatsapp or sms)")
        prefix = "whatsapp:" if channel == "whatsapp" else ""
        person = prefix + number_of(number)
        row = self._keep("inbound", person, self._our_number(person), text)
        row |= {"status": "received", "name": str(given.get("name", "")), "opt_out": str(given.get("opt_out", ""))}
        if channel == "sms":
            self._mind(person, text)
        url = str(self._conversation(person).get("base") or "") + REPLY_PATH
        self._twilio.post("message received", url, _inbound(row), f"from {person}", about=f"reply:{row['id']}")
        return row

    def photo(self, given: Mapping[str, Any]) -> Row:
        """Somebody sends a picture or another file by WhatsApp: `from`, `caption`, its bytes in `base64`. Raises ValueError."""
        number = str(given.get("from", ""))
        if not is_number(number):
            raise ValueError("somebody has a number in E.164 (from)")
        person, mime_type = "whatsapp:" + number_of(number), str(given.get("mime_type") or "image/jpeg")
        row = self._keep("inbound", person, self._our_number(person), str(given.get("caption") or ""))
        file = {"id": new_sid("ME"), "message": row["id"], "type": mime_type, "content": str(given.get("base64") or PICTURE)}
        self._twilio.shelf.put("files", file["id"], file)
        row |= {"status": "received", "name": str(given.get("name", "")), "opt_out": ""}
        path = f"/twilio/{resources.API_VERSION}/Accounts/{resources.ACCOUNT}/Messages/{row['id']}/Media/{file['id']}"
        media = {"NumMedia": "1", "MediaUrl0": self._twilio.config.own_url.rstrip("/") + path, "MediaContentType0": mime_type}
        url = str(self._conversation(person).get("base") or "") + REPLY_PATH
        self._twilio.post("file received", url, _inbound(row) | media, f"from {person}", about=f"reply:{row['id']}")
        return row

    def answered(self, sid: str, reply: Reply) -> None:
        """The app may answer what somebody wrote with TwiML: each Message in it is sent."""
        row = self._twilio.shelf.get("messages", sid)
        if row is None or reply.status is None or not reply.body.strip():
            return
        try:
            texts = twiml.read_messages(reply.body)
        except ValueError:
            return
        for text in texts:
            sent = self._keep("outbound-reply", row["to"], row["from"], text)
            sent["status"] = "delivered"

    def _keep(self, direction: str, sender: str, to: str, body: str, service: str | None = None) -> Row:
        row: Row = {
            "id": new_sid("SM"),
            "direction": direction,
            "from": sender or None,
            "to": to,
            "body": body,
            "status": "accepted" if service else "queued",
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": service,
            "num_segments": str(1 + max(len(body) - 1, 0) // SEGMENT),
            "at": self._twilio.moment(),
            "events": [],
            "content_sid": "",
            "callback": "",
        }
        if direction == "inbound":
            self._conversation(sender)["wrote_at"] = row["at"]
        elif sender:
            self._conversation(to)["ours"] = sender
        return self._twilio.shelf.put("messages", row["id"], row)

    def _body(self, form: Mapping[str, str]) -> str:
        """The text, or that of the approved template with its variables; of an unknown one, its name and its variables."""
        sid = form.get("ContentSid", "")
        if not sid:
            return form.get("Body", "")
        variables = json.loads(form.get("ContentVariables") or "{}")
        content = self._twilio.shelf.get("contents", sid)
        if content is None:
            return "\n".join([f"[{sid}]", *(f"{{{{{name}}}}} {value}" for name, value in variables.items())])
        return _HOLE.sub(lambda hole: str(variables.get(hole[1], hole[0])), content["body"])

    def _window_is_open(self, person: str) -> bool:
        known = self._conversation(person)
        return bool(known["wrote_at"]) and datetime.fromisoformat(known["wrote_at"]) > self._twilio.now() - WINDOW

    def _our_number(self, person: str) -> str:
        """The number from which we wrote to them last."""
        return str(self._conversation(person)["ours"] or ("whatsapp:" if person.startswith("whatsapp:") else "") + OUR_NUMBER)

    def _conversation(self, person: str) -> Row:
        """When they wrote last, from which number we did, and the app's address as it was named then.

        It is asked for at each message, so it is kept by itself.
        """
        fresh = {"id": person, "wrote_at": "", "ours": "", "base": ""}
        return self._twilio.shelf.get("conversations", person) or self._twilio.shelf.put("conversations", person, fresh)

    def _mind(self, person: str, text: str) -> None:
        """What Twilio does by itself for SMS: after STOP nothing goes to the number until START."""
        word = text.strip().upper()
        if word in _STOP:
            self._twilio.shelf.put("stopped", person, {"id": person, "at": self._twilio.moment()})
        elif word in _START:
            self._twilio.shelf.drop("stopped", person)


def _base(callback: str) -> str:
    """The app's public address in that of a callback: what is signed for another is refused."""
    parts = urlsplit(callback)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _check(form: Mapping[str, str]) -> None:
    to = form.get("To", "")
    if not to:
        raise refused(21604)
    if number_of(to) in MAGIC_MESSAGES:
        raise refused(MAGIC_MESSAGES[number_of(to)], to)
    if not is_number(to):
        raise refused(21211, to)
    if not (form.get("From") or form.get("MessagingServiceSid")):
        raise refused(21603)
    if len(form.get("Body", "")) > LONGEST:
        raise refused(21617)
    if form.get("ContentSid"):
        _check_content(form)
    elif not (form.get("Body") or form.get("MediaUrl")):
        raise refused(21602)
    if form.get("StatusCallback") and not is_url(form["StatusCallback"]):
        raise refused(21609, form["StatusCallback"])


def _check_content(form: Mapping[str, str]) -> None:
    if not _CONTENT.fullmatch(form["ContentSid"]):
        raise refused(21655)
    try:
        variables = json.loads(form.get("ContentVariables") or "{}")
    except ValueError:
        variables = None
    if not isinstance(variables, dict) or not all(isinstance(value, str) and value for value in variables.values()):
        raise refused(21656)


def _callback(row: Row, word: str, error: int | None) -> dict[str, str]:
    fields = {
        "MessageSid": row["id"],
        "SmsSid": row["id"],
        "MessageStatus": word,
        "SmsStatus": word,
        "AccountSid": resources.ACCOUNT,
        "ApiVersion": resources.API_VERSION,
        "From": row["from"] or "",
        "To": row["to"],
    }
    if row["to"].startswith("whatsapp:"):
        fields |= {"ChannelPrefix": "whatsapp", "ChannelToAddress": row["to"]}
    if word == "read":
        fields["EventType"] = "READ"
    return fields | ({"ErrorCode": str(error)} if error else {})


def _inbound(row: Row) -> dict[str, str]:
    fields = {
        "MessageSid": row["id"],
        "SmsSid": row["id"],
        "SmsMessageSid": row["id"],
        "SmsStatus": "received",
        "AccountSid": resources.ACCOUNT,
        "ApiVersion": resources.API_VERSION,
        "From": row["from"],
        "To": row["to"],
        "Body": row["body"],
        "NumMedia": "0",
        "NumSegments": row["num_segments"],
    }
    if row["from"].startswith("whatsapp:"):
        fields |= {"WaId": number_of(row["from"]).removeprefix("+"), "MessageType": "text"}
        fields |= {"ProfileName": row["name"]} if row["name"] else {}
    return fields | ({"OptOutType": row["opt_out"]} if row.get("opt_out") else {})
