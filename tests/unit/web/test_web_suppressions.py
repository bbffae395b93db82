"""Suppressions over the API: seen, added and lifted by hand, each change with the name of who made it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from shared import clock
from shared.journeys import engine, listeners  # noqa: F401  # journeys listen, as in the app
from shared.messages import consent
from shared.messages.digests import digest_of_address, digest_of_person
from shared.people import aliases
from shared.store.journey_models import Enrolment
from shared.store.models import ActionLog
from shared.store.session import reading, transact
from tests.unit.web.calls import Api

PATH = "/api/v1/suppressions"
ANA, PHONE = "ana@example.com", "+525512345678"


def held_back(channel: str, to: str, *, person: str = "lead:1", transactional: bool = True) -> str | None:
    """Why a message is held back."""
    with reading() as session:
        return consent.cause_against(session, aliases.of(session, [person]), channel, to, transactional=transactional)


def logged() -> list[tuple[str, str, str | None]]:
    """The lines of the action log: who, what, and what of it."""
    with reading() as session:
        return [(row.actor, row.action, row.detail) for row in session.scalars(select(ActionLog).order_by(ActionLog.id))]


def problem(answer: Any) -> tuple[int, str]:
    """Status and reason of a refusal."""
    return answer.status, answer.json["type"].removeprefix("urn:puente:problem:")


class TestAdding:
    """POST /api/v1/suppressions."""

    @pytest.mark.parametrize(
        ("body", "channels", "cause"),
        [
            ({"email": " Ana@Example.com "}, ["email"], "by-hand"),
            ({"phone": "55 1234 5678"}, ["sms", "voice", "whatsapp"], "by-hand"),
            ({"phone": PHONE, "channels": ["voice"]}, ["voice"], "by-hand"),
            ({"manychat_id": 991}, ["manychat"], "by-hand"),
            ({"person": "lead:1", "channels": ["email", "sms"]}, ["email", "sms"], "by-hand"),
            ({"person": "lead:1", "cause": "stop"}, ["sms", "voice", "whatsapp"], "stop"),
            ({"email": ANA, "cause": "unsubscribed"}, ["email"], "unsubscribed"),
        ],
    )
    def test_holds_back_from_now_on(self, api: Api, body: dict[str, Any], channels: list[str], cause: str) -> None:
        """One row for each channel by which the one named is reached, or those that are given."""
        answer = api.post(PATH, body=body)
        assert answer.status == 201
        items = answer.json["items"]
        assert ([item["channel"] for item in items], {item["cause"] for item in items}) == (channels, {cause})
        assert all(item["holds"] and not item["lifted"] for item in items)
        to = {"email": ANA, "manychat": "991"}
        assert {held_back(one, to.get(one, PHONE), transactional=False) for one in channels} == {cause}

    def test_is_logged_with_its_author_and_without_the_person(self, api: Api) -> None:
        """Who did it is known; to whom, only as a digest."""
        api.post(PATH, body={"email": ANA}, key="write-key")
        assert logged() == [("key:robot", "suppression.add", "email: by-hand")]
        with reading() as session:
            assert session.scalars(select(ActionLog.subject)).one() == digest_of_address(ANA)

    def test_by_hand_holds_back_what_they_asked_for_as_well(self, api: Api) -> None:
        """In contrast to an unsubscription, which is about marketing."""
        api.post(PATH, body={"email": ANA, "cause": "unsubscribed"})
        assert (held_back("email", ANA), held_back("email", ANA, transactional=False)) == (None, "unsubscribed")
        api.post(PATH, body={"email": ANA})
        assert held_back("email", ANA) == "by-hand"

    def test_start_does_not_lift_what_was_entered_by_hand(self, api: Api) -> None:
        """It lifts a STOP, and that one only."""
        api.post(PATH, body={"phone": PHONE})
        recipient_digests = [digest_of_address(PHONE)]
        transact(lambda session: consent.lift(session, consent.PHONE_CHANNELS, recipient_digests, "stop", clock.now()))
        assert held_back("sms", PHONE) == "by-hand"

    def test_again_changes_nothing(self, api: Api) -> None:
        """The same row answers."""
        first, second = (api.post(PATH, body={"email": ANA}).json["items"][0]["id"] for _ in range(2))
        assert first == second
        assert api.get(PATH).json["total"] == 1

    def test_counts_over_a_word_that_is_ahead_of_our_clock(self, api: Api) -> None:
        """A sender's clock may run ahead; a person's word is said now."""
        ahead = clock.now() + timedelta(hours=2)
        transact(lambda session: consent.lift(session, ["email"], [digest_of_address(ANA)], "by-hand", ahead))
        api.post(PATH, body={"email": ANA})
        assert held_back("email", ANA) == "by-hand"

    def test_ends_journeys_that_have_nothing_else(self, api: Api) -> None:
        """Journeys are notified of it, as of a wish that came by itself."""
        data = {"email": ANA, "calendly_event": "e1"}
        transact(lambda session: engine.signal(session, "noshow.reported", ["email:a"], data, event_key="e1"))
        api.post(PATH, body={"email": ANA})
        with reading() as session:
            assert session.scalars(select(Enrolment.reason)).one() == "person.unsubscribed"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"cause": "stop"},
            {"email": ANA, "phone": PHONE},
            {"email": "ana"},
            {"phone": "call my sister"},
            {"person": "lead:1"},
            {"email": ANA, "channels": ["sms"]},
            {"email": ANA, "channels": []},
            {"email": ANA, "channels": ["pigeon"]},
            {"phone": PHONE, "cause": "unsubscribed"},
            {"email": ANA, "cause": "stop"},
            {"email": ANA, "cause": "soft-bounce"},
            {"email": ANA, "reason": "x"},
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, api: Api, body: dict[str, Any]) -> None:
        """With the field, and without an entry."""
        assert problem(api.post(PATH, body=body)) == (422, "invalid-fields")
        assert api.get(PATH).json["items"] == []


class TestLifting:
    """DELETE /api/v1/suppressions/{id}."""

    def test_lets_messages_go_out_again(self, api: Api) -> None:
        """The row stays, as lifted; doing it twice is once."""
        (item,) = api.post(PATH, body={"email": ANA}).json["items"]
        for _ in range(2):
            answer = api("DELETE", f"{PATH}/{item['id']}", key="write-key")
            assert (answer.status, answer.body) == (204, b"")
        assert held_back("email", ANA) is None
        assert api.get(f"{PATH}/{item['id']}").json["lifted"]
        assert logged()[1:] == [("key:robot", "suppression.lift", "email: by-hand")]

    def test_of_one_cause_leaves_the_others(self, api: Api) -> None:
        """They are separate words."""
        (one,) = api.post(PATH, body={"email": ANA}).json["items"]
        api.post(PATH, body={"email": ANA, "cause": "bounced"})
        api("DELETE", f"{PATH}/{one['id']}")
        assert held_back("email", ANA) == "bounced"

    def test_of_soft_bounces_lets_the_count_begin_anew(self, api: Api) -> None:
        """The next one is the first."""
        who = digest_of_address(ANA)
        for hours in range(3):
            at = clock.now() - timedelta(hours=3 - hours)
            transact(lambda session, at=at: consent.soft_bounced(session, who, at))
        (row,) = api.get(PATH, holds="true").json["items"]
        assert (row["cause"], row["bounces"]) == ("soft-bounce", 3)
        api("DELETE", f"{PATH}/{row['id']}")
        assert held_back("email", ANA) is None
        transact(lambda session: consent.soft_bounced(session, who, clock.now() + timedelta(hours=1)))
        assert held_back("email", ANA) is None

    def test_is_of_the_version_that_was_read(self, api: Api) -> None:
        """Whoever has stopped anew since then stays stopped; any tag, or none, lifts it."""
        where = f"{PATH}/{api.post(PATH, body={'phone': PHONE, 'cause': 'stop'}).json['items'][0]['id']}"
        seen = api.get(where).headers["etag"]
        api.post(PATH, body={"phone": PHONE, "cause": "stop"})
        now = api.get(where).headers["etag"]
        assert seen != now
        assert problem(api("DELETE", where, headers={"if-match": seen})) == (412, "changed-meanwhile")
        assert api.get(where).json["holds"] is True
        assert api("DELETE", where, headers={"if-match": now}).status == 204
        assert api.get(where).json["holds"] is False

    def test_of_one_that_is_not_there_is_404(self, api: Api) -> None:
        """As for reading it."""
        assert problem(api("DELETE", f"{PATH}/99")) == (404, "no-such-suppression")
        assert problem(api.get(f"{PATH}/99")) == (404, "no-such-suppression")


class TestList:
    """GET /api/v1/suppressions."""

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, 6),
            ({"email": "ANA@example.com"}, 1),
            ({"phone": "5512345678"}, 3),
            ({"phone": "5512345678", "channel": "voice"}, 1),
            ({"person": "lead:7"}, 1),
            ({"person": "lead:8"}, 0),
            ({"manychat_id": "991"}, 1),
            ({"cause": "stop"}, 3),
            ({"holds": "true"}, 6),
            ({"holds": "false"}, 0),
        ],
    )
    def test_is_found_by_what_operators_know(self, api: Api, query: dict[str, str], found: int) -> None:
        """Address in any spelling, the person's key, channel and cause."""
        bodies: list[dict[str, Any]] = [{"email": ANA}, {"phone": PHONE, "cause": "stop"}, {"manychat_id": "991"}]
        for body in [*bodies, {"person": "lead:7", "channels": ["email"]}]:
            api.post(PATH, body=body)
        answer = api.get(PATH, **query).json
        assert (len(answer["items"]), answer["total"]) == (found, found)

    def test_comes_in_pages(self, api: Api) -> None:
        """Newest first."""
        api.post(PATH, body={"phone": PHONE})
        first = api.get(PATH, limit=2).json
        second = api.get(PATH, limit=2, after=first["next"]).json
        assert [item["channel"] for item in first["items"] + second["items"]] == ["whatsapp", "voice", "sms"]
        assert second["next"] is None

    @pytest.mark.parametrize("query", [{"email": ANA, "person": "x"}, {"cause": "x"}, {"adress": ANA}, {"email": ""}])
    def test_filter_that_cannot_be_meant_is_refused(self, api: Api, query: dict[str, str]) -> None:
        """A list of everything would look like an answer."""
        assert problem(api.get(PATH, **query)) == (422, "invalid-fields")

    def test_names_nobody(self, api: Api) -> None:
        """An address is not kept, so none is shown."""
        api.post(PATH, body={"email": ANA})
        answer = api.get(PATH)
        assert ANA.encode() not in answer.body
        assert answer.json["items"][0]["who"] == digest_of_address(ANA) != digest_of_person(ANA)
