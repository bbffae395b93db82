"""Leads move in from the old automation's log and from Kommo: nobody gets anything twice, and whoever is in it goes on."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from functions.bookings import triggers
from functions.leads import guard, kommo, log, old_kommo
from functions.leads.old_log import items
from functions.leads.tables import Lead, LeadAction
from sandbox.kommo import seed
from shared import clock, faults
from shared.importer.__main__ import main
from shared.importer.frame import Unreadable
from shared.journeys import engine
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.outbox.dispatch import free_expired
from shared.privacy.__main__ import main as erased
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.models import Base, Delivery
from shared.store.session import reading, transact
from tests.conftest import START, forget
from tests.support import journeys
from tests.support.examples import examples
from tests.support.journeys import Post, run
from tests.support.kommo import PretendKommo, installed
from tests.support.leads import post as post_form
from tests.support.world import World

DAY = timedelta(days=1)
CAME = START - 4 * DAY  # day 3 has gone, day 6 is to come
FORM = {
    "nombre": "Ana López",
    "email": "Ana@Example.com",
    "telefono": "55 1234 5678",
    "empresa": "Acme",
    "servicio": "Ventas",
    "fuente": "web",
}


def entry(channel: str, seconds: int = 0, number: int = 0, **data: Any) -> dict[str, Any]:
    """An entry as the old system wrote it."""
    at = (CAME + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat() + "Z"
    return {"timestamp": at, "channel": channel, "data": {"lead_id": number} | data}


def story(number: int) -> list[dict[str, Any]]:
    """A lead of Kommo's with this number: its form, the mail, the call, and the message after it."""
    return [
        entry("kommo", 0, number, action="lead_created", payload=FORM),
        entry("email", 1, number, provider="sendinblue"),
        entry("call", 2, number, status="failed"),
        entry("message", 3, number, sid="SM1"),
    ]


@pytest.fixture
def account(environment: pytest.MonkeyPatch) -> Iterator[PretendKommo]:
    """Kommo set up, and every vendor of messages."""
    guard.forget()
    with installed(environment, **journeys.SETTINGS, BOOKING_URL="https://cal.example/javier") as pretend:
        yield pretend
    guard.forget()


@pytest.fixture
def vendors(account: PretendKommo) -> Iterator[Post]:
    """Everything that is sent."""
    with journeys.post() as found:
        yield found


def known(account: PretendKommo, status: int = seed.INICIAL, **more: Any) -> int:
    """A lead in Kommo as the old system made it; its number."""
    form = FORM | more
    contact = account.account.own.create(
        "contacts",
        {
            "name": form["nombre"],
            "custom_fields_values": [
                {"field_code": "EMAIL", "values": [{"value": form["email"], "enum_code": "WORK"}]},
                {"field_code": "PHONE", "values": [{"value": form["telefono"], "enum_code": "WORK"}]},
            ],
        },
    )
    fields = {seed.FIELD_EMPRESA: form["empresa"], seed.FIELD_SERVICIO: form["servicio"], seed.FIELD_FUENTE: form["fuente"]}
    lead = account.account.own.create(
        "leads",
        {
            "name": f"{form['servicio']} - {form['nombre']}",
            "status_id": status,
            "created_at": int(CAME.timestamp()),
            "custom_fields_values": [{"field_id": one, "values": [{"value": text}]} for one, text in fields.items()],
        },
    )
    account.account.own.link(lead, contact)
    return int(lead["id"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the log and the file of problems are."""
    return tmp_path


def brought(folder: Path, name: str, *more: str, entries: Any = None) -> int:
    """The command; its exit code. `entries`: what stands in the log."""
    words = [name]
    if name == "leads-log":
        text = entries if isinstance(entries, str) else json.dumps(entries, indent=2)
        (folder / "actions_log.json").write_text(text, encoding="utf-8")
        words.append(str(folder / "actions_log.json"))
    return main([*words, "--problems", str(folder / "problems.csv"), *more])


def leads() -> list[Lead]:
    """All leads."""
    with reading() as session:
        return list(session.scalars(select(Lead).order_by(Lead.received_at, Lead.id)))


def stands() -> dict[str, str]:
    """Each step and where it stands."""
    with reading() as session:
        return dict(session.execute(select(EnrolmentStep.step, EnrolmentStep.state).order_by(EnrolmentStep.id)).all())  # type: ignore[arg-type]


def enrolments() -> list[tuple[str, str | None]]:
    """State and reason of each."""
    with reading() as session:
        return [(row.state, row.reason) for row in session.scalars(select(Enrolment).order_by(Enrolment.id))]


IN_FLIGHT = {
    "welcome_email": "sent",
    "call": "sent",
    "missed_call": "sent",
    "day_3": "skipped",
    "day_6": "owed",
    "day_9": "owed",
    "day_12": "owed",
}


def test_a_lead_of_the_log_goes_on_where_it_was(
    world: World, account: PretendKommo, vendors: Post, folder: Path, test_clock: clock.TestClock
) -> None:
    """What the form said; what was sent counts; the rest comes at its time, and Kommo is left alone."""
    number = known(account)
    account.asked.clear()
    assert brought(folder, "leads-log", entries=story(number)) == 0
    (lead,) = leads()
    assert (lead.name, lead.email, lead.phone, lead.phone_original, lead.company, lead.service, lead.source) == (
        "Ana López", "ana@example.com", "+525512345678", "55 1234 5678", "Acme", "Ventas", "web",
    )  # fmt: skip
    assert (lead.kommo_lead_id, lead.kommo_sync_status, lead.received_at, lead.status) == (number, "success", CAME, "new")
    assert stands() == IN_FLIGHT
    run(test_clock, days=10)
    assert [(one.step, (one.at - CAME).days) for one in vendors.sent] == [("day_6", 6), ("day_9", 9), ("day_12", 12)]
    assert account.asked == []


@pytest.mark.parametrize("order", [("leads-log", "kommo"), ("kommo", "leads-log")])
def test_log_and_kommo_are_one_lead_in_either_order(
    world: World, account: PretendKommo, vendors: Post, folder: Path, order: tuple[str, str]
) -> None:
    """The words of the form count before what people have written in Kommo since."""
    number = known(account, nombre="Ana L. (llamar)", empresa="ACME SA")
    for name in (*order, *order):
        assert brought(folder, name, entries=story(number)) == 0
    (lead,) = leads()
    assert (lead.name, lead.company, lead.kommo_lead_id, lead.kommo_contact_id) == ("Ana López", "Acme", number, number - 1)
    assert stands() == IN_FLIGHT
    with reading() as session:
        assert session.scalars(select(Enrolment.data)).one()["name"] == "Ana López"


def test_a_lead_of_kommo_alone(world: World, account: PretendKommo, vendors: Post, folder: Path) -> None:
    """Where the log has lost it: what has gone is left out, for nobody knows what was sent."""
    number = known(account)
    brought(folder, "kommo")
    (lead,) = leads()
    assert (lead.name, lead.service, lead.source, lead.kommo_lead_id) == ("Ana López", "Ventas", "web", number)
    assert set(stands().values()) == {"skipped", "owed"}
    free_expired()
    journeys.dispatch()
    assert vendors.sent == []


@pytest.mark.parametrize("name", ["leads-log", "kommo"])
def test_a_second_run_changes_nothing(
    world: World, account: PretendKommo, vendors: Post, folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No row is new or touched."""
    number = known(account)
    account.account.own.add_note("leads", number, {"note_type": "common", "params": {"text": "Le interesa."}})
    brought(folder, name, entries=story(number))
    before = [vars(row)["updated_at"] for row in leads()], stands(), enrolments()
    capsys.readouterr()
    assert brought(folder, name, entries=story(number)) == 0
    assert capsys.readouterr().out.count("0 new         0 changed      0 left out") == 2
    assert before == ([vars(row)["updated_at"] for row in leads()], stands(), enrolments())


def test_a_dry_run_only_says_what_would_happen(
    world: World, account: PretendKommo, vendors: Post, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is kept of it."""
    brought(folder, "leads-log", "--dry-run", entries=story(known(account)))
    assert "1 read         1 new" in capsys.readouterr().out
    assert (leads(), enrolments()) == ([], [])


@pytest.mark.share(2)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "found by a later run"])
@pytest.mark.parametrize(
    ("stage", "ends"),
    [
        (seed.AGENDADO, ("booked", "booking.created")),
        (seed.WON, ("new", "closed in Kommo")),
        (seed.LOST, ("new", "closed in Kommo")),
    ],
)
def test_whoever_is_booked_or_closed_in_kommo_gets_no_more(
    world: World,
    account: PretendKommo,
    vendors: Post,
    folder: Path,
    test_clock: clock.TestClock,
    stage: int,
    ends: tuple[str, str],
    later: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """Nothing is written to Kommo about that, where it came from."""
    number = known(account)
    if later:
        brought(folder, "kommo")
    account.move(number, stage)
    brought(folder, "kommo")
    assert [row.status for row in leads()] == [ends[0]]
    assert enrolments() == ([("exited", ends[1])] if later else [])
    run(test_clock, days=10)
    assert vendors.sent == []
    assert {one.what.partition(" ")[0] for one in account.asked} == {"GET"}


@pytest.mark.parametrize("later", [False, True], ids=["at once", "found by a later run"])
def test_a_booking_in_the_log_ends_the_follow_up(
    world: World,
    account: PretendKommo,
    vendors: Post,
    folder: Path,
    later: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """Wherever it stands in the log."""
    number = known(account)
    if later:
        brought(folder, "leads-log", entries=story(number))
    booked = entry("kommo", 60, number, action="lead_agendado")
    brought(folder, "leads-log", entries=[booked, *story(number)])
    assert [row.status for row in leads()] == ["booked"]
    assert enrolments() == ([("exited", "booking.created")] if later else [])


def test_what_the_log_says_is_read_although_it_is_broken(
    world: World, account: PretendKommo, vendors: Post, folder: Path
) -> None:
    """Entries twice, a time without a zone, one that is cut, one that is none, an error that names no lead, the end lost."""
    number = known(account)
    form, mail, call, message = (json.dumps(one, indent=2) for one in story(number))
    no_zone = mail.replace("Z", "")
    error = json.dumps({"timestamp": "2026-01-01T00:00:00Z", "channel": "error", "data": {"message": "boom"}})
    text = f"[\n{form},\n{form[:80]}\n,{mail}, {no_zone}, {mail},\n17, {error},\n{call},\n{message},\n{call[:-30]}"
    assert brought(folder, "leads-log", entries=text) == 1
    assert stands() == IN_FLIGHT
    with reading() as session:
        assert [row.channel for row in session.scalars(select(LeadAction).order_by(LeadAction.at))] == [
            "kommo", "email", "call", "message",
        ]  # fmt: skip
    reasons = (folder / "problems.csv").read_text(encoding="utf-8")
    assert reasons.count("a broken entry") == 2
    assert reasons.count("an entry is to be a JSON object") == 1


def test_a_long_log_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the parts are; a line for each entry will do, too."""
    from functions.leads import old_log

    entries = [{"timestamp": f"2026-01-01T00:00:{place:02}Z", "data": {"text": "ñ" * place}} for place in range(40)]
    for text in (json.dumps(entries, indent=2, ensure_ascii=False), "\n".join(map(json.dumps, entries)), "[]", ""):
        (tmp_path / "log.json").write_text(text, encoding="utf-8")
        for chunk in (1, 7, 64, 65_536):
            monkeypatch.setattr(old_log, "CHUNK", chunk)
            assert list(items(tmp_path / "log.json")) == (entries if "ñ" in text or "u00f1" in text else [])


def test_an_entry_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, and the next one is found."""
    from functions.leads import old_log

    monkeypatch.setattr(old_log, "CHUNK", 64)
    monkeypatch.setattr(old_log, "LONGEST", 256)
    good = '{"timestamp": "2026-01-01T00:00:00Z", "channel": "call"}'
    (tmp_path / "log.json").write_text('[{"timestamp": "' + "x" * 5000 + good + "]", encoding="utf-8")
    found = list(items(tmp_path / "log.json"))
    assert [type(one) for one in found] == [Unreadable, dict]


def test_rows_that_cannot_be_taken_are_named_by_kommos_number(
    world: World, account: PretendKommo, vendors: Post, folder: Path
) -> None:
    """No address, no service; the same wish of one day twice."""
    known(account, email="nobody")
    first, second = known(account), known(account)
    loose = account.account.own.create("leads", {"name": "Llamar mañana"})
    assert brought(folder, "kommo") == 1
    text = (folder / "problems.csv").read_text(encoding="utf-8")
    assert f"Kommo has the same wish of that day as lead {first}" in text
    assert all(f",{number}," in text for number in (second, loose["id"]))
    assert "nobody" not in text
    assert len(leads()) == 1


def test_everything_is_read_page_by_page(
    world: World, account: PretendKommo, vendors: Post, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leads, their contacts and notes; those of another pipeline are left alone. A refusal is waited for."""
    monkeypatch.setattr(kommo, "PAGE", "3")
    monkeypatch.setattr(old_kommo, "AT_ONCE", 2)
    numbers = [known(account, email=f"caso{place}@example.com") for place in range(7)]
    for number in numbers[:5]:
        account.account.own.add_note("leads", number, {"note_type": "common", "params": {"text": "Le interesa."}})
    account.account.own.find("leads", numbers[6])["pipeline_id"] = 1  # type: ignore[index]
    account.account.act("limit", {"per_second": 4})
    assert brought(folder, "kommo") == 0
    assert {row.kommo_lead_id for row in leads()} == set(numbers[:6])
    with reading() as session:
        assert len(session.scalars(select(LeadAction)).all()) == 5


@pytest.mark.slow
def test_log_of_a_lead_shows_what_was_done_before_and_an_erasure_takes_it_along(
    world: World, account: PretendKommo, vendors: Post, folder: Path
) -> None:
    """As the old system had written it, with the notes of Kommo."""
    number = known(account)
    account.account.own.add_note("leads", number, {"note_type": "common", "params": {"text": "Le interesa."}})
    for name in ("leads-log", "kommo"):
        brought(folder, name, entries=story(number))
    (lead,) = leads()
    with reading() as session:
        shown = [(one.channel, one.data) for one in log.entries(session, lead)]
    assert ("call", {"action": "call", "status": "failed", "lead_id": lead.id}) in shown
    assert ("kommo", {"action": "note", "note_type": "common", "text": "Le interesa.", "lead_id": lead.id}) in shown
    assert not any("payload" in data for channel, data in shown if channel == "kommo")
    erased(["--email", "ana@example.com", "--apply", "--odoo", "skip", "--actor", "dpo"], print)
    with reading() as session:
        assert (session.scalars(select(LeadAction)).all(), session.scalars(select(Lead)).all()) == ([], [])


@pytest.mark.parametrize("first", [True, False], ids=["the import first", "the live form first"])
def test_a_form_that_came_to_both_systems_is_one_lead_with_one_follow_up(
    world: World,
    account: PretendKommo,
    vendors: Post,
    folder: Path,
    test_clock: clock.TestClock,
    first: bool,  # noqa: FBT001
) -> None:
    """What the old system had sent is not sent again, whichever comes first."""
    number = known(account)
    test_clock.moment = CAME + timedelta(seconds=5)
    for step in (1, 2) if first else (2, 1):
        if step == 1:
            brought(folder, "leads-log", entries=story(number))
        else:
            post_form(world, **FORM)
            while world.step("lead-queue"):
                pass
    (lead,) = leads()
    assert (lead.kommo_lead_id, lead.received_at, len(enrolments())) == (number, CAME, 1)
    run(test_clock, days=13)
    assert [one.step for one in vendors.sent] == ["day_3", "day_6", "day_9", "day_12"]


def test_a_run_that_dies_is_gone_on_with(world: World, account: PretendKommo, vendors: Post, folder: Path) -> None:
    """Between what was sent and the forms: the same command ends it."""
    number = known(account)
    faults.inject("importer.after_batch=raise:1x1")
    with pytest.raises(faults.InjectedFault):
        brought(folder, "leads-log", entries=story(number))
    faults.inject("")
    assert leads() == []
    assert brought(folder, "leads-log", entries=story(number)) == 0
    assert stands() == IN_FLIGHT


EVENTS = ("leads-log", "kommo", "booking", "stop", "payment", "stranger")


def _happen(world: World, account: PretendKommo, folder: Path, clock_: clock.TestClock, number: int, what: str) -> None:
    """One of the events at its own time, the imports among them."""
    clock_.moment = START + timedelta(minutes=EVENTS.index(what))
    if what == "stop":
        digests = [digest_of_address("+525512345678")]
        transact(lambda session: consent.suppress(session, consent.PHONE_CHANNELS, digests, "stop", clock.now()))
    elif what in ("booking", "payment"):
        event = {"booking": "booking.created", "payment": "payment.received"}[what]
        data = {"booking_uid": "uid1"} if what == "booking" else {}
        names = ["email:ana@example.com", *(f"lead:{row.id}" for row in leads() if row.email == "ana@example.com")]
        transact(lambda session: engine.signal(session, event, names, data, event_key=what, at=clock.now()))
    elif what == "stranger":
        post_form(world, **(FORM | {"email": "eva@example.com", "telefono": "55 8765 4321"}))
        while world.step("lead-queue"):
            pass
    else:
        brought(folder, what, entries=story(number))


def _end() -> Any:
    """What matters in the end: where everybody stands, and what is going to be sent."""
    with reading() as session:
        waiting = select(Delivery).where(Delivery.state == "pending", Delivery.kind == "message", Delivery.target != "kommo")
        planned = sorted((row.payload["context"]["step"], row.due_at) for row in session.scalars(waiting))
        rows = select(EnrolmentStep.step, EnrolmentStep.state, Enrolment.person).join(Enrolment)
        steps = sorted(tuple(row) for row in session.execute(rows.where(EnrolmentStep.enrolment_id == Enrolment.id)))
    facts = sorted((row.email, row.name, row.status, row.kommo_lead_id) for row in leads())
    return planned, steps, sorted(state for state, _reason in enrolments()), facts


@pytest.mark.slow
@given(data=st.data(), events=st.sets(st.sampled_from(EVENTS[2:])))
@settings(max_examples=examples(24), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_import_before_after_and_between_live_events_ends_the_same(
    world: World,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    test_clock: clock.TestClock,
    data: st.DataObject,
    events: set[str],
) -> None:
    """Whatever the order, and however often the imports are run."""
    world.handlers.pop(triggers.QUEUE, None)
    happens = [one for one in EVENTS if one in events or one in ("leads-log", "kommo")]
    again = data.draw(st.lists(st.sampled_from(("leads-log", "kommo")), max_size=2))
    order: Sequence[str] = data.draw(st.permutations([*happens, *again]))
    ends = []
    for each in (happens, order):
        transact(lambda session: [session.execute(delete(table)) for table in _tables()])
        guard.forget()
        with installed(environment, **journeys.SETTINGS) as account, journeys.post():
            number = known(account)
            for what in each:
                _happen(world, account, tmp_path, test_clock, number, what)
            ends.append(_end())
        forget()
    assert ends[0] == ends[1]


def _tables() -> list[Any]:
    kept = {"alembic_version", "stage_mappings", "targets", "target_slots"}
    return [table for table in reversed(Base.metadata.sorted_tables) if table.name not in kept]
