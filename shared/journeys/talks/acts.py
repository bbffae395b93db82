"""What the steps `tag` and `assign` of a talking flow do: a tag on the contact, an advisor, and a note in the CRM.

The contact is the one that the variables name (`contact_id`), else whom the person's names or their number lead to.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.alerts import plan_alert
from shared.crm import assignment_edits, contact_profiles
from shared.errors import RefusedError
from shared.journeys import load
from shared.journeys.talks.events import TalkAct
from shared.messages import odoo_notes
from shared.people import aliases
from shared.readers import phone
from shared.store.models import Contact

ACTOR = "flow"
MOST_CONTACTS = 5  # relatives share a number; more than these are no family


def tag(session: Session, act: TalkAct) -> None:
    """Give the contact the tags of a step. Relatives who share a number have it in common, so each gets them."""
    for contact in contacts_of(session, act):
        for name in act.tags:
            contact_profiles.add_tag(session, contact.id, name)


def assign(session: Session, act: TalkAct) -> None:
    """Set the advisor of the contact's newest campaign, and write the note; where that cannot be, the operators are alerted.

    The note is written once for the step, on the record in Odoo of each contact that it may concern; the advisor is set where
    there is one contact alone.
    """
    contacts = contacts_of(session, act)
    title = load.journey(act.flow).title
    for contact in contacts:
        variables = {"note": act.note or "", "advisor": str(act.advisor or ""), "flow": title}
        odoo_notes.note(session, contact, "talk_assigned", variables, f"talk:{act.key}:{contact.id}")
    if act.advisor is None:
        return
    if len(contacts) != 1:
        _alert(session, act, f"{len(contacts)} contacts are known by that number")
        return
    values = {"commercial_advisor_id": act.advisor}
    try:
        with session.begin_nested():
            assignment_edits.update(session, contacts[0].manychat_id, None, values, f"{ACTOR}:{act.flow}")
    except RefusedError as error:
        _alert(session, act, error.detail or error.title)


def contacts_of(session: Session, act: TalkAct) -> Sequence[Contact]:
    """The contacts that a step may concern, in the order of their numbers."""
    query = select(Contact).order_by(Contact.id).limit(MOST_CONTACTS)
    number = act.variables.get("contact_id")
    if isinstance(number, int):
        return session.scalars(query.where(Contact.id == number)).unique().all()
    names = aliases.of(session, [act.person]).certain_names
    named = session.scalars(query.where(Contact.manychat_id.in_(names))).unique().all()
    line = act.variables.get("phone")
    if named or not isinstance(line, str):
        return named
    return session.scalars(query.where(Contact.phone.in_(sorted(phone.spellings(line))))).unique().all()


def _alert(session: Session, act: TalkAct, why: str) -> None:
    plan_alert(session, f"talk-assigned:{act.key}", f"Puente: {act.flow} assigns nobody to enrolment {act.enrolment_id}: {why}")
