"""Leads under disorder: forms in any order and number, and a Kommo that loses answers while bookings come and go."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from functions.leads import guard, kommo_sync, notes, triggers
from functions.leads.tables import Lead
from sandbox.kommo import seed
from shared import clock
from shared.store.journey_models import Enrolment
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.examples import examples
from tests.support.kommo import PretendKommo, installed
from tests.support.leads import FORM, lead, sent, told
from tests.support.world import World

pytestmark = pytest.mark.slow

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FORMS = st.lists(
    st.fixed_dictionaries(
        {"telefono": st.sampled_from(["55 1234 5678", "55 8765 4321", "1234567"]), "empresa": st.sampled_from("ABC")}
    ),
    min_size=1,
    max_size=4,
)


class Case:
    """The address of one example's person; the database is that of the whole test."""

    number = 0

    @classmethod
    def mail(cls) -> dict[str, str]:
        """A new person."""
        cls.number += 1
        return {"email": f"caso{cls.number}@example.com"}


@given(said=FORMS, data=st.data())
@settings(max_examples=examples(25), suppress_health_check=SLOW)
def test_forms_in_any_order_end_in_the_first(
    world: World, test_clock: clock.TestClock, said: list[dict[str, Any]], data: Any
) -> None:
    """Each any number of times: the row says what the form said that came first, and one journey has begun."""
    mail, messages, number = Case.mail(), [], 0
    test_clock.moment = START + timedelta(days=2 * Case.number)  # earlier examples do not count against this one
    for fields in said:
        test_clock.advance(minutes=1)
        answer, message = sent(FORM | mail | fields)
        number = told(answer)["lead_id"]
        messages.append(message)
    copies = data.draw(st.lists(st.sampled_from(messages), max_size=4))
    for message in data.draw(st.permutations([*messages, *copies])):
        world.storage.send(triggers.QUEUE, message)
        world.run()
    row = lead(number)
    assert (row.phone_original, row.company) == (said[0]["telefono"], said[0]["empresa"])
    with reading() as session:
        begun = select(func.count()).select_from(Enrolment).where(Enrolment.person == f"lead:{number}")
        assert session.scalar(begun) == 1


STEPS = st.lists(
    st.sampled_from(["book", "cancel", "note", "lose", "lose note", "down", "up", "wait", "run", "contacted", "won"]),
    max_size=14,
)


@given(steps=STEPS)
@example(steps=["lose note", "run", "wait"])
@example(steps=["note", "run", "lose note", "note", "note", "wait"])
@example(steps=["run", "book", "won", "run", "cancel", "run", "book"])
@example(steps=["lose note", "wait"])
@settings(max_examples=examples(12), suppress_health_check=SLOW)
def test_kommo_ends_as_our_record_says(
    world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, steps: list[str]
) -> None:
    """Whatever is lost on the way: one lead, one contact, each note once and in order; people's moves forward are kept."""
    guard.forget()
    transact(lambda session: session.execute(update(Lead).values(kommo_lead_id=None)))  # each example's account is a new one
    with installed(environment) as account:
        test_clock.moment = START + timedelta(days=2 * Case.number)
        answer, message = sent(FORM | Case.mail())
        number = told(answer)["lead_id"]
        world.storage.send(triggers.QUEUE, message)
        world.step(triggers.QUEUE)
        owed = [f"n{place}" for place, step in enumerate(steps) if step == "note"]
        for place, step in enumerate(steps):
            _take(world, account, test_clock, number, step, place)
        account.down, account.lost = False, []
        world.run_for(test_clock, hours=30, step_seconds=7200)
        row = lead(number)
        assert len(account.leads()) == len(account.contacts()) == 1
        assert (row.kommo_sync_status, row.kommo_lead_id) == ("success", account.leads()[0]["id"])
        written = [text for text in account.notes() if text.startswith("Nombre")]
        assert written == [f"Nombre {key}" for key in owed]
        _check_stage(account.leads()[0]["status_id"], row.status, steps)


def _take(world: World, account: PretendKommo, test_clock: clock.TestClock, number: int, step: str, place: int) -> None:
    """One step of the story."""
    if step in ("book", "cancel"):
        transact(lambda session: _status(session, number, "booked" if step == "book" else "new"))
    elif step == "note":
        transact(lambda session: notes.enqueue(session, number, "test", {"key": f"n{place}"}, f"n{place}"))
    elif step in ("lose", "lose note"):
        account.lost.append("POST" if step == "lose note" else "")
    elif step in ("down", "up"):
        account.down = step == "down"
    elif step == "wait":
        world.run_for(test_clock, minutes=10, step_seconds=120)
    elif step == "run":
        world.timers()
        world.run()
    elif account.leads():
        account.move(account.leads()[0]["id"], seed.CONTACTADO if step == "contacted" else seed.WON)


def _status(session: Any, number: int, status: str) -> None:
    session.get_one(Lead, number).status = status
    kommo_sync.ask(session, number)


def _check_stage(stands: int, status: str, steps: list[str]) -> None:
    moved = "contacted" in steps or "won" in steps
    if not moved:
        assert stands == (seed.AGENDADO if status == "booked" else seed.INICIAL)
    elif "won" not in steps and status == "booked":
        assert stands in (seed.AGENDADO, seed.CONTACTADO)
    with reading() as session:
        waiting = select(func.count()).select_from(Delivery).where(Delivery.target == "kommo", Delivery.state != "done")
        assert session.scalar(waiting) == 0


@pytest.fixture(autouse=True)
def text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text for the notes of these tests."""
    from functions.leads import note_texts

    texts = note_texts._texts()
    monkeypatch.setattr(note_texts, "_texts", lambda: texts | {"texts": texts["texts"] | {"test": "Nombre {{ key }}"}})
    guard.forget()
