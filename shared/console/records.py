"""Lists of a flow's own rows, as the flow declares them (`records`): one page shows every such list, and one each row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, inspect, or_, select

from shared import flows
from shared.console import masking
from shared.errors import RefusedError


@dataclass(frozen=True, kw_only=True)
class Field:
    """What a list shows of a row: its title, in English and translated where it is shown, and a text, number or time."""

    title: str
    value: Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Records:
    """A list of rows of one table, newest first.

    `title` and `about` are English and translated where shown. `name_of` is what a row is called. `state` is the column that
    the list can be narrowed by, with `states` as its values; `words` are the columns that a search looks through for a part
    of a text. `subject` names whom a row is about, as deliveries and events do (None: nobody). `is_bad` marks rows that need
    a person.
    """

    name: str
    title: str
    about: str
    model: type[Any]
    name_of: Callable[[Any], str]
    fields: Sequence[Field]
    state: str | None = None
    states: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    subject: Callable[[Any], str | None] = lambda _row: None
    is_bad: Callable[[Any], bool] = lambda _row: False

    def called(self, row: Any) -> str:
        """What a row is called, with addresses and numbers of people masked; an id stays as it is."""
        return masking.masked_name(self.name_of(row))

    def query(self, state: str | None, words: str | None) -> Select[Any]:
        """Its rows, narrowed down."""
        query = select(self.model)
        if state is not None and self.state is not None:
            query = query.where(getattr(self.model, self.state) == state)
        if words:
            query = query.where(or_(*self._having(words)))
        return query

    def _having(self, words: str) -> Sequence[ColumnElement[bool]]:
        return [getattr(self.model, name).contains(words, autoescape=True) for name in self.words]

    def facts(self, row: Any) -> Mapping[str, Any]:
        """Every column of a row that has a value, with personal data masked."""
        columns = inspect(self.model).column_attrs
        given = {column.key: getattr(row, column.key) for column in columns}
        return {key: _shown(value) for key, value in given.items() if value not in (None, "", [], {})}


def _shown(value: Any) -> Any:
    return value if isinstance(value, datetime | date) else masking.masked(value)


@cache
def by_name() -> Mapping[str, Records]:
    """Every list of the installed flows, by its name."""
    return {one.name: one for one in flows.parts("records")}


def named(name: str) -> Records:
    """The list of that name. Raises RefusedError, 404."""
    found = by_name().get(name)
    if found is None:
        raise RefusedError(404, "not-found", "There is nothing at this address.")
    return found
