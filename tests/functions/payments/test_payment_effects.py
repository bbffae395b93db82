"""What follows from a payment, with the stand-ins: the row in the sheet, the analysis, alerts, journeys, the onboarding."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from functions.christmas.tables import MailSequence
from functions.payments import analysis, sheet
from sandbox.testing import InProcessSandbox
from shared import clock
from shared.errors import PermanentError, RetryableError, UnavailableError, UncertainError
from shared.outbox import dispatch
from shared.privacy.erase import erase, person
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading
from shared.vendors import slack
from shared.vendors.rest_client import drop_connections
from tests.functions.payments.conftest import Account
from tests.support import sequences, stripe
from tests.support.stripe import PAID, charge, event, intent, invoice, session
from tests.support.world import World

LARGE = '{"MXN": "1000"}'


@pytest.fixture(scope="module")
def server() -> Iterator[InProcessSandbox]:
    """One sandbox for the module."""
    with InProcessSandbox() as running:
        yield running


@pytest.fixture
def outside(account: Account, server: InProcessSandbox, environment: pytest.MonkeyPatch) -> Iterator[InProcessSandbox]:
    """Sheets, OpenAI, Discord and Slack, as set up."""
    server.reset()
    names = [
        "SHEETS_WEBHOOK_URL",
        "SHEETS_TOKEN",
        "OPENAI_BASE_URL",
        "OPENAI_API_KEY",
        "SLACK_WEBHOOK_URL",
        "DISCORD_WEBHOOK_URL",
    ]
    for name in names:
        environment.setenv(name, server.settings()[name])
    environment.setenv("PAYMENTS_ALERT_ABOVE", LARGE)
    get_settings.cache_clear()
    yield server
    drop_connections()


@pytest.fixture
def settle(world: World, test_clock: clock.TestClock) -> Any:
    """Let time pass, until what is due has gone out."""
    return lambda minutes=2: world.run_for(test_clock, minutes=minutes, step_seconds=20)


def deliveries() -> dict[str, str]:
    """Every delivery by target, with its state."""
    with reading() as found:
        return {f"{row.target}.{row.action}": row.state for row in found.scalars(select(Delivery).order_by(Delivery.id))}


def test_everything_follows_once(account: Account, outside: InProcessSandbox, settle: Any) -> None:
    """Four reports of one subscription's payment: one row, one analysis, one alert in each channel."""
    subscription = session(mode="subscription", payment_intent=None, invoice="in_1")
    reports = [event("checkout.session.completed", subscription), event("invoice.paid", invoice())]
    reports += [event("payment_intent.succeeded", intent()), event("charge.succeeded", charge())]
    account.report(*reports, *reports)
    settle()
    (row,) = outside.records("rows", vendor="sheets")
    assert {name: row[name] for name in ("payment_id", "amount", "currency", "customer", "status", "method", "net")} == {
        "payment_id": "pi_1",
        "amount": "1299.00",
        "currency": "MXN",
        "customer": "cus_1",
        "status": "succeeded",
        "method": "card",
        "net": "1299.00",
    }
    assert len(outside.records("responses", vendor="openai")) == 1
    (slack_message,) = outside.records("messages", vendor="slack")
    assert "1299.00 MXN" in slack_message["text"]
    assert len(outside.records("messages", vendor="discord")) == 1
    found = account.payment
    assert (found.sheet_sync_status, found.analysis["outcome"], found.analysis["signal"]) == ("success", "done", "grows")
    assert found.analysis["cost_usd"] == "0.000207"  # 900 and 120 tokens


def test_voucher_has_a_row_and_nothing_else_until_it_is_paid(account: Account, outside: InProcessSandbox, settle: Any) -> None:
    """No alert and no analysis for money that has not come."""
    account.report(event("checkout.session.completed", session(payment_status="unpaid")))
    settle()
    assert [row["status"] for row in outside.records("rows", vendor="sheets")] == ["pending"]
    assert deliveries() == {"sheets.payment": "done"}
    account.report(event("checkout.session.async_payment_succeeded", session(), PAID + timedelta(minutes=1)))
    settle()
    assert [row["status"] for row in outside.records("rows", vendor="sheets")] == ["succeeded"]
    assert set(deliveries()) == {"sheets.payment", "openai.analysis", "discord.payment", "slack.payment"}


def test_small_payment_and_other_currency_alert_nobody(account: Account, outside: InProcessSandbox, settle: Any) -> None:
    """The threshold is one currency's; exactly as much is not above it."""
    account.report(event("payment_intent.succeeded", intent(amount=100_000)))
    account.report(event("payment_intent.succeeded", intent("pi_2", amount=9_000_000, currency="clp")))
    assert [name for name in deliveries() if "slack" in name or "discord" in name] == []


def test_test_mode_leaves_this_machine_nowhere(account: Account, outside: InProcessSandbox) -> None:
    """No row, no analysis, no alert."""
    account.report(event("payment_intent.succeeded", intent(), live=False))
    assert deliveries() == {}


class TestSheet:
    """The script's answers."""

    def test_row_follows_what_becomes_of_the_payment(self, account: Account, outside: InProcessSandbox, settle: Any) -> None:
        """The same row, with what went back."""
        account.report(event("payment_intent.succeeded", intent()))
        settle()
        account.report(event("charge.refunded", charge(amount_refunded=29_900), PAID + timedelta(hours=1)))
        settle()
        (row,) = outside.records("rows", vendor="sheets")
        assert (row["refunded"], row["net"]) == ("299.00", "1000.00")

    def test_script_that_throws_after_its_work_has_written_once(
        self, account: Account, outside: InProcessSandbox, settle: Any
    ) -> None:
        """HTML with status 200 is unknown: the script is asked for the row, and it is there."""
        outside.fault("exception", vendor="sheets", count=1, only="put")
        account.report(event("payment_intent.succeeded", intent()))
        settle()
        assert [call["what"] for call in outside.calls("sheets")] == ["put pi_1", "find pi_1", "result"]
        assert (account.payment.sheet_sync_status, len(outside.records("rows", vendor="sheets"))) == ("success", 1)

    @pytest.mark.parametrize("what", ["put", "result"])
    def test_lost_answer_is_looked_up(self, account: Account, outside: InProcessSandbox, settle: Any, what: str) -> None:
        """Whether the POST or the look at its result was cut off."""
        outside.fault("accept_then_drop", vendor="sheets", count=1, only=what)
        account.report(event("payment_intent.succeeded", intent()))
        settle()
        assert (account.payment.sheet_sync_status, len(outside.records("rows", vendor="sheets"))) == ("success", 1)

    def test_page_instead_of_an_answer_is_no_success(self, account: Account, outside: InProcessSandbox, settle: Any) -> None:
        """Nothing was written and nothing is found: later again."""
        outside.fault("garbage", vendor="sheets")
        account.report(event("payment_intent.succeeded", intent()))
        settle(minutes=1)
        assert account.payment.sheet_sync_status == "error"
        outside.fault("none", vendor="sheets")
        settle(minutes=5)
        assert account.payment.sheet_sync_status == "success"

    def test_login_is_a_matter_of_the_account(self, account: Account, outside: InProcessSandbox) -> None:
        """A person has to open the script to anyone; the address of the login is not followed."""
        account.report(event("payment_intent.succeeded", intent()))
        outside.fault("login", vendor="sheets")
        with pytest.raises(UnavailableError) as refused:
            sheet.put_row(account.payment)
        assert refused.value.account

    def test_wrong_token_and_busy_script(
        self, account: Account, outside: InProcessSandbox, environment: pytest.MonkeyPatch
    ) -> None:
        """The one waits for a person, the other a little."""
        account.report(event("payment_intent.succeeded", intent()))
        outside.fault("busy", vendor="sheets", count=1)
        with pytest.raises(RetryableError) as busy:
            sheet.put_row(account.payment)
        environment.setenv("SHEETS_TOKEN", "another")
        get_settings.cache_clear()
        with pytest.raises(UnavailableError) as unknown:
            sheet.put_row(account.payment)
        assert (getattr(busy.value, "account", False), unknown.value.account) == (False, True)

    def test_result_elsewhere_is_not_followed(self, account: Account, outside: InProcessSandbox) -> None:
        """A script at Google has its results at Google's address for them, and nowhere else."""
        google = sheet.SHEETS.connect("https://script.google.com/macros/s/X/exec")
        for address in (
            "https://evil.example/macros/echo",
            "http://script.googleusercontent.com/x",
            "https://script.google.com/x",
        ):
            with pytest.raises(PermanentError) as refused:
                sheet.SHEETS.result(google, address)
            assert refused.value.reason == "sheets-moved"

    def test_token_is_in_no_text_of_ours(self, account: Account, outside: InProcessSandbox, settle: Any) -> None:
        """It stands in the body, which the stand-in's list of calls masks too."""
        account.report(event("payment_intent.succeeded", intent()))
        settle()
        assert outside.settings()["SHEETS_TOKEN"] not in json.dumps(outside.calls("sheets"))

    def test_erasure_reaches_the_sheet(
        self, account: Account, outside: InProcessSandbox, settle: Any, test_clock: clock.TestClock
    ) -> None:
        """The row is brought in step with the payment without its person."""
        account.report(event("checkout.session.completed", session(customer=None)))
        settle()
        assert [row["customer"] for row in outside.records("rows", vendor="sheets")] == [stripe.ANA]
        erase(person(email=stripe.ANA), way="skip", actor="dpo")
        assert dispatch.requeue_lost() == 1
        settle()
        assert [row["customer"] for row in outside.records("rows", vendor="sheets")] == [""]


class TestAnalysis:
    """OpenAI's answers."""

    @pytest.mark.parametrize(
        ("outcome", "reason"), [("refused", "No puedo ayudar con eso."), ("incomplete", "max_output_tokens")]
    )
    def test_answer_that_is_none_is_stored_and_paid_for(
        self, account: Account, outside: InProcessSandbox, settle: Any, outcome: str, reason: str
    ) -> None:
        """It is not asked for again: that would cost as much again."""
        outside.act("openai", "answer", outcome=outcome)
        account.report(event("payment_intent.succeeded", intent()))
        settle()
        found = account.payment.analysis
        assert (found["outcome"], found["reason"], found["cost_usd"]) == (outcome, reason, "0.000207")
        assert len(outside.records("responses", vendor="openai")) == 1

    def test_failure_is_tried_again(self, account: Account, outside: InProcessSandbox, settle: Any) -> None:
        """OpenAI's own, with status 200."""
        outside.act("openai", "answer", outcome="failed", once=True)
        account.report(event("payment_intent.succeeded", intent()))
        settle()
        assert account.payment.analysis["outcome"] == "done"

    def test_account_without_money_waits_for_a_person(self, account: Account, outside: InProcessSandbox) -> None:
        """429 `insufficient_quota` is no matter of speed."""
        account.report(event("payment_intent.succeeded", intent()))
        outside.fault("no_quota", vendor="openai")
        with pytest.raises(UnavailableError) as refused:
            analysis.analyse(account.payment)
        assert refused.value.account

    def test_no_personal_data_goes_out(self, account: Account, outside: InProcessSandbox, settle: Any) -> None:
        """Amount, day, method and the series of the currency; nothing is stored there."""
        account.report(event("checkout.session.completed", session(metadata={"nota": "para Ana"})))
        account.report(event("payment_intent.succeeded", intent("pi_2", amount=500, currency="usd")))
        settle()
        sent = [call["body"] for call in outside.calls("openai") if call["method"] == "POST"]
        text = json.dumps(sent)
        assert not [one for one in (stripe.ANA, "Ana", "cus_1", "pi_1", "5512345678") if one in text]
        bodies = [one if isinstance(one, dict) else json.loads(one) for one in sent]
        assert [body["store"] for body in bodies] == [False, False]
        shown = [json.loads(body["input"][0]["content"][0]["text"]) for body in bodies]
        assert [one["revenue_by_day"] for one in shown] == [
            [{"day": "2026-03-02", "net": "1299.00"}],
            [{"day": "2026-03-02", "net": "5.00"}],
        ]


class TestSlack:
    """Its answers are texts."""

    @pytest.mark.parametrize(("mode", "reason"), [("archived", "slack-gone"), ("prohibited", "slack-gone")])
    def test_closed_channel_is_gone_whatever_the_status(
        self, account: Account, outside: InProcessSandbox, mode: str, reason: str
    ) -> None:
        """410, or 500 with the same meaning, which a rule for statuses would repeat."""
        outside.fault(mode, vendor="slack")
        with pytest.raises(PermanentError) as refused:
            slack.post("hola")
        assert refused.value.reason == reason

    def test_page_is_no_success(self, account: Account, outside: InProcessSandbox) -> None:
        """Only the text `ok` is."""
        outside.fault("garbage", vendor="slack")
        with pytest.raises(UncertainError):
            slack.post("hola")

    def test_text_pings_nobody(self, account: Account, outside: InProcessSandbox) -> None:
        """What somebody wrote into an order's name is text."""
        slack.post("<!channel> & <@U1>")
        (message,) = outside.records("messages", vendor="slack")
        assert message["text"] == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


class TestOnboarding:
    """Once for each payment, whoever reports it first."""

    @pytest.fixture
    def campaign(
        self, world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, account: Account
    ) -> Iterator[sequences.Campaign]:
        """The campaign, which knows Ana."""
        with sequences.campaign(world, environment, test_clock) as found:
            found.take("signup-handler", {"email": stripe.ANA, "first_name": "Ana"})
            yield found

    def kept(self) -> list[dict[str, Any]]:
        """The facts of each onboarding."""
        with reading() as found:
            rows = found.scalars(select(MailSequence).where(MailSequence.type == "onboarding").order_by(MailSequence.id))
            return [row.facts for row in rows]

    BY_STRIPE = event("checkout.session.completed", session(), sequences.MONDAY)

    def by_website(self, campaign: sequences.Campaign, **more: Any) -> None:
        """The website's report of the same payment."""
        campaign.take("onboarding-handler", sequences.onboarding(email=stripe.ANA, payment_date="2026-03-02", **more))

    def test_stripe_first(self, campaign: sequences.Campaign, account: Account) -> None:
        """The website's report, twice, begins no second one."""
        account.report(self.BY_STRIPE)
        assert [facts["payment_id"] for facts in self.kept()] == ["pi_1"]
        self.by_website(campaign)
        self.by_website(campaign, package_type="otro")
        assert len(self.kept()) == 1

    def test_website_first(self, campaign: sequences.Campaign, account: Account) -> None:
        """Stripe's reports, which come after it, begin none."""
        self.by_website(campaign)
        account.report(self.BY_STRIPE, event("payment_intent.succeeded", intent(), sequences.MONDAY))
        assert [facts["payment_id"] for facts in self.kept()] == ["pi_1"]

    def test_second_payment_begins_its_own(self, campaign: sequences.Campaign, account: Account) -> None:
        """Once for each payment, also on one day."""
        self.by_website(campaign)
        other = session("cs_2", payment_intent="pi_2")
        account.report(self.BY_STRIPE, event("checkout.session.completed", other, sequences.MONDAY))
        assert [facts["payment_id"] for facts in self.kept()] == ["pi_1", "pi_2"]

    @pytest.mark.parametrize(("setting", "count"), [("never", 0), ("known", 1), ("always", 2)])
    def test_for_whom(
        self, campaign: sequences.Campaign, account: Account, environment: pytest.MonkeyPatch, setting: str, count: int
    ) -> None:
        """For nobody, for those whom the campaign knows, or for everybody."""
        environment.setenv("ONBOARDING_ON_PAYMENT", setting)
        get_settings.cache_clear()
        stranger = {"email": "eva@example.com", "name": "Eva Ruiz", "phone": None}
        other = session("cs_2", payment_intent="pi_2", customer="cus_2", customer_details=stranger)
        account.report(self.BY_STRIPE, event("checkout.session.completed", other, sequences.MONDAY))
        assert len(self.kept()) == count

    def test_renewal_begins_none(self, campaign: sequences.Campaign, account: Account) -> None:
        """A customer of a year is not welcomed each month."""
        account.report(event("invoice.paid", invoice(billing_reason="subscription_cycle"), sequences.MONDAY))
        assert (len(account.payments), self.kept()) == (1, [])


def test_payment_shown_by_the_api_has_all_of_it(account: Account, outside: InProcessSandbox, settle: Any) -> None:
    """Found by any of its objects; amounts as exact texts."""
    from functions.payments import api

    account.report(event("payment_intent.succeeded", intent()), event("charge.refunded", charge(amount_refunded=29_900), PAID))
    settle()
    found = api.get_payment("ch_1")
    shown = (found.payment_id, found.amount, found.refunded_amount, found.refunded, found.net_amount, found.customer)
    assert shown == ("pi_1", "1299.00", "299.00", False, "1000.00", "cus_1")
    assert (found.sheet_sync_status, found.analysis and found.analysis["outcome"]) == ("success", "done")
    (day,) = api.get_revenue(since=PAID.date(), until=PAID.date()).days
    assert (day.gross, day.refunded, day.net, day.payments) == ("1299.00", "299.00", "1000.00", 1)
