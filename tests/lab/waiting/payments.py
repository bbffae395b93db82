"""The places of functions/payments that lock rows, and how somebody comes by them."""

from functions.payments import services as payment_services
from functions.payments.tables import Payment, PaymentObject
from shared import clock
from tests.lab.rows import Wait, one

PAYMENT = {"status": "pending", "currency": "MXN", "amount_minor": 1, "began_at": clock.now()}


WAITS = {
    "functions.payments.services:_locked_payment": Wait(
        Payment,
        one(Payment, payment_id="pi_1"),
        lambda session: payment_services._locked_payment(session, "pi_1", PAYMENT, live=True),
    ),
    "functions.payments.services:_rows": Wait(
        PaymentObject,
        one(PaymentObject, object_id="pi_1"),
        lambda session: payment_services._rows(session, PaymentObject.object_id == "pi_1"),
    ),
}
