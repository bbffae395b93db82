"""What vendors and recipients send about messages, through the real functions: signed or refused, applied once."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

import azure.functions as func
import pytest
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from functions import messages as message_webhooks
from shared import clock, retention
from shared.intake.endpoint import EVENTS_QUEUE
from shared.messages import Fallback, consent, digests, links
from shared.outbox.actions import State
from shared.people import aliases
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import InboxEvent
from shared.store.session import reading, transact
from tests.support import loops
from tests.support.functions import named
from tests.support.messages import ANA_EMAIL, ANA_PHONE, CONFIGURED, LEAD, PostOffice, carry_out, deliveries, enqueue, message
from tests.support.payloads import payload
from tests.support.world import Out, World

BASE = "https://puente.example"
TWILIO_TOKEN, BREVO_TOKEN, RESEND_KEY = "token-de-twilio", "token-de-brevo", "secretosecreto"
SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")


@pytest.fixture
def post(environment: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """All vendors set up, and in the test's hand."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    with PostOffice().installed(environment) as office:
        yield office


@pytest.fixture
def flow(world: World, test_clock: clock.TestClock, post: PostOffice) -> "Flow":
    """A Monday at noon in Mexico."""
    test_clock.moment = test_clock.moment.replace(hour=18)
    return Flow(world)


class Flow:
    """The functions of the page, driven as the host would."""

    def __init__(self, world: World) -> None:
        self.world, self.received = world, 0
        world.handlers |= {
            message_webhooks.STATUS_QUEUE: named("message_status_handler"),
            message_webhooks.REPLY_QUEUE: named("message_reply_handler"),
            EVENTS_QUEUE: named("events_handler"),
        }

    def post(self, name: str, queue: str, path: str, body: bytes, headers: dict[str, str]) -> func.HttpResponse:
        """One request to a webhook; what it accepts is handled, and what follows is carried out."""
        request = _request("POST", path, body, headers)
        out = Out()
        answer = loops.run(named(name)(request, out))
        if out.value is not None:
            self.world.storage.send(queue, out.value)
        self.world.run()
        carry_out()
        return answer

    def twilio(self, name: str = "twilio_status_webhook", path: str = "/api/twilio/status?d=1", token=TWILIO_TOKEN, **form):
        """A request as Twilio signs it (by Twilio's own package)."""
        signature = RequestValidator(token).compute_signature(BASE + path, form)
        headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
        queue = message_webhooks.STATUS_QUEUE if "status" in name else message_webhooks.REPLY_QUEUE
        return self.post(name, queue, path, urlencode(form).encode(), headers)

    def says(self, body: str, sender: str = ANA_PHONE, sid: str = "") -> func.HttpResponse:
        """A person writes to us."""
        self.received += 1
        sid = sid or f"SM{self.received}"
        return self.twilio("twilio_message_webhook", "/api/twilio/message", MessageSid=sid, From=sender, Body=body)

    def brevo(self, event: str, token: str = BREVO_TOKEN, **more) -> func.HttpResponse:
        """An event of Brevo's."""
        sent = payload("brevo.event", "delivered", event=event, ts_event=int(clock.now().timestamp())) | more
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        body = json.dumps(sent).encode()
        return self.post("brevo_events_webhook", message_webhooks.STATUS_QUEUE, "/api/brevo/events", body, headers)

    def resend(self, kind: str, secret: str = RESEND_KEY, **data) -> func.HttpResponse:
        """An event of Resend's, signed as Svix does."""
        sent = payload("resend.event", "email.delivered", type=kind, created_at=clock.now().isoformat())
        sent["data"] |= data
        body, moment = json.dumps(sent).encode(), str(int(clock.now().timestamp()))
        signed = hmac.digest(secret.encode(), f"msg_1.{moment}.".encode() + body, hashlib.sha256)
        signature = "v1," + base64.b64encode(signed).decode()
        headers = {
            "svix-id": "msg_1",
            "svix-timestamp": moment,
            "svix-signature": signature,
            "content-type": "application/json",
        }
        return self.post("resend_events_webhook", message_webhooks.STATUS_QUEUE, "/api/resend/events", body, headers)

    def click(self, token: str, method: str = "POST") -> func.HttpResponse:
        """The unsubscribe link, opened or confirmed."""
        path = f"/api/unsubscribe?t={token}"
        if method != "POST":
            return loops.run(message_webhooks.unsubscribe_page(_request(method, path, b"", {})))
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.post("unsubscribe_webhook", EVENTS_QUEUE, path, b"List-Unsubscribe=One-Click", headers)

    def call(self, token: str = TWILIO_TOKEN, **params: str) -> func.HttpResponse:
        """Twilio asks what to say."""
        path = "/api/twilio/voice?" + urlencode(params)
        signature = RequestValidator(token).compute_signature(BASE + path, {})
        return message_webhooks.twilio_voice(_request("GET", path, b"", {"x-twilio-signature": signature}))


def _request(method: str, path: str, body: bytes, headers: dict[str, str]) -> func.HttpRequest:
    query = dict(pair.split("=", 1) for pair in path.partition("?")[2].split("&") if "=" in pair)
    return func.HttpRequest(method=method, url=f"http://localhost{path}", headers=headers, params=query, body=body)


def refused(answer: func.HttpResponse) -> str:
    """The reason of a refusal."""
    return json.loads(answer.get_body())["type"].removeprefix("urn:puente:problem:")


def held_back(channel: str) -> str | None:
    """Why Ana gets nothing by a channel."""
    with reading() as session:
        return consent.held_back(session, message(channel))


class TestTwilioStatus:
    """POST /api/twilio/status."""

    def test_failure_keeps_twilios_own_code(self, flow: Flow, post: PostOffice) -> None:
        """Listeners are told of it with the reason, and with Twilio's words where it sends some."""
        for number, more in enumerate(({}, {"ErrorMessage": "The app of +525512345678 is too old"}), start=1):
            enqueue(message(dedupe_key=f"d{number}"))
            flow.twilio(MessageSid=f"V{number}", MessageStatus="undelivered", ErrorCode="63024", **more)
        failed = [outcome for _context, outcome in post.outcomes_seen if outcome.word == "failed"]
        assert [(one.reason, one.detail) for one in failed] == [
            ("twilio-not-on-whatsapp", "63024"),
            ("twilio-not-on-whatsapp", "63024 The app of … is too old"),
        ]

    def test_whatsapp_outside_its_window_becomes_an_sms(self, flow: Flow, post: PostOffice) -> None:
        """The 63016 trap: accepted, then undelivered; the SMS goes out once, however often Twilio says it."""
        enqueue(message(fallback=(SMS,)))
        for status in ("queued", "sent", "undelivered", "undelivered"):
            answer = flow.twilio(MessageSid="V1", MessageStatus=status, ErrorCode="63016" if status == "undelivered" else "")
            assert answer.status_code == 202
        assert post.channels() == ["whatsapp", "sms"]
        assert post.outcomes_seen[1][1].reason == "twilio-outside-window"

    @pytest.mark.parametrize(
        ("form", "word"),
        [
            ({"CallStatus": "completed", "AnsweredBy": "human"}, "answered"),
            ({"CallStatus": "completed"}, "answered"),
            ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, "machine"),
            ({"CallStatus": "busy"}, "no-answer"),
            ({"CallStatus": "no-answer"}, "no-answer"),
            ({"CallStatus": "failed"}, "failed"),
            ({"CallStatus": "canceled"}, "failed"),
        ],
    )
    def test_call(self, flow: Flow, post: PostOffice, form: dict[str, str], word: str) -> None:
        """What became of a call; without a person at the other end the text is sent."""
        enqueue(message("voice", fallback=(SMS,)))
        flow.twilio(CallSid="V1", Timestamp="Mon, 02 Mar 2026 18:00:09 +0000", **form)
        assert post.words()[1] == word
        assert post.channels() == (["voice"] if word == "answered" else ["voice", "sms"])

    def test_stages_of_a_call_are_no_outcome(self, flow: Flow, post: PostOffice) -> None:
        """Ringing and in progress say nothing yet."""
        enqueue(message("voice", fallback=(SMS,)))
        for status in ("initiated", "ringing", "in-progress"):
            flow.twilio(CallSid="V1", CallStatus=status)
        assert post.words() == ["sent"]

    def test_forged_callback_is_refused(self, flow: Flow, post: PostOffice) -> None:
        """And nothing comes of it."""
        enqueue(message(fallback=(SMS,)))
        answer = flow.twilio(token="another", MessageSid="V1", MessageStatus="failed")
        assert (answer.status_code, refused(answer)) == (401, "bad-signature")
        assert post.channels() == ["whatsapp"]

    def test_delivery_of_the_address_is_signed_with_it(self, flow: Flow, post: PostOffice) -> None:
        """Nobody can move a callback to another delivery."""
        form = {"MessageSid": "V1", "MessageStatus": "failed"}
        signature = RequestValidator("token-de-twilio").compute_signature(f"{BASE}/api/twilio/status?d=1", form)
        headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
        body, path = urlencode(form).encode(), "/api/twilio/status?d=2"
        assert flow.post("twilio_status_webhook", message_webhooks.STATUS_QUEUE, path, body, headers).status_code == 401

    @pytest.mark.parametrize("form", [{}, {"MessageSid": "V1"}, {"MessageSid": "x" * 300, "MessageStatus": "sent"}])
    def test_callback_that_says_nothing_is_refused(self, flow: Flow, form: dict[str, str]) -> None:
        """With the field that is wrong."""
        assert flow.twilio(**form).status_code == 422

    def test_unknown_word_is_ignored(self, flow: Flow, post: PostOffice) -> None:
        """A status that Twilio invents tomorrow breaks nothing."""
        enqueue(message())
        assert flow.twilio(MessageSid="V1", MessageStatus="partially_delivered").status_code == 202
        with reading() as session:
            assert session.query(InboxEvent).one().outcome == "ignored"


class TestReplies:
    """POST /api/twilio/message."""

    @pytest.mark.parametrize("word", ["STOP", "Baja.", "¡alto!", " cancelar "])
    def test_stop_holds_for_the_number(self, flow: Flow, post: PostOffice, word: str) -> None:
        """By every channel of the phone, from then on; ALTA lifts it."""
        answer = flow.says(word, f"whatsapp:{ANA_PHONE}")
        assert (answer.status_code, answer.mimetype) == (200, "text/xml")
        assert [held_back(channel) for channel in ("sms", "whatsapp", "voice", "email")] == ["stop", "stop", "stop", None]
        flow.says("ALTA")
        assert held_back("sms") is None

    @pytest.mark.parametrize("text", ["BAJA 🙏", "ya no me manden msjs porfa", "S T O P", "Dejen de molestar!!", "SAIR"])
    def test_a_stop_counts_however_it_is_written(self, flow: Flow, post: PostOffice, text: str) -> None:
        """The rule is `shared.readers.wish`."""
        flow.says(text, f"whatsapp:{ANA_PHONE}")
        assert held_back("whatsapp") == "stop"

    @pytest.mark.parametrize("sender", ["whatsapp:+521{}", "+521{}", "+52 {}"])
    def test_a_number_is_the_same_in_every_spelling(self, flow: Flow, post: PostOffice, sender: str) -> None:
        """A stop from WhatsApp's id of a Mexican mobile holds for the number that we call, and opens its window."""
        flow.says("BAJA", sender.format(ANA_PHONE.removeprefix("+52")))
        assert held_back("sms") == "stop"
        flow.says("ALTA")
        assert held_back("sms") is None

    def test_the_window_opens_for_a_number_in_its_older_spelling(self, flow: Flow, post: PostOffice) -> None:
        """WhatsApp still writes the 1 that Mexico gave up."""
        flow.says("hola", f"whatsapp:+521{ANA_PHONE.removeprefix('+52')}")
        enqueue(message())
        assert post.sent[0].free_text

    def test_a_stop_that_is_filed_under_an_older_spelling_holds_and_is_lifted(self, flow: Flow, post: PostOffice) -> None:
        """A digest cannot be turned into another spelling, so a number is asked for under all of them."""
        digest = hashlib.sha256(f"address:+521{ANA_PHONE.removeprefix('+52')}".encode()).hexdigest()[:32]
        transact(lambda session: consent.suppress(session, ["sms"], [digest], "stop", clock.now()))
        assert held_back("sms") == "stop"
        flow.says("ALTA")
        assert held_back("sms") is None

    @pytest.mark.parametrize("text", ["no me interesa", "número equivocado", "salir", "👎"])
    def test_what_a_person_must_look_at_holds_back_marketing_alone(self, flow: Flow, post: PostOffice, text: str) -> None:
        """No stop is written; what is planned for them still goes; a clear wish settles it."""
        flow.says(text, f"whatsapp:{ANA_PHONE}")
        assert held_back("whatsapp") == "to-review"
        enqueue(message(), message(dedupe_key="k2", transactional=True))
        assert [row.state for row in deliveries()] == [State.SKIPPED, State.DONE]
        flow.says("ALTA")
        assert held_back("whatsapp") is None

    def test_other_words_change_nothing_but_open_the_window(self, flow: Flow, post: PostOffice) -> None:
        """A sentence is for a person to read; free text may be sent for a day."""
        flow.says("por favor no me den de baja todavía", f"whatsapp:{ANA_PHONE}")
        assert held_back("whatsapp") is None
        enqueue(message())
        assert post.sent[0].free_text

    def test_what_people_write_is_kept_once(self, flow: Flow) -> None:
        """In the table that has a rule of retention of its own, unread; the stored event does not repeat the words."""
        flow.says("¿qué precio tiene?", f"whatsapp:+521{ANA_PHONE.removeprefix('+52')}")
        with reading() as session:
            row, event = session.query(ReceivedMessage).one(), session.query(InboxEvent).one()
        assert (row.sender, row.channel, row.text, row.state) == (ANA_PHONE, "whatsapp", "¿qué precio tiene?", "unread")
        assert (event.subject, "precio" in json.dumps(event.data)) == (ANA_PHONE, False)

    def test_pictures_and_the_name_at_the_provider_are_kept(self, flow: Flow) -> None:
        """A picture without words is a message as well."""
        media = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/m/1", "MediaContentType0": "image/jpeg"}
        form = {"MessageSid": "SM1", "From": f"whatsapp:{ANA_PHONE}", "Body": "", "ProfileName": "Ana \U0001f600"} | media
        flow.twilio("twilio_message_webhook", "/api/twilio/message", **form)
        with reading() as session:
            row = session.query(ReceivedMessage).one()
        assert (row.text, row.sender_name) == ("", "Ana \U0001f600")
        assert row.media == [{"type": "image/jpeg", "url": "https://api.twilio.com/m/1"}]

    @pytest.mark.parametrize(("text", "wish", "state"), [("BAJA", "stop", "no-answer-needed"), ("salir", "ask", "unread")])
    def test_a_wish_is_kept_with_its_words(self, flow: Flow, text: str, wish: str, state: str) -> None:
        """A clear one needs no answer, as it is obeyed; one that may be none waits for a person."""
        flow.says(text, f"whatsapp:{ANA_PHONE}")
        with reading() as session:
            row = session.query(ReceivedMessage).one()
        assert (row.wish, row.state, row.text) == (wish, state, text)

    @pytest.mark.parametrize(
        "more", [{"Body": "x" * 20_000}, {"Body": "a\x00b"}, {"From": "INFO"}, {"From": "9" * 300}, {"From": ""}]
    )
    def test_strange_messages_are_taken(self, flow: Flow, more: dict[str, str]) -> None:
        """Too long, with signs that no database takes, from something that is no number."""
        form = {"MessageSid": "SM1", "From": ANA_PHONE, "Body": "hola"} | more
        assert flow.twilio("twilio_message_webhook", "/api/twilio/message", **form).status_code == 200
        with reading() as session:
            assert session.query(InboxEvent).one().outcome == "noted"

    def test_forged_stop_is_refused(self, flow: Flow) -> None:
        """Nobody stops another's messages."""
        answer = flow.twilio(
            "twilio_message_webhook", "/api/twilio/message", "x", MessageSid="SM1", From=ANA_PHONE, Body="STOP"
        )
        assert answer.status_code == 401
        assert held_back("sms") is None


class TestReplay:
    """A genuine request that somebody sends again, however late, changes nothing."""

    def again(self, flow: Flow, sid: str, body: str, **headers: str) -> func.HttpResponse:
        """A message with that number, signed by Twilio, with more headers than it had."""
        path, form = "/api/twilio/message", {"MessageSid": sid, "From": ANA_PHONE, "Body": body}
        signature = RequestValidator(TWILIO_TOKEN).compute_signature(BASE + path, form)
        sent = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"} | headers
        return flow.post("twilio_message_webhook", message_webhooks.REPLY_QUEUE, path, urlencode(form).encode(), sent)

    @pytest.mark.parametrize("days", [0, 1, 400])
    @pytest.mark.parametrize("headers", [{}, {"idempotency-key": "another"}])
    def test_an_old_start_never_undoes_a_newer_stop(
        self, flow: Flow, post: PostOffice, test_clock: clock.TestClock, environment, days: int, headers: dict[str, str]
    ) -> None:
        """Neither under another Idempotency-Key, nor ten minutes later, nor after retention has removed the event."""
        environment.setenv("RETENTION_INBOX_DAYS", "30")
        get_settings.cache_clear()
        self.again(flow, "SM1", "ALTA")
        test_clock.advance(hours=1)
        self.again(flow, "SM2", "BAJA")
        test_clock.advance(days=days, minutes=11)
        retention.forget()
        assert self.again(flow, "SM1", "ALTA", **headers).status_code == 200
        with reading() as session:
            assert (
                consent.cause_against(session, aliases.of(session, ["lead:17"]), "sms", ANA_PHONE, transactional=False)
                == "stop"
            )

    def test_a_status_that_is_sent_again_is_the_same_event(self, flow: Flow, test_clock: clock.TestClock) -> None:
        """Twilio dates none: the same content counts once, however much later a copy of it comes."""
        for _ in range(3):
            flow.twilio(MessageSid="V1", MessageStatus="failed")
            test_clock.advance(minutes=11)
        with reading() as session:
            assert len(session.scalars(select(InboxEvent)).all()) == 1


class TestMailEvents:
    """POST /api/brevo/events and /api/resend/events."""

    @pytest.mark.parametrize(
        ("event", "word", "cause"),
        [
            ("delivered", "delivered", None),
            ("unique_opened", "opened", None),
            ("click", "clicked", None),
            ("hard_bounce", "failed", "bounced"),
            ("invalid_email", "failed", "bounced"),
            ("soft_bounce", "failed", None),
            ("spam", "complained", "complaint"),
            ("unsubscribed", "unsubscribed", "unsubscribed"),
        ],
    )
    def test_brevo(
        self, flow: Flow, post: PostOffice, test_clock: clock.TestClock, event: str, word: str, cause: str | None
    ) -> None:
        """Told to listeners, and the address judged."""
        enqueue(message("email"))
        test_clock.advance(minutes=1)  # sooner it would be a machine that has opened it
        assert flow.brevo(event).status_code == 202
        assert post.words() == ["sent", word]
        assert held_back("email") == cause

    @pytest.mark.parametrize(
        ("kind", "data", "word", "cause"),
        [
            ("email.delivered", {}, "delivered", None),
            ("email.bounced", {"bounce": {"type": "Permanent"}}, "failed", "bounced"),
            ("email.bounced", {"bounce": {"type": "Transient"}}, "failed", None),
            ("email.complained", {}, "complained", "complaint"),
        ],
    )
    def test_resend(self, flow: Flow, post: PostOffice, kind: str, data, word: str, cause: str | None) -> None:
        """The same."""
        enqueue(message("email", provider="resend"))
        assert flow.resend(kind, **data).status_code == 202
        assert post.words() == ["sent", word]
        assert held_back("email") == cause

    def test_forged_events_are_refused(self, flow: Flow) -> None:
        """No stranger can have somebody suppressed."""
        assert refused(flow.brevo("hard_bounce", token="x")) == "bad-signature"
        assert refused(flow.resend("email.bounced", secret="x")) == "bad-signature"
        assert held_back("email") is None

    def test_addresses_are_not_kept(self, flow: Flow) -> None:
        """What we store of an event names nobody."""
        flow.brevo("delivered", reason=f"delivered to {ANA_EMAIL}")
        with reading() as session:
            assert ANA_EMAIL not in json.dumps(session.query(InboxEvent).one().data)

    @pytest.mark.parametrize("more", [{"email": None}, {"ts_event": "soon"}, {"ts_event": 1e30}, {"ts_event": None}])
    def test_strange_fields_do_no_harm(self, flow: Flow, more: dict) -> None:
        """What is missing or odd is left out."""
        assert flow.brevo("delivered", **more).status_code == 202

    @pytest.mark.parametrize("data", [{"email_id": None}, {"email_id": ""}])
    def test_event_without_a_message_is_refused(self, flow: Flow, data: dict) -> None:
        """There is nothing to apply it to."""
        assert flow.resend("email.sent", **data).status_code == 422


class TestProvidersOwnTidings:
    """What a provider tells in a way of its own: in batches, by its own clock, of wishes that it has taken itself."""

    def brevo(self, flow: Flow, body: object) -> func.HttpResponse:
        """A body of Brevo's as it is."""
        headers = {"authorization": f"Bearer {BREVO_TOKEN}", "content-type": "application/json"}
        raw = json.dumps(body).encode()
        return flow.post("brevo_events_webhook", message_webhooks.STATUS_QUEUE, "/api/brevo/events", raw, headers)

    def test_batch_of_brevos_events_is_taken_whole(self, flow: Flow, post: PostOffice) -> None:
        """Each event counts; one that names no message is left out and costs the others nothing."""
        enqueue(message("email"))
        number = deliveries()[0].id
        events = [
            {"event": "delivered", "message-id": f"<V{number}>", "email": ANA_EMAIL},
            {"event": "delivered"},
            {"event": "spam", "message-id": f"<V{number}>", "email": ANA_EMAIL},
        ]
        assert self.brevo(flow, events).status_code == 202
        assert post.words() == ["sent", "delivered", "complained"]
        assert held_back("email") == "complaint"

    @pytest.mark.parametrize("body", [[], [1], "x", [[]]])
    def test_batch_that_holds_no_events_is_refused(self, flow: Flow, body: object) -> None:
        """And nothing reaches the queue."""
        assert self.brevo(flow, body).status_code == 400

    def test_brevos_clock_is_that_of_utc(self, flow: Flow, post: PostOffice) -> None:
        """The other times may follow the account's zone, and would make a wish of now one of six hours ago."""
        enqueue(message("email"))
        now = int(clock.now().timestamp())
        body = {"event": "unsubscribed", "email": ANA_EMAIL, "message-id": f"<V{deliveries()[0].id}>"}
        ana, hour_ago = digests.digest_of_address(ANA_EMAIL), clock.now() - timedelta(hours=1)
        transact(lambda session: consent.lift(session, ["email"], [ana], "unsubscribed", hour_ago))
        self.brevo(flow, body | {"ts_event": now - 21600, "ts": now - 21600, "ts_epoch": now * 1000})
        assert held_back("email") == "unsubscribed"

    def test_contact_that_resend_knows_as_unsubscribed(self, flow: Flow) -> None:
        """Resend's own way out; a contact of another kind changes nothing."""
        flow.resend("contact.updated", id="c1", email=ANA_EMAIL, unsubscribed=False, email_id=None, to=None)
        assert held_back("email") is None
        flow.resend("contact.updated", id="c1", email=ANA_EMAIL, unsubscribed=True, email_id=None, to=None)
        assert held_back("email") == "unsubscribed"

    @pytest.mark.parametrize(
        ("reason", "cause", "channels"),
        [("previous_complaint", "complaint", ["email"]), ("previous_bounce", "bounced", ["email", "sms"])],
    )
    def test_mail_that_resend_holds_back(
        self, flow: Flow, post: PostOffice, reason: str, cause: str, channels: list[str]
    ) -> None:
        """For an earlier complaint nothing goes to the phone; a mailbox that does not exist is no wish."""
        enqueue(message("email", provider="resend", fallback=(SMS,)))
        flow.resend("email.suppressed", email_id=f"V{deliveries()[0].id}", suppressed={"reason": reason, "message": "x"})
        assert (post.channels(), held_back("email")) == (channels, cause)

    @pytest.mark.parametrize(("taken_for", "cause"), [("STOP", "stop"), ("START", None), ("HELP", None)])
    def test_what_twilio_took_for_a_wish_is_one(self, flow: Flow, taken_for: str, cause: str | None) -> None:
        """Whatever the words: Twilio has acted on it already."""
        form = {"MessageSid": "SM1", "From": ANA_PHONE, "Body": "no quiero mas mensajes", "OptOutType": taken_for}
        flow.twilio("twilio_message_webhook", "/api/twilio/message", **form)
        assert held_back("sms") == cause

    @pytest.mark.parametrize(("payload", "cause"), [("BAJA", "stop"), ("promo-7", None)])
    def test_stop_in_what_a_templates_button_brings_unseen(self, flow: Flow, payload: str, cause: str | None) -> None:
        """As by Meta: the words that the person saw may say something else."""
        words = {"Body": "Mejor luego", "ButtonText": "Mejor luego", "ButtonPayload": payload}
        form = {"MessageSid": "SM2", "From": f"whatsapp:{ANA_PHONE}"} | words
        flow.twilio("twilio_message_webhook", "/api/twilio/message", **form)
        assert held_back("sms") == cause


class TestUnsubscribe:
    """GET and POST /api/unsubscribe."""

    def link(self, post: PostOffice) -> str:
        """The link of a mail that was sent."""
        enqueue(message("email"))
        return post.sent[-1].headers["List-Unsubscribe"].strip("<>").partition("?t=")[2]

    def test_one_click(self, flow: Flow, post: PostOffice) -> None:
        """A mail program posts, gets its 200, and no further marketing goes out; what they ask for still does."""
        answer = flow.click(self.link(post))
        assert answer.status_code == 200
        assert "Listo" in answer.get_body().decode()
        assert post.words() == ["sent", "unsubscribed"]
        enqueue(message("email", dedupe_key="k2"), message("email", dedupe_key="k3", transactional=True))
        assert [row.state for row in deliveries()] == [State.DONE, State.SKIPPED, State.DONE]

    @pytest.mark.parametrize("token", ["", "bad"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_its_pages_stand_in_no_frame(self, flow: Flow, token: str, method: str) -> None:
        """A page in somebody's frame could be clicked unseen."""
        answer = flow.click(token, method)
        if answer.mimetype == "text/html":
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_opening_the_link_changes_nothing(self, flow: Flow, post: PostOffice, method: str) -> None:
        """Scanners open links; the page asks."""
        answer = flow.click(self.link(post), method)
        page = answer.get_body().decode()
        assert (answer.status_code, 'method="post"' in page, 'lang="es"' in page) == (200, True, True)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert held_back("email") is None

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_altered_link_is_refused(self, flow: Flow, post: PostOffice, method: str) -> None:
        """Nobody unsubscribes somebody else."""
        number, _, rest = self.link(post).partition(".")
        for bad in ("", "x", f"{int(number) + 1}.{rest}", f"{number}.{rest}"[:-1]):
            assert flow.click(bad, method).status_code == 403
        assert held_back("email") is None

    def test_link_outlives_a_change_of_secret(self, flow: Flow, post: PostOffice, environment) -> None:
        """While the old one is still listed."""
        token = self.link(post)
        environment.setenv("LINK_SIGNING_SECRETS", "tres,uno")
        get_settings.cache_clear()
        assert flow.click(token).status_code == 200
        environment.setenv("LINK_SIGNING_SECRETS", "tres")
        get_settings.cache_clear()
        assert flow.click(token, "GET").status_code == 403

    def test_link_outlives_our_record_of_the_mail(self, flow: Flow, post: PostOffice) -> None:
        """It works for as long as the mail is kept by its recipient."""
        whose = links.Unsubscription(999, digests.digest_of_address(ANA_EMAIL), digests.digest_of_person("lead:17"))
        assert flow.click(links.token(whose, get_settings().link_signing_secrets)).status_code == 200
        assert held_back("email") == "unsubscribed"


class TestVoice:
    """GET /api/twilio/voice."""

    def test_call_answered_by_a_person_plays_the_invitation(self, flow: Flow, post: PostOffice) -> None:
        """Filled in for the one who is called, in Spanish; mark-up in a name is not said, and forges no other call."""
        enqueue(message("voice", variables=LEAD | {"first_name": "Ana & <Hangup/>"}))
        answer = flow.call(d="1", CallSid="V1", AnsweredBy="human")
        text = answer.get_body().decode()
        assert (answer.status_code, answer.mimetype) == (200, "text/xml")
        assert ("Hola, Ana." in text, "Hangup" in text) == (True, False)
        assert text.count('<Say language="es-MX"') == 3

    def test_call_answered_by_a_machine_plays_the_voicemail(self, flow: Flow, post: PostOffice) -> None:
        """A text of its own."""
        enqueue(message("voice"))
        assert "No hace falta que devuelvas la llamada" in flow.call(d="1", AnsweredBy="machine_start").get_body().decode()

    @pytest.mark.parametrize("number", ["2", "999", "", "x", "9" * 30])
    def test_call_that_is_none_of_ours_is_silent(self, flow: Flow, post: PostOffice, number: str) -> None:
        """Not even to Twilio do we read out other messages."""
        enqueue(message("voice"), message("email", dedupe_key="k2"))
        answer = flow.call(d=number)
        assert (answer.status_code, b"Say" in answer.get_body()) == (200, False)

    def test_only_twilio_may_ask(self, flow: Flow, post: PostOffice) -> None:
        """The text holds a name."""
        enqueue(message("voice"))
        assert flow.call(token="x", d="1").status_code == 401


def test_a_call_without_an_answer_at_night_is_followed_in_the_morning(flow: Flow, post: PostOffice, test_clock) -> None:
    """The text after a call keeps to the window, too."""
    test_clock.moment = datetime.fromisoformat("2026-03-03T01:59:00+00:00")  # 19:59 in Mexico
    enqueue(message("voice", fallback=(SMS,)))
    test_clock.advance(minutes=2)
    flow.twilio(CallSid="V1", CallStatus="no-answer")
    assert post.channels() == ["voice"]
    assert (deliveries()[1].reason, deliveries()[1].due_at.isoformat()) == ("quiet-hours", "2026-03-03T15:00:00+00:00")
