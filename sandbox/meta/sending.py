"""What Meta makes of a request to send: checks at once, and statuses that come later, in whatever order."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.meta import webhooks
from sandbox.meta.errors import of_status, refused
from sandbox.shelf import Row

if TYPE_CHECKING:
    from sandbox.meta.server import Meta

WINDOW = timedelta(hours=24)
USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
LONGEST_TEXT, LONGEST_BODY, LONGEST_LABEL, LONGEST_DESCRIPTION = 4096, 1024, 20, 72
FILES = ("image", "video", "audio", "document", "sticker")
HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")

# What becomes of a message: the statuses that are sent, each with an error where it failed.
OUTCOMES: Mapping[str, tuple[tuple[str, int | None], ...]] = {
    "delivered": (("sent", None), ("delivered", None)),
    "read": (("sent", None), ("delivered", None), ("read", None)),
    "read-at-once": (("sent", None), ("read", None)),
    "shuffled": (("read", None), ("sent", None), ("delivered", None), ("sent", None), ("read", None)),
    "undeliverable": (("failed", 131026),),
    "failed-after-sent": (("sent", None), ("failed", 131000)),
    "delivered-after-failed": (("failed", 131026), ("delivered", None)),
    "marketing-limit": (("failed", 131049),),
    "stopped": (("failed", 131050),),
    "experiment": (("failed", 130472),),
    "payment": (("failed", 131042),),
    "held": (("failed", 132015),),
    "unregistered-later": (("failed", 133010),),
    "silent": (),
}
# What refuses a message at once.
REFUSALS: Mapping[str, int] = {
    "pair-limit": 131056,
    "number-limit": 130429,
    "spam-limit": 131048,
    "template-paused": 132015,
    "trouble": 131000,
    "number-unregistered": 133010,
}


def send(meta: "Meta", number: Row, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take a message; the answer. Raises RefusedError."""
    if body.get("messaging_product") != "whatsapp":
        raise refused(100, "messaging_product must be whatsapp")
    to, by_user_id = _recipient(body)
    said = _said(meta, body)
    person = meta.person_at(to, by_user_id=by_user_id)
    outcome = meta.chosen(person["id"])
    if outcome in REFUSALS:
        raise refused(REFUSALS[outcome], status=429 if REFUSALS[outcome] in (130429, 131056) else 400)
    row = _kept(meta, number, person, body, said)
    if not by_user_id and USER_ID.fullmatch(to):
        return _answer(row, to)  # 200, and nobody ever gets it
    if body.get("type", "text") != "template" and not window_is_open(meta, person):
        report(meta, row, "failed", 131047)
        return _answer(row, to)
    for word, code in OUTCOMES[outcome]:
        report(meta, row, word, code)
    return _answer(row, to, "held_for_quality_assessment" if outcome == "held" else "accepted")


def _recipient(body: Mapping[str, Any]) -> tuple[str, bool]:
    """The address, and whether it is a user's id where such belong; of both, the phone wins."""
    if body.get("to"):
        return str(body["to"]), False
    if not body.get("recipient"):
        raise refused(131008, "to or recipient is missing")
    if not USER_ID.fullmatch(str(body["recipient"])):
        raise refused(131009, "recipient is no user id")
    return str(body["recipient"]), True


def window_is_open(meta: "Meta", person: Row) -> bool:
    """Whether they have written in the last 24 hours, by the time of their message."""
    return bool(person["wrote_at"]) and datetime.fromisoformat(person["wrote_at"]) > meta.now() - WINDOW


def report(meta: "Meta", row: Row, word: str, code: int | None = None) -> None:
    """Note what became of a message, and tell the app. Contacts, conversation and price come by turns, as they do."""
    row["events"].append({"word": word, "at": meta.moment()} | ({"error": code} if code else {}))
    row["status"], row["error"] = word, code
    meta.shelf.touch()
    person = meta.shelf.get("people", row["person"]) or {}
    turn = meta.turn()
    status: dict[str, Any] = {"id": row["id"], "status": word, "timestamp": str(int(meta.now().timestamp()))}
    if person.get("wa_id") and turn % 3:
        status["recipient_id"] = person["wa_id"]
    if person.get("user_id"):
        status["recipient_user_id"] = person["user_id"]
    if row["callback"]:
        status["biz_opaque_callback_data"] = row["callback"]
    if code:
        status["errors"] = [of_status(code)]
    elif turn % 2:
        status["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": row["category"]}
    contacts = [{"wa_id": person["wa_id"]}] if person.get("wa_id") and turn % 2 else []
    meta.tell(f"message {word}", "messages", row["number"], row["id"], contacts=contacts, statuses=[status])


def _answer(row: Row, to: str, status: str = "accepted") -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": row["wa_id"]} if row["wa_id"] else {"input": to, "user_id": row["user_id"]}],
        "messages": [{"id": row["id"], "message_status": status}],
    }


def _kept(meta: "Meta", number: Row, person: Row, body: Mapping[str, Any], said: Mapping[str, Any]) -> Row:
    row: Row = {
        "id": meta.new_id(),
        "direction": "outbound",
        "person": person["id"],
        "wa_id": person["wa_id"],
        "user_id": person["user_id"],
        "number": number["id"],
        "type": str(body.get("type", "text")),
        "at": meta.moment(),
        "status": "accepted",
        "error": None,
        "events": [],
        "quoted": str(_part(body, "context").get("message_id") or ""),
        "callback": str(body.get("biz_opaque_callback_data") or ""),
        **said,
    }
    return meta.shelf.put("messages", row["id"], row)


def _said(meta: "Meta", body: Mapping[str, Any]) -> dict[str, Any]:
    """The text and the options of a message as a person sees them, and its category. Raises RefusedError."""
    kind = str(body.get("type", "text"))
    shown: dict[str, Any] = {"text": "", "options": [], "template": "", "category": "service"}
    if kind == "text":
        text = str(_part(body, "text").get("body") or "")
        if not 0 < len(text) <= LONGEST_TEXT:
            raise refused(100, f"text.body must have 1 to {LONGEST_TEXT} characters")
        return shown | {"text": text}
    if kind == "template":
        return shown | _template(meta, _part(body, "template"))
    if kind == "interactive":
        return shown | _interactive(_part(body, "interactive"))
    if kind in FILES:
        part = _part(body, kind)
        if bool(part.get("link")) == bool(part.get("id")):
            raise refused(131009, f"{kind} needs either link or id")
        return shown | {"text": str(part.get("caption") or ""), "file": str(part.get("link") or part.get("id"))}
    raise refused(131051, kind)


def _interactive(part: Mapping[str, Any]) -> dict[str, Any]:
    action, text = _part(part, "action"), str(_part(part, "body").get("text") or "")
    if part.get("type") == "button":
        options = [_part(button, "reply") for button in _list(action.get("buttons"))]
        limits = (3, 256, 20)
    else:
        options = [row for section in _list(action.get("sections")) for row in _list(section.get("rows"))]
        limits = (10, 200, 24)
        if not 0 < len(str(action.get("button") or "")) <= LONGEST_LABEL:
            raise refused(131009, "action.button must have 1 to 20 characters")
    most, longest_id, longest_title = limits
    if not 0 < len(text) <= LONGEST_BODY or not 0 < len(options) <= most:
        raise refused(131009, f"body has 1 to {LONGEST_BODY} characters, and there are 1 to {most} options")
    for option in options:
        id_, title, more = (str(option.get(name) or "") for name in ("id", "title", "description"))
        if not (0 < len(id_) <= longest_id and 0 < len(title) <= longest_title and len(more) <= LONGEST_DESCRIPTION):
            raise refused(131009, "an option's id, title or description is missing or too long")
    if len({str(option["title"]) for option in options}) < len(options):
        raise refused(131009, "titles must differ")
    kind = "button" if part.get("type") == "button" else "list"
    menu = {} if kind == "button" else {"menu": str(action["button"])}
    return {"text": text, "options": [{"kind": kind, **menu, **dict(option)} for option in options]}


def _template(meta: "Meta", part: Mapping[str, Any]) -> dict[str, Any]:
    """An approved template, filled in. One that nobody has entered shows its name and values. Raises RefusedError."""
    name, language = str(part.get("name") or ""), str(_part(part, "language").get("code") or "")
    if not name or not language:
        raise refused(131008, "template.name and template.language.code are needed")
    known = meta.shelf.get("templates", f"{name}:{language}")
    values = {
        str(value.get("parameter_name") or number): str(value.get("text") or "")
        for component in _list(part.get("components"))
        if str(component.get("type", "")).lower() == "body"
        for number, value in enumerate(_list(component.get("parameters")), start=1)
    }
    if any(not value.strip() or re.search(r"[\n\t]| {5,}", value) for value in values.values()):
        raise refused(131009, "a parameter is empty, or holds a line break, a tab or many spaces")
    shown = {"template": f"{name}:{language}", "category": "marketing"}
    if known is None:
        if meta.is_strict:
            raise refused(132001, f"{name} ({language})", status=404)
        return shown | {"text": "\n".join([f"[{name}]", *values.values()])}
    if known["status"] == "PAUSED":
        raise refused(132015, name)
    holes = set(HOLE.findall(known["body"]))
    if holes != set(values):
        raise refused(132000, f"expected {len(holes)} parameters, got {len(values)}")
    text = HOLE.sub(lambda hole: values[hole[1]], known["body"])
    buttons = [{"kind": "quick-reply", "id": label, "title": label} for label in known["buttons"]]
    return shown | {"text": text, "options": buttons, "category": known["category"].lower()}


def _part(whole: Any, name: str) -> Mapping[str, Any]:
    part = whole.get(name) if isinstance(whole, dict) else None
    return part if isinstance(part, dict) else {}


def _list(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


__all__ = ["OUTCOMES", "REFUSALS", "report", "send", "webhooks", "window_is_open"]
