"""What becomes of a recipient: by the word of the vendor on their message, by the end of their conversation, by their reply."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from functions.broadcasts import counts, progress, running_gate, variants, waves
from functions.broadcasts.progress import Change
from functions.broadcasts.running_send import MARK, Whose
from functions.broadcasts.running_tables import RecentFailure
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import CODE_LENGTH, ERROR_LENGTH, OUTCOME_LENGTH, Recipient
from shared.journeys.talks.events import TalkEvent
from shared.messages import moves, received, statuses
from shared.messages.outcomes import MessageOutcome
from shared.messages.verdict import NOT_CONFIGURED
from shared.phrases import phrase
from shared.store.dialect import held
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery

COMES_BACK = frozenset((running_gate.PAUSED, NOT_CONFIGURED))
"""Reasons for which a message was not sent that lie with us: its recipient waits, and gets another one."""
CANCELLED = "cancelled"
UNANSWERED = frozenset(("no_response", "undelivered", "failed", CANCELLED, "stopped", "left"))
"""Outcomes of a conversation that need no word of the person."""
REPLY_WITHIN = timedelta(days=7)
NO_REPLY = frozenset(("reaction", "sticker"))
STAGE = {"delivered": RecipientStatus.DELIVERED, "opened": RecipientStatus.READ}
REPLIED_TO = (RecipientStatus.SENT, RecipientStatus.DELIVERED, RecipientStatus.READ, RecipientStatus.COMPLETED)


def note_outcome(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Listens to `message.outcome`. A second call for one word changes nothing."""
    whose = Whose.of(context)
    if whose is None or not whose.opens or outcome.fallback:
        return
    if outcome.word == "skipped" and outcome.reason in COMES_BACK:
        _come_back(session, whose, outcome)
    elif outcome.word in ("failed", "uncertain"):
        _failed(session, whose, outcome, talks="talk" in context)
    else:
        changes = _changes(whose, outcome, talks="talk" in context)
        if changes:
            progress.record(session, changes)


def talk_moved(session: Session, event: TalkEvent) -> None:
    """Listens to `talk.moved`: at which step of the flow a recipient stands."""
    mark = event.context.get(MARK)
    if mark is None or event.node is None:
        return
    row = session.get(Recipient, int(mark["recipient"]))
    if row is not None and row.flow_current_node != event.node:
        row.flow_current_node = event.node


def talk_ended(session: Session, event: TalkEvent) -> None:
    """Listens to `talk.ended`: the conversation is over, and so is the recipient.

    One of which nothing was sent has failed or was left out already, by the word on its message; else it has ended with its
    outcome (`no_response` where nobody answered). Where nobody knows whether the first message arrived, an answer shows it.
    """
    mark = event.context.get(MARK)
    if mark is None:
        return
    row = session.get(Recipient, int(mark["recipient"]))
    if row is None or (row.sent_at is None and not event.completed and event.outcome in ("undelivered", "failed")):
        if row is not None and event.outcome == "failed":
            reason = phrase("flow-failed: %(reason)s", reason=event.reason or "")[:ERROR_LENGTH]
            _record(session, row.id, RecipientStatus.FAILED, event.at, error_code="flow-failed", error_message=reason)
        return
    outcome = (event.outcome or "completed")[:OUTCOME_LENGTH]
    status = _end_of(row, outcome)
    why_not = outcome if status is RecipientStatus.SKIPPED else None
    _record(session, row.id, status, event.at, outcome=outcome, reason=why_not, node=event.node)
    session.flush()
    row.flow_completed = event.completed


def _end_of(row: Recipient, outcome: str) -> RecipientStatus:
    if row.sent_at is not None:
        return RecipientStatus.COMPLETED
    if row.error_code is None:
        return RecipientStatus.SKIPPED
    return RecipientStatus.FAILED if outcome in UNANSWERED else RecipientStatus.COMPLETED


def note_reply(session: Session, message_id: int) -> None:
    """Listens to `message.received`: a recipient who writes within a week has replied to what they got last.

    A reply that quotes a message of ours belongs to that one, whoever has sent it. Reactions and stickers are no replies. Who
    has another number since is still the recipient.
    """
    message = session.get(ReceivedMessage, message_id)
    if message is None or message.kind in NO_REPLY or message.channel != "whatsapp":
        return
    query = select(Recipient.id).where(Recipient.status.in_(REPLIED_TO)).order_by(Recipient.sent_at.desc(), Recipient.id.desc())
    quoted = statuses.delivery_of(session, message.provider, message.quoted_id)
    if quoted is not None:
        query = query.where(_of_quoted(session, quoted))
    else:
        recent = Recipient.sent_at > message.received_at - REPLY_WITHIN, Recipient.sent_at <= message.received_at
        known_by = [one for one in (message.sender, message.user_id) if one]
        numbers = received.spelled([message.sender, *moves.numbers_before(session, known_by)])
        query = query.where(Recipient.phone_number.in_(sorted(numbers)), *recent)
    if (found := session.scalars(query.limit(1)).one_or_none()) is not None:
        _record(session, found, RecipientStatus.REPLIED, message.received_at)


def _of_quoted(session: Session, delivery_id: int) -> ColumnElement[bool]:
    """Whose message that is, by what it says of itself; where that was erased, by the newest message of each recipient."""
    delivery = session.get(Delivery, delivery_id)
    context = (delivery.payload or {}).get("context") if delivery is not None else None
    whose = Whose.of(context) if isinstance(context, Mapping) else None
    return Recipient.id == whose.recipient_id if whose is not None else Recipient.delivery_id == delivery_id


def _changes(whose: Whose, outcome: MessageOutcome, *, talks: bool) -> list[Change]:
    number, at = whose.recipient_id, outcome.at
    if outcome.word == "sent":
        sent = Change(recipient_id=number, status=RecipientStatus.SENT, at=at, completes=not talks)
        # A flow of one message has come to its end once the vendor has it; what is reported later still counts.
        done = Change(recipient_id=number, status=RecipientStatus.COMPLETED, at=at, outcome=whose.outcome)
        return [sent] if talks else [sent, done]
    if outcome.word in STAGE:
        return [Change(recipient_id=number, status=STAGE[outcome.word], at=at, completes=not talks)]
    if outcome.word != "skipped":
        return []
    if outcome.reason == running_gate.GAVE_UP:
        words = "every attempt has failed"
        failed = Change(recipient_id=number, status=RecipientStatus.FAILED, at=at, error_code="gave-up", error_message=words)
        return [failed]
    reason = CANCELLED if outcome.reason in (running_gate.CANCELLED, running_gate.OVER) else outcome.reason
    return [Change(recipient_id=number, status=RecipientStatus.SKIPPED, at=at, reason=reason)]


def _failed(session: Session, whose: Whose, outcome: MessageOutcome, *, talks: bool) -> None:
    """Note a failure with its code, and that it has happened lately: a wave of them pauses the automation, and marks nobody."""
    code = (outcome.reason or outcome.word)[:CODE_LENGTH]
    session.add(RecentFailure(automation_id=whose.automation_id, code=code, at=outcome.at))
    session.flush()
    waves.note(session, whose.automation_id)
    row = _locked(session, whose.recipient_id)
    if row is None:
        return
    if outcome.word == "uncertain" and talks and row.status == RecipientStatus.QUEUED:
        # The conversation goes on, for the message may have arrived: it shows by what is reported of it, or by an answer.
        row.error_code, row.error_message = code, _words(session, outcome.delivery_id)
        return
    words = (outcome.detail or _words(session, outcome.delivery_id) or code)[:ERROR_LENGTH]
    if row.status == RecipientStatus.COMPLETED and not talks and row.delivered_at is None and outcome.word == "failed":
        # The vendor took the message, and says now that it did not arrive.
        row.status, row.flow_completed, row.error_code, row.error_message = RecipientStatus.FAILED, False, code, words
        counts.add(session, row.execution_id, variants.counted(row.variant, {"completed": -1, "failed": 1}))
        return
    _record(session, row.id, RecipientStatus.FAILED, outcome.at, error_code=code, error_message=words)


def _words(session: Session, delivery_id: int) -> str | None:
    delivery = session.get(Delivery, delivery_id)
    return delivery.last_error if delivery is not None else None


def _come_back(session: Session, whose: Whose, outcome: MessageOutcome) -> None:
    """The message was not sent for a reason of ours: the recipient waits again, unless another message has taken its place."""
    if outcome.reason == NOT_CONFIGURED:
        session.add(RecentFailure(automation_id=whose.automation_id, code=NOT_CONFIGURED, at=outcome.at))
    row = _locked(session, whose.recipient_id)
    if row is not None and row.status == RecipientStatus.QUEUED and row.delivery_id == outcome.delivery_id:
        row.status, row.due_at, row.reason = RecipientStatus.PENDING, None, outcome.reason


def _locked(session: Session, recipient_id: int) -> Recipient | None:
    return session.scalars(held(select(Recipient).where(Recipient.id == recipient_id), Recipient)).one_or_none()


def _record(session: Session, recipient_id: int, status: RecipientStatus, at: datetime, **more: Any) -> None:
    progress.record(session, [Change(recipient_id=recipient_id, status=status, at=at, **more)])
