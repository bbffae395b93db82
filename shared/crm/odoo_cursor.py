"""How far we have looked for changes of one model of Odoo: one look at a time, page by page, by when records were written."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from shared import clock
from shared.store.dialect import insert_if_absent, rows_changed
from shared.store.models import OdooCursor
from shared.vendors.odoo.values import to_datetime

SECOND = timedelta(seconds=1)

type Claim = Literal["done", "busy", "claimed"]


class Written(Protocol):
    """A record of Odoo's, and when it was written last."""

    @property
    def odoo_id(self) -> int:
        """Its number."""

    @property
    def changed_at(self) -> datetime:
        """To the second."""


class Read[T: Written](Protocol):
    """Reads records."""

    def __call__(self, domain: Sequence[Any], *, limit: int, order: str = "id") -> list[T]:
        """Those that match, at most so many, in that order."""


def claim(
    session: Session, *, model: str, since: datetime, now: datetime, until: datetime, first: datetime
) -> tuple[Claim, datetime, int]:
    """Take the cursor of a model until then, unless somebody has looked since, or is looking; where it has come to.

    A look that died gives it back by time. A cursor that is new begins at `first`.
    """
    insert_if_absent(session, OdooCursor, "model", {"model": model, "changed_to": first, "checked_to": 0})
    row = session.get_one(OdooCursor, model)
    if row.looked_at is not None and row.looked_at >= since:
        return "done", row.changed_to, row.checked_to
    free = or_(OdooCursor.busy_until.is_(None), OdooCursor.busy_until <= now)
    taken = session.execute(update(OdooCursor).where(OdooCursor.model == model, free).values(busy_until=until))
    return "claimed" if rows_changed(taken) == 1 else "busy", row.changed_to, row.checked_to


def move(session: Session, *, model: str, values: Mapping[str, Any]) -> None:
    """Set columns of a cursor."""
    session.execute(update(OdooCursor).where(OdooCursor.model == model).values(**values))


def pages[T: Written](
    read: Read[T], since: datetime, *, limit: int, known: Sequence[Any] = ()
) -> Iterator[tuple[datetime, list[T]]]:
    """Everything written since, oldest first, some of it twice, each page with when it was asked for.

    Many records may have one time, as after an import; those are read by their ids.

    Odoo shows whole seconds and compares with what it has, which is finer; so a second is only asked for as a whole.
    """
    at = since.replace(microsecond=0)
    while True:
        from_here = ["write_date", ">=", to_datetime(at)]
        asked, page = clock.now(), read([*known, from_here], limit=limit, order="write_date, id")
        yield asked, page
        if len(page) < limit:
            return
        if page[-1].changed_at > at:
            at = page[-1].changed_at
            continue
        within, after = [*known, from_here, ["write_date", "<", to_datetime(at + SECOND)]], 0
        asked = clock.now()
        while page := read([*within, ["id", ">", after]], limit=limit):
            yield asked, page
            asked, after = clock.now(), page[-1].odoo_id
        at += SECOND
