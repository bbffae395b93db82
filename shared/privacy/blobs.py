"""The bodies of large events, which lie in blobs beside their rows."""

import json
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import queues
from shared.intake.envelope import fingerprint
from shared.privacy.holdings import holdings
from shared.privacy.person import Person
from shared.store.models import DeadLetter, InboxEvent

SMALLEST = 16 * 1024  # far below what fits a message: a body of fewer characters never became a blob


def of(session: Session, person: Person) -> list[str]:
    """The names of all blobs that may hold an event of this person; some may be gone already."""
    whose = {holding.table: holding.whose(person) for holding in holdings()}
    # Each result is read to its end before the next statement: Azure SQL keeps one open for each connection.
    events = session.scalars(select(InboxEvent).where(whose[InboxEvent])).all()
    letters = session.scalars(select(DeadLetter).where(whose[DeadLetter])).all()
    return sorted(
        {name for event in events for name in _of_event(event)} | {name for one in letters for name in _of_letter(one)}
    )


def _of_event(event: InboxEvent) -> Iterator[str]:
    """The blob's name follows from the event (see `shared.intake.webhook`), so the row need not keep it."""
    if len(json.dumps(event.data, ensure_ascii=False)) >= SMALLEST:
        yield f"{event.received_at:%Y/%m/%d}/{event.type}/{fingerprint([event.event_id, event.data])}.json"


def _of_letter(letter: DeadLetter) -> Iterator[str]:
    yield f"{letter.error_time:%Y/%m/%d}/dead-letter/{letter.key}.json"
    try:
        reference = str(json.loads(letter.original_event).get("dataref") or "")
    except (ValueError, AttributeError, RecursionError):
        return
    if reference.startswith(f"{queues.CLAIM_CHECK_CONTAINER}/"):
        yield reference.partition("/")[2]


def delete(names: list[str]) -> int:
    """Delete these blobs; how many there were. Deleting again does no harm.

    The account keeps deleted blobs for two weeks, in case the deletion was a mistake.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses.
    """
    return queues.delete_blobs(names, container=queues.CLAIM_CHECK_CONTAINER)
