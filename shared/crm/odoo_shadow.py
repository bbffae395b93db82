"""What Odoo's records would be after the syncs that shadow mode kept back, held against what they are. Odoo is only read."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import select

from shared.crm import odoo_sides
from shared.crm.odoo_sides import Side
from shared.crm.reconcile import PAGE, Drift, compare
from shared.outbox.record_sync import SHADOWED
from shared.store.session import reading
from shared.vendors.odoo.client import OdooClient


def differences(odoo: OdooClient) -> Iterator[tuple[str, str, list[Drift]]]:
    """Of each row that shadow mode kept back: Odoo's model, the person, and the differences; page by page.

    Raises:
        PuenteError: Odoo or the database is away.
    """
    for side in odoo_sides.sides(odoo):
        last = 0
        while found := _page(odoo, side, last):
            last = found[-1][0]
            yield from ((side.model, manychat_id, drifts) for _id, manychat_id, drifts in found)


def _page(odoo: OdooClient, side: Side, behind: int) -> list[tuple[int, str, list[Drift]]]:
    with reading() as session:
        query = select(side.table).where(side.table.id > behind, side.table.odoo_sync_status == SHADOWED)
        rows = session.scalars(query.order_by(side.table.id).limit(PAGE)).unique().all()
        users = odoo_sides.odoo_users(session, rows)
    if not rows:
        return []
    us, records = odoo_sides.my_id(odoo), defaultdict(list)
    for record in side.read(odoo, [[side.key, "in", [row.manychat_id for row in rows]]]):
        records[record.key].append(record)
    return [(row.id, row.manychat_id, compare(row, side.ours(row, users), records[row.manychat_id], us)) for row in rows]
