"""What cannot be handled: on the dead-letter queue with its reason, in SQL once, out of it by replay."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Never
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared import clock, faults, flows, queues
from shared.crm import opportunities
from shared.crm.stages import stage_key
from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.intake import dead_letter_message, dead_letter_queue, dead_letter_store
from shared.intake.envelope import parse
from shared.store.models import DeadLetter, Delivery, InboxEvent, Opportunity, StageMapping
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.world import contact, opportunity

QUEUE = "manychat-crm-opportunities-queue"
UNKNOWN = "Etapa Nueva"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
NAMES = ["key", "original_queue", "original_event", "reason", "error_message", "error_time", "trace", "attempts", "dataref"]


def letters(**where):
    """Dead letters that match, oldest first."""
    with reading() as session:
        return session.scalars(select(DeadLetter).filter_by(**where).order_by(DeadLetter.id)).all()


def park(world, stage=UNKNOWN, **more):
    """An event that ends as a dead letter; the newest letter."""
    world.post("opportunity", opportunity(stage=stage, **more))
    world.run()
    return letters()[-1]


def teach(name=UNKNOWN, number=26):
    """Put a stage into the map."""
    row = StageMapping(manychat_key=stage_key(name), manychat_name=name, odoo_stage_id=number, odoo_name=name)
    transact(lambda session: session.add(row))


class TestSend:
    """The message of a dead letter."""

    def sent(self, storage):
        """The letters on the queue."""
        return storage.bodies(queues.DEAD_LETTER_QUEUE)

    def test_says_everything(self, storage, test_clock):
        """Queue, time, reason in words and as a code, attempts, trace, and the event itself."""
        dead_letter_queue.send("q", "the event", ValueError("año 🌷"), attempts=3)
        [letter] = self.sent(storage)
        assert (letter["original_queue"], letter["original_event"], letter["attempts"]) == ("q", "the event", 3)
        assert (letter["reason"], letter["error_message"]) == ("ValueError", "año 🌷")
        assert letter["error_time"] == clock.now().isoformat()
        assert "ValueError: año 🌷" in letter["trace"]

    def test_a_permanent_error_has_a_reason_and_no_trace(self, storage, test_clock):
        """It was raised on purpose; a trace would only hide the words."""
        dead_letter_queue.send("q", "e", PermanentError("unknown-stage", "no such stage"), attempts=1)
        [letter] = self.sent(storage)
        assert (letter["reason"], letter["error_message"], letter["trace"]) == ("unknown-stage", "no such stage", "")

    def test_an_error_without_words_is_told_by_its_kind(self, storage, test_clock):
        """An empty message would tell nothing."""
        dead_letter_queue.send("q", "e", KeyError(), attempts=1)
        assert self.sent(storage)[0]["error_message"] == "KeyError"

    @pytest.mark.parametrize("length", [10, 40_000, 48_000, 49_152, 200_000])
    def test_any_size_fits_a_message_and_the_event_is_never_cut(self, storage, test_clock, length):
        """First the trace goes, then the whole letter goes to a blob; received, it is whole again."""
        error = RuntimeError("x" * 5000)
        dead_letter_queue.send("q", "ñ" * (length // 2), error, attempts=1)
        body = storage.take(queues.DEAD_LETTER_QUEUE).body
        assert len(body) <= queues.MESSAGE_LIMIT_BYTES
        assert dead_letter_store._read(body)["original_event"] == "ñ" * (length // 2)

    def test_odd_text_does_not_break_it(self, storage, test_clock):
        """Half of a surrogate pair in an error's words is written down as an escape."""
        dead_letter_queue.send("q", "e", PermanentError("x", "bad \ud800"), attempts=1)
        assert self.sent(storage)[0]["error_message"] == "bad \\ud800"

    def test_the_same_event_failing_for_the_same_reason_is_one_letter(self, world):
        """A sender's repetitions, or a crash before the queue's message was deleted, do not flood the people who look."""
        for _ in range(3):
            park(world)
            world.storage.queues.clear()
        assert len(letters()) == 1

    def test_another_reason_or_another_event_is_another_letter(self, world):
        """Only what says the same is kept once."""
        park(world)
        park(world, at="2026-03-02T08:00:00Z")
        event = world.storage
        dead_letter_queue.send(QUEUE, letters()[0].original_event, RetryableError("other"), attempts=1)
        assert event.bodies(queues.DEAD_LETTER_QUEUE)
        world.run()
        assert [letter.reason for letter in letters()] == ["unknown-stage", "unknown-stage", "RetryableError"]


class TestReceive:
    """From the queue into SQL."""

    def test_kept_with_what_is_known_of_the_event(self, world):
        """Filters need the person, the type and the reason."""
        letter = park(world)
        assert (letter.original_queue, letter.type, letter.source, letter.subject) == (
            QUEUE,
            "manychat.opportunity",
            "manychat",
            "m1",
        )
        assert (letter.reason, letter.state, letter.attempts) == ("unknown-stage", "parked", 1)
        assert parse(letter.original_event.encode()).data == opportunity(stage=UNKNOWN)

    def test_received_twice_is_kept_once(self, world, storage):
        """The queue may deliver it again."""
        dead_letter_queue.send("q", "e", PermanentError("x", "y"), attempts=1)
        body = storage.take(queues.DEAD_LETTER_QUEUE).body
        dead_letter_store.receive(body)
        dead_letter_store.receive(body)
        assert len(letters()) == 1

    def test_alert_goes_out_once(self, world, storage, environment):
        """A new letter plans one message to the operators; the same letter again plans none."""
        from shared.settings import get_settings

        environment.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/alert")
        get_settings.cache_clear()
        dead_letter_queue.send("q", "e", PermanentError("x", "y"), attempts=1)
        body = storage.take(queues.DEAD_LETTER_QUEUE).body
        dead_letter_store.receive(body)
        dead_letter_store.receive(body)
        with reading() as session:
            assert [alert.target for alert in session.scalars(select(Delivery))] == ["alerts"]
        assert storage.bodies(queues.DELIVERY_QUEUE) == [{"target": "alerts"}]

    @settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.binary(max_size=40)
        | st.dictionaries(st.sampled_from(NAMES), JSON_VALUES).map(lambda letter: json.dumps(letter).encode())
        | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    )
    @example(b'{"original_event": "x", "attempts": "many"}')
    @example(b'{"original_event": "\\ud800", "reason": "\\ud800", "trace": {"a": 1}}')
    @example(b'{"original_event": "x\\u0000", "error_message": "\\u0000"}')
    @example(b'{"dataref": 5}')
    @example(b'{"original_event": "x", "error_time": "0001-01-01T00:00:00+14:00"}')
    @example(json.dumps({"original_event": "x", "error_message": "🌷" * 999, "reason": "🌷" * 64}).encode())
    @example(b'{"original_event": null}')
    @example(b"[" * 50_000)
    def test_whatever_lies_on_the_queue_is_kept(self, storage, body):
        """A letter that could not be stored would go round for ever: every text fits its column, every number is one."""
        row = dead_letter_store._read(body)
        for column in DeadLetter.__table__.columns:
            value, kind = row.get(column.name), column.type.python_type
            assert value is None or isinstance(value, kind)
            if isinstance(value, str):
                assert len(value.encode("utf-16-le")) // 2 <= (column.type.length or 10**9)
        assert row["original_event"] is not None


class TestUnstorable:
    """A letter that the database never takes: tried some times, then kept elsewhere and told; never dropped."""

    LETTER = st.binary(max_size=60) | JSON_VALUES.map(lambda value: json.dumps(value).encode())

    @pytest.fixture
    def refusing(self, world, monkeypatch):
        """A database that does not take dead letters, whatever else it takes."""
        monkeypatch.setattr(dead_letter_store, "_store", self.refuse)

    @staticmethod
    def refuse(_letter) -> Never:
        """As the driver does when a value cannot be stored."""
        raise ValueError("the database does not take it")

    @staticmethod
    def away(*_args, **_more) -> Never:
        """As database and storage account do when they cannot be reached."""
        raise UnavailableError("it is not there")

    def rounds(self, world, test_clock):
        """Host and timer go on until nothing is on the way; how many times the handler ran."""
        runs = 0
        for _ in range(2000):
            test_clock.advance(seconds=31)
            dead_letter_queue.collect_poison(flows.queues())
            try:
                runs += world.step(queues.DEAD_LETTER_QUEUE)
            except ValueError:
                runs += 1
            if not any(world.storage.queues.values()):
                return runs
        pytest.fail("it goes round without end")

    @pytest.mark.parametrize("size", [10, 47_000, 200_000])
    def test_is_kept_whole_after_some_rounds(self, world, storage, refusing, test_clock, size):
        """Every round is a host's five tries; then all of it, however large, lies where nothing deletes it."""
        dead_letter_queue.send("q", "ñ" * (size // 2), PermanentError("x", "y"), attempts=1)
        assert self.rounds(world, test_clock) == 5 * (dead_letter_queue.MOST_ROUNDS + 1)
        [kept] = storage.kept.values()
        letter = json.loads(kept)
        assert (letter["original_event"], letter["reason"]) == ("ñ" * (size // 2), "x")

    def test_is_told(self, world, storage, refusing, test_clock, environment, caplog):
        """In the log, and by an alert where there is an address for them."""
        from shared.settings import get_settings

        environment.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/alert")
        get_settings.cache_clear()
        dead_letter_queue.send("q", "e", PermanentError("x", "y"), attempts=1)
        self.rounds_with_alerts(world, test_clock)
        [name] = storage.kept
        assert f"kept as the blob unstored-letters/{name}" in caplog.text
        with reading() as session:
            assert name in session.scalars(select(Delivery)).one().payload["text"]

    def rounds_with_alerts(self, world, test_clock):
        """As `rounds`, with the nudge of the alert taken away, which nobody here carries out."""
        while not world.storage.queues.get(queues.DELIVERY_QUEUE):
            test_clock.advance(seconds=31)
            dead_letter_queue.collect_poison(flows.queues())
            with suppress(ValueError):
                world.step(queues.DEAD_LETTER_QUEUE)

    def test_a_letter_that_is_taken_after_all_is_stored_once(self, world, test_clock, monkeypatch):
        """What goes round is still the same letter: its key and its event are those of the first round."""
        dead_letter_queue.send("q", "the event", PermanentError("x", "y"), attempts=1)
        before = dead_letter_store._read(world.storage.queues[queues.DEAD_LETTER_QUEUE][0].body)
        with monkeypatch.context() as patched:
            patched.setattr(dead_letter_store, "_store", self.refuse)
            for _ in range(12):
                with suppress(ValueError):
                    world.step(queues.DEAD_LETTER_QUEUE)
                dead_letter_queue.collect_poison(flows.queues())
                test_clock.advance(seconds=300)
        world.run()
        [letter] = letters()
        assert {name: getattr(letter, name) for name in before} == before

    def test_an_outage_of_the_database_costs_it_nothing(self, world, storage, test_clock, monkeypatch):
        """A day later it is stored, and was never given up."""
        dead_letter_queue.send("q", "e", PermanentError("x", "y"), attempts=1)
        with monkeypatch.context() as patched:
            patched.setattr(dead_letter_store, "_store", self.away)
            for _ in range(24 * 12):
                test_clock.advance(minutes=5)
                world.run()
                dead_letter_queue.collect_poison(flows.queues())
        assert (len(letters()), storage.kept) == (0, {})
        test_clock.advance(minutes=5)
        world.run()
        assert len(letters()) == 1

    def test_storage_that_is_away_loses_nothing(self, world, storage, refusing, monkeypatch):
        """It stays in its poison queue until the blob can be written."""
        dead_letter_queue.send("q", "e", PermanentError("x", "y"), attempts=1)
        poison = queues.DEAD_LETTER_QUEUE + queues.POISON_SUFFIX
        letter = dead_letter_store.opened(storage.take(queues.DEAD_LETTER_QUEUE).body)
        body = dead_letter_message.to_message(letter | {"rounds": 5})
        storage.send(poison, body)
        with monkeypatch.context() as patched:
            patched.setattr(queues, "put_blob", self.away)
            with pytest.raises(UnavailableError):
                dead_letter_queue.collect_poison(flows.queues())
        assert len(storage.queues[poison]) == 1
        dead_letter_queue.collect_poison(flows.queues())
        assert (len(storage.kept), storage.queues[poison]) == (1, [])

    def test_death_after_keeping_it_keeps_it_once(self, world, storage, caplog):
        """Its message is still there, so it is kept again, under the same name; and it is told."""
        poison = queues.DEAD_LETTER_QUEUE + queues.POISON_SUFFIX
        letter = dead_letter_store.opened(b"what") | {"rounds": dead_letter_queue.MOST_ROUNDS}
        storage.send(poison, dead_letter_message.to_message(letter))
        faults.inject("deadletter.after_kept=raise:1x1")
        with pytest.raises(faults.InjectedFault):
            dead_letter_queue.collect_poison(flows.queues())
        assert (len(storage.kept), len(storage.queues[poison])) == (1, 1)
        dead_letter_queue.collect_poison(flows.queues())
        assert (len(storage.kept), storage.queues[poison]) == (1, [])
        assert caplog.text.count("cannot be stored in the database") == 1

    @settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(LETTER)
    @example(b'{"rounds": -5}')
    @example(b'{"rounds": "many", "original_event": "\\ud800"}')
    @example(b'{"rounds": true, "key": {"a": 1}, "dataref": 5}')
    @example(b"[" * 50_000)
    @example(json.dumps({"key": "../x", "original_event": "e" * 49_100}).encode())
    def test_whatever_it_is_its_rounds_are_counted(self, world, storage, body):
        """Even what is no letter at all comes to an end, and is stored the same as if it had never gone round."""
        storage.queues.clear()
        storage.kept.clear()
        first, message = dead_letter_store._read(body), body
        for _ in range(dead_letter_queue.MOST_ROUNDS):
            dead_letter_queue._collect(queues.DEAD_LETTER_QUEUE, message)
            [item] = storage.queues[queues.DEAD_LETTER_QUEUE]
            message = item.body
            storage.queues.clear()
            assert len(message) <= queues.MESSAGE_LIMIT_BYTES
        assert dead_letter_store._read(message)["key"] == first["key"]
        dead_letter_queue._collect(queues.DEAD_LETTER_QUEUE, message)
        assert (len(storage.kept), storage.queues) == (1, {})
        [kept] = storage.kept.values()
        assert dead_letter_store._read(kept)["original_event"] == first["original_event"]


class TestReplay:
    """Out of SQL onto the queue again."""

    def test_resolved_when_it_succeeds(self, world):
        """The event is applied and its letter says so."""
        letter = park(world)
        teach()
        dead_letter_store.replay(letter.id, "key:ops")
        assert letters()[0].state == "replayed"
        world.run()
        with reading() as session:
            assert session.scalars(select(Opportunity.stage_id)).one() == 26
            assert session.scalars(select(InboxEvent.replay_of)).one() == letter.id
        assert letters()[0].state == "resolved"
        assert letters()[0].resolved_at is not None

    def test_resolved_when_the_event_turns_out_to_be_applied_already(self, world):
        """The sender has sent it again meanwhile, or somebody replayed it twice."""
        letter = park(world)
        teach()
        world.post("opportunity", opportunity(stage=UNKNOWN))
        world.run()
        dead_letter_store.replay(letter.id, "key:ops")
        world.run()
        assert letters()[0].state == "resolved"
        with reading() as session:
            assert len(session.scalars(select(InboxEvent)).all()) == 1

    def test_still_failing_is_a_new_letter_that_points_to_the_old(self, world, monkeypatch):
        """The first letter stays as it was; the new one is open, with the reason for which it fails now."""
        first = park(world)
        other = PermanentError("invalid-zone", "it fails for another reason by now")
        monkeypatch.setattr(opportunities, "resolve_stage", Mock(side_effect=other))
        dead_letter_store.replay(first.id, "key:ops")
        world.run()
        found = [(letter.state, letter.reason, letter.replay_of) for letter in letters()]
        assert found == [("replayed", "unknown-stage", None), ("parked", "invalid-zone", first.id)]

    def test_attempts_start_anew(self, world, storage):
        """A replay has the whole policy before it."""
        letter = park(world)
        dead_letter_store.replay(letter.id, "key:ops")
        assert parse(storage.take(QUEUE).body).attempt == 0

    @pytest.mark.parametrize("size", [47_000, 48_000, 49_000, 60_000])
    def test_large_events_fit_the_queue_again(self, world, storage, size):
        """Whatever could be taken in can be replayed, whether it travelled whole or in a blob."""
        many = {f"k{number}": "x" for number in range(size // 20)}
        letter = park(world, filler=many, pad="x" * (size - len(json.dumps(many, separators=(",", ":")))))
        dead_letter_store.replay(letter.id, "key:ops")
        assert len(storage.queues[QUEUE][0].body) <= queues.MESSAGE_LIMIT_BYTES
        teach()
        world.run()
        assert letters()[0].state == "resolved"

    def test_claim_checked_event_is_replayed_with_its_data(self, world):
        """The letter holds the reference, the blob the data."""
        letter = park(world, state={"summary": "ñ" * 60_000})
        teach()
        dead_letter_store.replay(letter.id, "key:ops")
        world.run()
        with reading() as session:
            assert session.scalars(select(Opportunity.summary)).one() == "ñ" * 60_000

    @pytest.mark.parametrize("queue", ["other-queue", queues.DEAD_LETTER_QUEUE, queues.DELIVERY_QUEUE, ""])
    def test_only_to_a_queue_of_ours(self, world, queue):
        """What came from elsewhere, or was no event, cannot be sent there."""
        letter = park(world)
        transact(lambda session: session.get(DeadLetter, letter.id).__setattr__("original_queue", queue))
        with pytest.raises(PermanentError, match="no queue"):
            dead_letter_store.replay(letter.id, "key:ops")

    def test_no_such_letter(self, world):
        """A number that does not exist."""
        with pytest.raises(LookupError):
            dead_letter_store.replay(99, "key:ops")

    def test_queue_that_cannot_be_written_notes_nothing(self, world, storage):
        """The letter is as it was."""
        letter, storage.broken = park(world), True
        with pytest.raises(RetryableError):
            dead_letter_store.replay(letter.id, "key:ops")
        assert (letters()[0].state, letters()[0].replays) == ("parked", 0)


class TestFilter:
    """Which letters are meant."""

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({}, ["m1", "m2"]),
            ({"state": None}, ["m1", "m2"]),
            ({"state": "resolved"}, []),
            ({"subject": "m2"}, ["m2"]),
            ({"reason": "unknown-stage", "original_queue": QUEUE}, ["m1", "m2"]),
            ({"type": "manychat.contact"}, []),
            ({"since": timedelta(hours=1)}, ["m2"]),
            ({"until": timedelta(hours=1)}, ["m1"]),
            ({"since": timedelta(0), "until": timedelta(hours=2)}, ["m1", "m2"]),
        ],
    )
    def test_narrows_down(self, world, test_clock, chosen, found):
        """Each condition counts; a time's beginning is included, its end is not."""
        start = clock.now()
        park(world, manychat_id="m1")
        test_clock.advance(hours=1)
        park(world, manychat_id="m2")
        times = {name: start + value for name, value in chosen.items() if isinstance(value, timedelta)}
        picked = dead_letter_store.Filter(**(chosen | times))
        with reading() as session:
            query = picked.applied(select(DeadLetter.subject)).order_by(DeadLetter.id)
            assert list(session.scalars(query)) == found
            assert dead_letter_store.count(session, picked) == len(found)


def test_contact_events_are_parked_too(world, storage):
    """The other flow's queue is named."""
    storage.send("manychat-contact-queue", b"{}")
    world.run()
    assert letters()[0].original_queue == "manychat-contact-queue"
    world.post("contact", contact())
    world.run()
    assert len(letters()) == 1
