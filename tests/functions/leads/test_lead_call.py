"""The call to a new lead: from the form's event over Twilio's callbacks to the message that follows it."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.errors import PermanentError, UnavailableError
from shared.journeys import engine
from shared.messages import templates, voice
from shared.messages.providers import twilio
from shared.messages.providers.twilio_client import Twilio
from shared.outbox import plan
from shared.settings import get_settings
from shared.store import session as store
from shared.store.journey_models import Enrolment
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.flows.test_messages_inbound import Flow, flow, post  # noqa: F401  # fixtures
from tests.support.messages import ANA_EMAIL, ANA_PHONE, LEAD, PostOffice, carry_out, deliveries

ANA = LEAD | {"email": ANA_EMAIL, "phone": ANA_PHONE, "time_zone": "America/Mexico_City", "country": "MX"}
PERSON = ("human", "unknown", "")
MACHINE = ("machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax")
REAL_CALL = twilio.send_call
NOT_REACHED = ("no-answer", "busy", "failed", "canceled")


@pytest.fixture
def lead(flow: Flow, post: PostOffice, test_clock) -> Callable[..., Delivery]:  # noqa: F811
    """Ana has sent the form, and is being called."""

    def enter(**more) -> Delivery:
        data = ANA | more
        transact(lambda session: engine.signal(session, "lead.created", ["lead:17"], data, event_key="lead:17"))
        carry_out()
        test_clock.advance(minutes=1)
        carry_out()
        assert post.channels() == ["email", "voice"]
        return next(row for row in deliveries() if row.action == "voice")

    return enter


def ends(flow: Flow, call: Delivery, status: str, answered_by: str = "") -> None:  # noqa: F811
    """Twilio's callbacks of a call, as they come: answered, then completed; or that it did not come about."""
    form = {"CallSid": f"V{call.id}", "Direction": "outbound-api"} | ({"AnsweredBy": answered_by} if answered_by else {})
    path = f"/api/twilio/status?d={call.id}"
    if status == "completed":
        flow.twilio(path=path, CallStatus="in-progress", SequenceNumber="2", **form)
    flow.twilio(path=path, CallStatus=status, SequenceNumber="3", **form)


def result() -> str | None:
    """What the journey has noted of the call."""
    with reading() as session:
        return session.query(Enrolment).one().results.get("call")


def standing() -> str:
    """How the follow-up stands."""
    with reading() as session:
        return session.query(Enrolment).filter_by(journey="lead_followup").one().state


class TestWhatFollows:
    """What becomes of the call decides."""

    @pytest.mark.parametrize("answered_by", PERSON)
    def test_person_is_not_written_to_as_well(self, flow, post, lead, test_clock, answered_by: str) -> None:  # noqa: F811
        """The text was played; where Twilio does not know, it counts as a person."""
        ends(flow, lead(), "completed", answered_by)
        test_clock.advance(hours=3)
        carry_out()
        assert (result(), post.channels()) == ("answered", ["email", "voice"])

    @pytest.mark.share(3)
    @pytest.mark.parametrize(
        ("status", "answered_by", "word"),
        [("completed", one, "machine") for one in MACHINE]
        + [(one, "", "failed" if one in ("failed", "canceled") else "no-answer") for one in NOT_REACHED],
    )
    def test_whoever_was_not_reached_gets_a_whatsapp(self, flow, post, lead, status, answered_by, word) -> None:  # noqa: F811
        """At once, with the link to book; once, whatever Twilio says again."""
        call = lead()
        for _ in range(2):
            ends(flow, call, status, answered_by)
        assert (result(), post.channels()) == (word, ["email", "voice", "whatsapp"])
        assert post.sent[-1].message.template == "lead_missed_call"
        assert LEAD["booking_url"] in post.sent[-1].rendered.text

    def test_what_follows_does_not_wait_for_the_timer(self, flow, lead, environment) -> None:  # noqa: F811
        """The callback's own transaction says that there is something to send now."""
        call, woken = lead(), []
        environment.setattr(plan, "nudge", woken.append)
        ends(flow, call, "no-answer")
        assert {"twilio"} in woken

    def test_whatsapp_that_fails_later_becomes_an_sms(self, flow, post, lead) -> None:  # noqa: F811
        """Twilio takes it, and says minutes after that the person has not written for a day (63016); the SMS goes once."""
        ends(flow, lead(), "no-answer")
        sid, path = f"V{post.sent[-1].delivery_id}", f"/api/twilio/status?d={post.sent[-1].delivery_id}"
        for word in ("sent", "undelivered", "failed", "undelivered"):
            code = {"ErrorCode": "63016"} if word != "sent" else {}
            flow.twilio(path=path, MessageSid=sid, MessageStatus=word, **code)
        assert post.channels() == ["email", "voice", "whatsapp", "sms"]
        assert post.sent[-1].rendered.text == post.sent[-2].rendered.text

    def test_nothing_follows_a_late_refusal_when_they_have_booked_since(self, flow, post, lead, test_clock) -> None:  # noqa: F811
        """The follow-up was over with its last message; that it did not arrive is reported after the booking."""
        ends(flow, lead(), "completed", "human")
        for _ in range(14):
            test_clock.advance(days=1)
            carry_out()
        assert standing() == "finished"
        last = post.sent[-1]
        assert (last.message.template, post.channels()[-1]) == ("lead_day_12", "whatsapp")
        booked = {"booking_uid": "b1", "start_at": "2026-04-01T17:00:00+00:00", "end_at": "2026-04-01T17:30:00+00:00"}
        transact(lambda session: engine.signal(session, "booking.created", ["lead:17"], booked, event_key="b1"))
        before = post.channels().count("sms")
        path = f"/api/twilio/status?d={last.delivery_id}"
        flow.twilio(path=path, MessageSid=f"V{last.delivery_id}", MessageStatus="undelivered", ErrorCode="63016")
        carry_out()
        assert post.channels().count("sms") == before
        assert [row.reason for row in deliveries() if row.action == "sms"] == ["exited: booking.created"]

    def test_whatsapp_that_is_refused_at_once_becomes_an_sms(self, flow, post, lead) -> None:  # noqa: F811
        """No approved template, and no answer of theirs for a day: the same."""
        call = lead()
        post.refusals = [PermanentError("no-whatsapp-template", "none")]
        ends(flow, call, "busy")
        assert post.channels() == ["email", "voice", "sms"]

    def test_call_without_a_report_is_followed_by_nothing(self, flow, post, lead, test_clock) -> None:  # noqa: F811
        """Nobody is told of a missed call that they may have taken."""
        lead()
        test_clock.advance(hours=2)
        carry_out()
        assert (result(), post.channels()) == ("sent", ["email", "voice"])

    def test_callback_that_is_quicker_than_our_record_counts(self, flow, post, environment, test_clock) -> None:  # noqa: F811
        """A phone that is busy at once: Twilio calls back before its answer to us is recorded."""

        def busy_at_once(letter):
            answer = post.send(letter)
            flow.twilio(path=f"/api/twilio/status?d={letter.delivery_id}", CallSid=answer["id"], CallStatus="busy")
            return answer

        environment.setattr(twilio, "send_call", busy_at_once)
        transact(lambda session: engine.signal(session, "lead.created", ["lead:17"], ANA, event_key="lead:17"))
        for _ in range(2):
            test_clock.advance(minutes=1)
            carry_out()
        assert (result(), post.channels()) == ("no-answer", ["email", "voice", "whatsapp"])


@pytest.fixture
def asked(environment: pytest.MonkeyPatch, post: PostOffice, lead) -> Callable[..., list[tuple[str, str]]]:  # noqa: F811
    """Ana is called by the real sender; what Twilio is asked for."""

    def work(**more: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        lead(**more)
        environment.setattr(
            Twilio, "_post", lambda _self, _path, fields, _what, **_more: found.extend(fields) or {"sid": "CA1"}
        )
        REAL_CALL(next(letter for letter in post.sent if letter.message.channel == "voice"))
        return found

    return work


class TestWhatIsSaid:
    """The words of the call."""

    @pytest.mark.parametrize("answered_by", [*PERSON, *MACHINE])
    def test_without_the_database(self, flow, asked, environment, answered_by: str) -> None:  # noqa: F811
        """Who picks up gets the script while SQL is down, a machine its own text."""
        query = _query(asked())
        _break(environment)
        answer = flow.call(**query, CallSid="CA1", AnsweredBy=answered_by)
        text = answer.get_body().decode()
        assert (answer.status_code, "Hola, Ana." in text) == (200, True)
        assert ("No hace falta que devuelvas la llamada" in text) == (answered_by in MACHINE)
        assert "ventas" in text

    def test_machine_is_waited_for(self, asked) -> None:
        """The text is left after the greeting; a person is told from a machine before anything is said."""
        fields = dict(asked())
        assert (fields["MachineDetection"], "AsyncAmd" in fields) == ("DetectMessageEnd", False)
        assert fields["StatusCallback"].startswith("https://puente.example/api/twilio/status?d=")

    def test_address_names_nobody_and_is_short(self, asked) -> None:
        """Logs hold addresses."""
        url = dict(asked())["Url"]
        assert len(url) < 600
        assert not [word for word in ("Ana", "ventas", ANA_EMAIL, ANA_PHONE) if word in url]

    def test_altered_card_is_not_read(self, flow, asked, environment) -> None:  # noqa: F811
        """Our record is asked then, and one call's card does not speak for another."""
        query = _query(asked())
        assert "Hola, Ana." in flow.call(**query | {"c": query["c"][:-4]}).get_body().decode()
        assert flow.call(**query | {"d": "999"}).get_body().decode() == voice.SILENCE
        _break(environment)
        assert "Discúlpanos" in flow.call(**query | {"c": "x"}).get_body().decode()

    def test_name_that_is_too_long_is_read_from_our_record(self, flow, asked, environment) -> None:  # noqa: F811
        """With SQL they get it, without it an apology; never nothing."""
        environment.setenv("LEAD_SERVICES", "ventas " * 300)
        get_settings.cache_clear()
        query = _query(asked(service="ventas " * 300))
        assert set(query) == {"d"}
        assert "Hola, Ana." in flow.call(**query).get_body().decode()
        _break(environment)
        answer = flow.call(**query)
        assert (answer.status_code, "Discúlpanos" in answer.get_body().decode()) == (200, True)

    def test_anything_that_breaks_becomes_an_apology(self, flow, asked, environment) -> None:  # noqa: F811
        """Somebody is on the phone."""
        query = _query(asked())
        environment.setattr(templates, "render", _failing_once(templates.render))
        assert "Discúlpanos" in flow.call(**query).get_body().decode()


def _query(fields: list[tuple[str, str]]) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(dict(fields)["Url"]).query))


def _break(environment: pytest.MonkeyPatch) -> None:
    """From now on the database is away."""

    def away():
        raise UnavailableError("the database is away")

    environment.setattr(store, "get_engine", away)


def _failing_once(really: Callable[..., object]) -> Callable[..., object]:
    failures = [RuntimeError("broken")]

    def work(*args, **more):
        if failures:
            raise failures.pop()
        return really(*args, **more)

    return work
