"""Vendors of messages that a test holds in its hand, and messages to send by them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.messages.letter import Letter
from shared.messages.message import Message
from shared.messages.outcomes import MessageOutcome
from shared.messages.providers import brevo, manychat, meta, resend, smtp, twilio
from shared.outbox import dispatch
from shared.outbox.actions import State
from shared.outbox.execute import drain
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.listeners import listen

CARRIERS = ("brevo", "resend", "smtp", "twilio", "meta", "manychat")
CONFIGURED = {
    "PUBLIC_BASE_URL": "https://puente.example",
    "LINK_SIGNING_SECRETS": "uno,dos",
    "LEAD_SERVICES": "ventas",
    "SENDINBLUE_API_KEY": "xkeysib-1",
    "SENDINBLUE_SENDER_EMAIL": "javier@puente.example",
    "RESEND_API_KEY": "re_1",
    "RESEND_FROM": "Javier <javier@puente.example>",
    "RESEND_WEBHOOK_SECRETS": "whsec_c2VjcmV0b3NlY3JldG8=",
    "BREVO_WEBHOOK_SECRETS": "token-de-brevo",
    "SMTP_URL": "smtp://127.0.0.1:2525",
    "SMTP_FROM": "Javier <javier@puente.example>",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "token-de-twilio",
    "TWILIO_CALLER_ID": "+525500000001",
    "TWILIO_WHATSAPP_SENDER": "+525500000002",
    "TWILIO_SMS_SENDER": "+525500000003",
    "TWILIO_CONTENT_SIDS": '{"lead_day_3": "HX1", "lead_missed_call": "HX2"}',
    "META_ACCESS_TOKEN": "token-de-meta",
    "META_APP_SECRETS": "secreto-de-meta",
    "META_VERIFY_TOKEN": "palabra",
    "META_NUMBERS": '{"106540352242922": "+525500000004", "106540352242923": "+525500000005"}',
    "META_TEMPLATES": '{"lead_day_3": "seguimiento", "lead_missed_call": "llamada:es_ES"}',
    "MANYCHAT_API_KEY": "1:abc",
}
ANA_PHONE, ANA_EMAIL = "+525512345678", "ana@example.com"
LEAD = {"first_name": "Ana", "service": "ventas", "booking_url": "https://reservas.example/17"}


@dataclass
class PostOffice:
    """Every vendor at once. `sent` is what went out, in order; `answers` are raised in place of an answer, after sending."""

    sent: list[Letter] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    after_sending: list[Exception] = field(default_factory=list)
    outcomes_seen: list[tuple[dict[str, Any], MessageOutcome]] = field(default_factory=list)
    asked: list[Letter] = field(default_factory=list)

    @contextmanager
    def installed(self, patch: pytest.MonkeyPatch) -> Iterator["PostOffice"]:
        """Stand where the vendors are, and listen to outcomes, for the length of a test."""
        for provider in (brevo, resend, smtp, meta, manychat):
            patch.setattr(provider, "send", self.send)
        for name in ("send_message", "send_call"):
            patch.setattr(twilio, name, self.send)
        for provider, name in ((brevo, "look_up"), (meta, "look_up"), (twilio, "look_up_message"), (twilio, "look_up_call")):
            patch.setattr(provider, name, self.find)
        listen(patch, "message.outcome", "test", self._note)
        yield self

    def _note(self, _session: Session, context: Mapping[str, Any], outcome: MessageOutcome) -> None:
        self.outcomes_seen.append((dict(context), outcome))

    def send(self, letter: Letter) -> dict[str, Any]:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(letter)
        if self.after_sending:
            raise self.after_sending.pop(0)
        return {"id": f"V{letter.delivery_id}"}

    def find(self, letter: Letter) -> str | None:
        self.asked.append(letter)
        return next((f"V{one.delivery_id}" for one in self.sent if one.key == letter.key), None)

    def words(self) -> list[str]:
        """What listeners were notified of, in order."""
        return [outcome.word for _context, outcome in self.outcomes_seen]

    def channels(self) -> list[str]:
        """By which channels something went out, in order."""
        return [letter.message.channel for letter in self.sent]


def message(channel: str = "whatsapp", **more: Any) -> Message:
    """A message of the lead journey to Ana."""
    to = ANA_EMAIL if channel == "email" else ANA_PHONE
    template = {"email": "lead_day_9", "voice": "lead_call"}.get(channel, "lead_day_3")
    values = {
        "person": "lead:17",
        "channel": channel,
        "to": to,
        "template": template,
        "dedupe_key": "k1",
        "variables": LEAD,
        "context": {"journey": "lead", "step": "s1"},
        "transactional": False,
    }
    return Message(**(values | more))


def enqueue(*messages: Message) -> list[bool]:
    """Enqueue messages, each in its own transaction, and carry out what is due."""
    from shared.messages import planning

    planned = [transact(lambda session, one=one: planning.enqueue(session, one)) for one in messages]
    carry_out()
    return planned


def carry_out() -> None:
    """Carry out what is due for every carrier, until nothing is."""
    dispatch.free_expired()
    for _ in range(4):  # a fallback may plan for a carrier that was drained already
        for carrier in _due():
            drain(carrier)


def _due() -> list[str]:
    waiting = select(Delivery.target).where(Delivery.state == State.PENDING, Delivery.due_at <= clock.now())
    with reading() as session:
        return [target for target in session.scalars(waiting.distinct()) if target in CARRIERS]


def next_due() -> datetime | None:
    """When the next delivery that waits is due."""
    with reading() as session:
        return session.scalars(select(func.min(Delivery.due_at)).where(Delivery.state == State.PENDING)).one()


def until(moment: datetime, test_clock: clock.TestClock, step: timedelta = timedelta(minutes=30)) -> None:
    """Let time pass, carrying out what is due."""
    while test_clock.moment < moment:
        test_clock.moment = min(test_clock.moment + step, moment)
        carry_out()


def deliveries() -> list[Delivery]:
    """All deliveries, oldest first."""
    with reading() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))
