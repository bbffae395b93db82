"""The tables of journeys: versions, beginnings, enrolments, their addresses, steps and talks, pauses, events, decisions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared import clock
from shared.store.models import Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

JOURNEY_LENGTH = 50
PERSON_LENGTH = 100
REASON_LENGTH = 200
DIGEST_LENGTH = 32
EVENT_LENGTH = 100


class JourneyVersion(Base):
    """A definition as it was when somebody entered by it. Enrolments keep theirs, whatever the file says later."""

    __tablename__ = "journey_versions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    journey: Mapped[str] = mapped_column(Unicode(JOURNEY_LENGTH))
    hash: Mapped[str] = mapped_column(Unicode(40))
    definition: Mapped[Any] = mapped_column(JsonText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (UniqueConstraint("journey", "hash"),)


class JourneyPause(Base):
    """A time in which a journey stands still. `resumed_at` is NULL while it does."""

    __tablename__ = "journey_pauses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    journey: Mapped[str] = mapped_column(Unicode(JOURNEY_LENGTH), index=True)
    paused_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paused_by: Mapped[str] = mapped_column(Unicode(60))
    resumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resumed_by: Mapped[str | None] = mapped_column(Unicode(60))


class JourneyFigures(Base):
    """How many people stand where in a journey, as `shared.journeys.figures` counted them last."""

    __tablename__ = "journey_figures"
    journey: Mapped[str] = mapped_column(Unicode(JOURNEY_LENGTH), primary_key=True)
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    figures: Mapped[Any] = mapped_column(JsonText)


class Enrolment(Timestamped, Base):
    """A person in a journey. The unique `enrol_key` is what makes a second delivery of the same event harmless.

    `shift_seconds` is how long they were held, in all; time up to `counted_until` is in it.
    """

    __tablename__ = "enrolments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    journey: Mapped[str] = mapped_column(Unicode(JOURNEY_LENGTH))
    version_id: Mapped[int] = mapped_column(ForeignKey("journey_versions.id"))
    person: Mapped[str] = mapped_column(Unicode(PERSON_LENGTH), index=True)
    instance: Mapped[str | None] = mapped_column(Unicode(200))
    enrol_key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    event_key: Mapped[str | None] = mapped_column(Unicode(64), index=True)
    state: Mapped[str] = mapped_column(Unicode(16), default="active")
    reason: Mapped[str | None] = mapped_column(Note(REASON_LENGTH))
    anchor_at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[Any] = mapped_column(JsonText, default=dict)
    data_at: Mapped[datetime] = mapped_column(UtcDateTime)
    results: Mapped[Any] = mapped_column(JsonText, default=dict)
    held_by: Mapped[Any] = mapped_column(JsonText, default=list)
    testing: Mapped[bool] = mapped_column(default=False)
    shift_seconds: Mapped[int] = mapped_column(BigId, default=0)
    counted_until: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_enrolments_journey_state_counted_until", "journey", "state", "counted_until"),
        Index("ix_enrolments_journey_id", "journey", "id"),
        Index("ix_enrolments_created_at", "created_at"),  # those of a day, for the reports
    )


class EnrolmentAddress(Base):
    """An address that an enrolment's person has had, or their key, as a digest (see `shared.messages.digests`)."""

    __tablename__ = "enrolment_addresses"
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True, autoincrement=False)
    who: Mapped[str] = mapped_column(Unicode(DIGEST_LENGTH), primary_key=True, index=True)


class EnrolmentStep(Base):
    """Where one step of one enrolment stands, and the delivery by which it is sent.

    `due_at` is when it is due. `nominal_at` is when it would be due if every hour were open; NULL in rows that are older.
    """

    __tablename__ = "enrolment_steps"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"))
    step: Mapped[str] = mapped_column(Unicode(JOURNEY_LENGTH))
    state: Mapped[str] = mapped_column(Unicode(16), default="waiting")
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    nominal_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivery_id: Mapped[int | None] = mapped_column(BigId, index=True)
    generation: Mapped[int] = mapped_column(default=0)
    held: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None] = mapped_column(Note(REASON_LENGTH))

    __table_args__ = (
        UniqueConstraint("enrolment_id", "step"),
        Index("ix_enrolment_steps_state_due_at", "state", "due_at"),  # what should have happened by now and has not
    )


class JourneyTalk(Timestamped, Base):
    """Where somebody stands in a talking flow. Written under the lock of the enrolment, which is its key.

    `node` is the step that they are at. `state`: `sending`, its message is on its way; `asked`, an answer is waited for,
    `until` then; `ended`, with an `outcome`, `completed` where the flow itself came to an end. `sent_at` is when the last
    message was taken, `tries` how many answers have not fitted, `moves` how many steps there were. `context` is the caller's.
    `first_delivery_id` is the message by which the question was first put since they came to it, `repeats` how often it was put
    again because nobody answered. `way` are the questions that were answered, in their order: the way back.
    """

    __tablename__ = "journey_talks"
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(Unicode(16))
    node: Mapped[str | None] = mapped_column(Unicode(JOURNEY_LENGTH))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    moves: Mapped[int] = mapped_column(default=0)
    first_delivery_id: Mapped[int | None] = mapped_column(BigId)
    repeats: Mapped[int] = mapped_column(default=0, server_default="0")
    way: Mapped[Any] = mapped_column(JsonText, nullable=True)
    outcome: Mapped[str | None] = mapped_column(Unicode(JOURNEY_LENGTH))
    completed: Mapped[bool] = mapped_column(default=False)
    context: Mapped[Any] = mapped_column(JsonText, default=dict)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_journey_talks_state_until", "state", "until"),)


class JourneyDecision(Base):
    """What was decided about a person in a journey, and why; nothing is ever rewritten."""

    __tablename__ = "journey_decisions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    step: Mapped[str | None] = mapped_column(Unicode(JOURNEY_LENGTH))
    kind: Mapped[str] = mapped_column(Unicode(16))
    reason: Mapped[str | None] = mapped_column(Note(REASON_LENGTH))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JourneyEvent(Base):
    """An event that ends, resumes or prevents journeys, kept because the event that begins one may still be on its way.

    One row for each key of the person. `facts` are those fields of the event's data that definitions ask about.
    """

    __tablename__ = "journey_events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    person: Mapped[str] = mapped_column(Unicode(PERSON_LENGTH))
    event: Mapped[str] = mapped_column(Unicode(EVENT_LENGTH))
    event_key: Mapped[str] = mapped_column(Unicode(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    facts: Mapped[Any] = mapped_column(JsonText, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (Index("ix_journey_events_person_at", "person", "at"),)


class JourneyBeginning(Timestamped, Base):
    """A person who enters a journey when the pause after an event is over, unless something happens before (`settle`).

    `at` is when the newest event of this kind happened, `due_at` when its pause ends. One row for a journey, event, person and
    instance; it stays after the beginning, so that an older event that comes late does not begin it again.
    """

    __tablename__ = "journey_beginnings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Unicode(64), unique=True)
    journey: Mapped[str] = mapped_column(Unicode(JOURNEY_LENGTH))
    event: Mapped[str] = mapped_column(Unicode(EVENT_LENGTH))
    person: Mapped[str] = mapped_column(Unicode(PERSON_LENGTH), index=True)
    person_keys: Mapped[Any] = mapped_column(JsonText, default=list)
    instance: Mapped[str | None] = mapped_column(Unicode(200))
    state: Mapped[str] = mapped_column(Unicode(16), default="waiting")
    reason: Mapped[str | None] = mapped_column(Note(REASON_LENGTH))
    event_key: Mapped[str] = mapped_column(Unicode(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[Any] = mapped_column(JsonText, default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    enrolment_id: Mapped[int | None] = mapped_column(BigId)

    __table_args__ = (
        Index("ix_journey_beginnings_state_due_at", "state", "due_at"),
        Index("ix_journey_beginnings_journey_id", "journey", "id"),
    )
