"""The sandbox's Brevo, Resend and mail server, by our own clients, unchanged; their webhooks, by Svix and by our own checks."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from svix.webhooks import Webhook as Svix

from sandbox.brevo import API_KEY as BREVO_KEY
from sandbox.brevo import TOKEN
from sandbox.brevo import Brevo as SandboxBrevo
from sandbox.mailing import MailSender, unsubscribe_url
from sandbox.resend import API_KEY as RESEND_KEY
from sandbox.resend import SECRET
from sandbox.resend import Resend as SandboxResend
from sandbox.smtp import MailServer
from sandbox.vendor import Call, Reply, UnknownActionError, Webhook
from shared import clock
from shared.errors import PermanentError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.intake import signatures
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.mail import Email
from shared.messages.providers.resend import Resend
from tests.support.sandbox import Wire, wired

WAY_OUT = "https://puente.example/api/unsubscribe?t=1"
EMAIL = Email(
    key="lead:17/welcome",
    to="ana@example.com",
    to_name="Ana",
    subject="Hola, Ana",
    text="Hola.",
    html='<p>Hola. <a href="https://reservas.example/17?a=1&amp;b=2">Reserva</a></p>',
    headers={"List-Unsubscribe": f"<{WAY_OUT}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    tags=("lead welcome",),
)


@pytest.fixture(autouse=True)
def time() -> Iterator[clock.TestClock]:
    """Stands still, at the time of the test: Svix compares a webhook's time with the machine's own clock."""
    with clock.frozen(datetime.now(UTC)) as frozen:
        yield frozen


class Sender:
    """One vendor, our client of it, and what it tells."""

    def __init__(self, name: str, key: str = "") -> None:
        vendor: MailSender = SandboxBrevo() if name == "brevo" else SandboxResend()
        self.name, (self.vendor, self.adapter, self.wire) = name, wired(vendor)
        self.client: Brevo | Resend
        if name == "brevo":
            url = "http://127.0.0.1:7072/brevo/v3"
            self.client = Brevo(url, key or BREVO_KEY, "javier@puente.example", "Javier", self.adapter)
        else:
            self.client = Resend("http://127.0.0.1:7072/resend", key or RESEND_KEY, "Javier <j@puente.example>", self.adapter)

    def send(self, **more: Any) -> str:
        """Send the mail, or one that differs; its id."""
        return self.client.send(Email(**{**EMAIL.__dict__, **more}))

    def mails(self) -> list[dict[str, Any]]:
        """What went out."""
        return self.vendor.records("emails", {}, None)[0]

    def delivered_events(self) -> list[dict[str, Any]]:
        """The events so far, each checked as the vendor's customers do; they are gone then."""
        events = [checked(self.name, self.wire, webhook) for webhook in self.wire.sent]
        self.wire.sent.clear()
        return events

    def words(self) -> list[str]:
        """The vendor's words so far."""
        return [str(event.get("event") or event["type"]) for event in self.delivered_events()]


def checked(name: str, wire: Wire, webhook: Webhook) -> dict[str, Any]:
    """The event, after the checks of where it comes from."""
    headers = wire.headers(webhook)
    if name == "brevo":
        signatures.brevo(headers, webhook.body, [TOKEN])
    else:
        signatures.resend(headers, webhook.body, [SECRET])
        Svix(SECRET).verify(webhook.body, headers)
    return dict(json.loads(webhook.body))


@pytest.fixture(params=["brevo", "resend"])
def sender(request: pytest.FixtureRequest) -> Sender:
    """Each of the two."""
    return Sender(request.param)


@pytest.fixture
def brevo() -> Sender:
    """Brevo."""
    return Sender("brevo")


@pytest.fixture
def resend() -> Sender:
    """Resend."""
    return Sender("resend")


def test_a_mail_arrives_as_it_was_sent(sender: Sender) -> None:
    """Both parts, who it is from, and the way out; the sending is told as sent and delivered, under the id that we got."""
    number = sender.send()
    (item,) = sender.vendor.inbox()
    assert (item.person, item.title, item.text, item.status) == (EMAIL.to, EMAIL.subject, "Hola.", "delivered")
    assert item.links == ("https://reservas.example/17?a=1&b=2",)
    assert item.unsubscribe == WAY_OUT
    assert "avier" in item.sender
    delivered_events = sender.delivered_events()
    assert len(delivered_events) == 2
    assert all(number in json.dumps(event) for event in delivered_events)


def test_brevo_words(brevo: Sender) -> None:
    """As its documentation spells them."""
    brevo.send()
    number = brevo.mails()[0]["id"]
    for action, more in (
        ("open", {}),
        ("click", {}),
        ("brevo_unsubscribe", {}),
        ("bounce", {"soft": True}),
        ("bounce", {}),
        ("complain", {}),
    ):
        brevo.vendor.act(action, {"id": number, **more})
    events = brevo.delivered_events()
    assert [event["event"] for event in events] == [
        "request", "delivered", "opened", "click", "unsubscribed", "soft_bounce", "hard_bounce", "spam",
    ]  # fmt: skip
    assert events[3]["link"] == "https://reservas.example/17?a=1&b=2"


def test_resend_words(resend: Sender) -> None:
    """As its documentation spells them; a bounce says of which kind."""
    number = resend.send()
    for action, more in (("open", {}), ("click", {}), ("bounce", {"soft": True}), ("bounce", {}), ("complain", {})):
        resend.vendor.act(action, {"id": number, **more})
    events = resend.delivered_events()
    assert [event["type"].removeprefix("email.") for event in events] == [
        "sent", "delivered", "opened", "clicked", "bounced", "bounced", "complained",
    ]  # fmt: skip
    assert [event["data"]["bounce"]["type"] for event in events[4:6]] == ["Transient", "Permanent"]


def test_an_event_that_is_sent_again_keeps_its_id(resend: Sender, time: clock.TestClock) -> None:
    """And is signed with the new time, as Svix does; two events never share one."""
    resend.send()
    first, second = resend.wire.sent
    before = resend.wire.headers(first)
    time.advance(seconds=60)
    after = resend.wire.headers(first)
    assert before["svix-id"] == after["svix-id"] != resend.wire.headers(second)["svix-id"]
    assert before["svix-signature"] != after["svix-signature"]


@pytest.mark.parametrize(
    ("outcome", "brevo_words", "resend_words"),
    [
        ("deferred", ["request", "deferred"], ["email.sent", "email.delivery_delayed"]),
        ("hard_bounce", ["request", "hard_bounce"], ["email.sent", "email.bounced"]),
        ("spam", ["request", "delivered", "spam"], ["email.sent", "email.delivered", "email.complained"]),
        ("silent", [], []),
    ],
)
def test_what_becomes_of_a_mail_is_chosen(
    sender: Sender, outcome: str, brevo_words: list[str], resend_words: list[str]
) -> None:
    """For one address, for once."""
    sender.vendor.act("outcome", {"to": "ANA@example.com", "outcome": outcome, "once": True})
    sender.send()
    assert sender.words() == (brevo_words if sender.name == "brevo" else resend_words)
    sender.send(key="another", to="luz@example.com")
    assert len(sender.words()) == 2


@pytest.mark.parametrize("deed", ["bounce", "complain"])
def test_nothing_goes_to_an_address_that_bounced_or_complained(sender: Sender, deed: str) -> None:
    """Both vendors see to that themselves, and say so; until the address is let back in."""
    sender.send()
    sender.vendor.act(deed, {"id": sender.mails()[0]["id"]})
    sender.delivered_events()
    sender.send(key="two")
    assert sender.words() == ["blocked" if sender.name == "brevo" else "email.suppressed"]
    sender.vendor.act("unblock", {"to": EMAIL.to})
    sender.send(key="three")
    assert len(sender.words()) == 2


def test_one_click_is_the_mail_programs_own(sender: Sender) -> None:
    """The POST of RFC 8058, with nothing of the vendor's in it; the app's answer is noted."""
    sender.send()
    sender.delivered_events()
    mail = sender.mails()[0]
    sender.vendor.act("unsubscribe", {"id": mail["id"]})
    (webhook,) = sender.wire.sent
    assert (webhook.url, webhook.body, webhook.method) == (WAY_OUT, b"List-Unsubscribe=One-Click", "POST")
    assert sender.wire.headers(webhook) == {"Content-Type": "application/x-www-form-urlencoded"}
    sender.vendor.on_reply(webhook, Reply(status=200))
    assert sender.vendor.inbox()[0].facts["Answer to one click"] == "200"
    sender.send(key="other", headers={"List-Unsubscribe": "<mailto:no@puente.example>"})
    assert unsubscribe_url(sender.mails()[1]) == ""
    with pytest.raises(UnknownActionError, match="no way out"):
        sender.vendor.act("unsubscribe", {"id": sender.mails()[1]["id"]})


def test_brevo_drops_a_key_for_half_an_hour(brevo: Sender, time: clock.TestClock) -> None:
    """Our client takes that for sent, and asks for the id; after half an hour the same mail goes out again."""
    first = brevo.send()
    time.advance(minutes=29)
    assert brevo.send() == first
    time.advance(minutes=2)
    assert brevo.send()
    assert len(brevo.mails()) == 2


def test_brevo_knows_what_was_sent_when_its_answer_was_lost(brevo: Sender) -> None:
    """By the key among the tags; of another mail to the same address it says nothing, and the log may lag."""
    assert isinstance(brevo.client, Brevo)
    brevo.adapter.lose_answers = 1
    with pytest.raises(UncertainError):
        brevo.send()
    assert brevo.client.find(EMAIL) == brevo.mails()[0]["id"]
    assert brevo.client.find(Email(**{**EMAIL.__dict__, "key": "another"})) is None
    late = brevo.vendor.fail("late_log", Call(method="GET", path="/v3/smtp/statistics/events"))
    assert json.loads(late.body) == {"events": []}


def test_brevos_log_may_be_read_a_hundred_times_an_hour(brevo: Sender, time: clock.TestClock) -> None:
    """Then it says for how long not, in its own header."""
    assert isinstance(brevo.client, Brevo)
    for _ in range(100):
        brevo.client.find(EMAIL)
    time.advance(minutes=20)
    with pytest.raises(ThrottledError) as throttled:
        brevo.client.find(EMAIL)
    assert 2390 < (throttled.value.after_seconds or 0) <= 2401
    time.advance(minutes=41)
    assert brevo.client.find(EMAIL) is None


def test_brevos_log_takes_tags_as_an_array(brevo: Sender) -> None:
    """Serialised as JSON; what is none filters everything away. Days are those of the account's calendar."""
    brevo.send()

    def found(**query: str) -> int:
        call = Call(method="GET", path="/v3/smtp/statistics/events", headers={"api-key": BREVO_KEY}, query=query)
        return len(json.loads(brevo.vendor.answer(call).body)["events"])

    assert found(tags=json.dumps([EMAIL.key_uuid])) == 2
    assert found(tags=EMAIL.key_uuid) == 0
    assert found(days="1") == 2


def test_brevos_times_follow_the_account_but_for_one(brevo: Sender) -> None:
    """`ts_epoch` alone is that of UTC."""
    brevo.send()
    event = brevo.delivered_events()[0]
    assert event["ts_epoch"] == int(clock.now().timestamp() * 1000)
    assert event["ts_event"] == event["ts"] == event["ts_epoch"] // 1000 - 6 * 3600


def test_brevo_says_what_it_is_told_to_say(brevo: Sender) -> None:
    """Any word of its webhooks, with a reason."""
    brevo.send()
    brevo.delivered_events()
    number = brevo.mails()[0]["id"]
    for word in ("complaint", "unsubscribe", "unique_opened", "proxy_open", "error", "invalid_email"):
        brevo.vendor.act("brevo_says", {"id": number, "word": word})
    brevo.vendor.act("brevo_says", {"id": number, "word": "blocked", "reason": "blocked : due to blacklist user"})
    events = brevo.delivered_events()
    assert [event["event"] for event in events] == [
        "complaint",
        "unsubscribe",
        "unique_opened",
        "proxy_open",
        "error",
        "invalid_email",
        "blocked",
    ]
    assert events[-1]["reason"] == "blocked : due to blacklist user"
    with pytest.raises(ValueError, match="word"):
        brevo.vendor.act("brevo_says", {"id": number, "word": "nonsense"})


def test_resend_gives_the_first_answer_again_for_a_day(resend: Sender, time: clock.TestClock) -> None:
    """For the same mail; another with this key is refused for good."""
    first = resend.send()
    time.advance(hours=23)
    assert resend.send() == first
    with pytest.raises(PermanentError) as refusal:
        resend.send(text="Adiós.")
    assert refusal.value.reason == "resend-invalid-idempotent-request"
    assert len(resend.mails()) == 1
    time.advance(hours=2)
    assert resend.send() != first


@pytest.mark.parametrize(
    ("change", "brevo_reason", "resend_reason"),
    [
        ({"to": "nobody"}, "brevo-invalid-parameter", "resend-validation-error"),
        ({"subject": ""}, "brevo-missing-parameter", "resend-missing-required-field"),
    ],
)
def test_mails_that_are_refused(sender: Sender, change: dict[str, Any], brevo_reason: str, resend_reason: str) -> None:
    """In the vendor's words; nothing goes out."""
    with pytest.raises(PermanentError) as refusal:
        sender.send(**change)
    assert refusal.value.reason == (brevo_reason if sender.name == "brevo" else resend_reason)
    assert (sender.mails(), sender.delivered_events()) == ([], [])


def test_a_wrong_key_is_refused() -> None:
    """401 at Brevo, 403 at Resend."""
    for name, status in (("brevo", "401"), ("resend", "403")):
        with pytest.raises(UnavailableError, match=status) as refusal:
            Sender(name, key="wrong").send()
        assert refusal.value.account


def test_faults_of_their_own() -> None:
    """An account that sends nothing; the same key just under way; too many, with the headers that say when."""
    brevo, resend = Sender("brevo"), Sender("resend")
    call = Call(method="POST", path="/emails")
    for mode in ("no_credits", "unknown_address", "blocked_account"):
        brevo.adapter.vendor = Failing(brevo.vendor, mode)
        with pytest.raises(UnavailableError) as refusal:
            brevo.send()
        assert refusal.value.account
    brevo.adapter.vendor = Failing(brevo.vendor, "limit")
    with pytest.raises(ThrottledError) as throttled:
        brevo.send()
    assert throttled.value.after_seconds == 7
    resend.adapter.vendor = Failing(resend.vendor, "concurrent")
    with pytest.raises(RetryableError, match="just being sent"):
        resend.send()
    limited = resend.vendor.fail("limit", call)
    assert (limited.status, limited.headers["retry-after"], limited.headers["ratelimit-remaining"]) == (429, "1", "0")
    assert resend.vendor.fail("quota", call).outcome == "daily_quota_exceeded"


class Failing(MailServer):
    """A vendor under a fault of its own."""

    prefixes = ("/brevo", "/resend")

    def __init__(self, vendor: MailSender, mode: str) -> None:
        super().__init__()
        self._vendor, self._mode = vendor, mode

    def answer(self, call: Call) -> Any:
        """Always the fault."""
        return self._vendor.fail(self._mode, call)


def test_everything_outlasts_a_run(sender: Sender) -> None:
    """The mails, and the keys that were used."""
    first = sender.send()
    other = Sender(sender.name)
    other.vendor.restore(json.loads(json.dumps(sender.vendor.dump())))
    assert other.vendor.inbox() == sender.vendor.inbox()
    assert other.send() in (first, "")
    assert len(other.mails()) == 1


def test_actions_that_make_no_sense_are_refused(sender: Sender) -> None:
    """With what would."""
    sender.send()
    number = sender.mails()[0]["id"]
    for action, what in (
        ("outcome", {"outcome": "lost"}),
        ("click", {"id": number, "link": "https://x.example"}),
        ("open", {"id": "x"}),
    ):
        with pytest.raises((ValueError, UnknownActionError)):
            sender.vendor.act(action, what)
    with pytest.raises(UnknownActionError, match="it has outcome"):
        sender.vendor.act("dance", {})
