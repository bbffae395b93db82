"""Why events could not be handled: those that wait for a person, grouped by what stopped them."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.store.models import DeadLetter

PARKED = "parked"


@dataclass(frozen=True)
class Cause:
    """Events of one queue and type that were stopped for one reason: how many, of how many subjects, since when."""

    queue: str
    type: str | None
    reason: str
    events: int
    people: int
    since: datetime

    @property
    def address(self) -> str:
        """The same as the query of a list."""
        given = {"queue": self.queue, "type": self.type, "reason": self.reason}
        return urlencode({name: value for name, value in given.items() if value})


def causes(session: Session) -> list[Cause]:
    """The causes of all events that are parked, the one that stops most first."""
    by = (DeadLetter.original_queue, DeadLetter.type, DeadLetter.reason)
    many = func.count()
    rows = session.execute(
        select(*by, many, func.count(DeadLetter.subject.distinct()), func.min(DeadLetter.error_time))
        .where(DeadLetter.state == PARKED)
        .group_by(*by)
        .order_by(many.desc(), *by)
    )
    return [Cause(*row) for row in rows]
