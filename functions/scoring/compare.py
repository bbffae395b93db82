"""Scored leads held against their contacts in HubSpot: what we have written, and what is there now.

    kind           | what it means                                            | mended with
    ---------------|----------------------------------------------------------|-------------
    missing        | we have written the contact, HubSpot has it no more      | a new sync
    unsent         | nobody has written it: HubSpot was not set up then       | a sync
    differs:<name> | the property <name> is another one there                 | a new sync

Leads that are one contact are compared once, of each fact the newest report, by the rules by which they are written. Those that
wait for a sync, or are parked, are not compared. It only reports: what a salesman has set there by hand is overwritten by a
plan alone, which says what both sides have.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from functions.hubspot import batches
from functions.hubspot.batches import Budget, Found
from functions.hubspot.client import LARGEST_BATCH, is_used
from functions.hubspot.settings import HubSpotSettings
from functions.scoring import hubspot_rows
from functions.scoring.contacts import LEADS
from functions.scoring.hubspot_rows import Contact
from functions.scoring.tables import ScoredLead
from shared.crm import reconciliations
from shared.crm.reconcile import Repair, Report
from shared.crm.reconciliations import Goes
from shared.errors import PermanentError
from shared.outbox.record_sync import ERROR, PENDING, SKIPPED, SUCCESS
from shared.settings import settings_of
from shared.store.session import reading

SYSTEM = "hubspot-leads"
NOT_DONE = (PENDING, ERROR)
MISSING, UNSENT, DIFFERS = "missing", "unsent", "differs"

type Fact = tuple[str, str, str, str]
"""Of what kind a difference is, in which property, and what we and HubSpot have."""


def ask_nightly() -> int:
    """Ask for a comparison with HubSpot, which only reports; 1 where a token is set."""
    return reconciliations.ask_by_the_clock([SYSTEM] if is_used() else [], dry_run=True)


def with_hubspot(report: Report, place: Goes | None, dry_run: bool) -> Goes | None:  # noqa: FBT001  # as `Comparison` has it
    """Compare the next leads with their contacts. It only reports. Raises PuenteError: HubSpot cannot be asked."""
    del dry_run
    behind = int(place["behind"]) if place is not None else 0
    with reading() as session:
        leads = _page(session, behind)
        contacts = hubspot_rows.grouped(_with_others(session, leads))
        session.expunge_all()
    if not leads:
        return None
    numbers = {lead.id for lead in leads}
    mine = [one for one in contacts if min(lead.id for lead in one.leads) in numbers]
    compared = [one for one in mine if not any(lead.hubspot_sync_status in NOT_DONE for lead in one.leads)]
    found = batches.read_by_ids({one.known_id for one in compared if one.known_id}, _read(), Budget())
    for one in compared:
        _note(report, one, list(_differences(one, found.get(one.known_id or ""))))
    return {"behind": leads[-1].id}


def _page(session: Session, behind: int) -> Sequence[ScoredLead]:
    """The leads behind an id that HubSpot has, as we think, or never got."""
    status = ScoredLead.hubspot_sync_status
    query = select(ScoredLead).where(ScoredLead.id > behind, or_(status.is_(None), status.in_((SUCCESS, SKIPPED))))
    return session.scalars(query.order_by(ScoredLead.id).limit(LARGEST_BATCH)).all()


def _with_others(session: Session, leads: Sequence[ScoredLead]) -> list[ScoredLead]:
    """These leads, and all others that are one of their contacts."""
    known = sorted({lead.hubspot_contact_id for lead in leads if lead.hubspot_contact_id})
    others = session.scalars(select(ScoredLead).where(ScoredLead.hubspot_contact_id.in_(known))) if known else ()
    return list({lead.id: lead for lead in (*leads, *others)}.values())


def _read() -> list[str]:
    properties = settings_of(HubSpotSettings).lead_properties.values()
    return list(dict.fromkeys((*hubspot_rows.READ, *properties)))


def _differences(one: Contact, found: Found | None) -> Iterator[Fact]:
    """In what a contact is not as it would be written now."""
    if one.known_id is None:
        yield UNSENT, "", one.fact("ext_id") or "", ""
    elif found is None:
        yield MISSING, "", one.known_id, ""
    else:
        for name, ours in hubspot_rows.properties_of(one, found).items():
            if not _same(ours, theirs := found.properties.get(name, "")):
                yield DIFFERS, name, ours, theirs


def _same(ours: str, theirs: str) -> bool:
    """Whether both are one value: HubSpot writes numbers and addresses its own way."""
    if ours.strip().casefold() == theirs.strip().casefold():
        return True
    try:
        return float(ours) == float(theirs)
    except ValueError:
        return False


def _note(report: Report, one: Contact, differences: Sequence[Fact]) -> None:
    report.compared += 1
    if not differences:
        report.in_step += 1
        return
    for kind, name, *_values in differences:
        report.add(f"{kind}:{name}" if name else kind, {"lead": one.leads[0].id})
    if report.repairs is not None:
        report.repairs.append(_repair(one, differences))


def _repair(one: Contact, differences: Sequence[Fact]) -> Repair:
    newest = one.leads[0]
    return Repair(
        key=f"{SYSTEM}:{newest.id}",
        title=f"scored lead {newest.id}",
        subject=LEADS.subject(newest),
        facts=[list(difference) for difference in differences],
        creates=any(kind in (MISSING, UNSENT) for kind, *_more in differences),
        apply=partial(_requested, number=newest.id),
    )


def _requested(session: Session, *, number: int) -> str:
    """Ask for a sync of a lead, whose contact is found by it, or made. Raises PermanentError: it was erased meanwhile."""
    row = session.get(ScoredLead, number)
    if row is None:
        raise PermanentError("gone", "this lead is not there any more")
    if row.hubspot_sync_status == PENDING:
        return "unchanged"
    LEADS.request(session, row)
    return "applied"
