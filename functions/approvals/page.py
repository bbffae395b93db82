"""The page behind the link: what is asked for with its two buttons, and what has become of it. Texts are in `templates/`."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from sqlalchemy.orm import Session

from functions.approvals import wording
from shared.approvals import decisions, invitations, links
from shared.approvals.approval import PENDING, Verdict, same_name
from shared.approvals.decisions import Decided
from shared.crm import editing
from shared.errors import RefusedError
from shared.intake.body import UNSTORABLE
from shared.messages import templates
from shared.settings import get_settings
from shared.store.approval_models import COMMENT_LENGTH, Approval, ApprovalInvitation
from shared.store.session import reading

QUESTION, OVER, REFUSED = "approval_question", "approval_over", "approval_refused"
VERDICTS: dict[str, Verdict] = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True)
class _Asked:
    """Whose link it is, and of which approval."""

    approval: Approval
    approver: str
    delegated_to: str | None


def question(token: str) -> str:
    """What is asked for, with the buttons where its reader can still decide. Changes nothing.

    Raises:
        RefusedError: 403, the link is not ours; 404, what it was about is removed; 503, no secret is configured.
    """
    with reading() as session:
        asked = _asked(session, token)
        return _shown(asked, is_new=False)


def answer(token: str, form: bytes) -> str:
    """Do what the form says (`verdict`: approve, reject or delegate), and show what has become of the approval.

    Raises:
        RefusedError: as `question`; 400, the form says nothing that can be done; 403 and 422 as `decisions`.
    """
    fields = {name: values[-1] for name, values in parse_qs(form.decode(errors="replace"), max_num_fields=20).items()}

    def work(session: Session) -> str:
        asked = _asked(session, token)
        if asked.delegated_to is not None and fields.get("verdict") != "delegate":
            return _shown(asked, is_new=False)
        decided = _done(session, asked, fields)
        session.flush()
        return _shown(_asked(session, token), is_new=decided.changed)

    return editing.committed(work)


def refusal(error: RefusedError) -> str:
    """Why nothing was done."""
    return templates.page(REFUSED, {"reason": error.reason})


def away() -> str:
    """The database cannot be reached; the link stays good."""
    return templates.page(REFUSED, {"reason": "unavailable"})


def _asked(session: Session, token: str) -> _Asked:
    number = links.read(token, get_settings().link_signing_secrets)
    invitation = session.get(ApprovalInvitation, number)
    if invitation is None:
        raise RefusedError(404, "no-such-approval", "What this link was about is removed.")
    return _Asked(session.get_one(Approval, invitation.approval_id), invitation.approver, invitation.delegated_to)


def _done(session: Session, asked: _Asked, fields: dict[str, str]) -> Decided:
    wanted, number = fields.get("verdict", ""), asked.approval.id
    actor = f"link:{asked.approver}"
    if wanted == "delegate":
        return decisions.delegate(session, number, asked.approver, fields.get("to", ""), actor)
    if wanted not in VERDICTS:
        raise RefusedError(400, "bad-form", "The form says nothing that can be done.")
    comment = UNSTORABLE.sub("\ufffd", fields.get("comment", "")).strip()[:COMMENT_LENGTH] or None
    return decisions.decide(session, number, VERDICTS[wanted], asked.approver, comment, actor)


def _shown(asked: _Asked, *, is_new: bool) -> str:
    """The question while its reader can decide; else how it stands, and whether that is their doing of this moment."""
    row, settings = asked.approval, get_settings()
    values = wording.in_words(invitations.shown(row)) | {"time_zone": settings.default_time_zone, "approver": asked.approver}
    others = [name for name in decisions.may_be_asked(row) if not same_name(name, asked.approver)]
    if row.state == PENDING and asked.delegated_to is None and not decisions.is_over(row):
        return templates.page(QUESTION, values | {"others": others, "longest": COMMENT_LENGTH})
    state = "expired" if row.state == PENDING and asked.delegated_to is None else row.state
    more = {"state": state, "delegated_to": asked.delegated_to, "is_new": is_new, "comment": row.comment}
    decided_at = row.decided_at.isoformat() if row.decided_at else None
    return templates.page(OVER, values | more | {"decided_by": row.decided_by, "decided_at": decided_at})
