"""From the form to our record, Kommo and the follow-up: once, in any order, whatever breaks on the way."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from functions.leads import guard, ids, kommo_sync, log, notes, triggers
from functions.leads.tables import Lead
from sandbox.kommo import seed
from shared import clock, faults
from shared.journeys import engine
from shared.messages.digests import digest_of_address
from shared.messages.outcomes import PersonMessage, notify_person_message
from shared.outbox import actions, operator_actions
from shared.privacy.erase import look, person
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.models import DeadLetter, Delivery, InboxEvent
from shared.store.session import reading, transact
from shared.watch import record
from tests.conftest import forget
from tests.support import journeys, tsql
from tests.support.journeys import Post
from tests.support.kommo import PretendKommo, installed
from tests.support.leads import lead, post, sent
from tests.support.world import World


@pytest.fixture(autouse=True)
def door() -> Iterator[None]:
    """A new instance."""
    guard.forget()
    yield
    guard.forget()


@pytest.fixture
def account(environment: pytest.MonkeyPatch) -> Iterator[PretendKommo]:
    """Kommo set up."""
    with installed(environment, BOOKING_URL="https://cal.example/javier") as pretend:
        yield pretend


@pytest.fixture
def vendors(environment: pytest.MonkeyPatch) -> Iterator[Post]:
    """All vendors of messages set up."""
    for name, value in journeys.SETTINGS.items():
        environment.setenv(name, value)
    forget()
    with journeys.post() as person:
        yield person


@pytest.fixture
def statements() -> Iterator[list[Any]]:
    """What is executed, except inserts, which `dialect.py` writes for each database."""
    with tsql.recorded() as found:
        yield found


def enrolments() -> list[Enrolment]:
    with reading() as session:
        return list(session.scalars(select(Enrolment).order_by(Enrolment.id)))


def open_deliveries(target: str = "kommo") -> list[Delivery]:
    with reading() as session:
        return list(session.scalars(select(Delivery).where(Delivery.target == target).order_by(Delivery.id)))


def outcomes() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(InboxEvent.outcome).order_by(InboxEvent.id)))


def book(number: int, status: str = "booked") -> None:
    """As the flow of bookings does."""

    def work(session: object) -> None:
        session.get_one(Lead, number).status = status  # type: ignore[attr-defined]
        kommo_sync.ask(session, number)  # type: ignore[arg-type]

    transact(work)


def settle(world: World) -> None:
    """Let everything happen that is due."""
    world.timers()
    world.run()


def test_a_form_becomes_a_lead_a_follow_up_and_a_lead_in_kommo(world: World, account: PretendKommo) -> None:
    """Each fact at its place; the enrolment knows what the templates need."""
    number = post(world)
    world.run()
    row = lead(number)
    assert (row.name, row.email, row.phone, row.service, row.status) == (
        "Ana López", "ana@example.com", "+525512345678", "Ventas", "new",
    )  # fmt: skip
    (enrolment,) = enrolments()
    assert (enrolment.journey, enrolment.person) == ("lead_followup", f"lead:{number}")
    assert enrolment.data == {
        "lead_id": number,
        "first_name": "Ana",
        "name": "Ana López",
        "email": "ana@example.com",
        "phone": "+525512345678",
        "company": "Acme",
        "service": "Ventas",
        "source": "web",
        "booking_url": f"https://cal.example/javier?metadata%5Blead_id%5D={ids.signed(number)}",
    }
    (made,), (contact,) = account.leads(), account.contacts()
    assert (made["name"], made["pipeline_id"], made["status_id"]) == ("Ventas - Ana López", seed.PIPELINE, seed.INICIAL)
    values = {field["field_id"]: field["values"][0]["value"] for field in made["custom_fields_values"]}
    assert values == {seed.FIELD_EMPRESA: "Acme", seed.FIELD_SERVICIO: "Ventas", seed.FIELD_FUENTE: "web"}
    assert contact["name"] == "Ana López"
    assert (row.kommo_lead_id, row.kommo_contact_id, row.kommo_sync_status) == (made["id"], contact["id"], "success")
    assert account.words() == ["GET /contacts", "GET /contacts", "POST /leads/complex"]


def test_without_kommo_nothing_is_planned_for_it(world: World) -> None:
    """And the lead says that it is not used."""
    number = post(world)
    world.run()
    assert open_deliveries() == []
    assert lead(number).kommo_sync_status is None
    assert len(enrolments()) == 1


def test_a_double_click_is_one_lead(world: World, account: PretendKommo) -> None:
    """Also when both are handled much later, and twice each."""
    _answer, message = sent()
    for _copy in range(4):
        world.storage.send(triggers.QUEUE, message)
    post(world)
    world.run()
    assert len(enrolments()) == len(account.leads()) == 1
    assert outcomes() == ["applied"]


def test_a_form_that_comes_again_replaces_nothing(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """Whoever sends it may be a stranger: what they say is a proposal in a note and in the log, each once."""
    number = post(world)
    world.run()
    for telefono, nombre in (("55 8765 4321", "Eva Luz"), ("55 8765 4321", "Eva Luz"), ("55 1234 5678", "Ana López")):
        test_clock.advance(minutes=1)
        post(world, telefono=telefono, nombre=nombre)
        world.run()
    row = lead(number)
    assert (row.phone, row.name, row.email, row.company) == ("+525512345678", "Ana López", "ana@example.com", "Acme")
    assert outcomes() == ["applied", "proposed", "proposed", "unchanged"]
    assert len(enrolments()) == len(account.leads()) == 1
    assert (enrolments()[0].data["phone"], enrolments()[0].data["name"]) == ("+525512345678", "Ana López")
    (note,) = account.notes()
    assert note.startswith(
        "Llegó otra vez el formulario, con otros datos. No se cambió nada de lo guardado; son una propuesta."
    )
    assert note.endswith("\nNombre: Eva Luz · Teléfono: 55 8765 4321 · Empresa: Acme · Fuente: web")
    with reading() as session:
        entries = [entry.data for entry in log.entries(session, lead(number)) if entry.channel == "form"]
    assert [(entry["status"], entry["payload"]["telefono"]) for entry in entries][1] == ("proposed", "55 8765 4321")


def test_a_form_that_came_first_and_is_handled_late_is_the_first(world: World, test_clock: clock.TestClock) -> None:
    """The order of the queue does not decide whose facts they are; what is planned follows them."""
    _answer, first = sent()
    test_clock.advance(minutes=1)
    number = post(world, telefono="55 8765 4321")
    world.run()
    assert (lead(number).phone, enrolments()[0].data["phone"]) == ("+525587654321", "+525587654321")
    world.storage.send(triggers.QUEUE, first)
    world.run()
    assert (lead(number).phone, enrolments()[0].data["phone"]) == ("+525512345678", "+525512345678")
    assert outcomes() == ["applied", "corrected"]
    assert len(enrolments()) == 1


def test_thirty_forms_about_one_lead_leave_six_notes(
    world: World, account: PretendKommo, environment: pytest.MonkeyPatch
) -> None:
    """Five say what they propose, one that there are many; the rest is in the log alone."""
    environment.setenv("LEAD_POSTS_PER_MINUTE", "100")
    forget()
    for number in range(30):
        post(world, nombre=f"Eva {number}")
    for _form in range(30):
        world.step(triggers.QUEUE)
    assert outcomes() == ["applied"] + ["proposed"] * 4 + ["capped"] * 25
    assert [row.payload["name"] for row in open_deliveries() if row.action == "note"] == ["form_again"] * 4 + ["many_forms"]


def test_addresses_of_one_mailbox_count_together(world: World) -> None:
    """With anything after a plus, and Gmail's with dots anywhere: the sixth is only kept."""
    for number, spelling in enumerate(("ana", "a.na", "ana+1", "an.a+2", "ANA+3", "ana+4")):
        post(world, email=f"{spelling}@{'googlemail' if number == 3 else 'gmail'}.com", telefono=f"55 1234 567{number}")
    world.run()
    assert outcomes() == ["applied"] * 5 + ["capped"]
    assert len(enrolments()) == 5


def test_without_an_answer_of_the_captcha_nobody_is_contacted(
    world: World, account: PretendKommo, test_clock: clock.TestClock
) -> None:
    """The lead is kept, in Kommo and noted; the same form again, checked, begins what was left out."""
    _answer, message = sent()
    envelope = json.loads(message)
    data = envelope["data"]
    world.storage.send(triggers.QUEUE, json.dumps(envelope | {"data": data | {"captcha": "unchecked"}}).encode())
    world.run()
    assert (outcomes(), enrolments()) == (["unchecked"], [])
    (note,) = account.notes()
    assert note.startswith("No se pudo comprobar el captcha de este formulario, así que no se llamó ni se escribió a nadie")
    test_clock.advance(minutes=5)
    again = {"id": "again", "received": test_clock.moment.isoformat(), "data": data | {"captcha": "passed"}}
    world.storage.send(triggers.QUEUE, json.dumps(envelope | again).encode())
    world.run()
    assert (outcomes(), len(enrolments())) == (["unchecked", "applied"], 1)
    assert lead(data["lead_id"]).captcha == "passed"


@pytest.mark.slow
def test_first_contacts_of_an_hour_are_bounded(
    world: World, account: PretendKommo, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> None:
    """Those beyond are kept and in Kommo at once; their messages wait for an hour, then for another, and an alert says so."""
    environment.setenv("LEAD_FIRST_CONTACTS_PER_HOUR", "2")
    environment.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/alerts")
    forget()
    began, numbers = test_clock.moment, []
    for number in range(5):
        numbers.append(post(world, email=f"a{number}@example.com", telefono=f"55 1234 567{number}"))
        world.step(triggers.QUEUE)
        test_clock.advance(minutes=1)
    assert outcomes() == ["applied", "applied", "put-off", "put-off", "put-off"]
    waits = [(row.anchor_at - began) // timedelta(minutes=1) for row in enrolments()]
    assert waits == [0, 1, 60, 61, 120]
    assert [lead(number).first_contact_at for number in numbers] == [row.anchor_at for row in enrolments()]
    with reading() as session:
        due = session.scalars(select(Delivery.due_at).where(Delivery.action == "email").order_by(Delivery.id)).all()
        alerts = session.scalars(select(Delivery).where(Delivery.target == "alerts")).all()
    assert [(at - began) // timedelta(minutes=1) for at in due][::3] == [0, 1, 60, 61, 120]
    assert len(alerts) == 1
    assert "LEAD_FIRST_CONTACTS_PER_HOUR" in alerts[0].payload["text"]
    world.run_for(test_clock, minutes=2)
    assert len(account.leads()) == 5


def test_a_booking_ends_a_follow_up_that_is_put_off(
    world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> None:
    """What happens before the first contact counts as it does after."""
    environment.setenv("LEAD_FIRST_CONTACTS_PER_HOUR", "1")
    forget()
    post(world)
    number = post(world, email="eva@example.com", telefono="55 8765 4321")
    world.run()
    test_clock.advance(minutes=5)
    transact(lambda session: engine.signal(session, "payment.received", [f"lead:{number}"], {}, event_key="paid"))
    assert [(row.state, row.reason) for row in enrolments()] == [("active", None), ("exited", "payment.received")]


@pytest.mark.share(4)
@pytest.mark.parametrize(
    ("phone", "settings", "refused"),
    [
        ("55 1234 5678", {}, {}),
        ("+1 202 555 0143", {}, {"voice", "whatsapp", "sms"}),  # another country
        ("+1 202 555 0143", {"LEAD_PHONE_COUNTRIES": '{"whatsapp": ["US", "MX"]}'}, {"voice", "sms"}),
        ("+1 202 555 0143", {"LEAD_PHONE_COUNTRIES": '{"voice": ["*"], "whatsapp": ["*"], "sms": ["*"]}'}, {}),
        ("+1 202 555 0143", {"DEFAULT_PHONE_REGION": "US"}, {}),
        ("+34 912 345 678", {"DEFAULT_PHONE_REGION": "ES"}, {"whatsapp", "sms"}),  # a fixed line
        ("+34 912 345 678", {"DEFAULT_PHONE_REGION": "ES", "LEAD_PHONE_TYPES": '{"sms": ["fixed-line"]}'}, {"whatsapp"}),
        ("900 123 4567", {}, {"voice", "whatsapp", "sms"}),  # premium
        ("+870 773 111 632", {"LEAD_PHONE_COUNTRIES": '{"voice": ["*"]}'}, {"voice", "whatsapp", "sms"}),  # satellite
        ("800 123 4567", {}, {"voice", "whatsapp", "sms"}),  # a company's
    ],
)
def test_numbers_are_reached_as_the_settings_allow(
    world: World, environment: pytest.MonkeyPatch, phone: str, settings: dict[str, str], refused: set[str]
) -> None:
    """By country and type for each channel; the steps of the others say why they are skipped, and mails go out."""
    for name, value in settings.items():
        environment.setenv(name, value)
    forget()
    number = post(world, telefono=phone)
    world.run()
    (enrolment,) = enrolments()
    assert set(enrolment.data.get("refused_channels", {})) == set(refused)
    with reading() as session:
        channels = set(session.scalars(select(Delivery.action).where(Delivery.subject == f"lead:{number}")))
        steps = {row.step: row for row in session.scalars(select(EnrolmentStep))}
    assert ("voice" in channels, "email" in channels) == ("voice" not in refused, True)
    if refused == {"voice", "whatsapp", "sms"}:
        assert steps["day_3"].state == "skipped"
        assert str(steps["day_3"].reason).startswith("not by whatsapp: ")


def test_a_number_that_is_somebody_elses_is_parked(world: World) -> None:
    """It happens once in many millions; a person decides, and the other one's lead stays as it is."""
    _answer, message = sent()
    envelope = json.loads(message)
    other = envelope | {"id": "other", "data": envelope["data"] | {"email": "eva@example.com"}}
    world.storage.send(triggers.QUEUE, message)
    world.storage.send(triggers.QUEUE, json.dumps(other).encode())
    world.run()
    with reading() as session:
        letter = session.scalars(select(DeadLetter)).one()
        assert session.scalars(select(Lead.email)).all() == ["ana@example.com"]
    assert letter.reason == "lead-id-taken"


@pytest.mark.share(1)
@pytest.mark.parametrize("same", ["email", "telefono"])
def test_the_sixth_lead_of_a_person_in_a_day_is_only_kept(
    world: World, account: PretendKommo, test_clock: clock.TestClock, same: str
) -> None:
    """Of one address or one number: nobody is called or written to for it; a note says why. A day later it is as it was."""
    other = {"email": "telefono", "telefono": "email"}[same]
    values = {"email": "a{}@example.com", "telefono": "55 1234 567{}"}[other]
    numbers = [post(world, servicio=f"s{n}", **{other: values.format(n)}) for n in range(6)]
    world.run()
    assert outcomes() == ["applied"] * 5 + ["capped"]
    assert lead(numbers[5]).kommo_sync_status == "success"
    (note,) = account.notes()
    assert note.startswith("Llegaron muchos formularios con este correo o teléfono en un día")
    test_clock.advance(hours=25)
    guard.forget()
    post(world, servicio="s0")
    world.run()
    assert outcomes()[-1] == "applied"


def test_a_number_that_rings_nowhere_is_kept_as_written(world: World) -> None:
    """The journey goes on by mail alone."""
    number = post(world, telefono="1234567")
    world.run()
    assert (lead(number).phone, lead(number).phone_original) == (None, "1234567")
    assert "phone" not in enrolments()[0].data


@pytest.mark.share(1)
@pytest.mark.parametrize(
    "point",
    [
        "inbox.before_commit",
        "outbox.after_call",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("inbox.after_commit", "outbox.after_claim", "outbox.after_record")
        ),
    ],
)
def test_a_crash_anywhere_leaves_one_lead(world: World, account: PretendKommo, test_clock: clock.TestClock, point: str) -> None:
    """Whatever dies between form and Kommo: in the end there is one lead, one enrolment, one lead in Kommo, each note once."""
    faults.inject(f"{point}=raisex1")
    number = post(world)
    world.run_for(test_clock, minutes=20, step_seconds=60, swallow=(Exception,))
    faults.inject(f"{point}=raisex1")
    transact(lambda session: notes.enqueue(session, number, "booking_cancelled", {}, "k"))
    world.run_for(test_clock, minutes=20, step_seconds=60, swallow=(Exception,))
    assert len(account.leads()) == len(account.contacts()) == len(enrolments()) == 1
    assert lead(number).kommo_sync_status == "success"
    assert account.notes() == ["Canceló la reunión."]


def test_an_answer_that_is_lost_makes_no_second_lead(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """Kommo made it and the connection was cut: it is looked for before it is made again."""
    account.lost = ["POST /leads/complex"]
    number = post(world)
    world.run()
    assert lead(number).kommo_sync_status == "error"
    world.run_for(test_clock, minutes=3)
    assert len(account.leads()) == len(account.contacts()) == 1
    assert (lead(number).kommo_lead_id, lead(number).kommo_sync_status) == (account.leads()[0]["id"], "success")
    assert account.words()[3:] == ["GET /contacts", "GET /contacts/", "GET /leads"]


def test_a_contact_that_is_there_is_taken(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """The same person with another wish: a second lead of the same contact; on the next day the same wish is one more."""
    first = post(world)
    world.run()
    test_clock.advance(minutes=10)
    second = post(world, servicio="Web")
    world.run()
    test_clock.advance(days=1)
    third = post(world)
    world.run()
    assert len(account.contacts()) == 1
    assert len({lead(number).kommo_lead_id for number in (first, second, third)}) == len(account.leads()) == 3


@pytest.mark.slow
def test_kommo_that_is_down_is_caught_up_with(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """Two days later each lead is there once, and what happened meanwhile has its notes."""
    account.down = True
    numbers = [post(world, email=f"a{n}@example.com", telefono=f"55 1234 567{n}") for n in range(3)]
    world.run()
    book(numbers[0])
    transact(lambda session: notes.enqueue(session, numbers[0], "booking_created", {}, "b"))
    world.run_for(test_clock, hours=48, step_seconds=7200)
    assert account.leads() == []
    account.down = False
    world.run_for(test_clock, hours=1, step_seconds=120)
    assert len(account.leads()) == 3
    assert {lead(number).kommo_sync_status for number in numbers} == {"success"}
    assert account.notes() == ["Reservó una reunión."]
    stages = {one["id"]: one["status_id"] for one in account.leads()}
    assert stages[lead(numbers[0]).kommo_lead_id] == seed.AGENDADO


@pytest.mark.share(2)
@pytest.mark.parametrize(
    ("moved_to", "stands"),
    [
        (None, seed.AGENDADO),
        (seed.CONTACTADO, seed.AGENDADO),  # before it in the pipeline
        (seed.WON, seed.WON),  # further than it
        (seed.LOST, seed.LOST),
    ],
)
def test_a_booking_moves_the_lead_on_and_never_back(
    world: World, account: PretendKommo, moved_to: int | None, stands: int
) -> None:
    """To Agendado, unless people have taken it further."""
    number = post(world)
    world.run()
    if moved_to:
        account.move(account.leads()[0]["id"], moved_to)
    book(number)
    settle(world)
    assert account.leads()[0]["status_id"] == stands
    asked = len(account.asked)
    book(number)
    settle(world)
    assert len(account.asked) == asked  # it was put there once


@pytest.mark.share(1)
@pytest.mark.parametrize(
    ("moved_to", "stands"), [(None, seed.INICIAL), (seed.CONTACTADO, seed.CONTACTADO), (seed.WON, seed.WON)]
)
def test_a_cancelled_booking_takes_back_only_our_own_move(
    world: World, account: PretendKommo, moved_to: int | None, stands: int
) -> None:
    """What people have done with the lead since is theirs. Booked again, it goes on again."""
    number = post(world)
    world.run()
    book(number)
    settle(world)
    if moved_to:
        account.move(account.leads()[0]["id"], moved_to)
    book(number, "new")
    settle(world)
    assert account.leads()[0]["status_id"] == stands
    book(number)
    settle(world)
    assert account.leads()[0]["status_id"] == (seed.WON if moved_to == seed.WON else seed.AGENDADO)


def test_a_change_while_kommo_is_called_is_not_lost(world: World, account: PretendKommo) -> None:
    """Booked at the very moment at which the lead is made: it is brought up to date once more."""
    number = post(world)

    def booked(what: str) -> None:
        if what == "POST /leads/complex":
            account.during = lambda _what: None
            book(number)

    account.during = booked
    world.run()
    assert account.leads()[0]["status_id"] == seed.AGENDADO
    assert lead(number).kommo_sync_status == "success"


@pytest.mark.slow
def test_every_action_has_its_note_once_and_in_order(
    world: World, account: PretendKommo, vendors: Post, test_clock: clock.TestClock
) -> None:
    """Mail, call and how it ended, WhatsApp; each with its time, on the lead it belongs to."""
    test_clock.advance(hours=7)  # 10:00 in Mexico
    post(world)
    world.run_for(test_clock, minutes=5)
    vendors.says("call", "no-answer")
    world.run_for(test_clock, minutes=40, step_seconds=60)
    assert account.notes() == [
        "Correo enviado (bienvenida).",
        "Llamada iniciada.",
        "No contestó la llamada.",
        "WhatsApp enviado (después de la llamada).",
    ]
    texts = [note["params"]["text"] for note in account.account.own.rows("notes")]
    assert "lunes 2 de marzo, 10:00 h · ref. " in texts[0]
    assert {note["entity_id"] for note in account.account.own.rows("notes")} == {account.leads()[0]["id"]}


def test_what_they_say_is_noted(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """An answer, STOP, a complaint, a change of mind: on the lead by which they are in a journey, each once."""
    number = post(world)
    world.run()
    post(world, servicio="Web", email="ANA@example.com")
    post(world, email="eva@example.com", telefono="55 0000 0000")
    world.run()
    phone, mail = digest_of_address("+525512345678"), digest_of_address("ana@example.com")
    for who, word, channels, cause in (
        (phone, "replied", ("whatsapp",), None),
        (phone, "unsubscribed", ("sms", "voice", "whatsapp"), "stop"),
        (phone, "resubscribed", ("sms", "voice", "whatsapp"), "stop"),
        (mail, "unsubscribed", ("email",), "complaint"),
        (digest_of_address("nobody@example.com"), "replied", ("sms",), None),
    ):
        test_clock.advance(minutes=1)
        text = "¿Qué precio tiene?" if word == "replied" else ""
        news = PersonMessage(
            word=word, recipient_digests=(who,), channels=channels, at=test_clock.moment, cause=cause, text=text
        )
        for _again in range(2):
            transact(lambda session, news=news: notify_person_message(session, news))
    settle(world)
    assert account.notes() == [
        "Respondió por WhatsApp: «¿Qué precio tiene?»",
        "Pidió no recibir más mensajes (SMS, llamada, WhatsApp).",
        "Quiere volver a recibir mensajes (SMS, llamada, WhatsApp).",
        "Marcó un correo como no deseado (correo).",
    ]
    assert {note["entity_id"] for note in account.account.own.rows("notes")} == {lead(number).kommo_lead_id}


@pytest.mark.slow
def test_a_note_whose_answer_is_lost_is_written_once(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """It is looked for before it is written again; the next one waits for it, so their order stays."""
    number = post(world)
    world.run()
    path = f"POST /leads/{account.leads()[0]['id']}/notes"
    account.lost = [path]
    for name in ("booking_created", "booking_cancelled"):
        transact(lambda session, name=name: notes.enqueue(session, number, name, {}, name))
    world.run_for(test_clock, minutes=10)
    assert account.notes() == ["Reservó una reunión.", "Canceló la reunión."]
    assert {row.state for row in open_deliveries()} == {"done"}


def test_two_notes_of_one_text_are_two(world: World, account: PretendKommo) -> None:
    """Planned for different keys in the same second; the same key again is none."""
    number = post(world)
    world.run()
    for key in ("a", "b", "a"):
        transact(lambda session, key=key: notes.enqueue(session, number, "booking_cancelled", {}, key))
    settle(world)
    assert account.notes() == ["Canceló la reunión."] * 2


@pytest.mark.slow
def test_notes_wait_until_the_lead_is_in_kommo(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """And are written right after it, in order, without a trace of waiting for each minute."""
    account.down = True
    number = post(world)
    world.run()
    for name in ("booking_created", "booking_rescheduled", "booking_cancelled"):
        transact(lambda session, name=name: notes.enqueue(session, number, name, {}, name))
    world.run_for(test_clock, hours=2, step_seconds=300)
    account.down = False
    world.run_for(test_clock, minutes=20)
    assert account.notes() == ["Reservó una reunión.", "Cambió la reunión.", "Canceló la reunión."]


def test_a_note_without_a_text_is_not_wanted(world: World, account: PretendKommo) -> None:
    """Whoever takes a text out of the file gets that note no more; it can be seen that it was left out."""
    number = post(world)
    world.run()
    transact(lambda session: notes.enqueue(session, number, "never_heard_of", {}, "k"))
    settle(world)
    assert (open_deliveries()[-1].state, open_deliveries()[-1].reason) == ("skipped", "no-text-for-it")
    assert account.notes() == []


@pytest.mark.slow
def test_seven_requests_a_second_are_kept(world: World, account: PretendKommo, test_clock: clock.TestClock) -> None:
    """Over leads and notes, also where another instance had the turn before: none is refused, and any two keep apart."""
    numbers = [post(world, email=f"a{n}@example.com", telefono=f"55 1234 56{n:02}") for n in range(12)]
    while world.step(triggers.QUEUE):
        pass
    for number in numbers:
        transact(lambda session, number=number: notes.enqueue(session, number, "booking_cancelled", {}, "k"))
    world.run_for(test_clock, minutes=2)
    assert len(account.leads()) == len(account.notes()) == 12
    apart = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(account.asked)]
    assert min(apart) >= 1 / 6 - 0.001
    assert all(one.status != 429 for one in account.asked)


def test_what_fell_out_of_the_outbox_is_asked_for_again(
    world: World, account: PretendKommo, test_clock: clock.TestClock
) -> None:
    """A lead whose delivery is gone (a restored backup) is found by the timer."""
    number = post(world)
    world.step(triggers.QUEUE)
    transact(
        lambda session: [session.delete(row) for row in session.scalars(select(Delivery).where(Delivery.target == "kommo"))]
    )
    world.run_for(test_clock, minutes=25, step_seconds=300)
    assert lead(number).kommo_sync_status == "success"
    assert len(account.leads()) == 1


def test_parked_leads_do_not_hide_one_that_fell_out(
    world: World, environment: pytest.MonkeyPatch, account: PretendKommo, test_clock: clock.TestClock
) -> None:
    """However many are parked before it, the one without a delivery is asked for."""
    environment.setenv("KOMMO_STATUS_ID_INICIAL", "1")
    forget()
    numbers = [post(world, servicio=name) for name in ("Ventas", "Web")]
    world.run()
    assert [one.state for one in open_deliveries()] == ["dead", "dead"]
    assert account.leads() == []
    fell_out = max(numbers)
    theirs = select(Delivery).where(Delivery.target == "kommo", Delivery.subject == f"lead:{fell_out}")
    transact(lambda session: [session.delete(row) for row in session.scalars(theirs)])
    test_clock.advance(minutes=20)
    assert transact(lambda session: kommo_sync.LEADS.requeue_lost(session, limit=1)) == 1
    assert [one.subject for one in open_deliveries() if one.state == "pending"] == [f"lead:{fell_out}"]


def test_a_lead_that_kommo_refuses_is_seen(world: World, environment: pytest.MonkeyPatch, account: PretendKommo) -> None:
    """A status that does not exist: the lead says error with Kommo's words, and a person may ask for it again."""
    environment.setenv("KOMMO_STATUS_ID_INICIAL", "1")
    forget()
    number = post(world)
    world.run()
    row = lead(number)
    assert row.kommo_sync_status == "error"
    assert "kommo" in str(row.kommo_sync_error).lower()
    assert [one.state for one in open_deliveries()] == ["dead"]
    assert record.figures()["errored_syncs"] == 1  # an alert looks at it
    assert account.leads() == []
    environment.setenv("KOMMO_STATUS_ID_INICIAL", str(seed.INICIAL))
    forget()
    operator_actions.retry(open_deliveries()[0].id, "ana")
    world.run()
    assert lead(number).kommo_sync_status == "success"


def test_the_target_has_one_slot(account: PretendKommo) -> None:
    """What the pace rests on."""
    del account
    assert actions.policy("kommo").slots == 1


@pytest.mark.slow
def test_statements_are_valid_tsql(
    world: World, account: PretendKommo, vendors: Post, statements: list[Any], test_clock: clock.TestClock
) -> None:
    """Azure SQL takes every statement of a lead's life, and rows that two may want are read under a lock."""
    test_clock.advance(hours=7)
    number = post(world)
    world.run_for(test_clock, minutes=3)
    post(world, telefono="55 8765 4321")
    book(number)
    transact(lambda session: notes.enqueue(session, number, "booking_created", {}, "b"))
    world.run_for(test_clock, minutes=20, step_seconds=120)
    assert vendors.steps()
    look(person(row=("leads", number)), ask_odoo=False)
    texts = {tsql.compiled(statement) for statement in statements}
    for text in texts:
        tsql.check(text)
    of_leads = [text for text in texts if "FROM leads" in text and "leads.mailbox = " in text and "received_at > " in text]
    assert of_leads
    assert all("WITH (UPDLOCK, HOLDLOCK, ROWLOCK)" in text for text in of_leads)


def test_logs_name_nobody(world: World, account: PretendKommo, caplog: pytest.LogCaptureFixture) -> None:
    """Neither name, address, number nor company of a lead is in any line of ours."""
    with caplog.at_level(logging.DEBUG):
        post(world)
        account.lost = ["POST /leads/complex"]
        world.run()
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("puente", "shared")))
    assert "lead.form" in ours
    assert [trace for trace in ("Ana", "López", "ana@", "5512345678", "Acme") if trace in ours] == []
