"""The laws where several things go wrong at once: what a mistake of ours, a dead worker or a lost race may not cost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.dialects import mssql
from sqlalchemy.orm import Session

from shared import clock, faults
from shared.crm import odoo_take
from shared.crm.odoo_sides import Side, Theirs
from shared.errors import PermanentError, RetryableError, UnavailableError, UncertainError
from shared.outbox import claims, dispatch, execute, operator_actions, plan
from shared.outbox.actions import AfterUnknown, Later, State
from shared.outbox.execute import drain
from shared.store.models import ActionLog, Delivery, Opportunity, TargetSlot
from shared.store.session import reading, transact
from tests.support.vendors import postman
from tests.support.world import contact, opportunity


def rows(model):
    """All rows of a model, oldest first."""
    with reading() as session:
        return session.scalars(select(model).order_by(*model.__table__.primary_key.columns)).all()


def enqueue(action, key="k1", **more):
    """Plan a message."""
    transact(lambda session: plan.message(session, action, "ana", key, {"text": "Hola"}, **more))


class TestMessagesAtMostOnce:
    """Law 6, where the outcome of an earlier attempt is unknown."""

    def test_quiet_hours_do_not_make_forget_that_it_may_have_been_sent(self, world, test_clock):
        """A message of unknown outcome that is moved to the morning is looked up then, not sent a second time."""
        with postman(after_unknown=AfterUnknown.LOOK_FIRST) as (person, action):
            person.answers = [UncertainError("cut")]
            enqueue(action)
            drain("post")
            person.unwanted = Later(clock.now() + timedelta(hours=8), "quiet-hours")
            test_clock.advance(minutes=5)
            drain("post")
            person.unwanted = None
            test_clock.advance(hours=9)
            drain("post")
        assert len(person.sent) == 1
        assert [row.state for row in rows(Delivery)] == [State.DONE]

    @pytest.mark.parametrize("why", ["booked", "too-late"])
    def test_message_that_may_have_been_sent_is_never_called_skipped(self, world, test_clock, why):
        """Where a message of unknown outcome is no longer wanted it is not tried again, and stays uncertain."""
        announced = []
        more = {"after": lambda _session, _claimed, outcome, final: announced.append((type(outcome), final))}
        with postman(after_unknown=AfterUnknown.SEND_AGAIN, **more) as (person, action):
            person.answers = [UncertainError("cut")]
            enqueue(action, not_after=clock.now() + timedelta(minutes=1))
            drain("post")
            person.unwanted = why if why == "booked" else None
            test_clock.advance(seconds=30 if why == "booked" else 300)
            drain("post")
        (row,) = rows(Delivery)
        assert (row.state, row.reason, row.last_error) == (State.UNCERTAIN, "outcome-unknown", f"not tried again: {why}")
        assert announced == [(UncertainError, False), (UncertainError, True)]

    def test_database_that_is_contended_after_the_call_does_not_make_it_uncertain(self, world, environment):
        """What was sent is recorded, even where other transactions win every race for a while."""
        real, losses = execute.transact, [RetryableError("the transaction lost every time")]

        def contended(work):
            if "_written" in work.__qualname__ and losses:
                raise losses.pop()
            return real(work)

        environment.setattr(execute, "transact", contended)
        with postman() as (_person, action):
            enqueue(action)
            drain("post")
        assert losses == []
        assert [row.state for row in rows(Delivery)] == [State.DONE]


class TestNothingVanishes:
    """Law 7."""

    @pytest.mark.parametrize("failure", [RetryableError("busy"), UnavailableError("down")])
    def test_message_planned_for_next_week_has_all_its_attempts(self, world, test_clock, failure):
        """How long ago a message was planned does not count against it, only how long it has been due."""
        with postman() as (person, action):
            enqueue(action, due_at=clock.now() + timedelta(days=7))
            test_clock.advance(days=7, seconds=1)
            person.answers = [failure]
            drain("post", timedelta(0))
            test_clock.advance(minutes=5)
            drain("post")
        assert [row.state for row in rows(Delivery)] == [State.DONE]

    def test_message_moved_over_the_weekend_has_all_its_attempts(self, world, test_clock):
        """A message that had to wait for Monday is not too old on Monday."""
        with postman() as (person, action):
            person.unwanted = Later(clock.now() + timedelta(hours=60), "not-on-working-days")
            enqueue(action)
            drain("post")
            person.unwanted, person.answers = None, [RetryableError("busy")]
            test_clock.advance(hours=60, seconds=1)
            drain("post")
            test_clock.advance(minutes=5)
            drain("post")
        assert [row.state for row in rows(Delivery)] == [State.DONE]

    def test_change_gives_an_old_sync_its_whole_time_again(self, world, odoo, test_clock):
        """A sync that has waited out six days of an outage is not too old a day after the newest change."""
        odoo.down = UnavailableError("down")
        world.post("opportunity", opportunity(stage=16))
        world.run()
        test_clock.advance(days=6)
        world.post("opportunity", opportunity(stage=17, at="2026-03-08T09:00:00Z"))
        world.run()
        test_clock.advance(days=2)
        dispatch.dispatch_due()
        world.run()
        assert [row.state for row in rows(Delivery)] == [State.PENDING]

    def test_old_event_that_is_replayed_has_all_its_attempts(self, world, test_clock):
        """A letter replayed after weeks is tried as often as a new event."""
        from shared.intake import dead_letter_store
        from shared.store.models import DeadLetter, StageMapping

        world.post("opportunity", opportunity(stage=99))
        world.run()
        test_clock.advance(days=30)
        new = StageMapping(manychat_key="nueva", manychat_name="Nueva", odoo_stage_id=99, odoo_name="Nueva")
        transact(lambda session: session.add(new))
        faults.inject("inbox.before_commit=raise:1x1")
        dead_letter_store.replay(rows(DeadLetter)[0].id, "key:ops")
        world.run_for(test_clock, minutes=2)
        assert [letter.state for letter in rows(DeadLetter)] == ["resolved"]
        assert [row.stage_id for row in rows(Opportunity)] == [99]

    def test_delivery_whose_flow_is_no_longer_deployed_is_parked(self, world, test_clock):
        """What nobody can carry out any more waits for a rolling deployment, and not unseen for ever."""
        with postman() as (_person, action):
            enqueue(action)
            drain("post")
            enqueue(action, "k2")
        dispatch.dispatch_due()
        world.run()
        assert [(row.state, row.reason) for row in rows(Delivery)] == [(State.DONE, None), (State.PENDING, "unknown-action")]
        test_clock.advance(hours=25)
        dispatch.dispatch_due()
        world.run()
        assert [(row.state, row.reason) for row in rows(Delivery)] == [(State.DONE, None), (State.DEAD, "unknown-action")]

    def test_change_that_the_last_claim_has_just_missed_is_carried_out_at_once(self, world, environment):
        """On Azure SQL a change may commit while a claim that did not see it still holds the slot; it needs no timer."""
        with postman() as (person, action):
            real, missed = claims.claim, []

            def claim(session, target, token, **again):
                found = real(session, target, token, **again)
                if found is None and not missed:
                    missed.append(plan.message(session, action, "eva", "k2", {"text": "Hola"}))
                return found

            environment.setattr(claims, "claim", claim)
            enqueue(action)
            drain("post")
        assert [subject for subject, _payload in person.sent] == ["ana", "eva"]


class TestOurOwnRowsAreTrue:
    """What our own rows say of a delivery is true however it ended."""

    def test_sync_whose_worker_dies_every_time_is_in_error(self, world, odoo, test_clock):
        """The row says that it failed, how often, and the action log tells of each attempt."""
        world.post("opportunity", opportunity())
        faults.inject("outbox.after_call=raise")
        world.run_for(test_clock, hours=4, step_seconds=300, swallow=(faults.InjectedFault,))
        (row,) = rows(Opportunity)
        assert [delivery.state for delivery in rows(Delivery)] == [State.DEAD]
        assert (row.odoo_sync_status, row.odoo_sync_attempts) == ("error", 14)
        assert {(entry.action, entry.result) for entry in rows(ActionLog)} == {("odoo.opportunity", "worker-died")}

    def test_sync_that_a_person_took_back_is_not_pending_any_more(self, world, odoo, test_clock):
        """Nobody will carry it out until the next change, and the row says so."""
        world.post("opportunity", opportunity())
        world.step("manychat-crm-opportunities-queue")
        operator_actions.cancel(rows(Delivery)[0].id, "key:ops")
        world.run_for(test_clock, hours=1, step_seconds=300)
        (row,) = rows(Opportunity)
        assert (row.odoo_sync_status, row.odoo_sync_error, odoo.calls) == ("error", "taken back by key:ops", [])

    def test_message_whose_worker_died_tells_its_flow(self, world, test_clock):
        """The flow is notified that nobody knows whether it went out."""
        announced = []
        with postman(after=lambda _session, claimed, outcome, final: announced.append((claimed.subject, outcome, final))) as (
            _person,
            action,
        ):
            faults.inject("outbox.after_call=raise:1x1")
            enqueue(action)
            with pytest.raises(faults.InjectedFault):
                drain("post")
            test_clock.advance(minutes=10)
            dispatch.free_expired()
        assert [(subject, type(outcome), final) for subject, outcome, final in announced] == [("ana", UncertainError, True)]


class TestBadRecordsStandAlone:
    """Law 9."""

    def test_question_that_fails_for_one_message_does_not_stop_the_others(self, world, test_clock):
        """A mistake in a flow's "still wanted?" delays that message, and parks it in the end; its neighbours go out."""

        def unwanted(_session, delivery):
            if delivery.payload["text"] == "bad":
                raise KeyError("a mistake in the flow")

        with postman(unwanted=unwanted) as (person, action):
            transact(lambda session: plan.message(session, action, "ana", "k1", {"text": "bad"}))
            enqueue(action, "k2")
            for _ in range(action.retry.max_attempts):
                drain("post")
                test_clock.advance(hours=8)
        assert len(person.sent) == 1
        assert [row.state for row in rows(Delivery)] == [State.DEAD, State.DONE]
        assert "KeyError" in rows(Delivery)[0].last_error

    def test_permanent_error_of_a_whole_batch_is_asked_of_each_record(self, world, odoo):
        """Where one record makes the whole call fail for good, only that one is parked."""
        normal = odoo._one

        def fragile(delivery, stages):
            if delivery.subject == "m2":
                raise PermanentError("odoo-wrong-value", "this channel cannot be created")
            return normal(delivery, stages)

        odoo._one = fragile
        for number in (1, 2, 3):
            world.post("opportunity", opportunity(f"m{number}"))
        while world.step("manychat-crm-opportunities-queue"):
            pass
        world.run()
        assert odoo.leads.keys() == {"m1", "m3"}
        assert [row.state for row in rows(Delivery)] == [State.DONE, State.DEAD, State.DONE]

    def test_mistake_in_keeping_our_own_rows_costs_no_neighbour_its_outcome(self, world, test_clock):
        """What was sent is recorded as sent, whatever a flow's own bookkeeping does."""

        def after(_session, delivery, _outcome, _final):
            if delivery.subject == "ana":
                raise KeyError("a mistake in the flow")

        with postman(after=after, batch_size=lambda: 10) as (person, action):
            enqueue(action)
            transact(lambda session: plan.message(session, action, "eva", "k2", {"text": "Hola"}))
            drain("post")
            test_clock.advance(minutes=10)
            dispatch.free_expired()
        assert len(person.sent) == 2
        assert [row.state for row in rows(Delivery)] == [State.DONE, State.DONE]


@pytest.fixture
def locked_tables(environment):
    """The tables whose rows are locked from here on, in order, as Azure SQL is told to."""
    found: list[str] = []

    def note(state) -> None:
        if state.is_select:
            text = str(state.statement.compile(dialect=mssql.dialect()))
            found.extend(part.split()[-1] for part in text.split(" WITH (UPDLOCK")[:-1])

    event.listen(Session, "do_orm_execute", note)
    yield found
    event.remove(Session, "do_orm_execute", note)


class TestLocksInOneOrder:
    """Everybody locks a person's rows in one order, contact, opportunity, delivery, so that nobody waits in a circle."""

    @staticmethod
    def order(found: list[str]) -> list[str]:
        """The first mention of each of the tables that matter."""
        wanted = [table for table in found if table in ("contacts", "opportunities", "deliveries")]
        return list(dict.fromkeys(wanted))

    def test_opportunity_event(self, world, odoo, locked_tables):
        """An event of an opportunity."""
        world.post("opportunity", opportunity())
        world.step("manychat-crm-opportunities-queue")
        assert self.order(locked_tables) == ["contacts", "opportunities", "deliveries"]

    def test_contact_event(self, world, odoo, locked_tables):
        """An event of a contact holds the opportunity whose state of syncing it changes."""
        world.post("opportunity", opportunity())
        world.run()
        locked_tables.clear()
        world.post("contact", contact(nombre_lead="Eva", at="2026-03-01T11:00:00Z"))
        world.step("manychat-contact-queue")
        assert self.order(locked_tables) == ["contacts", "opportunities", "deliveries"]

    def test_value_that_a_person_changed_in_odoo(self, world, odoo, locked_tables):
        """A reconciliation changes the contact as well, so it holds it, and first."""
        world.post("opportunity", opportunity())
        world.run()
        locked_tables.clear()
        side = Side(Opportunity, "crm.lead", "x_manychat_id", {"name": "name"})
        theirs = Theirs(1, "m1", {"name": "Otra"}, changed_at=clock.now() + timedelta(minutes=1), writer=5)
        with reading() as session:
            number = session.scalars(select(Opportunity.odoo_id)).one()
        look = odoo_take.Look(clock.now(), us=2)
        locked_tables.clear()
        transact(lambda session: odoo_take.settle(session, side, replace(theirs, odoo_id=number), look, repair=True))
        assert self.order(locked_tables) == ["contacts", "opportunities", "deliveries"]

    def test_recording_of_a_sync(self, world, odoo, locked_tables):
        """What records a batch holds our own rows before the deliveries."""
        world.post("opportunity", opportunity())
        world.step("manychat-crm-opportunities-queue")
        odoo.during = locked_tables.clear
        drain("odoo", timedelta(0))
        assert self.order(locked_tables) == ["opportunities", "deliveries"]


def test_slot_of_another_is_not_given_back(world):
    """Who outlived the slot's lease frees nothing that another holds by now."""
    transact(lambda session: claims.lock_target(session, "post"))
    lease = clock.now() + timedelta(minutes=5)
    transact(lambda session: session.add(TargetSlot(target="post", slot=0, token="other", held_until=lease)))
    transact(lambda session: claims.release(session, "post", "mine"))
    assert [slot.token for slot in rows(TargetSlot)] == ["other"]
