"""`RecordSync`: keep a copy of our rows in an outside system up to date, and note on each row whether that has succeeded.

The row needs these columns (`shared.store.sync_columns.SyncColumns` makes them):

    <prefix>_sync_status     NULL (never requested), pending, success, partial, error or skipped
    <prefix>_sync_error      why the last attempt failed
    <prefix>_sync_at         when the status changed last; or <prefix>_asked_at: when a sync was requested last
    <prefix>_sync_attempts   failed attempts since the last success (optional)
    <prefix>_synced_at       when the last attempt succeeded

Light: flows import this module to declare their syncs; SQL is imported where it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared import clock, references, stopping
from shared.errors import DeferredError, NoAnswerError, NotBegunError, PuenteError, ThrottledError, UnavailableError
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome, Shadowed, Skip
from shared.outbox.row_effect import MISSING_ROW, RowEffect, nothing

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

PENDING, SUCCESS, PARTIAL, ERROR, SKIPPED, SHADOWED = "pending", "success", "partial", "error", "skipped", "shadowed"
LOST_AFTER = timedelta(minutes=15)
SYSTEM_WIDE = (UnavailableError, ThrottledError, NoAnswerError)

type Send = Callable[[Sequence[Any]], Mapping[Any, Outcome]]
type Put = Callable[[Any], Mapping[str, Any] | None]
type Columns = Callable[[Mapping[str, Any], bool], Mapping[str, Any]]


def _no_overdue_rows(_session: Session, _limit: int) -> Sequence[Any]:
    return ()


@dataclass(frozen=True, kw_only=True)
class RecordSync(RowEffect):
    """A declaration: the rows of `table` are copied to `target`. Functions may be given as "module:function".

    `send(keys)` brings a batch up to date and returns an outcome for each key; or `put(row)` brings one row up to date, returns
    what is worth keeping of the vendor's answer, and raises a `PuenteError` where it fails. Both must read our record when they
    are called and be harmless when repeated: a lost answer repeats them.
    `keep`: what a success writes into the row besides its status. Either names of columns, filled from the result, or a
    function of the result and of whether the delivery is finished (False: a newer change waits), which returns their values.
    `then(session, subject)` runs after a success, in the transaction that records it.
    `overdue(session, limit)`: rows that have changed without `request` having been called.
    """

    prefix: str
    send: str | Send | None = None
    put: str | Put | None = None
    batch_size: Callable[[], int] = lambda: 1
    keep: tuple[str, ...] | Columns = ()
    then: str | Callable[[Session, str], None] = nothing
    overdue: str | Callable[[Session, int], Sequence[Any]] = _no_overdue_rows
    action: Action = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the action that executes these deliveries.

        Raises:
            ValueError: both or neither of `send` and `put` are given.
        """
        if (self.send is None) == (self.put is None):
            raise ValueError(f"{self.target}.{self.name}: give either `send` or `put`")
        action = Action(
            target=self.target,
            name=self.name,
            kind=Kind.SYNC,
            execute=self._execute,
            batch_size=self.batch_size,
            after=self._after,
            hold=self.lock_rows,
            asked_again=self._requested_again,
            describe=self.described,
            lane=self.lane,
        )
        object.__setattr__(self, "action", action)

    def request(self, session: Session, row: Any, event_key: str | None = None) -> None:
        """Request that the outside system be brought up to date with this row; nothing where it is not used.

        The delivery reads the row when it is executed, so requesting twice is harmless: one delivery does for both.
        """
        from shared.outbox import plan

        if not self.is_used():
            return
        for column, value in self._pending().items():
            setattr(row, column, value)
        if getattr(row, self.key) is None:
            session.flush()  # a new row gets its id
        plan.sync(session, self.action, self.subject(row), event_key=event_key)

    def request_many(self, session: Session, keys: Sequence[Any]) -> None:
        """`request` for the rows with these keys, up to some hundred of them, in a few statements."""
        from sqlalchemy import update

        from shared.outbox import plan

        if self.is_used():
            session.execute(update(self.model()).where(self.key_column.in_(keys)).values(self._pending()))
            plan.sync_many(session, self.action, [self.subject_of(key) for key in keys])

    def requeue_lost(self, session: Session, limit: int = 500) -> int:
        """Request again what is in error, or has been pending for `LOST_AFTER`, and has no delivery; returns how many rows.

        The outbox retries by itself. This finds what the outbox does not have any more (a delivery lost to a restored backup, a
        row edited in SQL), and what is overdue. Parked rows stay parked: see `queries.has_open_or_parked_delivery`.
        """
        if not self.is_used():
            return 0
        changed = references.function(self.overdue)(session, limit)
        for row in changed:
            self.request(session, row)
        facts = {"error": ERROR, "pending": PENDING, "before": clock.now() - LOST_AFTER, "most": self.action.retry.max_attempts}
        lost = session.scalars(self._lost.limit(limit), facts).unique().all()
        for row in lost:
            self.request(session, row)
        return len(changed) + len(lost)

    @cached_property
    def _lost(self) -> Select[Any]:
        """The rows that `requeue_lost` looks for, put together once: a timer asks for those of every sync all day long.

        Its parameters: `error`, `pending`, `before` (a sync of that age is lost) and `most` (attempts).
        """
        from sqlalchemy import Unicode, and_, bindparam, cast, literal, or_, select

        from shared.outbox.queries import has_open_or_parked_delivery

        model = self.model()
        status, attempts = getattr(model, self._column("status")), getattr(model, self._column("attempts"), None)
        old = getattr(model, self._time_column) < bindparam("before")
        failed = and_(status == bindparam("error"), old if attempts is None else attempts < bindparam("most"))
        key = self.key_column if self.key_column.type.python_type is str else cast(self.key_column, Unicode(20))
        subject = literal(self.subject_prefix) + key if self.subject_prefix else key
        is_lost = or_(failed, and_(status == bindparam("pending"), old))
        parked = has_open_or_parked_delivery(self.action, model, subject)
        return select(model).where(is_lost, ~parked).order_by(model.id)

    @property
    def status_column(self) -> Any:
        """The column with the state of the sync."""
        return getattr(self.model(), self._column("status"))

    def missing_columns(self) -> list[str]:
        """Columns that the table needs for this sync and does not have; empty where the declaration is complete."""
        columns = (*map(self._column, ("status", "error")), self._time_column, f"{self.prefix}_synced_at", "id", "updated_at")
        return [name for name in columns if not hasattr(self.model(), name)]

    def _column(self, fact: str) -> str:
        return f"{self.prefix}_sync_{fact}"

    @property
    def _time_column(self) -> str:
        asked = f"{self.prefix}_asked_at"
        return asked if hasattr(self.model(), asked) else self._column("at")

    def _bookkeeping(self) -> tuple[str, ...]:
        kept = self.keep if isinstance(self.keep, tuple) else ()
        return (*kept, *(f"{self.prefix}_{fact}" for fact in ("synced_at", "asked_at", "linked", "id", "page_id")))

    @property
    def _column_without_index(self) -> str:
        return self._column("error")

    def _pending(self) -> dict[str, Any]:
        return {self._column("status"): PENDING, self._column("error"): None, self._time_column: clock.now()}

    def _requested_again(self, session: Session, subject: str) -> None:
        self.write(session, subject, self._pending())

    def _execute(self, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        keys = {delivery.id: self.key_of(delivery.subject) for delivery in deliveries}
        send: Send = references.function(self.send) if self.send is not None else one_by_one(self._put_one)
        known = [key for key in keys.values() if key is not None]
        sent = send(known) if known else {}
        unsent = {key for key in keys.values() if key not in sent}
        missing = unsent - self._existing(unsent) if unsent else set()
        outcomes = dict(sent) | dict.fromkeys(missing, MISSING_ROW)
        return {number: outcomes[key] for number, key in keys.items() if key in outcomes}

    def _existing(self, keys: set[Any]) -> set[Any]:
        from sqlalchemy import select

        from shared.store.session import reading

        with reading() as session:
            return set(session.scalars(select(self.key_column).where(self.key_column.in_(keys))))

    def _put_one(self, key: Any) -> Outcome:
        row = self.read(self.subject_of(key))
        if row is None or self.put is None:
            return MISSING_ROW
        return Done(references.function(self.put)(row) or {})

    def _after(self, session: Session, delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001  # as Action wants it
        """Note the outcome on the row. Where a newer change waits, the status stays pending: the copy is out of date."""
        values = self._noted(delivery, outcome, final=final)
        known = {name: value for name, value in values.items() if hasattr(self.model(), name)}
        if known:
            self.write(session, delivery.subject, known)
        if outcome is not MISSING_ROW:
            references.function(self.settled)(session, delivery.subject, outcome, final)
        if isinstance(outcome, Done) and not isinstance(outcome, Shadowed):
            references.function(self.then)(session, delivery.subject)

    def _noted(self, delivery: Claimed, outcome: Outcome, *, final: bool) -> dict[str, Any]:
        now, status, error = clock.now(), self._column("status"), self._column("error")
        values: dict[str, Any] = {self._column("at"): now}
        if isinstance(outcome, Shadowed):  # nothing is there: it has no number, and is not in step
            values |= {status: SHADOWED if final else PENDING, error: None}
        elif isinstance(outcome, Done):
            values |= {status: SUCCESS if final else PENDING, error: None, self._column("attempts"): 0}
            values |= {f"{self.prefix}_synced_at": now} | self._kept(outcome.result, final=final)
        elif isinstance(outcome, Skip):
            values |= {status: SKIPPED if final else PENDING, error: outcome.reason}
        else:
            values |= {status: ERROR, error: str(outcome), self._column("attempts"): delivery.attempt}
        return values

    def _kept(self, result: Mapping[str, Any], *, final: bool) -> dict[str, Any]:
        if isinstance(self.keep, tuple):
            return {name: result[name] for name in self.keep}
        return dict(self.keep(result, final))


def one_by_one(put: Callable[[Any], Outcome], last_begin: datetime | None = None) -> Send:
    """A `send` that brings one row after the other up to date.

    Where the outside system as a whole does not answer, or asks to wait, the rest of the batch is not tried: same outcome.
    No row but the first is begun after `last_begin`; what is left then is due again at once.
    """

    def send(keys: Sequence[Any]) -> Mapping[Any, Outcome]:
        outcomes: dict[Any, Outcome] = {}
        for key in keys:
            if outcomes and stopping.is_asked():
                outcomes[key] = NotBegunError("not begun: its worker was asked to end")
                continue
            if outcomes and last_begin is not None and clock.now() > last_begin:
                outcomes[key] = DeferredError("no time was left for it in its batch", after_seconds=0)
                continue
            try:
                outcomes[key] = put(key)
            except PuenteError as error:
                outcomes[key] = error
                if isinstance(error, SYSTEM_WIDE):
                    return dict.fromkeys(keys, error) | outcomes
        return outcomes

    return send
