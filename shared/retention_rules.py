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
    figures, counts of an hour   | 90 days                      | (a quarter of a year, for the console's pages)
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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from shared import flows
from shared.outbox import actions
from shared.outbox.actions import Kind, State
from shared.settings import Settings
from shared.store.figure_models import HOURS_KEPT_DAYS, DayFigure, DayFold, EventHour, HourFigure, ModelDay
from shared.store.flow_models import FlowPause, LogLine, Trial
from shared.store.journey_models import Enrolment, JourneyBeginning, JourneyEvent
from shared.store.message_models import MessageDay, MessageStatus, ReceivedMessage
from shared.store.models import ActionLog, Base, DeadLetter, Delivery, InboxEvent, Reconciliation
from shared.store.wait_models import DeliveryWait, Outage, TargetPause
from shared.store.whatsapp_models import WhatsAppFailure, WhatsAppMove, WhatsAppOpening, WhatsAppOpeningMinute, WhatsAppWave

COUNTED_DAYS = 7  # a day that is over anywhere on earth counts for nobody's cap; a message may be recorded some days late
OPENINGS_KEPT_DAYS = 2  # the messaging limit counts those of a day
MOVES_KEPT_DAYS = 730  # who has had another number for so long is written to there
REMEMBERED_DAYS = 30  # an event that comes so late that journeys do not remember what ended them
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


def _old_count_of_hour(before: datetime) -> ColumnElement[bool]:
    return HourFigure.hour < before


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
    "counts of hours": Rule(HourFigure, HourFigure.hour, lambda _s: HOURS_KEPT_DAYS, _old_count_of_hour),
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


def rules() -> Mapping[str, Rule]:
    """What goes when: the engine's rules, and what the flows declare as `retention` (each part maps names to rules)."""
    return RULES | {name: rule for part in flows.parts("retention") for name, rule in part.items()}
