"""Two workers that count the events of one minute, on PostgreSQL: with the lock each event counts once, without it twice."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared import clock
from shared.store.models import EventFigure, InboxEvent
from shared.watch import flow_figures
from tests.lab.races import Race
from tests.lab.test_races import pytestmark as in_the_lab
from tests.lab.test_races import run

pytestmark = in_the_lab
COUNTED = (flow_figures.ALL, "manychat.contact")


def an_event_to_be_counted(session: Session) -> None:
    """One that was handled two minutes ago, and a count of four minutes ago."""
    at = clock.now() - timedelta(minutes=2)
    session.add_all(EventFigure(type=kind, counted_to=at - timedelta(minutes=2)) for kind in COUNTED)
    facts = {"key": "k", "event_id": "e", "source": "manychat", "type": "manychat.contact", "data": {}}
    session.add(InboxEvent(**facts, occurred_at=at, received_at=at, handled_at=at))


def check_counted_once(session: Session) -> None:
    """The event stands in both rows once."""
    for kind in COUNTED:
        assert session.get_one(EventFigure, kind).handled == 1


COUNT = Race(
    (flow_figures, "locked"),
    "event_figures",
    an_event_to_be_counted,
    flow_figures._count,
    flow_figures._count,
    check_counted_once,
)


def test_ends_well(lab: Engine) -> None:
    """The second finds nothing left to count."""
    run(lab, COUNT)


def test_ends_badly_without_its_lock(lab: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would count the same event."""
    COUNT.without_lock(monkeypatch)
    with pytest.raises(AssertionError):
        run(lab, COUNT)
