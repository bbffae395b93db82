"""The ten laws of the design (docs/design.md, section 3), each under its number. A change that breaks one is a bug."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from shared import clock, faults, queues
from shared.errors import PermanentError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.outbox import dispatch, plan
from shared.outbox.actions import AfterUnknown, Later, State
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.models import GONE, ActionLog, Contact, DeadLetter, Delivery, InboxEvent, Opportunity, StageChange, Target
from shared.store.session import get_engine, reading, transact
from tests.support.vendors import postman
from tests.support.world import contact, opportunity


def rows(model, **where):
    """All rows of a model that match, oldest first."""
    with reading() as session:
        query = select(model).filter_by(**where)
        return session.scalars(query.order_by(*model.__table__.primary_key.columns)).all()


def one(model, **where):
    """The only row that matches."""
    found = rows(model, **where)
    assert len(found) == 1, found
    return found[0]


class TestLaw1AcceptedIsStored:
    """A webhook answered 2xx is durably stored. Nothing after that answer can lose it."""

    def test_accepted_event_is_on_its_queue(self, world, storage):
        """What is answered 202 is on the queue, whole."""
        assert world.post("contact", contact(extra="kept")).status_code == 202
        assert storage.bodies("manychat-contact-queue")[0]["data"]["extra"] == "kept"

    def test_large_event_whose_blob_cannot_be_written_is_not_accepted(self, world, storage):
        """Where the claim check cannot be stored, the sender gets a 503 and sends again."""
        storage.broken = True
        answer = world.post("opportunity", opportunity(state={"summary": "x" * 60_000}))
        assert answer.status_code == 503

    def test_event_that_just_fits_its_message_can_still_fail_and_be_put_back(self, world, storage, odoo, test_clock):
        """An event of almost the size of a message has room for the attempt that is noted on it."""
        small = len(json.dumps(opportunity(state={"summary": ""})))
        for length in range(49_152 - small - 1100, 49_152 - small - 100, 100):
            world.post("opportunity", opportunity(f"m{length}", state={"summary": "x" * length}))
        faults.inject("inbox.before_commit=raise")
        world.run()
        assert all(len(item.body) <= queues.MESSAGE_LIMIT_BYTES for items in storage.queues.values() for item in items)
        faults.inject("")
        world.run_for(test_clock, minutes=2)
        assert len(rows(Opportunity)) == 10

    @pytest.mark.parametrize("point", ["inbox.before_commit", "inbox.after_commit", "inbox.after_nudge"])
    def test_failure_at_every_point_of_handling_loses_nothing(self, world, odoo, test_clock, point):
        """A handler that fails before or after its commit ends, on retry, with the event applied once and synced."""
        world.post("opportunity", opportunity(stage=18))
        faults.inject(f"{point}=raise:1x1")
        world.run_for(test_clock, minutes=3, swallow=(faults.InjectedFault,))
        assert odoo.leads == {"m1": 18}
        assert len(rows(StageChange)) == 1

    @pytest.mark.slow
    def test_database_outage_of_a_day_loses_nothing(self, world, odoo, test_clock, environment):
        """While the database is away events wait on their queue, for days; they are applied when it is back."""
        world.post("opportunity", opportunity(stage=19))
        good = get_engine()
        environment.setattr("shared.store.session.get_engine", _broken_engine)
        world.run_for(test_clock, hours=24, step_seconds=300, swallow=(UnavailableError,))
        environment.setattr("shared.store.session.get_engine", lambda: good)
        world.run_for(test_clock, hours=2)
        assert odoo.leads == {"m1": 19}
        assert rows(DeadLetter) == []


def _broken_engine():
    from shared.store.session import make_engine

    return make_engine("sqlite:////proc")


class TestLaw2OnceHoweverOften:
    """The same event delivered any number of times, in any order, at the same time, has the effect of one."""

    def test_resent_event_is_the_same_event(self, world, odoo):
        """An identical body sent again gets the same event id and changes nothing."""
        first = json.loads(world.post("opportunity", opportunity(stage=17)).get_body())
        world.run()
        second = json.loads(world.post("opportunity", opportunity(stage=17)).get_body())
        world.run()
        assert first["event_id"] == second["event_id"]
        assert len(rows(InboxEvent)) == 1
        assert len(rows(StageChange)) == 1

    def test_new_date_is_a_new_event(self, world):
        """The same content with another `datetime_actual` is another event."""
        world.post("contact", contact(at="2026-03-01T10:00:00Z"))
        world.post("contact", contact(at="2026-03-01T11:00:00Z"))
        world.run()
        assert len(rows(InboxEvent)) == 2

    def test_undated_event_repeated_at_once_is_one_but_later_is_another(self, world, test_clock):
        """Without a date, a repetition within minutes is the sender's retry; hours later it says something new."""
        body = {"manychat_id": "m1", "stage_manychat": "Retornó en AC", "advisor_id": 3}
        world.post("opportunity", body)
        world.post("opportunity", body)
        test_clock.advance(hours=1)
        world.post("opportunity", body)
        world.run()
        assert len(rows(InboxEvent)) == 2

    def test_sender_key_counts_for_its_own_webhook_only(self, world):
        """A sender that numbers its contacts and its opportunities alike loses neither."""
        world.post("contact", contact(), **{"idempotency-key": "1"})
        world.post("opportunity", opportunity(), **{"idempotency-key": "1"})
        world.run()
        assert len(rows(InboxEvent)) == 2

    def test_sender_key_makes_the_event(self, world):
        """Where the sender names its event, that name is the key; another body under it is a dead letter, no change."""
        for name in ("Ana", "Ana", "Eva"):
            assert world.post("contact", contact(nombre_lead=name), **{"idempotency-key": "k1"}).status_code == 202
        world.run()
        assert one(InboxEvent).event_id == "k1"
        assert one(Contact).first_name == "Ana"
        assert one(DeadLetter).reason == "idempotency-key-reused"

    def test_sender_key_is_one_among_those_of_its_api_key(self, world, environment):
        """Two senders may number their events alike."""
        keys = [{"name": name, "key": f"key-of-{name}-1234567890", "scopes": ["webhook"]} for name in ("uno", "dos")]
        environment.setenv("API_KEYS", json.dumps(keys))
        get_settings.cache_clear()
        for key in keys:
            world.post("contact", contact(key["name"]), **{"idempotency-key": "1", "x-api-key": key["key"]})
        world.run()
        assert {row.subject for row in rows(InboxEvent)} == {"uno", "dos"}

    def test_sender_key_of_an_erased_event_still_holds(self, world):
        """The body is gone and compared with nothing: the event is a repetition, and nothing of the person comes back."""
        world.post("contact", contact(), **{"idempotency-key": "k1"})
        world.run()
        transact(lambda session: session.execute(update(InboxEvent).values(data=GONE)))
        world.post("contact", contact(), **{"idempotency-key": "k1"})
        world.run()
        assert rows(DeadLetter) == []


class TestLaw3TogetherOrNotAtAll:
    """A change and the deliveries it causes are committed together or not at all."""

    def test_rolled_back_change_plans_nothing(self, world, odoo):
        """A handler that fails at its very end leaves neither the change nor the delivery."""
        world.post("opportunity", opportunity())
        faults.inject("inbox.before_commit=raise")
        world.run()
        assert rows(Opportunity) == rows(Delivery) == rows(InboxEvent) == []

    def test_lost_nudge_is_made_good_by_the_dispatcher(self, world, odoo, storage, test_clock):
        """A crash right after the commit leaves the delivery due; the next dispatch finds it."""
        world.post("opportunity", opportunity(stage=20))
        faults.inject("inbox.after_commit=raise:1x1")
        world.run()
        storage.queues[queues.DELIVERY_QUEUE] = []
        assert one(Delivery).state == State.PENDING
        world.run_for(test_clock, minutes=1)
        assert odoo.leads == {"m1": 20}


class TestLaw4NoVendorInsideATransaction:
    """No vendor is called inside a SQL transaction or from an intake."""

    def test_no_connection_is_held_during_the_call(self, world, odoo):
        """`LeadSync.execute` itself asserts that the pool has no connection out; here it is certainly called."""
        world.post("opportunity", opportunity())
        world.run()
        assert odoo.calls == [["m1"]]

    def test_intake_touches_no_database(self, world, environment):
        """A webhook is accepted while there is no database at all."""
        environment.setattr("shared.store.session.get_engine", lambda: pytest.fail("the intake asked for the database"))
        assert world.post("contact", contact()).status_code == 202


class TestLaw5SyncSaysWhatSqlSaysNow:
    """A sync sends what SQL says now. An older event never overwrites a newer one; it is still recorded."""

    def test_older_event_arriving_late_is_recorded_and_changes_nothing(self, world, odoo):
        """Stage 22 of noon stays, although stage 18 of the morning comes after it."""
        world.post("opportunity", opportunity(stage=22, at="2026-03-01T12:00:00Z"))
        world.run()
        world.post("opportunity", opportunity(stage=18, at="2026-03-01T08:00:00Z"))
        world.run()
        assert odoo.leads == {"m1": 22}
        assert [(change.stage_id, change.applied) for change in rows(StageChange)] == [(22, True), (18, False)]
        assert [event.outcome for event in rows(InboxEvent)] == ["applied", "stale"]

    def test_older_event_still_fills_what_nobody_has_said_since(self, world):
        """A late event cannot undo a newer name, and is still the one to know the e-mail address."""
        world.post("contact", contact(nombre_lead="Ana María", at="2026-03-01T12:00:00Z"))
        world.post("contact", contact(nombre_lead="Ana", email_lead="ana@example.com", at="2026-03-01T08:00:00Z"))
        world.run()
        assert (one(Contact).first_name, one(Contact).email) == ("Ana María", "ana@example.com")

    def test_null_never_erases(self, world):
        """A newer event that does not say the phone leaves the phone."""
        world.post("contact", contact(whatsapp="+52 55 1234 5678", at="2026-03-01T08:00:00Z"))
        world.post("contact", contact(whatsapp=None, email_lead="", at="2026-03-01T12:00:00Z"))
        world.run()
        assert one(Contact).phone == "+525512345678"

    def test_burst_collapses_into_one_call(self, world, odoo):
        """Ten changes of one person before the sync runs are one call with the newest stage."""
        for hour in range(10):
            world.post("opportunity", opportunity(stage=16 + hour, at=f"2026-03-01T{hour:02}:00:00Z"))
        while world.step("manychat-crm-opportunities-queue"):
            pass
        world.run()
        assert odoo.calls == [["m1"]]
        assert odoo.leads == {"m1": 25}

    def test_change_during_the_call_is_sent_afterwards(self, world, odoo):
        """A stage that arrives while the call is under way makes the sync run once more; the status stays true throughout."""

        def another_stage() -> None:
            world.post("opportunity", opportunity(stage=26, at="2026-03-02T08:00:00Z"))
            world.step("manychat-crm-opportunities-queue")

        odoo.during = another_stage
        world.post("opportunity", opportunity(stage=16))
        world.run()
        assert odoo.leads == {"m1": 26}
        assert len(odoo.calls) == 2
        assert one(Opportunity).odoo_sync_status == "success"
        assert one(Delivery).state == State.DONE


class TestLaw6MessagesAtMostOnce:
    """A message goes out at most once for its dedupe key, inside its window, and not after its reason has gone."""

    def enqueue(self, action, key="k1", **more):
        """Plan a message and carry out what is due."""
        planned = transact(lambda session: plan.message(session, action, "ana", key, {"text": "Hola"}, **more))
        drain("post")
        return planned

    def test_planned_twice_is_sent_once(self, world):
        """The same dedupe key plans one message, for ever."""
        with postman() as (person, action):
            assert self.enqueue(action)
            assert not self.enqueue(action)
        assert len(person.sent) == 1

    def test_crash_after_the_call_never_sends_again(self, world, test_clock):
        """Without a way to make sure, a message whose worker died becomes uncertain and waits for a person."""
        with postman() as (person, action):
            faults.inject("outbox.after_call=raise:1x1")
            with pytest.raises(faults.InjectedFault):
                self.enqueue(action)
            test_clock.advance(minutes=10)
            dispatch.free_expired()
            drain("post")
        assert len(person.sent) == 1
        assert one(Delivery).state == State.UNCERTAIN

    def test_time_out_is_uncertain(self, world):
        """An answer that never came is not a failure to be repeated."""
        with postman() as (person, action):
            person.answers = [UncertainError("no answer within 30 s")]
            self.enqueue(action)
            drain("post")
        assert len(person.sent) == 1
        assert (one(Delivery).state, one(Delivery).reason) == (State.UNCERTAIN, "outcome-unknown")

    def test_mistake_of_ours_in_the_middle_is_uncertain(self, world):
        """An error that nobody expected may have come after the sending."""
        with postman() as (person, action):
            person.answers = [ValueError("a bug")]
            self.enqueue(action)
        assert one(Delivery).state == State.UNCERTAIN

    def test_idempotency_key_allows_a_second_try(self, world, test_clock):
        """Where the vendor takes our key, the repetition has no second effect and settles the matter."""
        with postman(after_unknown=AfterUnknown.SEND_AGAIN) as (person, action):
            person.idempotent, person.answers = True, [UncertainError("cut")]
            self.enqueue(action)
            test_clock.advance(minutes=5)
            drain("post")
        assert len(person.sent) == 1
        assert one(Delivery).state == State.DONE

    def test_look_up_settles_what_is_unknown(self, world, test_clock):
        """Where the vendor can be asked, it is asked before anything is sent again."""
        with postman(after_unknown=AfterUnknown.LOOK_FIRST) as (person, action):
            faults.inject("outbox.after_call=raise:1x1")
            with pytest.raises(faults.InjectedFault):
                self.enqueue(action)
            test_clock.advance(minutes=10)
            dispatch.free_expired()
            drain("post")
        assert len(person.sent) == 1
        assert one(Delivery).result == {"found": True}

    def test_reason_gone_is_not_sent(self, world):
        """What is no longer wanted at the moment of sending is skipped, with the reason kept."""
        with postman() as (person, action):
            person.unwanted = "booked"
            self.enqueue(action)
        assert person.sent == []
        assert (one(Delivery).state, one(Delivery).reason) == (State.SKIPPED, "booked")

    def test_outside_its_hours_it_waits(self, world, test_clock):
        """A verdict "later" moves the message, with the reason kept, and asks again then."""
        with postman() as (person, action):
            person.unwanted = Later(clock.now() + timedelta(hours=8), "quiet-hours")
            self.enqueue(action)
            assert (person.sent, one(Delivery).reason) == ([], "quiet-hours")
            person.unwanted = None
            test_clock.advance(hours=8)
            drain("post")
        assert len(person.sent) == 1

    def test_too_late_is_not_sent(self, world):
        """After its `not_after` a message is skipped."""
        with postman() as (person, action):
            self.enqueue(action, not_after=clock.now() - timedelta(seconds=1))
        assert person.sent == []
        assert one(Delivery).reason == "too-late"

    def test_not_before_its_time(self, world, test_clock):
        """A message with a later due time waits for it."""
        with postman() as (person, action):
            self.enqueue(action, due_at=clock.now() + timedelta(hours=1))
            assert person.sent == []
            test_clock.advance(hours=1)
            dispatch.dispatch_due()
            world.run()
        assert len(person.sent) == 1

    def test_late_answer_of_a_slow_worker_is_believed(self, world, test_clock):
        """A worker that outlived its lease and then succeeded turns the uncertain message into a done one."""
        with postman() as (person, action):
            slow = person.execute

            def execute(deliveries):
                outcomes = slow(deliveries)
                test_clock.advance(minutes=10)
                dispatch.free_expired()
                return outcomes

            object.__setattr__(action, "execute", execute)
            self.enqueue(action)
        assert one(Delivery).state == State.DONE


class TestLaw7NothingLoopsNothingVanishes:
    """Every failure is scheduled again, with backoff and a bound, or parked with its reason where a person sees it."""

    def test_unknown_stage_is_parked_and_replays_once_the_map_has_it(self, world):
        """A stage that the map lacks is a dead letter with its reason; it is never guessed."""
        from shared.intake import dead_letter_store
        from shared.store.models import StageMapping

        world.post("opportunity", opportunity(stage="Etapa Nueva"))
        world.run()
        letter = one(DeadLetter)
        assert (letter.reason, letter.state, letter.subject) == ("unknown-stage", "parked", "m1")
        assert "Etapa Nueva" in letter.error_message
        new = StageMapping(manychat_key="etapanueva", manychat_name="Etapa Nueva", odoo_stage_id=27, odoo_name="Nueva")
        transact(lambda session: session.add(new))
        dead_letter_store.replay(letter.id, "key:ops")
        world.run()
        assert one(Opportunity).stage_id == 27
        assert one(DeadLetter).state == "resolved"

    def test_replay_that_fails_again_is_a_new_letter_linked_to_the_old(self, world):
        """History is not rewritten."""
        from shared.intake import dead_letter_store

        world.post("opportunity", opportunity(stage=99))
        world.run()
        dead_letter_store.replay(one(DeadLetter).id, "key:ops")
        world.run()
        first, second = rows(DeadLetter)
        assert (first.state, first.replays, second.replay_of) == ("replayed", 1, first.id)

    @pytest.mark.slow
    def test_failing_handler_backs_off_and_is_parked_in_the_end(self, world, storage, test_clock):
        """A handler that always raises is tried with growing delays and a bound, then parked with its trace."""
        world.post("contact", contact())
        faults.inject("inbox.before_commit=raise")
        world.run_for(test_clock, hours=12, step_seconds=120)
        letter = one(DeadLetter)
        assert letter.attempts == 10
        assert "InjectedFault" in letter.trace
        assert all(not waiting for waiting in storage.queues.values())

    def test_foreign_message_is_parked_as_it_is(self, world, storage):
        """What is no event of ours goes to the dead letters, byte for byte."""
        storage.send("manychat-contact-queue", b"not json \xff")
        world.run()
        letter = one(DeadLetter)
        assert (letter.reason, letter.original_event) == ("not-an-event", "not json \\xff")

    @pytest.mark.slow
    def test_failing_delivery_backs_off_and_dies_in_the_end(self, world, odoo, test_clock):
        """A sync that always fails is tried 14 times over days, then is dead, and its row says error."""
        odoo.failures = [RetryableError("no") for _ in range(100)]
        world.post("opportunity", opportunity())
        world.run_for(test_clock, days=4, step_seconds=300)
        assert len(odoo.calls) == 14
        assert (one(Delivery).state, one(Delivery).reason) == (State.DEAD, "attempts-used-up")
        assert (one(Opportunity).odoo_sync_status, one(Opportunity).odoo_sync_attempts) == ("error", 14)

    def test_next_change_gives_a_dead_sync_a_new_life(self, world, odoo):
        """A dead delivery does not stand in the way of the next event."""
        odoo.bad = {"m1": PermanentError("odoo-wrong-value", "no such stage")}
        world.post("opportunity", opportunity(stage=16))
        world.run()
        assert one(Delivery).state == State.DEAD
        odoo.bad = {}
        world.post("opportunity", opportunity(stage=17, at="2026-03-01T11:00:00Z"))
        world.run()
        assert [delivery.state for delivery in rows(Delivery)] == [State.DEAD, State.DONE]
        assert one(Opportunity).odoo_sync_status == "success"

    def test_permanent_error_is_not_tried_again_by_the_timer(self, world, odoo, test_clock):
        """`retry_errored_syncs` leaves alone what was parked."""
        odoo.bad = {"m1": PermanentError("odoo-wrong-value", "no such stage")}
        world.post("opportunity", opportunity())
        world.run_for(test_clock, hours=1, step_seconds=300)
        assert len(odoo.calls) == 1

    def test_errored_sync_without_a_delivery_is_rearmed(self, world, odoo, test_clock):
        """A row in error whose delivery is gone (a restored backup) is asked for again by the timer."""
        world.post("opportunity", opportunity())
        odoo.failures = [RetryableError("no")]
        world.run()
        transact(lambda session: session.execute(delete(Delivery)))
        world.run_for(test_clock, minutes=10)
        assert one(Opportunity).odoo_sync_status == "success"

    def test_what_a_person_took_back_stays_so_until_the_next_change(self, world, odoo, test_clock):
        """A cancelled sync is not asked for again by the timer, but by the next event."""
        world.post("opportunity", opportunity(stage=16))
        odoo.failures = [RetryableError("no")]
        world.run()
        transact(lambda session: plan.cancel(session, one(Delivery).id, "by hand"))
        world.run_for(test_clock, hours=1, step_seconds=120)
        assert len(odoo.calls) == 1
        world.post("opportunity", opportunity(stage=17, at="2026-03-01T11:00:00Z"))
        world.run()
        assert odoo.leads == {"m1": 17}

    def test_every_attempt_is_in_the_action_log(self, world, odoo, test_clock):
        """The log says what was tried, when and how it went."""
        odoo.failures = [RetryableError("no")]
        world.post("opportunity", opportunity())
        world.run_for(test_clock, minutes=2)
        assert [(entry.action, entry.attempt, entry.result) for entry in rows(ActionLog)] == [
            ("odoo.opportunity", 1, "retryable"),
            ("odoo.opportunity", 2, "done"),
        ]


class TestLaw8OneClock:
    """Time comes from one clock that tests control. Stored times are UTC."""

    def test_offsets_are_stored_as_utc(self, world):
        """A date of Bogotá and one without an offset end as the instants they mean."""
        world.post("contact", contact(at="2026-03-01T10:00:00-05:00", datetime_suscripcion="2026-02-01 08:30:00"))
        world.run()
        person = one(Contact)
        assert person.last_event_at.isoformat() == "2026-03-01T15:00:00+00:00"
        assert person.subscribed_at.isoformat() == "2026-02-01T08:30:00+00:00"

    def test_sender_whose_clock_runs_ahead_does_not_lock_out_what_follows(self, world, test_clock):
        """An event dated next year counts as of now, so tomorrow's event still wins."""
        world.post("opportunity", opportunity(stage=20, at="2027-01-01T00:00:00Z"))
        test_clock.advance(days=1)
        world.post("opportunity", opportunity(stage=21, at="2026-03-03T09:00:00Z"))
        world.run()
        assert one(Opportunity).stage_id == 21

    def test_nobody_else_asks_for_the_time(self):
        """No module of the app but the clock reads the system's time, sleeps or draws at random."""
        import re
        from pathlib import Path

        asks = re.compile(
            r"datetime\.(now|utcnow)\(|time\.(time|sleep)\(|\b(monotonic|perf_counter)\(|random\.(random|uniform|choice)\("
        )
        root = Path(__file__).parents[2]
        sources = [path for folder in ("shared", "functions") for path in (root / folder).rglob("*.py")]
        found = [path.name for path in sources if path.name not in ("clock.py", "faults.py") and asks.search(path.read_text())]
        assert found == []


class TestLaw9BadRecordsStandAlone:
    """One bad record never blocks or fails its neighbours in a batch."""

    def test_bad_row_fails_alone(self, world, odoo):
        """Of three people synced in one call the one that Odoo refuses is dead, the others are done."""
        odoo.bad = {"m2": PermanentError("odoo-wrong-value", "bad row")}
        for number in (1, 2, 3):
            world.post("opportunity", opportunity(f"m{number}"))
        while world.step("manychat-crm-opportunities-queue"):
            pass
        world.run()
        assert odoo.calls == [["m1", "m2", "m3"]]
        assert odoo.leads.keys() == {"m1", "m3"}

    def test_record_that_breaks_our_own_code_fails_alone(self, world, odoo, environment):
        """Where a mistake of ours breaks a batch, its rows are sent one by one."""
        normal = odoo._one

        def fragile(delivery, stages):
            if delivery.subject == "m2":
                raise KeyError("a bug")
            return normal(delivery, stages)

        odoo._one = fragile
        for number in (1, 2, 3):
            world.post("opportunity", opportunity(f"m{number}"))
        while world.step("manychat-crm-opportunities-queue"):
            pass
        world.run()
        assert odoo.leads.keys() == {"m1", "m3"}
        assert {row.manychat_id: row.odoo_sync_status for row in rows(Opportunity)} == {
            "m1": "success",
            "m2": "error",
            "m3": "success",
        }

    def test_bad_event_does_not_hold_up_its_queue(self, world):
        """An event that cannot be handled does not keep the next one from being handled."""
        world.post("opportunity", opportunity("m1", stage=99))
        world.post("opportunity", opportunity("m2", stage=16))
        world.run()
        assert one(Opportunity).manychat_id == "m2"


class TestLaw10DownVendorsAreLeftAlone:
    """A vendor that is down is left alone (circuit open, probed, ramped up) and costs no delivery its attempts."""

    @pytest.mark.parametrize(("hours", "most"), [(3, 30), pytest.param(48, 350, marks=pytest.mark.slow)])
    def test_outage_of_hours_or_days_costs_no_attempt_and_few_calls(self, world, odoo, test_clock, hours, most):
        """Odoo away for hours, for two days: its circuit opens, it is probed every ten minutes or so, and nothing is lost."""
        odoo.down = UnavailableError("refused")
        for number in range(30):
            world.post("opportunity", opportunity(f"m{number}"))
        world.run_for(test_clock, hours=hours, step_seconds=300)
        assert hours * 3 < len(odoo.calls) < most  # 12 minutes at most, and up to a step of five until it is seen
        assert {delivery.attempts for delivery in rows(Delivery)} == {0}
        assert one(Target, name="odoo").circuit == "open"
        odoo.down = None
        world.run_for(test_clock, minutes=30)
        assert len(odoo.leads) == 30
        assert one(Target, name="odoo").circuit == "closed"

    def test_return_is_probed_with_one_and_then_ramped_up(self, world, odoo, test_clock):
        """After an outage the first call carries one row, then two, four, ..."""
        odoo.down = UnavailableError("refused")
        for number in range(30):
            world.post("opportunity", opportunity(f"m{number}"))
        world.run_for(test_clock, minutes=5)
        odoo.down, before = None, len(odoo.calls)
        world.run_for(test_clock, minutes=30)
        assert [len(call) for call in odoo.calls[before:]][:4] == [1, 2, 4, 8]

    def test_throttling_pauses_the_target_and_costs_no_attempt(self, world, odoo, test_clock):
        """After a 429 nothing is sent until the time the vendor has named."""
        odoo.failures = [ThrottledError("slow down", after_seconds=120)]
        world.post("opportunity", opportunity())
        world.run_for(test_clock, seconds=90)
        assert len(odoo.calls) == 1
        world.run_for(test_clock, minutes=2)
        assert odoo.leads == {"m1": 16}
        assert [entry.attempt for entry in rows(ActionLog)] == [1, 1]

    def test_pace_holds(self, world, odoo, environment, test_clock):
        """At one batch a second, batches start at least a second apart."""
        environment.setenv("ODOO_BATCH_SIZE", "1")
        from shared.settings import get_settings

        get_settings.cache_clear()
        for number in range(5):
            world.post("opportunity", opportunity(f"m{number}"))
        started = clock.now()
        world.run()
        assert len(odoo.calls) == 5
        assert clock.now() - started >= timedelta(seconds=4)

    def test_cost_of_a_dispatch_is_a_seek(self, world):
        """The query that a timer runs uses the index of what is due, however much is finished."""
        from shared.outbox import claims

        with reading() as session:
            query = select(Delivery.id).where(claims.due(session, "odoo")).limit(1)
            text = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
            if session.get_bind().dialect.name == "sqlite":
                steps = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
                assert "ix_deliveries_due" in str(steps)
            assert session.scalar(select(func.count()).select_from(update(Delivery).table)) == 0
