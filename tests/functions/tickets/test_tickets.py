"""A ticket's way: from the photo to the row, the document and the answer; what is doubtful is asked."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from shared import faults
from shared.privacy.erase import erase, look, person
from shared.store.models import Delivery
from shared.store.session import reading
from tests.functions.tickets.conftest import URL, Till
from tests.support import pictures
from tests.support.messages import ANA_PHONE

UNPROVEN: dict[str, Any] = {"items": [], "subtotal": None, "impuestos": None}


def deliveries() -> list[str]:
    """Every delivery by target, with its state."""
    with reading() as found:
        rows = found.scalars(select(Delivery).order_by(Delivery.id))
        return [f"{row.target}.{row.action} {row.state}" for row in rows]


def test_photo_becomes_a_booked_ticket_once(till: Till) -> None:
    """Whatever comes twice does nothing more: one ticket, one reading, one document, one answer."""
    body = till.photo()
    till.post(body)
    row = till.ticket
    assert (row.status, row.supplier, str(row.total), row.currency) == ("booked", "Papelería Lumen", "116.00", "MXN")
    assert (f"{row.day}", row.month, str(row.tax)) == ("2026-02-28", "2026-02", "16.00")
    assert (row.number, row.person) == ("A-1042", "Ana Peña")
    assert row.facts["proofs"]["total"] == "sums"
    assert len(till.asked) == 1
    assert till.templates() == ["ticket_booked"]
    assert "116.00 MXN" in till.last_text()
    assert sorted(deliveries()) == [
        "openai.ticket done",
        "ticket-docs.document done",
        "ticket-media.fetch done",
        "twilio.whatsapp done",
    ]


def test_total_that_nothing_proves_is_asked_and_yes_books_it(till: Till) -> None:
    """The sender is asked by WhatsApp; the answer settles it."""
    till.photo(printed=UNPROVEN | {"total": "1,250.00"})
    assert (till.ticket.status, till.templates()) == ("asking", ["ticket_total"])
    assert "¿El total es 1,250.00 MXN?" in till.last_text()
    till.says("sí")
    assert (till.ticket.status, str(till.ticket.total), till.ticket.facts["proofs"]["total"]) == (
        "booked",
        "1250.00",
        "answered",
    )
    assert till.templates() == ["ticket_total", "ticket_booked"]


def test_answer_corrects_the_total(till: Till) -> None:
    """Another amount in the answer is the total."""
    till.photo(printed=UNPROVEN | {"total": "1,250.00"})
    till.says("No, son $1,350.50")
    assert str(till.ticket.total) == "1350.50"


def test_two_readings_are_both_shown(till: Till) -> None:
    """`1.250` in pesos that nothing proves: the letter of the answer chooses."""
    till.photo(printed=UNPROVEN | {"total": "1.250"})
    assert till.templates() == ["ticket_total_choice"]
    assert "A) 1,250.00 MXN" in till.last_text()
    assert "B) 1.25 MXN" in till.last_text()
    till.says("b")
    assert str(till.ticket.total) == "1.25"


def test_no_without_an_amount_is_asked_for_the_amount(till: Till) -> None:
    """What was proposed is wrong; what is right comes with the next answer."""
    till.photo(printed=UNPROVEN | {"total": "1,250.00"})
    till.says("no")
    assert till.templates() == ["ticket_total", "ticket_total_missing"]
    till.says("1251")
    assert (till.ticket.status, str(till.ticket.total)) == ("booked", "1251.00")


def test_answer_that_nobody_understands_twice_goes_to_a_person(till: Till) -> None:
    """It is asked once more, and then somebody looks; what they say books it."""
    till.photo(printed=UNPROVEN | {"total": "1,250.00"})
    till.says("¿qué?")
    assert till.ticket.status == "asking"
    till.says("no sé de qué hablas")
    assert (till.ticket.status, till.ticket.reason) == ("person", "not-understood")
    assert till.templates() == ["ticket_total", "ticket_total", "ticket_person"]
    found = till.ask("PATCH", f"/{till.ticket.id}", body={"total": "1250.00"})
    assert (found["status"], found["total"], found["proofs"]["total"]) == ("booked", "1250.00", "answered")


def test_no_answer_in_time_goes_to_a_person(till: Till) -> None:
    """The job hands it over, and asks about the sender's next ticket."""
    till.photo(printed=UNPROVEN | {"total": "10.00", "nro_ticket": "1"})
    till.photo(printed=UNPROVEN | {"total": "20.00", "nro_ticket": "2"})
    assert [(one.status, one.asked_at is not None) for one in till.tickets] == [("asking", True), ("asking", False)]
    till.clock.advance(hours=24, minutes=1)
    till.settle()
    assert [(one.status, one.reason) for one in till.tickets] == [("person", "no-answer"), ("asking", None)]
    assert till.templates() == ["ticket_total", "ticket_total"]


def test_one_question_at_a_time(till: Till) -> None:
    """Two doubtful tickets of one sender: the second is asked when the first is answered, so that no answer is for both."""
    till.photo(printed=UNPROVEN | {"total": "10.00", "nro_ticket": "1"})
    till.photo(printed=UNPROVEN | {"total": "20.00", "nro_ticket": "2"})
    assert till.templates() == ["ticket_total"]
    till.says("sí")
    till.says("25")
    assert [(one.status, str(one.total)) for one in till.tickets] == [("booked", "10.00"), ("booked", "25.00")]


@pytest.mark.slow
def test_several_doubts_are_asked_one_after_the_other(till: Till) -> None:
    """Currency, total, date, supplier: each by its own question."""
    till.photo(printed=UNPROVEN | {"total": "12.50", "moneda": "Bs.", "fecha": None, "proveedor": None})
    for answer in ("BOB", "sí", "28/2/2026", "Café Ñandú"):
        till.says(answer)
    row = till.ticket
    assert (row.status, row.currency, str(row.total)) == ("booked", "BOB", "12.50")
    assert (f"{row.day}", row.supplier) == ("2026-02-28", "Café Ñandú")
    questions = ["ticket_currency_choice", "ticket_total", "ticket_day_missing", "ticket_supplier_missing"]
    assert till.templates() == [*questions, "ticket_booked"]


@pytest.mark.share(2)
@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_repetition_ends_the_same(till: Till, seed: int) -> None:
    """Photos of one expense and of another, each sent again, in any order: two are booked, and each photo is one ticket."""
    dice = random.Random(seed)  # noqa: S311  # an order, no secret
    same = pictures.jpeg()
    files = {f"{URL}/a": same, f"{URL}/b": same, f"{URL}/c": pictures.saved(pictures.drawn(("OTRO",)), "PNG")}
    till.files |= files
    sent = [{"MediaUrl0": url, "From": f"whatsapp:{ANA_PHONE}", "MessageSid": url[-1]} for url in files] * 2
    dice.shuffle(sent)
    till.seen = {"OTRO": {"nro_ticket": "B-2", "total": "232.00", "subtotal": "200.00", "impuestos": "32.00", "items": []}}
    for body in sent:
        till.world.post("tickets", body)
        if dice.random() < 0.5:
            till.settle()
    till.settle()
    found = {(one.message_id, one.status) for one in till.tickets}
    assert len(found) == 3
    assert sorted(status for _id, status in found) == ["booked", "booked", "duplicate"]
    assert ("c", "booked") in found
    assert sorted(str(one.total) for one in till.tickets if one.status == "booked") == ["116.00", "232.00"]


def test_timeline_of_the_sender_shows_the_ticket(till: Till) -> None:
    """By the number that it came from."""
    from functions.tickets.privacy import TIMELINE

    till.photo()
    with reading() as session:
        (shown,) = TIMELINE.details(session, till.tickets)
    assert (shown["what"], shown["outcome"], shown["details"]["total"]) == ("ticket 1", "booked", "116.00")


class TestDuplicates:
    """The same ticket sent twice."""

    def test_the_same_file_is_not_even_read(self, till: Till) -> None:
        """It is told, and nothing is booked again."""
        data = pictures.jpeg()
        till.photo(data)
        till.photo(data)
        assert [one.status for one in till.tickets] == ["booked", "duplicate"]
        assert (till.tickets[1].duplicate_of, len(till.asked)) == (till.tickets[0].id, 1)
        assert till.templates() == ["ticket_booked", "ticket_duplicate"]

    def test_another_photo_of_it_with_the_same_number(self, till: Till) -> None:
        """Number, day and total are the same."""
        till.photo()
        till.photo(pictures.saved(pictures.drawn().rotate(180), "PNG"))
        assert [one.status for one in till.tickets] == ["booked", "duplicate"]

    def test_another_photo_that_looks_the_same_without_a_number(self, till: Till) -> None:
        """The difference hash decides where no number does."""
        till.photo(pictures.saved(pictures.drawn(), "JPEG", quality=95), printed={"nro_ticket": None})
        till.photo(pictures.saved(pictures.drawn(), "JPEG", quality=40), printed={"nro_ticket": None})
        assert [one.status for one in till.tickets] == ["booked", "duplicate"]

    @pytest.mark.slow
    def test_two_coffees_of_one_day_are_asked(self, till: Till) -> None:
        """Nothing but supplier, day and total speaks for the same: yes books the second, no does not."""
        other = pictures.saved(pictures.drawn().rotate(180), "PNG"), pictures.saved(pictures.drawn().rotate(90), "PNG")
        till.photo(printed={"nro_ticket": None})
        till.photo(other[0], printed={"nro_ticket": None})
        assert till.templates() == ["ticket_booked", "ticket_another"]
        till.says("es otro")
        till.photo(other[1], printed={"nro_ticket": None})
        till.says("el mismo")
        assert [one.status for one in till.tickets] == ["booked", "booked", "duplicate"]

    def test_two_numbers_are_two_tickets(self, till: Till) -> None:
        """Whatever else is alike."""
        till.photo(printed={"nro_ticket": "A-1"})
        till.photo(printed={"nro_ticket": "A-2"})
        assert [one.status for one in till.tickets] == ["booked", "booked"]


@pytest.mark.parametrize(
    ("make", "reason", "template"),
    [
        (lambda: b"\x00\x00\x00\x18ftypheic" + b"\x00" * 64, "broken", "ticket_file_broken"),
        (pictures.locked_pdf, "pdf-with-password", "ticket_file_password"),
        (lambda: pictures.pdf(11), "too-many-pages", "ticket_file_large"),
        (pictures.bomb, "too-large", "ticket_file_large"),
        (lambda: b"hola", "unknown-type", "ticket_file_broken"),
    ],
)
def test_what_nobody_can_read_is_told_in_a_sentence(till: Till, make: Callable[[], bytes], reason: str, template: str) -> None:
    """It is neither tried again nor a dead letter."""
    till.photo(make())
    row = till.tickets[-1]
    assert (row.status, row.reason, till.templates()[-1]) == ("unreadable", reason, template)
    assert [one for one in deliveries() if "done" not in one] == []


def test_file_that_the_provider_has_no_more_is_told(till: Till) -> None:
    """Media are kept for some days only."""
    till.files["https://media.example/late"] = None
    till.post({"MediaUrl0": "https://media.example/late", "From": f"whatsapp:{ANA_PHONE}", "MessageSid": "MM9"})
    assert (till.ticket.status, till.ticket.reason, till.templates()) == ("unreadable", "gone", ["ticket_file_gone"])


@pytest.mark.parametrize(("number", "template"), [(0, "ticket_unread"), (2, "ticket_several")])
def test_picture_without_one_ticket_goes_to_a_person(till: Till, number: int, template: str) -> None:
    """None, or several in one photo."""
    till.photo(printed={"comprobantes": number})
    assert (till.ticket.status, till.templates()) == ("person", [template])


def test_erasure_takes_the_person_and_the_photo(till: Till) -> None:
    """The amount stays; the files are deleted; a second erasure finds nothing."""
    till.photo()
    assert till.world.storage.kept
    who = person(row=("tickets", till.ticket.id))
    assert (look(who, ask_odoo=False).rows["tickets"], len(look(who, ask_odoo=False).files)) == (1, 4)
    erase(who, way="skip", actor="dpo")
    row = till.ticket
    assert (row.sender, row.person, row.file, row.reading, str(row.total)) == (None, None, {}, {}, "116.00")
    assert till.world.storage.kept == {}


def test_files_go_after_their_time(till: Till, environment: pytest.MonkeyPatch) -> None:
    """The row stays, without its photo; the next night finds nothing more to do."""
    from functions.tickets.retention import delete_files

    till.photo()
    till.clock.advance(days=5 * 366 + 1)
    assert (delete_files(), delete_files()) == (1, 0)
    assert (till.world.storage.kept, till.ticket.has_files, str(till.ticket.total)) == ({}, False, "116.00")
    till.ask("GET", f"/{till.ticket.id}/document", status=404)


def test_night_that_dies_between_files_and_row_is_made_good(till: Till) -> None:
    """The files are gone and the row does not say so yet: the next night deletes them once more, and says it."""
    from functions.tickets.retention import delete_files

    till.photo()
    till.clock.advance(days=5 * 366 + 1)
    faults.inject("tickets.after_files=raise")
    try:
        with pytest.raises(faults.InjectedFault):
            delete_files()
    finally:
        faults.inject("")
    assert (till.world.storage.kept, till.ticket.has_files) == ({}, True)
    assert (delete_files(), till.ticket.has_files) == (1, False)


def test_totals_of_each_person_and_month(till: Till) -> None:
    """What is booked, by the month of the ticket's own date; currencies are never added up."""
    till.photo(printed={"nro_ticket": "1"})
    till.photo(printed={"nro_ticket": "2"})
    till.photo(printed={"nro_ticket": "3", "fecha": "01/01/2026"})
    till.photo(printed={"nro_ticket": "4", "moneda": "USD"}, sender="+525587654321")
    found = till.ask("GET", "/totals", since="2026-01", until="2026-02")["totals"]
    shown = [(one["month"], one["person"], one["currency"], one["tickets"], one["total"], one["tax"]) for one in found]
    assert shown == [
        ("2026-01", "Ana Peña", "MXN", 1, "116.00", "16.00"),
        ("2026-02", "+525587654321", "USD", 1, "116.00", "16.00"),
        ("2026-02", "Ana Peña", "MXN", 2, "232.00", "32.00"),
    ]


def test_document_and_file_are_given_as_attachments(till: Till) -> None:
    """As PDF, as Markdown, and the photo as it was sent."""
    data = pictures.jpeg()
    till.photo(data)
    number = till.ticket.id
    assert till.ask("GET", f"/{number}/document").startswith(b"%PDF-")
    assert "# Comprobante de Gasto" in till.ask("GET", f"/{number}/document", form="markdown").decode()
    assert till.ask("GET", f"/{number}/file") == data


def test_correction_of_a_booked_ticket_makes_a_new_document(till: Till) -> None:
    """Its row follows, and the sender is not told twice."""
    till.photo()
    till.ask("PATCH", f"/{till.ticket.id}", body={"supplier": "Lumen, S.A."})
    till.settle()
    assert (till.ticket.revision, till.ticket.supplier, till.templates()) == (2, "Lumen, S.A.", ["ticket_booked"])
    assert "document-2.pdf" in till.ticket.document["names"][1]
