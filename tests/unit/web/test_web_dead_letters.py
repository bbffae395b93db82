"""Dead letters over the API: seen with their reasons, put back on their queues one by one or all that match."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from shared import clock, faults, queues
from shared.errors import UnavailableError
from shared.intake import dead_letter_store
from shared.store.models import ActionLog, DeadLetter, Opportunity
from shared.store.session import reading
from shared.web import bulk_replay
from tests.support.world import FakeStorage, World, opportunity
from tests.unit.web.calls import Api

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
QUEUE = "manychat-crm-opportunities-queue"
OTHER = "manychat-contact-queue"
LIST, REPLAY = "/api/v1/dead-letters", "/api/v1/dead-letters/replay"


def letter(number: int = 1, **more: Any) -> DeadLetter:
    """A dead letter as the engine stores it."""
    event = {"specversion": "1.0", "id": f"e{number}", "source": "manychat", "type": "manychat.opportunity", "attempt": 3}
    values: dict[str, Any] = {
        "key": f"key-{number}-{more}"[:64],
        "original_queue": QUEUE,
        "original_event": json.dumps(event | {"time": AT.isoformat(), "data": {"n": number}}),
        "event_id": f"e{number}",
        "source": "manychat",
        "type": "manychat.opportunity",
        "subject": f"m{number}",
        "reason": "unknown-stage",
        "error_message": "the stage 'Alta' is not in the stage map",
        "error_time": AT + timedelta(minutes=number),
        "attempts": 1,
    }
    return DeadLetter(**(values | more))


def ids(answer: Any) -> list[int]:
    """The ids in a list."""
    return [item["id"] for item in answer.json["items"]]


class TestList:
    """What operators see."""

    def test_shows_every_column_of_a_dead_letter(self, api: Api, add: Callable[..., Any]) -> None:
        """The event is whole, as text; times are UTC with Z."""
        row = add(letter(trace="Traceback: line 1\nline 2", error_message="señal 🔥"))
        answer = api.get(LIST)
        (item,) = answer.json["items"]
        assert set(item) == {column.name for column in DeadLetter.__table__.columns}
        assert json.loads(item["original_event"])["data"] == {"n": 1}
        assert (item["trace"], item["error_message"]) == ("Traceback: line 1\nline 2", "señal 🔥")
        assert (item["error_time"], item["replayed_at"]) == ("2026-03-01T10:01:00Z", None)
        assert api.get(f"{LIST}/{row.id}").json == item

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, [4, 3, 2, 1]),
            ({"order": "oldest"}, [1, 2, 3, 4]),
            ({"state": "parked"}, [4, 3, 1]),
            ({"state": "replayed"}, [2]),
            ({"original_queue": OTHER}, [3]),
            ({"reason": "poison"}, [4]),
            ({"type": "manychat.contact"}, [3]),
            ({"subject": "m2"}, [2]),
            ({"since": "2026-03-01T10:03:00Z"}, [4, 3]),
            ({"since": "2026-03-01T11:03:00+01:00", "until": "2026-03-01 10:04"}, [3]),
            ({"state": "parked", "original_queue": QUEUE, "until": "2026-03-01T10:04:00Z"}, [1]),
            ({"reason": "nothing-like-it"}, []),
            ({"since": "0001-01-01T00:00:00+14:00", "until": "9999-12-31T23:59:59-12:00", "subject": "m1"}, [1]),
        ],
    )
    def test_filters_narrow_it_down_together(
        self, api: Api, add: Callable[..., Any], query: dict[str, str], found: list[int]
    ) -> None:
        """All filters given must fit; the total counts what fits."""
        add(
            letter(1),
            letter(2, state="replayed"),
            letter(3, original_queue=OTHER, type="manychat.contact"),
            letter(4, reason="poison"),
        )
        answer = api.get(LIST, **query)
        assert (ids(answer), answer.json["total"]) == (found, len(found))

    def test_unknown_one_is_not_found(self, api: Api) -> None:
        """404 that names it."""
        answer = api.get(f"{LIST}/41")
        assert (answer.status, answer.json["title"]) == (404, "There is no dead letter 41.")


class TestReplayOne:
    """A replay is a new attempt, linked to the old."""

    def test_event_is_on_its_queue_again_and_says_where_it_comes_from(
        self, api: Api, add: Callable[..., Any], storage: FakeStorage, test_clock: clock.TestClock
    ) -> None:
        """202 with what became of it; the event starts with no failed attempts, and its letter keeps its own text."""
        row = add(letter())
        answer = api.post(f"{LIST}/{row.id}/replay")
        assert answer.status == 202
        assert answer.json == {"id": row.id, "state": "replayed", "replays": 1, "queue": QUEUE}
        (event,) = storage.bodies(QUEUE)
        assert (event["id"], event["replayof"], event["attempt"], event["data"]) == ("e1", row.id, 0, {"n": 1})
        shown = api.get(f"{LIST}/{row.id}").json
        assert (shown["original_event"], shown["replayed_at"]) == (row.original_event, "2026-03-02T09:00:00Z")

    def test_is_logged_with_the_name_of_the_key(self, api: Api, add: Callable[..., Any]) -> None:
        """Who did it, to which letter."""
        row = add(letter())
        api.post(f"{LIST}/{row.id}/replay", key="write-key")
        with reading() as session:
            (line,) = session.scalars(select(ActionLog)).all()
        assert (line.actor, line.action, line.dead_letter_id, line.subject) == ("key:robot", "dead-letter.replay", row.id, "m1")

    def test_again_counts_on(self, api: Api, add: Callable[..., Any]) -> None:
        """Replaying a second time is allowed; the event has one key and takes effect once."""
        row = add(letter())
        api.post(f"{LIST}/{row.id}/replay")
        assert api.post(f"{LIST}/{row.id}/replay").json["replays"] == 2

    @pytest.mark.parametrize("queue", ["somebody-elses-queue", "dead-letter-queue", "delivery-queue"])
    def test_what_is_no_event_of_a_flow_is_a_409(
        self, api: Api, add: Callable[..., Any], storage: FakeStorage, queue: str
    ) -> None:
        """Nothing is sent, and the letter stays parked."""
        row = add(letter(original_queue=queue))
        answer = api.post(f"{LIST}/{row.id}/replay")
        assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:not-replayable")
        assert storage.queues == {}
        assert api.get(f"{LIST}/{row.id}").json["state"] == "parked"

    def test_unknown_one_is_not_found(self, api: Api) -> None:
        """404."""
        assert api.post(f"{LIST}/5/replay").status == 404

    def test_queue_that_is_down_is_a_503_and_notes_nothing(
        self, api: Api, add: Callable[..., Any], storage: FakeStorage
    ) -> None:
        """It can be asked for again."""
        row = add(letter())
        storage.broken = True
        answer = api.post(f"{LIST}/{row.id}/replay")
        assert answer.status == 503
        assert api.get(f"{LIST}/{row.id}").json["replays"] == 0

    def test_cured_event_is_applied_and_its_letter_resolved(self, api: Api, world: World, add: Callable[..., Any]) -> None:
        """The whole story: an unknown stage, the stage map completed, the replay, the opportunity in its stage."""
        from shared.store.models import StageMapping

        world.post("opportunity", opportunity(stage="Alta Nueva"))
        world.run()
        (item,) = api.get(LIST, reason="unknown-stage").json["items"]
        add(StageMapping(manychat_key="altanueva", manychat_name="Alta Nueva", odoo_stage_id=31, odoo_name="Alta"))
        assert api.post(f"{LIST}/{item['id']}/replay").status == 202
        world.step(QUEUE)
        assert api.get(f"{LIST}/{item['id']}").json["state"] == "resolved"
        with reading() as session:
            assert session.scalars(select(Opportunity.stage_id)).one() == 31


class TestReplayMatching:
    """Many at once: first what would happen, then on a clear word what has."""

    def test_without_a_word_it_only_says_what_would_be_replayed(
        self, api: Api, add: Callable[..., Any], storage: FakeStorage
    ) -> None:
        """Ids, and groups by reason and queue, the largest first; nothing is sent or changed."""
        add(letter(1), letter(2), letter(3, reason="poison", original_queue=OTHER), letter(4, state="resolved"))
        answer = api.post(REPLAY, body={})
        assert answer.status == 200
        assert answer.json == {
            "dry_run": True,
            "total": 3,
            "count": 3,
            "ids": [1, 2, 3],
            "groups": [
                {"reason": "unknown-stage", "queue": QUEUE, "count": 2},
                {"reason": "poison", "queue": OTHER, "count": 1},
            ],
            "next": None,
        }
        assert storage.queues == {}
        assert {item["replays"] for item in api.get(LIST).json["items"]} == {0}

    def test_with_dry_run_false_it_replays_what_the_dry_run_named(
        self, api: Api, add: Callable[..., Any], storage: FakeStorage
    ) -> None:
        """Exactly those, oldest first, each with its result."""
        add(letter(1), letter(2, reason="poison"), letter(3), letter(4))
        chosen = {"reason": "unknown-stage", "until": "2026-03-01T10:04:00Z"}
        plan = api.post(REPLAY, body=chosen).json
        answer = api.post(REPLAY, body=chosen | {"dry_run": False})
        assert answer.status == 202
        assert [(result["id"], result["outcome"]) for result in answer.json["results"]] == [
            (n, "replayed") for n in plan["ids"]
        ]
        assert [event["replayof"] for event in storage.bodies(QUEUE)] == plan["ids"] == [1, 3]
        assert (answer.json["replayed"], answer.json["failed"], answer.json["not_tried"]) == (2, 0, 0)

    def test_one_that_fails_does_not_hold_the_others_back(
        self, api: Api, add: Callable[..., Any], storage: FakeStorage, environment: pytest.MonkeyPatch
    ) -> None:
        """Refused, broken, gone meanwhile: each has its reason, and the rest is replayed."""
        add(letter(1, original_queue="gone-queue"), letter(2), letter(3), letter(4), letter(5))
        real = dead_letter_store.replay

        def replay(dead_letter_id: int, actor: str) -> DeadLetter:
            if dead_letter_id == 2:
                raise ZeroDivisionError("a mistake of ours")
            if dead_letter_id == 3:
                raise LookupError(3)
            return real(dead_letter_id, actor)

        environment.setattr(dead_letter_store, "replay", replay)
        answer = api.post(REPLAY, body={"dry_run": False})
        assert [(result["outcome"], result["reason"]) for result in answer.json["results"]] == [
            ("failed", "not-replayable"),
            ("failed", "unexpected"),
            ("failed", "no-such-dead-letter"),
            ("replayed", None),
            ("replayed", None),
        ]
        assert "mistake" not in answer.body.decode()
        assert len(storage.bodies(QUEUE)) == 2

    def test_limit_and_next_lead_through_all_of_them(self, api: Api, add: Callable[..., Any], storage: FakeStorage) -> None:
        """Also behind some that fail every time: they are not the first again and again."""
        add(letter(1, original_queue="gone"), letter(2, original_queue="gone"), *(letter(n) for n in range(3, 9)))
        body: dict[str, Any] = {"dry_run": False, "limit": 2}
        seen, totals = [], []
        while True:
            answer = api.post(REPLAY, body=body).json
            seen += [result["id"] for result in answer["results"]]
            totals.append(answer["total"])
            if answer["next"] is None:
                break
            body["after"] = answer["next"]
        assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
        assert totals == [8, 8, 6, 4]
        assert len(storage.bodies(QUEUE)) == 6

    def test_state_null_means_whatever_state(self, api: Api, add: Callable[..., Any]) -> None:
        """By default only what is parked; other states on request."""
        add(letter(1), letter(2, state="replayed"), letter(3, state="resolved"))
        assert api.post(REPLAY, body={}).json["ids"] == [1]
        assert api.post(REPLAY, body={"state": "replayed"}).json["ids"] == [2]
        assert api.post(REPLAY, body={"state": None}).json["ids"] == [1, 2, 3]

    def test_nothing_that_matches_is_no_error(self, api: Api) -> None:
        """An empty report."""
        answer = api.post(REPLAY, body={"reason": "nothing-like-it", "dry_run": False})
        assert (answer.status, answer.json["count"], answer.json["results"]) == (202, 0, [])

    def test_outage_of_the_queue_is_not_waited_for_a_thousand_times(
        self, api: Api, add: Callable[..., Any], environment: pytest.MonkeyPatch
    ) -> None:
        """After three in a row the rest is not tried, and says so; it is parked still."""
        add(*(letter(n) for n in range(1, 8)))
        calls: list[str] = []

        def send(queue: str, _body: bytes) -> None:
            calls.append(queue)
            if len(calls) != 2:
                raise UnavailableError("the storage account is down")

        environment.setattr(queues, "send", send)
        answer = api.post(REPLAY, body={"dry_run": False}).json
        assert [result["outcome"] for result in answer["results"]] == [
            "failed", "replayed", "failed", "failed", "failed", "not-tried", "not-tried",
        ]  # fmt: skip
        assert (len(calls), answer["not_tried"]) == (5, 2)
        assert len(ids(api.get(LIST, state="parked"))) == 6

    def test_answer_comes_before_the_platform_cuts_it_off(
        self, api: Api, add: Callable[..., Any], environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """What there is no time for is not tried; asking again goes on with it."""
        add(*(letter(n) for n in range(1, 5)))
        real = queues.send

        def slowly(queue: str, body: bytes) -> None:
            test_clock.advance(seconds=bulk_replay.BUDGET.total_seconds() / 2)
            real(queue, body)

        environment.setattr(queues, "send", slowly)
        answer = api.post(REPLAY, body={"dry_run": False}).json
        assert [result["reason"] for result in answer["results"]] == [None, None, "out-of-time", "out-of-time"]
        environment.setattr(queues, "send", real)
        assert api.post(REPLAY, body={"dry_run": False}).json["replayed"] == 2

    def test_crash_between_sending_and_noting_replays_twice_at_worst(
        self, api: Api, world: World, add: Callable[..., Any]
    ) -> None:
        """The event has one key: two copies on the queue have the effect of one."""
        world.post("opportunity", opportunity(stage="Alta Nueva"))
        world.run()
        from shared.store.models import StageChange, StageMapping

        add(StageMapping(manychat_key="altanueva", manychat_name="Alta Nueva", odoo_stage_id=31, odoo_name="Alta"))
        faults.inject("deadletter.after_replay_sent=raise:1x1")
        assert api.post(REPLAY, body={"dry_run": False}).json["results"][0]["reason"] == "unexpected"
        assert api.post(REPLAY, body={"dry_run": False}).json["replayed"] == 1
        while world.step(QUEUE):
            pass
        with reading() as session:
            assert len(session.scalars(select(StageChange)).all()) == 1
