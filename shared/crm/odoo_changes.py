"""Look for what people have changed in Odoo: each minute, and at once when Odoo says that something has changed.

A look reads what was written since the last one (and a minute more, for transactions that commit late), page by page, and
takes each record over in a transaction of its own (`shared.crm.odoo_take`). It moves its cursor after each page, so that one
that ends in the middle is gone on with, and reading a record twice changes nothing. One look at a model is under way at a time.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock, faults, queues
from shared.crm import odoo_cursor, odoo_sides, odoo_sync, odoo_take
from shared.crm.odoo_seen import Seen, Verdict
from shared.crm.odoo_sides import Side, Theirs
from shared.errors import PuenteError
from shared.intake.envelope import Envelope
from shared.outbox import circuit, plan
from shared.settings import get_settings
from shared.store.models import Opportunity, Target
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.system import ODOO

log = logging.getLogger("puente.odoo")

OVERLAP = timedelta(minutes=1)  # for transactions of Odoo's that commit late: a record has the time of their beginning
CLOCKS_APART = timedelta(minutes=5)  # at most, Odoo's and ours
PAGE = 500
LONGEST_LOOK = timedelta(seconds=45)  # after it no page is begun; the next look goes on
AGAIN_AFTER_SECONDS = 2.0
WORTH = timedelta(minutes=2)  # a wish to look that is older has been overtaken by that of the next minute

AFTER_RECORD = faults.point("odoo.after_record")
BEFORE_CURSOR = faults.point("odoo.before_cursor")


def ask() -> int:
    """Ask for a look at Odoo, as the timer does each minute. Raises UnavailableError: the queue cannot be written."""
    now = clock.now()
    envelope = Envelope(id=f"timer:{now.isoformat()}", source="odoo", type="odoo.changed", time=now, received=now, data={})
    queues.send(queues.RECONCILE_QUEUE, envelope.to_bytes())
    return 0


def wanted(since: datetime, message: bytes) -> None:
    """Look at what has changed, unless a look has begun after `since`; where one is under way, `message` comes again.

    What goes wrong is logged and not repeated: the next minute looks from where this one has come to.
    """
    try:
        is_done = look(since)
    except PuenteError as error:
        log.warning("no look at Odoo: %s", error)
        return
    if not is_done and clock.now() - since < WORTH:
        queues.send(queues.RECONCILE_QUEUE, message, delay_seconds=AGAIN_AFTER_SECONDS)


def look(since: datetime) -> bool:
    """Look at everything that is kept in step; False where another look is under way, which may have begun before `since`.

    While Odoo's circuit is open nobody calls it; the look after that misses nothing.

    Raises:
        PuenteError: as every call of Odoo; what was taken over until then stays so.
    """
    with reading() as session:
        target = session.get(Target, odoo_sync.TARGET)
    if target is not None and target.circuit == circuit.OPEN and (target.closed_until or clock.now()) > clock.now():
        return True
    client = OdooClient.from_settings(get_settings())
    done = [_look_at(client, side, since) for side in odoo_sides.sides(client)]  # each of them, whatever the first says
    return all(done)


def _look_at(client: OdooClient, side: Side, since: datetime) -> bool:
    began = clock.now()
    until = began + LONGEST_LOOK + timedelta(seconds=2 * ODOO.longest_seconds())
    taking = partial(odoo_cursor.claim, model=side.model, since=since, now=began, until=until, first=began)
    claim, changed_to, checked_to = transact(taking)
    if claim != "claimed":
        return claim == "done"
    values: dict[str, Any] = {}
    try:
        values = _looked(client, side, changed_to, checked_to, began)
    finally:
        transact(partial(odoo_cursor.move, model=side.model, values={**values, "busy_until": None}))
    return True


def _looked(client: OdooClient, side: Side, changed_to: datetime, checked_to: int, began: datetime) -> dict[str, Any]:
    """Take over what has changed and what is gone; what becomes of the cursor."""
    us, newest = odoo_sides.my_id(client), changed_to
    known = [[side.key, "!=", False]]
    for at, page in odoo_cursor.pages(partial(side.read, client), changed_to - OVERLAP, limit=PAGE, known=known):
        if not page:
            continue
        _take_page(client, side, page, us, at)
        newest = max(newest, page[-1].changed_at)
        faults.hit(BEFORE_CURSOR)
        transact(partial(odoo_cursor.move, model=side.model, values={"changed_to": newest}))
        if clock.now() - began > LONGEST_LOOK:
            return {}
    checked = _check_deleted(client, side, checked_to)
    return {"changed_to": max(newest, began - CLOCKS_APART), "looked_at": began, "checked_to": checked}


def _take_page(client: OdooClient, side: Side, page: Sequence[Theirs], us: int, at: datetime) -> None:
    """Settle each record that says something new. One that cannot be settled stops no other."""
    news = _news(side, page, us)
    advisors = odoo_take.advisors_of(client, news)
    for theirs in news:
        work = partial(_settle, side=side, theirs=theirs, look=odoo_take.Look(at, us, advisors))
        try:
            settled, due = transact(work)
        except PuenteError:
            raise
        except Exception:
            log.exception("%s %d could not be taken over", side.model, theirs.odoo_id)
            continue
        faults.hit(AFTER_RECORD)
        plan.nudge(due)
        for error in settled.refused:
            log.warning("%s %d not taken over: %s", side.model, theirs.odoo_id, error)


def _settle(session: Session, *, side: Side, theirs: Theirs, look: odoo_take.Look) -> tuple[odoo_take.Settled, set[str]]:
    return odoo_take.settle(session, side, theirs, look), plan.newly_due(session)


def _news(side: Side, page: Sequence[Theirs], us: int) -> list[Theirs]:
    """The records that differ from what we know of them. Most are our own writes that come back."""
    table, by_id = side.table, {record.odoo_id: record for record in page}
    if not by_id:
        return []
    with reading() as session:
        query = select(table).where(table.manychat_id.in_({record.key for record in page}), table.odoo_id.in_(by_id))
        rows = list(session.scalars(query).unique())
        users = odoo_sides.odoo_users(session, rows)
        return [by_id[row.odoo_id] for row in rows if _is_news(side, row, by_id[row.odoo_id], users, us)]


def _is_news(side: Side, row: Any, theirs: Theirs, users: Mapping[int, int | None], us: int) -> bool:
    seen = Seen.of(row)
    if isinstance(row, Opportunity) and row.outcome != theirs.outcome:
        return True
    for fact, verdict in odoo_sides.verdicts(side, row, theirs, users, us):
        value = theirs.values[fact]
        if verdict is Verdict.THEIRS or (verdict is Verdict.SAME and not seen.is_sending(fact, value)):
            return True
        if verdict is Verdict.OURS and odoo_sides.is_changed(row, seen, fact, theirs, us):
            return True
    return False


def _check_deleted(client: OdooClient, side: Side, after: int) -> int:
    """Look whether the next page of our records is still there; behind which row the next look goes on."""
    table, at = side.table, clock.now()
    columns = select(table.id, table.manychat_id, table.odoo_id)
    wanted = columns.where(table.id > after, table.odoo_id.is_not(None), table.odoo_sync_status == odoo_sync.SUCCESS)
    with reading() as session:
        rows = session.execute(wanted.order_by(table.id).limit(PAGE)).all()
    if not rows:
        return 0
    ids = [int(row.odoo_id) for row in rows]
    there = {int(one["id"]) for one in client.search_read(side.model, [["id", "in", ids]], ["id"], archived=True)}
    gone = [row.manychat_id for row in rows if int(row.odoo_id) not in there]
    most = max(1, int(len(rows) * get_settings().odoo_reconcile_max_share))
    if len(gone) > most:  # a right that was taken away, or another database, looks the same
        log.warning("%d of %d records of %s cannot be seen; none is taken for deleted", len(gone), len(rows), side.model)
    else:
        for key in gone:
            transact(partial(odoo_take.note_deleted, side=side, manychat_id=key, look=odoo_take.Look(at, 0)))
    return int(rows[-1].id) if len(rows) == PAGE else 0


__all__ = ["ask", "look", "wanted"]
