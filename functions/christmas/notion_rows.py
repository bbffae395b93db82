"""From our rows to Notion's pages: what is read of SQL in the moment of sending, and how a page of it is found again."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from functions.christmas import notion_facts, people, tracker
from functions.christmas.fields import moment
from functions.christmas.notion_pages import Pages, Wanted
from functions.christmas.notion_shape import Schema, UnfitError, equals
from functions.christmas.settings import CampaignSettings
from functions.christmas.tables import MailSequence, SequenceContact
from shared import clock
from shared.errors import PermanentError
from shared.outbox.actions import Done, Outcome
from shared.outbox.record_sync import one_by_one
from shared.outbox.row_effect import MISSING_ROW
from shared.settings import get_settings, settings_of
from shared.store.session import reading
from shared.vendors import notion_values
from shared.vendors.notion import NOTION, Notion, Page

SAME_MOMENT = timedelta(minutes=1)
SPACING = 10.0  # seconds: the pauses between the calls for one page, and our own statements

type Read = Callable[[Session, int], tuple[Wanted, Mapping[str, Any]] | None]
"""What is wanted of the page of a row, and what to keep besides its id; None where there is no such row."""


def send_contacts(row_ids: Many[int]) -> Mapping[int, Outcome]:
    """Read these people's rows now, and bring their pages up to date; an outcome for each."""
    return _send(row_ids, contact)


def send_sequences(row_ids: Many[int]) -> Mapping[int, Outcome]:
    """Read these sequences and their mails now, and bring their pages up to date; an outcome for each."""
    return _send(row_ids, sequence)


def _send(row_ids: Many[int], read: Read) -> Mapping[int, Outcome]:
    """No page is begun that might outlast the time limit of a delivery: after it another worker would make the same page."""
    settings = get_settings()
    pages = Pages(Notion.from_settings(settings))
    last_begin = clock.now() + timedelta(seconds=settings.delivery_longest_seconds - NOTION.longest_seconds() - SPACING)
    outcomes = one_by_one(lambda row_id: _sent(pages, row_id, read), last_begin)(row_ids)
    pages.rest()
    return outcomes


def _sent(pages: Pages, row_id: int, read: Read) -> Outcome:
    with reading() as session:
        found = read(session, row_id)
    if found is None:
        return MISSING_ROW
    wanted, kept = found
    page, lacking = pages.bring(wanted)
    return Done({"page": page, "lacking": lacking} | dict(kept))


def contact(session: Session, row_id: int) -> tuple[Wanted, Mapping[str, Any]] | None:
    """A person's page, found by their address."""
    row = session.get(SequenceContact, row_id)
    if row is None:
        return None
    settings = get_settings()
    names = notion_facts.names(notion_facts.CONTACT, settings.notion_properties)
    facts = notion_facts.of_contact(row, unsubscribed=people.is_unsubscribed(session, row))
    wanted = Wanted(
        database=settings_of(CampaignSettings).notion_contacts_db_id,
        page_id=row.notion_page_id,
        names=names,
        facts=facts,
        title=row.first_name or row.email,
        find=lambda schema, query: _oldest(query, _by(schema, names, "contact_email", row.email)),
    )
    return wanted, {}


def sequence(session: Session, row_id: int) -> tuple[Wanted, Mapping[str, Any]] | None:
    """The tracker's page of a sequence, found by our id, or where there is no property for it by address, type and start."""
    row = session.get(MailSequence, row_id)
    if row is None:
        return None
    settings, progress = get_settings(), tracker.progress(session, row)
    names = notion_facts.names(notion_facts.SEQUENCE, settings.notion_properties)
    facts = notion_facts.of_sequence(
        row, progress, settings_of(CampaignSettings).campaign_variables.get("campaign", notion_facts.CAMPAIGN)
    )

    def find(schema: Schema, query: Query) -> Page | None:
        if _has(schema, names, "sequence_id"):
            return _oldest(query, _by(schema, names, "sequence_id", facts["sequence_id"]))
        pages = query(_by(schema, names, "sequence_email", row.email))
        return next((page for page in pages if _is_same(page, names, facts)), None)

    wanted = Wanted(
        database=settings_of(CampaignSettings).notion_email_sequence_db_id,
        page_id=row.notion_page_id,
        names=names,
        facts=facts,
        title=f"{row.contact.first_name or row.email} · {row.type}",
        find=find,
    )
    return wanted, {"open": progress.may_change}


type Query = Callable[[Mapping[str, Any]], list[Page]]


def _by(schema: Schema, names: Mapping[str, str], fact: str, text: str) -> Mapping[str, Any]:
    """The filter for that fact.

    Raises:
        PermanentError: `notion-property-missing`; without it a page could not be found again, and would be made anew each time.
    """
    name = names.get(fact, "")
    try:
        return equals(name, text, schema[name])
    except (KeyError, UnfitError):
        problem = f"Notion: the database needs a property {name!r} of type e-mail or text, for its rows are found by it"
        raise PermanentError("notion-property-missing", problem) from None


def _has(schema: Schema, names: Mapping[str, str], fact: str) -> bool:
    return schema.get(names.get(fact, ""), {}).get("type") in ("rich_text", "title")


def _oldest(query: Query, where: Mapping[str, Any]) -> Page | None:
    return next(iter(query(where)), None)


def _is_same(page: Page, names: Mapping[str, str], facts: Mapping[str, Any]) -> bool:
    """Whether a page was made for this sequence: the same start, which it must have, and the same type if it has one."""
    properties = page.get("properties") or {}

    def value(fact: str) -> Any:
        return notion_values.read(properties.get(names.get(fact, "")) or {})

    if any(value(fact) not in (None, "", facts[fact]) for fact in ("sequence_type", "template_type")):
        return False
    starts = [found for fact in ("started_at", "signup_date", "sequence_created") if (found := moment(value(fact)))]
    return bool(starts) and abs(starts[0] - clock.as_utc(facts["started_at"])) < SAME_MOMENT
