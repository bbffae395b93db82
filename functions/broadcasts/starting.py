"""Start an automation by hand: one execution, whose recipients are worked out at once where they are few."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import audience as audiences
from functions.broadcasts import known_flows, planning
from functions.broadcasts.audience import Audience
from functions.broadcasts.running_config import config_of
from functions.broadcasts.states import AutomationStatus
from functions.broadcasts.tables import Automation, Execution
from shared import clock
from shared.crm import editing
from shared.errors import RefusedError

log = logging.getLogger("puente.broadcasts")
AT_ONCE = 3  # chunks that are planned before the start is answered


@dataclass(frozen=True)
class Start:
    """What a caller wants started: the automation's audience, or some contacts in its place, to try it out."""

    test_mode: bool = False
    test_contact_ids: Sequence[int | str] = ()


def start(session: Session, automation: Automation, wanted: Start, by: str, actor: str) -> Execution:
    """A new execution, `queued`. The automation is locked.

    `by` is the name of whoever starts it, who cannot approve it, and `actor` how the action log names them.

    Raises:
        RefusedError: 400, it is archived or its audience is empty; 422, its flow, number or audience is not there any more.
    """
    if automation.status == AutomationStatus.ARCHIVED:
        raise RefusedError(400, "archived", "An archived automation is not started.")
    if faults := known_flows.faults(automation.flow_id, automation.chatbot_id, automation.whatsapp_number_id):
        raise RefusedError(422, "invalid-fields", "The automation names what is not there any more.", errors=faults)
    number = known_flows.number_of(automation.whatsapp_number_id, automation.chatbot_id)
    if faults := known_flows.template_faults(session, automation.flow_id, number):
        raise RefusedError(422, "invalid-fields", "The vendor would refuse every message.", errors=faults)
    if wanted.test_mode:
        audiences.check_test_ids(wanted.test_contact_ids)
    else:
        audiences.check(session, automation.audience_type, automation.audience_config)
    execution = Execution(
        automation_id=automation.id,
        execution_type="manual",
        triggered_by=by[:60],
        is_test=wanted.test_mode,
        test_contact_ids=list(wanted.test_contact_ids) if wanted.test_mode else None,
        config=config_of(automation),
    )
    if is_empty(session, planning.audience_of(execution)):
        raise RefusedError(400, "empty-audience", "Nobody belongs to the audience.")
    session.add(execution)
    automation.status, automation.is_active = AutomationStatus.ACTIVE, True
    automation.total_executions += 1
    automation.last_executed_at = clock.now()
    session.flush()
    editing.log(session, actor, "broadcast-start", f"automation:{automation.uuid}", f"execution {execution.uuid}")
    return execution


def is_empty(session: Session, audience: Audience) -> bool:
    """Whether nobody belongs to it, as far as the first chunks tell; a list that is still being read counts as somebody."""
    upload = audiences.find_upload(session, audience.config.get("upload_id")) if audience.kind == "uploaded" else None
    if upload is not None and upload.state == "reading":
        return False
    after = 0
    for _ in range(AT_ONCE):
        candidates, place = audience.chunk(session, after, planning.CHUNK)
        if candidates:
            return False
        if place == after:
            return True
        after = place
    return False


def plan_at_once(execution_id: int) -> None:
    """Work out the first recipients before the caller is answered; the job goes on with what is left.

    The execution is there already, so what fails here fails no start.
    """
    try:
        for _ in range(AT_ONCE + 1):
            if not planning.plan_chunk(execution_id):
                return
    except Exception:
        log.exception("the recipients of execution %d are worked out later", execution_id)


def open_executions(session: Session, automation_id: int, statuses: Sequence[str]) -> Sequence[Execution]:
    """The executions of an automation that are in one of these states, oldest first."""
    query = select(Execution).where(Execution.automation_id == automation_id, Execution.status.in_(statuses))
    return session.scalars(query.order_by(Execution.id)).all()
