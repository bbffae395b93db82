"""Meta's WhatsApp Cloud API as a vendor of the sandbox: one business account with two numbers, templates, files and people."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.items import MOST_ITEMS, Deed, Item, Person, Step, links_in
from sandbox.jsonapi import RefusedError, Router, answer_json, bearer, body_of
from sandbox.meta import sending, webhooks, writing
from sandbox.meta.errors import error, refused
from sandbox.shelf import Row, Shelved, one_of
from sandbox.vendor import Answer, Call, Card, Column, Webhook

TOKEN = "sandbox-meta-token"  # noqa: S105
APP_SECRET = "sandbox-meta-app-secret"  # noqa: S105
VERIFY_TOKEN = "sandbox-meta-verify-token"  # noqa: S105
LIMIT = "TIER_2K"
NUMBERS = {"106540352242922": "+525500000004", "106540352242923": "+525500000005"}
EVERYBODY = "*"
CARDS = 12
FIRST_ID = 65463453
_VERSION = re.compile(r"/v\d+\.\d+")
_MEXICAN = re.compile(r"\+52(\d{10})")


class Meta(Shelved):
    """One business account. What becomes of messages is chosen for a person or for everybody, for once or until changed."""

    name = "meta"
    title = "Meta (WhatsApp)"
    prefixes = ("/meta",)
    connection: Mapping[str, str] = {
        "META_BASE_URL": "/meta/v23.0",
        "META_ACCESS_TOKEN": TOKEN,
        "META_APP_SECRETS": APP_SECRET,
        "META_VERIFY_TOKEN": VERIFY_TOKEN,
        "META_BUSINESS_ACCOUNT_ID": webhooks.ACCOUNT,
        "META_NUMBERS": "{" + ",".join(f'"{key}":"{phone}"' for key, phone in NUMBERS.items()) + "}",
    }
    board_title = "Messages"
    kinds = ("messages", "people", "templates", "files", "choices", "facts")
    routes = ("/v{version}/{rest:.*}", "/lookaside/{rest:.*}")
    default_secret = APP_SECRET
    modes: Mapping[str, str] = {"too_many": "Answers 400 with Meta's code 80007; does nothing."}
    actions: Mapping[str, str] = {
        "deliver": f"Fate of messages (`outcome`): {', '.join([*sending.OUTCOMES, *sending.REFUSALS])}; `to`, `once`.",
        "report": "The `status` (sent, delivered, read, failed; with an `error`) of the message `id` is sent to the app.",
        "reply": "Somebody writes to us: `from` or `user_id`, `text`; `name`, `quoted`, `days_late`, `number`.",
        "tap": "Somebody chooses an `option` of the message `id`.",
        "photo": "Somebody sends a file: `from`, `caption`, `kind` (image, document, audio), `base64`, `mime_type`, `name`.",
        "react": "Somebody reacts to the message `id` with an `emoji`, or takes that back.",
        "prefer": "Somebody switches marketing off or on in WhatsApp: `from`, `value` stop or resume.",
        "move": "Somebody changes their number: `from`, `to`.",
        "template": "There is an approved template: `name`, `language`, `body`, `category`, `buttons`, `status`.",
        "strict": "Templates that were not entered are refused (132001), or taken again (`on` false).",
        "quality": "The quality of the number `number` is `rating` GREEN, YELLOW or RED, which is sent to the app.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._router = Router(
            [
                ("GET", "/me", self._me),
                ("POST", "/{number}/messages", self._send),
                ("GET", "/{account}/phone_numbers", self._numbers),
                ("GET", "/{account}/message_templates", self._templates),
                ("GET", "/{id}", self._one),
            ]
        )
        self._turn = 0

    def answer(self, call: Call) -> Answer:
        """Serve one call. The files stand at an address of their own, and want the same token."""
        if bearer(call) != TOKEN:
            return error(190, status=401)
        try:
            if call.path.startswith("/lookaside/"):
                return self._bytes_of(call.path.rpartition("/")[2])
            inner = Call(method=call.method, path=_VERSION.sub("", call.path, count=1), query=call.query, body=call.body)
            found = self._router.find(inner)
            if found is None:
                raise refused(100, call.path, status=404)
            return found[0](inner, **found[1])
        except RefusedError as refusal:
            return refusal.answer

    def fail(self, mode: str, call: Call) -> Answer:
        """Too many calls of the account."""
        del mode, call
        return error(80007)

    def what(self, call: Call) -> str:
        """Such as `POST messages`; no numbers, no ids."""
        last = call.path.rpartition("/")[2]
        return f"{call.method} {'{id}' if last.isdecimal() else last}"

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of the actions; the record as it is then."""
        people = {"reply": writing.write, "tap": writing.tap, "photo": writing.photo, "react": writing.react}
        people |= {"prefer": writing.prefer, "move": writing.move}
        if action in people:
            return people[action](self, given)
        own: dict[str, Callable[[Mapping[str, Any]], Row]] = {
            "deliver": self._choose,
            "report": self._report,
            "template": self._put_template,
            "strict": self._be_strict,
            "quality": self._put_quality,
        }
        return own[action](given) if action in own else super().act(action, given)

    # --- calls ---

    def _me(self, _call: Call) -> Answer:
        return answer_json({"id": "100000000000001", "name": "Sandbox"})

    def _send(self, call: Call, number: str) -> Answer:
        try:
            body = body_of(call)
        except ValueError:
            body = None
        if number not in NUMBERS:
            raise refused(100, f"Object with ID '{number}' does not exist", subcode=33)
        if not isinstance(body, dict):
            raise refused(100, "the body is no JSON object")
        if body.get("status") == "read":
            return answer_json({"success": True})
        return answer_json(sending.send(self, self.number_of(number), body))

    def _numbers(self, _call: Call, account: str) -> Answer:
        if account != webhooks.ACCOUNT:
            raise refused(100, subcode=33)
        return answer_json({"data": [self._number(key) for key in NUMBERS]})

    def _number(self, key: str) -> dict[str, Any]:
        row = self.number_of(key)
        return {
            "id": key,
            "display_phone_number": row["phone"],
            "verified_name": "Sandbox",
            "quality_rating": row["quality"],
            "throughput": {"level": "STANDARD"},
            "status": "CONNECTED",
            "whatsapp_business_manager_messaging_limit": row.get("limit", LIMIT),
        }

    def _templates(self, _call: Call, account: str) -> Answer:
        if account != webhooks.ACCOUNT:
            raise refused(100, subcode=33)
        return answer_json({"data": [_template(row) for row in self.shelf.rows("templates")], "paging": {}})

    def _one(self, _call: Call, id: str) -> Answer:  # noqa: A002  # a part of the path
        """A number of ours, or where a file lies for five minutes."""
        if id in NUMBERS:
            return answer_json(self._number(id))
        file = self.shelf.get("files", id)
        if file is None:
            raise refused(100, f"Object with ID '{id}' does not exist", subcode=33)
        shown = {name: file[name] for name in ("id", "mime_type", "sha256", "file_size")}
        url = f"{self.config.own_url.rstrip('/')}/meta/lookaside/{id}"
        return answer_json({"messaging_product": "whatsapp", "url": url, **shown})

    def _bytes_of(self, id_: str) -> Answer:
        file = self.shelf.get("files", id_)
        if file is None:
            raise refused(100, status=404)
        return Answer(body=base64.b64decode(file["content"]), content_type=file["mime_type"])

    # --- what the app is sent ---

    def tell(self, what: str, field: str, number_id: str, line: str, **parts: Sequence[Any]) -> None:
        """Call the app; what is about one message or person goes one after another."""
        value = webhooks.value(number_id, self.number_of(number_id)["phone"], **parts)
        self._post(what, line, (field, value))

    def _post(self, what: str, line: str, *changes: tuple[str, Mapping[str, Any]]) -> None:
        url = self.config.app_url.rstrip("/") + webhooks.PATH
        self.send(Webhook(what=what, url=url, body=webhooks.written(webhooks.changes(*changes)), line=line))

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """HMAC-SHA256 of the bytes, with the app's secret."""
        digest = hmac.new(self.secret.encode(), webhook.body, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature-256": f"sha256={digest}", "User-Agent": "facebookexternalua"}

    # --- records ---

    @property
    def is_strict(self) -> bool:
        """Whether templates that were not entered are refused."""
        return bool((self.shelf.get("facts", "strict") or {}).get("on"))

    def turn(self) -> int:
        """A number that counts on, for what Meta does now so and now otherwise."""
        self._turn += 1
        return self._turn

    def new_id(self) -> str:
        """An id of a message, as Meta's look."""
        count = self.shelf.get("facts", "ids") or self.shelf.put("facts", "ids", {"id": "ids", "count": 0})
        count["count"] += 1
        return "wamid." + base64.b64encode(f"sandbox-{count['count']:08d}".encode()).decode()

    def number_of(self, key: Any) -> Row:
        """A number of ours, by Meta's id of it; the first where none is named."""
        key = str(key or next(iter(NUMBERS)))
        fresh: Row = {"id": key, "phone": NUMBERS.get(key, "+525500000004"), "quality": "GREEN"}
        return self.shelf.get("facts", f"number:{key}") or self.shelf.put("facts", f"number:{key}", fresh)

    @staticmethod
    def wa_id(phone: str) -> str:
        """How WhatsApp names a number: without a plus, and with the 1 of Mexico's mobiles."""
        return _MEXICAN.sub(r"521\1", f"+{phone.removeprefix('+')}").removeprefix("+")

    def person_at(self, address: str, *, by_user_id: bool = False) -> Row:
        """The person with this number or user id; known from now on."""
        wa_id = "" if by_user_id or not address.removeprefix("+").isdecimal() else self.wa_id(address)
        user_id = "" if wa_id else address
        known = next(
            (
                row
                for row in self.shelf.rows("people")
                if (wa_id and row["wa_id"] == wa_id) or (user_id and row["user_id"] == user_id)
            ),
            None,
        )
        key = wa_id or user_id
        fresh = {"id": key, "wa_id": wa_id, "user_id": user_id, "name": "", "wrote_at": ""}
        return known or self.shelf.put("people", key, fresh)

    def chosen(self, person: str) -> str:
        """What was chosen for this person, else for everybody; a choice for once is used up."""
        choice = self.shelf.get("choices", person) or self.shelf.get("choices", EVERYBODY)
        if choice is None:
            return "delivered"
        if choice["once"]:
            self.shelf.drop("choices", choice["id"])
        return str(choice["outcome"])

    def keep_file(self, content: bytes, mime_type: str, name: str) -> Row:
        """A file that somebody has sent; `sha256` is hex here and base64 in the webhook, as Meta has it."""
        digest = hashlib.sha256(content)
        key = str(FIRST_ID + len(self.shelf.rows("files")))
        row: Row = {"id": key, "mime_type": mime_type, "name": name, "file_size": len(content)}
        row |= {"sha256": digest.hexdigest(), "sha256_base64": base64.b64encode(digest.digest()).decode()}
        return self.shelf.put("files", key, row | {"content": base64.b64encode(content).decode()})

    def _choose(self, given: Mapping[str, Any]) -> Row:
        to = str(given.get("to") or EVERYBODY)
        key = self.person_at(to)["id"] if to != EVERYBODY else EVERYBODY
        outcome = one_of(given, "outcome", [*sending.OUTCOMES, *sending.REFUSALS])
        return self.shelf.put("choices", key, {"id": key, "outcome": outcome, "once": bool(given.get("once"))})

    def _report(self, given: Mapping[str, Any]) -> Row:
        row, code = self.row("messages", given), given.get("error")
        if code is not None and not (isinstance(code, int) and code > 0):
            raise ValueError("error is the number of one of Meta's errors")
        sending.report(self, row, one_of(given, "status", ("sent", "delivered", "read", "failed")), code)
        return row

    def _put_template(self, given: Mapping[str, Any]) -> Row:
        name, language = str(given.get("name", "")), str(given.get("language", "es_MX"))
        if not name or not given.get("body"):
            raise ValueError("a template has a name and a body")
        row: Row = {"id": f"{name}:{language}", "name": name, "language": language, "body": str(given["body"])}
        row |= {
            "category": str(given.get("category", "MARKETING")),
            "status": one_of(given, "status", ("APPROVED", "PAUSED"), "APPROVED"),
        }
        row["buttons"] = [str(label) for label in given.get("buttons") or ()]
        known = self.shelf.get("templates", row["id"])
        if known is not None and known["status"] != row["status"]:
            event = {"event": row["status"], "message_template_name": name, "message_template_language": language}
            self._post("template status", row["id"], ("message_template_status_update", event))
        return self.shelf.put("templates", row["id"], row)

    def _be_strict(self, given: Mapping[str, Any]) -> Row:
        return self.shelf.put("facts", "strict", {"id": "strict", "on": bool(given.get("on", True))})

    def _put_quality(self, given: Mapping[str, Any]) -> Row:
        row = self.number_of(given.get("number"))
        row["quality"] = one_of(given, "rating", ("GREEN", "YELLOW", "RED"))
        row["limit"] = str(given.get("limit") or row.get("limit", LIMIT))
        event = "FLAGGED" if row["quality"] == "RED" else "UNFLAGGED"
        value = {"display_phone_number": row["phone"].removeprefix("+"), "event": event, "current_limit": row["limit"]}
        self._post("number quality", row["id"], ("phone_number_quality_update", value))
        self.shelf.touch()
        return row

    # --- what people see ---

    def people(self) -> Sequence[Person]:
        """Those who have both a number and a user id."""
        rows = self.shelf.rows("people")
        return [
            Person(name=row["name"], addresses=(_address(row), row["user_id"]))
            for row in rows
            if row["wa_id"] and row["user_id"]
        ]

    def inbox(self) -> Sequence[Item]:
        """Messages in both directions; the options of one that asks are there to be tapped."""
        return [self._item(row) for row in self.shelf.latest("messages", MOST_ITEMS)]

    def _item(self, row: Row) -> Item:
        person, incoming = self.shelf.get("people", row["person"]) or {}, row["direction"] == "inbound"
        taps = tuple(
            Deed(label=one["title"], action="tap", given={"option": one["id"]}, answer=True, menu=one.get("menu", ""))
            for one in row["options"]
        )
        reports = tuple(
            Deed(label=word.capitalize(), action="report", given={"status": word}) for word in ("delivered", "read")
        )
        return Item(
            vendor=self.name,
            id=row["id"],
            kind="whatsapp",
            person=_address(person),
            at=row["at"],
            sender=self.number_of(row["number"])["phone"],
            name=str(person.get("name", "")),
            incoming=incoming,
            text=row["text"] or f"[{row['type']}]",
            status=row["status"],
            trouble=str(row["error"]) if row["error"] else "",
            links=links_in(row["text"]),
            steps=tuple(Step(word=each["word"], at=each["at"]) for each in row["events"]),
            facts={"Template": row["template"]} if row["template"] else {},
            deeds=() if incoming else (*taps, *reports),
        )

    def board(self) -> Sequence[Column]:
        """The latest messages, and the people."""
        messages, people = self.shelf.rows("messages")[::-1], self.shelf.rows("people")[::-1]
        sent = tuple(
            Card(id=row["id"], title=row["text"][:80], lines=(row["at"][11:19],), tag=row["status"]) for row in messages[:CARDS]
        )
        known = tuple(Card(id=row["id"], title=row["name"] or _address(row)) for row in people[:CARDS])
        return [
            Column(id=1, title="Messages", total=len(messages), cards=sent),
            Column(id=2, title="People", total=len(people), cards=known),
        ]

    def counters(self) -> Mapping[str, int]:
        """Messages, people, files."""
        return {"Messages": len(self.shelf.rows("messages")), "People": len(self.shelf.rows("people"))}


def _address(person: Mapping[str, Any]) -> str:
    """Their number in E.164 as people know it, else their user id."""
    number = str(person.get("wa_id") or "")
    return f"+{re.sub(r'^521(?=[0-9]{10}$)', '52', number)}" if number else str(person.get("user_id") or "")


def _template(row: Row) -> dict[str, Any]:
    holes = sending.HOLE.findall(row["body"])
    named = any(not hole.isdecimal() for hole in holes)
    parts: list[dict[str, Any]] = [{"type": "BODY", "text": row["body"]}]
    if row["buttons"]:
        parts.append({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": label} for label in row["buttons"]]})
    shown = {name: row[name] for name in ("name", "language", "status", "category")}
    return shown | {"id": row["id"], "parameter_format": "NAMED" if named else "POSITIONAL", "components": parts}
