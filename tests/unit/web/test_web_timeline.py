"""One person's timeline: complete, in order, and nobody else's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from shared import clock
from shared.errors import PermanentError
from shared.messages import received
from shared.messages.events import InboundMessage
from shared.people import observing
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.store.models import ActionLog, Advisor, Campaign, Contact, DeadLetter, Delivery, InboxEvent
from shared.store.session import transact
from tests.support.examples import examples
from tests.support.vendors import lead_sync
from tests.support.world import World, contact, opportunity
from tests.unit.web.calls import Api

TIMELINE = "/api/v1/contacts/1/timeline"


def timeline_of(api: Api, **query: Any) -> list[tuple[str, str, str | None]]:
    """Kind, what and outcome of each entry."""
    return [(item["kind"], item["what"], item["outcome"]) for item in api.get(TIMELINE, **query).json["items"]]


def test_whole_story_in_order(api: Api, world: World, test_clock: clock.TestClock) -> None:
    """Events, stages, campaigns, the sync that failed and the retry, what was skipped and why, a dead letter, a hand's edit."""
    transact(lambda session: session.add_all([Campaign(id=1, name="Marzo", date_start=clock.now()), Advisor(id=3, name="A")]))
    world.post("contact", contact())
    world.run()
    test_clock.advance(minutes=1)
    world.post("opportunity", opportunity(stage=18, at="2026-03-01T12:00:00Z"))
    with lead_sync() as odoo:
        odoo.bad["m1"] = PermanentError("odoo-refused", "Odoo says no")
        world.run()
    test_clock.advance(minutes=1)
    world.post("opportunity", opportunity(stage=17, at="2026-03-01T11:00:00Z"))
    world.run()
    test_clock.advance(minutes=1)
    world.post("assignment", {"manychat_id": "m1", "campaign_id": 1, "datetime_actual": "2026-03-01", "comercial_id": 3})
    world.post("assignment", {"manychat_id": "m1", "campaign_id": 9, "datetime_actual": "2026-03-01"})
    world.run()
    test_clock.advance(minutes=1)
    api("PATCH", "/api/v1/contacts/1", body={"first_name": "Anita"})
    with lead_sync():
        world.run()
    assert timeline_of(api) == [
        ("event", "manychat.contact", "applied"),
        ("event", "manychat.opportunity", "applied"),
        ("stage", "Retornó en AC", "applied"),
        ("delivery", "odoo.opportunity", "dead"),
        ("action", "odoo.opportunity", "odoo-refused"),
        ("event", "manychat.opportunity", "stale"),
        ("stage", "Recién Suscrito Pendiente AC", "skipped"),
        ("event", "manychat.campaign-assignment", "applied"),
        ("dead_letter", "manychat.campaign-assignment", "parked"),
        ("campaign", "Marzo", "applied"),
        ("delivery", "odoo.opportunity", "done"),
        ("action", "contact.update", "done"),
        ("action", "odoo.opportunity", "done"),
    ]
    by_what = {(item["kind"], item["outcome"]): item for item in api.get(TIMELINE).json["items"]}
    assert by_what["stage", "skipped"]["reason"] == "a newer stage was known already"
    assert by_what["event", "stale"]["reason"] == "newer events had said it all already"
    assert "there is no campaign 9" in by_what["dead_letter", "parked"]["reason"]
    assert by_what["delivery", "dead"]["reason"] == "odoo-refused"
    assert by_what["event", "applied"]["details"]["data"]["manychat_id"] == "m1"
    assert by_what["event", "stale"]["occurred_at"] == "2026-03-01T11:00:00Z"


def test_what_they_write_is_in_it(api: Api, world: World, test_clock: clock.TestClock) -> None:
    """With its words and its state, from whichever spelling of the number; and who has set the state."""
    world.post("contact", contact(whatsapp="+525512345678"))
    world.run()
    words = InboundMessage(
        vendor_id="SM1", who="0" * 32, channel="whatsapp", sender="+5215512345678", text="¿Qué precio tiene?"
    )
    row = transact(lambda session: received.record(session, "twilio", words, clock.now()))
    test_clock.advance(minutes=1)
    api("PATCH", f"/api/v1/inbound-messages/{row.id}", body={"state": "answered"})
    assert timeline_of(api)[1:] == [("inbound_message", "whatsapp", "answered"), ("action", "inbound-message.state", "done")]
    assert api.get(TIMELINE).json["items"][1]["details"]["text"] == "¿Qué precio tiene?"


def test_nobody_elses(api: Api, world: World) -> None:
    """Another person's events, stages and deliveries are not in it."""
    for name in ("m1", "m2"):
        world.post("opportunity", opportunity(name))
    with lead_sync():
        world.run()
    other = api.get("/api/v1/contacts/2/timeline").json["items"]
    assert len(other) == len(api.get(TIMELINE).json["items"]) == 4
    assert other[0]["details"]["data"]["manychat_id"] == "m2"


def test_messages_and_events_that_name_the_address_or_the_number(api: Api, world: World, add: Callable[..., Any]) -> None:
    """Other systems know people by their e-mail or phone; a message that was skipped says why."""
    add(Contact(manychat_id="m1", email="Ana@example.com", phone="+525512345678"), Contact(manychat_id="m2"))
    letter = {"kind": "message", "action": "letter", "due_at": clock.now()}
    add(
        Delivery(target="email", subject="ana@example.com", state="skipped", reason="unsubscribed", **letter),
        Delivery(target="sms", subject="+525512345678", state="done", **letter),
        Delivery(target="sms", subject="+525500000000", state="done", **letter),
    )
    assert timeline_of(api) == [("delivery", "email.letter", "skipped"), ("delivery", "sms.letter", "done")]
    assert api.get(TIMELINE).json["items"][0]["reason"] == "unsubscribed"
    assert api.get("/api/v1/contacts/2/timeline").json["items"] == []


def test_unknown_contact_is_a_404(api: Api) -> None:
    """Not an empty timeline."""
    assert api.get(TIMELINE).status == 404


def test_newest_first(api: Api, world: World) -> None:
    """The same the other way round."""
    world.post("opportunity", opportunity())
    with lead_sync():
        world.run()
    assert timeline_of(api, order="newest") == timeline_of(api)[::-1]


@pytest.mark.parametrize("after", ["", "5", "x~1~1", "2026-13-01T00:00:00Z~1~1", "2026-01-01T00:00:00Z~1"])
def test_what_is_no_cursor_is_refused(api: Api, world: World, add: Callable[..., Any], after: str) -> None:
    """422 that names it."""
    add(Contact(manychat_id="m1"))
    answer = api.get(TIMELINE, after=after)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "after")


MOMENTS = st.lists(st.tuples(st.sampled_from(["event", "dead_letter", "delivery", "action"]), st.integers(0, 3)), max_size=14)


@given(first=MOMENTS, later=MOMENTS, limit=st.integers(1, 5), order=st.sampled_from(["oldest", "newest"]))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_put_together_are_the_whole(
    api: Api, test_clock: clock.TestClock, first: list[Any], later: list[Any], limit: int, order: str
) -> None:
    """Many at the same instant, more added while one reads: from first page to last each entry once, in order."""
    for model in (InboxEvent, DeadLetter, Delivery, ActionLog, Contact):
        transact(lambda session, model=model: session.execute(delete(model)))
    transact(lambda session: session.add(Contact(id=1, manychat_id="m1")))
    _record(first, clock.now())
    whole = _names(api.get(TIMELINE, limit=200, order=order).json)
    seen, after = [], {}
    while True:
        page = api.get(TIMELINE, limit=limit, order=order, **after).json
        seen += _names(page)
        if not after:
            _record(later, clock.now() + timedelta(minutes=1))
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [name for name in seen if name in whole] == whole
    assert len(seen) == len(set(seen))
    if order == "oldest" and len(first) > limit:
        assert len(seen) == len(first) + len(later)


def _names(page: Any) -> list[tuple[str, int]]:
    return [(item["kind"], item["id"]) for item in page["items"]]


def _record(moments: list[tuple[str, int]], base: Any) -> None:
    def work(session: Any) -> None:
        for number, (kind, seconds) in enumerate(moments):
            at, key = base + timedelta(seconds=seconds), f"{base}{number}"
            session.add(_row(kind, at, key))
            session.flush()

    transact(work)


def _row(kind: str, at: Any, key: str) -> Any:
    if kind == "event":
        values = {"source": "s", "type": "t", "occurred_at": at, "received_at": at, "data": {}}
        return InboxEvent(key=key, event_id=key, subject="m1", handled_at=at, **values)
    if kind == "dead_letter":
        fields = {"original_queue": "q", "original_event": "{}", "reason": "r", "error_message": "m", "error_time": at}
        return DeadLetter(key=key, subject="m1", created_at=at, **fields)
    if kind == "delivery":
        return Delivery(kind="sync", target="t", action="a", subject="m1", due_at=at, created_at=at)
    return ActionLog(at=at, actor="a", action="b", subject="m1", result="done")


def seen(*proven: Identity, typed: tuple[Identity, ...] = ()) -> int:
    """Take in who somebody is; their number."""
    event = Seen(source="test", at=clock.now(), proven=proven, typed=typed)
    return transact(lambda session: observing.observe(session, event)) or 0


def shown(api: Api, path: str) -> list[tuple[str, bool]]:
    """The subject's event and whether it is probable."""
    return [(item["what"], item["is_probable"]) for item in api.get(path).json["items"]]


def test_a_person_is_shown_under_all_their_names_and_what_was_typed_as_probable(api: Api, add, test_clock) -> None:
    """Ana's events, those of a lead that our link joined to her, and a stranger's whose form named her address."""
    add(Contact(manychat_id="m1", email="ana@example.com"))
    ana, mail = Identity("manychat", "m1"), Identity("email", "ana@example.com")
    seen(ana, Identity("lead", "1"))
    number = seen(ana, mail)
    seen(Identity("lead", "2"), typed=(mail,))
    seen(Identity("lead", "3"))
    for subject in ("m1", "lead:1", "lead:2", "lead:3", "ana@example.com"):
        add(event_of(subject))
    expected = [("m1", False), ("lead:1", False), ("lead:2", True), ("ana@example.com", False)]
    assert shown(api, TIMELINE) == shown(api, f"/api/v1/people/{number}/timeline") == expected
    assert api.get("/api/v1/people/99/timeline").status == 404


def test_somebody_with_a_number_alone_has_a_timeline(api: Api, add) -> None:
    """A message from a number that no contact has."""
    number = seen(Identity("phone", "+525512345678"))
    add(event_of("+525512345678"), event_of("+525512345679"))
    assert shown(api, f"/api/v1/people/{number}/timeline") == [("+525512345678", False)]


def test_an_address_of_a_contact_that_nothing_has_proven_is_probable(api: Api, add) -> None:
    """Somebody typed it into ManyChat."""
    add(Contact(manychat_id="m1", email="ana@example.com"), event_of("m1"), event_of("ana@example.com"))
    assert shown(api, TIMELINE) == [("m1", False), ("ana@example.com", True)]


def event_of(subject: str) -> InboxEvent:
    """An event about that subject, with its name."""
    times = {"occurred_at": clock.now(), "received_at": clock.now()}
    return InboxEvent(key=subject, event_id=subject, subject=subject, type=subject, source="s", data={}, **times)
