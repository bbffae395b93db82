"""The plan of a broadcast's start: over the whole audience, chunk by chunk, and exactly what was approved."""

from typing import Any

import pytest
from sqlalchemy import select, update

from functions.broadcasts import planning, start_plan
from functions.broadcasts.tables import Automation, Execution, Recipient, Upload, UploadRow
from shared import clock
from shared.journeys import chatbots
from shared.plans import running, walk
from shared.settings import get_settings
from shared.store.models import Contact
from shared.store.plan_models import Plan, PlanPart
from shared.store.session import reading, transact
from tests.support.comparisons import approved, plan_of
from tests.unit.web.calls import Api

NEWS = chatbots.flow_id("novedades")


def made(people: int, **more: Any) -> Automation:
    """An automation to all contacts, of whom one more than `people` has no number."""

    def work(session: Any) -> Automation:
        for place in range(people):
            session.add(Contact(manychat_id=f"m{place}", phone=f"+5255123400{place:02}", subscribed_at=clock.now()))
        session.add(Contact(manychat_id="none", subscribed_at=clock.now()))
        words = {"first_name": "amiga", "text": "Hay lugares."}
        row = Automation(name="Jornada", flow_id=NEWS, audience_type="all", variable_mapping=words)
        for name, value in more.items():
            setattr(row, name, value)
        session.add(row)
        return row

    row: Automation = transact(work)
    return row


def planned(row: Automation) -> Plan:
    return plan_of(running.begin(start_plan.NAME, start_plan.asked(row), "key:olga", "olga"))


def executions() -> list[Execution]:
    with reading() as session:
        return list(session.scalars(select(Execution)))


def recipients() -> list[tuple[str, str | None]]:
    planning.plan_all()
    with reading() as session:
        return sorted((row.key, row.reason) for row in session.scalars(select(Recipient)))


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_audience_is_gone_through_in_chunks(api: Api, environment: pytest.MonkeyPatch, at_once: int) -> None:
    """However many chunks, it is one start, to those whom the plan counts; the rest has its reasons."""
    environment.setattr(planning, "CHUNK", at_once)
    plan = planned(made(5))
    assert (plan.state, plan.figures["parts"], plan.figures["people"], executions()) == ("ready", 1, 5, [])
    with reading() as session:
        (part,) = session.scalars(select(PlanPart))
    assert "no_phone: 1" in part.detail
    assert "text = Hay lugares." in part.detail
    done = approved(plan)
    (run,) = executions()
    assert (done.state, run.status, run.triggered_by, run.approval) == ("done", "queued", "olga", "none")
    assert [reason for _key, reason in recipients()].count(None) == 5


@pytest.mark.parametrize("at_once", [1, 1000])
def test_who_was_stopped_meanwhile_makes_another_plan(api: Api, environment: pytest.MonkeyPatch, at_once: int) -> None:
    """As many people as before, and not the same ones: nothing begins."""
    environment.setattr(planning, "CHUNK", at_once)
    plan = planned(made(3))

    def change(session: Any) -> None:
        session.add(Contact(manychat_id="new", phone="+525512340099", subscribed_at=clock.now()))
        session.scalars(select(Contact).where(Contact.manychat_id == "m0")).one().phone = None

    transact(change)
    again = approved(plan)
    assert (again.state, again.figures["people"], again.before_id, executions()) == ("ready", 3, plan.id, [])


def test_what_changes_while_it_is_carried_out_is_left(api: Api, environment: pytest.MonkeyPatch) -> None:
    """The plan was the same once more, and then somebody changed the broadcast: it is not begun, and the plan says so."""
    plan = planned(made(2))
    real = walk._wanted

    def changed(plan_id: int, units: Any) -> Any:
        if units:
            transact(lambda session: session.execute(update(Automation).values(rate_limit_per_hour=7)))
        return real(plan_id, units)

    environment.setattr(walk, "_wanted", changed)
    done = approved(plan)
    with reading() as session:
        states = session.scalars(select(PlanPart.state).where(PlanPart.plan_id == done.id)).all()
    assert (done.state, states, executions()) == ("done", ["differs"], [])


@pytest.mark.parametrize(
    ("setting", "state"),
    [
        ({"BROADCAST_APPROVAL_ABOVE": "2"}, "waiting"),
        ({"BROADCAST_APPROVAL_ABOVE": "3"}, "done"),
        ({"BROADCAST_APPROVAL_COST": "0.1", "BROADCAST_PRICES": '{"marketing": {"*": "0.05"}}'}, "waiting"),
        ({"BROADCAST_APPROVAL_COST": "0.2", "BROADCAST_PRICES": '{"marketing": {"*": "0.05"}}'}, "done"),
        ({"PLAN_APPROVAL_ABOVE": "1"}, "done"),
    ],
)
def test_large_or_dear_ones_need_a_second_person(
    api: Api, environment: pytest.MonkeyPatch, setting: dict[str, str], state: str
) -> None:
    """By the limits of broadcasts, as a start by the API does."""
    for name, given in setting.items():
        environment.setenv(name, given)
    get_settings.cache_clear()
    asked = approved(planned(made(3)))
    assert (asked.state, len(executions())) == (state, int(state == "done"))


def test_list_that_is_still_being_read_is_waited_for(api: Api, test_clock: clock.TestClock) -> None:
    """The plan is worked out once all its rows are there."""

    def work(session: Any) -> str:
        upload = Upload(state="reading", filename="lista.csv", created_by="olga")
        session.add(upload)
        session.flush()
        session.add(UploadRow(upload_id=upload.id, line=1, key="+525512345601", phone_number="+525512345601", variables={}))
        return upload.uuid

    uuid = transact(work)
    plan = planned(made(0, audience_type="uploaded", audience_config={"upload_id": uuid}))
    assert plan.state == "making"

    def read(session: Any) -> None:
        session.scalars(select(Upload)).one().state = "ready"

    transact(read)
    walk.go_on(plan.id, clock.now())
    while plan_of(plan.id).state == "making":
        walk.go_on(plan.id, clock.now())
    assert (plan_of(plan.id).state, plan_of(plan.id).figures["people"]) == ("ready", 1)


def test_broadcast_that_is_gone_has_no_plan(api: Api) -> None:
    """It fails, and says why; nothing goes on for ever."""
    row = made(1)
    transact(lambda session: session.delete(session.get_one(Automation, row.id)))
    plan = planned(row)
    assert (plan.state, "no automation" in (plan.error or "")) == ("failed", True)
