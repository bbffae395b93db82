"""The places of functions/invoices that lock rows, and how somebody comes by them."""

from functions.invoices import services as invoice_services
from functions.invoices.tables import Invoice
from shared import clock
from tests.lab.rows import Wait, one

WAITS = {
    "functions.invoices.services:_locked": Wait(
        Invoice,
        one(Invoice, serie_key="F-1", due_on=clock.now().date()),
        lambda session: invoice_services._locked(session, "F-1"),
    ),
}
