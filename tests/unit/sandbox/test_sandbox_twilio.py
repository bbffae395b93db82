"""The sandbox's Twilio, by our own client, unchanged; its callbacks, by Twilio's own package and by our own check."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from sandbox.twilio import Twilio as SandboxTwilio
from sandbox.twilio import twiml
from sandbox.twilio.resources import ACCOUNT, TOKEN
from sandbox.vendor import Call, Reply, UnknownActionError, Webhook
from shared import clock
from shared.errors import PermanentError, UnavailableError, UncertainError
from shared.intake import signatures
from shared.messages import voice
from shared.messages.providers.twilio_client import Twilio
from tests.support.sandbox import APP, SandboxAdapter, Wire, wired

ANA, OURS = "+525512345678", "+525500000002"
BACK, SCRIPT = f"{APP}/api/twilio/status?d=7", f"{APP}/api/twilio/voice?d=7"
CONTENT = "HX" + "0c" * 16
START = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def time() -> Iterator[clock.TestClock]:
    """Stands still."""
    with clock.frozen(START) as frozen:
        yield frozen


class Account:
    """Our client, the vendor behind it, and its callbacks."""

    def __init__(self) -> None:
        self.vendor, self.adapter, self.wire = wired(SandboxTwilio())
        self.client = client(self.adapter)

    def message(self, channel: str = "whatsapp", to: str = ANA, **more: str) -> str:
        """Send one, with a callback; its id."""
        given = {"body": "Hola, Ana"} if "content_sid" not in more else {}
        sent = self.client.create_message(channel=channel, to=to, sender=OURS, status_callback=BACK, **(given | more))  # type: ignore[arg-type]  # one of the two
        assert sent.status == "queued"
        return sent.sid

    def call(self, **more: bool) -> str:
        """Make one; its id."""
        return self.client.create_call(to=ANA, caller_id=OURS, url=SCRIPT, status_callback=BACK, **more).sid  # type: ignore[arg-type]  # a flag

    def writes(self, text: str, channel: str = "whatsapp") -> None:
        """Ana writes to us."""
        self.vendor.act("reply", {"from": ANA, "text": text, "channel": channel})

    def callbacks(self) -> list[dict[str, str]]:
        """The forms of the callbacks so far, each held against Twilio's own check and ours; they are gone then."""
        forms = [checked(self.wire, webhook) for webhook in self.wire.sent]
        self.wire.sent.clear()
        return forms

    def words(self) -> list[str]:
        """The statuses told so far."""
        return [form.get("MessageStatus") or form["CallStatus"] for form in self.callbacks()]


def client(adapter: SandboxAdapter, token: str = TOKEN) -> Twilio:
    """Our own."""
    return Twilio("http://127.0.0.1:7072/twilio", ACCOUNT, token, adapter)


def checked(wire: Wire, webhook: Webhook) -> dict[str, str]:
    """The form of a callback, after both checks of its signature."""
    form = dict(parse_qsl(webhook.body.decode(), keep_blank_values=True)) if webhook.method == "POST" else {}
    headers = wire.headers(webhook)
    assert RequestValidator(TOKEN).validate(webhook.url, form, headers["X-Twilio-Signature"])
    signatures.twilio(headers, webhook.body if webhook.method == "POST" else b"", [TOKEN], url=webhook.url)
    return form


@pytest.fixture
def account() -> Account:
    """An account to which nobody has written yet."""
    return Account()


def test_an_sms_is_delivered_and_says_so(account: Account) -> None:
    """Sent, then delivered; each callback with what our intake reads, signed for the address that we gave."""
    sid = account.message("sms")
    first, second = account.callbacks()
    assert [first["MessageStatus"], second["MessageStatus"]] == ["sent", "delivered"]
    assert {form["MessageSid"] for form in (first, second)} == {sid}
    assert first["To"] == ANA
    assert account.client.messages_to(channel="sms", to=ANA, sender=OURS, since=START, body="Hola, Ana")


@pytest.mark.parametrize(
    ("outcome", "words", "code"),
    [
        ("read", ["sent", "delivered", "read"], None),
        ("undelivered", ["sent", "undelivered"], "63024"),
        ("failed", ["failed"], "30008"),
        ("silent", [], None),
    ],
)
def test_what_becomes_of_a_message_is_chosen(account: Account, outcome: str, words: list[str], code: str | None) -> None:
    """For one number, for once; the next one is delivered again."""
    account.writes("Hola")
    account.callbacks()
    account.vendor.act("deliver", {"to": ANA, "outcome": outcome, "once": True})
    account.message()
    callbacks = account.callbacks()
    assert [form["MessageStatus"] for form in callbacks] == words
    assert [form.get("ErrorCode") for form in callbacks][-1:] == ([code] if words else [])
    account.message()
    assert account.words() == ["sent", "delivered"]


def test_a_choice_for_all_is_not_one_for_a_number(account: Account) -> None:
    """The number's own goes first."""
    account.vendor.act("deliver", {"outcome": "failed"})
    account.vendor.act("deliver", {"to": ANA, "outcome": "delivered"})
    account.message("sms")
    account.message("sms", to="+525599999999")
    assert account.words() == ["sent", "delivered", "failed"]


def test_free_text_on_whatsapp_needs_their_message_of_the_last_day(account: Account, time: clock.TestClock) -> None:
    """Beyond it Twilio takes the text, and says only later that it failed with 63016; an approved template goes out."""
    account.message()
    (late,) = account.callbacks()
    assert (late["MessageStatus"], late["ErrorCode"]) == ("undelivered", "63016")
    account.message(content_sid=CONTENT)
    assert account.words() == ["sent", "delivered"]
    account.writes("Hola")
    account.callbacks()
    time.advance(hours=23, minutes=59)
    account.message()
    assert account.words() == ["sent", "delivered"]
    time.advance(minutes=2)
    account.message()
    assert account.words() == ["undelivered"]


def test_an_approved_template_is_read_with_its_variables(account: Account) -> None:
    """As the recipient reads it; of one that the sandbox does not know, the variables."""
    variables = {"1": "Ana", "2": "ventas"}
    account.vendor.act("content", {"id": CONTENT, "body": "Hola, {{1}}: {{2}} y {{3}}."})
    account.client.create_message(channel="whatsapp", to=ANA, sender=OURS, content_sid=CONTENT, content_variables=variables)
    account.client.create_message(
        channel="whatsapp", to=ANA, sender=OURS, content_sid="HX" + "0d" * 16, content_variables=variables
    )
    known, unknown = account.vendor.inbox()
    assert known.text == "Hola, Ana: ventas y {{3}}."
    assert "{{1}} Ana" in unknown.text


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("5512345678", "twilio-invalid-recipient"),
        ("+15005550001", "twilio-invalid-recipient"),
        ("+15005550002", "twilio-unreachable"),
        ("+15005550003", "twilio-country-not-allowed"),
        ("+15005550004", "twilio-opted-out"),
        ("+15005550009", "twilio-invalid-recipient"),
    ],
)
def test_numbers_that_twilio_refuses(account: Account, to: str, reason: str) -> None:
    """With its code, at once; the magic numbers are its own."""
    with pytest.raises(PermanentError) as refusal:
        account.message("sms", to=to)
    assert refusal.value.reason == reason
    assert account.callbacks() == []


def test_after_stop_an_sms_is_refused_until_start(account: Account) -> None:
    """Twilio minds STOP by itself, for SMS; WhatsApp and words that are none of its own are left to us."""
    account.writes("BAJA", "sms")
    account.message("sms")
    account.writes(" stop ", "sms")
    assert account.callbacks()[-1]["Body"] == " stop "
    with pytest.raises(PermanentError) as refusal:
        account.message("sms")
    assert refusal.value.reason == "twilio-opted-out"
    account.writes("START", "sms")
    account.message("sms")


def test_what_somebody_writes_reaches_the_app(account: Account) -> None:
    """At the address that is set for the number, from the number that wrote to them last, as WhatsApp says it."""
    account.message(content_sid=CONTENT)
    account.callbacks()
    account.vendor.act("reply", {"from": ANA, "text": "¿Mañana?", "name": "Ana"})
    assert account.wire.sent[0].url == f"{APP}/api/twilio/message"
    (form,) = account.callbacks()
    assert (form["From"], form["To"], form["Body"]) == (f"whatsapp:{ANA}", f"whatsapp:{OURS}", "¿Mañana?")
    assert (form["WaId"], form["ProfileName"]) == (ANA[1:], "Ana")


def test_what_somebody_writes_is_signed_for_the_address_that_the_app_goes_by(account: Account) -> None:
    """Behind a tunnel that is not where it listens: the callbacks tell it."""
    back = "https://tunnel.example:8443/api/twilio/status?d=1"
    account.client.create_message(channel="sms", to=ANA, sender=OURS, body="Hola", status_callback=back)
    account.callbacks()
    account.writes("Hola", "sms")
    assert account.wire.sent[0].url == "https://tunnel.example:8443/api/twilio/message"
    account.callbacks()


def test_the_apps_answer_to_a_message_is_sent(account: Account) -> None:
    """Each Message of its TwiML; an empty Response says nothing, and what is no TwiML neither."""
    for body in (b"<Response><Message>Hola</Message></Response>", b"<Response/>", b"{}", b""):
        account.writes("Hola")
        account.vendor.on_reply(account.wire.sent.pop(), Reply(status=200, body=body))
    texts = [item.text for item in account.vendor.inbox() if not item.incoming]
    assert texts == ["Hola"]


def test_a_call_that_is_answered_says_what_the_app_wants(account: Account) -> None:
    """The script is asked for with who answers; what is said, how it ended and how long it took are kept and told."""
    sid = account.call(machine_detection=True)
    answered, script = account.wire.sent
    assert checked(account.wire, answered)["CallStatus"] == "in-progress"
    checked(account.wire, script)
    asked = dict(parse_qsl(urlsplit(script.url).query))
    assert (script.method, asked["d"], asked["AnsweredBy"], asked["CallSid"]) == ("GET", "7", "human", sid)
    account.wire.sent.clear()
    account.vendor.on_reply(script, Reply(status=200, body=voice.twiml("Hola, Ana.\n\nAdiós & gracias.").encode()))
    (completed,) = account.callbacks()
    assert (completed["CallStatus"], completed["AnsweredBy"]) == ("completed", "human")
    (item,) = account.vendor.inbox()
    assert item.text == "Hola, Ana.\n\n(pause of 1 s)\n\nAdiós & gracias."
    assert (item.status, item.facts["Duration"]) == ("completed (human)", f"{completed['CallDuration']} s")


def test_a_machine_is_told_as_one(account: Account) -> None:
    """To whoever asked for the detection; else nobody knows."""
    account.vendor.act("answer", {"outcome": "machine"})
    account.call(machine_detection=True)
    account.call()
    scripts = [dict(parse_qsl(urlsplit(each.url).query)) for each in account.wire.sent if each.asks]
    assert [each.get("AnsweredBy") for each in scripts] == ["machine_start", None]


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
def test_a_call_that_nobody_answers(account: Account, outcome: str) -> None:
    """It ends with that word, and no script is asked for."""
    account.vendor.act("answer", {"to": ANA, "outcome": outcome, "once": True})
    account.call(machine_detection=True)
    (callback,) = account.callbacks()
    assert (callback["CallStatus"], callback["CallDuration"], "AnsweredBy" in callback) == (outcome, "0", False)
    account.call()
    assert len(account.wire.sent) == 2


@pytest.mark.parametrize("reply", [Reply(status=None), Reply(status=503), Reply(status=200, body=b"<html>")])
def test_without_a_script_a_call_ends_with_twilios_apology(account: Account, reply: Reply) -> None:
    """As with the real one; the trouble is seen in the inbox."""
    account.call()
    script = account.wire.sent.pop()
    account.vendor.on_reply(script, reply)
    (item,) = account.vendor.inbox()
    assert item.text == twiml.FAILED
    assert "no TwiML" in item.trouble


def test_a_redirect_in_a_script_is_followed_and_not_for_ever(account: Account) -> None:
    """What was said before it stays said."""
    account.call()
    for _ in range(20):
        script = next((each for each in account.wire.sent if each.asks), None)
        if script is None:
            break
        account.wire.sent.remove(script)
        account.vendor.on_reply(
            script, Reply(status=200, body=b"<Response><Say>Uno</Say><Redirect>/otro</Redirect></Response>")
        )
    (item,) = account.vendor.inbox()
    assert item.text.count("Uno") == 6
    assert item.status == "completed"


def test_a_call_that_is_over_is_not_redirected(account: Account) -> None:
    """One that is under way is."""
    sid = account.call()
    account.client.redirect_call(sid, f"{APP}/otro")
    script = account.wire.sent[-1]
    assert urlsplit(script.url).path == "/otro"
    account.vendor.on_reply(script, Reply(status=200, body=b"<Response/>"))
    with pytest.raises(PermanentError, match="21220"):
        account.client.redirect_call(sid, SCRIPT)


def test_number_that_may_send_no_more_fails_by_callback(account: Account) -> None:
    """The answer is friendly, as with every failure of WhatsApp; the callback has 63018."""
    account.vendor.act("deliver", {"outcome": "limited"})
    account.writes("Hola")
    account.callbacks()
    account.message()
    (callback,) = account.callbacks()
    assert (callback["MessageStatus"], callback["ErrorCode"]) == ("failed", "63018")


def test_what_twilio_took_for_a_wish_stands_in_its_form(account: Account) -> None:
    """As with its own handling of STOP."""
    account.vendor.act("reply", {"from": ANA, "text": "ya no", "channel": "sms", "opt_out": "STOP"})
    (callback,) = account.callbacks()
    assert callback["OptOutType"] == "STOP"


def test_callback_is_sent_without_what_is_meant_for_twilio(account: Account) -> None:
    """What stands behind `#` says how often to send again; it is neither called nor signed."""
    account.client.create_message(
        channel="sms", to=ANA, sender=OURS, body="x", status_callback=f"{APP}/api/twilio/status?d=1#rc=5&rp=all"
    )
    assert {webhook.url for webhook in account.wire.sent} == {f"{APP}/api/twilio/status?d=1"}


def test_what_was_sent_is_found_after_a_lost_answer(account: Account, time: clock.TestClock) -> None:
    """By number, sender and time, as our client asks before it sends again; what came in is none of ours."""
    account.writes("Hola, Ana")
    time.advance(hours=1)
    account.adapter.lose_answers = 2
    with pytest.raises(UncertainError):
        account.message()
    with pytest.raises(UncertainError):
        account.call()
    (found,) = account.client.messages_to(channel="whatsapp", to=ANA, sender=OURS, since=clock.now(), body="Hola, Ana")
    assert found.status == "delivered"
    assert account.client.calls_to(to=ANA, caller_id=OURS, since=clock.now())
    assert not account.client.calls_to(to=ANA, caller_id=OURS, since=clock.now() + timedelta(minutes=1))


def test_lists_have_pages_and_dates(account: Account, time: clock.TestClock) -> None:
    """Newest first; the next page is named, days are those of UTC."""
    for _ in range(5):
        account.message("sms")
        time.advance(days=1)
    seen, path = [], f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=2"
    while path:
        page = account.client._http._session.get(f"http://127.0.0.1:7072/{path.removeprefix('/')}").json()
        seen += [entry["date_created"][5:7] for entry in page["messages"]]
        path = "/twilio" + page["next_page_uri"] if page["next_page_uri"] else ""
    assert seen == ["06", "05", "04", "03", "02"]
    dated = f"http://127.0.0.1:7072/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    params = {"DateSent>": "2026-03-03", "DateSent<": "2026-03-04"}
    found = account.client._http._session.get(dated, params=params).json()["messages"]
    assert [entry["date_created"][5:7] for entry in found] == ["04", "03"]


def test_strangers_and_strange_paths_are_refused_in_twilios_words(account: Account) -> None:
    """401 with 20003, 404 with 20404, and too many with 20429."""
    with pytest.raises(UnavailableError, match="20003") as refusal:
        client(account.adapter, "wrong").calls_to(to=ANA, caller_id=OURS, since=START)
    assert refusal.value.account
    with pytest.raises(PermanentError, match="20404"):
        account.client.redirect_call("CA" + "0" * 32, SCRIPT)
    assert account.vendor.fail("too_many", Call(method="POST", path="/")).status == 429


def test_actions_that_make_no_sense_are_refused(account: Account) -> None:
    """With what would."""
    for action, what in (("answer", {"outcome": "maybe"}), ("reply", {"from": "55", "text": "x"}), ("report", {"id": "x"})):
        with pytest.raises((ValueError, UnknownActionError)):
            account.vendor.act(action, what)
    with pytest.raises(UnknownActionError, match="it has answer"):
        account.vendor.act("dance", {})


def test_a_word_can_be_told_by_hand(account: Account) -> None:
    """Late, and again; as a person chooses at the inbox."""
    account.vendor.act("deliver", {"outcome": "silent"})
    sid = account.message(content_sid=CONTENT)
    for word in ("read", "delivered", "delivered"):
        account.vendor.act("report", {"id": sid, "status": word})
    assert account.words() == ["read", "delivered", "delivered"]


def test_everything_outlasts_a_run(account: Account) -> None:
    """What is dumped brings the same inbox back."""
    account.writes("Hola", "sms")
    account.message("sms")
    account.call()
    other = SandboxTwilio()
    other.restore(account.vendor.dump())
    assert other.inbox() == account.vendor.inbox()
    assert other.records("calls", {"to": ANA}, None)[1] == 1
    other.reset({})
    assert other.inbox() == []


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)


@given(text=TEXTS, name=TEXTS)
def test_every_text_is_signed_rightly(text: str, name: str) -> None:
    """Whatever people write: by Twilio's own package and by ours."""
    with clock.frozen(START):
        account = Account()
        account.vendor.act("reply", {"from": ANA, "text": text, "name": name})
        (form,) = account.callbacks()
        assert form["Body"] == text


@given(st.text(max_size=80).map(str.encode) | st.binary(max_size=80))
def test_twiml_is_read_or_refused(body: bytes) -> None:
    """Nothing else happens, whatever the app answers."""
    with suppress(ValueError):
        assert all(isinstance(part, str) for part in twiml.read_call(body).said)
