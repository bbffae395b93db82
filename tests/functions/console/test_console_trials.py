"""Try it: a test event is rehearsed and undone, or real with all its messages to whoever tries."""

from typing import Any

import pytest
from sqlalchemy import func, select

from functions.console import trial_form
from shared import flows
from shared.messages.message import Message
from shared.messages.planning import enqueue
from shared.outbox import actions, plan, trials
from shared.outbox.actions import Action, Claimed, Done, Kind, Shadowed
from shared.outbox.execute import drain
from shared.store.flow_models import Trial
from shared.store.models import ActionLog, Contact, Delivery, InboxEvent
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser
from tests.support.vendors import registered
from tests.support.world import World

STATE = {"field.state": '{"stage_id": 16, "date": "2026-03-01T10:00:00Z"}'}
KEY = "trial:" + "k" * 58


def count(model: type) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def tried(browser: Browser, flow: str = "contacts", **given: str) -> Any:
    page = browser.get(f"/console/flows/{flow}/try")
    return browser.submit(page.form(f"/console/flows/{flow}/try"), **given)


def test_rehearsal_shows_what_it_would_do_and_does_nothing(operator: Browser, world: World) -> None:
    """Fields and deliveries are shown; nothing of it stays but the line of the action log."""
    shown = tried(operator, "opportunities", mode="plan", **STATE)
    assert shown.heading == "Rehearsed: nothing has been changed, and nothing has gone out"
    assert "stage_id opportunities empty 16" in shown.words
    assert "odoo opportunity at once" in shown.words
    assert (count(Contact), count(InboxEvent), count(Delivery), count(Trial)) == (0, 0, 0, 0)
    assert world.storage.queues == {}
    with reading() as session:
        line = session.scalars(select(ActionLog)).one()
    assert (line.actor, line.action, line.result) == ("key:olga", "flow.opportunities.try", "rehearsed")


def test_event_that_would_be_stopped_says_why(operator: Browser) -> None:
    """As its handler would say it."""
    state = '{"stage_id": 99999, "date": "2026-03-01T10:00:00Z"}'
    shown = tried(operator, "opportunities", mode="plan", **{"field.state": state})
    assert shown.heading == "The event would be stopped"
    assert count(Contact) == 0


def test_wrong_field_is_told(operator: Browser) -> None:
    """By its name; nothing is sent."""
    shown = tried(operator, mode="plan", **{"field.manychat_id": ""})
    assert shown.status == 422
    assert "manychat_id" in shown.words
    assert tried(operator, "opportunities", **{"field.state": "{"}).status == 422


def test_real_test_is_marked_and_followed_to_its_execution(operator: Browser, world: World) -> None:
    """On its queue, then applied; it keeps its mark, and its sync is not carried out."""
    shown = tried(operator, "opportunities", mode="me", to_email="Olga@Example.com", to_phone="55 1234 5678", **STATE)
    assert shown.heading == "The test event is on its way"
    assert "olga@example.com, +525512345678" in shown.words
    world.run()
    followed = operator.get(shown.address)
    assert followed.heading == "The test event was handled"
    execution = operator.get(next(link for link in followed.links() if link.startswith("/console/executions/")))
    assert execution.heading.startswith("Test manychat.opportunity")
    assert "Test" in operator.get("/console/executions").words
    with reading() as session:
        event, trial = session.scalars(select(InboxEvent)).one(), session.scalars(select(Trial)).one()
        states = {(row.state, row.event_key) for row in session.scalars(select(Delivery))}
    assert event.key == trial.event_key
    assert states == {("shadowed", event.key)}


def test_same_test_twice_is_two_events(operator: Browser, world: World) -> None:
    """And neither is the event that a sender may send with the same data."""
    for _ in range(2):
        tried(operator, mode="me", to_email="olga@example.com")
    world.run()
    assert count(InboxEvent) == 2


@pytest.mark.parametrize("given", [{}, {"to_email": "olga"}, {"to_phone": "12"}])
def test_real_test_needs_an_address(operator: Browser, world: World, given: dict[str, str]) -> None:
    """Somewhere all messages can go."""
    assert tried(operator, mode="me", **given).status == 422
    assert (count(Trial), world.storage.queues) == (0, {})


@pytest.mark.parametrize("who", ["vera", "ana"])
def test_trying_needs_the_role_operator(console: None, who: str) -> None:
    """Others see the page without its form."""
    browser = Browser().signed_in(f"{who}-key")
    page = browser.get("/console/flows/contacts/try")
    assert "This needs the role operator." in page.words
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    assert browser.post("/console/flows/contacts/try", {"token": token, "mode": "me"}).status == 403


def test_every_flow_that_takes_events_can_be_tried(operator: Browser) -> None:
    """Each kind of event has a form, whatever its body is."""
    for flow in flows.installed():
        for name in trial_form.webhooks(flow.name):
            assert operator.get(f"/console/flows/{flow.name}/try?webhook={name}").status == 200, name


@pytest.fixture
def trial(world: World) -> None:
    transact(
        lambda session: session.add(
            Trial(event_key=KEY, flow="leads", event_id="1", actor="olga", email="olga@example.com", carried_out="post")
        )
    )


def message(**more: Any) -> Claimed:
    payload = {"channel": "email", "to": "ana@example.com", "template": "t"} | more
    return Claimed(id=1, subject="ana", payload=payload, attempt=1, key="k", event_key=KEY)


def test_messages_of_a_test_go_to_whoever_tries(trial: None) -> None:
    """To the address for their channel; where there is none, or the trial is gone, nowhere."""
    carrier = actions.action("brevo", "email")
    _none, (sent,) = trials.sorted_out(carrier, [message()])
    assert sent.payload == {"channel": "email", "to": "olga@example.com", "template": "t"}
    quiet = Action(target="sms", name="sms", kind=Kind.MESSAGE, execute=dict, redirected=carrier.redirected)
    outcomes, left = trials.sorted_out(quiet, [message(channel="sms", to="+525500000000")])
    assert (type(outcomes[1]), list(left)) == (Shadowed, [])
    transact(lambda session: session.query(Trial).delete())
    outcomes, left = trials.sorted_out(quiet, [message()])
    assert (type(outcomes[1]), list(left)) == (Shadowed, [])


def test_other_deliveries_of_a_test_are_carried_out_only_where_chosen(trial: None) -> None:
    """The system that was named is called, another is not; what belongs to no test is as ever."""
    called: list[str] = []

    def execute(batch: Any) -> Any:
        called.extend(one.subject for one in batch)
        return {one.id: Done() for one in batch}

    for target in ("post", "office"):
        action = Action(target=target, name="letter", kind=Kind.SYNC, execute=execute)
        with registered(action):

            def planned(session: Any, action: Action = action, target: str = target) -> None:
                plan.sync(session, action, f"{target}-test", event_key=KEY)
                plan.sync(session, action, f"{target}-real", event_key="r" * 64)

            transact(planned)
            drain(target)
    assert sorted(called) == ["office-real", "post-real", "post-test"]


def test_real_change_of_what_a_test_has_planned_is_carried_out(trial: None) -> None:
    """One open delivery stands for both; it is no test any more."""
    action = Action(target="office", name="letter", kind=Kind.SYNC, execute=lambda batch: {one.id: Done() for one in batch})
    with registered(action):
        for key in (KEY, None):
            transact(lambda session, key=key: plan.sync(session, action, "ana", event_key=key))
        transact(lambda session: plan.sync(session, action, "eva", event_key=KEY))
        transact(lambda session: plan.sync_many(session, action, ["eva"]))
        drain("office")
    with reading() as session:
        assert {row.state for row in session.scalars(select(Delivery))} == {"done"}


def test_what_the_outcome_of_a_test_causes_belongs_to_the_test(trial: None) -> None:
    """A fallback, a note: planned without saying why, it bears the key."""

    def after(session: Any, delivery: Claimed, *_outcome: Any) -> None:
        facts = {"to": "ana@example.com", "template": "lead_welcome", "dedupe_key": "d"}
        enqueue(session, Message(person=delivery.subject, channel="email", **facts))

    action = Action(
        target="post", name="letter", kind=Kind.SYNC, execute=lambda batch: {one.id: Done() for one in batch}, after=after
    )
    with registered(action):
        transact(lambda session: plan.sync(session, action, "ana", event_key=KEY))
        drain("post")
    with reading() as session:
        assert {row.event_key for row in session.scalars(select(Delivery))} == {KEY}


def test_form_reads_numbers_and_json_and_leaves_out_what_is_empty() -> None:
    """Each field as its schema says."""
    webhook = trial_form.webhooks("opportunities")["manychat.opportunity"]
    given = {"field.manychat_id": " m1 ", "field.state": '{"stage_id": 16}', "field.first_name": ""}
    assert trial_form.data(webhook, given) == {"manychat_id": "m1", "state": {"stage_id": 16}}
