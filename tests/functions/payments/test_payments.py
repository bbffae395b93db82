"""Stripe's reports become one row for each payment, with exact amounts and the day on which the money came."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from functions.leads.tables import Lead
from functions.payments import revenue
from functions.payments.tables import PaymentObject
from shared import clock, retention
from shared.journeys import engine
from shared.privacy.erase import erase, look, person
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.models import DeadLetter, InboxEvent
from shared.store.people_models import Identity, IdentityLink
from shared.store.session import reading, transact
from tests.functions.payments.conftest import Account
from tests.support import loops, stripe
from tests.support.functions import named
from tests.support.stripe import PAID, charge, dispute, event, intent, invoice, refund, session
from tests.support.world import Out

TODAY = PAID.date()


def rows(model: type[Any]) -> list[Any]:
    """All rows of a table."""
    with reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


class TestSender:
    """Whom the webhook lets in."""

    def asked(self, raw: bytes, name: str = "stripe_webhook", route: dict[str, str] | None = None, **headers: str) -> int:
        """The status of the answer."""
        sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        request = func.HttpRequest("POST", "http://127.0.0.1/x", headers=sent, body=raw, route_params=route or {})
        answer: func.HttpResponse = loops.run(named(name)(request, Out()))
        return answer.status_code

    RAW = stripe.body(event("payment_intent.succeeded", intent()))

    @pytest.mark.parametrize("name", ["stripe_webhook", "stripe_old_webhook"])
    def test_signed_by_stripe_under_both_addresses(self, account: Account, name: str) -> None:
        """Any one of several signatures is enough while the secret is replaced."""
        good = stripe.signature(self.RAW)
        rolled = good.replace(",v1=", ",v1=00ff,v1=")
        assert [self.asked(self.RAW, name, stripe_signature=header) for header in (good, rolled)] == [202, 202]

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_old_signature_is_refused(self, account: Account, seconds: int) -> None:
        """More than 300 seconds from now, in either direction."""
        moment = clock.now() + timedelta(seconds=seconds)
        assert self.asked(self.RAW, stripe_signature=stripe.signature(self.RAW, moment=moment)) == 401

    def test_key_does_not_open_what_is_signed(self, account: Account) -> None:
        """Where a signing secret is set, an API key is none of it; neither in the header nor in the address."""
        assert self.asked(self.RAW, x_api_key="local-dev-key") == 401
        assert self.asked(self.RAW, "stripe_old_webhook", {"namespace": "ventas", "key": "local-dev-key"}) == 401

    def test_without_a_secret_a_key_is_asked_for(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """With the scope `webhook:stripe`; in the address only one that opens nothing else. A bare name opens nothing."""
        environment.delenv("STRIPE_SIGNING_SECRET")
        keys = [{"name": "admin", "key": "an-admin-key", "scopes": ["admin"]}]
        keys += [{"name": "old", "key": "a-webhook-key", "scopes": ["webhook:stripe"]}]
        environment.setenv("API_KEYS", json.dumps(keys))
        get_settings.cache_clear()
        found = {
            key: self.asked(self.RAW, "stripe_old_webhook", {"namespace": "ventas", "key": key})
            for key in ("a-webhook-key", "an-admin-key", "stripe")
        }
        assert found == {"a-webhook-key": 202, "an-admin-key": 403, "stripe": 401}
        assert self.asked(self.RAW) == 401

    def test_event_without_an_object_is_refused(self, account: Account) -> None:
        """Signed or not: nothing could be made of it."""
        raw = stripe.body(event("payment_intent.succeeded", {}))
        assert self.asked(raw, stripe_signature=stripe.signature(raw)) == 422


def test_other_events_are_ignored(account: Account) -> None:
    """Taken in, so that Stripe repeats nothing, and nothing is made of them."""
    account.report(event("customer.created", {"id": "cus_1", "object": "customer"}))
    assert (account.payments, [row.outcome for row in rows(InboxEvent)]) == ([], ["ignored"])


@pytest.mark.parametrize(
    ("count", "currency", "shown"),
    [
        (380_000, "ugx", "3800"),
        (18_600, "kwd", "18.600"),
        (5000, "clp", "5000"),
        (129_900, "mxn", "1299.00"),
        (12_300, "isk", "123"),
        (123_400, "huf", "1234.00"),
        (123_400, "twd", "1234.00"),
        (700, "mga", "700.00"),
        (1, "bhd", "0.001"),
    ],
)
def test_amount_is_exact_in_every_currency(account: Account, count: int, currency: str, shown: str) -> None:
    """Stripe counts some currencies otherwise than ISO 4217."""
    account.report(event("payment_intent.succeeded", intent(amount=count, currency=currency)))
    found = account.payment
    assert (str(found.amount), found.currency) == (shown, currency.upper())
    day = revenue.Day(day=TODAY, currency=currency.upper(), payments=1, gross=found.received_minor, refunded=0, lost=0)
    with reading() as session:
        assert revenue.days(session, TODAY, TODAY, live=True) == [day]


def test_amount_that_is_none_becomes_a_dead_letter(account: Account) -> None:
    """A third of a peso, or a text: nobody guesses."""
    account.report(event("payment_intent.succeeded", intent(amount=5050, currency="ugx")))
    assert (account.payments, [row.reason for row in rows(DeadLetter)]) == ([], ["bad-amount"])


def test_charge_and_intent_are_one_payment(account: Account) -> None:
    """The replaced flow counted them twice."""
    account.report(event("payment_intent.succeeded", intent()), event("charge.succeeded", charge()))
    found = account.payment
    assert (found.payment_id, found.status, found.customer_id, found.email) == ("pi_1", "succeeded", "cus_1", stripe.ANA)
    with reading() as session:
        assert [day.gross for day in revenue.days(session, TODAY, TODAY, live=True)] == [129_900]


def test_charge_without_an_intent_is_a_payment(account: Account) -> None:
    """As older integrations make it; its refund and its dispute belong to it, though they come first."""
    later = PAID + timedelta(days=1)
    alone = {"payment_intent": None}
    account.report(
        event("charge.dispute.created", dispute(**alone), later),
        event("charge.succeeded", charge(**alone)),
    )
    found = account.payment
    assert (found.payment_id, found.status, found.dispute) == ("ch_1", "succeeded", "needs_response")


def test_refunds_are_running_totals(account: Account) -> None:
    """1000 of 5000, then 1500 in all; then a refund of 500 fails, and 1000 is off."""
    hours = [PAID + timedelta(hours=number) for number in range(1, 4)]
    paid = event("charge.succeeded", charge(amount=5000))
    some = event("charge.refunded", charge(amount=5000, amount_refunded=1000), hours[0])
    more = event("charge.refunded", charge(amount=5000, amount_refunded=1500), hours[1])
    account.report(paid, more, some, more, some)
    assert (account.payment.refunded_minor, account.payment.net.minor) == (1500, 3500)
    account.report(event("charge.refund.updated", refund(amount=500, status="failed"), hours[2]), more)
    assert (account.payment.refunded_minor, account.payment.net.minor) == (1000, 4000)


def test_late_failure_does_not_undo_a_success(account: Account) -> None:
    """Another attempt on one intent, and another intent for one order."""
    failed = intent(status="requires_payment_method", amount_received=0, last_payment_error={"code": "card_declined"})
    account.report(
        event("payment_intent.succeeded", intent(), PAID + timedelta(minutes=2)), event("payment_intent.payment_failed", failed)
    )
    order = {"metadata": {"order_id": "881"}}
    late = charge("ch_b", payment_intent="pi_b", status="failed", captured=False, failure_code="card_declined", **order)
    account.report(
        event("payment_intent.payment_failed", failed | {"id": "pi_b"} | order),
        event("payment_intent.succeeded", intent("pi_c") | order, PAID + timedelta(minutes=5)),
        event("charge.failed", late, PAID + timedelta(hours=1)),
    )
    found = [(row.payment_id, row.status, row.order_ref, row.failure) for row in account.payments]
    assert found == [
        ("pi_1", "succeeded", None, None),
        ("pi_b", "failed", "881", "card_declined"),
        ("pi_c", "succeeded", "881", None),
    ]
    assert [bool(row.notified) for row in account.payments] == [True, False, True]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_an_attempt_that_expires_takes_no_money_back(account: Account, is_reversed: bool) -> None:  # noqa: FBT001
    """An authorisation lapses and its page closes; what has come stays, whichever report is the first."""
    later = PAID + timedelta(days=1)
    reports = [
        event("payment_intent.succeeded", intent()),
        event("charge.expired", charge("ch_a", status="failed", captured=False), later),
        event("checkout.session.expired", session(payment_status="unpaid"), later),
    ]
    account.report(*(reversed(reports) if is_reversed else reports))
    assert (account.payment.status, account.payment.received_minor) == ("succeeded", 129_900)


def test_voucher_is_paid_days_later(account: Account) -> None:
    """OXXO: until the money comes nothing follows; its revenue belongs to the day on which it came, in the account's zone."""
    made = datetime(2026, 11, 3, 5, 40, tzinfo=UTC)  # 2 November, 23:40 in Mexico City
    paid = datetime(2026, 11, 4, 6, 10, tzinfo=UTC)  # 4 November, 00:10 there
    voucher = intent(status="requires_action", amount_received=0, payment_method_types=["oxxo"], created=stripe.at(made))
    account.report(
        event("checkout.session.completed", session(payment_status="unpaid", created=stripe.at(made)), made),
        event("payment_intent.requires_action", voucher, made),
    )
    assert (account.payment.status, account.payment.paid_on, account.payment.notified) == ("pending", None, [])
    account.report(event("checkout.session.async_payment_succeeded", session(created=stripe.at(made)), paid))
    found = account.payment
    assert (found.status, found.paid_on, found.method) == ("succeeded", date(2026, 11, 4), "oxxo")
    with reading() as session_:
        days = revenue.days(session_, date(2026, 11, 1), date(2026, 11, 30), live=True)
    assert [(day.day, day.gross) for day in days] == [(date(2026, 11, 4), 129_900)]


def test_voucher_that_expires_has_failed(account: Account) -> None:
    """SPEI and OXXO end by themselves."""
    later = PAID + timedelta(days=3)
    account.report(
        event("checkout.session.completed", session(payment_status="unpaid")),
        event("checkout.session.async_payment_failed", session(payment_status="unpaid"), later),
    )
    assert (account.payment.status, account.payment.received_minor) == ("failed", 0)


def test_subscription_is_one_payment(account: Account) -> None:
    """Its session names only the invoice, and only the invoice names the intent: four reports, one row, one notification."""
    subscription = session(mode="subscription", payment_intent=None, invoice="in_1", subscription="sub_1")
    account.report(event("checkout.session.completed", subscription))
    assert (account.payments, [row.outcome for row in rows(InboxEvent)]) == ([], ["kept"])
    account.report(
        event("invoice.paid", invoice()),
        event("payment_intent.succeeded", intent()),
        event("charge.succeeded", charge()),
    )
    found = account.payment
    assert (found.payment_id, found.billing_reason, found.phone, found.received_minor) == (
        "pi_1",
        "subscription_create",
        "+525512345678",
        129_900,
    )
    assert {row.object_id for row in rows(PaymentObject) if row.payment_id == found.id} == {"pi_1", "ch_1", "in_1", "cs_1"}


def test_authorised_is_not_paid(account: Account) -> None:
    """What was captured counts, be it less than what was authorised."""
    held = intent(status="requires_capture", amount_received=0)
    account.report(
        event("payment_intent.amount_capturable_updated", held),
        event("charge.succeeded", charge(captured=False, amount_captured=0)),
    )
    assert (account.payment.status, account.payment.received_minor) == ("authorized", 0)
    account.report(event("payment_intent.succeeded", intent(amount_received=100_000), PAID + timedelta(days=2)))
    assert (account.payment.status, str(account.payment.amount)) == ("succeeded", "1000.00")


def test_lost_dispute_is_no_revenue(account: Account) -> None:
    """What is won again is; the state that closes it stands, though an older one comes later."""
    later = PAID + timedelta(days=9)
    account.report(
        event("payment_intent.succeeded", intent()),
        event("charge.dispute.closed", dispute(status="lost"), later),
        event("charge.dispute.created", dispute()),
    )
    assert (account.payment.dispute, account.payment.lost_minor, account.payment.net.minor) == ("lost", 129_900, 0)


def test_test_mode_is_kept_apart(account: Account) -> None:
    """It is seen, counts nowhere, and nobody is notified."""
    account.report(event("payment_intent.succeeded", intent(receipt_email=stripe.ANA), live=False))
    assert (account.payment.live, account.payment.notified) == (False, [])
    with reading() as session:
        assert revenue.days(session, TODAY, TODAY, live=True) == []


def test_installation_for_trying_out_takes_test_payments_for_real(account: Account, environment: pytest.MonkeyPatch) -> None:
    """And keeps live ones apart."""
    environment.setenv("STRIPE_TEST_MODE", "true")
    get_settings.cache_clear()
    account.report(
        event("payment_intent.succeeded", intent(), live=False), event("payment_intent.succeeded", intent("pi_2"), live=True)
    )
    assert [bool(row.notified) for row in account.payments] == [True, False]


def test_payment_ends_what_sells_to_the_payer(account: Account) -> None:
    """By the address as well that only the session brings, after the money had come; and once."""

    def become_a_lead(session: Any) -> None:
        given = {"name": "Ana Díaz", "phone_original": "1", "company": "", "source": "", "received_at": PAID, "said_at": PAID}
        session.add(Lead(id=77, email=stripe.ANA, service="asesoría", **given))
        engine.signal(session, "lead.created", ["lead:77"], {"name": "Ana", "email": stripe.ANA}, event_key="l", at=PAID)

    transact(become_a_lead)
    account.report(event("payment_intent.succeeded", intent(), PAID + timedelta(minutes=1)))
    assert [(row.journey, row.state) for row in rows(Enrolment)] == [("lead_followup", "active")]
    account.report(event("checkout.session.completed", session(), PAID + timedelta(minutes=1)))
    assert [(row.state, row.reason) for row in rows(Enrolment)] == [("exited", "payment.received")]
    assert account.payment.notified == ["stripe:cus_1", "email:ana@example.com", "lead:77"]


def test_customer_is_a_person_and_what_was_typed_proposes(account: Account) -> None:
    """The number of a customer is Stripe's word; the address was typed into a checkout."""
    account.report(event("checkout.session.completed", session()))
    assert {(row.kind, row.is_proven) for row in rows(Identity)} == {("stripe", True), ("email", False), ("phone", False)}
    assert {row.nature for row in rows(IdentityLink)} == {"proposed"}


def test_erasure_leaves_the_amount(account: Account) -> None:
    """The books stay; nobody is in them any more, and nothing begins when Stripe reports the payment again."""
    account.report(event("payment_intent.succeeded", intent()), event("checkout.session.completed", session()))
    found = look(person(email=stripe.ANA), ask_odoo=False)
    assert (found.rows["payments"], found.rows["payment_objects"], found.rows["inbox"]) == (1, 2, 2)
    erase(person(email=stripe.ANA), way="skip", actor="dpo")
    kept = account.payment
    assert (kept.status, kept.received_minor, kept.email, kept.customer_id, kept.name) == (
        "succeeded",
        129_900,
        None,
        None,
        None,
    )
    assert all(row.person == {} for row in rows(PaymentObject))
    assert stripe.ANA not in json.dumps([row.data for row in rows(InboxEvent)])
    account.report(event("charge.refunded", charge(amount_refunded=129_900, billing_details={}, customer=None), PAID))
    assert (account.payment.notified, account.payment.net.minor) == (["erased"], 0)


def test_checkout_that_came_to_nothing_is_erased_and_goes_by_itself(account: Account, test_clock: clock.TestClock) -> None:
    """It belongs to no payment, and names a person all the same, in whatever spelling."""
    details = {"email": "Ana@Example.com", "name": "Ana", "phone": None}
    subscription = session(mode="subscription", payment_intent=None, invoice="in_9", customer_details=details)
    account.report(event("checkout.session.completed", subscription))
    found = look(person(email=stripe.ANA), ask_odoo=False)
    assert (found.rows["payment_objects"], found.rows["inbox"]) == (1, 1)
    erase(person(email=stripe.ANA), way="skip", actor="dpo")
    assert "xample" not in json.dumps([row.person for row in rows(PaymentObject)] + [row.data for row in rows(InboxEvent)])
    test_clock.advance(days=89)
    retention.forget()
    assert len(rows(PaymentObject)) == 2
    test_clock.advance(days=2)
    retention.forget()
    assert rows(PaymentObject) == []


def test_payment_is_kept_for_as_long_as_is_wanted(
    account: Account, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> None:
    """For ever by default; else with all that Stripe said of it, after so many days without a report."""
    account.report(event("payment_intent.succeeded", intent()), event("charge.succeeded", charge()))
    test_clock.advance(days=400)
    retention.forget()
    assert len(account.payments) == 1
    environment.setenv("RETENTION_PAYMENT_DAYS", "365")
    get_settings.cache_clear()
    retention.forget()
    retention.forget()
    assert (account.payments, rows(PaymentObject)) == ([], [])
