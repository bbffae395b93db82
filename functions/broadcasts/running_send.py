"""Begin with recipients: a flow of one message becomes deliveries, planned ahead; a flow that talks begins when it is due.

The message, or the first one of the talk, bears in its context whose it is, and goes in the lane of its automation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.orm import Session

from functions.broadcasts.running_config import RunConfig
from functions.broadcasts.tables import Execution, Recipient
from shared.errors import PermanentError
from shared.journeys import load, talking
from shared.journeys.definition import Journey
from shared.journeys.talks.run import BULK_SOURCE
from shared.messages import planning
from shared.messages.message import Message
from shared.store.journey_models import EnrolmentStep

MARK = "broadcast"
LOCALE = "es"


@dataclass(frozen=True)
class Whose:
    """What the context of a message says of the recipient it is for. `opens`: it is the first one of their conversation."""

    recipient_id: int
    execution_id: int
    automation_id: int
    opens: bool

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> "Whose | None":
        """Whose message it is; None where it belongs to no broadcast."""
        talk = context.get("talk")
        mark = context.get(MARK) or (talk.get(MARK) if isinstance(talk, Mapping) else None)
        if not isinstance(mark, Mapping):
            return None
        opens = MARK in context or bool(context.get("opens"))
        return cls(int(mark["recipient"]), int(mark["execution"]), int(mark["automation"]), opens)


def source_of(automation_id: int) -> str:
    """The bulk source of an automation: its messages share a lane, beside which other bulk has its share."""
    return f"broadcast-{automation_id}"


def flow_id(name: str) -> str:
    """The id of a flow: the uuid5 of its name."""
    return str(uuid5(NAMESPACE_URL, f"flow:{name}"))


def flow(execution: Execution) -> Journey:
    """The flow that an execution runs, by its id or its name.

    Raises:
        PermanentError: `unknown-flow`; there is none of that id any more.
    """
    wanted = str(execution.config.get("flow_id"))
    for name, journey in load.definitions().items():
        if wanted in (name, flow_id(name)):
            return journey
    raise PermanentError("unknown-flow", f"there is no flow {wanted}")


def plan_messages(session: Session, execution: Execution, journey: Journey, due: Sequence[tuple[Recipient, datetime]]) -> None:
    """Give these recipients their deliveries. The ledger is locked, so nobody else plans them."""
    config = RunConfig.of(execution.config)
    made = [_message(execution, journey, config, row, at) for row, at in due]
    ids = planning.enqueue_many(session, made, source=source_of(execution.automation_id))
    for (row, at), delivery_id in zip(due, ids, strict=True):
        row.delivery_id, row.due_at = delivery_id, at


def begin_talk(session: Session, execution: Execution, journey: Journey, row: Recipient) -> bool:
    """Begin the flow for a recipient; False where the flow's own rule has it that they are in it already."""
    context = {MARK: _mark(execution, row), BULK_SOURCE: source_of(execution.automation_id)}
    variables = dict(row.variables) | {"phone": row.phone_number}
    key = f"broadcast:{row.id}:{row.enrolment_id or 0}"
    enrolment = talking.begin(session, journey.name, _person(row), variables, key=key, context=context)
    if enrolment is None:
        return False
    row.enrolment_id = enrolment
    step = session.get(EnrolmentStep, (enrolment, journey.steps[0].id))
    row.delivery_id = step.delivery_id if step is not None else None
    return True


def _message(execution: Execution, journey: Journey, config: RunConfig, row: Recipient, at: datetime) -> Message:
    step = journey.steps[0]
    return Message(
        person=_person(row),
        channel=step.channel,
        to=str(row.phone_number),
        template=step.template,
        variables=dict(row.variables),
        # The delivery before it makes the key: a recipient gets a new one only when that has ended without being sent.
        dedupe_key=f"broadcast:{row.id}:{row.delivery_id or 0}",
        due_at=at,
        locale=LOCALE,
        whatsapp_number_id=config.whatsapp_number_id,
        context={MARK: _mark(execution, row)},
    )


def _mark(execution: Execution, row: Recipient) -> dict[str, int]:
    return {"recipient": row.id, "execution": execution.id, "automation": execution.automation_id}


def _person(row: Recipient) -> str:
    return f"phone:{row.phone_number}"
