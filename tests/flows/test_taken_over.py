"""Whoever was added by phone and then writes, through ManyChat or Meta, stays one contact, whatever comes first."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from functions import addresses
from functions.broadcasts.audience import Audience
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock
from shared.crm import campaigns, contact_edits, contact_profiles, editing, merged_contacts
from shared.messages import replies
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.contact_models import Address, ContactProfile, ContactState
from shared.store.models import ActionLog, Campaign, CampaignContact, Contact, Delivery, Opportunity, StageChange
from shared.store.people_models import Identity
from shared.store.session import reading, transact
from tests.support.functions import named
from tests.support.payloads import payload
from tests.support.world import contact, opportunity
from tests.unit.web.calls import KEYS, Api

NUMBER = "+525512345678"


@pytest.fixture
def app(world: Any) -> Any:
    """The app with the webhook of addresses as well."""
    world.webhooks["address"] = addresses.WEBHOOK
    world.handlers[addresses.EVENTS_QUEUE] = named("events_handler")
    return world


@pytest.fixture
def api(app: Any, environment: pytest.MonkeyPatch) -> Api:
    """The API over what the app keeps."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    return Api()


def by_phone(**more: Any) -> int:
    """Somebody adds the number by hand; the contact's id."""
    given = {"phone": "55 1234 5678", "tags": ["VIP"], "attributes": {"ciudad": "León"}, "opt_in": True} | more
    return editing.committed(lambda session: contact_edits.keep_by_phone(session, given, "key:ana")[0].id)


def writes(channel: str | None = "WhatsApp", **more: Any) -> tuple[str, dict[str, Any]]:
    """ManyChat reports them, with the number."""
    given = {"manychat_id": "m1", "whatsapp": "+52 1 55 1234 5678", "canal_entrada": channel, "nombre_lead": "Eva"}
    return "contact", contact(**(given | more))


def rows(model: Any) -> list[Any]:
    """All rows of a model."""
    with reading() as session:
        return list(session.scalars(select(model)).unique())


def profile(contact_id: int) -> contact_profiles.Profile:
    """What is known besides."""
    with reading() as session:
        return contact_profiles.of(session, [contact_id])[contact_id]


def steps(app: Any) -> list[Any]:
    """What happens, in no order: by hand, and three events of ManyChat's, of which one names the number."""
    place = payload("manychat.address", "address", manychat_id="m1", datetime_actual="2026-03-01T10:00:00Z")

    def posted(hook: str, body: Any) -> None:
        assert app.post(hook, body).status_code == 202
        app.run()

    return [
        by_phone,
        lambda: posted(*writes()),
        lambda: posted("opportunity", opportunity(manychat_id="m1")),
        lambda: posted("address", place),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.share(8)
def test_any_order_and_repetition_end_in_one_contact(app: Any, order: tuple[int, ...]) -> None:
    """One contact, known to ManyChat, with what both have said; one person; the number added once more finds them."""
    done = steps(app)
    for number in (*order, order[0], order[2]):
        done[number]()
    (found,) = rows(Contact)
    assert (found.manychat_id, found.first_name, found.phone) == ("m1", "Eva", NUMBER)
    known = profile(found.id)
    assert (known.tags, known.attributes, known.opt_in) == (["VIP"], {"ciudad": "León"}, True)
    assert [one.contact_id for one in rows(Address)] == [found.id]
    assert [(one.contact_id, one.manychat_id) for one in rows(Opportunity)] == [(found.id, "m1")]
    assert {one.person_id for one in rows(Identity) if one.is_proven} != {None}
    assert len({one.person_id for one in rows(Identity) if one.is_proven}) == 1
    assert by_phone() == found.id


def test_the_contact_keeps_its_id_and_the_log_says_why(app: Any) -> None:
    """An unknown id of ManyChat's becomes that of the contact; in words that name nobody."""
    before = by_phone()
    app.post(*writes())
    app.run()
    assert [one.id for one in rows(Contact)] == [before]
    (line,) = [one for one in rows(ActionLog) if one.action == "contact.take-over"]
    assert (line.actor, line.subject) == ("manychat", "m1")
    assert str(before) in line.detail
    assert NUMBER not in line.detail


def test_the_ids_of_a_contact_that_was_taken_in_lead_to_the_other(app: Any, api: Api) -> None:
    """Its number and its UUIDs: in the API, in audiences and in lists of automations; a deletion says which it is now."""
    app.post("opportunity", opportunity(manychat_id="m1", phone=None))
    app.run()
    (mine,) = rows(Contact)
    other = by_phone()
    imported = "0b7c5a31-f0e9-4d2a-8c11-7a35c0f1d2e3"
    assert api("PATCH", f"/api/v1/contacts/{mine.id}", body={"attributes": {"a": 1}}).status == 200

    def work(session: Any) -> None:
        session.get_one(ContactProfile, other).uuid = imported

    transact(work)
    app.post(*writes())
    app.run()
    assert [one.id for one in rows(Contact)] == [mine.id]
    ids = [other, contact_profiles.uuid_of(other), imported, mine.id, 999_999]
    with reading() as session:
        numbers = contact_profiles.numbers_of(session, ids)
        candidates, _place = Audience("custom", {"contact_ids": ids}).chunk(session, 0, 10)
    assert [numbers[one] for one in ids] == [mine.id] * 4 + [None]
    assert [one.contact_id for one in candidates] == [mine.id] * 4 + [None]
    shown = api.get(f"/api/v1/contacts/{other}")
    assert (shown.status, shown.json["id"]) == (200, mine.id)
    assert shown.headers["content-location"] == f"/api/v1/contacts/{mine.id}"
    changed = api("PATCH", f"/api/v1/contacts/{other}", body={"last_name": "Luna"})
    assert (changed.status, changed.json["id"], changed.json["last_name"]) == (200, mine.id, "Luna")
    assert api.get(f"/api/v1/contacts/{other}/states").status == 200
    assert api.get(f"/api/v1/contacts/{other}/timeline").status == 200
    refused = api("DELETE", f"/api/v1/contacts/{other}")
    assert (refused.status, str(mine.id) in refused.json["detail"]) == (409, True)
    assert api.get("/api/v1/contacts/999999").status == 404


def test_whoever_led_to_a_contact_that_was_taken_in_leads_on(database: Any) -> None:
    """However often it happens, an old id leads to the last one; who is deleted is led to no more."""
    first, second, third = (transact(partial(_added, name=name)) for name in ("1", "2", "3"))
    transact(lambda session: merged_contacts.note(session, first, None, second))
    transact(lambda session: merged_contacts.note(session, second, "u", third))
    with reading() as session:
        assert merged_contacts.survivors(session, [first, second, third]) == {first: third, second: third}
        assert merged_contacts.by_uuid(session, ["u", "v"]) == {"u": third}
    transact(lambda session: contact_profiles.forget(session, third))
    with reading() as session:
        assert merged_contacts.survivor(session, first) == first


def _added(session: Any, name: str) -> int:
    row = Contact(manychat_id=name)
    session.add(row)
    session.flush()
    return row.id


def test_a_known_id_stays_itself_and_takes_in_the_history(app: Any) -> None:
    """First without a number, with a stage and a campaign; then the one added by phone, who has all of that as well."""
    app.post("opportunity", opportunity(manychat_id="m1", phone=None))
    app.run()
    (mine,) = rows(Contact)
    other = by_phone()
    with_history(mine.id, other)
    app.post(*writes())
    app.run()
    (found,) = rows(Contact)
    assert (found.id, found.manychat_id) == (mine.id, "m1")
    assert [(one.contact_id, one.stage_id) for one in rows(Opportunity)] == [(mine.id, 99)]
    assert {one.opportunity_id for one in rows(StageChange)} == {rows(Opportunity)[0].id}
    assert sorted((one.contact_id, one.lead_state) for one in rows(CampaignContact)) == [(mine.id, "Nuevo"), (mine.id, "Viejo")]
    assert {one.contact_id for one in rows(ContactState)} == {mine.id}
    assert [one.contact_id for one in rows(Recipient)] == [mine.id]
    assert [one.contact_id for one in rows(ContactProfile)] == [mine.id]
    assert contact_profiles.uuid_of(other) == rows(ContactProfile)[0].uuid


def with_history(mine: int, other: int) -> None:
    """Both are in a campaign, the one added by phone in another one too, with a newer stage, a state and a broadcast."""

    def work(session: Any) -> None:
        now = clock.now()
        session.add_all([Campaign(name="Marzo", date_start=now), Campaign(name="Abril", date_start=now)])
        session.add(Automation(uuid="u1", name="A", chatbot_id="c", flow_id="f", audience_type="all"))
        session.flush()
        session.add(Execution(automation_id=1, execution_type="manual", config={}))
        session.flush()
        session.add(Recipient(execution_id=1, key="k", contact_id=other, phone_number=NUMBER, variables={}, status="sent"))
        session.add(ContactState(contact_id=other, state="Interesada", at=now, event_key="k"))
        for campaign, whose, state, day in ((1, mine, "Viejo", 1), (1, other, "Nuevo", 2), (2, other, "Viejo", 1)):
            row = campaigns.locked_assignment(session, session.get(Contact, whose), session.get(Campaign, campaign), now)
            at = datetime(2026, 1, day, tzinfo=UTC)
            campaigns.assign(session, row, {"lead_state": state}, at, f"{campaign}{whose}")
        session.add(theirs := Opportunity(contact_id=other, manychat_id=session.get(Contact, other).manychat_id, stage_id=99))
        theirs.state_date = now + timedelta(days=1)
        theirs.fact_times = {"stage": [theirs.state_date.isoformat(timespec="microseconds"), "k"]}
        session.flush()
        session.add(StageChange(opportunity_id=theirs.id, stage_id=99, state_date=now, applied=True, event_key="k"))

    transact(work)


@pytest.mark.parametrize("channel", ["Instagram", None])
def test_a_number_that_was_only_typed_takes_nothing_over(app: Any, channel: str | None) -> None:
    """Anybody can type anybody's number; once WhatsApp names it, it is theirs."""
    by_phone()
    app.post(*writes(channel))
    app.run()
    assert len(rows(Contact)) == 2
    app.post(*writes(at="2026-03-01T11:00:00Z"))
    app.run()
    assert [one.manychat_id for one in rows(Contact)] == ["m1"]


def test_several_who_have_the_number_stay_apart(app: Any) -> None:
    """A family's phone: the second of ManyChat's is somebody else, and nothing is taken from the first."""
    by_phone()
    app.post(*writes())
    app.post(*writes(manychat_id="m2", nombre_lead="Luz"))
    app.run()
    assert sorted((one.manychat_id, one.first_name) for one in rows(Contact)) == [("m1", "Eva"), ("m2", "Luz")]


def test_who_writes_through_meta_is_no_second_contact(app: Any) -> None:
    """The message is theirs by the number alone; the same person, before and after ManyChat knows them."""
    by_phone()

    def write(number: int) -> None:
        facts = {"provider": "meta", "channel": "whatsapp", "sender": NUMBER, "recipient": "1", "text": "hola"}
        message = InboundMessage(vendor_id=f"wamid.{number}", who=digest_of_address(NUMBER), **facts)
        transact(lambda session: replies.take(session, message, clock.now()))

    write(1)
    app.post(*writes())
    app.run()
    write(2)
    assert [one.manychat_id for one in rows(Contact)] == ["m1"]
    assert len({one.person_id for one in rows(Identity) if one.is_proven}) == 1


def test_what_waited_for_odoo_goes_under_the_new_id(app: Any) -> None:
    """Nothing is left to send under the old one."""
    by_phone()
    app.post(*writes())
    app.run()
    waiting = [one.subject for one in rows(Delivery) if one.target == "odoo" and one.state != State.CANCELLED]
    assert set(waiting) <= {"m1"}
