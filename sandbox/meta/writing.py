"""What people do: write, tap a button, choose from a list, send a photo, react, switch marketing off, change their number."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.pictures import PICTURE
from sandbox.shelf import Row, one_of

if TYPE_CHECKING:
    from sandbox.meta.server import Meta

NUMBER = re.compile(r"\+\d{7,15}")


def write(meta: "Meta", given: Mapping[str, Any]) -> Row:
    """Somebody writes to us: `from`, `text`; `quoted` a message, `days_late`. Raises ValueError."""
    text = given.get("text")
    if not isinstance(text, str) or not text:
        raise ValueError("what somebody writes has a text")
    return _inbound(meta, given, "text", {"text": {"body": text}}, text)


def tap(meta: "Meta", given: Mapping[str, Any]) -> Row:
    """Somebody taps an `option` of the message `id`: a button, a line of a list, or a template's quick reply."""
    asked = meta.row("messages", given)
    option = next((one for one in asked["options"] if one["id"] == given.get("option")), None)
    if option is None:
        raise ValueError(f"the message has the options {', '.join(one['id'] for one in asked['options']) or 'none'}")
    context = {"from": meta.number_of(asked["number"])["phone"].removeprefix("+"), "id": asked["id"]}
    person = {"person": asked["person"], "number": asked["number"]}
    if option["kind"] == "quick-reply":
        button = {"button": {"payload": option["id"], "text": option["title"]}, "context": context}
        return _inbound(meta, {**given, **person}, "button", button, option["title"])
    kind = "button_reply" if option["kind"] == "button" else "list_reply"
    reply = {"id": option["id"], "title": option["title"]} | (
        {"description": option["description"]} if option.get("description") else {}
    )
    interactive = {"interactive": {"type": kind, kind: reply}, "context": context}
    return _inbound(meta, {**given, **person}, "interactive", interactive, option["title"])


def photo(meta: "Meta", given: Mapping[str, Any]) -> Row:
    """Somebody sends a file: `from`, `caption`; `kind` image, document or audio; its bytes in `base64`."""
    kind = one_of(given, "kind", ("image", "document", "audio"), "image")
    content = base64.b64decode(str(given.get("base64") or PICTURE))
    default = {"image": "image/jpeg", "document": "application/pdf", "audio": "audio/ogg; codecs=opus"}[kind]
    file = meta.keep_file(content, str(given.get("mime_type") or default), str(given.get("name") or ""))
    part = {"id": file["id"], "mime_type": file["mime_type"], "sha256": file["sha256_base64"]}
    part |= {"caption": str(given["caption"])} if given.get("caption") and kind != "audio" else {}
    part |= {"filename": file["name"]} if kind == "document" and file["name"] else {}
    return _inbound(meta, given, kind, {kind: part}, str(given.get("caption") or f"[{kind}]"))


def react(meta: "Meta", given: Mapping[str, Any]) -> Row:
    """Somebody reacts to the message `id` with an `emoji`; without one they take it back."""
    asked = meta.row("messages", given)
    reaction = {"message_id": asked["id"]} | ({"emoji": str(given["emoji"])} if given.get("emoji") else {})
    person = {"person": asked["person"], "number": asked["number"]}
    return _inbound(
        meta, {**given, **person}, "reaction", {"reaction": reaction}, str(given.get("emoji") or "[reaction taken back]")
    )


def prefer(meta: "Meta", given: Mapping[str, Any]) -> Row:
    """Somebody switches marketing off (`value` stop) or on again (resume), in WhatsApp itself."""
    person, number = _who(meta, given), meta.number_of(given.get("number"))
    preference = {
        "detail": "User requested to change marketing messages",
        "category": "marketing_messages",
        "value": one_of(given, "value", ("stop", "resume"), "stop"),
        "timestamp": int(meta.now().timestamp()),
    }
    preference |= {name: person[name] for name in ("wa_id", "user_id") if person[name]}
    meta.tell("user preference", "user_preferences", number["id"], person["id"], user_preferences=[preference])
    return person


def move(meta: "Meta", given: Mapping[str, Any]) -> Row:
    """Somebody changes their number: `from` the old one, `to` the new one."""
    person, new = _who(meta, given), str(given.get("to", ""))
    if not NUMBER.fullmatch(new):
        raise ValueError("to is a number in E.164")
    number, old, wa_id = meta.number_of(given.get("number")), person["wa_id"], meta.wa_id(new)
    person |= {"wa_id": wa_id}
    system = {"type": "user_changed_number", "wa_id": wa_id, "body": f"User A changed from \u200e{old} to \u200e{wa_id}"}
    message = {"from": old, "id": meta.new_id(), "timestamp": _seconds(meta, given), "type": "system", "system": system}
    meta.tell("number changed", "messages", number["id"], person["id"], messages=[message])
    meta.shelf.touch()
    return person


def _inbound(meta: "Meta", given: Mapping[str, Any], kind: str, parts: Mapping[str, Any], text: str) -> Row:
    """A message to us. A person without a phone is named by their user id; `from` is empty then, or not there, by turns."""
    person, number = _who(meta, given), meta.number_of(given.get("number"))
    if given.get("quoted"):
        parts = {**parts, "context": {"from": number["phone"].removeprefix("+"), "id": str(given["quoted"])}}
    seconds = _seconds(meta, given)
    message: dict[str, Any] = {"id": meta.new_id(), "timestamp": seconds, "type": kind, **parts}
    contact: dict[str, Any] = {"profile": {"name": person["name"]}} if person["name"] else {}
    if person["wa_id"]:
        message["from"] = contact["wa_id"] = person["wa_id"]
    elif meta.turn() % 2:
        message["from"] = contact["wa_id"] = ""
    if person["user_id"]:
        message["from_user_id"] = contact["user_id"] = person["user_id"]
    at = datetime.fromtimestamp(int(seconds), meta.now().tzinfo)
    person["wrote_at"] = max(person["wrote_at"], at.isoformat())
    row: Row = {
        "id": message["id"],
        "direction": "inbound",
        "person": person["id"],
        "number": number["id"],
        "type": kind,
        "text": text,
        "options": [],
        "template": "",
        "at": meta.moment(),
        "status": "received",
        "error": None,
        "events": [],
        "callback": "",
    }
    meta.shelf.put("messages", row["id"], row)
    meta.tell("message received", "messages", number["id"], f"from {person['id']}", contacts=[contact], messages=[message])
    return row


def _who(meta: "Meta", given: Mapping[str, Any]) -> Row:
    if given.get("person"):
        return meta.shelf.get("people", str(given["person"])) or meta.person_at(str(given["person"]))
    sender, user_id = str(given.get("from") or ""), str(given.get("user_id") or "")
    if not (NUMBER.fullmatch(sender) or user_id):
        raise ValueError("somebody has a number in E.164 (from) or a user id (user_id)")
    person = meta.person_at(sender or user_id, by_user_id=not sender)
    person |= {"name": str(given["name"])} if given.get("name") else {}
    person |= {"user_id": user_id} if user_id else {}
    return person


def _seconds(meta: "Meta", given: Mapping[str, Any]) -> str:
    late = timedelta(days=float(given.get("days_late") or 0))
    return str(int((meta.now() - late).timestamp()))
