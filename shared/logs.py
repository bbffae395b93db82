"""Log lines: how severe, what they belong to, and never with what identifies a person."""

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

OURS = ("puente", "shared", "functions")
WATCH = "puente.watch"  # its lines are JSON already, and alerts look for how they begin

# Also as they stand in an address (`ana%40example.com`, `%2B5255...`) and with the area in brackets (`(55) 1234 5678`).
_EMAIL = re.compile(r"\b([\w.+-])[\w.%+-]*?(?:@|%40)([\w-]+(?:\.[\w-]+)+)")
_PHONE = re.compile(r"(?:(?<![\w-])|(?<=%2[Bb])|(?<=%20))\+?\(?\d(?:(?:[ ().-]{0,3}|%20)\d){8,14}(?![\w-])")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_bound: ContextVar[dict[str, str | int]] = ContextVar("log_facts", default={})  # noqa: B039  # never changed in place
_format: Literal["text", "json"] = "text"
_plain_factory = logging.getLogRecordFactory()


def mask(text: str) -> str:
    """`text` with e-mail addresses and phone numbers made unrecognisable: `a***@example.com`, `+52***78`."""
    masked = _EMAIL.sub(r"\1***@\2", text)
    return _PHONE.sub(lambda found: f"{found[0][:3]}***{found[0][-2:]}", masked)


def one_line(text: str) -> str:
    """`text` without line breaks and other control characters, so that what somebody has sent cannot look like another line."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@contextmanager
def bound(**facts: str | int) -> Iterator[None]:
    """Let every line of ours within say what it belongs to (`function`, `event_id`, `delivery_id`), in the JSON format."""
    token = _bound.set(_bound.get() | facts)
    try:
        yield
    finally:
        _bound.reset(token)


def configure(level: str, line_format: Literal["text", "json"] = "text") -> None:
    """Set our loggers to `level`, mask what they say, and keep the vendors' SDKs from logging every request. Idempotent.

    Masking stands where records are made, because a filter on a logger does not see the records of the loggers below it.
    """
    global _format  # noqa: PLW0603  # one format for the process
    _format = line_format
    logging.getLogger("azure").setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.setLogRecordFactory(_record)


def _record(*given: Any, **more: Any) -> logging.LogRecord:
    record = _plain_factory(*given, **more)
    if record.name.partition(".")[0] in OURS:
        record.msg, record.args = _line(record), None
    return record


def _line(record: logging.LogRecord) -> str:
    text = one_line(mask(record.getMessage()))
    if record.exc_info and record.exc_info[0] is not None:
        # Handlers write this text of the error instead of making their own of it.
        record.exc_text = mask("".join(traceback.format_exception(*record.exc_info)).rstrip())
    facts: dict[str, Any] = _bound.get()
    record.__dict__ |= {"plain": text, "facts": facts}  # for whoever keeps lines, whatever the format
    if _format == "text" or record.name == WATCH:
        return text
    return json.dumps({"message": text, "level": record.levelname, "logger": record.name} | facts, ensure_ascii=False)
