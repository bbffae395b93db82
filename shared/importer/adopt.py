"""The importer of leads that Odoo has already: each becomes an opportunity here that knows its lead, for the next sync."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from shared import clock
from shared.commands import ODOO
from shared.crm import odoo_sync, opportunities, people
from shared.errors import PermanentError
from shared.importer.frame import Change, Importer, Row, Run
from shared.importer.patience import patiently
from shared.settings import get_settings
from shared.store.types import key_of
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.values import from_datetime

PAGE = 500
KIND = "odoo leads"


class LeadRow(BaseModel):
    """A lead of Odoo; what it does not have is None."""

    model_config = ConfigDict(strict=True)

    id: int
    manychat_id: str
    stage_id: int | None
    written_at: datetime
    first_name: str | None
    phone: str | None
    email: str | None


class OdooLeads:
    """Every lead in Odoo with a ManyChat id, archived ones too, oldest first, page by page."""

    def __init__(self, odoo: OdooClient) -> None:
        self._odoo = odoo
        mapped = get_settings().odoo_fields
        self._key, self._stage = mapped["manychat_id"], mapped["stage"]

    def rows(self, _kind: str) -> Iterator[Row]:
        """The leads."""
        last = 0
        while records := self._page(last):
            for record in records:
                last = int(record["id"])
                stage = record[self._stage]
                yield {
                    "id": last,
                    "manychat_id": str(record[self._key]),
                    "stage_id": int(stage[0]) if stage else None,
                    "written_at": from_datetime(record["write_date"]),
                    "first_name": record["contact_name"] or None,
                    "phone": record["phone"] or None,
                    "email": record["email_from"] or None,
                }

    def _page(self, last: int) -> list[dict[str, Any]]:
        fields = [self._key, self._stage, "contact_name", "phone", "email_from", "write_date"]
        where = [["id", ">", last], [self._key, "!=", False]]
        return patiently(lambda: self._odoo.search_read("crm.lead", where, fields, limit=PAGE, order="id", archived=True))


class AdoptRun(Run):
    """The stage counts as of the lead's last writing, so what events have said since stays.

    Of several leads with one ManyChat id the oldest is taken; the nightly comparison reports the others.
    """

    def apply(self, session: Session, row: LeadRow) -> Change:
        """Adopt a lead where its person has none yet."""
        stage_id = opportunities.resolve_stage(session, row.stage_id) if row.stage_id is not None else None
        contact = people.locked_contact(session, row.manychat_id)
        opportunity = opportunities.locked_opportunity(session, contact)
        if opportunity.odoo_id not in (None, row.id):
            raise PermanentError("another-lead", "Odoo has several leads with this ManyChat id")
        if opportunity.odoo_id == row.id:
            return Change.UNCHANGED
        event_key = key_of("odoo-lead", str(row.id))
        facts = {"first_name": row.first_name, "phone": row.phone, "email": row.email}
        people.merge_person(session, contact, row.written_at, event_key, **facts)
        if stage_id is not None:
            opportunities.change_stage(session, opportunity, stage_id, row.written_at, None, event_key)
        opportunity.odoo_id, opportunity.odoo_synced_at = row.id, clock.now()
        opportunity.odoo_sync_status, opportunity.odoo_sync_at = odoo_sync.SUCCESS, clock.now()
        return Change.NEW


IMPORTER = Importer(
    name="odoo-leads",
    about="Leads that Odoo has already: they become opportunities here, so that the next event updates them.",
    kinds={KIND: LeadRow},
    open=lambda _options: OdooLeads(OdooClient.from_settings(get_settings())),
    begin=lambda _options: AdoptRun(),
    needs=ODOO,
)
