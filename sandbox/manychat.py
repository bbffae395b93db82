"""ManyChat's own API as a vendor of the sandbox: what is written into conversations, custom fields, tags, subscribers.

Every number is a subscriber, unless it was made to be none (`forget`): whoever names a subscriber's id to us has it from there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.items import MOST_ITEMS, Item, links_in
from sandbox.jsonapi import RefusedError, Router, answer_json, bearer, body_of
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column

API_KEY = "1:sandbox-manychat-key"
PAGE_ID = "1"
OUTSIDE_WINDOW = 3011
CARDS, MOST_MESSAGES, MOST_FIELDS = 12, 10, 20
_NAMES = ("first_name", "last_name", "email", "phone", "whatsapp_phone", "ig_username")


class ManyChat(Shelved):
    """One page. A subscriber's window of 24 hours is open unless it was closed (`window`)."""

    name = "manychat"
    title = "ManyChat"
    prefixes = ("/manychat",)
    connection: Mapping[str, str] = {"MANYCHAT_BASE_URL": "/manychat", "MANYCHAT_API_KEY": API_KEY}
    board_title = "Conversations"
    kinds = ("subscribers", "messages", "forgotten")
    routes = ("/fb/{rest:.*}",)
    actions: Mapping[str, str] = {
        "subscriber": f"There is a subscriber `id`, with {', '.join(_NAMES)} as far as they are given.",
        "forget": "The number `id` is no subscriber.",
        "window": "The subscriber's 24 hours are over, or not (`open`).",
    }

    def __init__(self) -> None:
        super().__init__()
        by_name = {"setCustomFieldByName": self._set_field, "addTagByName": self._add_tag, "removeTagByName": self._remove_tag}
        self._router = Router(
            [
                ("POST", "/fb/sending/sendContent", self._send_content),
                ("POST", "/fb/sending/sendFlow", self._send_flow),
                ("GET", "/fb/subscriber/getInfo", self._info),
                ("GET", "/fb/subscriber/findBySystemField", self._find),
                ("GET", "/fb/page/getInfo", self._page),
                ("POST", "/fb/subscriber/setCustomFields", self._set_fields),
                *(("POST", f"/fb/subscriber/{name}", handler) for name, handler in by_name.items()),
            ]
        )

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        if bearer(call) != API_KEY:
            return _error("Wrong token", status=401)
        found = self._router.find(call)
        if found is None:
            return _error("Not found", status=404)
        try:
            return found[0](call)
        except RefusedError as refusal:
            return refusal.answer

    def what(self, call: Call) -> str:
        """Such as `sending/sendContent`."""
        return call.path.removeprefix("/fb/")

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of the actions; the subscriber as it is then."""
        if action not in self.actions:
            return super().act(action, given)
        key = str(given.get("id", ""))
        if not key.isdecimal():
            raise ValueError("id is a subscriber's number")
        if action == "forget":
            self.shelf.drop("subscribers", key)
            return self.shelf.put("forgotten", key, {"id": key})
        self.shelf.drop("forgotten", key)
        row = self._subscriber(key)
        if action == "window":
            row["window_open"] = bool(given.get("open", False))
        else:
            row |= {name: str(given[name]) for name in _NAMES if name in given}
        self.shelf.touch()
        return row

    def _send_content(self, call: Call) -> Answer:
        body = _body(call)
        row = self._told(body)
        content = _mapping(_mapping(body.get("data")).get("content"))
        messages = content.get("messages")
        if _mapping(body.get("data")).get("version") != "v2" or not isinstance(messages, list):
            raise _invalid("data.version must be v2, and data.content.messages a list")
        if len(messages) > MOST_MESSAGES:
            raise _invalid(f"there are more than {MOST_MESSAGES} messages")
        if not row["window_open"] and not body.get("message_tag"):
            raise RefusedError(_error("Unable to send: the contact's 24 hours are over", code=OUTSIDE_WINDOW))
        text = "\n\n".join(str(_mapping(message).get("text", f"[{_mapping(message).get('type')}]")) for message in messages)
        self._keep(row, text, str(content.get("type", "messenger")))
        return _success()

    def _send_flow(self, call: Call) -> Answer:
        body = _body(call)
        row = self._told(body)
        if not body.get("flow_ns"):
            raise _invalid("flow_ns is missing")
        self._keep(row, f"[flow {body['flow_ns']}]", "flow")
        return _success()

    def _keep(self, row: Row, text: str, channel: str) -> None:
        key = f"{row['id']}-{len(self.shelf.rows('messages')) + 1}"
        message = {"id": key, "subscriber_id": row["id"], "text": text, "channel": channel, "at": self.moment()}
        self.shelf.put("messages", key, message)

    def _info(self, call: Call) -> Answer:
        return _success(_shown(self._told({"subscriber_id": call.query.get("subscriber_id")})))

    def _page(self, _call: Call) -> Answer:
        page = {"id": int(PAGE_ID), "name": "Sandbox", "category": None, "avatar_link": None, "username": None, "about": None}
        return _success(page | {"description": None, "is_pro": True, "timezone": "America/Mexico_City"})

    def _find(self, call: Call) -> Answer:
        """One subscriber by e-mail or phone; of an unknown one nothing."""
        asked = {name: call.query[name] for name in ("email", "phone") if call.query.get(name)}
        if len(asked) != 1:
            raise _invalid("either email or phone must be given")
        name, value = next(iter(asked.items()))
        rows = self.shelf.rows("subscribers")
        found = next((row for row in rows if row[name] and row[name].lower() == value.strip().lower()), None)
        return _success(_shown(found) if found else [])

    def _set_field(self, call: Call) -> Answer:
        body = _body(call)
        return self._changed(body, lambda row: _put_field(row, body))

    def _set_fields(self, call: Call) -> Answer:
        body = _body(call)
        fields = body.get("fields")
        if not isinstance(fields, list) or not 0 < len(fields) <= MOST_FIELDS:
            raise _invalid(f"fields must be a list of at most {MOST_FIELDS}")

        def change(row: Row) -> None:
            for field in fields:
                _put_field(row, _mapping(field))

        return self._changed(body, change)

    def _add_tag(self, call: Call) -> Answer:
        body = _body(call)
        name = str(body.get("tag_name", ""))
        return self._changed(body, lambda row: row.update(tags=list(dict.fromkeys([*row["tags"], name]))))

    def _remove_tag(self, call: Call) -> Answer:
        body = _body(call)
        name = str(body.get("tag_name", ""))
        return self._changed(body, lambda row: row.update(tags=[tag for tag in row["tags"] if tag != name]))

    def _changed(self, body: Mapping[str, Any], change: Callable[[Row], None]) -> Answer:
        change(self._told(body))
        self.shelf.touch()
        return _success()

    def _told(self, body: Mapping[str, Any]) -> Row:
        """The subscriber that the call is about. Raises RefusedError."""
        given = str(body.get("subscriber_id", ""))
        if not given.isdecimal():
            raise _invalid("subscriber_id must be a number")
        if self.shelf.get("forgotten", given):
            raise _invalid("Subscriber does not exist")
        return self._subscriber(given)

    def _subscriber(self, key: str) -> Row:
        fresh: Row = {"id": key, **dict.fromkeys(_NAMES, ""), "fields": {}, "tags": [], "window_open": True}
        return self.shelf.get("subscribers", key) or self.shelf.put("subscribers", key, fresh)

    def inbox(self) -> Sequence[Item]:
        """What was written into conversations."""
        found = []
        for row in self.shelf.latest("messages", MOST_ITEMS):
            subscriber = self.shelf.get("subscribers", row["subscriber_id"]) or {}
            name = " ".join(part for part in (subscriber.get("first_name"), subscriber.get("last_name")) if part)
            item = Item(
                vendor=self.name,
                id=row["id"],
                kind="chat",
                person=f"ManyChat {row['subscriber_id']}",
                at=row["at"],
                sender=row["channel"],
                name=name,
                text=row["text"],
                status="delivered",
                links=links_in(row["text"]),
            )
            found.append(item)
        return found

    def board(self) -> Sequence[Column]:
        """Messages, and subscribers with their fields."""
        messages, subscribers = self.shelf.rows("messages")[::-1], self.shelf.rows("subscribers")[::-1]
        sent = tuple(Card(id=row["id"], title=row["text"][:80], lines=(row["at"][11:19],)) for row in messages[:CARDS])
        known = tuple(
            Card(id=row["id"], title=row["first_name"] or row["id"], lines=tuple(f"{k}: {v}" for k, v in row["fields"].items()))
            for row in subscribers[:CARDS]
        )
        return [
            Column(id=1, title="Messages", total=len(messages), cards=sent),
            Column(id=2, title="Subscribers", total=len(subscribers), cards=known),
        ]

    def counters(self) -> Mapping[str, int]:
        """How many of each."""
        return {"Messages": len(self.shelf.rows("messages")), "Subscribers": len(self.shelf.rows("subscribers"))}


def _shown(row: Row) -> dict[str, Any]:
    name = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
    fields = [
        {"id": number, "name": field, "type": "text", "description": "", "value": value}
        for number, (field, value) in enumerate(row["fields"].items(), start=1)
    ]
    tags = [{"id": number, "name": tag} for number, tag in enumerate(row["tags"], start=1)]
    known: dict[str, Any] = {part: row[part] or None for part in _NAMES}
    return known | {"id": row["id"], "page_id": PAGE_ID, "name": name, "custom_fields": fields, "tags": tags}


def _put_field(row: Row, body: Mapping[str, Any]) -> None:
    if not body.get("field_name") or "field_value" not in body:
        raise _invalid("field_name and field_value are needed")
    row["fields"][str(body["field_name"])] = body["field_value"]


def _body(call: Call) -> Mapping[str, Any]:
    try:
        body = body_of(call)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _invalid("the body is no JSON object")
    return body


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _success(data: Any = None) -> Answer:
    return answer_json({"status": "success"} | ({"data": data} if data is not None else {}))


def _invalid(message: str) -> RefusedError:
    details = {"messages": [{"message": message}]}
    body = {"status": "error", "message": "Validation error", "details": details}
    return RefusedError(answer_json(body, 400, outcome="validation error"))


def _error(message: str, *, status: int = 400, code: int | None = None) -> Answer:
    details = {"details": {"messages": [{"message": message, "code": code}]}} if code else {}
    return answer_json({"status": "error", "message": message, **details}, status, outcome=str(code or message))
