"""`OneTimeEffect`: one effect on an outside system for a row of ours, at most once; its answer may be kept in the row.

Light: flows import this module to declare their effects; SQL is imported where it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import references
from shared.errors import PuenteError
from shared.outbox.actions import Action, AfterUnknown, Claimed, Done, Kind, Outcome, Shadowed
from shared.outbox.policy import MESSAGE_POLICY, SYNC_POLICY
from shared.outbox.row_effect import MISSING_ROW, RowEffect, nothing, nothing_of_it

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class OneTimeEffect(RowEffect):
    """A declaration: `do(row)` is called once for a row of `table`. Functions may be given as "module:function".

    `do` gets the row as the database has it then, returns what is worth keeping of the vendor's answer, and raises a
    `PuenteError` where it fails. It is not called for a row that was erased, nor for one that has `keep` filled already.
    `keep`: the columns of the row that are filled from what `do` returns.
    `then(session, subject)` runs after it has succeeded, in the transaction that records it; `failed(session, subject, error)`
    after it has failed for good, or nobody can know whether it took effect (an UncertainError).
    `once_per(row)`: what makes the effect unique; the row's key unless given.
    `harmless_to_repeat`: an unknown outcome is tried again, for days. `look_up(row)`: after one the outside system is asked
    first; it returns what `do` would have, or None where nothing was done, so that it is done again. Without either the
    delivery becomes `uncertain`, and a person decides.
    """

    do: str | Callable[[Any], Mapping[str, Any] | None]
    keep: tuple[str, ...] = ()
    then: str | Callable[[Session, str], None] = nothing
    failed: str | Callable[[Session, str, PuenteError], None] | None = None
    look_up: str | Callable[[Any], Mapping[str, Any] | None] | None = None
    once_per: Callable[[Any], str] | None = None
    harmless_to_repeat: bool = False
    action: Action = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the action that executes these deliveries."""
        writes_row = self.keep or self.failed or self.settled is not nothing_of_it
        action = Action(
            target=self.target,
            name=self.name,
            kind=Kind.MESSAGE,
            execute=self._execute,
            after=self._after,
            hold=self.lock_rows if writes_row else _lock_nothing,
            after_unknown=self._after_unknown,
            look_up=self._looked_up if self.look_up else None,
            retry=SYNC_POLICY if self.harmless_to_repeat else MESSAGE_POLICY,
            describe=self.described,
            lane=self.lane,
        )
        object.__setattr__(self, "action", action)

    def request(self, session: Session, row: Any, event_key: str | None = None) -> bool:
        """Request the effect for this row; False where it was requested before, or the outside system is not used."""
        from shared.outbox import plan

        if not self.is_used():
            return False
        if getattr(row, self.key) is None:
            session.flush()  # a new row gets its id
        once = self.once_per(row) if self.once_per is not None else self.subject(row)
        return plan.message(session, self.action, self.subject(row), once, None, event_key=event_key)

    def _bookkeeping(self) -> tuple[str, ...]:
        return self.keep

    def _execute(self, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        return {delivery.id: self._outcome(delivery) for delivery in deliveries}

    def _outcome(self, delivery: Claimed) -> Outcome:
        row = self.read(delivery.subject)
        if row is None:
            return MISSING_ROW
        kept = {name: getattr(row, name) for name in self.keep}
        if kept and None not in kept.values():
            return Done(kept)
        try:
            return Done(references.function(self.do)(row) or {})
        except PuenteError as error:
            return error

    @property
    def _after_unknown(self) -> AfterUnknown:
        if self.harmless_to_repeat:
            return AfterUnknown.SEND_AGAIN
        return AfterUnknown.LOOK_FIRST if self.look_up else AfterUnknown.ASK_A_PERSON

    def _looked_up(self, delivery: Claimed) -> Done | None:
        row = self.read(delivery.subject)
        found = references.function(self.look_up)(row) if row is not None and self.look_up else None
        return None if found is None else Done(found)

    def _after(self, session: Session, delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001  # as Action wants it
        if outcome is not MISSING_ROW:
            references.function(self.settled)(session, delivery.subject, outcome, final)
        if final and self.failed and isinstance(outcome, PuenteError):
            references.function(self.failed)(session, delivery.subject, outcome)
        if not isinstance(outcome, Done) or isinstance(outcome, Shadowed):  # without an answer there is nothing to keep
            return
        if self.keep:
            self.write(session, delivery.subject, {name: outcome.result[name] for name in self.keep})
        references.function(self.then)(session, delivery.subject)


def _lock_nothing(_session: Session, _subjects: Sequence[str]) -> None:
    return None
