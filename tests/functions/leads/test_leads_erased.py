"""Erasing somebody who came through the form: by address or number of a lead, and nobody else with them."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.bookings.tables import Booking, BookingUid
from functions.leads import guard, notes, triggers
from functions.leads.tables import Lead
from shared import clock
from shared.privacy import blobs
from shared.privacy.__main__ import main
from shared.privacy.erase import look, person
from shared.store.models import Base, Contact, InboxEvent
from shared.store.session import get_engine, transact
from tests.support.kommo import PretendKommo, installed
from tests.support.leads import FORM, post, sent
from tests.support.world import World

TRACES = ("Anastasia", "quiroga@example.com", "5587654321", "Clínica Quiroga")
SKIP = ["--odoo", "skip", "--actor", "dpo"]


@pytest.fixture
def account(environment: pytest.MonkeyPatch) -> Iterator[PretendKommo]:
    """Kommo set up."""
    guard.forget()
    environment.setattr(blobs, "delete", len)
    with installed(environment) as pretend:
        yield pretend


@pytest.fixture
def ana(world: World, account: PretendKommo) -> int:
    """Two leads of Ana's, a booking, notes, a journey; and somebody else with the same. Her first lead."""
    fields = {"nombre": "Anastasia Quiroga", "telefono": "+52 55 8765 4321", "empresa": "Clínica Quiroga"}
    numbers = [post(world, email="Quiroga@example.com", servicio=name, **fields) for name in ("Ventas", "Web")]
    other = post(world, email="eva@example.com", nombre="Eva")
    world.run()
    for number, name, mail in ((numbers[0], "Anastasia", "quiroga@example.com"), (other, "Eva", "eva@example.com")):
        booked(number, mail)
        transact(lambda session, number=number, form={"nombre": name}: notes.enqueue(session, number, "form_again", form, "k"))
    assert account.leads()
    return numbers[0]


def booked(number: int, mail: str) -> None:
    """A booking of a lead."""
    booking = Booking(
        calendar="calcom", uid=f"u{number}", current_uid=f"u{number}", lead_id=number, email=mail, said_at=clock.now()
    )
    transact(lambda session: session.add(booking))
    transact(lambda session: session.add(BookingUid(uid=booking.uid, booking_id=booking.id, facts={"email": mail})))


def everything() -> str:
    """All rows of all tables as one text."""
    with Session(get_engine()) as session:
        return "\n".join(str(tuple(row)) for table in Base.metadata.sorted_tables for row in session.execute(select(table)))


def run_command(*arguments: str) -> tuple[int, str]:
    """The command's exit code and what it says."""
    lines: list[str] = []
    return main([*arguments, *SKIP], lines.append), "".join(lines)


@pytest.mark.share(1)
@pytest.mark.parametrize("way", ["email", "lead"])
def test_nothing_is_left_of_them(ana: int, way: str) -> None:
    """Neither in a table nor in what is planned; both of her leads go, whichever was named."""
    asked = ("--email", " QUIROGA@example.com") if way == "email" else ("--lead-id", str(ana))
    assert any(trace in everything() for trace in TRACES)
    assert run_command(*asked, "--apply")[0] == 0
    left = everything()
    assert [trace for trace in (*TRACES, str(ana)) if trace in left] == []
    assert run_command(*asked)[0] == 2


def test_everybody_else_stays(ana: int) -> None:
    """Lead, booking, journey and deliveries of the other one are what they were."""
    before = look(person(email="eva@example.com"), ask_odoo=False)
    assert before.rows["leads"] == before.rows["bookings"] == before.rows["enrolments"] == 1
    run_command("--lead-id", str(ana), "--apply")
    assert look(person(email="eva@example.com"), ask_odoo=False) == before


def test_what_is_in_kommo_is_named(ana: int, account: PretendKommo) -> None:
    """Because its API cannot delete it, a person has to."""
    code, text = run_command("--lead-id", str(ana))
    assert code == 0
    leads = ", ".join(str(row["id"]) for row in account.leads()[:2])
    assert f"2 leads in Kommo, to be deleted there: {leads}" in text
    assert "1 contacts in Kommo, to be deleted there" in text
    assert "Nothing was changed" in text


def test_a_contact_of_the_same_address_goes_with_them(ana: int) -> None:
    """Asked for by address, they are erased wherever it stands; asked for by ManyChat id, their leads go too."""
    rows = [Contact(manychat_id="7", email="QUIROGA@example.com"), Contact(manychat_id="8", email="other@example.com")]
    transact(lambda session: session.add_all(rows))
    found = look(person(email="quiroga@example.com"), ask_odoo=False)
    assert (found.rows["contacts"], found.rows["leads"]) == (1, 2)
    found = look(person("7"), ask_odoo=False)
    assert (found.rows["contacts"], found.rows["leads"]) == (1, 2)
    assert look(person("8"), ask_odoo=False).rows["leads"] == 0
    assert ana


def test_an_old_form_does_not_bring_them_back(ana: int, world: World) -> None:
    """The queue brings its message once more; the key is still known."""
    fields = {"nombre": "Anastasia Quiroga", "telefono": "+52 55 8765 4321", "empresa": "Clínica Quiroga"}
    _, message = sent(FORM | fields | {"email": "quiroga@example.com", "servicio": "Ventas"})
    world.storage.send(triggers.QUEUE, message)
    world.run()
    with Session(get_engine()) as session:
        keys: list[Any] = list(session.scalars(select(InboxEvent.key)))
    run_command("--lead-id", str(ana), "--apply")
    world.storage.send(triggers.QUEUE, message)
    world.run()
    with Session(get_engine()) as session:
        assert list(session.scalars(select(InboxEvent.key))) == keys
        assert session.get(Lead, ana) is None


@pytest.mark.parametrize("arguments", [[], ["--email", "a@b.co", "--lead-id", "5"]])
def test_one_name_is_asked_for(database: object, arguments: list[str]) -> None:
    """Neither none nor two."""
    del database
    with pytest.raises(SystemExit):
        main(arguments)


def test_an_empty_name_is_refused(database: object) -> None:
    """It would mean everybody without one."""
    del database
    assert run_command("--email", "  ", "--apply")[0] == 1
