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
    failures of WhatsApp, waves  | 90 days                      | (older ones count no more, and are not noted again)
    events that journeys keep    | 30 days                      | (a beginning that is as late is none any more)
    beginnings after a pause     | 30 days                      | the pause is over
    figures of an hour           | 90 days                      | (a quarter of a year, for the console's pages)
    figures and tokens of a day  | 1,100 days                   | (three years, so that a year is held against two others)
    when a day was counted       | 1,100 days                   | (with its figures)
    comparisons with others      | RETENTION_ACTION_LOG_DAYS    | (the differences that one has found are of its day)
    our log lines of executions  | EXECUTION_LOG_DAYS           | (0 keeps none: what there is goes after a day)
    lines of the action log      | RETENTION_ACTION_LOG_DAYS    | nobody's journey is open, and what they tell of is gone
    bodies of large events       | RETENTION_CLAIM_CHECK_DAYS   | no unresolved dead letter needs them for a replay

A message's key and that of an event whose sender signs no time stay in `used_keys`, where what caused it may happen again.
So a key outlives whatever could bring its event again: a sender repeats for days, queues and handlers for two weeks at most
(the settings take 30 days or more), and what a person may replay at any time is a dead letter, which is never removed here.
Every table has a rule here or at its flow, or its flow says why its rows stay (`kept` of its declaration).
Never removed either: whatever waits, is dead or uncertain, or a sync that was taken back (a person's word, which stands).
What a night has no time for goes on every five minutes, from the row where it stopped (`retention_marks`).
"Nobody's journey is open": a person in a journey keeps their timeline and log, whole, until they leave it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import clock, faults, flows, queues
from shared.errors import UnavailableError
from shared.outbox import actions
from shared.outbox.actions import Kind, State
from shared.settings import Settings, get_settings
from shared.store import used_keys
from shared.store.dialect import insert_if_absent, rows_changed
from shared.store.figure_models import DayFigure, DayFold, EventHour, ModelDay
from shared.store.flow_models import FlowPause, LogLine, Trial
from shared.store.journey_models import Enrolment, JourneyBeginning, JourneyEvent
from shared.store.message_models import MessageDay, MessageStatus, ReceivedMessage
from shared.store.models import ActionLog, Base, DeadLetter, Delivery, InboxEvent, Reconciliation, RetentionMark
from shared.store.session import long_statements, reading, transact
from shared.store.wait_models import DeliveryWait, Outage, TargetPause
from shared.store.whatsapp_models import WhatsAppFailure, WhatsAppMove, WhatsAppOpening, WhatsAppOpeningMinute, WhatsAppWave

log = logging.getLogger("puente.retention")

AFTER_PAGE = faults.point("retention.after_page")
NIGHT = timedelta(minutes=20)  # for all kinds together, of the 30 minutes that host.json gives a function
BLOBS = timedelta(minutes=5)
ROUND = timedelta(seconds=45)  # of every five minutes, as long as the night has left something
REPORTED = timedelta(days=7)
"""So long a default that is new to an installation only says what it would remove; a setting counts at once."""
PAGE = 1000  # rows in a transaction: far below what makes Azure SQL lock a whole table
COUNTED_DAYS = 7  # a day that is over anywhere on earth counts for nobody's cap; a message may be recorded some days late
OPENINGS_KEPT_DAYS = 2  # the messaging limit counts those of a day
MOVES_KEPT_DAYS = 730  # who has had another number for so long is written to there
REMEMBERED_DAYS = 30  # an event that comes so late that journeys do not remember what ended them
FROM_THE_FIRST = 1  # rows are numbered from 1
SPAN = 20_000  # numbers looked through by one statement
BLOBS_AT_ONCE = 20_000
HOURS_KEPT_DAYS = 90
FAILURES_KEPT_DAYS = 91  # a day more than `not_on_whatsapp.REMEMBERED`: what could be noted again is still there
FIGURES_KEPT_DAYS = 1100
OPEN = ("active", "suspended")  # of an enrolment: something may still happen in it


@dataclass(frozen=True)
class DaysOf:
    """The days that a setting gives."""

    setting: str

    def __call__(self, settings: Settings) -> int:
        """How many."""
        return int(getattr(settings, self.setting))

    def is_set(self, settings: Settings) -> bool:
        """Whether somebody has chosen them; else they are our default."""
        return self.setting in settings.model_fields_set


@dataclass(frozen=True)
class Rule:
    """Rows of a table, by when they came to be (a moment, a day, or one as `2026-03-02`), that are removed where `goes` holds.

    `keeps` finds the keys that outlive their rows, because what caused them may happen again.
    """

    table: type[Base]
    since: InstrumentedAttribute[datetime] | InstrumentedAttribute[date] | InstrumentedAttribute[str]
    days: Callable[[Settings], int]
    goes: Callable[[datetime], ColumnElement[bool]]
    keeps: Callable[[], Select[Any]] | None = None


def _in_no_journey(subject: Any) -> ColumnElement[bool]:
    return ~exists().where(Enrolment.person == subject, Enrolment.state.in_(OPEN))


def _old_sync(before: datetime) -> ColumnElement[bool]:
    over = Delivery.state.in_((State.DONE, State.SKIPPED, State.SHADOWED))
    return and_(Delivery.kind == Kind.SYNC, over, Delivery.finished_at < before, _in_no_journey(Delivery.subject))


def _old_message(before: datetime) -> ColumnElement[bool]:
    over = Delivery.state.in_((State.DONE, State.SKIPPED, State.CANCELLED, State.SHADOWED))
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


def _old_hour(before: datetime) -> ColumnElement[bool]:
    return EventHour.hour < before


def _old_day_figure(before: datetime) -> ColumnElement[bool]:
    return DayFigure.day < before.date()


def _old_fold(before: datetime) -> ColumnElement[bool]:
    return DayFold.day < before.date()


def _old_comparison(before: datetime) -> ColumnElement[bool]:
    return Reconciliation.asked_at < before


def _old_model_day(before: datetime) -> ColumnElement[bool]:
    return ModelDay.day < before.date()


def _old_event(before: datetime) -> ColumnElement[bool]:
    letter = and_(DeadLetter.event_id == InboxEvent.event_id, DeadLetter.subject == InboxEvent.subject)
    nameless = and_(DeadLetter.event_id == InboxEvent.event_id, DeadLetter.subject.is_(None))
    return and_(InboxEvent.handled_at < before, ~exists().where(or_(letter, nameless)), _in_no_journey(InboxEvent.subject))


def _old_line(before: datetime) -> ColumnElement[bool]:
    belongs_to_kept_row = or_(
        exists().where(Delivery.id == ActionLog.delivery_id), exists().where(DeadLetter.id == ActionLog.dead_letter_id)
    )
    return and_(ActionLog.at < before, ~belongs_to_kept_row, _in_no_journey(ActionLog.subject))


def _old_wait(before: datetime) -> ColumnElement[bool]:
    return and_(DeliveryWait.ended_at < before, ~exists().where(Delivery.id == DeliveryWait.delivery_id))


def _old_outage(before: datetime) -> ColumnElement[bool]:
    return Outage.ended_at < before


def _old_pause(before: datetime) -> ColumnElement[bool]:
    return or_(TargetPause.ended_at < before, TargetPause.until < before)


def _old_flow_pause(before: datetime) -> ColumnElement[bool]:
    return FlowPause.drained_at < before


def _old_log_line(before: datetime) -> ColumnElement[bool]:
    return LogLine.at < before


def _old_trial(before: datetime) -> ColumnElement[bool]:
    return Trial.made_at < before


def _old_move(before: datetime) -> ColumnElement[bool]:
    return WhatsAppMove.updated_at < before


def _old_opening(before: datetime) -> ColumnElement[bool]:
    return WhatsAppOpening.at < before


def _old_opening_minute(before: datetime) -> ColumnElement[bool]:
    return WhatsAppOpeningMinute.minute < before


def _old_failure(before: datetime) -> ColumnElement[bool]:
    return WhatsAppFailure.at < before


def _old_wave(before: datetime) -> ColumnElement[bool]:
    return WhatsAppWave.until < before


def _old_day(before: datetime) -> ColumnElement[bool]:
    return MessageDay.day < f"{before:%F}"


def _old_journey_event(before: datetime) -> ColumnElement[bool]:
    return JourneyEvent.created_at < before


def _old_beginning(before: datetime) -> ColumnElement[bool]:
    return and_(JourneyBeginning.updated_at < before, JourneyBeginning.state != "waiting")


RULES = {
    "events": Rule(InboxEvent, InboxEvent.received_at, DaysOf("retention_inbox_days"), _old_event, _recurring_events),
    "syncs": Rule(Delivery, Delivery.created_at, DaysOf("retention_sync_days"), _old_sync),
    "messages": Rule(Delivery, Delivery.created_at, DaysOf("retention_message_days"), _old_message, _recurring_messages),
    "statuses": Rule(MessageStatus, MessageStatus.created_at, DaysOf("retention_message_days"), _old_status),
    "inbound messages": Rule(ReceivedMessage, ReceivedMessage.created_at, DaysOf("retention_inbound_days"), _old_answer),
    "moves": Rule(WhatsAppMove, WhatsAppMove.created_at, lambda _s: MOVES_KEPT_DAYS, _old_move),
    "openings": Rule(WhatsAppOpening, WhatsAppOpening.created_at, lambda _s: OPENINGS_KEPT_DAYS, _old_opening),
    "minutes of openings": Rule(
        WhatsAppOpeningMinute, WhatsAppOpeningMinute.minute, lambda _s: OPENINGS_KEPT_DAYS, _old_opening_minute
    ),
    "failures of WhatsApp": Rule(WhatsAppFailure, WhatsAppFailure.at, lambda _s: FAILURES_KEPT_DAYS, _old_failure),
    "waves of failures": Rule(WhatsAppWave, WhatsAppWave.until, lambda _s: FAILURES_KEPT_DAYS, _old_wave),
    "counted days": Rule(MessageDay, MessageDay.day, lambda _s: COUNTED_DAYS, _old_day),
    "journey events": Rule(JourneyEvent, JourneyEvent.created_at, lambda _s: REMEMBERED_DAYS, _old_journey_event),
    "beginnings": Rule(JourneyBeginning, JourneyBeginning.created_at, lambda _s: REMEMBERED_DAYS, _old_beginning),
    "figures of hours": Rule(EventHour, EventHour.hour, lambda _s: HOURS_KEPT_DAYS, _old_hour),
    "figures of days": Rule(DayFigure, DayFigure.day, lambda _s: FIGURES_KEPT_DAYS, _old_day_figure),
    "counted days of figures": Rule(DayFold, DayFold.day, lambda _s: FIGURES_KEPT_DAYS, _old_fold),
    "comparisons": Rule(Reconciliation, Reconciliation.asked_at, DaysOf("retention_action_log_days"), _old_comparison),
    "tokens of days": Rule(ModelDay, ModelDay.day, lambda _s: FIGURES_KEPT_DAYS, _old_model_day),
    "waits": Rule(DeliveryWait, DeliveryWait.ended_at, DaysOf("retention_sync_days"), _old_wait),
    "outages": Rule(Outage, Outage.started_at, DaysOf("retention_action_log_days"), _old_outage),
    "pauses": Rule(TargetPause, TargetPause.paused_at, DaysOf("retention_action_log_days"), _old_pause),
    "pauses of flows": Rule(FlowPause, FlowPause.paused_at, DaysOf("retention_action_log_days"), _old_flow_pause),
    "test events": Rule(Trial, Trial.made_at, lambda _s: REMEMBERED_DAYS, _old_trial),
    "log lines": Rule(LogLine, LogLine.at, lambda settings: settings.execution_log_days or 1, _old_log_line),
    "action log": Rule(ActionLog, ActionLog.at, DaysOf("retention_action_log_days"), _old_line),
}


@long_statements()
def forget() -> dict[str, int]:
    """Remove what the settings no longer keep; how much of each kind. Nothing where all of them are 0.

    May die anywhere, run twice, or on two instances at once: each page is one transaction that asks again, so a second run
    finds what the first has left.

    Raises:
        UnavailableError: the database or the storage account cannot be reached; what was removed stays so.
    """
    settings = get_settings()
    gone = _carried_out({name: rule for name, rule in rules().items() if rule.days(settings)}, clock.now() + NIGHT)
    if days := settings.retention_claim_check_days:
        gone["bodies"] = _remove_blobs(clock.now() - timedelta(days=days), clock.now() + BLOBS)
    return {name: count for name, count in gone.items() if count}


@long_statements()
def go_on() -> int:
    """Remove more of what the night had no time for, for ROUND at most; how many rows. The job of every five minutes."""
    with reading() as session:
        left = set(session.scalars(select(RetentionMark.rule).where(RetentionMark.goes_on_at > 0)))
    settings = get_settings()
    unfinished = {name: rule for name, rule in rules().items() if name in left and rule.days(settings)}
    return sum(_carried_out(unfinished, clock.now() + ROUND).values())


def _carried_out(wanted: Mapping[str, Rule], end: datetime) -> dict[str, int]:
    """Each kind gets its share of the time that is left, so that none goes without; what one does not need goes to the next.

    One that cannot be removed does not keep the others: in a full database what only deletes makes room for what inserts.
    """
    gone: dict[str, int] = {}
    refused: UnavailableError | None = None
    for number, (name, rule) in enumerate(wanted.items()):
        now = clock.now()
        try:
            gone[name] = _removed(name, rule, now + (end - now) / (len(wanted) - number))
        except UnavailableError as error:
            log.warning("retention: %s are left: %s", name, error)
            refused = error
    if refused is not None:
        raise refused
    return gone


def _removed(name: str, rule: Rule, end: datetime) -> int:
    """How many rows of a kind were removed; none where it only reports how many it would remove."""
    settings = get_settings()
    walk = Walk(rule, clock.now() - timedelta(days=rule.days(settings)), end)
    mark = transact(partial(_mark, name))
    if _only_reports(rule, settings, mark):
        begins = f"{mark.begun_at + REPORTED:%F}"
        log.warning("retention: %s would remove %d rows; it begins on %s", name, walk.count(), begins)
        return 0
    begun_at = mark.goes_on_at or FROM_THE_FIRST
    if begun_at != mark.goes_on_at:
        transact(partial(_set_mark, name, begun_at))  # a death in the middle leaves it, and the next round goes on
    count = walk.remove(begun_at)
    if walk.stopped_at != begun_at:
        transact(partial(_set_mark, name, walk.stopped_at))
    return count


def _mark(name: str, session: Session) -> RetentionMark:
    mark = session.get(RetentionMark, name)
    if mark is None:
        insert_if_absent(session, RetentionMark, "rule", {"rule": name, "begun_at": clock.now(), "goes_on_at": 0})
        mark = session.get_one(RetentionMark, name)
    return mark


def _set_mark(name: str, goes_on_at: int, session: Session) -> None:
    session.get_one(RetentionMark, name).goes_on_at = goes_on_at


def _only_reports(rule: Rule, settings: Settings, mark: RetentionMark) -> bool:
    """Whether its days are our default, and a new one here: nobody loses anything that they had no time to decide about."""
    is_default = isinstance(rule.days, DaysOf) and not rule.days.is_set(settings)
    return is_default and clock.now() - mark.begun_at < REPORTED


def rules() -> Mapping[str, Rule]:
    """What goes when: the engine's rules, and what the flows declare as `retention` (each part maps names to rules)."""
    return RULES | {name: rule for part in flows.parts("retention") for name, rule in part.items()}


def remove_old() -> int:
    """Remove what the settings no longer keep; how many rows and blobs. The nightly job."""
    return sum(forget().values())


class Walk:
    """Over a table by its key, oldest first, until rows are too young (`stopped_at` is 0) or the time is up."""

    def __init__(self, rule: Rule, before: datetime, end: datetime) -> None:
        self.rule, self.before, self.end = rule, before, end
        self.stopped_at = 0

    def remove(self, goes_on_at: int) -> int:
        """Remove what may go, from a key on; how many rows."""
        count = 0
        for span in self._spans(goes_on_at):
            while page := transact(partial(_page, rule=self.rule, before=self.before, span=span)):
                count += page
                faults.hit(AFTER_PAGE)
                if clock.now() >= self.end:
                    self.stopped_at = span[0]
                    return count
        return count

    def count(self) -> int:
        """How many rows `remove` would remove; changes nothing."""
        key, found = self.rule.table.__table__.c.id, 0
        for start, end in self._spans(0):
            with reading() as session:
                rows = select(func.count()).where(key >= start, key < end, self.rule.goes(self.before))
                found += session.scalar(rows.select_from(self.rule.table)) or 0
        return found

    def _spans(self, goes_on_at: int) -> Iterator[tuple[int, int]]:
        """Spans of keys that hold rows; a gap between rows, however wide, costs nothing."""
        key: Any = self.rule.table.__table__.c.id
        self.stopped_at, last = 0, goes_on_at - 1
        while True:
            with reading() as session:
                query = select(key, self.rule.since).where(key > last).order_by(key).limit(1)
                first = session.execute(query).one_or_none()
            if first is None or _is_young(first[1], self.before):
                return
            if clock.now() >= self.end:
                self.stopped_at = first[0]
                return
            yield first[0], first[0] + SPAN
            last = first[0] + SPAN - 1


def _is_young(since: datetime | date | str, before: datetime) -> bool:
    """Whether a row is younger, by the moment or the day since which it is there."""
    if isinstance(since, datetime):
        return since >= before
    return since >= before.date() if isinstance(since, date) else since >= f"{before:%F}"


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


def _remove_blobs(before: datetime, end: datetime) -> int:
    """Bodies of large events by the day in their name, oldest first; those that a replay would need are left."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    kept, container, count = _needed_blobs(), queues.claim_checks(), 0
    try:
        for number, blob in enumerate(container.list_blobs()):
            if number >= BLOBS_AT_ONCE or clock.now() >= end or blob.name[:10] >= f"{before:%Y/%m/%d}":
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
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    yield reference.partition("/")[2]
