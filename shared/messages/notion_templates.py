"""Templates that people write in Notion: fetched, kept for minutes in memory and for good in SQL, for when Notion is down.

Notion answers with a text             that one; our copy is renewed
Notion has no such page, or an empty one   our own of that name (`text_versions`), else `template-not-found`
Notion cannot be reached or used       our last good copy, else our template, else try again later
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError, PuenteError, RetryableError
from shared.messages import templates, text_versions
from shared.messages.templates import MARKETING, Template
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.message_models import TemplateCopy
from shared.store.session import reading, transact

log = logging.getLogger("puente.messages")

FRESH = timedelta(minutes=5)
LONGEST_SUBJECT = 500
INACTIVE = "Inactive"
# Our facts of a template and Notion's properties; NOTION_PROPERTIES may name others.
PROPERTIES = {
    "template_name": "Template Name",
    "template_subject": "Subject Line",
    "template_body": "Email Body HTML",
    "template_status": "Status",
}


@dataclass(frozen=True)
class TemplatePage:
    """What a page of the template database says."""

    subject: str
    html: str


type Fetch = Callable[[str, str], TemplatePage | None]
"""(database id, template's name there) -> its page, None where there is none; raises PuenteError as vendors' clients do."""

_fetched: dict[tuple[str, str], tuple[datetime, TemplatePage]] = {}


def forget() -> None:
    """Drop what is kept in memory (tests, or after an edit that should count at once)."""
    _fetched.clear()


def load(name: str, locale: str | None, database: str, fetch: Fetch | None = None) -> Template:
    """The template as Notion has it, or the best that there is without Notion.

    Raises:
        PermanentError: `template-not-found`.
        RetryableError: Notion cannot be reached, and we have neither a copy nor a template of our own.
    """
    own = templates.find(name, locale)
    page = _page(database, own.elsewhere if own and own.elsewhere else name, fetch or _fetch_from_notion, own)
    if page is None:
        if own is None:
            raise templates.not_found(name)
        return text_versions.best(own, locale)
    base = own or Template(name=name, locale=locale or "es", channels=("email",), kind=MARKETING)
    return replace(base, subject=page.subject, html=page.html, text="")


def _page(database: str, name: str, fetch: Fetch, own: Template | None) -> TemplatePage | None:
    kept = _fetched.get((database, name))
    if kept and clock.now() - kept[0] < FRESH:
        return kept[1]
    try:
        page = fetch(database, name)
    except PuenteError as error:
        log.warning("the template %s cannot be fetched: %s", name, error)
        return _copy_or_own(database, name, own, error)
    if page is None or not page.subject.strip() or not page.html.strip():
        log.error("Notion has no text for the template %s", name)
        transact(lambda session: _drop(session, database, name))
        return None
    _fetched[database, name] = clock.now(), page
    transact(lambda session: _keep(session, database, name, page))
    return page


def _copy_or_own(database: str, name: str, own: Template | None, error: PuenteError) -> TemplatePage | None:
    source = f"notion:{database}"
    with reading() as session:
        query = select(TemplateCopy).where(TemplateCopy.source == source, TemplateCopy.name == name)
        copy = session.scalars(query).one_or_none()
    if copy is not None:
        return TemplatePage(copy.subject, copy.html)
    if own is not None or isinstance(error, PermanentError):
        return None
    # Not as the error that it is: Notion's outage must not open the circuit of the mail vendor.
    raise RetryableError(f"the template {name} cannot be fetched, and there is no copy of it") from error


def _keep(session: Session, database: str, name: str, page: TemplatePage) -> None:
    key = {"source": f"notion:{database}", "name": name}
    values = {"subject": page.subject[:LONGEST_SUBJECT], "html": page.html, "fetched_at": clock.now()}
    insert_if_absent(session, TemplateCopy, ("source", "name"), key | values)
    query = select(TemplateCopy).where(TemplateCopy.source == key["source"], TemplateCopy.name == name)
    row = session.scalars(locked(query, TemplateCopy)).one()
    row.subject, row.html, row.fetched_at = page.subject[:LONGEST_SUBJECT], page.html, clock.now()


def _drop(session: Session, database: str, name: str) -> None:
    """Forget the copy of a page that Notion does not have any more: our own text holds again, also while Notion is down."""
    session.execute(delete(TemplateCopy).where(TemplateCopy.source == f"notion:{database}", TemplateCopy.name == name))


def copy_of(session: Session, template: Template) -> TemplateCopy | None:
    """The page by which Notion words a template of ours (NOTION_TEMPLATES_DB_ID), as it was last read; None: it has none."""
    database = get_settings().notion_templates_db_id
    name = template.elsewhere or template.name
    query = select(TemplateCopy).where(TemplateCopy.source == f"notion:{database}", TemplateCopy.name == name)
    return session.scalars(query).one_or_none() if database else None


def _fetch_from_notion(database: str, name: str) -> TemplatePage | None:
    from shared.vendors import notion_values
    from shared.vendors.notion import Notion

    settings = get_settings()
    columns = PROPERTIES | settings.notion_properties
    named = {"property": columns["template_name"], "title": {"equals": name}}
    for row in Notion.from_settings(settings).query(database, named):
        facts = {fact: notion_values.read(row["properties"].get(columns[fact]) or {}) for fact in PROPERTIES}
        if facts["template_status"] != INACTIVE:
            return TemplatePage(str(facts["template_subject"] or ""), str(facts["template_body"] or ""))
    return None
