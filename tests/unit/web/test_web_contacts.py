"""Contacts added, changed and deleted by people, beside the events that go on coming."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select

from shared.settings import get_settings
from shared.store.models import (
    ActionLog,
    Campaign,
    CampaignContact,
    Channel,
    Contact,
    Delivery,
    Opportunity,
)
from shared.store.session import reading, transact
from tests.support.world import World, contact, opportunity
from tests.unit.web.calls import Api

CONTACTS = "/api/v1/contacts"
ANA = {"manychat_id": "m1", "first_name": "Ana", "last_name": "Núñez", "phone": "55 1234 5678", "email": "ana@example.com"}


def rows(model: Any) -> list[Any]:
    """All rows of a model."""
    with reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


@pytest.fixture
def ana(api: Api, test_clock: Any) -> Any:
    """A contact that was added over the API."""
    answer = api.post(CONTACTS, body=ANA)
    assert answer.status == 201
    return answer


class TestCreate:
    """A person nobody has told us of yet."""

    def test_answers_the_contact_where_it_is_and_its_tag(self, api: Api, ana: Any) -> None:
        """201, Location, ETag; reading it gives the same."""
        read = api.get(ana.headers["location"])
        assert read.json == ana.json
        assert read.headers["etag"] == ana.headers["etag"]
        assert (ana.json["phone"], ana.json["phone_original"]) == ("+525512345678", "55 1234 5678")

    def test_who_exists_is_told_by_manychat_id(self, api: Api, ana: Any) -> None:
        """200 for somebody known and for nobody; a ManyChat id is needed."""
        assert api.get(f"{CONTACTS}/exists?manychat_id=m1").json == {"exists": True, "id": ana.json["id"]}
        assert api.get(f"{CONTACTS}/exists?manychat_id=m2").json == {"exists": False, "id": None}
        assert api.get(f"{CONTACTS}/exists").status == 422

    def test_manychat_id_that_is_known_is_a_conflict_that_names_the_contact(self, api: Api, ana: Any) -> None:
        """409, and nothing was changed."""
        answer = api.post(CONTACTS, body=ANA | {"first_name": "Eva"})
        assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:manychat-id-taken")
        assert f"Contact {ana.json['id']}" in answer.json["title"]
        assert [row.first_name for row in rows(Contact)] == ["Ana"]

    def test_partner_is_asked_for_where_the_mode_wants_partners(
        self, api: Api, environment: pytest.MonkeyPatch, storage: Any
    ) -> None:
        """With the change, in one transaction; and the executor is woken."""
        environment.setenv("ODOO_SYNC_MODE", "contacts")
        get_settings.cache_clear()
        assert api.post(CONTACTS, body=ANA).json["odoo_sync_status"] == "pending"
        (delivery,) = rows(Delivery)
        assert (delivery.target, delivery.action, delivery.subject) == ("odoo", "contact", "m1")
        assert storage.bodies("delivery-queue") == [{"target": "odoo"}]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"manychat_id": " "}, "manychat_id"),
            ({"manychat_id": "x" * 51}, "manychat_id"),
            ({"first_name": "🌟" * 101}, "first_name"),
            ({"first_name": ""}, "first_name"),
            ({"email": "ana@example"}, "email"),
            ({"email": "ana example.com"}, "email"),
            ({"phone": "call my sister"}, "phone"),
            ({"channel_id": "1"}, "channel_id"),
            ({"channel_id": True}, "channel_id"),
            ({"frist_name": "Ana"}, "frist_name"),
        ],
    )
    def test_value_that_cannot_be_meant_is_refused_by_name(self, api: Api, change: dict[str, Any], field: str) -> None:
        """422 that names the field; nothing is stored."""
        answer = api.post(CONTACTS, body=ANA | change)
        assert answer.status == 422
        assert [fault["field"] for fault in answer.json["errors"]] == [field]
        assert rows(Contact) == []

    def test_channel_that_is_not_there_is_a_conflict_that_names_it(self, api: Api) -> None:
        """409; the contact is not made without it."""
        answer = api.post(CONTACTS, body=ANA | {"channel_id": 77})
        assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:unknown-channel")
        assert "77" in answer.json["title"]
        assert rows(Contact) == []


class TestChange:
    """What a person says about another counts from now on."""

    def test_patch_sets_what_is_given_and_leaves_the_rest(self, api: Api, ana: Any, add: Callable[..., Any]) -> None:
        """Also the channel, whose name is answered."""
        channel = add(Channel(key="k", name="Instagram"))
        answer = api("PATCH", f"{CONTACTS}/1", body={"first_name": "Anita", "channel_id": channel.id})
        changed = {name for name in answer.json if answer.json[name] != ana.json[name]}
        assert changed == {"first_name", "channel", "channel_id"}
        assert answer.json["channel"] == "Instagram"
        assert api.get(f"{CONTACTS}/1").json == answer.json

    def test_null_takes_a_value_away(self, api: Api, ana: Any) -> None:
        """The phone in both its spellings."""
        answer = api("PATCH", f"{CONTACTS}/1", body={"phone": None, "email": None}).json
        assert (answer["phone"], answer["phone_original"], answer["email"], answer["first_name"]) == (None, None, None, "Ana")

    def test_put_takes_away_what_it_leaves_out(self, api: Api, ana: Any) -> None:
        """All that can be changed is replaced."""
        answer = api("PUT", f"{CONTACTS}/1", body={"manychat_id": "m1", "first_name": "Ana"}).json
        assert [answer[name] for name in ("first_name", "last_name", "phone", "email")] == ["Ana", None, None, None]

    def test_what_was_read_can_be_changed_and_put_back(self, api: Api, ana: Any) -> None:
        """Members that cannot be changed may come along; they are not taken for mistakes."""
        answer = api("PUT", f"{CONTACTS}/1", body=ana.json | {"last_name": "Peña"})
        assert (answer.status, answer.json["last_name"], answer.json["phone"]) == (200, "Peña", ana.json["phone"])

    def test_manychat_id_cannot_be_changed(self, api: Api, ana: Any) -> None:
        """409: events and Odoo know the person by it."""
        for method, body in (("PUT", ANA | {"manychat_id": "m2"}), ("PATCH", {"manychat_id": "m2"})):
            answer = api(method, f"{CONTACTS}/1", body=body)
            assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:manychat-id-fixed")

    def test_older_event_that_comes_later_does_not_undo_it(self, api: Api, world: World) -> None:
        """A person's word is a fact said now; what the event alone knows is still taken over."""
        world.post("contact", contact())
        world.run()
        api("PATCH", f"{CONTACTS}/1", body={"first_name": "Anita"})
        world.post("contact", contact(at="2026-03-02T08:00:00Z", nombre_lead="ANA", email_lead="ana@example.com"))
        world.run()
        (row,) = rows(Contact)
        assert (row.first_name, row.email) == ("Anita", "ana@example.com")

    def test_newer_event_changes_it_again(self, api: Api, world: World, test_clock: Any) -> None:
        """The newest word counts, whoever says it."""
        world.post("contact", contact())
        world.run()
        api("PATCH", f"{CONTACTS}/1", body={"first_name": "Anita"})
        test_clock.advance(hours=2)
        world.post("contact", contact(at="2026-03-02T10:00:00Z", nombre_lead="Ana María"))
        world.run()
        assert rows(Contact)[0].first_name == "Ana María"

    def test_counts_even_where_a_senders_clock_runs_ahead(self, api: Api, world: World) -> None:
        """What a person says after an event from the future is newer than it."""
        world.post("contact", contact(at="2026-03-02T09:04:00Z", nombre_lead="ANA"))
        world.run()
        assert api("PATCH", f"{CONTACTS}/1", body={"first_name": "Ana"}).json["first_name"] == "Ana"
        assert api("PATCH", f"{CONTACTS}/1", body={"first_name": "Anita"}).json["first_name"] == "Anita"

    def test_leaving_unknown_what_is_unknown_says_nothing(self, api: Api, world: World, ana: Any) -> None:
        """A PUT without an e-mail address does not keep out the event that knows it."""
        transact(lambda session: session.execute(delete(Contact)))
        api.post(CONTACTS, body={"manychat_id": "m1"})
        api("PUT", f"{CONTACTS}/1", body={"manychat_id": "m1", "first_name": "Ana"})
        world.post("contact", contact(email_lead="ana@example.com"))
        world.run()
        assert rows(Contact)[0].email == "ana@example.com"

    def test_lead_of_exactly_this_person_is_synced(self, api: Api, world: World) -> None:
        """One open delivery, for them; none where nothing has changed."""
        for name in ("m1", "m2"):
            world.post("opportunity", opportunity(name))
        world.step("manychat-crm-opportunities-queue")
        world.step("manychat-crm-opportunities-queue")
        transact(lambda session: session.execute(delete(Delivery)))
        api("PATCH", f"{CONTACTS}/1", body={"first_name": "Ana"})
        assert rows(Delivery) == []
        api("PATCH", f"{CONTACTS}/1", body={"phone": "+525511112222"})
        assert [(row.action, row.subject) for row in rows(Delivery)] == [("opportunity", "m1")]

    def test_is_logged_with_who_did_it_and_without_what_was_said(self, api: Api, ana: Any) -> None:
        """The log names fields, never values."""
        api("PATCH", f"{CONTACTS}/1", key="write-key", body={"first_name": "Secreta", "phone": None})
        created, updated = rows(ActionLog)
        assert (created.actor, created.action, created.subject) == ("key:ops", "contact.create", "m1")
        assert (updated.actor, updated.action, updated.detail) == (
            "key:robot",
            "contact.update",
            "first_name, phone, phone_original",
        )


class TestLostUpdates:
    """If-Match: a change is made only to the version that was seen."""

    def test_second_of_two_who_read_the_same_is_told(self, api: Api, ana: Any) -> None:
        """412, and the first change stays."""
        tag = {"if-match": ana.headers["etag"]}
        assert api("PATCH", f"{CONTACTS}/1", body={"first_name": "Uno"}, headers=tag).status == 200
        for method, body in (("PATCH", {"first_name": "Dos"}), ("PUT", ANA), ("DELETE", None)):
            assert api(method, f"{CONTACTS}/1", body=body, headers=tag).status == 412
        assert rows(Contact)[0].first_name == "Uno"

    def test_tag_of_the_answer_goes_on(self, api: Api, ana: Any) -> None:
        """Who changes again and again needs not read in between."""
        tag = ana.headers["etag"]
        for name in ("a", "b", "c"):
            answer = api("PATCH", f"{CONTACTS}/1", body={"first_name": name}, headers={"if-match": tag})
            assert answer.status == 200
            tag = answer.headers["etag"]

    @pytest.mark.parametrize(
        ("value", "status"), [("*", 200), ('"other", {}', 200), ("W/{}", 412), ('"other"', 412), ("", 412), ("é", 412)]
    )
    def test_forms_of_the_header(self, api: Api, ana: Any, value: str, status: int) -> None:
        """Any of several may match, `*` matches whatever is there, a weak one never does."""
        headers = {"if-match": value.format(ana.headers["etag"])}
        assert api("PATCH", f"{CONTACTS}/1", body={"first_name": "X"}, headers=headers).status == status

    def test_sync_in_between_does_not_spoil_a_change(self, api: Api, ana: Any) -> None:
        """The tag stands for what people can change."""

        def synced(session: Any) -> None:
            session.get_one(Contact, 1).odoo_sync_status = "success"

        transact(synced)
        assert api("PATCH", f"{CONTACTS}/1", body={}, headers={"if-match": ana.headers["etag"]}).status == 200


class TestDelete:
    """Only what nothing refers to."""

    def test_contact_without_anything_goes(self, api: Api, ana: Any) -> None:
        """204, then 404; and the log keeps who did it."""
        assert api("DELETE", f"{CONTACTS}/1").status == 204
        assert api.get(f"{CONTACTS}/1").status == api("DELETE", f"{CONTACTS}/1").status == 404
        assert [line.action for line in rows(ActionLog)] == ["contact.create", "contact.delete"]

    def test_references_are_named(self, api: Api, add: Callable[..., Any]) -> None:
        """409 with each kind, how many, and the first of them."""
        add(Contact(id=1, manychat_id="m1"), Opportunity(id=5, manychat_id="m1", contact_id=1))
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(1, 8):
            add(Campaign(id=number, name="c", date_start=start))
            add(CampaignContact(contact_id=1, campaign_id=number, registration_date=start))
        answer = api("DELETE", f"{CONTACTS}/1")
        assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:referenced")
        assert answer.json["errors"] == [
            {"field": "opportunities", "message": "1: 5"},
            {"field": "campaign_contacts", "message": "7: 1, 2, 3, 4, 5, ..."},
        ]
        assert len(rows(Contact)) == 1

    def test_what_was_still_to_be_sent_is_taken_back(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        """No sync is left to fail because its record is gone."""
        environment.setenv("ODOO_SYNC_MODE", "contacts")
        get_settings.cache_clear()
        api.post(CONTACTS, body=ANA)
        api("DELETE", f"{CONTACTS}/1")
        assert [(row.state, row.reason) for row in rows(Delivery)] == [("cancelled", "contact-deleted")]


class TestSearch:
    """People are found by how they are called and by their number."""

    @pytest.fixture
    def people(self, add: Callable[..., Any]) -> None:
        """Five of them."""
        add(
            Contact(manychat_id="1", first_name="José Ángel", last_name="Núñez", phone="+525512345678"),
            Contact(manychat_id="2", first_name="JOSEFINA", last_name="de la Peña"),
            Contact(manychat_id="3", first_name="Ana", last_name="O'Hara-Íñiguez", phone="+34600111222"),
            Contact(manychat_id="4", first_name="100%_[x]\\", phone_original="llamar al 5599"),
            Contact(manychat_id="5"),
        )

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("jose", "12"),
            ("NUNEZ", "1"),
            ("ñuñez", "1"),
            ("josé núñ", "1"),
            ("núñez josé", "1"),
            ("la pena", "2"),
            ("o'hara", "3"),
            ("iniguez", "3"),
            ("55 1234-5678", "1"),
            ("(600) 111 222", "3"),
            ("+34", "13"),
            ("5599", "4"),
            ("100%", "4"),
            ("100%3", ""),
            ("%_[x]", "4"),
            ("[a-z]", ""),
            ("_", "4"),
            ("\\", "4"),
            ("nobody", ""),
        ],
    )
    def test_name_in_any_spelling_and_parts_of_numbers(self, api: Api, people: None, text: str, found: str) -> None:
        """Without case and accents, every word somewhere; signs that mean something to SQL mean nothing here."""
        answer = api.get(CONTACTS, q=text, order="oldest").json
        assert "".join(item["manychat_id"] for item in answer["items"]) == found

    def test_search_follows_what_changes(self, api: Api, people: None) -> None:
        """Whoever changes name or phone, and however."""
        api("PATCH", f"{CONTACTS}/5", body={"first_name": "Zoë"})
        assert [item["id"] for item in api.get(CONTACTS, q="zoe").json["items"]] == [5]
        api("PATCH", f"{CONTACTS}/5", body={"first_name": None})
        assert api.get(CONTACTS, q="zoe").json["total"] == 0

    def test_sorted_by_name_without_case_and_accents(self, api: Api, people: None) -> None:
        """Both ways; who has no name comes first, or last."""
        up = [item["manychat_id"] for item in api.get(CONTACTS, sort="name").json["items"]]
        down = [item["manychat_id"] for item in api.get(CONTACTS, sort="-name").json["items"]]
        assert up == down[::-1] == ["5", "4", "3", "1", "2"]

    def test_sort_and_order_exclude_each_other(self, api: Api) -> None:
        """Which of the two was meant cannot be told."""
        assert api.get(CONTACTS, sort="name", order="oldest").status == 422
        assert api.get(CONTACTS, sort="email").status == 422
