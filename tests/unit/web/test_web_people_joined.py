"""People over the API: found by any identity, joined and separated by hand, each with a look at what would be so."""

from datetime import UTC, datetime

from sqlalchemy import select

from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.people import aliases, observing
from shared.people.kinds import identities
from shared.people.observing import Seen
from shared.store.models import ActionLog
from shared.store.people_models import IdentityLink
from shared.store.session import reading, transact
from tests.unit.web.calls import Api

PATH = "/api/v1/people"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def saw(proven: dict[str, str], **typed: str) -> int:
    """Take in an event of somebody; their number."""
    seen = Seen(source="test", at=NOW, proven=identities(**proven), typed=identities(**typed))
    return transact(lambda session: observing.observe(session, seen)) or 0


def held(person: dict[str, object]) -> list[str]:
    """The identities of a person in an answer."""
    found = person["identities"]
    assert isinstance(found, list)
    return [f"{one['kind']}:{one['value']}" for one in found]


def test_somebody_is_found_by_an_identity_in_any_spelling(api: Api) -> None:
    """A phone as people write it, and an address in capitals, lead to the same person."""
    number = saw({"manychat": "7", "phone": "+525512345678", "email": "ana@example.com"})
    for kind, value in (("phone", "55 1234 5678"), ("email", " ANA@Example.com"), ("manychat", "7")):
        assert [one["id"] for one in api.get(PATH, kind=kind, value=value).json["items"]] == [number]
    assert api.get(PATH, kind="manychat", value="8").json["items"] == []


def test_what_was_typed_is_found_only_when_asked_for(api: Api) -> None:
    """Who may be somebody is not who is."""
    first, second = saw({"lead": "1"}, email="ana@example.com"), saw({"lead": "2"}, email="ana@example.com")
    assert api.get(PATH, kind="email", value="ana@example.com").json["items"] == []
    found = api.get(PATH, kind="email", value="ana@example.com", probable="true").json["items"]
    assert [(one["id"], one["probably_same"]) for one in found] == [(first, [second]), (second, [first])]


def test_a_value_that_is_none_of_its_kind_is_refused(api: Api) -> None:
    """The answer names the field and does not repeat the value."""
    for query, field in (({"kind": "email", "value": "ana"}, "value"), ({"kind": "shoe", "value": "42"}, "kind")):
        answer = api.get(PATH, **query)
        assert answer.status == 422
        assert [fault["field"] for fault in answer.json["errors"]] == [field]


def test_a_join_can_be_looked_at_before_it_is_made(api: Api) -> None:
    """With `preview` the answer is the same, and nothing is changed or logged."""
    first, second = saw({"manychat": "1"}), saw({"manychat": "2"})
    would = api("POST", f"{PATH}/join", body={"people": [first, second], "preview": True})
    assert [held(one) for one in would.json["items"]] == [["manychat:1", "manychat:2"]]
    with reading() as session:
        assert session.scalars(select(IdentityLink)).all() == []
        assert session.scalars(select(ActionLog)).all() == []
    done = api("POST", f"{PATH}/join", body={"people": [first, second]})
    assert [held(one) for one in done.json["items"]] == [["manychat:1", "manychat:2"]]
    assert api.get(f"{PATH}/{second}").json["id"] == first
    with reading() as session:
        assert [(row.actor, row.action) for row in session.scalars(select(ActionLog))] == [("key:ops", "people.join")]


def test_a_separation_names_the_identities_that_leave(api: Api) -> None:
    """They are another person afterwards; the links say who said so."""
    number = saw({"manychat": "1", "email": "ana@example.com"})
    mail = next(one["id"] for one in api.get(f"{PATH}/{number}").json["identities"] if one["kind"] == "email")
    answer = api("POST", f"{PATH}/{number}/separate", body={"identities": [mail]})
    assert [held(one) for one in answer.json["items"]] == [["manychat:1"], ["email:ana@example.com"]]
    links = answer.json["items"][0]["links"]
    assert [(each["nature"], each["actor"]) for each in links if each["nature"] == "different"] == [("different", "key:ops")]


def test_what_cannot_be_separated_is_refused(api: Api) -> None:
    """All of a person, nothing of them, or somebody else's: 422; nobody: 404."""
    number, other = saw({"manychat": "1"}), saw({"manychat": "2"})
    own, theirs = (api.get(f"{PATH}/{one}").json["identities"][0]["id"] for one in (number, other))
    for leaving in ([own], [theirs]):
        assert api("POST", f"{PATH}/{number}/separate", body={"identities": leaving}).status == 422
    assert api("POST", f"{PATH}/{number + 99}/separate", body={"identities": [own]}).status == 404
    assert api("POST", f"{PATH}/join", body={"people": [number, number + 99]}).status == 404
    assert api.get(f"{PATH}/{number + 99}").status == 404


def test_only_those_who_may_write_join_people(api: Api) -> None:
    """A key that reads is refused."""
    first, second = saw({"manychat": "1"}), saw({"manychat": "2"})
    assert api("POST", f"{PATH}/join", key="read-key", body={"people": [first, second]}).status == 403


class TestMerged:
    """Ids that a system has merged or renamed."""

    def test_merged_ids_are_one_person_and_old_numbers_lead_on(self, api: Api) -> None:
        """The system makes 90 of 51 and 62, of which each has an address and a phone; a second report changes nothing."""
        first = saw({"manychat": "51", "email": "ana@example.com"})
        second = saw({"manychat": "62", "phone": "+525512345678"})
        body = {"kind": "manychat", "kept": "90", "gone": ["51", "62"], "source": "manychat.merge"}
        assert len(api("POST", f"{PATH}/merged", body=body | {"preview": True}).json["items"]) == 1
        assert api.get(PATH, kind="manychat", value="90").json["items"] == []
        for _ in range(2):
            (one,) = api("POST", f"{PATH}/merged", body=body).json["items"]
            assert sorted(held(one)) == [
                "email:ana@example.com",
                "manychat:51",
                "manychat:62",
                "manychat:90",
                "phone:+525512345678",
            ]
        assert api.get(f"{PATH}/{first}").json["id"] == api.get(f"{PATH}/{second}").json["id"] == one["id"]
        with reading() as session:
            actions = session.scalars(select(ActionLog.action).where(ActionLog.action == "people.follow")).all()
        assert len(actions) == 2

    def test_a_stop_counts_for_the_new_number(self, api: Api) -> None:
        """Somebody changes their number after STOP: it stays with the old one, and nothing goes to the new one."""
        old, new = "+525511110001", "+525522220002"
        saw({"phone": old})
        transact(lambda s: consent.suppress(s, consent.PHONE_CHANNELS, [digest_of_address(old)], "stop", NOW))
        body = {"kind": "phone", "kept": new, "gone": [old], "source": "whatsapp.number"}
        assert api("POST", f"{PATH}/merged", body=body).status == 200
        with reading() as session:
            known = aliases.of(session, [f"phone:{new}"])
            assert consent.cause_against(session, known, "whatsapp", new, transactional=True) == "stop"

    def test_what_is_no_id_of_that_kind_is_refused(self, api: Api) -> None:
        """A number that is none."""
        body = {"kind": "phone", "kept": "+525512345678", "gone": ["x"], "source": "s"}
        assert api("POST", f"{PATH}/merged", body=body).status == 422
