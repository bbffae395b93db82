"""Erasing a person: Odoo first, then blobs, then our own record; every step may be repeated.

Odoo comes first because our record knows how to find the person there; if it refuses, nothing of ours is lost and the same
command is simply run again. What still travels through a queue becomes a new record afterwards, so the command is run once
more after a day: it then finds what came late, or nothing.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, select, update
from sqlalchemy.orm import Session

from shared import flows, kept_files
from shared.errors import PermanentError
from shared.outbox import plan
from shared.outbox.actions import State
from shared.people import queries
from shared.privacy import blobs, odoo, people
from shared.privacy.holdings import UNDER_WAY, Holding, holdings
from shared.privacy.person import Person, known
from shared.readers.email import key as address_key
from shared.settings import get_settings
from shared.store.dialect import rows_changed
from shared.store.models import ActionLog, Delivery
from shared.store.session import long_statements, reading, transact
from shared.vendors.odoo.client import OdooClient

log = logging.getLogger("puente.privacy")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is of a person: rows by table, Odoo's records by model, blobs.

    `files` are those that flows keep of them. `by_hand` are records in other outside systems, by what they are: an operator
    deletes them there.
    `probable` names others who may be the same person, since an address was typed: they are not erased with this one.
    """

    rows: dict[str, int]
    odoo: dict[str, list[int]]
    blobs: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    by_hand: dict[str, list[int | str]] = field(default_factory=dict)
    probable: list[str] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Nothing is left of them."""
        return not (any(self.rows.values()) or any(self.odoo.values()))


def person(manychat_id: str = "", *, email: str = "", row: tuple[str, int] | None = None) -> Person:
    """The person of that ManyChat id, address, or row of a table: (`leads`, 42).

    Each erasure makes a pseudonym of its own, so that nobody can see that two erasures concern one person.

    Raises:
        ValueError: not exactly one of the three is given.
    """
    given = (manychat_id.strip(), address_key(email), row)
    if sum(map(bool, given)) != 1:
        raise ValueError("give a ManyChat id, an e-mail address or the number of a row")
    found = Person(pseudonym=_pseudonym(), manychat_ids=tuple(filter(None, given[:1])))
    found = found.with_emails([given[1]])
    return found.with_rows(row[0], [row[1]]) if row else found


def numbered(session: Session, number: int) -> Person | None:
    """The person of that number in `people`, by their ids in ManyChat, or else by all their names; None where there is none."""
    own = queries.identities(session, number)
    ids = tuple(one.value for one in own if one.kind == "manychat")
    found = Person(pseudonym=_pseudonym(), manychat_ids=ids)
    return (found if ids else found.with_names(queries.names(session, number))) if own else None


def _pseudonym() -> str:
    return f"erased:{uuid.uuid4().hex[:16]}"


@long_statements()
def look(who: Person, *, ask_odoo: bool = True, engine: Engine | None = None) -> Found:
    """What there is of them. Changes nothing.

    Raises:
        PuenteError: Odoo or the database cannot be asked.
    """
    with reading(engine) as session:
        who = known(session, who)
        rows = {holding.table.__tablename__: _count(session, holding, who) for holding in holdings()}
        names, by_hand, files = blobs.of(session, who), _by_hand(session, who), _files(session, who)
        probable = people.probably_the_same(session, who)
    in_odoo = _in_odoo(who) if ask_odoo else {}
    return Found(rows=rows, odoo=in_odoo, blobs=names, files=files, by_hand=by_hand, probable=probable)


@long_statements()
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
    deleted = blobs.delete(was.blobs) + kept_files.delete(was.files)
    transact(lambda session: _erase_rows(session, who, was, deleted, actor), engine)
    log.info("a person was erased: %s", who.pseudonym)
    return was


def erase_only(session: Session, who: Person, among: Sequence[Holding], actor: str) -> dict[str, int]:
    """Erase what these tables hold of somebody, and look for nothing more; the rows by table. Twice is as once.

    For a wish that concerns a part of what is held, such as that of one shop's customer. `who` names the rows themselves.
    """
    changed = {holding.table.__tablename__: _erase(session, holding, who) for holding in among}
    detail = ", ".join(f"{name} {number}" for name, number in changed.items() if number)
    session.add(ActionLog(actor=actor[:60], action="person.erase", subject=who.pseudonym, result="done", detail=detail or None))
    return changed


def _in_odoo(who: Person) -> dict[str, list[int]]:
    records: dict[str, list[int]] = {}
    for manychat_id in who.manychat_ids:
        for model, ids in odoo.found(_client(), manychat_id).items():
            records[model] = records.get(model, []) + ids
    return records


def _by_hand(session: Session, who: Person) -> dict[str, list[int | str]]:
    asked = [data.outside(session, who) for data in flows.parts("privacy") if data.outside is not None]
    return {name: list(ids) for records in asked for name, ids in records.items()}


def _files(session: Session, who: Person) -> list[str]:
    return [name for data in flows.parts("privacy") if data.files is not None for name in data.files(session, who)]


def _client() -> OdooClient:
    return OdooClient.from_settings(get_settings())


def _count(session: Session, holding: Holding, who: Person) -> int:
    return session.scalar(select(func.count()).select_from(holding.table).where(holding.anywhere(who))) or 0


def _stop(session: Session, who: Person) -> None:
    """Take back what waits; refuse while something is under way: it would write them anew behind our back."""
    theirs = select(Delivery.id, Delivery.state).where(
        Delivery.subject.in_(known(session, who).subjects), Delivery.state.in_((State.PENDING, UNDER_WAY))
    )
    rows = session.execute(theirs).all()
    for row in rows:
        if row.state == UNDER_WAY or not plan.cancel(session, row.id, "erased"):
            raise PermanentError("under-way", "something is being sent about this person right now; try again in a few minutes")


def _erase_rows(session: Session, who: Person, was: Found, deleted_blobs: int, actor: str) -> None:
    whole = known(session, who)
    changed = {holding.table.__tablename__: _erase(session, holding, whole) for holding in holdings()}
    # Only numbers: the log of an erasure must not keep what was erased.
    numbers = {**changed, "blobs": deleted_blobs, **{model: len(ids) for model, ids in was.odoo.items()}}
    detail = ", ".join(f"{name} {number}" for name, number in numbers.items() if number)
    session.add(ActionLog(actor=actor[:60], action="person.erase", subject=who.pseudonym, result="done", detail=detail or None))


def _erase(session: Session, holding: Holding, who: Person) -> int:
    whose = holding.whose(who)
    if holding.instead is None:
        statement = delete(holding.table).where(whose).execution_options(synchronize_session=False)
        changed = rows_changed(session.execute(statement))
    else:
        changed = _blanked(session, holding.table, whose, holding.instead(who))
    if holding.mentions is not None and holding.unnamed is not None:
        changed += _blanked(session, holding.table, holding.mentions(who), holding.unnamed(who))
    return changed


def _blanked(session: Session, table: type[Any], whose: ColumnElement[bool], values: Mapping[str, Any]) -> int:
    statement = update(table).where(whose).values(**values).execution_options(synchronize_session=False)
    return rows_changed(session.execute(statement))
