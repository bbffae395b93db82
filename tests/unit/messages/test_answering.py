"""A person of ours answers what somebody wrote: once, within WhatsApp's 24 hours, and after a stop only what came later."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from shared import clock
from shared.errors import PermanentError, RefusedError
from shared.messages import answering, planning, replies
from shared.messages.content import Content
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.messages.numbers import id_of
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import ActionLog
from shared.store.session import reading, transact
from tests.support.messages import ANA_PHONE, CONFIGURED, PostOffice, carry_out, deliveries, message, next_due

ROOT = Path(__file__).resolve().parents[3]
ACTOR = "key:olga"


@pytest.fixture
def post(environment: pytest.MonkeyPatch, database, test_clock: clock.TestClock) -> Iterator[PostOffice]:
    """All vendors in the test's hand, at three in the morning in Mexico: nothing but a reply goes out."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = test_clock.moment.replace(hour=9)
    with PostOffice().installed(environment) as office:
        yield office


def says(text: str = "¿Qué precio tiene?", provider: str = "twilio", channel: str = "whatsapp", **more) -> int:
    """Ana writes; the number of the row."""
    facts = {
        "provider": provider,
        "vendor_id": f"SM{clock.now().timestamp()}",
        "who": digest_of_address(ANA_PHONE),
        "channel": channel,
        "sender": ANA_PHONE,
        "text": text,
    }
    given = InboundMessage.model_validate(facts | more)
    transact(lambda session: replies.take(session, given, clock.now()))
    with reading() as session:
        return session.scalars(select(ReceivedMessage.id).order_by(ReceivedMessage.id.desc())).first()


def answer(number: int, text: str = "Desde 900 pesos.") -> bool:
    """Olga answers, and what is due is carried out."""
    done = transact(lambda session: answering.answer(session, number, text, ACTOR))
    carry_out()
    return done


def state_of(number: int) -> str:
    with reading() as session:
        return session.get_one(ReceivedMessage, number).state


def test_answer_goes_out_at_once_and_is_logged(post: PostOffice) -> None:
    """Past quiet hours, by the channel and to the number that wrote; the log has the name and not the words."""
    number = says()
    assert answer(number, "  Desde 900 pesos. \r\n¿Te agendo?  ")
    (letter,) = post.sent
    assert (letter.rendered.text, letter.message.to, letter.message.channel) == (
        "Desde 900 pesos.\n¿Te agendo?",
        ANA_PHONE,
        "whatsapp",
    )
    assert letter.free_text
    assert letter.message.transactional
    assert state_of(number) == "answered"
    with reading() as session:
        line = session.query(ActionLog).filter(ActionLog.action == answering.ACTION).one()
    assert (line.actor, line.subject) == (ACTOR, ANA_PHONE)
    assert "900" not in line.detail


def test_double_click_sends_once(post: PostOffice) -> None:
    """The same words to the same message; other words are another answer."""
    number = says()
    assert [answer(number), answer(number), answer(number, "Y con limpieza.")] == [True, False, True]
    assert [letter.rendered.text for letter in post.sent] == ["Desde 900 pesos.", "Y con limpieza."]


def test_answer_that_failed_may_be_tried_anew(post: PostOffice) -> None:
    """Its message is open again, and the same words are sent under another key."""
    number = says()
    post.refusals.append(PermanentError("twilio-21610", "no"))
    assert answer(number)
    assert (state_of(number), deliveries()[0].state) == ("read", State.DEAD)
    assert answer(number)
    assert (state_of(number), len(post.sent)) == ("answered", 1)


@pytest.mark.parametrize(("provider", "quotes"), [("meta", True), ("twilio", False)])
def test_answer_goes_from_the_number_that_was_written_to(post: PostOffice, provider, quotes) -> None:
    """By its provider, quoting the message where the provider can."""
    ours = id_of("+525500000005") if provider == "meta" else id_of("+525500000002")
    answer(says(provider=provider, vendor_id="wamid.1", whatsapp_number_id=ours))
    (letter,) = post.sent
    assert (letter.message.provider, letter.message.whatsapp_number_id) == (provider, ours)
    assert letter.message.content == (Content(reply_to="wamid.1") if quotes else None)


def test_after_24_hours_whatsapp_needs_a_template(post: PostOffice, test_clock: clock.TestClock) -> None:
    """To the second; a newer message of theirs opens the time again, for the older one as well."""
    number = says()
    test_clock.moment += timedelta(hours=24)
    with pytest.raises(RefusedError, match="needs-template") as refused:
        answer(number)
    assert (refused.value.status, state_of(number), deliveries()) == (409, "unread", [])
    says("¿Hola?")
    assert answer(number)


def test_answer_that_waits_too_long_is_given_up(post: PostOffice, test_clock: clock.TestClock) -> None:
    """It is never sent when WhatsApp no longer takes free words; its message is open again."""
    number = says()
    transact(lambda session: answering.answer(session, number, "Desde 900 pesos.", ACTOR))
    test_clock.moment += timedelta(hours=24, minutes=1)
    carry_out()
    assert (post.sent, deliveries()[0].reason, state_of(number)) == ([], "too-late", "read")


def test_sms_is_answered_later_as_well(post: PostOffice, test_clock: clock.TestClock) -> None:
    """After 24 hours in the person's day, though; the daily cap does not count it."""
    number = says(channel="sms")
    test_clock.moment += timedelta(hours=24)
    assert answer(number)
    assert (post.sent, next_due() > clock.now()) == ([], True)
    test_clock.moment = next_due()
    carry_out()
    assert post.channels() == ["sms"]


def test_after_stop_only_what_came_later_is_answered(post: PostOffice, test_clock: clock.TestClock) -> None:
    """Neither the stop itself nor what was written before it; and nothing automatic goes out, reply or not."""
    before = says()
    test_clock.moment += timedelta(minutes=1)
    stop = says("STOP", wish="stop")
    for number in (before, stop):
        with pytest.raises(RefusedError, match="suppressed-stop"):
            answer(number)
    test_clock.moment += timedelta(minutes=1)
    later = says("Perdón, ¿a qué hora era mi cita?")
    assert answer(later, "A las 12.")
    automatic = message(dedupe_key="auto", text="Hola", template="", transactional=True, reply=True)
    transact(lambda session: planning.enqueue(session, automatic))
    carry_out()
    assert [letter.rendered.text for letter in post.sent] == ["A las 12."]
    assert deliveries()[-1].reason == "suppressed-stop"


def test_stop_between_answer_and_sending_holds(post: PostOffice, test_clock: clock.TestClock) -> None:
    """It is judged when it is sent: what they asked last counts."""
    number = says()
    transact(lambda session: answering.answer(session, number, "Desde 900 pesos.", ACTOR))
    test_clock.moment += timedelta(seconds=1)
    says("BAJA", wish="stop")
    carry_out()
    assert (post.sent, deliveries()[0].reason, state_of(number)) == ([], "suppressed-stop", "read")


@pytest.mark.parametrize(("text", "reason"), [(" \n ", "no-words"), ("a" * 4097, "too-long")])
def test_answer_needs_words_that_the_channel_takes(post: PostOffice, text, reason) -> None:
    """422, and nothing is changed."""
    number = says()
    with pytest.raises(RefusedError, match=reason):
        answer(number, text)
    assert (state_of(number), deliveries()) == ("unread", [])


def test_nothing_else_answers_after_a_stop() -> None:
    """`Message.answers` passes a stop, so that `shared.messages.answering` alone may set it."""
    setting = []
    for file in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/**/*.py")]:
        text = file.read_text(encoding="utf-8")
        if "answers=" not in text:
            continue
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        named = [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) in ("Message", "replace")]
        setting += [file.name for call in named if any(word.arg == "answers" for word in call.keywords)]
    assert setting == ["answering.py"]
