"""Leases: for how long a worker may be silent over its slot and its deliveries, and how a living worker says that it lives.

A lease is short (`DELIVERY_LEASE_SECONDS`), so that a killed worker costs seconds, while a call may take minutes. So whoever
executes a batch has it kept (`Keeper`): a thread of its own renews the leases three times in each, for as long as the batch may
take (`DELIVERY_LONGEST_SECONDS`); a worker that is stuck for longer loses them as a dead one does.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared import clock, stopping
from shared.errors import NotBegunError, PuenteError
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.dialect import rows_changed
from shared.store.models import Delivery, TargetSlot
from shared.store.session import transact

log = logging.getLogger("puente.outbox")

RENEWALS = 3  # in each lease: one may fail without harm


def lease_end() -> datetime:
    """When a lease that is taken or renewed now ends."""
    return clock.now() + timedelta(seconds=get_settings().delivery_lease_seconds)


def renew(session: Session, target: str, token: str, ids: Sequence[int]) -> int:
    """Renew the leases of a worker's slot and deliveries; how many deliveries it still holds.

    What another has taken or freed meanwhile is not touched: the token is no longer ours there.
    """
    end = lease_end()
    slots = update(TargetSlot).where(TargetSlot.target == target, TargetSlot.token == token)
    session.execute(slots.values(held_until=end))
    ours = update(Delivery).where(Delivery.id.in_(ids), Delivery.lease_token == token, Delivery.state == State.SENDING)
    return rows_changed(session.execute(ours.values(lease_until=end, updated_at=Delivery.updated_at)))


class Keeper:
    """Keeps the leases of one batch while it is executed. A context manager; leaving it waits for a renewal under way."""

    def __init__(self, target: str, token: str, ids: Sequence[int], held_until: datetime) -> None:
        self._target, self._token, self._ids = target, token, ids
        self._held_until = held_until
        self._last = clock.now() + timedelta(seconds=get_settings().delivery_longest_seconds)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"puente-lease-{target}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left.set()
        self._thread.join()

    def refusal(self) -> NotBegunError | None:
        """Why no further call of the batch may begin: the process ends, or others have taken what we held.

        Asked just before each call, so that a worker that stood still for longer than its lease does not send what another
        has sent meanwhile: where the lease has run out, the database is asked whether all of the batch is still ours.
        """
        if stopping.is_asked():
            return NotBegunError("not begun: its worker was asked to end")
        if clock.now() >= self._held_until:
            self.renew()
        if clock.now() >= self._held_until:
            return NotBegunError("not begun: its worker stood still for longer than its lease")
        return None

    def _run(self) -> None:
        pause = get_settings().delivery_lease_seconds / RENEWALS
        while not self._left.wait(pause) and clock.now() < self._last:
            self.renew()

    def renew(self) -> None:
        """Renew once. That the database is away costs this renewal only."""
        until = lease_end()
        try:
            held = transact(lambda session: renew(session, self._target, self._token, self._ids))
        except PuenteError as error:
            log.warning("%s: a lease could not be renewed: %s", self._target, error)
            return
        if held == len(self._ids):
            self._held_until = until
        elif not self._left.is_set():
            log.warning("%s: %d of %d deliveries are ours no more", self._target, len(self._ids) - held, len(self._ids))
