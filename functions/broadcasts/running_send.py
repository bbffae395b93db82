"""Begin with recipients: a flow of one message becomes deliveries, planned ahead; a flow that talks begins when it is due.

The message, or the first one of the talk, bears in its context whose it is, and goes in the lane of its automation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import known_flows
from functions.broadcasts.tables import Execution, Recipient
from shared.errors import PermanentError
from shared.journeys import talking
from shared.journeys.talks.definition import TalkingFlow
from shared.journeys.talks.run import BULK_SOURCE, COMPLETED
from shared.journeys.timing import Delay
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
    outcome: str | None = None

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> "Whose | None":
        """Whose message it is; None where it belongs to no broadcast."""
        talk = context.get("talk")
        mark = context.get(MARK) or (talk.get(MARK) if isinstance(talk, Mapping) else None)
        if not isinstance(mark, Mapping):
            return None
        opens = MARK in context or bool(context.get("opens"))
        return cls(int(mark["recipient"]), int(mark["execution"]), int(mark["automation"]), opens, mark.get("outcome"))


def source_of(automation_id: int) -> str:
    """The bulk source of an automation: its messages share a lane, beside which other bulk has its share."""
    return f"broadcast-{automation_id}"


def flow(execution: Execution) -> TalkingFlow:
    """The flow that an execution runs.

    Raises:
        PermanentError: `unknown-flow`; there is none of that id any more.
    """
    found = known_flows.flow_of(str(execution.config.get("flow_id")))
    if found is None:
        raise PermanentError("unknown-flow", f"there is no flow {execution.config.get('flow_id')}")
    return found


def is_one_message(found: TalkingFlow) -> bool:
    """Whether a flow is one message by a template, with at most an outcome behind it: that needs no conversation."""
    first, *rest = found.steps
    sends = first.sends and first.ask is None and first.say is None and first.when is None and first.delay == Delay()
    return sends and len(rest) <= 1 and all(step.end is not None and step.when is None for step in rest)


def outcome_of(found: TalkingFlow) -> str:
    """With which outcome a flow of one message ends."""
    return found.steps[-1].end or COMPLETED


def plan_messages(
    session: Session, execution: Execution, journey: TalkingFlow, due: Sequence[tuple[Recipient, datetime]]
) -> None:
    """Give these recipients their deliveries. The ledger is locked, so nobody else plans them."""
    made = [_message(execution, journey, row, at) for row, at in due]
    ids = planning.enqueue_many(session, made, source=source_of(execution.automation_id))
    for (row, at), delivery_id in zip(due, ids, strict=True):
        row.delivery_id, row.due_at = delivery_id, at


def begin_talk(session: Session, execution: Execution, journey: TalkingFlow, row: Recipient) -> bool:
    """Begin the flow for a recipient; False where the flow's own rule has it that they are in it already."""
    context = {MARK: _mark(execution, row), BULK_SOURCE: source_of(execution.automation_id)}
    variables = dict(row.variables) | {"phone": row.phone_number}
    if (number := number_of(execution)) is not None:
        variables["whatsapp_number_id"] = number
    key = f"broadcast:{row.id}:{row.enrolment_id or 0}"
    enrolment = talking.begin(session, journey.name, _person(row), variables, key=key, context=context)
    if enrolment is None:
        return False
    row.enrolment_id = enrolment
    sends = (EnrolmentStep.enrolment_id == enrolment, EnrolmentStep.delivery_id.is_not(None))
    query = select(EnrolmentStep.delivery_id).where(*sends).order_by(EnrolmentStep.id).limit(1)
    row.delivery_id = session.scalars(query).one_or_none()
    return True


def number_of(execution: Execution) -> str | None:
    """The number of ours that an execution goes out from; None: the default one."""
    return known_flows.number_of(execution.config.get("whatsapp_number_id"), execution.config.get("chatbot_id"))


def _message(execution: Execution, journey: TalkingFlow, row: Recipient, at: datetime) -> Message:
    step = journey.steps[0]
    return Message(
        person=_person(row),
        channel=step.channel,
        to=str(row.phone_number),
        template=step.ways()[0].template,
        variables=dict(row.variables) | step.variables,
        # The delivery before it makes the key: a recipient gets a new one only when that has ended without being sent.
        dedupe_key=f"broadcast:{row.id}:{row.delivery_id or 0}",
        due_at=at,
        locale=LOCALE,
        whatsapp_number_id=number_of(execution),
        context={MARK: _mark(execution, row) | {"outcome": outcome_of(journey)}},
    )


def _mark(execution: Execution, row: Recipient) -> dict[str, Any]:
    return {"recipient": row.id, "execution": execution.id, "automation": execution.automation_id}


def _person(row: Recipient) -> str:
    return f"phone:{row.phone_number}"
