"""Messages of which it is not known whether they went out, or which must wait: never sent twice, never lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import select

from shared import clock
from shared.errors import DeferredError, ThrottledError, UnavailableError, UncertainError
from shared.messages import Fallback, digests, statuses
from shared.messages.events import ProviderEvent, ProviderEvents
from shared.messages.providers import brevo, twilio_client, twilio_codes
from shared.messages.providers.mail import Email
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.message_models import Suppression
from shared.store.models import Target
from shared.store.session import reading, transact
from shared.vendors.rest_client import drop_connections
from tests.support.messages import (
    ANA_EMAIL,
    ANA_PHONE,
    CONFIGURED,
    PostOffice,
    carry_out,
    deliveries,
    enqueue,
    message,
    until,
)

SMS = (Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3"),)


@pytest.fixture
def configured(environment: pytest.MonkeyPatch, world: object, test_clock: clock.TestClock) -> Iterator[pytest.MonkeyPatch]:
    """Every provider set up, on a Monday at noon in Mexico."""
    test_clock.moment = test_clock.moment.replace(hour=18)
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    drop_connections()
    yield environment
    drop_connections()


@pytest.fixture
def post(configured: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """All providers in one hand."""
    with PostOffice().installed(configured) as office:
        yield office


class Account:
    """Twilio's list of what it was sent. `answers`: for each sending whether it arrives, and whether its answer does."""

    def __init__(self, *answers: tuple[bool, bool]) -> None:
        self.answers, self.arrived = list(answers), []  # type: ignore[var-annotated]

    def create(self, **fields: Any) -> twilio_client.Resource:
        """Take a message."""
        arrives, answers = self.answers.pop(0) if self.answers else (True, True)
        sid = f"SM{len(self.arrived)}"
        if arrives:
            number = fields["status_callback"].partition("?d=")[2].partition("#")[0]
            entry = {"sid": sid, "status": "sent", "direction": "outbound-api", "to": fields["to"], "body": "", "d": number}
            self.arrived.append(entry | {"date_created": format_datetime(clock.now())})
        if not answers:
            raise UncertainError("no answer within 20 s")
        return twilio_client.Resource(sid, "queued")

    def entries(self, params: dict[str, str]) -> list[dict[str, Any]]:
        """What went to a number."""
        return [entry for entry in self.arrived if entry["to"] in params["To"]]

    def numbers(self) -> list[str]:
        """The deliveries whose messages arrived."""
        return [entry["d"] for entry in self.arrived]


def account(patch: pytest.MonkeyPatch, *answers: tuple[bool, bool]) -> Account:
    """Put an account in Twilio's place."""
    made = Account(*answers)
    patch.setattr(twilio_client.Twilio, "create_message", lambda _self, **fields: made.create(**fields))
    patch.setattr(twilio_client.Twilio, "_list", lambda _self, _path, params, _name: made.entries(params))
    return made


def named_while_asked(sent: Account) -> list[dict[str, Any]]:
    """All that arrived; before it is given out, the callback of each reaches us."""
    for entry in sent.arrived:
        word = ProviderEvent(
            provider="twilio", vendor_id=entry["sid"], status="delivered", at=clock.now(), delivery_id=int(entry["d"])
        )
        transact(lambda session, word=word: statuses.status(session, word))
    return sent.arrived


def pass_minutes(test_clock: clock.TestClock, minutes: int) -> None:
    """Let time pass, carrying out what is due twice a minute."""
    until(clock.now() + timedelta(minutes=minutes), test_clock, timedelta(seconds=30))


class TestLookingUpByNumber:
    """Twilio knows a message by its number and time only."""

    def test_message_that_arrived_is_found_although_another_followed(self, configured, test_clock) -> None:
        """The other one is known to be another delivery's, so one candidate is left."""
        sent = account(configured, (True, False))
        enqueue(message(dedupe_key="A"))
        test_clock.advance(seconds=5)
        enqueue(message(dedupe_key="B", person="lead:18"))
        pass_minutes(test_clock, 10)
        assert sorted(sent.numbers()) == sorted(str(row.id) for row in deliveries())
        assert {row.state for row in deliveries()} == {State.DONE}
        assert len({row.result["id"] for row in deliveries()}) == 2

    @pytest.mark.slow
    def test_message_of_another_in_doubt_is_not_taken_for_ours(self, configured, test_clock) -> None:
        """Of two without an answer one arrived, and nothing says which: neither is sent twice, and a person decides."""
        sent = account(configured, (False, False), (True, False))
        enqueue(message(dedupe_key="A"), message(dedupe_key="B", person="lead:18"))
        pass_minutes(test_clock, 4 * 60)
        assert len(sent.numbers()) == 1
        assert {row.state for row in deliveries()} == {State.UNCERTAIN}

    def test_callback_settles_what_a_look_up_cannot(self, configured, test_clock) -> None:
        """Its address names the delivery; then the other one is alone, is not found, and is sent again."""
        sent = account(configured, (False, False), (True, False))
        enqueue(message(dedupe_key="A"))  # one after the other: those of one call go out side by side
        enqueue(message(dedupe_key="B", person="lead:18"))
        first, second = (row.id for row in deliveries())
        late_event = ProviderEvent(provider="twilio", vendor_id="SM0", status="delivered", at=clock.now(), delivery_id=second)
        transact(lambda session: statuses.status(session, late_event))
        pass_minutes(test_clock, 60)
        assert sent.numbers() == [str(second), str(first)]
        assert {row.state for row in deliveries()} == {State.DONE}

    def test_callback_that_comes_while_twilio_is_asked_decides(self, configured, test_clock) -> None:
        """Both of two in doubt arrived; whoever asks finds both, but callbacks have named them by then."""
        sent = account(configured, (True, False), (True, False))
        enqueue(message(dedupe_key="A"))
        enqueue(message(dedupe_key="B", person="lead:18"))
        configured.setattr(sent, "entries", lambda _params: named_while_asked(sent))
        pass_minutes(test_clock, 2)
        assert [(row.state, row.result) for row in deliveries()] == [
            (State.DONE, {"id": "SM0", "found": True}),
            (State.DONE, {"id": "SM1", "found": True}),
        ]
        assert len(sent.numbers()) == 2

    def test_callback_that_comes_while_twilio_does_not_answer_settles_it(self, configured, test_clock) -> None:
        """The look-up ends in doubt again, yet the delivery does not wait for its next try: it is done."""
        sent = account(configured, (True, False))
        enqueue(message(dedupe_key="A"))

        def unanswered(_params: dict[str, str]) -> list[dict[str, Any]]:
            named_while_asked(sent)
            raise UncertainError("no answer within 20 s")

        configured.setattr(sent, "entries", unanswered)
        pass_minutes(test_clock, 2)
        assert [(row.state, row.result) for row in deliveries()] == [(State.DONE, {"id": "SM0", "told_by_callback": True})]

    def test_message_in_doubt_to_another_number_is_no_obstacle(self, configured, test_clock) -> None:
        """Each number is a matter of its own."""
        sent = account(configured, (False, False), (True, False))
        enqueue(message(dedupe_key="A"), message(dedupe_key="B", person="lead:18", to="+525587654321"))
        pass_minutes(test_clock, 60)
        assert sorted(sent.numbers()) == sorted(str(row.id) for row in deliveries())


class TestSenderLimit:
    """Twilio's 63018: the number may send no more, in this minute or on this day."""

    def callback(self, vendor_id: str, delivery_id: int) -> str:
        """The callback."""
        event = ProviderEvent(
            provider="twilio",
            vendor_id=vendor_id,
            status="failed",
            at=clock.now(),
            reason=twilio_codes.reason_of(63018),
            delivery_id=delivery_id,
        )
        return transact(lambda session: statuses.status(session, event))

    def test_message_refused_by_callback_goes_out_later_by_the_same_channel(self, post, test_clock) -> None:
        """Minutes later, as the same delivery; no other channel is tried, and nobody is notified of a failure."""
        enqueue(message(fallback=SMS))
        (row,) = deliveries()
        self.callback(f"V{row.id}", row.id)
        carry_out()
        assert (deliveries()[0].state, post.channels()) == (State.PENDING, ["whatsapp"])
        pass_minutes(test_clock, 6)
        assert post.channels() == ["whatsapp", "whatsapp"]
        assert ([one.state for one in deliveries()], "failed" in post.words()) == ([State.DONE], False)

    def test_what_is_known_of_the_first_sending_settles_no_doubt_of_the_second(self, configured, test_clock) -> None:
        """The first failed and was put off; that neither the second nor the look-up was answered is not settled by that."""
        sent = account(configured, (True, True), (False, False))
        enqueue(message(fallback=SMS))
        (row,) = deliveries()
        self.callback("SM0", row.id)

        def unanswered(_params: dict[str, str]) -> list[dict[str, Any]]:
            raise UncertainError("no answer within 20 s")

        configured.setattr(sent, "entries", unanswered)
        pass_minutes(test_clock, 8)
        (row,) = deliveries()
        assert (row.state, row.reason, len(sent.answers)) == (State.PENDING, "outcome-unknown", 0)

    def test_waits_grow_until_a_day_has_passed_then_another_channel_is_tried(self, post, test_clock) -> None:
        """Minutes, then hours: a day's limit costs a handful of tries."""
        enqueue(message(fallback=SMS, window=False))
        (row,) = deliveries()
        for _ in range(20):
            if deliveries()[0].state == State.DONE:
                self.callback(f"try-{len(post.sent)}", row.id)
            carry_out()
            if len(deliveries()) > 1:
                break
            test_clock.moment = max(deliveries()[0].due_at, test_clock.moment)
            carry_out()
        assert 6 <= post.channels().count("whatsapp") <= 12
        assert post.channels()[-1] == "sms"
        assert clock.now() - row.created_at >= timedelta(days=1)

    def test_message_that_would_come_too_late_is_given_up_at_once(self, post, test_clock) -> None:
        """A reminder of a meeting in three minutes goes by SMS."""
        enqueue(message(fallback=SMS, not_after=clock.now() + timedelta(minutes=3)))
        (row,) = deliveries()
        self.callback(f"V{row.id}", row.id)
        carry_out()
        assert post.channels() == ["whatsapp", "sms"]

    def test_refusal_in_the_answer_waits_alone(self, post, test_clock) -> None:
        """It costs no attempt, and others go on meanwhile."""
        post.refusals = [DeferredError("63018"), DeferredError("63018")]
        enqueue(message(fallback=SMS))
        enqueue(message("sms", dedupe_key="other", person="lead:18"))
        assert post.channels() == []
        pass_minutes(test_clock, 12)
        assert sorted(post.channels()) == ["sms", "whatsapp"]
        assert [row.attempts for row in deliveries()] == [0, 0]


class TestRefusedAccount:
    """A key that is good no more, an account that is not paid, an address that Brevo does not know."""

    @pytest.mark.slow
    def test_nothing_falls_back_and_no_attempt_is_lost(self, post, configured, test_clock) -> None:
        """The circuit opens, the operators are alerted once a day, and everything goes out when it is mended."""
        configured.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/alert")
        get_settings.cache_clear()
        post.refusals = [UnavailableError("Brevo answered 401", account=True) for _ in range(8)]
        for number in range(3):
            enqueue(message("email", dedupe_key=f"k{number}", person=f"lead:{number}", fallback=SMS))
        pass_minutes(test_clock, 5)
        mails = [row for row in deliveries() if row.target == "brevo"]
        alerts = [row for row in deliveries() if row.target == "alerts"]
        assert post.channels() == []
        assert [(row.state, row.attempts) for row in mails] == [(State.PENDING, 0)] * 3
        with reading() as session:
            assert session.get(Target, "brevo").circuit == "open"
        assert len(alerts) == 1
        assert "brevo refuses our account" in alerts[0].payload["text"]
        pass_minutes(test_clock, 120)
        assert post.channels() == ["email"] * 3


class TestVendorsOwnBlock:
    """What a provider holds back because of a person's wish."""

    def events(self, data: dict[str, Any]) -> list[str]:
        """Take in a webhook's data."""
        payload = ProviderEvents.model_validate(data)
        return [transact(lambda session, one=one: statuses.status(session, one)) for one in payload.events]

    def suppressions(self) -> set[tuple[str, str]]:
        """Who gets nothing by which channel: (channel, cause)."""
        with reading() as session:
            rows = session.scalars(select(Suppression).where(Suppression.who == digests.digest_of_address(ANA_EMAIL)))
            return {(row.channel, row.cause) for row in rows if not row.lifted}

    @pytest.mark.parametrize(
        ("body", "cause"),
        [
            ({"event": "blocked", "reason": "blocked : due to blacklist user"}, "unsubscribed"),
            ({"event": "complaint"}, "complaint"),
            ({"event": "spam"}, "complaint"),
            ({"event": "unsubscribe"}, "unsubscribed"),
            ({"event": "unsubscribed"}, "unsubscribed"),
        ],
    )
    def test_brevo_that_holds_a_mail_back_for_a_wish_suppresses_and_the_phone_is_left_alone(
        self, post, body: dict[str, str], cause: str
    ) -> None:
        """The person wants no mails; another channel would be against that wish."""
        enqueue(message("email", fallback=SMS))
        (row,) = deliveries()
        whole = body | {"email": ANA_EMAIL, "message-id": f"<V{row.id}>", "ts_epoch": clock.now().timestamp() * 1000}
        assert self.events({"events": [brevo._event(whole)]}) == ["applied"]
        carry_out()
        assert (post.channels(), self.suppressions()) == (["email"], {("email", cause)})

    def test_other_block_of_brevo_falls_back(self, post) -> None:
        """It says nothing of the person's wish."""
        enqueue(message("email", fallback=SMS))
        body = {"event": "blocked", "reason": "grey listed", "email": ANA_EMAIL, "message-id": f"V{deliveries()[0].id}"}
        self.events({"events": [brevo._event(body)]})
        carry_out()
        assert (post.channels(), self.suppressions()) == (["email", "sms"], set())


class TestBrevoLookUps:
    """The event log takes a hundred reads an hour."""

    def test_throttled_look_up_keeps_its_wait_and_costs_no_attempt(self, post, configured, test_clock) -> None:
        """It waits for as long as Brevo says, alone; other mails go on."""
        waits: list[Exception] = [ThrottledError("429", after_seconds=2911)]

        def find(_self: brevo.Brevo, email: Email, _since: datetime | None = None) -> str | None:
            if waits:
                raise waits.pop()
            return "<found@brevo>"

        configured.setattr(brevo.Brevo, "find", find)
        configured.setattr(brevo, "look_up", REAL_LOOK_UP)
        post.after_sending = [UncertainError("no answer")]
        enqueue(message("email"))
        pass_minutes(test_clock, 2)
        (row,) = deliveries()
        assert (row.state, row.attempts) == (State.PENDING, 1)
        assert timedelta(minutes=45) < row.due_at - clock.now() <= timedelta(seconds=2911)
        enqueue(message("email", dedupe_key="other", person="lead:18"))
        assert len(post.sent) == 2
        pass_minutes(test_clock, 50)
        assert (deliveries()[0].state, deliveries()[0].result) == (State.DONE, {"id": "found@brevo", "found": True})
        assert len(post.sent) == 2

    def test_look_ups_beyond_the_hours_own_wait_for_the_next(self, configured) -> None:
        """Ninety of ours; Brevo counts those of people at its page as well."""
        client = brevo.Brevo.from_settings(get_settings())
        assert [client.look_ups.take() for _ in range(91)] == [True] * 90 + [False]
        assert 0 < client.look_ups.seconds_until_free() <= 3600


REAL_LOOK_UP = brevo.look_up


def test_event_of_before_is_still_read() -> None:
    """What waits in a queue while the app is replaced: one event, with the provider's own word."""
    old = {
        "provider": "twilio",
        "vendor_id": "SM1",
        "word": "undelivered",
        "at": None,
        "delivery": 7,
        "who": None,
        "detail": {"error": "63016"},
    }
    (event,) = ProviderEvents.model_validate(old).events
    assert (event.status, event.reason, event.delivery_id) == ("failed", "twilio-outside-window", 7)
    called = old | {"word": "completed", "detail": {"call": "yes", "answered_by": "machine_start"}}
    assert ProviderEvents.model_validate(called).events[0].status == "machine"
    for provider, word, detail, status in (
        ("brevo", "spam", {}, "complained"),
        ("resend", "email.bounced", {"bounce": "Transient"}, "soft-bounced"),
        ("brevo", "proxy_open", {}, None),
    ):
        data = old | {"provider": provider, "word": word, "detail": detail}
        assert ProviderEvents.model_validate(data).events[0].status == status
