"""Meta's webhooks for the WhatsApp Cloud API, read into our own words.

One request holds entries, each with changes, each with messages, statuses and notices of several people, in any order and as
often as Meta likes. What cannot be read of it is left out and named (`unread`), so that one strange entry costs no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from shared.intake import signatures
from shared.intake.webhook import SIGNED, Sender, json_object
from shared.messages import numbers, opt_out_keywords
from shared.messages.digests import digest_of_address, digests_of_address
from shared.messages.events import (
    LONGEST_DETAIL,
    LONGEST_MEDIA_ID,
    LONGEST_NAME,
    LONGEST_OPTION_ID,
    LONGEST_OPTION_TITLE,
    LONGEST_TEXT,
    InboundMessage,
    ProviderEvent,
)
from shared.messages.providers import meta, meta_codes
from shared.readers import phone
from shared.settings import get_settings

if TYPE_CHECKING:
    import azure.functions as func

    from shared.settings import Settings

FILES = ("image", "video", "audio", "document", "sticker")
KINDS = frozenset({*FILES, "text", "location", "contacts", "reaction", "order"})
MOST_UNREAD = 20
SHORTEST_NUMBER, LONGEST_NUMBER = 7, 15  # digits of a number in E.164
LATEST_SECOND = 253402300799  # of the year 9999

type Parts = Mapping[str, Any]


def verify(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The request is Meta's, by the app's secret over the bytes as they came. Raises RefusedError."""
    signatures.meta(request.headers, raw, settings.meta_app_secrets)
    return SIGNED


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """What a request says: `messages`, `statuses`, `preferences`, `moves` (of a person's number or id), `notices`, `unread`.

    Raises:
        RefusedError: 400, 415 or 422, it is no JSON object.
    """
    found: dict[str, list[Any]] = {name: [] for name in ("messages", "statuses", "preferences", "moves", "notices", "unread")}
    for field, value in _changes(json_object(request, raw)):
        if field == "messages":
            _take(found, "messages", value.get("messages"), partial(_message, change=value))
            _take(found, "statuses", value.get("statuses"), _status)
            found["notices"] += [{"field": "errors", **_error_of(error)} for error in _dicts(value.get("errors"))]
        elif field == "user_preferences":
            _take(found, "preferences", value.get("user_preferences"), _preference)
        else:
            found["notices"].append({"field": field} | _plain(value))
    found["moves"] = [one for one in found["messages"] if "moved_to" in one]
    found["messages"] = [one for one in found["messages"] if "moved_to" not in one]
    return found


def _changes(body: Parts) -> Iterator[tuple[str, Parts]]:
    """Every change of every entry: its field and its value."""
    for entry in _dicts(body.get("entry")):
        for change in _dicts(entry.get("changes")):
            value = change.get("value")
            yield str(change.get("field") or "")[:60], value if isinstance(value, dict) else {}


def _take(found: dict[str, list[Any]], name: str, given: Any, read_one: Callable[[Parts], Parts | None]) -> None:
    for one in _dicts(given):
        try:
            made = read_one(one)
        except ValueError as error:  # pydantic's is one
            found["unread"] = [*found["unread"], {"what": name, "id": str(one.get("id"))[:200], "why": _why(error)}][
                :MOST_UNREAD
            ]
            continue
        if made is not None:
            found[name].append(made)


def _why(error: ValueError) -> str:
    """What is wrong, without what was sent."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in error.errors())[:300]
    return str(error)[:300]


def _message(message: Parts, *, change: Parts) -> dict[str, Any] | None:
    """One message from a person, or the news that they have another number; None where nobody is named."""
    who = _person(message, _dicts(change.get("contacts")))
    kind = str(message.get("type") or "")
    if kind == "system":
        return _moved(message, who)
    if who["sender"] is None:
        raise ValueError("nobody is named")
    text, choice = _text(message, kind), _choice(message, kind)
    answer = "" if kind == "reaction" else text
    quoted = _part(message, "reaction").get("message_id") or _part(message, "context").get("id")
    number = numbers.by_vendor_id(str(_part(change, "metadata").get("phone_number_id") or ""), get_settings())
    return _checked(
        InboundMessage,
        {
            **who,
            **choice,
            "provider": meta.NAME,
            "vendor_id": _id(message),
            "channel": "whatsapp",
            "text": text[:LONGEST_TEXT],
            "media": _media(message, kind),
            "quoted_id": str(quoted)[:200] if quoted else None,
            "whatsapp_number_id": number.id if number is not None else None,
            "sent_at": _moment(message.get("timestamp")),
            "wish": opt_out_keywords.wish_of_button(answer, str(_part(message, "button").get("payload") or "")),
            "ask": bool(answer) and opt_out_keywords.needs_a_person(answer),
        },
    )


def _person(message: Parts, contacts: list[Parts]) -> dict[str, Any]:
    """Who wrote: by phone, by WhatsApp's id of the user, or by both. Meta leaves out either, or sends it empty."""
    number, user = str(message.get("from") or ""), str(message.get("from_user_id") or "")
    own = [one for one in contacts if (number and one.get("wa_id") == number) or (user and one.get("user_id") == user)]
    contact = own[0] if own else contacts[0] if len(contacts) == 1 and not (number or user) else {}
    number, user = number or str(contact.get("wa_id") or ""), user or str(contact.get("user_id") or "")
    if meta.USER_ID.fullmatch(number):
        number, user = "", user or number
    user = user if meta.USER_ID.fullmatch(user) else ""
    line = _line(number)
    sender = line or number[:100] or user or None
    whose = digests_of_address(sender) if sender else []
    return {
        "sender": sender,
        "sender_name": str(_part(contact, "profile").get("name") or "").replace("\x00", "").strip()[:LONGEST_NAME] or None,
        "user_id": user or None,
        "user_digest": digest_of_address(user) if user else None,
        "who": whose[0] if whose else None,
        "others": whose[1:],
    }


def _line(number: str) -> str | None:
    """A number in E.164. One that no numbering plan has is taken as WhatsApp writes it, which knows its users."""
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    known = phone.e164_or_none(f"+{digits}", channel="whatsapp")
    return known or (f"+{digits}" if SHORTEST_NUMBER <= len(digits) <= LONGEST_NUMBER else None)


def _moved(message: Parts, who: dict[str, Any]) -> dict[str, Any] | None:
    """The person has another number or another user id now; other words of the system say nothing of ours."""
    system = _part(message, "system")
    number = str(system.get("wa_id") or system.get("new_wa_id") or "")
    user = str(system.get("user_id") or "")
    line = _line(number)
    moved_to = line or (user if meta.USER_ID.fullmatch(user) else None)
    if moved_to is None or who["sender"] is None or moved_to == who["sender"]:
        return None
    return {
        "vendor_id": _id(message),
        "moved_from": who["sender"],
        "moved_to": moved_to,
        "at": _moment(message.get("timestamp")),
    }


def _text(message: Parts, kind: str) -> str:
    """The words: an answer, and a wish for no more messages, may stand in any of these places."""
    part = _part(message, kind)
    words: Any = {
        "text": part.get("body"),
        "button": part.get("text") or part.get("payload"),
        "reaction": part.get("emoji"),
        "interactive": _reply(message).get("title"),
        "location": part.get("name") or part.get("address"),
    }.get(kind, part.get("caption"))
    return str(words or "").replace("\x00", "")


def _reply(message: Parts) -> Parts:
    interactive = _part(message, "interactive")
    return _part(interactive, "button_reply") or _part(interactive, "list_reply")


def _choice(message: Parts, kind: str) -> dict[str, Any]:
    """The kind of the message, and the button or line of a list that was chosen."""
    if kind == "button":
        part = _part(message, "button")
        return {"kind": "button", **_option(part.get("payload"), part.get("text"))}
    if kind == "interactive" and (reply := _reply(message)):
        is_button = "button_reply" in _part(message, "interactive")
        return {"kind": "button" if is_button else "list", **_option(reply.get("id"), reply.get("title"))}
    return {"kind": kind if kind in KINDS else "unsupported"}


def _option(option_id: Any, title: Any) -> dict[str, Any]:
    return {
        "option_id": str(option_id or title or "")[:LONGEST_OPTION_ID] or None,
        "option_title": str(title or "")[:LONGEST_OPTION_TITLE] or None,
    }


def _media(message: Parts, kind: str) -> list[dict[str, str]]:
    part = _part(message, kind) if kind in FILES else {}
    if not part.get("id"):
        return []
    file = {"type": part.get("mime_type"), "id": part.get("id"), "name": part.get("filename")}
    longest = {"type": 100, "id": LONGEST_MEDIA_ID, "name": LONGEST_NAME}
    return [{name: str(value or "").replace("\x00", "")[: longest[name]] for name, value in file.items()}]


def _status(status: Parts) -> dict[str, Any]:
    """What became of one message of ours, or of another program's over the same account."""
    word = str(status.get("status") or "")
    errors = _dicts(status.get("errors"))
    reason = meta_codes.reason_of(errors[0].get("code")) if errors else ""
    named = meta.delivery_of(status.get("biz_opaque_callback_data"))
    recipient = str(status.get("recipient_id") or "")
    line = f"+{recipient.removeprefix('+')}" if recipient.removeprefix("+").isdecimal() else ""
    who = line or str(status.get("recipient_user_id") or "")
    return _checked(
        ProviderEvent,
        {
            "provider": meta.NAME,
            "vendor_id": _id(status),
            "word": word[:60],
            "status": meta_codes.STATUSES.get(word),
            "reason": (reason or "meta-failed")[:64] if word == "failed" else None,
            "detail": _words_of(errors[0]) if errors and word == "failed" else None,
            "at": _moment(status.get("timestamp")),
            "delivery_id": named[0] if named else None,
            "proof": named[1] if named else None,
            "who": digest_of_address(who) if who else None,
        },
    )


def _words_of(error: Parts) -> str:
    """Meta's own code, title and details of a failure, for whoever reads why a message has not arrived."""
    from shared.vendors import answers

    title, details = (answers.clean(text or "") for text in (error.get("title"), _part(error, "error_data").get("details")))
    words = title if details in ("", title) else f"{title}: {details}"
    return f"{meta_codes.number_of(error.get('code'))} {words}"[:LONGEST_DETAIL].strip()


def _checked(model: type[BaseModel], facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, where the model takes them. Raises ValidationError."""
    model.model_validate(facts)
    return facts


def _preference(preference: Parts) -> dict[str, Any] | None:
    """The person wants no marketing, or wants it again, by WhatsApp's own switch."""
    if preference.get("category") != "marketing_messages" or preference.get("value") not in ("stop", "resume", "signup"):
        return None
    number, user = str(preference.get("wa_id") or ""), str(preference.get("user_id") or "")
    addresses = [f"+{number.removeprefix('+')}" if number else "", user]
    digests = [digest_of_address(address) for address in addresses if address]
    if not digests:
        raise ValueError("nobody is named")
    return {
        "recipient_digests": digests,
        "stops": preference.get("value") == "stop",
        "at": _moment(preference.get("timestamp")),
    }


def _error_of(error: Parts) -> dict[str, Any]:
    return {"code": meta_codes.number_of(error.get("code")), "title": str(error.get("title") or "")[:200]}


def _plain(value: Parts) -> dict[str, str | int]:
    """A notice's own facts (state of a template, quality of a number): short texts and numbers, nothing nested."""
    shown = {str(name)[:60]: one for name, one in value.items() if isinstance(one, str | int) and name != "field"}
    return {name: one[:300] if isinstance(one, str) else one for name, one in shown.items()}


def _moment(timestamp: Any) -> str | None:
    """Unix seconds, as text or as a number."""
    text = str(timestamp if timestamp is not None else "")
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) <= LATEST_SECOND:
        return None
    return datetime.fromtimestamp(int(text), UTC).isoformat()


def _id(one: Parts) -> str:
    return str(one.get("id") or "")[:200]


def _part(whole: Parts, name: str) -> Parts:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _dicts(given: Any) -> list[Parts]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
