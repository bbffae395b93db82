"""Changes of automations by hand: what cannot run is refused before anything is kept."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import audience as audiences
from functions.broadcasts import known_flows, running_control, schedule_failures, uploads, variables, variants
from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.starting import open_executions
from functions.broadcasts.states import UNDER_WAY, AutomationStatus, ExecutionStatus
from functions.broadcasts.tables import Automation, Schedule
from shared import clock
from shared.crm import editing
from shared.errors import FieldError, RefusedError
from shared.phrases import phrase
from shared.settings import settings_of
from shared.store.dialect import locked

MOST_POSTED = 10_000
NUMBERS = "audience_config.phone_numbers"


def find(session: Session, automation_id: str, *, for_change: bool = False) -> Automation:
    """The automation of that UUID, held until the transaction ends where it is to be changed.

    Raises:
        RefusedError: 404, there is none, or it was deleted.
    """
    query = select(Automation).where(Automation.uuid == automation_id, Automation.deleted_at.is_(None))
    row = session.scalars(locked(query, Automation) if for_change else query).one_or_none()
    if row is None:
        raise RefusedError(404, "no-such-automation", "There is no automation with this id.")
    return row


def create(session: Session, fields: Mapping[str, Any], actor: str) -> Automation:
    """A new automation, `draft` unless something else is asked for.

    Raises:
        RefusedError: 422 that names what cannot be meant.
    """
    row = Automation(created_by=actor[:60])
    _set(session, row, fields, actor)
    row.is_active = row.status == AutomationStatus.ACTIVE
    session.add(row)
    session.flush()
    editing.log(session, actor, "automation-added", f"automation:{row.uuid}")
    return row


def change(session: Session, automation_id: str, fields: Mapping[str, Any], actor: str) -> Automation:
    """Set these fields.

    Raises:
        RefusedError: 400, an execution is queued or running; 404; 422.
    """
    row = find(session, automation_id, for_change=True)
    _refuse_under_way(session, row)
    _set(session, row, fields, actor)
    row.is_active = row.status == AutomationStatus.ACTIVE
    editing.log(session, actor, "automation-changed", f"automation:{row.uuid}", sorted(fields))
    return row


def delete(session: Session, automation_id: str, actor: str) -> None:
    """Delete it softly, with its schedule; what it has sent stays. What is paused of it is cancelled: nothing more is sent.

    Raises:
        RefusedError: 400, an execution is queued or running; 404.
    """
    row = find(session, automation_id, for_change=True)
    _refuse_under_way(session, row)
    for paused in open_executions(session, row.id, (ExecutionStatus.PAUSED,)):
        running_control.cancel(session, paused.id, actor, phrase("its automation was deleted"))
    row.deleted_at, row.is_active, row.next_scheduled_at = clock.now(), False, None
    for schedule in session.scalars(select(Schedule).where(Schedule.automation_id == row.id, Schedule.deleted_at.is_(None))):
        schedule.deleted_at, schedule.is_active, schedule.next_scheduled_at = clock.now(), False, None
        schedule_failures.settle(session, schedule, actor)
    editing.log(session, actor, "automation-deleted", f"automation:{row.uuid}")


def _refuse_under_way(session: Session, row: Automation) -> None:
    if under_way := open_executions(session, row.id, UNDER_WAY):
        title = "An execution of it is queued or running; cancel it, or pause it, first."
        raise RefusedError(
            400, "execution-under-way", title, detail=phrase("It is the execution %(number)s.", number=under_way[0].uuid)
        )


def _set(session: Session, row: Automation, fields: Mapping[str, Any], actor: str) -> None:
    given = dict(fields)
    kind = given.get("audience_type", row.audience_type or "custom")
    config = given.get("audience_config", row.audience_config or {})
    if kind in ("custom", "uploaded") and "phone_numbers" in config:
        kind, config = "uploaded", _as_list(session, config["phone_numbers"], actor)
        given |= {"audience_type": kind, "audience_config": config}
    for name, value in given.items():
        setattr(row, name, value)
    if {"audience_type", "audience_config"} & given.keys() or row.id is None:
        audiences.check(session, kind, config)
    faults = known_flows.faults(row.flow_id, row.chatbot_id, row.whatsapp_number_id)
    faults += variables.faults(row.variable_mapping or {}) if "variable_mapping" in given else []
    faults += variants.faults(row.variant_b) if "variant_b" in given else []
    faults += _rate_faults(row) + _window_faults(row)
    if faults:
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=faults)


def _as_list(session: Session, posted: Any, actor: str) -> dict[str, Any]:
    """Numbers that stand in the body are kept as a list, where an erasure finds them: a text each, or `phone` and variables."""
    if not isinstance(posted, list) or not 0 < len(posted) <= MOST_POSTED:
        wrong = FieldError.of(NUMBERS, "a list of 1 to %(most)s numbers; upload a file for more", most=MOST_POSTED)
        raise RefusedError(422, "invalid-fields", "The audience is not as it must be.", errors=[wrong])
    rows = [each if isinstance(each, dict) else {"phone": each} for each in posted]
    upload, taken = uploads.keep_numbers(session, rows, actor)
    if not taken.accepted:
        wrong = FieldError.of(NUMBERS, "none of them is a phone number")
        raise RefusedError(422, "invalid-fields", "The audience is not as it must be.", errors=[wrong])
    return {"upload_id": upload.uuid, "accepted": upload.accepted, "duplicates": upload.duplicates, "bad": upload.bad}


def _rate_faults(row: Automation) -> list[FieldError]:
    most = settings_of(BroadcastSettings).broadcast_max_rate_per_hour
    rate = row.rate_limit_per_hour
    return [FieldError.of("rate_limit_per_hour", "at most %(most)s", most=most)] if rate is not None and rate > most else []


def _window_faults(row: Automation) -> list[FieldError]:
    if (row.execution_window_start is None) == (row.execution_window_end is None):
        return []
    missing = "execution_window_start" if row.execution_window_start is None else "execution_window_end"
    return [FieldError.of(missing, "a window has both ends, or none")]
