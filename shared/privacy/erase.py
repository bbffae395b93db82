"""Erasing a person: Odoo first, then blobs, then our own record; every step may be repeated.

Odoo comes first because our record knows how to find the person there; if it refuses, nothing of ours is lost and the same
command is simply run again. What still travels through a queue becomes a new record afterwards, so the command is run once
more after a day: it then finds what came late, or nothing.
"""

import logging
import uuid
from dataclasses import dataclass, field

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from shared.errors import PermanentError
from shared.outbox import plan
from shared.outbox.actions import State
from shared.privacy import blobs, odoo
from shared.privacy.holdings import HOLDINGS, UNDER_WAY, Holding, Person
from shared.settings import get_settings
from shared.store.dialect import rows_changed
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient

log = logging.getLogger("puente.privacy")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is of a person: rows by table, Odoo's records by model, blobs."""

    rows: dict[str, int]
    odoo: dict[str, list[int]]
    blobs: list[str] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Nothing is left of them."""
        return not (any(self.rows.values()) or any(self.odoo.values()))


def person(manychat_id: str) -> Person:
    """The person of that ManyChat id, with a pseudonym of this erasure: no two of them can be told to be one person's.

    Raises:
        ValueError: the id is empty.
    """
    if not manychat_id.strip():
        raise ValueError("the ManyChat id is empty")
    return Person(manychat_id.strip(), f"erased:{uuid.uuid4().hex[:16]}")


def look(who: Person, *, ask_odoo: bool = True, engine: Engine | None = None) -> Found:
    """What there is of them. Changes nothing.

    Raises:
        PuenteError: Odoo or the database cannot be asked.
    """
    with reading(engine) as session:
        rows = {holding.table.__tablename__: _count(session, holding, who) for holding in HOLDINGS}
        names = blobs.of(session, who)
    return Found(rows=rows, odoo=odoo.found(_client(), who.manychat_id) if ask_odoo else {}, blobs=names)


def erase(who: Person, *, way: odoo.Way, actor: str, engine: Engine | None = None) -> Found:
    """Erase them everywhere; what there was. Erasing again finds nothing and does no harm.

    Raises:
        PermanentError: `under-way`, something is being sent to or about them right now; try again in a few minutes.
        PuenteError: Odoo, the storage account or the database refuses; the same command may be run again.
    """
    transact(lambda session: _stop(session, who), engine)
    was = look(who, ask_odoo=way != "skip", engine=engine)
    if way != "skip":
        odoo.forget(_client(), was.odoo, way)
    deleted = blobs.delete(was.blobs)
    transact(lambda session: _erase_rows(session, who, was, deleted, actor), engine)
    log.info("a person was erased: %s", who.pseudonym)
    return was


def _client() -> OdooClient:
    return OdooClient.from_settings(get_settings())


def _count(session: Session, holding: Holding, who: Person) -> int:
    return session.scalar(select(func.count()).select_from(holding.table).where(holding.whose(who))) or 0


def _stop(session: Session, who: Person) -> None:
    """Take back what waits; refuse while something is under way: it would write them anew behind our back."""
    theirs = select(Delivery.id, Delivery.state).where(
        Delivery.subject == who.manychat_id, Delivery.state.in_((State.PENDING, UNDER_WAY))
    )
    rows = session.execute(theirs).all()
    for row in rows:
        if row.state == UNDER_WAY or not plan.cancel(session, row.id, "erased"):
            raise PermanentError("under-way", "something is being sent about this person right now; try again in a few minutes")


def _erase_rows(session: Session, who: Person, was: Found, deleted_blobs: int, actor: str) -> None:
    changed = {holding.table.__tablename__: _erase(session, holding, who) for holding in HOLDINGS}
    # Only numbers: the log of an erasure must not keep what was erased.
    told = {**changed, "blobs": deleted_blobs, **{model: len(ids) for model, ids in was.odoo.items()}}
    detail = ", ".join(f"{name} {number}" for name, number in told.items() if number)
    session.add(ActionLog(actor=actor[:60], action="person.erase", subject=who.pseudonym, result="done", detail=detail or None))


def _erase(session: Session, holding: Holding, who: Person) -> int:
    whose = holding.whose(who)
    if holding.instead is None:
        return rows_changed(session.execute(delete(holding.table).where(whose).execution_options(synchronize_session=False)))
    values = holding.instead(who)
    statement = update(holding.table).where(whose).values(**values).execution_options(synchronize_session=False)
    return rows_changed(session.execute(statement))
