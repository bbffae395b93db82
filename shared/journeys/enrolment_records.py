"""An enrolment with its journey version and steps, and the decisions that are recorded about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys.definition import Journey
from shared.journeys.schedule import Frame
from shared.journeys.talks.definition import model_of
from shared.messages import windows
from shared.messages.windows import Window
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent, locked
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision, JourneyTalk, JourneyVersion


class Standing(StrEnum):
    """Where a person stands in a journey."""

    ACTIVE = "active"
    SUSPENDED = "suspended"  # left by an event that another one may take back
    EXITED = "exited"
    FINISHED = "finished"


class StepState(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"  # for a date to count from
    ENQUEUED = "owed"  # its delivery is in the outbox; the stored text is older than the name
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"  # by an exit


OPEN_STEPS = (StepState.WAITING, StepState.ENQUEUED)


@dataclass
class EnrolmentRecord:
    """An enrolment, its own version of the journey, and its steps by id. `is_new`: it was made in this transaction."""

    session: Session
    enrolment: Enrolment
    journey: Journey
    rows: dict[str, EnrolmentStep]
    is_new: bool = False

    def frame(self) -> Frame:
        """What its due times depend on."""
        row = self.enrolment
        return Frame(
            enrolled_at=row.anchor_at,
            zone=zone_of(row.data),
            data=row.data,
            shift=timedelta(seconds=row.shift_seconds),
            testing=row.testing,
            window=window_of(row.data),
        )

    def talk(self) -> JourneyTalk | None:
        """Where they stand in a talking flow, as it is now that the enrolment is locked; None where it is none."""
        if not self.journey.talks:
            return None
        return self.session.get(JourneyTalk, self.enrolment.id, populate_existing=not self.is_new)

    @property
    def has_outlived_its_reason(self) -> bool:
        """It was finished, and then the reason for it ended: what a later word of a vendor would bring back stays away."""
        return self.enrolment.state == Standing.FINISHED and self.enrolment.reason is not None

    def facts(self) -> dict[str, Any]:
        """What conditions may ask about."""
        row = self.enrolment
        return {"person": row.data, "data": row.data, "result": row.results or {}}

    def context(self, step: str) -> dict[str, Any]:
        """What goes along with a step's message, so that its outcome finds back."""
        row = self.rows[step]
        return {"journey": self.journey.name, "enrolment": self.enrolment.id, "step": step, "generation": row.generation}

    def decide(self, kind: str, reason: str | None, *, step: str | None = None, due_at: datetime | None = None) -> None:
        """Keep a decision and its reason."""
        line = JourneyDecision(enrolment_id=self.enrolment.id, step=step, kind=kind, reason=reason, due_at=due_at)
        self.session.add(line)

    def close(self, step: str, state: StepState, reason: str | None, *, kind: str) -> None:
        """Finish a step, and say why."""
        row = self.rows[step]
        row.state, row.reason, row.held = state, reason, False
        self.decide(kind, reason, step=step)

    def finish_if_done(self) -> None:
        """An enrolment without an open step is finished; a talking flow says itself when it has ended."""
        row = self.enrolment
        if self.journey.talks:
            return
        if row.state == Standing.ACTIVE and not any(one.state in OPEN_STEPS for one in self.rows.values()):
            row.state, row.left_at = Standing.FINISHED, clock.now()
            self.decide("finished", None)


# Put together once: they run several times for each message, and putting them together costs as much as running them.
_ENROLMENT = locked(select(Enrolment).where(Enrolment.id == bindparam("id")), Enrolment)
_STEPS = (
    select(EnrolmentStep, JourneyVersion.hash)
    .join(JourneyVersion, JourneyVersion.id == bindparam("version"))
    .where(EnrolmentStep.enrolment_id == bindparam("enrolment"))
)


def lock_record(session: Session, enrolment_id: int) -> EnrolmentRecord | None:
    """The enrolment of that id, locked until the transaction ends; None where there is none."""
    found = session.scalars(_ENROLMENT, {"id": enrolment_id}).one_or_none()
    return read_record(session, found) if found is not None else None


def read_record(session: Session, enrolment: Enrolment) -> EnrolmentRecord:
    """The enrolment with its journey and its steps."""
    found = session.execute(_STEPS, {"version": enrolment.version_id, "enrolment": enrolment.id}).all()
    rows = {row.step: row for row, _version in found}
    journey = _known.get(found[0][1]) if found else None
    return EnrolmentRecord(session, enrolment, journey or pinned(session, enrolment.version_id), rows)


def pinned(session: Session, version_id: int) -> Journey:
    """A journey as it was when somebody entered it."""
    version = session.get_one(JourneyVersion, version_id)
    if version.hash not in _known:
        _known[version.hash] = model_of(version.definition).read_pinned(version.definition)
    return _known[version.hash]


def pin(session: Session, journey: Journey) -> int:
    """Keep this version of a journey; its id. Pinning the same content again changes nothing."""
    name, version = journey.name, journey.version()
    query = select(JourneyVersion.id).where(JourneyVersion.journey == name, JourneyVersion.hash == version)
    if (found := session.scalars(query).one_or_none()) is not None:
        return found
    values = {"journey": name, "hash": version, "definition": journey.dumped()}
    insert_if_absent(session, JourneyVersion, ("journey", "hash"), values)
    return session.scalars(query).one()


def zone_of(data: Any) -> str:
    """The person's time zone, from what is known of them, else their phone's, else the settings'."""
    return window_of(data).zone.key


def window_of(data: Any) -> Window:
    """The person's open hours, from what is known of them, else their phone's country, else the settings'."""
    known, settings = texts(data), get_settings()
    hours = (settings.default_time_zone, settings.quiet_hours, tuple(settings.working_days), settings.holidays_country)
    return _window(known["time_zone"], known["country"], known["phone"], hours)


def texts(data: Any) -> dict[str, str | None]:
    """What the data say of where and how somebody lives; what is no text is left out."""
    found = {name: data.get(name) for name in ("locale", "time_zone", "country", "phone")}
    return {name: value if isinstance(value, str) else None for name, value in found.items()}


@lru_cache(maxsize=4096)
def _window(time_zone: str | None, country: str | None, phone: str | None, _settings: tuple[Any, ...]) -> Window:
    return windows.window_for(get_settings(), time_zone=time_zone, country=country, phone=phone)


_known: dict[str, Journey] = {}  # by the name of their content; there are no more than were ever deployed
