"""What is finished and older than the settings say is removed, a little at a time. A setting of 0 keeps its rows for ever.

    what                         | goes after                   | and only if
    -----------------------------|------------------------------|-----------------------------------------------------------
    syncs that were done         | RETENTION_SYNC_DAYS          | nobody's journey is open
    messages sent, skipped, or   | RETENTION_MESSAGE_DAYS       | nobody's journey is open, and the row of the event that
    taken back                   |                              | planned it is gone: its key prevents a second sending
    what vendors said of them    | RETENTION_MESSAGE_DAYS       | the message itself is gone, or was never found
    events                       | RETENTION_INBOX_DAYS         | nobody's journey is open, and no dead letter is of the event:
                                 |                              | its key is what makes a replay harmless
    what people write to us      | RETENTION_INBOUND_DAYS       | (read or not: nobody's words are kept for ever by neglect)
    events that journeys keep    | 30 days                      | (a beginning that is as late is none any more)
    beginnings after a pause     | 30 days                      | the pause is over
    lines of the action log      | RETENTION_ACTION_LOG_DAYS    | nobody's journey is open, and what they tell of is gone
    bodies of large events       | RETENTION_CLAIM_CHECK_DAYS   | no unresolved dead letter needs them for a replay

A message's key and that of an event whose sender signs no time stay in `used_keys`, where what caused it may happen again.
So a key outlives whatever could bring its event again: a sender repeats for days, queues and handlers for two weeks at most
(the settings take 30 days or more), and what a person may replay at any time is a dead letter, which is never removed here.
Never removed either: whatever waits, is dead or uncertain, or a sync that was taken back (a person's word, which stands).
"Nobody's journey is open": a person in a journey keeps their timeline and log, whole, until they leave it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import clock, faults, flows, queues
from shared.errors import UnavailableError
from shared.outbox import actions
from shared.outbox.actions import Kind, State
from shared.settings import Settings, get_settings
from shared.store import used_keys
from shared.store.dialect import rows_changed
from shared.store.journey_models import Enrolment, JourneyBeginning, JourneyEvent
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.models import ActionLog, Base, DeadLetter, Delivery, InboxEvent
from shared.store.session import long_statements, reading, transact

log = logging.getLogger("puente.retention")

AFTER_PAGE = faults.point("retention.after_page")
BUDGET = timedelta(minutes=5)  # for each kind of rows; what is left waits for the next night
PAGE = 500  # rows in a transaction: far below what makes Azure SQL lock a whole table
REMEMBERED_DAYS = 30  # an event that comes so late that journeys do not remember what ended them
SPAN = 20_000  # numbers looked through by one statement
BLOBS_AT_ONCE = 20_000
OPEN = ("active", "suspended")  # of an enrolment: something may still happen in it


@dataclass(frozen=True)
class Rule:
    """Rows of a table, by when they came to be, that are removed where `goes` holds.

    `keeps` finds the keys that outlive their rows, because what caused them may happen again.
    """

    table: type[Base]
    since: InstrumentedAttribute[datetime]
    days: Callable[[Settings], int]
    goes: Callable[[datetime], ColumnElement[bool]]
    keeps: Callable[[], Select[Any]] | None = None


def _in_no_journey(subject: Any) -> ColumnElement[bool]:
    return ~exists().where(Enrolment.person == subject, Enrolment.state.in_(OPEN))


def _old_sync(before: datetime) -> ColumnElement[bool]:
    done = and_(Delivery.kind == Kind.SYNC, Delivery.state.in_((State.DONE, State.SKIPPED)), Delivery.finished_at < before)
    return and_(done, _in_no_journey(Delivery.subject))


def _old_message(before: datetime) -> ColumnElement[bool]:
    over = Delivery.state.in_((State.DONE, State.SKIPPED, State.CANCELLED))
    its_event = exists().where(InboxEvent.key == Delivery.event_key)
    return and_(
        Delivery.kind == Kind.MESSAGE, over, Delivery.finished_at < before, ~its_event, _in_no_journey(Delivery.subject)
    )


def _recurring_events() -> Select[Any]:
    return select(InboxEvent.key).where(InboxEvent.type.in_(flows.kept_keys()))


def _recurring_messages() -> Select[Any]:
    once = sorted({target for (target, _name), action in actions.known().items() if not action.key_recurs})
    return select(Delivery.dedupe_key).where(Delivery.dedupe_key.is_not(None), Delivery.target.not_in(once))


def _old_status(before: datetime) -> ColumnElement[bool]:
    return and_(MessageStatus.updated_at < before, ~exists().where(Delivery.id == MessageStatus.delivery_id))


def _old_answer(before: datetime) -> ColumnElement[bool]:
    return ReceivedMessage.created_at < before


def _old_event(before: datetime) -> ColumnElement[bool]:
    letter = and_(DeadLetter.event_id == InboxEvent.event_id, DeadLetter.subject == InboxEvent.subject)
    nameless = and_(DeadLetter.event_id == InboxEvent.event_id, DeadLetter.subject.is_(None))
    return and_(InboxEvent.handled_at < before, ~exists().where(or_(letter, nameless)), _in_no_journey(InboxEvent.subject))


def _old_line(before: datetime) -> ColumnElement[bool]:
    belongs_to_kept_row = or_(
        exists().where(Delivery.id == ActionLog.delivery_id), exists().where(DeadLetter.id == ActionLog.dead_letter_id)
    )
    return and_(ActionLog.at < before, ~belongs_to_kept_row, _in_no_journey(ActionLog.subject))


def _old_journey_event(before: datetime) -> ColumnElement[bool]:
    return JourneyEvent.created_at < before


def _old_beginning(before: datetime) -> ColumnElement[bool]:
    return and_(JourneyBeginning.updated_at < before, JourneyBeginning.state != "waiting")


RULES = {
    "events": Rule(InboxEvent, InboxEvent.received_at, lambda s: s.retention_inbox_days, _old_event, _recurring_events),
    "syncs": Rule(Delivery, Delivery.created_at, lambda s: s.retention_sync_days, _old_sync),
    "messages": Rule(Delivery, Delivery.created_at, lambda s: s.retention_message_days, _old_message, _recurring_messages),
    "statuses": Rule(MessageStatus, MessageStatus.created_at, lambda s: s.retention_message_days, _old_status),
    "inbound messages": Rule(ReceivedMessage, ReceivedMessage.created_at, lambda s: s.retention_inbound_days, _old_answer),
    "journey events": Rule(JourneyEvent, JourneyEvent.created_at, lambda _s: REMEMBERED_DAYS, _old_journey_event),
    "beginnings": Rule(JourneyBeginning, JourneyBeginning.created_at, lambda _s: REMEMBERED_DAYS, _old_beginning),
    "action log": Rule(ActionLog, ActionLog.at, lambda s: s.retention_action_log_days, _old_line),
}


@long_statements()
def forget() -> dict[str, int]:
    """Remove what the settings no longer keep; how much of each kind. Nothing where all of them are 0.

    May die anywhere, run twice, or on two instances at once: each page is one transaction that asks again, so a second run
    finds what the first has left.

    Raises:
        UnavailableError: the database or the storage account cannot be reached; what was removed stays so.
    """
    settings, gone = get_settings(), {}
    for name, rule in rules().items():
        if days := rule.days(settings):
            gone[name] = _removed(rule, clock.now() - timedelta(days=days))
    if days := settings.retention_claim_check_days:
        gone["bodies"] = _remove_blobs(clock.now() - timedelta(days=days))
    return {name: count for name, count in gone.items() if count}


def rules() -> Mapping[str, Rule]:
    """What goes when: the engine's rules, and what the flows declare as `retention` (each part maps names to rules)."""
    return RULES | {name: rule for part in flows.parts("retention") for name, rule in part.items()}


def remove_old() -> int:
    """Remove what the settings no longer keep; how many rows and blobs. The nightly job."""
    return sum(forget().values())


def _removed(rule: Rule, before: datetime) -> int:
    """Walk over the table by its key, oldest first, until rows are too young or the time is up."""
    key: Any = rule.table.__table__.c.id
    end, last, count = clock.now() + BUDGET, 0, 0
    while clock.now() < end:
        with reading() as session:
            first = session.execute(select(key, rule.since).where(key > last).order_by(key).limit(1)).one_or_none()
        if first is None or first[1] >= before:
            break
        span = (first[0], first[0] + SPAN)
        while page := transact(partial(_page, rule=rule, before=before, span=span)):
            count += page
            faults.hit(AFTER_PAGE)
        last = span[1] - 1
    return count


def _page(session: Session, rule: Rule, before: datetime, span: tuple[int, int]) -> int:
    key: Any = rule.table.__table__.c.id
    old = select(key).where(key >= span[0], key < span[1], rule.goes(before)).order_by(key).limit(PAGE)
    numbers = session.scalars(old).all()
    if not numbers:
        return 0
    if rule.keeps is not None:
        used_keys.keep(session, session.scalars(rule.keeps().where(key.in_(numbers))).all())
    # Asked again in the statement that removes: what has come to be needed meanwhile stays.
    gone = delete(rule.table).where(key.in_(numbers), rule.goes(before)).execution_options(synchronize_session=False)
    return rows_changed(session.execute(gone))


def _remove_blobs(before: datetime) -> int:
    """Bodies of large events by the day in their name, oldest first; those that a replay would need are left."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    kept, container, count = _needed_blobs(), queues.claim_checks(), 0
    try:
        for number, blob in enumerate(container.list_blobs()):
            if number >= BLOBS_AT_ONCE or blob.name[:10] >= f"{before:%Y/%m/%d}":
                break
            if blob.name not in kept:
                container.delete_blob(blob.name)
                count += 1
    except ResourceNotFoundError:
        pass  # no large event has come yet, or another instance was quicker
    except AzureError as error:
        raise UnavailableError(f"old blobs cannot be removed: {type(error).__name__}") from error
    return count


def _needed_blobs() -> set[str]:
    with reading() as session:
        waiting = select(DeadLetter.original_event).where(
            DeadLetter.state != "resolved", DeadLetter.original_event.contains('"dataref"')
        )
        return {name for event in session.scalars(waiting) for name in _reference(event)}


def _reference(event: str) -> Iterator[str]:
    try:
        reference = str(json.loads(event)["dataref"])
    except (ValueError, KeyError, TypeError):
        return
    yield reference.partition("/")[2]
