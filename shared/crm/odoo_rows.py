"""Our facts as rows for Odoo: which fact goes to which field is a map in the settings, so customers' own fields take part.

A fact that we do not know is left as it is in Odoo, where a person may have filled it in; a fact that was cleared (an
advisor 0) clears its field.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import contact_profiles, odoo_before
from shared.crm.odoo_sides import LEAD, PARTNER, PARTNER_KEY
from shared.errors import PermanentError, UnavailableError
from shared.outbox.actions import Done, Outcome
from shared.settings import get_settings
from shared.store.models import Advisor, Contact, Opportunity
from shared.store.session import reading
from shared.vendors.odoo import sources
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import ModelFields, model_fields
from shared.vendors.odoo.upsert import UpsertRow, upsert

# Without this Odoo makes the integration user the salesperson of every lead it creates.
LEAD_DEFAULTS = {"user_id": False}

OUR_SETUP = frozenset({"odoo-access-denied", "odoo-access-error", "odoo-unknown-field", "odoo-unknown-model"})

COMMERCIAL, MEDICAL = "Asesor comercial", "Asesor médico"  # read by the clinic's people, in Odoo


def sync_opportunities(manychat_ids: Sequence[str]) -> Mapping[str, Outcome]:
    """Bring the leads of these opportunities up to date with what SQL says of them now; an outcome for each that exists."""
    return _synced(Opportunity, manychat_ids, lead_facts, send_leads)


def sync_contacts(manychat_ids: Sequence[str]) -> Mapping[str, Outcome]:
    """Bring the partners of these contacts up to date with what SQL says of them now; an outcome for each that exists."""
    return _synced(Contact, manychat_ids, partner_rows, send_partners)


def _synced(
    table: type[Any],
    manychat_ids: Sequence[str],
    read: Callable[[Session, Iterable[Any]], Sequence[Any]],
    send: Callable[[OdooClient, Sequence[Any], odoo_before.Omitted], Mapping[str, Outcome]],
) -> Mapping[str, Outcome]:
    """Look what people have done to the records meanwhile, note what will be written, and write it."""
    client = OdooClient.from_settings(get_settings())
    with our_access_in_order():
        before = odoo_before.look(client, table, manychat_ids)
    wanted = [key for key in manychat_ids if key not in before.left]
    with reading() as session:
        rows = read(session, session.scalars(select(table).where(table.manychat_id.in_(wanted))).unique())
    return {**before.left, **(send(client, rows, before.omitted) if rows else {})}


@dataclass(frozen=True)
class Facts:
    """What we know of one opportunity, free of the database session: it is sent after the session has ended."""

    manychat_id: str
    linked: bool
    renamed: tuple[int, str] | None
    name: str
    phone: str | None
    email: str | None
    stage_id: int | None
    channel: str | None
    entry_date: Any
    summary: str | None
    commercial: Advisor | int | None
    medical: Advisor | int | None
    commercial_cleared: bool


def lead_facts(session: Session, opportunities: Iterable[Opportunity]) -> list[Facts]:
    """Read everything that the leads need: opportunities with their contacts, channels and advisors."""
    rows = list(opportunities)
    wanted = {number for row in rows for number in (row.commercial_advisor_id, row.medical_advisor_id) if number}
    advisors = {advisor.id: advisor for advisor in session.scalars(select(Advisor).where(Advisor.id.in_(wanted)))}

    def advisor(number: int | None) -> Advisor | int | None:
        return advisors.get(number, number) if number else None

    return [
        Facts(
            manychat_id=row.manychat_id,
            linked=row.odoo_linked,
            renamed=_renamed(row),
            name=row.contact.full_name,
            phone=row.contact.phone or row.contact.phone_original,
            email=row.contact.email,
            stage_id=row.stage_id,
            channel=row.contact.channel.name if row.contact.channel else None,
            entry_date=row.entry_date or row.contact.subscribed_at,
            summary=row.summary,
            commercial=advisor(row.commercial_advisor_id),
            medical=advisor(row.medical_advisor_id),
            commercial_cleared=row.commercial_advisor_id is None and "commercial_advisor_id" in row.fact_times,
        )
        for row in rows
    ]


def facts_of(row: Contact | Opportunity) -> dict[str, Any]:
    """What our record says of a contact or opportunity, by fact: what a sync would write (shadow mode)."""
    contact = row.contact if isinstance(row, Opportunity) else row
    values: dict[str, Any] = {
        "manychat_id": row.manychat_id,
        "name": contact.full_name,
        "phone": contact.phone or contact.phone_original,
        "email": contact.email,
    }
    if isinstance(row, Opportunity):
        values |= {"stage": row.stage_id, "summary": row.summary, "entry_date": row.entry_date or contact.subscribed_at}
        values |= {"channel": contact.channel.name if contact.channel else None, "advisor": row.commercial_advisor_id}
    return values


@contextmanager
def our_access_in_order() -> Iterator[None]:
    """What Odoo refuses because of our set-up is nobody's record's fault: it counts as Odoo being away.

    An expired key or a field that is missing would otherwise park every record that is tried in the meantime; so the circuit
    opens, the error shows on the records, and everything is caught up with once the set-up is right.
    """
    try:
        yield
    except PermanentError as error:
        if error.reason not in OUR_SETUP:
            raise
        raise UnavailableError(str(error)) from error


def send_leads(client: OdooClient, rows: Sequence[Facts], omitted: odoo_before.Omitted) -> dict[str, Outcome]:
    """Bring the leads of `rows` up to date, without the facts `omitted` of each; an outcome for each ManyChat id.

    Sending the same rows again changes nothing, so a lost answer or a second worker does no harm.
    """
    mapped = get_settings().odoo_fields
    key = mapped.get("manychat_id")
    if key is None:
        raise UnavailableError("ODOO_FIELD_MAP must name the field that holds the ManyChat id")
    with our_access_in_order():
        fields = model_fields(client, LEAD)
        chosen = {facts.manychat_id: _without(mapped, omitted, facts.manychat_id) for facts in rows}
        prepared = [
            UpsertRow(facts.manychat_id, _lead(client, fields, chosen[facts.manychat_id], facts), facts.linked, facts.renamed)
            for facts in rows
        ]
    return _sent(client, LEAD, prepared, key, LEAD_DEFAULTS)


def send_partners(client: OdooClient, rows: Sequence[UpsertRow], omitted: odoo_before.Omitted) -> dict[str, Outcome]:
    """Bring the partners of `rows` up to date, without the facts `omitted` of each; an outcome for each ManyChat id.

    Sending again changes nothing.
    """
    chosen = [replace(row, values=_without(row.values, omitted, row.key)) for row in rows]
    return _sent(client, PARTNER, chosen, PARTNER_KEY, {})


def _without[V](values: Mapping[str, V], omitted: odoo_before.Omitted, key: str) -> dict[str, V]:
    return {fact: value for fact, value in values.items() if fact not in omitted.get(key, ())}


def partner_rows(_session: Session, contacts: Iterable[Contact]) -> list[UpsertRow]:
    """The partner of each contact."""
    return [
        UpsertRow(
            row.manychat_id,
            {"name": row.full_name, "phone": row.phone or row.phone_original, "email": row.email},
            row.odoo_linked,
            _renamed(row),
        )
        for row in contacts
    ]


def _renamed(row: Contact | Opportunity) -> tuple[int, str] | None:
    """Of a record that is not linked: its id, and how its key began for one added by phone (`shared.crm.takeover`)."""
    is_known = row.odoo_id is not None and contact_profiles.shown_manychat_id(row.manychat_id) is not None
    return (row.odoo_id or 0, contact_profiles.WITHOUT_MANYCHAT) if is_known and not row.odoo_linked else None


def _sent(client: OdooClient, model: str, rows: Sequence[UpsertRow], key: str, defaults: dict[str, Any]) -> dict[str, Outcome]:
    with our_access_in_order():
        settings = get_settings()
        results = upsert(
            client,
            model,
            rows,
            search_field=key,
            quiet=settings.odoo_quiet,
            defaults=defaults,
            within_seconds=settings.odoo_batch_seconds,
        )
    return {result.key: result.error or Done({"odoo_id": result.odoo_id, "linked": result.linked}) for result in results}


def _lead(client: OdooClient, fields: ModelFields, mapped: dict[str, str], facts: Facts) -> dict[str, Any]:
    """The values of one lead, by Odoo's field names."""
    by_fact: dict[str, Any] = {
        "name": facts.name,
        "contact_name": facts.name,
        "phone": facts.phone,
        "email": facts.email,
        "stage": facts.stage_id,
        "entry_date": facts.entry_date,
        "channel": _channel(client, fields, mapped, facts.channel),
        "advisor": _advisor(fields, mapped, facts),
        "summary": _summary(facts),
    }
    values = {mapped[fact]: value for fact, value in by_fact.items() if fact in mapped and value is not None}
    return values | {"type": "opportunity"}


def _channel(client: OdooClient, fields: ModelFields, mapped: dict[str, str], name: str | None) -> Any:
    """The channel as the mapped field takes it: a utm source where it points to one, else its name."""
    if name is None or "channel" not in mapped:
        return None
    return sources.source_id(client, name) if fields[mapped["channel"]].relation == sources.MODEL else name


def _advisor(fields: ModelFields, mapped: dict[str, str], facts: Facts) -> Any:
    """The commercial advisor as the mapped field takes it: Odoo's user where it points to one, else the name."""
    if "advisor" not in mapped:
        return None
    if facts.commercial_cleared:
        return False
    if fields[mapped["advisor"]].type == "many2one":
        return facts.commercial.odoo_user_id if isinstance(facts.commercial, Advisor) else None
    return _named(facts.commercial)


def _summary(facts: Facts) -> str | None:
    """The summary, followed by the advisors that Odoo does not know as users."""
    lines = [facts.summary] if facts.summary else []
    commercial = facts.commercial
    if commercial is not None and not (isinstance(commercial, Advisor) and commercial.odoo_user_id):
        lines.append(f"{COMMERCIAL}: {_named(commercial)}")
    if facts.medical is not None:
        lines.append(f"{MEDICAL}: {_named(facts.medical)}")
    return "\n".join(lines) or None


def _named(advisor: Advisor | int | None) -> str | None:
    if advisor is None:
        return None
    return advisor.name if isinstance(advisor, Advisor) else f"n.º {advisor}"
