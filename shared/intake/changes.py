"""What an event changes in our record, field by field: noted while it is applied, and kept with the event.

Rows that the engine writes about its own work (deliveries, logs, journeys) are no part of it: they are shown as what the event
caused. A value is kept as long as the event is. Fields that look like secrets are left out, and so are the values of an event
of which the inbox may not keep everything (`Payload.not_kept`): the names of its fields are kept alone.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from shared.intake.by_hand import looks_secret
from shared.store.dialect import INSERTED

ENGINE = frozenset(
    (
        *("inbox", "used_keys", "dead_letters", "event_figures", "event_hours", "held_events", "flow_holds", "flow_pauses"),
        *("deliveries", "delivery_waits", "targets", "target_slots", "target_pauses", "outages", "lane_shares"),
        *("action_log", "log_lines", "retention_marks", "odoo_cursors", "reconciliations", "journey_versions"),
        *("enrolments", "enrolment_steps", "enrolment_addresses", "journey_talks", "journey_decisions", "journey_events"),
        *("journey_beginnings", "journey_pauses", "message_days"),
    )
)
"""Tables that are the engine's own."""

_BOOKKEEPING = frozenset(("id", "created_at", "updated_at", "recorded_at", "fact_times", "search_text", "odoo_seen"))
_OF_SYNCS = ("_sync_status", "_sync_error", "_sync_attempts", "_sync_at", "_synced_at", "_linked")
MOST = 100
LONGEST = 300
_NOTED = "puente_changes"


@dataclass(frozen=True)
class Change:
    """A field of a row of ours that an event has changed. Both values are None where they are not kept."""

    table: str
    row: str
    field: str
    before: Any
    after: Any


@dataclass
class Changes:
    """What was changed so far: of each row its table, its number or key, and of each field the value before and after."""

    rows: dict[tuple[str, str], dict[str, list[Any]]] = field(default_factory=dict)

    def note(self, table: str, row: str, name: str, before: Any, after: Any) -> None:
        """A field has changed; where it changes again, the first value before stays."""
        if not _is_shown(name) or before == after:
            return
        fields = self.rows.setdefault((table, row), {})
        if name in fields:
            fields[name][1] = _plain(after)
        elif sum(map(len, self.rows.values())) < MOST:
            fields[name] = [_plain(before), _plain(after)]

    def as_json(self, *, names_alone: bool = False) -> dict[str, dict[str, dict[str, list[Any]]]] | None:
        """By table, row and field: `[before, after]`, or `[after]` where there was none; None where nothing has changed."""
        found: dict[str, dict[str, dict[str, list[Any]]]] = {}
        for (table, row), fields in self.rows.items():
            for name, (before, after) in fields.items():
                if before != after:
                    values = [] if names_alone else [after] if before is None else [before, after]
                    found.setdefault(table, {}).setdefault(row, {})[name] = values
        return found or None


def listed(kept: Mapping[str, Mapping[str, Mapping[str, list[Any]]]] | None) -> Iterator[Change]:
    """What `as_json` has made, field by field."""
    for table, rows in (kept or {}).items():
        for row, fields in rows.items():
            for name, values in fields.items():
                yield Change(table, row, name, values[0] if values[1:] else None, values[-1] if values else None)


@contextmanager
def noted(session: Session) -> Iterator[Changes]:
    """What this session changes meanwhile; it is written out at the end."""
    found = Changes()
    session.info[_NOTED], session.info[INSERTED] = found, []
    try:
        yield found
        session.flush()
        for model, values in session.info[INSERTED]:
            _note_inserted(found, model.__tablename__, values)
    finally:
        del session.info[_NOTED], session.info[INSERTED]


def _note_inserted(found: Changes, table: str, values: Mapping[str, Any]) -> None:
    """A row that `insert_if_absent` has made. It has no number yet that anybody knows, so its key names it."""
    if table in ENGINE:
        return
    row = str(next(iter(values.values()), ""))[:64]
    for name, value in values.items():
        found.note(table, row, name, None, value)


@event.listens_for(Session, "after_flush")
def _after_flush(session: Session, _context: Any) -> None:
    """Note what is written now; the values before stand in the objects until the flush is over."""
    found: Changes | None = session.info.get(_NOTED)
    if found is None:
        return
    for each in session.new:
        _note(found, each, is_new=True)
    for each in session.dirty:
        _note(found, each, is_new=False)


def _note(found: Changes, each: Any, *, is_new: bool) -> None:
    state: Any = inspect(each)
    table, columns = state.mapper.local_table.name, state.mapper.column_attrs
    if table in ENGINE:
        return
    row = ",".join(str(part) for part in state.mapper.primary_key_from_instance(each))
    before: Mapping[str, Any] = {} if is_new else state.committed_state
    for name in state.dict if is_new else before:
        if name in columns:
            found.note(table, row, name, _known(before.get(name)), state.dict.get(name))


def _known(value: Any) -> Any:
    """A value before, or None where it was never read."""
    return None if type(value).__module__.startswith("sqlalchemy") else value


def _is_shown(name: str) -> bool:
    return name not in _BOOKKEEPING and not name.endswith(_OF_SYNCS) and not looks_secret(name)


def _plain(value: Any) -> Any:
    """A value as JSON; a long one is cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
