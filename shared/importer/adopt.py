"""Leads that Odoo has already: each becomes an opportunity here that knows its lead, so that the next sync writes to it."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from shared import clock
from shared.crm import odoo_sync, opportunities, people
from shared.errors import PermanentError
from shared.importer.load import Problem, Summary
from shared.settings import get_settings
from shared.store.session import rehearse, transact
from shared.store.types import key_of
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.values import from_datetime

PAGE = 500


def leads(odoo: OdooClient, *, dry_run: bool) -> Iterator[tuple[Summary, list[Problem]]]:
    """Adopt every lead with a ManyChat id, page by page; after each page, the summary so far and that page's problems.

    The stage counts as of the lead's last writing, so what events have said since stays. A second run changes nothing. Of
    several leads with one ManyChat id the oldest is taken; the nightly comparison reports the others.
    """
    mapped = get_settings().odoo_fields
    key, stage, last = mapped["manychat_id"], mapped["stage"], 0
    summary, seen = Summary("odoo leads"), set[str]()
    while records := _page(odoo, key, stage, last):
        problems: list[Problem] = []
        for record in records:
            last = record["id"]
            summary.read += 1
            manychat_id = str(record[key])
            if manychat_id in seen:
                problems.append(Problem(summary.kind, last, manychat_id, "Odoo has several leads with this ManyChat id"))
                continue
            seen.add(manychat_id)
            _adopt(summary, problems, record, key, stage, dry_run=dry_run)
        summary.problems += len(problems)
        yield summary, problems


def _page(odoo: OdooClient, key: str, stage: str, last: int) -> list[dict[str, Any]]:
    fields = [key, stage, "contact_name", "phone", "email_from", "write_date"]
    return odoo.search_read("crm.lead", [["id", ">", last], [key, "!=", False]], fields, limit=PAGE, order="id", archived=True)


def _adopt(
    summary: Summary, problems: list[Problem], record: Mapping[str, Any], key: str, stage: str, *, dry_run: bool
) -> None:
    try:
        summary.created += (rehearse if dry_run else transact)(partial(_one, record=record, key=key, stage=stage))
    except PermanentError as error:
        problems.append(Problem(summary.kind, record["id"], str(record[key]), str(error)))


def _one(session: Session, *, record: Mapping[str, Any], key: str, stage: str) -> bool:
    """Whether the opportunity is new to us."""
    manychat_id, at = str(record[key]), from_datetime(record["write_date"])
    stage_id = opportunities.resolve_stage(session, int(record[stage][0])) if record[stage] else None
    contact = people.locked_contact(session, manychat_id)
    opportunity = opportunities.locked_opportunity(session, contact)
    if opportunity.odoo_id is not None:
        return False
    event_key = key_of("odoo-lead", str(record["id"]))
    values = {
        "first_name": record["contact_name"] or None,
        "phone": record["phone"] or None,
        "email": record["email_from"] or None,
    }
    people.merge_person(session, contact, at, event_key, **values)
    if stage_id is not None:
        opportunities.change_stage(session, opportunity, stage_id, at, None, event_key)
    opportunity.odoo_id, opportunity.odoo_synced_at = record["id"], clock.now()
    opportunity.odoo_sync_status, opportunity.odoo_sync_at = odoo_sync.SUCCESS, clock.now()
    return True
