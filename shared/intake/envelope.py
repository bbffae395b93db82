"""The envelope of an event: CloudEvents 1.0 in JSON (github.com/cloudevents/spec, "JSON event format").

Extension attributes of ours: `subject` is CloudEvents' own; `received` (when we took it in), `attempt` (how often handling it
has failed), `waits` (how often it was put back while our database or storage was away), `sender` (the API key whose
`Idempotency-Key` the `id` is), `replayof` (the dead letter it comes from), `replayed` (when
it was replayed, or released after a pause), `dataref` (CloudEvents'
claim-check extension), `traceparent`, and `test` (somebody tries the flow).
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import clock
from shared.errors import PermanentError

SPEC_VERSION = "1.0"
ID_LENGTH, NAME_LENGTH, REFERENCE_LENGTH = 255, 100, 1024
LARGEST_ROW_ID = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One event on its way through a queue. `time` is the sender's, `received` ours; both aware, in UTC."""

    id: str
    source: str
    type: str
    time: datetime
    received: datetime
    data: Any
    subject: str | None = None
    dataref: str | None = None
    attempt: int = 0
    waits: int = 0
    replayof: int | None = None
    replayed: datetime | None = None
    traceparent: str | None = None
    sender: str | None = None
    test: bool = False

    def to_bytes(self) -> bytes:
        """The envelope as UTF-8 JSON; attributes that are not set are left out."""
        attributes: dict[str, Any] = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "time": self.time.isoformat(),
            "subject": self.subject,
            "received": self.received.isoformat(),
            "attempt": self.attempt or None,
            "waits": self.waits or None,
            "replayof": self.replayof,
            "replayed": self.replayed.isoformat() if self.replayed else None,
            "traceparent": self.traceparent,
            "sender": self.sender,
            "test": self.test or None,
            "datacontenttype": "application/json",
            "dataref": self.dataref,
            "data": self.data,
        }
        present = {name: value for name, value in attributes.items() if value is not None}
        return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode()

    def failed_once_more(self) -> "Envelope":
        """The same event with one more failed attempt on its account."""
        return replace(self, attempt=self.attempt + 1)

    def waited_once_more(self) -> "Envelope":
        """The same event, put back because of an outage of ours: no attempt is on its account for that."""
        return replace(self, waits=self.waits + 1)

    def checked_in(self, reference: str) -> "Envelope":
        """The same event with its data left in a blob."""
        return replace(self, data=None, dataref=reference)


def parse(body: bytes) -> Envelope:
    """The envelope in a queue message.

    Raises:
        PermanentError: `not-an-event`, the message is not one of ours.
    """
    try:
        raw = json.loads(body)
        if b"\\u" in body:
            json.dumps(raw, ensure_ascii=False).encode()  # half of a surrogate pair could not be written down again
        time = clock.as_utc(datetime.fromisoformat(raw["time"]))
        return Envelope(
            id=_text(raw["id"], ID_LENGTH),
            source=_text(raw["source"], NAME_LENGTH),
            type=_text(raw["type"], NAME_LENGTH),
            time=time,
            received=clock.as_utc(datetime.fromisoformat(raw["received"])) if "received" in raw else time,
            data=raw.get("data"),
            subject=_optional(raw, "subject", REFERENCE_LENGTH),
            dataref=_optional(raw, "dataref", REFERENCE_LENGTH),
            attempt=_number(raw.get("attempt", 0)),
            waits=_number(raw.get("waits", 0)),
            replayof=None if raw.get("replayof") is None else _number(raw["replayof"]),
            replayed=clock.as_utc(datetime.fromisoformat(raw["replayed"])) if raw.get("replayed") else None,
            traceparent=_optional(raw, "traceparent", ID_LENGTH),
            sender=_optional(raw, "sender", NAME_LENGTH),
            test=raw.get("test") is True,
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise PermanentError("not-an-event", f"the message is no CloudEvents envelope ({type(error).__name__})") from error


def _text(value: Any, at_most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value.encode("utf-16-le")) // 2 <= at_most:
        raise ValueError
    return value


def _optional(raw: dict[str, Any], name: str, at_most: int) -> str | None:
    return None if raw.get(name) in (None, "") else _text(raw[name], at_most)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_ROW_ID:
        raise ValueError
    return value


def fingerprint(payload: Any) -> str:
    """A hash of the payload's content, the same however its keys are ordered and spaced: the key of an event without one."""
    canonical = json.dumps(payload, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
