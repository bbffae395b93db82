"""Bring many records of Odoo up to date with as few calls as possible.

Odoo's `load` creates or updates many rows in one call and one transaction, each found by its external id. Its steady state
here is one call for a whole batch. What `load` does not do by itself is done around it: finding records that others made,
keeping one refused row from holding up the rest, and trying conflicts again.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import clock
from shared.errors import PermanentError, PuenteError, RetryableError
from shared.vendors.odoo import errors, sources
from shared.vendors.odoo.client import QUIET_CONTEXT, OdooClient
from shared.vendors.odoo.external_ids import Address, external_id, locate
from shared.vendors.odoo.fields import ModelFields, Value, forget_fields, model_fields
from shared.vendors.odoo.values import Cell, refuse_unstorable

CONFLICT_TRIES = 5
CONFLICT_WAIT_SECONDS = 0.3
MOST_CALLS = 40

# Refusals of a whole call that say nothing about single rows.
_NOT_THE_ROWS = frozenset({"odoo-access-denied", "odoo-access-error", "odoo-unknown-field", "http-invalid-request"})


@dataclass(frozen=True)
class UpsertRow:
    """What one record shall be.

    `key` is its ManyChat id. In `values`, by Odoo's field names, `None` leaves a field as it is and `False` or `""` clears it;
    a datetime without an offset is UTC; text for an html field is plain text; a many2one is the other record's id.
    `linked` is what the last result for this key said: the record carries our external id and need not be looked for.
    `renamed`: Odoo's id of the record that had another key, and how that began; it is ours if no record has the new one.
    """

    key: str
    values: Mapping[str, Value]
    linked: bool = False
    renamed: tuple[int, str] | None = None


@dataclass(frozen=True)
class UpsertResult:
    """What became of one row: `odoo_id`, or `error`. Keep `linked` and give it back with the next row of this key."""

    key: str
    odoo_id: int | None = None
    linked: bool = False
    error: PuenteError | None = None


def upsert(
    client: OdooClient,
    model: str,
    rows: Sequence[UpsertRow],
    *,
    search_field: str = "x_manychat_id",
    quiet: bool,
    defaults: Mapping[str, Any] | None = None,
    within_seconds: float = 100,
) -> list[UpsertResult]:
    """Create or update one record for each row; one result for each row, in the same order.

    A record is found by our external id, else by `search_field` (archived ones too) and then taken over, else created; one
    that was deleted in Odoo is created anew. Rows that fill the same fields go in one call. A second run with the same
    rows changes nothing, so a lost answer is harmless. `quiet` writes without chatter, followers and e-mails.
    `defaults` fill fields of created records only: `{"user_id": False}` keeps Odoo from making its caller the salesperson.

    A row's own error is in its result: PermanentError when Odoo or a value's type refuses it (`odoo-refused-row`,
    `odoo-refused-value`, `odoo-unknown-reference`, `odoo-wrong-value`, `odoo-unstorable-text`), RetryableError for a conflict
    that lasted, or when there was no turn for the row: no call begins after `within_seconds` or 40 calls, so that the whole
    ends within `within_seconds` and one time-out.

    Raises:
        PuenteError: the whole call failed; some of the rows may have been written all the same.
        ValueError: two rows have the same key.
    """
    if len({row.key for row in rows}) != len(rows):
        raise ValueError("two rows of one upsert have the same key")
    if not rows:
        return []
    deadline = clock.now() + timedelta(seconds=within_seconds)
    fields = model_fields(client, model)
    results: dict[str, UpsertResult] = {}
    batches: dict[tuple[str, ...], list[_Row]] = defaultdict(list)
    for row in rows:
        try:
            encoded = _encode(fields, search_field, row)
        except PermanentError as error:
            if error.reason == "odoo-unknown-field":
                forget_fields(client, model)  # so that a field made meanwhile is seen at the next attempt
                raise
            results[row.key] = UpsertResult(row.key, error=error)
        else:
            batches[tuple(encoded.cells)].append(encoded)
    _locate_unlinked(client, model, search_field, [row for batch in batches.values() for row in batch])
    context = {f"default_{name}": value for name, value in (defaults or {}).items()}
    context.update(QUIET_CONTEXT if quiet else {})
    for batch in batches.values():
        _Loading(client, fields, context, deadline, results).bring(batch)
    return [results[row.key] for row in rows]


@dataclass
class _Row:
    key: str
    cells: dict[str, Cell]
    linked: bool
    address: Address
    renamed: tuple[int, str] | None


def _encode(fields: ModelFields, search_field: str, row: UpsertRow) -> _Row:
    refuse_unstorable(row.key)
    given: dict[str, Value] = {**row.values, search_field: row.key}
    cells = {fields.column(name): fields.cell(name, given[name]) for name in sorted(given) if given[name] is not None}
    return _Row(row.key, cells, row.linked, Address(external_id(fields.model, row.key)), row.renamed)


def _locate_unlinked(client: OdooClient, model: str, search_field: str, rows: Sequence[_Row]) -> None:
    unknown = [row for row in rows if not row.linked]
    if unknown:
        renamed = {row.key: row.renamed for row in unknown if row.renamed is not None}
        addresses = locate(client, model, search_field, [row.key for row in unknown], renamed)
        for row in unknown:
            row.address = addresses[row.key]


@dataclass
class _Loading:
    """The calls of `load` for rows that fill the same columns."""

    client: OdooClient
    fields: ModelFields
    context: Mapping[str, Any]
    deadline: datetime
    results: dict[str, UpsertResult]
    calls_left: int = MOST_CALLS
    conflict_tries_left: int = CONFLICT_TRIES

    def bring(self, rows: Sequence[_Row]) -> None:
        """Settle the result of each of `rows`. Each call that fails splits them, so that the good ones come through."""
        if not rows:
            return
        try:
            answer = self._load_past_conflicts(rows)
        except (PermanentError, errors.OdooFailureError) as error:
            if isinstance(error, PermanentError) and error.reason in _NOT_THE_ROWS:
                raise
            self._halve(rows, error)
            return
        if answer is None:
            self._fail(rows, RetryableError("no time or calls were left for this row: others of its batch took them"))
        elif answer["ids"]:
            for row, odoo_id in zip(rows, answer["ids"], strict=True):
                self.results[row.key] = UpsertResult(row.key, odoo_id, linked=row.address.external_id is not None)
        else:
            self._separate(rows, _by_row(answer["messages"], len(rows)))

    def _load_past_conflicts(self, rows: Sequence[_Row]) -> dict[str, Any] | None:
        """The answer of `load`, tried again after conflicts; None when no calls are left.

        Other calls Odoo repeats itself after a conflict, but `load` reports it as an error of the row. The waits before
        the 5 tries that a batch has in all are 0.3, 0.6, 1.2, 2.4 and 4.8 s, each by up to a half longer or shorter.
        """
        if not self._may_call():
            return None
        while True:
            self.calls_left -= 1
            answer = self._load(rows)
            in_conflict = any(errors.is_conflict(str(message.get("message"))) for message in answer["messages"])
            if not in_conflict or self.conflict_tries_left <= 0 or not self._may_call():
                return answer
            tries_made = CONFLICT_TRIES - self.conflict_tries_left
            self.conflict_tries_left -= 1
            clock.sleep(clock.jitter(CONFLICT_WAIT_SECONDS * 2**tries_made, share=0.5))

    def _may_call(self) -> bool:
        return self.calls_left > 0 and clock.now() < self.deadline

    def _load(self, rows: Sequence[_Row]) -> dict[str, Any]:
        by_database_id = any(row.address.database_id for row in rows)
        columns = ["id", *([".id"] if by_database_id else []), *rows[0].cells]
        data = [[*_address_cells(row.address, by_database_id=by_database_id), *row.cells.values()] for row in rows]
        # without active_test an archived record would not be found by its id; with it, defaults may be archived ones
        context = dict(self.context) | ({"active_test": False} if by_database_id else {})
        return self.client.load(self.fields.model, columns, data, context=context, repeatable=True)

    def _separate(self, rows: Sequence[_Row], named: Mapping[int, Mapping[str, Any]]) -> None:
        """Nothing was written. Judge the rows that Odoo names with certainty, and load the others again.

        It is certain of a lone row, of a row with the name of the field, and of a conflict. For an error without a field it
        may name the first row in place of the true one: those rows are tried once more by themselves, the first alone.
        """
        if not named:
            self._halve(rows, PermanentError("odoo-refused-row", "Odoo refused the rows and did not say why"))
            return
        certain = {index for index, message in named.items() if len(rows) == 1 or _is_certain(message)}
        if len(named) == len(rows):
            certain.update(index for index in named if index > 0)
        for index in certain:
            self._fail([rows[index]], self._judge(rows[index], named[index]))
        self.bring([row for index, row in enumerate(rows) if index not in named])
        self.bring([rows[index] for index in sorted(named.keys() - certain)])

    def _halve(self, rows: Sequence[_Row], error: PuenteError) -> None:
        """An error that names no row: find the row it belongs to by halves."""
        if len(rows) == 1:
            self._fail(rows, error)
            return
        middle = len(rows) // 2
        self.bring(rows[:middle])
        self.bring(rows[middle:])

    def _judge(self, row: _Row, message: Mapping[str, Any]) -> PuenteError:
        """What Odoo's message about `row` means. Only conflicts are told by their text: `load` gives nothing else."""
        text, name = str(message.get("message")), str(message.get("field") or "")
        if errors.is_conflict(text):
            return RetryableError("another change of the same record got in the way, several times")
        if name == ".id":
            return RetryableError("the record was deleted in Odoo a moment ago")
        answer = errors.clean(text)
        if name not in self.fields:
            return PermanentError("odoo-refused-row", f"Odoo refused the record: {answer}")
        if self.fields[name].type == "many2one":
            return self._judge_reference(row, name, answer)
        return PermanentError("odoo-refused-value", f"Odoo refused {name}: {answer}")

    def _judge_reference(self, row: _Row, name: str, answer: str) -> PuenteError:
        given = row.cells.get(self.fields.column(name))
        if self.fields[name].relation == sources.MODEL and sources.forget(self.client, given):
            return RetryableError(f"Odoo has lost the {sources.MODEL} {given}; it will be looked up again")
        return PermanentError("odoo-unknown-reference", f"Odoo refused {name}={given}: {answer}")

    def _fail(self, rows: Sequence[_Row], error: PuenteError) -> None:
        for row in rows:
            self.results[row.key] = UpsertResult(row.key, error=error)


def _address_cells(address: Address, *, by_database_id: bool) -> list[Cell]:
    cells: list[Cell] = [address.external_id or False]
    if by_database_id:
        cells.append(str(address.database_id) if address.database_id else False)
    return cells


def _is_certain(message: Mapping[str, Any]) -> bool:
    return bool(message.get("field")) or errors.is_conflict(str(message.get("message")))


def _by_row(messages: Sequence[Mapping[str, Any]], count: int) -> dict[int, Mapping[str, Any]]:
    """The last error of each row by its place; warnings, and what names no row of ours, are left out."""
    return {
        message["record"]: message
        for message in messages
        if message.get("type") == "error" and isinstance(message.get("record"), int) and 0 <= message["record"] < count
    }
