"""Notion in step with our record: what is asked for, what is sent, and each row's sync state true to what happened.

Light: flow pages import it to register what its deliveries do.
"""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions.christmas.settings import CampaignSettings
from shared import clock
from shared.errors import PuenteError
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.christmas.tables import Sequence, SequenceContact

log = logging.getLogger("puente.sequences")

TARGET = "notion"
PENDING, SUCCESS, PARTIAL, ERROR = "pending", "success", "partial", "error"
FORGOTTEN_AFTER = timedelta(minutes=15)
MOST_AT_ONCE = 10
CALLS_PER_SECOND = 3.0  # Notion's limit, long documented as an average for one integration


def wants_contacts() -> bool:
    """Whether the settings name a database of contacts in Notion."""
    settings = get_settings()
    return settings.notion_token is not None and bool(CampaignSettings.current().notion_contacts_db_id)


def wants_sequences() -> bool:
    """Whether the settings name a database of sequences in Notion."""
    settings = get_settings()
    return settings.notion_token is not None and bool(CampaignSettings.current().notion_email_sequence_db_id)


def ask_contact(session: "Session", row: "SequenceContact") -> None:
    """Ask that Notion be brought up to date with this person, where it is set up."""
    if wants_contacts():
        _ask(session, CONTACT, row)


def ask_sequence(session: "Session", row: "Sequence") -> None:
    """Ask that Notion be brought up to date with this sequence, where it is set up."""
    if wants_sequences():
        row.is_open = True
        _ask(session, SEQUENCE, row)


def _ask(session: "Session", action: Action, row: "Sequence | SequenceContact") -> None:
    from shared.outbox import plan

    _pending(row)
    session.flush()
    plan.sync(session, action, subject(action.name, row.id))


def subject(action_name: str, row_id: int) -> str:
    """By which a delivery names its row. A bare number could be somebody's id in another system."""
    return f"{action_name}:{row_id}"


def row_of(subject: str) -> int:
    """The row that a delivery names."""
    return int(subject.rpartition(":")[2])


def _pending(row: "Sequence | SequenceContact") -> None:
    row.notion_sync_status, row.notion_sync_error, row.notion_asked_at = PENDING, None, clock.now()


def _contacts(deliveries: Many[Claimed]) -> Mapping[int, Outcome]:
    """Read what SQL says of these people now, and bring their pages up to date."""
    from functions.christmas import notion_rows

    return notion_rows.send(deliveries, notion_rows.contact)


def _sequences(deliveries: Many[Claimed]) -> Mapping[int, Outcome]:
    """Read what SQL says of these sequences and their mails now, and bring their pages up to date."""
    from functions.christmas import notion_rows

    return notion_rows.send(deliveries, notion_rows.sequence)


def _model(action_name: str) -> type[Any]:
    from functions.christmas.tables import Sequence, SequenceContact

    return SequenceContact if action_name == "contact" else Sequence


def _hold(action_name: str) -> Callable[["Session", Many[str]], None]:
    def hold(session: "Session", subjects: Many[str]) -> None:
        from sqlalchemy import select

        from shared.store.dialect import locked

        model = _model(action_name)
        session.execute(
            locked(select(model.id, model.notion_sync_error).where(model.id.in_(map(row_of, subjects))), model)
        ).all()

    return hold


def _again(action_name: str) -> Callable[["Session", str], None]:
    def asked_again(session: "Session", subject: str) -> None:
        row = session.get(_model(action_name), row_of(subject))
        if row is not None:
            _pending(row)

    return asked_again


def _after(action_name: str) -> Callable[["Session", Claimed, Outcome, bool], None]:
    def after(session: "Session", delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001  # the outbox calls it so
        """Write down how it went. A success that a newer change has overtaken leaves the status pending: it is."""
        row = session.get(_model(action_name), row_of(delivery.subject))
        if row is None:
            return
        if isinstance(outcome, Done):
            lacking = outcome.result["lacking"]
            row.notion_page_id, row.notion_synced_at = outcome.result["page"], clock.now()
            row.notion_sync_status = (PARTIAL if lacking else SUCCESS) if final else PENDING
            row.notion_sync_error = f"Notion's database has no place for: {', '.join(lacking)}" if lacking else None
            if final and "open" in outcome.result:
                row.is_open = outcome.result["open"]
        elif isinstance(outcome, PuenteError):
            row.notion_sync_status, row.notion_sync_error = ERROR, str(outcome)[:1000]

    return after


def rearm(session: "Session", at_most: int = 500) -> int:
    """Ask for what has changed without our being told, and again for what fell out of the outbox; how many were asked for.

    Others end our sequences as well (a booking by another calendar, a person in the API); the enrolment's own time shows it.
    """
    changed = _changed(session, at_most) if wants_sequences() else 0
    forgotten = _forgotten(session, SEQUENCE, at_most) if wants_sequences() else 0
    return changed + forgotten + (_forgotten(session, CONTACT, at_most) if wants_contacts() else 0)


def _changed(session: "Session", at_most: int) -> int:
    from sqlalchemy import select, true

    from functions.christmas.tables import Sequence
    from shared.store.journey_models import Enrolment

    query = (
        select(Sequence)
        .join(Enrolment, Enrolment.id == Sequence.enrolment_id)
        .where(Sequence.is_open == true(), Enrolment.updated_at > Sequence.notion_asked_at)
        .order_by(Sequence.id)
        .limit(at_most)
    )
    rows = session.scalars(query).all()
    for row in rows:
        ask_sequence(session, row)
    return len(rows)


def _forgotten(session: "Session", action: Action, at_most: int) -> int:
    from sqlalchemy import Unicode, cast, literal, select

    from shared.outbox.forgotten import cared_for

    model = _model(action.name)
    own_name = literal(subject(action.name, 0)[:-1]) + cast(model.id, Unicode(20))
    lost = (model.notion_sync_status.in_((PENDING, ERROR)), model.notion_asked_at < clock.now() - FORGOTTEN_AFTER)
    query = select(model).where(*lost, ~cared_for(action, model, own_name)).order_by(model.id).limit(at_most)
    rows = session.scalars(query).all()
    for row in rows:
        _ask(session, action, row)
    return len(rows)


# One batch at a time over all instances, in which calls are spaced: so the limit holds whatever the number of instances.
def policy() -> TargetPolicy:
    """Notion's limits."""
    return TargetPolicy(slots=1, batches_per_second=CALLS_PER_SECOND)


def _registered(name: str, execute: Callable[[Many[Claimed]], Mapping[int, Outcome]]) -> Action:
    return Action(
        target=TARGET,
        name=name,
        kind=Kind.SYNC,
        execute=execute,
        batch_size=lambda: MOST_AT_ONCE,
        after=_after(name),
        hold=_hold(name),
        asked_again=_again(name),
    )


CONTACT = _registered("contact", _contacts)
SEQUENCE = _registered("sequence", _sequences)

__all__ = ["CONTACT", "SEQUENCE", "TARGET", "ask_contact", "ask_sequence", "rearm", "wants_contacts", "wants_sequences"]
