"""Reminders: the newest stage that was passed, once; never for what is not open, up to the moment of sending."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.invoices import look, reminders, stages
from shared import clock, faults
from shared.messages import consent, digests
from shared.settings import get_settings
from shared.store.session import transact
from tests.functions.invoices.conftest import Books, overdue
from tests.support.examples import examples
from tests.support.messages import PostOffice, carry_out, deliveries, until

PHONE = "+525512345678"


def go() -> int:
    """The look, and what is due then."""
    planned = look.remind()
    carry_out()
    return planned


def sent(post: PostOffice) -> list[tuple[str, str]]:
    """What went out: the invoice and the text, in order."""
    return [(str(letter.rendered.subject).partition(" ven")[0].split()[-1], letter.message.template) for letter in post.sent]


def templates_of(post: PostOffice) -> list[str]:
    """The texts that went out, in order."""
    return [letter.message.template for letter in post.sent]


def setting(environment: pytest.MonkeyPatch, **values: str) -> None:
    """Set settings."""
    for name, value in values.items():
        environment.setenv(name, value)
    get_settings.cache_clear()


class TestStages:
    """The table of days, texts and urgencies."""

    @pytest.mark.parametrize(
        ("days", "template", "urgency", "escalates"),
        [
            (-4, None, None, None),
            (-3, "primer_recordatorio", "info", False),
            (-1, "primer_recordatorio", "info", False),
            (0, "vence_hoy", "warning", False),
            (6, "vence_hoy", "warning", False),
            (7, "vencida_7_dias", "warning", False),
            (9, "vencida_7_dias", "warning", False),
            (14, "vencida_14_dias", "error", False),
            (30, "vencida_30_dias", "error", True),
            (45, "vencida_30_dias", "error", True),
            (60, "vencida_60_dias", "critical", True),
            (200, "vencida_60_dias", "critical", True),
        ],
    )
    def test_newest_stage_that_was_passed_goes_once(
        self, books: Books, post: PostOffice, days: int, template: str | None, urgency: str | None, escalates: Any
    ) -> None:
        """Never several at once, and not again on that day."""
        books.report(overdue(days))
        go()
        go()
        assert templates_of(post) == ([template] if template else [])
        assert [(one.urgency, one.escalated, one.state) for one in books.reminders] == (
            [(urgency, escalates, "sent")] if template else []
        )

    def test_days_on_which_nobody_looked(self, books: Books, post: PostOffice, test_clock: clock.TestClock) -> None:
        """The host was down on the day of a stage; the next stage comes at its day, and each once."""
        books.report(overdue(-4))
        for day in (0, 1, 2, 3, 4, 5, 9, 12, 13, 18, 19, 30, 34, 40, 64, 65, 90):
            test_clock.moment = datetime(2026, 3, 2, 16, tzinfo=UTC) + timedelta(days=day)
            go()
        expected = [
            "primer_recordatorio",
            "vence_hoy",
            "vencida_7_dias",
            "vencida_14_dias",
            "vencida_30_dias",
            "vencida_60_dias",
        ]
        assert templates_of(post) == expected

    def test_stage_of_the_settings(self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch) -> None:
        """Its text is the general one where it names none."""
        setting(environment, INVOICES_STAGES='{"21": {}, "40": {"template": "vencida_30_dias", "urgency": "error"}}')
        books.report(overdue(20, "F-1"), overdue(25, "F-2"), overdue(41, "F-3"))
        go()
        assert templates_of(post) == ["vencida_30_dias", "recordatorio_general"]
        assert [(one.days, one.until) for one in stages.stages()] == [(21, 40), (40, None)]

    def test_due_date_is_a_day(
        self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """In Tijuana people have until their midnight, and nobody is written to at night."""
        setting(
            environment, INVOICES_TIME_ZONE="America/Tijuana", INVOICES_LOOK_AT="00:00", DEFAULT_TIME_ZONE="America/Tijuana"
        )
        test_clock.moment = datetime(2026, 12, 1, 5, 30, tzinfo=UTC)
        books.report(overdue(0, due_date="2026-11-30T00:00:00Z"))
        go()
        assert [(one.template, one.days_overdue) for one in books.reminders] == [("vence_hoy", 0)]
        assert post.sent == []
        until(datetime(2026, 12, 1, 18, tzinfo=UTC), test_clock)
        (letter,) = post.sent
        assert letter.rendered.subject == "Vencimiento de tu factura F-1: 30 de noviembre de 2026"
        assert letter.first_try >= datetime(2026, 12, 1, 17, tzinfo=UTC)

    def test_nothing_is_planned_before_the_hour(self, books: Books, post: PostOffice, test_clock: clock.TestClock) -> None:
        """Nine in the morning, for the company."""
        books.report(overdue(7))
        test_clock.moment = test_clock.moment.replace(hour=14, minute=59)
        assert go() == 0
        test_clock.advance(minutes=1)
        assert go() == 1


class TestText:
    """What the customer reads."""

    def test_what_is_still_open(self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch) -> None:
        """Of 11,600 with 5,000 paid: 6,600, as it is when the mail goes out; with the link to pay."""
        setting(environment, INVOICES_PAYMENT_URL="https://pagos.example/portal")
        books.report(overdue(12, "F/1 2", total="11600.00", paid="4000"))
        look.remind()
        books.ask("PATCH", "/1", body={"paid": "5000"})
        carry_out()
        (letter,) = post.sent
        assert "6,600.00 MXN" in letter.rendered.html
        assert "https://pagos.example/portal?invoice=F%2F1%202" in letter.rendered.html
        assert "2026" in letter.rendered.subject
        assert (letter.message.person, letter.message.transactional) == ("email:luz@example.com", True)

    def test_link_of_the_invoice_comes_first(self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch) -> None:
        """And without any there is no button."""
        setting(environment, INVOICES_PAYMENT_URL="https://pagos.example/portal?x=1")
        books.report(overdue(9, "F-1", payment_url="https://banco.example/7"), overdue(8, "F-2"))
        go()
        assert ["banco.example/7" in one.rendered.html for one in post.sent] == [True, False]
        assert "portal?x=1&amp;invoice=F-2" in post.sent[1].rendered.html

    def test_critical_goes_by_whatsapp_as_well(self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch) -> None:
        """Where there is a number and the setting allows it."""
        books.report(
            overdue(60, "F-1", customer_phone=PHONE), overdue(61, "F-2", total="5"), overdue(30, "F-3", customer_phone=PHONE)
        )
        setting(environment, TWILIO_CONTENT_SIDS='{"factura_critica": "HX9"}')
        go()
        assert sorted((one.message.channel, one.message.template) for one in post.sent) == [
            ("email", "vencida_30_dias"),
            ("email", "vencida_60_dias"),
            ("email", "vencida_60_dias"),
            ("whatsapp", "factura_critica"),
        ]
        (by_phone,) = [one for one in post.sent if one.message.channel == "whatsapp"]
        assert by_phone.rendered.content_variables["5"] == "responde a este mensaje y te decimos cómo"
        setting(environment, INVOICES_WHATSAPP_CRITICAL="false")
        books.report(overdue(62, "F-4", customer_phone=PHONE, customer_email="otra@example.com"))
        go()
        assert [one.channel for one in books.reminders].count("whatsapp") == 1


class TestNotWritten:
    """Whom nothing is sent to, and why."""

    def test_open_credit(self, books: Books, post: PostOffice) -> None:
        """A credit note of as much: finance settles that. One that is too small, or somebody else's, changes nothing."""
        note = {"type": "credit_note", "customer_email": "luz@example.com"}
        books.report(
            overdue(12, "F-1", "7500.00"), overdue(12, "F-2", "9000.00"), overdue(12, "F-3", customer_email="b@example.com")
        )
        books.report({"serie": "NC-1", "total": "8000.00"} | note, {"serie": "NC-2", "total": "9999", "currency": "USD"} | note)
        go()
        assert {row.serie: row.held_because for row in books.rows} == {
            "F-1": "credit",
            "F-2": None,
            "F-3": None,
            "NC-1": None,
            "NC-2": None,
        }
        assert len(post.sent) == 2
        assert [one["serie"] for one in books.ask("GET", held="credit")["items"]] == ["F-1"]
        books.report({"serie": "NC-1", "status": "cancelled"})
        books.ask("PATCH", "/1", body={"customer": "Luz y Sol"})
        go()
        assert len(post.sent) == 3

    @pytest.mark.parametrize(
        ("more", "reason"),
        [({"customer_email": ""}, "missing-email"), ({"total": "49.99"}, "too-little"), ({"type": "credit_note"}, None)],
    )
    def test_not_to_be_written(
        self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch, more: dict[str, Any], reason: str | None
    ) -> None:
        """No address, next to nothing, or nothing that the customer should pay."""
        setting(environment, INVOICES_LEAST_OPEN='{"MXN": "50"}')
        books.report(overdue(7) | more)
        assert go() == 0
        assert (books.row.held_because, post.sent) == (reason, [])

    @pytest.mark.parametrize("status", ["paid", "cancelled", "draft"])
    def test_not_open(self, books: Books, post: PostOffice, status: str) -> None:
        """Nothing is asked for."""
        books.report(overdue(7, status=status))
        assert go() == 0

    def test_address_that_bounces(self, books: Books, post: PostOffice) -> None:
        """As for every message; the stage counts as done, and its reason is shown."""
        digest = digests.digest_of_address("luz@example.com")
        transact(lambda session: consent.suppress(session, ("email",), [digest], "bounced", clock.now()))
        books.report(overdue(7))
        go()
        go()
        assert [(one.state, one.reason) for one in books.reminders] == [("skipped", "suppressed-bounced")]

    def test_mail_that_is_not_set_up(
        self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """The stage is not lost: it goes the next day."""
        setting(environment, SENDINBLUE_API_KEY="")
        books.report(overdue(7))
        go()
        assert [(one.state, one.reason) for one in books.reminders] == [("withheld", "not-configured")]
        setting(environment, SENDINBLUE_API_KEY="xkeysib-1")
        go()
        assert post.sent == []
        test_clock.advance(days=1)
        go()
        assert [(one.state, one.tries) for one in books.reminders] == [("sent", 2)]


class TestStops:
    """What happens between the look and the sending."""

    def test_paid_after_it_was_planned(self, books: Books, post: PostOffice) -> None:
        """Nothing goes out."""
        books.report(overdue(7))
        look.remind()
        books.ask("POST", "/1/payments", body={"reference": "T-1", "amount": 100})
        carry_out()
        assert (post.sent, books.reminders[0].state, books.reminders[0].reason) == ([], "withheld", "paid")

    def test_paid_after_it_was_claimed(self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch) -> None:
        """The last look is the moment before the mail provider is called."""
        books.report(overdue(7))
        look.remind()
        fill = reminders.variables

        def paying(context: Any) -> Any:
            books.ask("POST", "/1/payments", body={"reference": "T-1", "amount": 100})
            return fill(context)

        environment.setattr(reminders, "variables", paying)
        carry_out()
        assert (post.sent, books.reminders[0].state, books.reminders[0].reason) == ([], "withheld", "paid")
        assert [row.state for row in deliveries()] == ["skipped"]

    def test_paused_and_promised(self, books: Books, post: PostOffice, test_clock: clock.TestClock) -> None:
        """A pause also stops what was planned; afterwards the newest stage that was passed goes, once."""
        books.report(overdue(7))
        look.remind()
        books.ask("POST", "/1/holds", status=201, body={"kind": "pause"})
        carry_out()
        go()
        assert (post.sent, books.reminders[0].reason, books.row.held_because) == ([], "paused", "paused")
        books.ask("POST", "/1/holds", status=201, body={"kind": "promise", "until": "2026-03-09"})
        books.ask("POST", "/1/holds/1/end")
        for _ in range(8):
            go()
            test_clock.advance(days=1)
        assert (post.sent, books.row.held_because) == ([], "promised")
        go()
        assert templates_of(post) == ["vencida_14_dias"]

    def test_stage_that_has_gone_while_it_waited(
        self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """Planned on the evening before the next stage: only that one goes."""
        setting(environment, INVOICES_LOOK_AT="20:30", QUIET_HOURS="20:00-21:00")
        test_clock.moment = datetime(2026, 3, 3, 2, 40, tzinfo=UTC)
        books.report(overdue(13))
        go()
        until(datetime(2026, 3, 4, 2, 45, tzinfo=UTC), test_clock, timedelta(hours=1))
        assert templates_of(post) == ["vencida_7_dias"]
        go()
        until(datetime(2026, 3, 4, 3, 30, tzinfo=UTC), test_clock)
        assert templates_of(post) == ["vencida_7_dias", "vencida_14_dias"]

    def test_new_address(self, books: Books, post: PostOffice) -> None:
        """What waits for the old one is withheld, and goes to the new one."""
        books.report(overdue(7))
        look.remind()
        books.ask("PATCH", "/1", body={"customer_email": "nueva@example.com"})
        carry_out()
        go()
        assert [letter.message.to for letter in post.sent] == ["nueva@example.com"]


class TestOrder:
    """Who comes first where not all may be written to today."""

    def test_most_urgent_and_largest_first(
        self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """The rest goes on the next days: a first import writes to nobody by the thousand."""
        setting(environment, INVOICES_REMINDERS_PER_DAY="2")
        given = [("F-1", 7, "10"), ("F-2", 90, "20"), ("F-3", 65, "30"), ("F-4", 14, "5"), ("F-5", 8, "11")]
        books.report(*(overdue(days, name, total, customer_email=f"{name}@example.com") for name, days, total in given))
        for _ in range(3):
            go()
            go()
            test_clock.advance(days=1)
        names = {row.id: row.serie for row in books.rows}
        assert [names[one.invoice_id] for one in books.reminders] == ["F-3", "F-2", "F-4", "F-5", "F-1"]
        assert [one.planned_on.day for one in books.reminders] == [2, 2, 3, 3, 4]
        assert len(post.sent) == 5

    def test_one_customer_with_many(
        self, books: Books, post: PostOffice, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
    ) -> None:
        """Some of them today, the rest tomorrow."""
        setting(environment, INVOICES_PER_CUSTOMER_PER_DAY="2")
        books.report(*(overdue(9, f"F-{number}") for number in range(5)))
        counts = []
        for _ in range(3):
            go()
            counts.append(len(post.sent))
            test_clock.advance(days=1)
        assert counts == [2, 4, 5]


class TestCrash:
    """The host dies in the middle of the look."""

    def test_look_goes_on(self, books: Books, post: PostOffice) -> None:
        """What was planned is not planned again."""
        books.report(*(overdue(9, f"F-{number}", customer_email=f"c{number}@example.com") for number in range(4)))
        faults.inject("invoices.after_plan=raise:1")
        for _ in range(4):
            with pytest.raises(faults.InjectedFault):
                look.remind()
        faults.inject("")
        go()
        assert sorted(letter.message.to for letter in post.sent) == [f"c{number}@example.com" for number in range(4)]


STEPS = st.lists(
    st.sampled_from(["look", "send", "pay", "unpay", "hold", "end", "day", "week", "again"]), min_size=3, max_size=12
)


@pytest.mark.slow
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(-5, 70), STEPS)
def test_once_for_each_stage_and_only_for_what_is_open(
    books: Books, post: PostOffice, test_clock: clock.TestClock, days: int, steps: list[str]
) -> None:
    """Whatever happens between looks: no stage twice, no older one after a newer one, nothing that is paid or paused."""
    serie = f"F-{len(books.rows) + 1}"
    books.report(overdue(days - (clock.now().date() - datetime(2026, 3, 2, tzinfo=UTC).date()).days, serie))
    number, already = books.rows[-1].id, len(post.sent)
    for place, step in enumerate(steps):
        before = len(post.sent)
        _do(books, test_clock, step, number, place)
        whole = books.ask("GET", f"/{number}")
        if len(post.sent) > before:
            assert whole["status"] == "open"
            assert not [one for one in whole["holds"] if one["state"] == "holds"]
    own = [one for one in post.sent[already:] if serie in one.rendered.subject.replace(":", " ").split()]
    passed = [stage.template for stage in stages.stages()]
    went = [passed.index(one.message.template) for one in own]
    assert went == sorted(set(went))
    books.ask("PATCH", f"/{number}", body={"status": "cancelled"})


def _do(books: Books, test_clock: clock.TestClock, step: str, number: int, place: int) -> None:
    match step:
        case "look":
            look.remind()
        case "send":
            carry_out()
        case "pay":
            books.ask("PATCH", f"/{number}", body={"residual": "0"})
        case "unpay":
            books.ask("PATCH", f"/{number}", body={"residual": "100"})
        case "hold":
            books.ask("POST", f"/{number}/holds", status=201, body={"kind": "pause", "note": str(place)})
        case "end":
            for one in books.ask("GET", f"/{number}")["holds"]:
                books.ask("POST", f"/{number}/holds/{one['id']}/end")
        case "again":
            transact(look.ask)
            look.remind()
        case _:
            test_clock.advance(days=7 if step == "week" else 1)
    test_clock.advance(seconds=1)
