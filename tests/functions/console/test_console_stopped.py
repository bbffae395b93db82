"""Stopped events: replayed as a plan that is shown first, dropped, corrected."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from shared import clock
from shared.intake import dead_letter_message, dead_letter_store, endpoint, inbox
from shared.intake.dead_letter_store import Filter
from shared.intake.envelope import parse
from shared.messages import template_sources, text_versions
from shared.outbox.execute import drain
from shared.plans import replays, running, states, trying, walk
from shared.settings import get_settings
from shared.store.models import ActionLog, Campaign, Contact, DeadLetter, Delivery, InboxEvent, Opportunity
from shared.store.plan_models import Plan, PlanPart
from shared.store.session import reading, transact
from shared.store.text_models import TextVersion
from tests.functions.console.browser import Browser, Shown
from tests.support import shadow
from tests.support.examples import examples
from tests.support.payloads import payload
from tests.support.world import contact, opportunity

CAUSE = "/console/stopped?queue=manychat-crm-opportunities-queue&type=manychat.opportunity&reason=unknown-stage"
REHEARSE = "/console/stopped/rehearse"
UNKNOWN = "Valoración agendada"


@pytest.fixture
def whole(console, environment, test_clock):
    """The app with every outside system set up; time stands still."""
    with shadow.watched(environment):
        yield


@pytest.fixture
def olga(whole) -> Browser:
    """An operator."""
    return Browser().signed_in("olga-key")


def stop(name: str, data: dict, reason: str = "unknown-stage") -> int:
    """An event that was taken in and could not be applied; the number of its letter."""
    queue, body = shadow.recorded(shadow.webhooks(), name, data)
    key = f"{json.dumps(data)}{reason}"
    letter = {"key": key[-64:], "original_queue": queue, "reason": reason, "original_event": body.decode(), "attempts": 1}
    letter |= {"key": dead_letter_store.key_of(key), "error_message": "it could not be applied"}
    dead_letter_store.receive(dead_letter_message.written(letter))
    with reading() as session:
        return session.scalars(select(func.max(DeadLetter.id))).one()


def apply(name: str, data: dict) -> str:
    """Apply an event as its queue would."""
    queue, body = shadow.recorded(shadow.webhooks(), name, data)
    envelope = parse(body)
    handler = endpoint.handler_of(queue, envelope.type)
    return transact(lambda session: inbox.apply_once(session, handler, inbox.read_event(handler, envelope)))


def count(model, *where) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def state_of(letter: int) -> str:
    with reading() as session:
        return session.get_one(DeadLetter, letter).state


def planned(browser: Browser, address: str = CAUSE) -> Shown:
    """The page of the plan for what a page's first button replays."""
    return browser.submit(browser.get(address).form(REHEARSE))


def approve(browser: Browser, page: Shown, **changes: str) -> Shown:
    """Press the button that carries out the plan of a page."""
    form = next(form for form in page.forms() if form.action.endswith("/approve"))
    return browser.submit(form, **changes)


def begun(**asked: object) -> Plan:
    """A plan of everything that is stopped."""
    with reading() as session:
        wanted = replays.asked(session, Filter()) | asked
    return the_plan(running.begin(replays.NAME, wanted, "key:olga", "olga"))


def the_plan(number: int) -> Plan:
    with reading() as session:
        row = session.get_one(Plan, number)
        session.expunge(row)
        return row


def publish(name: str, text: str) -> None:
    """Somebody has edited a text in the console."""
    with reading() as session:
        after = session.scalar(select(func.max(TextVersion.number)).where(TextVersion.name == name)) or 0
    file = template_sources.of_repository(name)
    wording = text_versions.Wording(subject=file.subject, text=text, html=file.html)
    transact(lambda session: text_versions.publish(session, file, wording, after, "key:olga"))
    text_versions.forget()


def parts_of(number: int) -> list[PlanPart]:
    with reading() as session:
        return list(session.scalars(select(PlanPart).where(PlanPart.plan_id == number).order_by(PlanPart.id)))


class TestPlan:
    """What a replay would do is shown, and exactly that is done."""

    def test_rehearsal_changes_nothing(self, olga) -> None:
        """The page says what is created, what goes out and what stops again, and why; the record is as before."""
        stop("manychat.opportunity", opportunity("m1", 16))
        stop("manychat.opportunity", opportunity("m2", UNKNOWN))
        before = count(Delivery)
        shown = planned(olga)
        assert shown.heading == "1 change would be made"
        assert "New records 1 Changed records 0 Without effect 0 Would stop 1 Messages 0" in shown.words
        assert "odoo opportunity 1 for 1 person or record at once" in shown.words
        assert "unknown-stage" in shown.words
        assert (count(Contact), count(InboxEvent), count(Delivery)) == (0, 0, before)
        assert count(DeadLetter, DeadLetter.state == "parked") == 2

    def test_what_is_known_already_is_changed_and_not_created(self, olga) -> None:
        """The plan tells somebody new from somebody whose stage changes."""
        apply("manychat.opportunity", opportunity("m1", 16, "2026-03-01T10:00:00Z"))
        stop("manychat.opportunity", opportunity("m1", 18, "2026-03-01T11:00:00Z"))
        assert "New records 0 Changed records 1 Without effect 0" in planned(olga).words

    def test_approval_does_what_was_shown(self, olga) -> None:
        """The event is applied and its letter resolved under the operator's name; one that would stop again stays."""
        good, bad = (
            stop("manychat.opportunity", opportunity("m1", 16)),
            stop("manychat.opportunity", opportunity("m2", UNKNOWN)),
        )
        done = approve(olga, planned(olga))
        assert (done.status, done.heading) == (200, "1 part was done as planned")
        assert (state_of(good), state_of(bad)) == ("resolved", "parked")
        assert count(Delivery, Delivery.target == "odoo", Delivery.action == "opportunity") == 1
        with reading() as session:
            assert session.scalars(select(InboxEvent.replay_of)).all() == [good]
            line = session.scalars(select(ActionLog).where(ActionLog.action == "dead-letter.replay")).one()
            assert (line.actor, line.result, line.dead_letter_id) == ("key:olga", "applied", good)
            assert session.scalars(select(ActionLog.actor).where(ActionLog.action == "plan.approve")).all() == ["key:olga"]

    def test_replay_three_days_late(self, olga) -> None:
        """The stage is a later one by now: no effect, no message, and the stage stays."""
        stop("manychat.opportunity", opportunity("m1", 16, "2026-02-23T10:00:00Z"))
        apply("manychat.opportunity", opportunity("m1", 18, "2026-02-26T10:00:00Z"))
        before = count(Delivery)
        page = planned(olga)
        assert "New records 0 Changed records 0 Without effect 1 Would stop 0 Messages 0" in page.words
        assert approve(olga, page).heading == "1 part was done as planned"
        with reading() as session:
            assert session.scalars(select(Opportunity.stage_id)).all() == [18]
        assert (count(Delivery), count(DeadLetter, DeadLetter.state == "resolved")) == (before, 1)

    def test_text_that_a_message_uses_is_part_of_the_plan(self, olga, environment) -> None:
        """Its version stands there; one that is published meanwhile is another plan, and both are shown."""
        environment.setenv("TURNSTILE_SECRET", "")
        get_settings.cache_clear()
        publish("lead_call", "Hola, Ana.")
        stop("lead.form", payload("lead.form", "form"), "database-away")
        before = count(Delivery)
        page = planned(olga, "/console/stopped?reason=database-away")
        assert "lead_call , version 1" in page.words
        publish("lead_call", "Hola de nuevo, Ana.")
        again = approve(olga, page)
        assert (again.status, count(InboxEvent), count(Delivery)) == (409, 0, before)
        assert "lead_call, version 1" in again.words
        assert "lead_call, version 2" in again.words
        assert approve(olga, again).heading == "1 part was done as planned"

    def test_plan_may_be_approved_later(self, olga, test_clock) -> None:
        """Minutes pass while somebody reads it; what is due at once then is the same plan."""
        stop("manychat.contact", contact("m1"), "invalid-payload")
        stop("manychat.opportunity", opportunity("m1", 16), "invalid-payload")
        page = planned(olga, "/console/stopped?reason=invalid-payload")
        test_clock.advance(minutes=10)
        assert approve(olga, page).status == 200
        assert count(DeadLetter, DeadLetter.state == "resolved") == 2

    def test_other_plan_is_shown_and_nothing_done(self, olga) -> None:
        """Something newer came meanwhile: the old plan is not carried out; the new one may be."""
        letter = stop("manychat.opportunity", opportunity("m1", 16, "2026-03-01T10:00:00Z"))
        page = planned(olga)
        apply("manychat.opportunity", opportunity("m1", 18, "2026-03-01T11:00:00Z"))
        shown = approve(olga, page)
        assert shown.status == 409
        assert "Nothing was done: the plan is another one now." in shown.words
        assert "Before: 1 created, 0 changed, 0 without effect" in shown.words
        assert state_of(letter) == "parked"
        assert approve(olga, shown).status == 200
        assert state_of(letter) == "resolved"

    def test_second_approval_does_nothing(self, olga) -> None:
        """The button pressed twice, or the page reloaded: what was done is shown once more."""
        stop("manychat.opportunity", opportunity("m1", 16))
        page = planned(olga)
        approve(olga, page)
        after = count(InboxEvent), count(Delivery), count(ActionLog), count(Plan)
        again = approve(olga, page)
        assert (count(InboxEvent), count(Delivery), count(ActionLog), count(Plan)) == after
        assert again.heading == "1 part was done as planned"

    def test_what_was_done_meanwhile_is_planned_no_more(self, olga) -> None:
        """Two people have the same plan before them: the second finds nothing to do."""
        stop("manychat.opportunity", opportunity("m1", 16))
        pages = planned(olga), planned(olga)
        approve(olga, pages[0])
        again = approve(olga, pages[1])
        assert (again.status, again.heading) == (409, "There is nothing to do any more")

    def test_what_comes_later_is_not_of_the_plan(self, olga) -> None:
        """An event that stops after the plan was made stays stopped."""
        stop("manychat.opportunity", opportunity("m1", 16))
        page = planned(olga)
        later = stop("manychat.opportunity", opportunity("m2", 16))
        assert approve(olga, page).status == 200
        assert state_of(later) == "parked"

    def test_tampered_hash_is_another_plan(self, olga) -> None:
        """Nothing is carried out by a hash that is not the plan's."""
        letter = stop("manychat.opportunity", opportunity("m1", 16))
        page = planned(olga)
        assert approve(olga, page, plan="0" * 64).status == 409
        assert approve(olga, page, plan="x").status == 422
        assert state_of(letter) == "parked"

    def test_one_event_alone(self, olga) -> None:
        """From its own page, and no other of its cause with it."""
        one, other = (stop("manychat.opportunity", opportunity(who, 16)) for who in ("m1", "m2"))
        page = planned(olga, f"/console/stopped/{one}")
        assert page.heading == "1 change would be made"
        approve(olga, page)
        assert (state_of(one), state_of(other)) == ("resolved", "parked")

    def test_unreadable_event_is_left(self, olga) -> None:
        """A message that is no event of ours has no plan, and holds the others back as little as an unknown type."""
        stop("manychat.opportunity", opportunity("m1", 16))
        for event, queue in (("not an event", "events-queue"), ('{"id":"1"}', "reconcile-queue")):
            letter = {"key": event, "original_queue": queue, "reason": "x", "original_event": event}
            dead_letter_store.receive(dead_letter_message.written(letter))
        figures = begun().figures
        assert (figures["create"], figures["stop"]) == (1, 2)

    def test_mistake_of_ours_stops_one_event_alone(self, olga, monkeypatch) -> None:
        """A handler that fails is named in the plan; what it had begun leaves nothing, and the next event is applied."""
        stop("manychat.opportunity", opportunity("m1", 16))
        stop("manychat.opportunity", opportunity("m2", 16))
        whole, failed = inbox.apply_once, []

        def fail_first(session, handler, event):
            outcome = whole(session, handler, event)
            if event.payload.subject().endswith("m1"):
                failed.append(event)
                raise ZeroDivisionError
            return outcome

        monkeypatch.setattr(inbox, "apply_once", fail_first)
        first, second = parts_of(begun().id)
        assert ((first.word, first.what), (second.what, len(failed))) == (("ZeroDivisionError", "stop"), ("create", 1))
        assert not first.caused
        assert second.caused

    @pytest.mark.slow
    @settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(drawn=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([16, 18, UNKNOWN]), st.integers(0, 3)), max_size=6))
    def test_what_is_approved_is_what_happens(self, whole, drawn) -> None:
        """Whatever is stopped: the plan is carried out as it was shown, and what it does not apply stays."""
        transact(lambda session: [session.execute(delete(model)) for model in (DeadLetter, InboxEvent, Delivery)])
        for who, stage, hour in dict.fromkeys(drawn):
            stop("manychat.opportunity", opportunity(who, stage, f"2026-03-01T1{hour}:00:00Z"))
        shown = begun()
        done = the_plan(running.approve(shown.id, shown.hash, "key:olga", "olga"))
        figures = shown.figures
        assert (done.figures, done.goings) == (figures, shown.goings)
        assert {part.state for part in parts_of(done.id)} <= {"done"}
        assert count(DeadLetter, DeadLetter.state == "parked") == figures["stop"]
        assert count(InboxEvent) == figures["create"] + figures["update"] + figures["none"]


class TestLargePlan:
    """Thousands: in pages, in the background, with bounded memory; a second person where the settings ask for one."""

    def test_subjects_stay_together_over_pages(self, olga, monkeypatch) -> None:
        """Events of one person are tried on top of each other, wherever a page ends, and each is planned once."""
        monkeypatch.setattr(replays, "AT_ONCE", 3)
        for hour in range(2):
            for who in ("m1", "m2", "m3"):
                stop("manychat.opportunity", opportunity(who, 16 + hour, f"2026-03-01T1{hour}:00:00Z"))
        page = planned(olga)
        assert "New records 3 Changed records 3 Without effect 0 Would stop 0" in page.words
        approve(olga, page)
        assert count(DeadLetter, DeadLetter.state == "resolved") == 6

    def test_more_events_of_one_person_than_a_page_holds(self, olga, monkeypatch) -> None:
        """They are cut, and all of them are applied in their order all the same."""
        monkeypatch.setattr(replays, "AT_ONCE", 2)
        for hour in range(5):
            stop("manychat.opportunity", opportunity("m1", 16 + hour % 2, f"2026-03-01T1{hour}:00:00Z"))
        row = begun()
        assert row.figures["parts"] == 5
        running.approve(row.id, row.hash, "key:olga", "olga")
        assert count(InboxEvent) == 5 - count(DeadLetter, DeadLetter.state == "parked")

    def test_what_nobody_waits_for_goes_on_by_itself(self, olga, monkeypatch) -> None:
        """The page shows how far it is, and a delivery to ourselves works on."""
        monkeypatch.setattr(replays, "AT_ONCE", 1)
        monkeypatch.setattr(running, "AT_ONCE", timedelta(0))
        for who in ("m1", "m2", "m3"):
            stop("manychat.opportunity", opportunity(who, 16))
        page = planned(olga)
        assert page.heading == "The plan is being worked out"
        assert "1 of 3" in page.words
        assert count(Delivery, Delivery.action == "plan", Delivery.state == "pending") == 1
        assert drain("puente") == 1
        ready = olga.get(page.address)
        assert ready.heading == "3 changes would be made"
        carrying = approve(olga, ready)
        assert "Checking that the plan is still the same" in carrying.words
        drain("puente")
        assert olga.get(carrying.address).heading == "3 parts were done as planned"

    def test_work_that_was_lost_is_handed_over_again(self, whole, monkeypatch, test_clock) -> None:
        """The process that had begun is gone: after some minutes somebody else goes on behind the last page."""
        monkeypatch.setattr(replays, "AT_ONCE", 1)
        for who in ("m1", "m2"):
            stop("manychat.opportunity", opportunity(who, 16))
        killed = RuntimeError("killed")

        def die(_point: str) -> None:
            raise killed

        with monkeypatch.context() as patched:
            patched.setattr(walk.faults, "hit", die)
            with pytest.raises(RuntimeError):
                begun()
        assert running.go_on_with_lost() == 0
        test_clock.advance(minutes=6)
        assert running.go_on_with_lost() == 1
        drain("puente")
        row = the_plan(1)
        assert (row.state, row.figures["create"], len(parts_of(1))) == ("ready", 2, 2)

    def test_page_is_kept_once(self, whole, monkeypatch) -> None:
        """Two invocations have the same page in hand: one keeps it, the other one stops and changes nothing."""
        monkeypatch.setattr(replays, "AT_ONCE", 1)
        monkeypatch.setattr(running, "AT_ONCE", timedelta(0))
        for who in ("m1", "m2"):
            stop("manychat.opportunity", opportunity(who, 16))
        row = begun()
        walk._page(row)
        with pytest.raises(walk._ElsewhereError):
            walk._page(row)
        assert len(parts_of(row.id)) == 2

    def test_page_is_carried_out_once(self, whole, monkeypatch) -> None:
        """The same while it is carried out: whoever comes second stops, and leaves the page to the first."""
        monkeypatch.setattr(replays, "AT_ONCE", 1)
        for who in ("m1", "m2"):
            stop("manychat.opportunity", opportunity(who, 16))
        ready = begun()
        monkeypatch.setattr(running, "AT_ONCE", timedelta(0))
        row = the_plan(running.approve(ready.id, ready.hash, "key:olga", "olga"))
        while row.state == states.MAKING:
            walk._page(row)
            row = the_plan(row.id)
        walk._page(row)
        with pytest.raises(walk._ElsewhereError):
            walk._page(row)
        assert count(ActionLog, ActionLog.action == "dead-letter.replay") == 1

    def test_what_changes_while_it_is_carried_out_is_left(self, olga, monkeypatch) -> None:
        """One person changes between the check and their turn: they are left as they are, the others are done."""
        letters = [stop("manychat.opportunity", opportunity(who, 16, "2026-03-01T10:00:00Z")) for who in ("m1", "m2")]
        page = planned(olga)
        made = walk._made

        def overtaken(row, whole):
            apply_later.append(row.id)
            return made(row, whole)

        apply_later: list[int] = []
        real = walk._wanted

        def newer_first(plan_id, units):
            if apply_later:
                apply("manychat.opportunity", opportunity("m2", 18, "2026-03-01T11:00:00Z"))
                apply_later.clear()
            return real(plan_id, units)

        monkeypatch.setattr(walk, "_made", overtaken)
        monkeypatch.setattr(walk, "_wanted", newer_first)
        done = approve(olga, page)
        assert done.heading == "1 part was done as planned"
        assert "1 part was left as it is" in done.words
        assert [state_of(letter) for letter in letters] == ["resolved", "parked"]

    def test_large_one_needs_a_second_person(self, olga, environment) -> None:
        """Whoever asks cannot approve; somebody else can, and then exactly that is done."""
        environment.setenv("PLAN_APPROVAL_ABOVE", "1")
        get_settings.cache_clear()
        letters = [stop("manychat.opportunity", opportunity(who, 16)) for who in ("m1", "m2")]
        asked = approve(olga, planned(olga))
        assert asked.heading == "A second person has to approve this plan"
        assert [state_of(letter) for letter in letters] == ["parked", "parked"]
        ana, adan = Browser().signed_in("ana-key"), Browser().signed_in("adan-key")
        assert the_plan(1).state == states.WAITING
        decided = ana.submit(ana.get("/console/approvals/1").form("/console/approvals/1/approved"))
        assert decided.status == 200
        drain("puente")
        assert [state_of(letter) for letter in letters] == ["resolved", "resolved"]
        assert adan.get("/console/plans/2").heading == "2 parts were done as planned"

    def test_nobody_approves_their_own(self, whole, environment) -> None:
        """Not even an administrator; a refusal drops the plan, and nothing is done."""
        environment.setenv("PLAN_APPROVAL_ABOVE", "1")
        get_settings.cache_clear()
        letters = [stop("manychat.opportunity", opportunity(who, 16)) for who in ("m1", "m2")]
        adan, ana = Browser().signed_in("adan-key"), Browser().signed_in("ana-key")
        approve(adan, planned(adan))
        page = ana.get("/console/approvals/1")
        token = adan.get("/console/me").form("/console/sign-out").fields["token"]
        own = adan.post("/console/approvals/1/approved", {"token": token})
        assert own.status == 403
        ana.post("/console/approvals/1/rejected", page.form("/console/approvals/1/approved").fields)
        assert the_plan(1).state == states.DROPPED
        assert [state_of(letter) for letter in letters] == ["parked", "parked"]

    def test_dropped_plan_is_not_carried_out(self, olga) -> None:
        """Not by a page that is still open, either."""
        letter = stop("manychat.opportunity", opportunity("m1", 16))
        page = planned(olga)
        dropped = olga.submit(page.form("/console/plans/1/drop"))
        assert dropped.heading == "The plan was dropped"
        approve(olga, page)
        assert (state_of(letter), count(InboxEvent)) == ("parked", 0)

    def test_time_bounds_a_transaction(self, whole, monkeypatch) -> None:
        """However many units a page has: those for which there was no time come with the next transaction."""
        for who in ("m1", "m2", "m3"):
            stop("manychat.opportunity", opportunity(who, 16))
        monkeypatch.setattr(trying, "PATIENCE", timedelta(0))
        row = begun()
        assert (row.state, row.rounds, row.figures["create"]) == ("ready", 3, 3)


class TestMissing:
    """What an event lacks is added from its page, or from that of its cause."""

    def assignment(self, advisor: object) -> dict:
        """An assignment to an advisor, in a campaign that there is."""
        transact(lambda session: session.merge(Campaign(id=7, name="Campaña", date_start=clock.now())))
        return payload("manychat.campaign-assignment", "assignment", campaign_id=7, comercial_id=advisor, medico_id=0)

    def test_unknown_stage_is_added_and_its_events_replayed(self, whole) -> None:
        """The most alike stage is chosen; after saving the plan of the whole cause is shown, and carried out."""
        adan = Browser().signed_in("adan-key")
        letters = [stop("manychat.opportunity", opportunity(who, "Comienza atención")) for who in ("m1", "m2")]
        form = adan.get(CAUSE).form("/console/stopped/stage")
        assert (form.fields["name"], form.fields["stage"]) == ("Comienza atención", "19")
        page = adan.submit(form)
        assert page.heading == "2 changes would be made"
        approve(adan, page)
        assert [state_of(letter) for letter in letters] == ["resolved", "resolved"]
        with reading() as session:
            assert set(session.scalars(select(Opportunity.stage_id))) == {19}
            assert session.scalars(select(ActionLog.actor).where(ActionLog.action == "stage.create")).all() == ["key:adan"]

    def test_event_alone_is_mended_from_its_own_page(self, whole) -> None:
        """Only its own replay is planned."""
        adan = Browser().signed_in("adan-key")
        one, other = (stop("manychat.opportunity", opportunity(who, UNKNOWN)) for who in ("m1", "m2"))
        page = adan.submit(adan.get(f"/console/stopped/{one}").form("/console/stopped/stage"))
        approve(adan, page)
        assert (state_of(one), state_of(other)) == ("resolved", "parked")

    @pytest.mark.parametrize(("wanted", "name"), [("Marta Ruiz", "Marta Ruiz"), ("marta@example.com", ""), (41, "")])
    def test_unknown_advisor_is_added(self, whole, wanted, name) -> None:
        """By whatever the event names them: a name, an address, a number."""
        adan = Browser().signed_in("adan-key")
        letter = stop("manychat.campaign-assignment", self.assignment(wanted), "unknown-advisor")
        form = adan.get(f"/console/stopped/{letter}").form("/console/stopped/advisor")
        assert form.fields["name"] == name
        page = adan.submit(form, name="Marta Ruiz")
        approve(adan, page)
        assert state_of(letter) == "resolved"

    def test_stage_that_is_known_meanwhile_is_missed_no_more(self, whole) -> None:
        """The page offers nothing to add; the event can be replayed."""
        letter = stop("manychat.opportunity", opportunity("m1", 16))
        page = Browser().signed_in("adan-key").get(f"/console/stopped/{letter}")
        assert [form.action for form in page.forms() if form.action.endswith("/stage")] == []

    def test_stage_of_odoo_must_be_on_the_map(self, whole) -> None:
        """A number that was typed over is refused, and nothing is added."""
        adan = Browser().signed_in("adan-key")
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        form = adan.get(f"/console/stopped/{letter}").form("/console/stopped/stage")
        assert (adan.submit(form, stage="999").status, count(Plan)) == (422, 0)

    @pytest.mark.parametrize("who", ["vera", "olga", "ana"])
    def test_only_admins_add(self, whole, who) -> None:
        """Others read who may; no button answers 403."""
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        browser = Browser().signed_in(f"{who}-key")
        page = browser.get(f"/console/stopped/{letter}")
        assert "Those with the role admin may add it." in page.words
        assert [form.action for form in page.forms() if form.action.endswith("/stage")] == []
        token = browser.get("/console/me").form("/console/sign-out").fields["token"]
        for path in ("stage", "advisor"):
            assert browser.post(f"/console/stopped/{path}", {"token": token, "name": "x", "stage": "16"}).status == 403


class TestDrop:
    """An event that is not to be applied."""

    def test_dropped_event_stays_readable(self, olga) -> None:
        """It waits for nobody any more; the action log says who did it and why."""
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        page = olga.get(f"/console/stopped/{letter}")
        shown = olga.submit(page.form(f"/console/stopped/{letter}/drop"), why="una prueba")
        assert (shown.status, state_of(letter)) == (200, "resolved")
        assert "key:olga: dead-letter.drop, dropped · una prueba" in shown.words
        assert "Valoración agendada" in shown.words
        assert [form.action for form in shown.forms() if "/stopped/" in form.action] == []

    def test_reason_is_needed(self, olga) -> None:
        """Without one nothing happens; nor a second time."""
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        form = olga.get(f"/console/stopped/{letter}").form(f"/console/stopped/{letter}/drop")
        assert olga.submit(form, why=" ").status == 422
        assert state_of(letter) == "parked"
        assert [olga.submit(form, why="x").status for _ in range(2)] == [200, 409]

    def test_dropped_meanwhile_is_not_replayed(self, olga) -> None:
        """A plan that holds an event which somebody drops is another plan."""
        letter = stop("manychat.opportunity", opportunity("m1", 16))
        page = planned(olga)
        olga.submit(olga.get(f"/console/stopped/{letter}").form(f"/console/stopped/{letter}/drop"), why="x")
        assert (approve(olga, page).status, count(InboxEvent)) == (409, 0)


class TestCorrection:
    """An event whose data is mended by a person."""

    def opened(self, browser: Browser, letter: int):
        """The form with its data."""
        return browser.submit(browser.get(f"/console/stopped/{letter}").form(f"/console/stopped/{letter}/edit"))

    def correct(self, browser: Browser, letter: int, data: str):
        form = self.opened(browser, letter).form(f"/console/stopped/{letter}/correct")
        return browser.submit(form, data=data)

    def test_corrected_event_is_the_same_event(self, olga) -> None:
        """It is applied once: the original, sent again after all, changes nothing; and the original stays readable."""
        wrong = opportunity("m1", UNKNOWN)
        letter = stop("manychat.opportunity", wrong)
        shown = self.correct(olga, letter, json.dumps(opportunity("m1", 16)))
        corrected = int(shown.address.rpartition("/")[2])
        assert (state_of(letter), state_of(corrected)) == ("resolved", "parked")
        assert f"Comes from stopped event {letter}" in shown.words
        original = olga.get(f"/console/stopped/{letter}")
        assert UNKNOWN in original.words
        assert f"as stopped event {corrected}" in original.words
        approve(olga, planned(olga, f"/console/stopped/{corrected}"))
        assert state_of(corrected) == "resolved"
        assert apply("manychat.opportunity", wrong) == "duplicate"
        assert count(InboxEvent) == 1

    def test_correction_of_what_was_applied_has_no_effect(self, olga) -> None:
        """The event came through after all: its correction is a duplicate, and the plan says so."""
        sent = opportunity("m1", 16)
        letter = stop("manychat.opportunity", sent)
        apply("manychat.opportunity", sent)
        self.correct(olga, letter, json.dumps(opportunity("m1", 18)))
        shown = planned(olga)
        assert "New records 0 Changed records 0 Without effect 1 Would stop 0" in shown.words
        assert "no effect duplicate" in shown.words

    def test_showing_the_data_is_logged(self, olga) -> None:
        """It is not masked there, as it is to be corrected."""
        letter = stop("manychat.contact", contact("m1", email="ana@example.com"))
        assert "ana@example.com" not in olga.get(f"/console/stopped/{letter}").text
        assert "ana@example.com" in self.opened(olga, letter).text
        assert count(ActionLog, ActionLog.action == "dead-letter.show", ActionLog.actor == "key:olga") == 1

    @pytest.mark.parametrize("data", ["{", "[]", "{}", '{"manychat_id": "\\u0000"}'])
    def test_mistake_shows_the_form_again(self, olga, data) -> None:
        """With what was typed and what is wrong with it; nothing is changed."""
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        shown = self.correct(olga, letter, data)
        assert shown.status in (400, 422)
        assert "Nothing was changed." in shown.words
        assert data in shown.words
        assert (state_of(letter), count(DeadLetter)) == ("parked", 1)

    def test_second_correction_is_refused(self, olga) -> None:
        """Two people correct one event: the first is kept."""
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        form = self.opened(olga, letter).form(f"/console/stopped/{letter}/correct")
        statuses = [olga.submit(form, data=json.dumps(opportunity("m1", stage))).status for stage in (16, 18)]
        assert (statuses, count(DeadLetter)) == ([200, 409], 2)

    def test_large_data_goes_into_a_blob(self, olga, storage) -> None:
        """As at its webhook: the corrected event fits into a message when it is replayed."""
        letter = stop("manychat.opportunity", opportunity("m1", UNKNOWN))
        shown = self.correct(olga, letter, json.dumps(opportunity("m1", 16, extra="x" * 60_000)))
        assert shown.status == 200
        assert len(storage.blobs) == 1
        assert approve(olga, planned(olga, shown.address)).heading == "1 part was done as planned"

    def test_event_that_cannot_be_read_can_only_be_dropped(self, olga) -> None:
        """There is no data in it to correct."""
        letter = {"key": "k", "original_queue": "events-queue", "reason": "not-an-event", "original_event": "nothing"}
        dead_letter_store.receive(dead_letter_message.written(letter))
        page = olga.get("/console/stopped/1")
        assert olga.submit(page.form("/console/stopped/1/edit")).status == 409
        assert olga.submit(page.form("/console/stopped/1/drop"), why="x").status == 200


@pytest.mark.parametrize("who", ["vera", "ana"])
@pytest.mark.parametrize("path", ["rehearse", "1/drop", "1/edit", "1/correct"])
def test_who_may_not_operate_cannot(whole, who, path) -> None:
    """Each post is refused, no page shows them its button, and no address does any of it by being opened."""
    letter = stop("manychat.opportunity", opportunity("m1", 16))
    browser = Browser().signed_in(f"{who}-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    assert browser.post(f"/console/stopped/{path}", {"token": token, "why": "x", "data": "{}"}).status == 403
    assert browser.get(f"/console/stopped/{path}").status in (404, 405, 422)
    for address in (CAUSE, f"/console/stopped/{letter}"):
        assert [form.action for form in browser.get(address).forms() if "/stopped" in form.action] == []
    assert state_of(letter) == "parked"


def test_pages_have_no_style_of_their_own(olga) -> None:
    """And speak Spanish to those who do; a name with signs of HTML stays a name."""
    stop("manychat.opportunity", opportunity("<b>m1</b>", 16), "invalid-payload")
    letter = stop("manychat.opportunity", opportunity("m1", 16))
    spanish = Browser(language="es").signed_in("olga-key")
    page = planned(spanish)
    assert page.heading == "Se haría 1 cambio"
    edit = spanish.submit(spanish.get(f"/console/stopped/{letter}").form(f"/console/stopped/{letter}/edit"))
    done = approve(spanish, page)
    for shown in (page, edit, done, planned(spanish, "/console/stopped?reason=invalid-payload")):
        assert "style=" not in shown.text
        assert "<b>m1" not in shown.text
