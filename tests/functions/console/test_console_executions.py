"""An execution: what it changed, logged and caused. The list: by person, by the state of deliveries, followed live."""

import base64
import gzip
from datetime import timedelta
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from shared import clock
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.flow_models import LogLine
from shared.store.models import ActionLog, Delivery, InboxEvent
from shared.store.session import reading, transact
from shared.watch.log_lines import of_event
from tests.functions.console.browser import Browser
from tests.functions.console.filling import fill
from tests.support.world import World, contact

HOOK = {"x-api-key": "hook-key"}


@pytest.fixture
def handled(console: None, world: World) -> None:
    """Somebody's e-mail address changes: the second of two events."""
    world.post("contact", contact("m1", nombre_lead="Ana", email_lead="ana.robles@example.com"), **HOOK)
    world.run()
    world.post(
        "contact", contact("m1", at="2026-03-01T11:00:00Z", nombre_lead="Ana", email_lead="eva.lopez@example.com"), **HOOK
    )
    world.run()


def add(*rows: object) -> None:
    transact(lambda session: session.add_all(rows))


def newest() -> InboxEvent:
    with reading() as session:
        return session.scalars(select(InboxEvent).order_by(InboxEvent.id.desc()).limit(1)).one()


def test_changes_stand_field_by_field_and_are_masked(handled: None, viewer: Browser, operator: Browser) -> None:
    """Old and new value; whole only for operators, who ask for it."""
    shown = viewer.get("/console/executions/2")
    changes = shown.words.partition("What changed in the record")[2].partition("Action log")[0]
    assert "email contacts" in changes
    assert "a••••@example.com e••••@example.com" in changes
    assert "ana.robles@" not in shown.text
    whole = operator.submit(operator.get("/console/executions/2").form("/console/executions/2/show"))
    assert "ana.robles@example.com eva.lopez@example.com" in whole.words


def test_our_log_lines_and_those_of_the_action_log_stand_beside_it(handled: None, viewer: Browser) -> None:
    """Of the event and of its deliveries; of other events none. A replay shows what was done to the stopped event."""
    event = newest()
    name = of_event(event.type, event.event_id)
    for number, line in enumerate((name, None, of_event(event.type, "another"))):
        delivery = 1 if line is None else None
        row = LogLine(
            at=clock.now(), level="INFO", logger="puente.inbox", text=f"line-{number}", event=line, delivery_id=delivery
        )
        add(row)
    add(Delivery(id=77, kind="sync", target="odoo", action="contact", subject="m1", due_at=clock.now(), event_key=event.key))
    add(LogLine(at=clock.now(), level="ERROR", logger="puente.outbox", text="line-of-delivery", delivery_id=77))
    add(ActionLog(actor="key:olga", action="dead-letter.replay", dead_letter_id=5, result="sent"))
    transact(lambda session: setattr(session.get_one(InboxEvent, event.id), "replay_of", 5))
    shown = viewer.get(f"/console/executions/{event.id}")
    assert "line-0" in shown.words
    assert "line-of-delivery" in shown.words
    assert "line-1" not in shown.words
    assert "line-2" not in shown.words
    assert "dead-letter.replay: sent" in shown.words
    assert {"/console/stopped/5", "/console/deliveries/77"} <= set(shown.links())


def test_link_into_application_insights(handled: None, viewer: Browser, environment: pytest.MonkeyPatch) -> None:
    """Only where the setting names the resource; it carries the trace's id and the time."""
    resource = "/subscriptions/s/resourceGroups/g/providers/microsoft.insights/components/c"
    assert "Application Insights" not in viewer.get("/console/executions/2").words
    environment.setenv("APPLICATIONINSIGHTS_RESOURCE_ID", resource)
    get_settings.cache_clear()
    (link,) = [one for one in viewer.get("/console/executions/2").links() if one.startswith("https://portal.azure.com/")]
    parts = link.split("/")
    named, packed, time = (unquote(parts[parts.index(name) + 1]) for name in ("resourceId", "q", "timespan"))
    query = gzip.decompress(base64.b64decode(packed)).decode()
    event = newest()
    assert named == resource
    assert f'operation_Id == "{str(event.traceparent).split("-")[1]}"' in query
    assert f'message has "{event.event_id}"' in query
    begin, end = time.split("/")
    assert begin == f"{event.received_at - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    assert begin < end


def delivery(state: State, **more: object) -> None:
    """One of the newest event."""
    row = {"kind": "sync", "target": "odoo", "action": "contact", "subject": "m1", "due_at": clock.now()} | more
    add(Delivery(state=str(state), event_key=newest().key, **row))


@pytest.mark.parametrize(
    ("state", "facts", "fits", "words"),
    [
        (State.PENDING, {"attempts": 2, "waits_for": "backoff"}, {"open", "retrying"}, "Retrying (2 of 14) next at"),
        (State.PENDING, {}, {"open"}, "Queued"),
        (State.SENDING, {}, {"open"}, "Sending"),
        (State.UNCERTAIN, {}, {"uncertain"}, "Uncertain"),
        (State.DEAD, {}, {"failed"}, "Given up"),
        (State.DONE, {}, set(), ""),
    ],
)
def test_state_of_its_deliveries_is_a_filter(
    console: None, world: World, viewer: Browser, state: State, facts: dict[str, object], fits: set[str], words: str
) -> None:
    """And stands in the list: `retrying (2 of 14), next at 11:44`."""
    world.post("contact", contact("m1"), **HOOK)
    world.step("manychat-contact-queue")
    transact(lambda session: session.query(Delivery).delete())
    delivery(state, **facts)
    shown = {
        name
        for name in ("open", "retrying", "uncertain", "failed")
        if "fits these filters" not in viewer.get(f"/console/executions?since=&state={name}").words
    }
    assert shown == fits
    assert words in viewer.get("/console/executions?since=").words


@pytest.mark.parametrize("asked", ["m1", "eva.lopez@example.com", "ana"])
def test_person_is_found_by_whatever_they_are_known_by(handled: None, viewer: Browser, asked: str) -> None:
    """A name of ours, an address, words of their name."""
    shown = viewer.get(f"/console/executions?since=&person={asked}")
    assert "2 executions" in shown.words
    assert "fits these filters" in viewer.get("/console/executions?since=&person=nobody").words


def test_new_rows_are_announced(handled: None, world: World, viewer: Browser) -> None:
    """The list asks with its own filters how many have come; the answer is a link, and the list stays."""
    shown = viewer.get("/console/executions?since=&person=m1")
    (asks,) = [part for part in shown.text.split('"') if part.startswith("/console/executions/newer")]
    asks = asks.replace("&amp;", "&")
    assert 'role="status"></div>' in viewer.get(asks).text
    for person in ("m1", "m2"):
        world.post("contact", contact(person, at="2026-03-01T12:00:00Z"), **HOOK)
    world.run()
    answer = viewer.get(asks)
    assert "1 new" in answer.words
    assert "/console/executions?since=&person=m1" in answer.links()


def test_page_is_followed_while_something_is_about_to_happen(console: None, viewer: Browser) -> None:
    """A delivery that is due soon; not one of next month."""
    fill()
    transact(lambda session: session.query(InboxEvent).update({"handled_at": clock.now() - timedelta(days=1)}))
    transact(lambda session: session.query(Delivery).update({"due_at": clock.now() + timedelta(days=30)}))
    assert 'hx-trigger="every 3s"' not in viewer.get("/console/executions/1").text
    transact(lambda session: session.query(Delivery).update({"due_at": clock.now() + timedelta(minutes=1)}))
    assert 'hx-trigger="every 3s"' in viewer.get("/console/executions/1").text


def test_next_page_keeps_the_filters(viewer: Browser) -> None:
    """Also one that is empty: of "any time" the second page is not that of the last day."""
    then = clock.now() - timedelta(days=60)
    facts = {"event_id": "1", "source": "s", "type": "manychat.contact", "occurred_at": then, "received_at": then, "data": {}}
    add(*(InboxEvent(key=f"{number}", handled_at=then, **facts) for number in range(51)))
    (older,) = [link for link in viewer.get("/console/executions?since=").links() if "after=" in link]
    shown = viewer.get(older)
    assert shown.text.count("manychat.contact</a>") == 1


def test_seven_of_many_are_one_page(viewer: Browser) -> None:
    """A filter that leaves few says how many, and leads nowhere further."""
    facts = {"event_id": "1", "source": "s", "type": "manychat.contact", "data": {}}
    facts |= {"occurred_at": clock.now(), "received_at": clock.now(), "handled_at": clock.now()}
    add(*(InboxEvent(key=f"{number}", subject="m7" if number < 7 else "m1", **facts) for number in range(120)))
    for filters in ("subject=m7", "person=m7"):
        shown = viewer.get(f"/console/executions?since=&{filters}")
        assert "7 executions" in shown.words
        assert [link for link in shown.links() if "after=" in link] == []
    assert [link for link in viewer.get("/console/executions?since=").links() if "after=" in link] != []


def test_everything_that_an_event_caused_can_be_reached(handled: None, viewer: Browser) -> None:
    """However many deliveries it has: the page leads to the list of all of them, and the next page of that to the rest."""
    assert "/console/deliveries?event=2" not in viewer.get("/console/executions/2").links()
    transact(lambda session: session.query(Delivery).update({"event_key": None}))
    key = newest().key
    facts = {"kind": "sync", "target": "odoo", "due_at": clock.now(), "event_key": key}
    add(*(Delivery(action="contact", subject=f"m{number}", **facts) for number in range(61)))
    assert "/console/deliveries?event=2" in viewer.get("/console/executions/2").links()
    listed = viewer.get("/console/deliveries?event=2")
    assert "61 deliveries" in listed.words
    (older,) = [link for link in listed.links() if "after=" in link]
    assert viewer.get(older).text.count('<th role="rowheader"') == 11
    assert "No delivery fits these filters" in viewer.get("/console/deliveries?event=1").words
