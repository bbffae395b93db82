"""Log lines: how severe, what they belong to, and never with what identifies a person."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

OURS = ("puente", "shared", "functions")
WATCH = "puente.watch"  # its lines are JSON already, and alerts look for how they begin

_EMAIL = re.compile(r"\b([\w.%+-])[\w.%+-]*@([\w-]+(?:\.[\w-]+)+)")
_PHONE = re.compile(r"(?<![\w-])\+?\d(?:[ ().-]?\d){8,14}(?![\w-])")

_bound: ContextVar[dict[str, str | int]] = ContextVar("log_facts", default={})  # noqa: B039  # never changed in place
_format: Literal["text", "json"] = "text"
_plain_factory = logging.getLogRecordFactory()


def mask(text: str) -> str:
    """`text` with e-mail addresses and phone numbers made unrecognisable: `a***@example.com`, `+52***78`."""
    masked = _EMAIL.sub(r"\1***@\2", text)
    return _PHONE.sub(lambda found: f"{found[0][:3]}***{found[0][-2:]}", masked)


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
    text = mask(record.getMessage())
    if _format == "text" or record.name == WATCH:
        return text
    facts = {"message": text, "level": record.levelname, "logger": record.name} | _bound.get()
    return json.dumps(facts, ensure_ascii=False)
