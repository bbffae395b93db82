"""Two workers that count one minute, on PostgreSQL: with the lock each event and attempt counts once, without it twice."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.store.figure_models import HourFigure, HourFold
from shared.store.models import ActionLog, EventFigure, InboxEvent
from shared.watch import flow_figures, hour_figures
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


def an_attempt_to_be_counted(session: Session) -> None:
    """One that ended two minutes ago, beside one that its hour counts already, and a count of four minutes ago."""
    at = clock.now() - timedelta(minutes=2)
    hour = flow_figures.hour_of(at)
    before = at - timedelta(minutes=2)
    session.add(HourFold(name=hour_figures.ALL, begun_at=flow_figures.hour_of(before), counted_to=max(before, hour)))
    session.add(HourFigure(name="attempts", hour=hour, owner="odoo", part="contact", result="done", number=1))
    session.add(ActionLog(actor="system", action="odoo.contact", result="done", attempt=1, at=at))


def check_attempt_counted_once(session: Session) -> None:
    """The attempt stands in its hour once."""
    assert session.scalar(select(func.sum(HourFigure.number))) == 2


HOURS = Race(
    (hour_figures, "locked"),
    "hour_folds",
    an_attempt_to_be_counted,
    hour_figures.fold,
    hour_figures.fold,
    check_attempt_counted_once,
)


@pytest.mark.parametrize("race", [COUNT, HOURS])
def test_ends_well(lab: Engine, race: Race) -> None:
    """The second finds nothing left to count."""
    run(lab, race)


@pytest.mark.parametrize("race", [COUNT, HOURS])
def test_ends_badly_without_its_lock(lab: Engine, monkeypatch: pytest.MonkeyPatch, race: Race) -> None:
    """Both would count the same."""
    race.without_lock(monkeypatch)
    with pytest.raises(AssertionError):
        run(lab, race)
