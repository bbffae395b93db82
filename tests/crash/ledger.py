"""What must be true after any number of crashes: the books, compared with what was sent."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.store.models import Contact, DeadLetter, Delivery, InboxEvent, Opportunity, StageChange
from tests.crash.load import Load, Post
from tests.crash.rig import Rig


def check(rig: Rig, load: Load, accepted: Mapping[str, Post]) -> None:
    """Compare everything there is with the load."""
    assert rig.leftovers() == {}
    with Session(rig.engine) as session:
        check_events(session, accepted)
        check_history(session, load)
        check_people(session, load)
        check_deliveries(session)
    check_odoo(rig, load)


def check_events(session: Session, accepted: Mapping[str, Post]) -> None:
    """Every accepted event is in the inbox exactly once, and nothing else is; no dead letter waits for a person."""
    stored = Counter(session.scalars(select(InboxEvent.event_id)))
    assert stored == Counter(accepted.keys())
    assert session.scalars(select(DeadLetter.reason).where(DeadLetter.state != "resolved")).all() == []


def check_history(session: Session, load: Load) -> None:
    """Each reported stage is in the history once; the newest of a person is marked as applied, and is the present one."""
    changes = session.scalars(select(StageChange)).all()
    opportunities = {row.id: row for row in session.scalars(select(Opportunity))}
    changed = Counter((opportunities[row.opportunity_id].manychat_id, row.state_date, row.stage_id) for row in changes)
    assert changed == Counter((event.manychat_id, event.at, event.stage) for event in load.stages())
    newest = {opportunities[row.opportunity_id].manychat_id: row for row in sorted(changes, key=lambda row: row.state_date)}
    # What a failure has to show: when the stage was said, and what was taken for newer in its place.
    passed_over = {
        who: (row.state_date, row.event_key, opportunities[row.opportunity_id].fact_times)
        for who, row in newest.items()
        if not row.applied
    }
    assert passed_over == {}
    assert {row.manychat_id: row.stage_id for row in opportunities.values()} == load.newest_stage()


def check_people(session: Session, load: Load) -> None:
    """Every person is there once, by the newest name."""
    rows = session.execute(select(Contact.manychat_id, Contact.first_name)).all()
    assert Counter(row.manychat_id for row in rows) == Counter(load.newest_name().keys())
    assert {row.manychat_id: row.first_name for row in rows} == load.newest_name()


def check_deliveries(session: Session) -> None:
    """Nothing is due any more, nothing has died, and every status says so."""
    unfinished = select(Delivery.subject, Delivery.state, Delivery.reason, Delivery.last_error).where(Delivery.state != "done")
    assert session.execute(unfinished).all() == []
    assert set(session.scalars(select(Opportunity.odoo_sync_status))) <= {"success"}


def check_odoo(rig: Rig, load: Load) -> None:
    """Odoo has exactly one lead for each person, in the newest stage."""
    leads = rig.sandbox.leads()
    assert Counter(lead["x_manychat_id"] for lead in leads) == Counter(load.newest_stage().keys())
    assert {lead["x_manychat_id"]: lead["stage_id"][0] for lead in leads} == load.newest_stage()
    names = {lead["x_manychat_id"]: lead["contact_name"] for lead in leads}
    assert names == {manychat_id: load.newest_name()[manychat_id] for manychat_id in names}
