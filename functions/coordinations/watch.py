"""The job of each minute: robots that should have answered."""

import logging
from functools import partial

from sqlalchemy import select

from functions.coordinations import services
from functions.coordinations.tables import WAITING, Coordination
from shared import clock
from shared.crm import editing
from shared.store.session import reading

log = logging.getLogger("puente.coordinations")

AT_ONCE = 500


def look() -> int:
    """Look at each robot whose time is over, in a transaction of its own; how many. A second run finds none of them."""
    due = select(Coordination.id).where(Coordination.state == WAITING, Coordination.wait_until <= clock.now())
    with reading() as session:
        numbers = session.scalars(due.order_by(Coordination.wait_until).limit(AT_ONCE)).all()
    return sum(_one(number) for number in numbers)


def _one(number: int) -> bool:
    try:
        return editing.committed(partial(services.look_at, coordination_id=number))
    except Exception:  # it is looked at again in a minute, and keeps no other
        log.exception("coordination %d", number)
        return False
