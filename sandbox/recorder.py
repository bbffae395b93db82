"""Keeps the calls that the sandbox received, so that a test or a person can see exactly what was sent."""

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

HIDDEN = "***"
FORM = "application/x-www-form-urlencoded"
KEEP_CALLS = 10_000
KEEP_BODY_BYTES = 64 * 1024 * 1024
_SECRET_NAME = re.compile(r"authorization|cookie|password|passwd|secret|token|api[-_]?key|signature", re.IGNORECASE)


def hide_secrets(value: Any) -> Any:
    """`value` with everything hidden that stands under a name like `password`, `token` or `api_key`, at any depth."""
    if isinstance(value, dict):
        return {key: HIDDEN if item and _SECRET_NAME.search(key) else hide_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hide_secrets(item) for item in value]
    return value


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One call and what became of it. `status` is the HTTP status answered, or None when the connection was cut."""

    seq: int
    vendor: str
    what: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    at: datetime
    status: int | None
    outcome: str
    fault: str | None
    ms: float

    def shown(self, mask: Callable[[Any], Any]) -> dict[str, Any]:
        """As JSON, without secrets. A form is shown by its fields, what is no JSON as text, a body no longer kept as null."""
        return {**self.summary(), "headers": hide_secrets(self.headers), "body": self._shown_body(mask)}

    def summary(self) -> dict[str, Any]:
        """As JSON, without headers and body."""
        return {
            "seq": self.seq,
            "vendor": self.vendor,
            "what": self.what,
            "method": self.method,
            "path": self.path,
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "status": self.status,
            "outcome": self.outcome,
            "fault": self.fault,
            "ms": round(self.ms, 2),
        }

    def _shown_body(self, mask: Callable[[Any], Any]) -> Any:
        if not self.body:
            return None if self.body is None else ""
        if next((value for name, value in self.headers.items() if name.lower() == "content-type"), "").startswith(FORM):
            return hide_secrets(_form(self.body))
        try:
            return hide_secrets(mask(json.loads(self.body)))
        except ValueError:
            return self.body.decode("utf-8", "replace")


def _form(body: bytes) -> dict[str, Any]:
    """The fields of a form; one that comes several times is a list."""
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


@dataclass
class Recorder:
    """The latest calls, oldest first: at most `keep_calls`, their bodies at most `keep_body_bytes` in all.

    When the bodies grow beyond that, the oldest calls lose theirs and keep the rest. Counts cover every call since the last
    reset, kept or not.
    """

    keep_calls: int = KEEP_CALLS
    keep_body_bytes: int = KEEP_BODY_BYTES
    last_seq: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    _calls: deque[Recorded] = field(default_factory=deque)
    _body_bytes: int = 0
    _bodiless: int = 0

    def add(self, *, body: bytes, **facts: Any) -> Recorded:
        """Record a call and give it the next `seq`; `facts` are the other fields of `Recorded`."""
        self.last_seq += 1
        call = Recorded(seq=self.last_seq, body=body, **facts)
        self._calls.append(call)
        self._body_bytes += len(body)
        self.counts[call.vendor] += 1
        self.failures[call.vendor] += call.outcome != "ok"
        self._shed()
        return call

    def since(self, seq: int = 0, vendor: str | None = None, limit: int | None = None) -> list[Recorded]:
        """Calls after number `seq`, oldest first; of more than `limit`, the newest."""
        found: list[Recorded] = []
        for call in self._newest_first(seq):
            if limit is not None and len(found) >= limit:
                break
            if vendor is None or call.vendor == vendor:
                found.append(call)
        return found[::-1]

    def find(self, seq: int) -> Recorded | None:
        """The call with this number, if it is still kept."""
        oldest = self._calls[0].seq if self._calls else 0
        return self._calls[seq - oldest] if self._calls and oldest <= seq <= self.last_seq else None

    def total(self, vendor: str | None = None) -> int:
        """How many calls there were since the last reset."""
        return self.counts.total() if vendor is None else self.counts[vendor]

    def reset(self) -> None:
        """Forget all calls. Numbers go on, so that a reader who remembers a `seq` misses nothing."""
        self._calls.clear()
        self.counts.clear()
        self.failures.clear()
        self._body_bytes = self._bodiless = 0

    def _newest_first(self, seq: int) -> Iterator[Recorded]:
        for call in reversed(self._calls):
            if call.seq <= seq:
                return
            yield call

    def _shed(self) -> None:
        if len(self._calls) > self.keep_calls:
            gone = self._calls.popleft()
            self._body_bytes -= len(gone.body or b"")
            self._bodiless = max(0, self._bodiless - 1)
        while self._body_bytes > self.keep_body_bytes:
            oldest = self._calls[self._bodiless]
            self._body_bytes -= len(oldest.body or b"")
            self._calls[self._bodiless] = replace(oldest, body=None)
            self._bodiless += 1
