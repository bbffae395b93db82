"""The deliveries of journeys' steps: changed twice in one transaction, they keep both changes."""

from datetime import timedelta

from sqlalchemy import select

from shared import clock
from shared.journeys import step_deliveries
from shared.outbox import plan
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.vendors import postman


def test_change_that_is_not_written_yet_survives_a_locked_read(database, storage, test_clock):
    """Changes of an enrolment's steps are written together at the end; until then each locked read must not undo them."""
    with postman() as (_person, action):
        transact(lambda session: plan.message(session, action, "ana", "k1", {"text": "Hola"}))

    def work(session):
        with session.no_autoflush:
            row = step_deliveries.waiting(session, 1)
            row.payload = {"text": "Adiós"}
            return step_deliveries.move(session, 1, clock.now() + timedelta(hours=1), None)

    assert transact(work)
    with reading() as session:
        row = session.scalars(select(Delivery)).one()
    assert (row.payload, row.due_at) == ({"text": "Adiós"}, clock.now() + timedelta(hours=1))
