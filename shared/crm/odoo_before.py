"""Before we write to Odoo: see what people have done there meanwhile, take it over, and note what we are about to write.

So a sync never writes over somebody's change that nobody has looked at yet, and knows its own writes when they come back, also
where its worker dies in between. What both sides say already is not written again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import odoo_sides, odoo_take
from shared.crm.odoo_seen import EMPTY, Seen, Verdict
from shared.crm.odoo_sides import ADVISOR, STAGE, Side, Theirs
from shared.outbox.actions import Outcome, Skip
from shared.settings import get_settings
from shared.store.dialect import locked
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient

DELETED = "deleted-in-odoo"

type Omitted = Mapping[str, frozenset[str]]
"""By ManyChat id: the facts that are not written."""


@dataclass(frozen=True)
class Before:
    """`omitted`: what is not written of each record. `left`: records that are not written at all, and what becomes of them."""

    omitted: Omitted = field(default_factory=dict)
    left: Mapping[str, Outcome] = field(default_factory=dict)


def look(client: OdooClient, table: type[Any], manychat_ids: Sequence[str]) -> Before:
    """Look at the records of these rows as Odoo has them now; one call for all of them. A second look changes nothing.

    Raises:
        PuenteError: as every call of Odoo; what was taken over until then stays so.
    """
    kept = _kept(table, manychat_ids)
    side = next((one for one in odoo_sides.sides(client) if one.table is table), None) if kept else None
    if side is None:  # erased rows are nothing to ask Odoo about
        return Before()
    at = clock.now()
    linked = {key: number for key, number in kept.items() if number is not None}
    records = side.read(client, [["id", "in", sorted(linked.values())]]) if linked else []
    found = {record.odoo_id: record for record in records}
    theirs = {key: found[number] for key, number in linked.items() if number in found}
    verdicts = _settled(client, side, theirs, at)
    gone = {key for key, number in linked.items() if number not in found}
    left = gone if get_settings().odoo_policy("missing") == "theirs" else set()
    omitted = {key: frozenset(_omitted(judged)) for key, judged in verdicts.items()}
    transact(partial(_note, side=side, keys=[key for key in kept if key not in left], omitted=omitted))
    return Before(omitted, {key: Skip(DELETED) for key in left})


def _kept(table: type[Any], manychat_ids: Sequence[str]) -> dict[str, int | None]:
    """The rows that there are, each with its record's number in Odoo, if it has one."""
    query = select(table.manychat_id, table.odoo_id).where(table.manychat_id.in_(manychat_ids))
    with reading() as session:
        return {row.manychat_id: row.odoo_id for row in session.execute(query)}


def _settled(client: OdooClient, side: Side, theirs: Mapping[str, Theirs], at: Any) -> dict[str, Mapping[str, Verdict]]:
    """Whose value of each fact holds, after what people win was taken over."""
    if not theirs:
        return {}
    us = odoo_sides.my_id(client)
    judged: dict[str, Mapping[str, Verdict]]
    with reading() as session:
        rows = list(session.scalars(select(side.table).where(side.table.manychat_id.in_(theirs))).unique())
        users = odoo_sides.odoo_users(session, rows)
        judged = {row.manychat_id: dict(odoo_sides.verdicts(side, row, theirs[row.manychat_id], users, us)) for row in rows}
    taking = [key for key, verdicts in judged.items() if Verdict.THEIRS in verdicts.values()]
    advisors = odoo_take.advisors_of(client, [theirs[key] for key in taking])
    for key in taking:
        settled = transact(partial(_take, side=side, theirs=theirs[key], look=odoo_take.Look(at, us, advisors)))
        judged[key] = {**judged[key], **settled}
    return judged


def _take(session: Session, *, side: Side, theirs: Theirs, look: odoo_take.Look) -> dict[str, Verdict]:
    return odoo_take.settle(session, side, theirs, look, writing=True).verdicts


def _omitted(verdicts: Mapping[str, Verdict]) -> list[str]:
    """What is not written: what they win, and a stage or salesperson that is the same, which a person may be changing now."""
    same = {fact for fact in (STAGE, ADVISOR) if verdicts.get(fact) is Verdict.SAME}
    return [fact for fact, verdict in verdicts.items() if verdict in (Verdict.THEIRS, Verdict.LEAVE) or fact in same]


def _note(session: Session, *, side: Side, keys: Sequence[str], omitted: Omitted) -> None:
    """Note on each row what will be written of the facts that go both ways."""
    query = locked(select(side.table).where(side.table.manychat_id.in_(keys)).order_by(side.table.id), side.table)
    rows = list(session.scalars(query).unique())
    users, now = odoo_sides.odoo_users(session, rows), clock.now()
    for row in rows:
        seen = Seen.of(row)
        for fact, value in side.ours(row, users).items():
            if fact == ADVISOR and value is None and row.odoo_id is None:
                seen = seen.agreed(fact, EMPTY)  # Odoo gets a new lead without a salesperson
            if value is None or fact in omitted.get(row.manychat_id, ()) or seen.is_sending(fact, value):
                continue
            seen = seen.sending(fact, value, now)
        if (kept := seen.as_json()) != (row.odoo_seen or {}):
            row.odoo_seen = kept


__all__ = ["Before", "Omitted", "look"]
