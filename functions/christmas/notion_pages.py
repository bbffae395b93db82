"""Writing pages to Notion: found again instead of made twice, made anew when somebody has deleted them, at Notion's pace.

Notion refuses a whole call over one property that it does not have, or has with another type. So the database's properties are
read first (and kept for minutes), what does not fit is left out and named, and everything else is written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.christmas import notion_facts
from functions.christmas.notion_shape import Schema, UnfitError, shaped
from functions.christmas.notion_sync import CALLS_PER_SECOND
from shared import clock
from shared.errors import PermanentError
from shared.vendors.notion import Notion, Page

FRESH = timedelta(minutes=10)
MOST_FOUND = 25
OLDEST_FIRST = ({"timestamp": "created_time", "direction": "ascending"},)
NOT_FOUND, INVALID = "notion-not-found", "notion-validation-error"

type Find = Callable[[Schema, Callable[[Mapping[str, Any]], list[Page]]], Page | None]
"""(the database's properties, a query by a filter) -> the page, None where there is none."""

_schemas: dict[str, tuple[datetime, Schema]] = {}


def forget() -> None:
    """Drop what is kept of databases (tests)."""
    _schemas.clear()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The wanted content of a page: facts by our names, the properties' names, and a title where no fact of ours is it.

    `find` finds the page where its id is not known.
    """

    database: str
    page_id: str | None
    names: Mapping[str, str]
    facts: Mapping[str, Any]
    title: str
    find: Find


class Pages:
    """Notion for the length of one batch. Its calls are a third of a second apart, also from those of the next batch."""

    def __init__(self, notion: Notion) -> None:
        self._notion = notion
        self._last: datetime | None = None

    def bring(self, wanted: Wanted) -> tuple[str, list[str]]:
        """Write the wanted content to the page; its id, and the properties that could not be written, by name.

        Safe to repeat: properties are set to the same values, and a page that a lost answer may have made is looked for first.

        Raises:
            PermanentError: `notion-property-missing`, or what Notion refuses.
            PuenteError: Notion cannot be reached, or asks us to wait.
        """
        known = wanted.database in _schemas
        try:
            return self._brought(wanted)
        except PermanentError as error:
            if error.reason != INVALID or not known:
                raise
        _schemas.pop(wanted.database, None)  # somebody may have changed the properties since we read them
        return self._brought(wanted)

    def rest(self) -> None:
        """Wait until the next call may be made."""
        self._turn()

    def _brought(self, wanted: Wanted) -> tuple[str, list[str]]:
        schema = self._schema(wanted.database)
        properties, lacking = fitted(wanted, schema)
        if wanted.page_id is not None and self._updated(wanted.page_id, properties):
            return wanted.page_id, lacking
        page = wanted.find(schema, lambda where: self._query(wanted.database, where))
        if page is not None and page["id"] != wanted.page_id:
            self._turn()
            self._notion.update_page(str(page["id"]), properties)
            return str(page["id"]), lacking
        self._turn()
        made = self._notion.create_page(
            wanted.database, {name: value for name, value in properties.items() if _has_value(value)}
        )
        return str(made["id"]), lacking

    def _updated(self, page_id: str, properties: Mapping[str, Any]) -> bool:
        """Whether the page could be written; False where it is no longer there."""
        self._turn()
        try:
            self._notion.update_page(page_id, properties)
        except PermanentError as error:
            if error.reason == NOT_FOUND or (error.reason == INVALID and self._is_in_trash(page_id)):
                return False
            raise
        return True

    def _is_in_trash(self, page_id: str) -> bool:
        self._turn()
        try:
            page = self._notion.page(page_id)
        except PermanentError as error:
            if error.reason == NOT_FOUND:
                return True
            raise
        return bool(page.get("archived") or page.get("in_trash"))

    def _query(self, database: str, where: Mapping[str, Any]) -> list[Page]:
        self._turn()
        return self._notion.query(database, where, sorts=OLDEST_FIRST, limit=MOST_FOUND)

    def _schema(self, database: str) -> Schema:
        kept = _schemas.get(database)
        if kept is None or clock.now() - kept[0] >= FRESH:
            self._turn()
            self._notion.data_source(database)
            self._turn()
            kept = _schemas[database] = clock.now(), self._notion.properties(database)
        return kept[1]

    def _turn(self) -> None:
        if self._last is not None:
            clock.sleep(1 / CALLS_PER_SECOND - (clock.now() - self._last).total_seconds())
        self._last = clock.now()


def fitted(wanted: Wanted, schema: Schema) -> tuple[dict[str, Any], list[str]]:
    """The properties that the database has, and the names of those it lacks although their fact has a value.

    Of facts that are alternatives, one property is enough.
    """
    properties: dict[str, Any] = {}
    placed, lacking = set(), {}
    for fact, name in wanted.names.items():
        if fact not in wanted.facts:
            continue
        try:
            properties[name] = shaped(wanted.facts[fact], schema[name])
            placed.add(fact)
        except (KeyError, UnfitError):
            lacking[fact] = name
    headline = next((name for name, of in schema.items() if of.get("type") == "title"), None)
    if headline is not None and headline not in properties:  # a page without a title cannot be distinguished from others
        properties[headline] = shaped(wanted.title, schema[headline])
    missing = [name for fact, name in lacking.items() if _is_missed(fact, wanted.facts[fact], placed)]
    return properties, missing


def _is_missed(fact: str, value: Any, placed: set[str]) -> bool:
    if value in (None, "", []) or fact in notion_facts.WELCOME:
        return False
    return not any(fact in group and placed & group for group in notion_facts.ALTERNATIVES)


def _has_value(value: Mapping[str, Any]) -> bool:
    """Whether a property holds anything; a new page needs no blanks."""
    return next(iter(value.values())) not in (None, [], "")
