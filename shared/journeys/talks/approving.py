"""A step that waits for a person who is not the one in the flow: it asks for an approval, and takes the question back."""

from collections.abc import Callable
from datetime import datetime

from shared import approvals
from shared.approvals import ApprovalRequest
from shared.journeys.enrolment_records import EnrolmentRecord
from shared.journeys.talks.definition import Approve, TalkStep
from shared.phrases import phrase
from shared.store.journey_models import JourneyTalk

KIND = "journey"
ASKED_BY = "asked_by"
"""In the context of `talking.begin`: the name of the API key of whoever has begun it, who cannot approve then."""
LONGEST_TITLE, LONGEST_NAME = 200, 60


def key_of(talk: JourneyTalk) -> str:
    """The key of the question that stands at this place of a talk: one step may ask again."""
    return f"{talk.enrolment_id}:{talk.node}:{talk.moves}"


def ask(
    record: EnrolmentRecord, talk: JourneyTalk, step: TalkStep, approve: Approve, until: datetime, fill: Callable[[str], str]
) -> None:
    """Ask for the approval of a step, until then; `fill` fills its texts in. A second call asks nobody."""
    asked_by = str((talk.context or {}).get(ASKED_BY) or f"journey:{record.journey.name}")
    approvals.request(
        record.session,
        ApprovalRequest(
            kind=KIND,
            subject=record.enrolment.person,
            key=key_of(talk),
            title=" ".join(fill(approve.title).split())[:LONGEST_TITLE],
            details={label: fill(value) for label, value in approve.details.items()},
            asked_by=asked_by[:LONGEST_NAME],
            expires_at=until,
            approvers=approve.approvers,
        ),
    )
    record.decide("waiting", phrase("for an approval"), step=step.id, due_at=until)


def withdraw(record: EnrolmentRecord, talk: JourneyTalk) -> None:
    """The flow waits for nobody any more. Nothing where the question was decided."""
    approvals.withdraw(record.session, KIND, key_of(talk), f"journey:{record.journey.name}"[:LONGEST_NAME])
