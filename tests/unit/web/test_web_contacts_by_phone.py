"""People whom ManyChat does not know: added and changed by their number, with tags, attributes and what they want."""

from typing import Any

import pytest
from sqlalchemy import select

from shared.crm import contact_edits, contact_profiles
from shared.errors import RefusedError
from shared.messages import consent
from shared.people import aliases
from shared.privacy.erase import erase, person
from shared.store.contact_models import ContactProfile, ContactTag
from shared.store.models import Contact
from shared.store.session import reading, transact
from tests.unit.web.calls import Api

CONTACTS = "/api/v1/contacts"
ANA = {"phone_number": "+52 1 55 1234 5678", "name": "Ana Núñez", "tags": ["VIP", "Navidad"], "custom_fields": {"city": "León"}}


@pytest.fixture
def ana(api: Api, test_clock: Any) -> Any:
    """A contact that was added by her number."""
    answer = api.post(CONTACTS, body=ANA)
    assert answer.status == 201, answer.json
    return answer


def held_back(number: str) -> str | None:
    """Why a marketing message by WhatsApp would not go out."""
    with reading() as session:
        known = aliases.of(session, [f"phone:{number}"])
        return consent.cause_against(session, known, "whatsapp", number, transactional=False)


def test_nobody_with_the_number_is_added_without_a_manychat_id(api: Api, ana: Any) -> None:
    """201; the name is split, the number and the other names of fields are read, and the row has an id in both forms."""
    assert (ana.json["manychat_id"], ana.json["phone"], ana.json["first_name"], ana.json["last_name"]) == (
        None,
        "+525512345678",
        "Ana",
        "Núñez",
    )
    assert (ana.json["tags"], ana.json["attributes"], ana.json["opt_in"], ana.json["is_blocked"]) == (
        ["Navidad", "VIP"],
        {"city": "León"},
        None,
        False,
    )
    assert api.get(ana.headers["location"]).json == ana.json
    assert api.get(CONTACTS).json["items"] == [ana.json]
    with reading() as session:
        given = [ana.json["id"], str(ana.json["id"]), ana.json["uuid"], "999", "no-id"]
        known = contact_profiles.numbers_of(session, given)
    assert list(known.values()) == [ana.json["id"]] * 3 + [None, None]


def test_the_one_with_the_number_is_changed(api: Api, ana: Any) -> None:
    """200, in any spelling of the number; what is not given stays, an attribute that is null goes."""
    again = api.post(
        CONTACTS,
        body={"phone": "55 1234 5678", "email": "ana@example.com", "attributes": {"city": None, "age": 41}, "opt_in": True},
    )
    assert (again.status, again.json["id"], again.json["first_name"]) == (200, ana.json["id"], "Ana")
    assert (again.json["attributes"], again.json["tags"], again.json["opt_in"]) == ({"age": 41}, ["Navidad", "VIP"], True)
    with reading() as session:
        assert len(session.scalars(select(Contact)).all()) == 1


def test_contact_of_manychat_is_found_by_the_number(api: Api, test_clock: Any) -> None:
    """One contact, who keeps the ManyChat id; that id itself stays a conflict."""
    first = api.post(CONTACTS, body={"manychat_id": "m1", "phone": "5512345678"})
    again = api.post(CONTACTS, body={"phone": "+525512345678", "tags": ["a"]})
    assert (again.status, again.json["id"], again.json["manychat_id"]) == (200, first.json["id"], "m1")
    assert api.post(CONTACTS, body={"manychat_id": "m1", "phone": "5512345678"}).status == 409


def test_several_with_the_number_are_a_conflict_that_names_them(api: Api, test_clock: Any) -> None:
    """409 with their ids; nothing was changed."""
    ids = [api.post(CONTACTS, body={"manychat_id": name, "phone": "5512345678"}).json["id"] for name in ("m1", "m2")]
    answer = api.post(CONTACTS, body=ANA)
    assert answer.status == 409
    assert [fault["message"] for fault in answer.json["errors"]] == [f"contact {number}" for number in ids]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Ana"},
        {"phone": "12"},
        {"phone": "5512345678", "attributes": {"a b": 1}},
        {"phone": "5512345678", "attributes": {"a": [1]}},
        {"phone": "5512345678", "tags": [""]},
    ],
)
def test_what_names_nobody_or_cannot_be_kept_is_refused(api: Api, test_clock: Any, body: dict[str, Any]) -> None:
    """422, and nobody is added."""
    assert api.post(CONTACTS, body=body).status == 422
    with reading() as session:
        assert session.scalars(select(Contact)).all() == []


def test_blocked_and_unwilling_people_get_nothing(api: Api, ana: Any) -> None:
    """Set and taken back; a stop of the person's own is not lifted by an operator's `opt_in`."""
    where = ana.headers["location"]
    assert held_back("+525512345678") is None
    api("PATCH", where, body={"is_blocked": True})
    assert held_back("+525512345678") == "by-hand"
    api("PATCH", where, body={"is_blocked": False, "opt_in": False})
    assert held_back("+525512345678") == "unsubscribed"
    api("PATCH", where, body={"opt_in": True})
    assert held_back("+525512345678") is None


def test_tags_are_one_in_every_spelling_and_replaced_as_a_whole(api: Api, ana: Any) -> None:
    """`vip` is `VIP`; the list is all tags from then on."""
    assert api("PATCH", ana.headers["location"], body={"tags": ["vip", "Día de Muertos"]}).json["tags"] == [
        "Día de Muertos",
        "VIP",
    ]
    assert contact_profiles.tag_id("dia de muertos") == contact_profiles.tag_id("Día de Muertos")


def test_erasure_and_deletion_take_everything_along(api: Api, ana: Any) -> None:
    """Nothing of the profile stays behind."""
    other = api.post(CONTACTS, body={"phone": "5587654321", "tags": ["VIP"], "opt_in": True})
    assert api("DELETE", other.headers["location"]).status == 204
    with reading() as session:
        manychat_id = session.scalars(select(Contact.manychat_id)).one()
    erase(person(manychat_id), way="skip", actor="dpo")
    with reading() as session:
        assert [session.scalars(select(model)).all() for model in (Contact, ContactProfile, ContactTag)] == [[], [], []]


def test_number_is_the_key_of_whom_manychat_does_not_know(api: Api, ana: Any) -> None:
    """So two callers at once cannot make two: the second one's row is taken."""
    taken = contact_profiles.without_manychat("+525512345678")
    with pytest.raises(RefusedError, match="manychat-id-taken"):
        transact(lambda session: contact_edits.create(session, taken, {}, "x"))
