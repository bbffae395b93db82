"""Stopped events: replayed as a plan that is shown first, dropped, corrected."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from shared.intake import dead_letter_message, dead_letter_store, endpoint, inbox, replay_plan
from shared.intake.dead_letter_store import Filter
from shared.intake.envelope import parse
from shared.intake.replay_plan import Chosen
from shared.store.models import ActionLog, Contact, DeadLetter, Delivery, InboxEvent
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser
from tests.support import shadow
from tests.support.examples import examples
from tests.support.world import contact, opportunity

CAUSE = "/console/stopped?queue=manychat-crm-opportunities-queue&type=manychat.opportunity&reason=unknown-stage"
REHEARSE, APPROVE = "/console/stopped/rehearse", "/console/stopped/approve"
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


def planned(browser: Browser, address: str = CAUSE):
    """The page of the plan for what a page's first button replays."""
    return browser.submit(browser.get(address).form(REHEARSE))


class TestPlan:
    """What a replay would do is shown, and exactly that is done."""

    def test_rehearsal_changes_nothing(self, olga) -> None:
        """The page says what is applied, what goes out and what stops again, and why; the record is as before."""
        stop("manychat.opportunity", opportunity("m1", 16))
        stop("manychat.opportunity", opportunity("m2", UNKNOWN))
        before = count(Delivery), count(ActionLog)
        shown = planned(olga)
        assert shown.heading == "What would happen if 2 events were replayed"
        assert "Applied 1 Without effect 0 Stopped again 1" in shown.words
        assert "odoo opportunity 1 for 1 person or record at once" in shown.words
        assert "unknown-stage" in shown.words
        assert "At most 200 events are rehearsed at once, for at most 10 seconds." in shown.words
        assert (count(Contact), count(InboxEvent), count(Delivery), count(ActionLog)) == (0, 0, *before)
        assert count(DeadLetter, DeadLetter.state == "parked") == 2

    def test_approval_does_what_was_shown(self, olga) -> None:
        """The event is applied and its letter resolved under the operator's name; one that would stop again stays."""
        good, bad = (
            stop("manychat.opportunity", opportunity("m1", 16)),
            stop("manychat.opportunity", opportunity("m2", UNKNOWN)),
        )
        done = olga.submit(planned(olga).form(APPROVE))
        assert (done.status, done.heading) == (200, "1 event was replayed as planned")
        assert "1 event is still stopped." in done.words
        assert (state_of(good), state_of(bad)) == ("resolved", "parked")
        assert count(Delivery, Delivery.target == "odoo", Delivery.action == "opportunity") == 1
        with reading() as session:
            assert session.scalars(select(InboxEvent.replay_of)).all() == [good]
            line = session.scalars(select(ActionLog).where(ActionLog.action == "dead-letter.replay")).one()
            assert (line.actor, line.result, line.dead_letter_id) == ("key:olga", "applied", good)

    def test_plan_may_be_approved_later(self, olga, test_clock) -> None:
        """Minutes pass while somebody reads it; what is due at once then is the same plan."""
        stop("manychat.contact", contact("m1"), "invalid-payload")
        stop("manychat.opportunity", opportunity("m1", 16), "invalid-payload")
        page = planned(olga, "/console/stopped?reason=invalid-payload")
        test_clock.advance(minutes=10)
        assert olga.submit(page.form(APPROVE)).status == 200
        assert count(DeadLetter, DeadLetter.state == "resolved") == 2

    def test_other_plan_is_shown_and_nothing_done(self, olga) -> None:
        """Something newer came meanwhile: the old plan is not carried out; the new one may be."""
        letter = stop("manychat.opportunity", opportunity("m1", 16, "2026-03-01T10:00:00Z"))
        page = planned(olga)
        apply("manychat.opportunity", opportunity("m1", 18, "2026-03-01T11:00:00Z"))
        shown = olga.submit(page.form(APPROVE))
        assert shown.status == 409
        assert "Nothing was done: the plan is another one now." in shown.words
        assert "Before: 1 applied, 0 without effect" in shown.words
        assert state_of(letter) == "parked"
        assert olga.submit(shown.form(APPROVE)).status == 200
        assert state_of(letter) == "resolved"

    def test_second_approval_does_nothing(self, olga) -> None:
        """The button pressed twice, or the page reloaded."""
        stop("manychat.opportunity", opportunity("m1", 16))
        form = planned(olga).form(APPROVE)
        olga.submit(form)
        after = count(InboxEvent), count(Delivery), count(ActionLog)
        again = olga.submit(form)
        assert (again.status, (count(InboxEvent), count(Delivery), count(ActionLog))) == (409, after)
        assert "No event is stopped here any more" in again.words

    def test_what_comes_later_is_not_of_the_plan(self, olga) -> None:
        """An event that stops after the plan was made stays stopped."""
        stop("manychat.opportunity", opportunity("m1", 16))
        page = planned(olga)
        later = stop("manychat.opportunity", opportunity("m2", 16))
        assert olga.submit(page.form(APPROVE)).status == 200
        assert state_of(later) == "parked"

    def test_tampered_hash_is_another_plan(self, olga) -> None:
        """Nothing is carried out by a hash that is not the plan's."""
        letter = stop("manychat.opportunity", opportunity("m1", 16))
        form = planned(olga).form(APPROVE)
        assert olga.submit(form, plan="0" * 64).status == 409
        assert olga.submit(form, plan="x").status == 422
        assert state_of(letter) == "parked"

    def test_plan_is_bounded(self, olga, monkeypatch) -> None:
        """By number, the oldest first, and by time; the page says so, and the rest follows."""
        for number in range(3):
            stop("manychat.opportunity", opportunity(f"m{number}", 16))
        monkeypatch.setattr(replay_plan, "MOST_EVENTS", 2)
        page = planned(olga)
        assert page.heading == "What would happen if 2 events were replayed"
        assert "These are the oldest of 3." in page.words
        olga.submit(page.form(APPROVE))
        assert count(DeadLetter, DeadLetter.state == "parked") == 1
        monkeypatch.setattr(replay_plan, "BUDGET", timedelta(0))
        assert len(replay_plan.rehearse(Chosen(filter=Filter())).parts) == 1

    def test_one_event_alone(self, olga) -> None:
        """From its own page, and no other of its cause with it."""
        one, other = (stop("manychat.opportunity", opportunity(who, 16)) for who in ("m1", "m2"))
        page = planned(olga, f"/console/stopped/{one}")
        assert page.heading == "What would happen if 1 event were replayed"
        olga.submit(page.form(APPROVE))
        assert (state_of(one), state_of(other)) == ("resolved", "parked")

    def test_unreadable_event_is_left(self, olga) -> None:
        """A message that is no event of ours has no plan, and holds the others back as little as an unknown type."""
        stop("manychat.opportunity", opportunity("m1", 16))
        for event, queue in (("not an event", "events-queue"), ('{"id":"1"}', "reconcile-queue")):
            letter = {"key": event, "original_queue": queue, "reason": "x", "original_event": event}
            dead_letter_store.receive(dead_letter_message.written(letter))
        made = replay_plan.rehearse(Chosen(filter=Filter()))
        assert (made.applied, made.stopped) == (1, 2)

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
        made = replay_plan.rehearse(Chosen(filter=Filter()))
        assert ([part.reason for part in made.parts], len(failed)) == (["ZeroDivisionError", None], 1)
        assert made.caused == made.parts[1].caused != ()

    @settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(drawn=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([16, 18, UNKNOWN]), st.integers(0, 3)), max_size=6))
    def test_what_is_approved_is_what_happens(self, whole, drawn) -> None:
        """Whatever is stopped: the plan is carried out as it was shown, and what it does not apply stays."""
        transact(lambda session: [session.execute(delete(model)) for model in (DeadLetter, InboxEvent, Delivery)])
        for who, stage, hour in dict.fromkeys(drawn):
            stop("manychat.opportunity", opportunity(who, stage, f"2026-03-01T1{hour}:00:00Z"))
        shown = replay_plan.rehearse(Chosen(filter=Filter()))
        done, is_done = replay_plan.carry_out(Chosen(filter=Filter()), shown.hash, "key:olga")
        assert (is_done, done.parts, done.caused) == (True, shown.parts, shown.caused)
        assert count(DeadLetter, DeadLetter.state == "parked") == shown.stopped
        assert count(InboxEvent) == shown.applied + shown.unchanged


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
        assert (olga.submit(page.form(APPROVE)).status, count(InboxEvent)) == (409, 0)


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
        olga.submit(planned(olga, f"/console/stopped/{corrected}").form(APPROVE))
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
        assert "Applied 0 Without effect 1 Stopped again 0" in shown.words
        assert "without effect duplicate" in shown.words

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
        assert olga.submit(planned(olga, shown.address).form(APPROVE)).heading == "1 event was replayed as planned"

    def test_event_that_cannot_be_read_can_only_be_dropped(self, olga) -> None:
        """There is no data in it to correct."""
        letter = {"key": "k", "original_queue": "events-queue", "reason": "not-an-event", "original_event": "nothing"}
        dead_letter_store.receive(dead_letter_message.written(letter))
        page = olga.get("/console/stopped/1")
        assert olga.submit(page.form("/console/stopped/1/edit")).status == 409
        assert olga.submit(page.form("/console/stopped/1/drop"), why="x").status == 200


@pytest.mark.parametrize("who", ["vera", "ana"])
@pytest.mark.parametrize("path", ["rehearse", "approve", "1/drop", "1/edit", "1/correct"])
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
    assert page.heading == "Qué pasaría al repetir 1 evento"
    edit = spanish.submit(spanish.get(f"/console/stopped/{letter}").form(f"/console/stopped/{letter}/edit"))
    done = spanish.submit(page.form(APPROVE))
    for shown in (page, edit, done, planned(spanish, "/console/stopped?reason=invalid-payload")):
        assert "style=" not in shown.text
        assert "<b>m1" not in shown.text
