"""The welcome mail: it goes out once the accounts are there, with the manual, and says what is true when it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.onboarding import reports, rows, steps
from functions.onboarding.tables import OPEN, Onboarding, OnboardingManual, OnboardingStep
from shared import messages, queues
from shared.errors import PermanentError
from shared.messages import Message, dates
from shared.messages.attachments import Attachment
from shared.store.session import reading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from shared.messages import MessageOutcome

CONTEXT = "onboarding_welcome"
MANUAL = "onboarding_manual"
TEMPLATE = "welcome_new_employee"
WITH_MANUAL, WITHOUT_MANUAL = "with-manual", "without-manual"
ENDS = {"sent": "done", "delivered": "done", "opened": "done", "clicked": "done", "failed": "failed", "uncertain": "uncertain"}


def enqueue(session: Session, row: Onboarding, step: OnboardingStep) -> None:
    """Enqueue the mail, once for the onboarding."""
    manual = reports.manual_of(session)
    step.detail = WITH_MANUAL if manual else WITHOUT_MANUAL
    message = Message(
        person=person_of(row),
        channel="email",
        to=row.login,
        template=TEMPLATE,
        dedupe_key=f"onboarding:{row.id}:welcome",
        context={CONTEXT: row.id} | ({MANUAL: manual.id} if manual else {}),
        window=False,
        transactional=True,
    )
    messages.enqueue(session, message)


def person_of(row: Onboarding) -> str:
    """The employee as messages know them."""
    return f"{steps.PREFIX}{row.id}"


def variables(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the mail says, as it is now."""
    with reading() as session:
        row = session.get(Onboarding, int(context[CONTEXT]))
        if row is None:
            raise PermanentError("no-such-onboarding", "the onboarding is no more")
        return {
            "first_name": row.first_name or row.full_name.split()[0],
            "start_date": f"{dates.written(row.start_date)} de {row.start_date.year}",
            "manager": row.manager_name or row.manager_email,
            "position": row.position or "",
            "location": row.location or "",
            "login": row.login,
            "has_manual": MANUAL in context,
        }


def attach(context: Mapping[str, Any], _at: datetime) -> Sequence[Attachment] | None:
    """The manual that was the newest when the mail was planned. None where the message is none of ours.

    Raises:
        PermanentError: `claim-check-missing`, its file is there no more.
        UnavailableError: the storage account cannot be reached.
    """
    if CONTEXT not in context:
        return None
    if MANUAL not in context:
        return ()
    with reading() as session:
        manual = session.get(OnboardingManual, int(context[MANUAL]))
        if manual is None:
            raise PermanentError("manual-missing", "the manual is no more")
        name, reference = manual.name, manual.reference
    content = queues.get_blob(reference, of=queues.DOCUMENTS_CONTAINER)
    return (Attachment(name=name, content_type="application/pdf", content=content),)


def reason_not_to_send(context: Mapping[str, Any]) -> str | None:
    """Why the mail is not to go out any more: the contract was cancelled, or the onboarding is over."""
    with reading() as session:
        row = session.get(Onboarding, int(context[CONTEXT]))
        return None if row is not None and row.state == OPEN else "onboarding-over"


def note(session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
    """Note what has become of the mail. It is done when the provider has taken it; a bounce afterwards undoes that."""
    number = int(context[CONTEXT])
    if outcome.word == "skipped":
        state = steps.UNDONE if outcome.reason == "onboarding-over" else steps.STEP_FAILED
    elif outcome.word in ENDS:
        state = ENDS[outcome.word]
    else:
        return
    row = rows.lock(session, number)
    step = rows.steps_of(session, number, lock=True).get("welcome") if row is not None else None
    if step is None or step.state == state:
        return
    rows.settle(step, state, reason=outcome.reason if state not in (steps.DONE, steps.UNDONE) else None)
    steps.plan_advance(session, number)
