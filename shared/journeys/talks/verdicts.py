"""Go on by a second person's decision: the step that the word leads to, else the end for anything but an approval."""

import re

from sqlalchemy.orm import Session

from shared.approvals import APPROVED, EXPIRED, ApprovalDecided
from shared.journeys.enrolment_records import Standing, lock_record
from shared.journeys.talks import approving, run

_KEY = re.compile(r"(\d{1,18}):([a-z0-9_]+):(\d{1,9})")


def take(session: Session, decided: ApprovalDecided) -> bool:
    """Whether a talk has gone on by a decision. One that waits for another question by now, or has ended, stays as it is."""
    found = _KEY.fullmatch(decided.key) if decided.kind == approving.KIND else None
    record = lock_record(session, int(found[1])) if found is not None else None
    talk = record.talk() if record is not None else None
    if record is None or talk is None or record.enrolment.state not in (Standing.ACTIVE, Standing.SUSPENDED):
        return False
    step = run.flow_of(record).step(talk.node or "")
    if talk.state != run.APPROVING or step is None or approving.key_of(talk) != decided.key:
        return False
    record.decide(decided.outcome, decided.by, step=step.id)
    name = step.store or step.id
    run.store(record, {name: decided.outcome, f"{name}_comment": decided.comment})
    named = step.next.get(decided.outcome) if isinstance(step.next, dict) else None
    if decided.outcome == EXPIRED and step.if_no_reply is not None:
        named = step.if_no_reply
    if decided.outcome != APPROVED and named is None:
        run.end(record, talk, decided.outcome, reason=decided.comment)
        return True
    run.follow(record, talk, step, decided.outcome)
    talk.node, talk.until = named or talk.node, None
    talk.state = run.SENDING
    run.go_on(record, talk)
    return True
