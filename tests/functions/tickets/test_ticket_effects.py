"""What follows from a ticket, with the stand-ins: the row in the sheet, the posted document, the notices; and the document."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from functions.tickets import document, sheet
from functions.tickets.tables import Ticket
from sandbox.testing import InProcessSandbox
from shared.outbox import dispatch
from shared.privacy.erase import erase, person
from shared.settings import get_settings
from shared.vendors.rest_client import drop_connections
from tests.conftest import ROOT
from tests.functions.payments import test_sheet_script as of_payments
from tests.functions.tickets.conftest import Till

OUTSIDE = ("TICKETS_SHEET_URL", "TICKETS_SHEET_TOKEN", "DOCS_WEBHOOK_URL", "SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK_URL")
FACTS: dict[str, Any] = {
    "method": "Tarjeta",
    "address": "Av. Juárez 5 | local *3*",
    "items": [
        {"description": "Té [frío]", "quantity": "2", "price": "600.00", "amount": "1200.00"},
        {"description": "日本 Łódź ñandú", "quantity": "1", "price": "50.00", "amount": "50.00"},
    ],
}


@pytest.fixture(scope="module")
def server() -> Iterator[InProcessSandbox]:
    """One sandbox for the module."""
    with InProcessSandbox() as running:
        yield running


@pytest.fixture
def outside(till: Till, server: InProcessSandbox, environment: pytest.MonkeyPatch) -> Iterator[InProcessSandbox]:
    """The sheet, the place for documents, Discord and Slack, as set up."""
    server.reset()
    for name in OUTSIDE:
        environment.setenv(name, server.settings()[name])
    get_settings.cache_clear()
    yield server
    drop_connections()


def a_ticket(**more: Any) -> Ticket:
    """A booked ticket."""
    known = {"supplier": "Café # 1", "number": "A-1", "day": date(2026, 2, 28), "currency": "MXN", "total_minor": 125_000}
    when = {"received_at": datetime(2026, 3, 2, 15, tzinfo=UTC), "booked_at": datetime(2026, 3, 2, 15, tzinfo=UTC)}
    state = {"id": 7, "key": "k", "source": "twilio", "status": "booked", "revision": 1, "person": "Ana Peña", "facts": FACTS}
    return Ticket(**known | when | state | more)


def test_everything_follows_once(till: Till, outside: InProcessSandbox) -> None:
    """A row, a document, a notice in each channel; a correction changes the row and the document, and notifies nobody."""
    till.photo()
    till.ask("PATCH", f"/{till.ticket.id}", body={"total": "117.00"})
    till.settle()
    (row,) = outside.records("rows", vendor="ticketsheet")
    assert (row["proveedor"], row["total"], row["impuestos"], row["persona"], row["fecha"]) == (
        "Papelería Lumen",
        "117.00",
        "16.00",
        "Ana Peña",
        "2026-02-28",
    )
    (posted,) = outside.records("documents", vendor="docs")
    assert (posted["revision"], posted["content_type"], posted["metadata"]["total"]) == (2, "text/markdown", "117.00")
    (slack,) = outside.records("messages", vendor="slack")
    assert "Total: 116.00 MXN" in slack["text"]
    assert "Ana" not in slack["text"]
    assert len(outside.records("messages", vendor="discord")) == 1


def test_lost_answer_of_the_place_for_documents_posts_the_same_one(till: Till, outside: InProcessSandbox) -> None:
    """It is known by its id, so the second takes the place of the first."""
    outside.fault("accept_then_drop", vendor="docs", count=1)
    till.photo()
    till.settle(minutes=3)
    assert len(outside.records("documents", vendor="docs")) == 1
    assert till.ticket.document["revision"] == 1


def test_doubtful_ticket_has_no_row_until_it_is_answered(till: Till, outside: InProcessSandbox) -> None:
    """Nothing follows from what nobody has confirmed."""
    till.photo(printed={"total": "118.00"})
    assert (outside.records("rows", vendor="ticketsheet"), outside.records("documents", vendor="docs")) == ([], [])
    till.says("116")
    assert [row["total"] for row in outside.records("rows", vendor="ticketsheet")] == ["116.00"]


def test_erasure_reaches_the_sheet(till: Till, outside: InProcessSandbox) -> None:
    """The row is brought in step with the ticket without its person."""
    till.photo()
    erase(person(row=("tickets", till.ticket.id)), way="skip", actor="dpo")
    assert dispatch.requeue_lost() == 1
    till.settle()
    assert [row["persona"] for row in outside.records("rows", vendor="ticketsheet")] == [""]


def test_script_of_the_page_writes_the_rows_of_tickets(environment: pytest.MonkeyPatch) -> None:
    """The script of docs/payments.md with the two lines of docs/tickets.md."""
    page = (ROOT / "docs" / "tickets.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```javascript\n(.*?)```", page, re.DOTALL)
    script = of_payments.script()
    for line in lines.strip().split("\n"):
        name = line.partition(" = ")[0]
        script, count = re.subn(rf"^{name} = .*$", lambda _found, line=line: line, script, flags=re.MULTILINE)
        assert count == 1
    row = sheet.values(a_ticket())
    put = {"action": "put", "id": "7", "row": row, "numbers": ["total"], "token": of_payments.TOKEN}
    asked = json.dumps({"script": script, "requests": [put, put]})
    runner = Path(of_payments.__file__).with_name("sheet_script.cjs")
    done = subprocess.run(["node", str(runner)], input=asked, capture_output=True, text=True, check=True, timeout=60)
    assert "Café # 1" in done.stdout
    assert list(row) == re.findall(r"'(\w+)'", lines.split("\n")[1])


class TestDocument:
    """Comprobante de Gasto."""

    def test_markdown_is_escaped(self, environment: pytest.MonkeyPatch) -> None:
        """What stands on a ticket makes no heading, no link and no column."""
        text = document.markdown(a_ticket())
        assert "- **Proveedor:** Café \\# 1" in text
        assert "- **Total:** 1,250\\.00 MXN" in text
        assert "Av\\. Juárez 5 \\| local \\*3\\*" in text
        assert "| 1 | Té \\[frío\\] | 2 | 600\\.00 | 1,200\\.00 |" in text
        assert "**Total de conceptos:** 1,250\\.00 MXN" in text

    def test_comma_and_point_are_those_of_the_region(self, environment: pytest.MonkeyPatch) -> None:
        """1.250,00 in Spain."""
        environment.setenv("DEFAULT_PHONE_REGION", "ES")
        get_settings.cache_clear()
        assert "1\\.250,00 MXN" in document.markdown(a_ticket())

    def test_ticket_without_lines_says_so(self, environment: pytest.MonkeyPatch) -> None:
        """In both forms."""
        ticket = a_ticket(facts={})
        assert "No se encontraron conceptos." in document.markdown(ticket)
        assert "No se encontraron conceptos." in _words(document.pdf(ticket))

    def test_pdf_has_the_letters_of_spanish_and_is_the_same_each_time(self, environment: pytest.MonkeyPatch) -> None:
        """What the font has not loses its accent, or is a question mark."""
        found = document.pdf(a_ticket())
        words = _words(found)
        for text in ("Café # 1", "Té [frío]", "?? ?ódz ñandú", "1,250.00 MXN", "Ana Peña", "Método de pago"):
            assert text in words, words
        assert document.pdf(a_ticket()) == found

    def test_pdf_of_many_lines_has_several_pages(self, environment: pytest.MonkeyPatch) -> None:
        """A long receipt."""
        items = [{"description": "x" * 200, "quantity": "1", "price": "1.00", "amount": "1.00"}] * 150
        assert len(pypdfium2.PdfDocument(document.pdf(a_ticket(facts={"items": items})))) > 3


def _words(pdf: bytes) -> str:
    pages = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in pages)
