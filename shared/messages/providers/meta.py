"""Meta's WhatsApp Cloud API: text, buttons, lists, files and approved templates.

Meta takes no idempotency key and cannot be asked for a message. Each carries our key in `biz_opaque_callback_data`, which comes
back with every status: a status settles a sending that ended without an answer (`shared.messages.statuses`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UncertainError
from shared.messages import numbers
from shared.messages.content import LONGEST_INTERACTIVE_BODY, LONGEST_TEXT
from shared.messages.providers import meta_codes
from shared.messages.putting_off import PutOffError
from shared.messages.senders import sender_of
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    import requests

    from shared.messages.content import Content, Option, WhatsAppFile
    from shared.messages.letter import Letter
    from shared.vendors.connection import Connection

NAME = "meta"
NO_SUCH_OBJECT = "meta-no-such-object"
UNKNOWN_PARAMETER, NO_SUCH_ID = 100, 33  # "Object with ID ... does not exist, or you lack the permission"
READ_SECONDS = 20.0
STATUSES_COME_WITHIN = timedelta(minutes=10)
ASKED_AGAIN_AFTER = 60.0
USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""WhatsApp's id of a user in our business's eyes, the only address of a person who keeps their phone number to themselves."""
_KEY = re.compile(r"puente:(\d{1,18}):([0-9a-f]{16})")


def _error(body: Mapping[str, Any]) -> tuple[object, object]:
    """Code and text of a refusal: `{"error": {"code": 131047, "message": ..., "error_data": {"details": ...}}}`."""
    error = body.get("error")
    error = error if isinstance(error, Mapping) else {}
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, Mapping) else None
    return error.get("code"), details or error.get("message")


def _subcode(body: Mapping[str, Any]) -> int | None:
    error = body.get("error")
    return meta_codes.number_of(error.get("error_subcode")) if isinstance(error, Mapping) else None


def _of_a_code(
    response: requests.Response,
    body: Mapping[str, Any],
    what: str,
    repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    """The error by Meta's code, whatever the HTTP status."""
    from shared.vendors import answers

    code, message = _error(body)
    number = meta_codes.number_of(code)
    words = f"{what} answered {response.status_code} {code} {answers.clean(message or '')}"
    if number is None:
        return None
    if number in meta_codes.ACCOUNT_CODES:
        return answers.failure(response, NAME, what, repeatable=repeatable, code=code, message=message, account=True)
    if number == UNKNOWN_PARAMETER and _subcode(body) == NO_SUCH_ID:
        return PermanentError(NO_SUCH_OBJECT, words)
    return _of_a_number(number, words)


def _of_too_many(response: requests.Response, what: str) -> PuenteError | None:
    """A 429 may concern one number or one person alone, as its code says."""
    from shared.vendors import answers

    body = answers.parsed(response)
    return _of_a_code(response, body, what, False) if isinstance(body, dict) else None  # as a verdict is asked


def _of_a_number(number: int, words: str) -> PuenteError:
    if number in meta_codes.ACCOUNT_LIMITS:
        return ThrottledError(words)
    if number in meta_codes.WAITS:
        return PutOffError(meta_codes.reason_of(number), words, after_seconds=meta_codes.WAITS[number])
    if number in meta_codes.TEMPORARY:
        return RetryableError(words)
    return PermanentError(meta_codes.reason_of(number), words)


def _asked(http: Connection) -> str:
    """Who the token is (GET /me), as a sign that Meta answers us and lets us in."""
    return str(http.call("GET", "/me", "asking who we are", repeatable=True, params={"fields": "id"}).get("id") or "there")


META = RestClient(
    name="Meta",
    address="meta_base_url",
    key="meta_access_token",
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    error=_error,
    busy=_of_too_many,
    verdict=_of_a_code,
)


def send(letter: Letter) -> dict[str, Any]:
    """Send a message; what is kept of the answer is Meta's id and its first status.

    Outside the 24-hour window only an approved template goes: the message's own, else the one that META_TEMPLATES names for
    ours, with our template's `content_variables` in the order of its body.

    Raises:
        PermanentError: `no-whatsapp-template`, the window is closed and there is no approved template; `meta-too-long`;
            or what Meta refuses (`meta_codes`).
        PutOffError: the number, the person or the template takes no more for now, or Meta refuses the number.
        ThrottledError: our account takes no more for now.
        UnavailableError: also where our account is refused. UncertainError: it may have been sent.
    """
    number = sender_of(letter.message, letter.settings)
    body = request_of(letter)
    try:
        answer = META.connected(letter.settings).call(
            "POST", f"/{number}/messages", "sending a message", json=body, repeatable=False
        )
    except PermanentError as error:
        if error.reason != NO_SUCH_OBJECT:
            raise
        refused = _unknown_number(number)
        _pause(letter, refused)
        raise refused from error
    except PutOffError as error:
        _pause(letter, error)
        raise
    messages = answer.get("messages")
    sent = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], Mapping) else {}
    if not sent.get("id"):
        raise UncertainError("Meta took the message and gave no id")
    return {"id": str(sent["id"]), "message_status": str(sent.get("message_status") or "accepted")}


def _unknown_number(number: str) -> PutOffError:
    """Not this message but whatever goes from that number is refused; other numbers may be right."""
    reason = meta_codes.NUMBER_REFUSED
    words = f"Meta does not know our number {number}, or does not let our token send from it"
    return PutOffError(reason, words, after_seconds=meta_codes.OF_THE_NUMBER[reason])


def _pause(letter: Letter, error: PutOffError) -> None:
    """Where the number itself may send no more for now, nothing goes from it for so long, and nobody else is refused."""
    from shared.messages import number_states

    number = numbers.of_message(letter.message, letter.settings)
    if number is not None and error.reason in meta_codes.OF_THE_NUMBER:
        error.of_part = True
        number_states.pause(number.id, error.after_seconds or 0, error.reason)


def look_up(letter: Letter) -> str | None:
    """Meta's id of a message whose sending ended without an answer, once a status with our key has named it.

    None, so that it is sent again, only where META_RESEND_AFTER_MINUTES allows that and Meta has reported nothing for so long.

    Raises:
        RetryableError: a status may still come.
        UncertainError: none has come; a person decides.
    """
    from shared.messages import statuses
    from shared.store.session import reading

    with reading() as session:
        if (vendor_id := statuses.vendor_id_of(session, letter.delivery_id, NAME)) is not None:
            return vendor_id
    waited, again = clock.now() - letter.first_try, letter.settings.meta_resend_after_minutes
    if again and waited >= timedelta(minutes=again):
        return None
    if again or waited < STATUSES_COME_WITHIN:
        raise RetryableError("Meta has reported nothing of the message yet", after_seconds=ASKED_AGAIN_AFTER)
    raise UncertainError("Meta has reported nothing of the message")


def callback_data(letter: Letter) -> str:
    """What every status of the message brings back. Other apps of the account can read it: it names nobody."""
    return f"puente:{letter.delivery_id}:{letter.key[:16]}"


def delivery_of(callback: object) -> tuple[int, str] | None:
    """The delivery that a status names, and the beginning of its key; None where the message is none of ours."""
    found = _KEY.fullmatch(callback) if isinstance(callback, str) else None
    return (int(found[1]), found[2]) if found else None


def request_of(letter: Letter) -> dict[str, Any]:
    """The body of the request that sends the message. Raises PermanentError as `send`."""
    to = letter.message.to
    address = {"recipient": to} if USER_ID.fullmatch(to) else {"to": to.removeprefix("+")}
    content = letter.message.content
    quoted = {"context": {"message_id": content.reply_to}} if content is not None and content.reply_to else {}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **address,
        **quoted,
        "biz_opaque_callback_data": callback_data(letter),
        **_content(letter),
    }


def _content(letter: Letter) -> dict[str, Any]:
    content, text = letter.message.content, letter.rendered.text
    if content is not None and content.template is not None:
        template = content.template
        return _template(template.name, template.language, [dict(part) for part in template.components])
    if not letter.free_text:
        return _approved(letter)
    if content is not None and content.options:
        return {"type": "interactive", "interactive": _interactive(content, _within(text, LONGEST_INTERACTIVE_BODY))}
    if content is not None and content.file is not None:
        return _media(content.file, _within(text, LONGEST_INTERACTIVE_BODY))
    return {"type": "text", "text": {"body": _within(text, LONGEST_TEXT), "preview_url": "://" in text}}


def _within(text: str, longest: int) -> str:
    if len(text) > longest:
        raise PermanentError("meta-too-long", f"the text has {len(text)} characters; Meta takes {longest} here")
    return text


def _approved(letter: Letter) -> dict[str, Any]:
    """The approved template for ours, with our variables in the order of its holes; in its body where it is not known."""
    from shared.messages import approved_templates

    message, texts = letter.message, list(letter.rendered.content_variables.values())
    named = letter.settings.meta_templates.get(message.template, "") if message.template else ""
    if not named:
        raise PermanentError(
            "no-whatsapp-template",
            f"META_TEMPLATES has none for {message.template or 'a text of its own'}, and the person has not written",
        )
    name, _, language = named.partition(":")
    language = language or letter.template.locale.replace("-", "_")
    if (known := approved_templates.find(name, language)) is not None:
        return _template(name, language, list(approved_templates.by_order(known, texts)))
    values = [{"type": "text", "text": text} for text in texts]
    return _template(name, language, [{"type": "body", "parameters": values}] if values else [])


def _template(name: str, language: str, components: list[dict[str, Any]]) -> dict[str, Any]:
    parts: dict[str, Any] = {"name": name, "language": {"code": language}}
    return {"type": "template", "template": parts | ({"components": components} if components else {})}


def _interactive(content: Content, text: str) -> dict[str, Any]:
    parts: dict[str, Any] = {"type": "list" if content.is_menu else "button", "body": {"text": text}}
    if content.file is not None:
        parts["header"] = _media(content.file)
    elif content.header:
        parts["header"] = {"type": "text", "text": content.header}
    if content.footer:
        parts["footer"] = {"text": content.footer}
    if content.is_menu:
        rows = [_row(option) for option in content.options]
        return parts | {"action": {"button": content.menu_label, "sections": [{"title": content.menu_label, "rows": rows}]}}
    buttons = [{"type": "reply", "reply": {"id": option.id, "title": option.title}} for option in content.options]
    return parts | {"action": {"buttons": buttons}}


def _row(option: Option) -> dict[str, str]:
    row = {"id": option.id, "title": option.title}
    return row | ({"description": option.description} if option.description else {})


def _media(file: WhatsAppFile, caption: str = "") -> dict[str, Any]:
    """The file, with a caption where its kind takes one (a recording has none)."""
    part = {"link": file.link} if file.link else {"id": file.media_id}
    if caption and file.kind != "audio":
        part["caption"] = caption
    if file.file_name and file.kind == "document":
        part["filename"] = file.file_name
    return {"type": file.kind, file.kind: part}
