"""What each carrier of messages can do, as actions of the outbox. Light: what it needs is imported when it is carried out.

carrier    channels               after an unknown outcome
---------  ---------------------  --------------------------------------------------------------------
brevo      email                  asked for the mail first; within 30 minutes it takes the same key once
resend     email                  sent again with its key, which is good for 24 hours
smtp       email                  a person decides: a mail server cannot be asked
twilio     whatsapp, sms, voice   asked for the message or call first
meta       whatsapp               waits for a status with our key; without one a person decides
manychat   manychat               a person decides
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from shared.outbox import actions
from shared.outbox.actions import Action, AfterUnknown, Claimed, Done, Later, Outcome
from shared.outbox.policy import RetryPolicy, TargetPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

# As for every message to a person, but a message may be planned weeks ahead; its own `not_after` ends it, not its age.
POLICY = RetryPolicy(first_seconds=15, factor=4, cap_seconds=3600, max_attempts=6, max_age=timedelta(days=3650))
# The vendors' own limits, with something to spare (Resend takes 5 requests a second for a team, older accounts 2); an account
# that takes more says so in MESSAGES_PER_SECOND.
PER_SECOND = {"brevo": 5.0, "resend": 1.8, "smtp": 2.0, "twilio": 5.0, "meta": 20.0, "manychat": 5.0}

LARGEST_BLOCK = 50
CALLS_AT_ONCE = 24  # of a block: 80 a second that take 0.3 seconds each
MESSAGES_PER_SLOT = 16  # a second: a block of 50 is claimed, called and recorded in about three seconds

_CARRIED = (
    # carrier, channel, sends, after an unknown outcome, looks up
    ("brevo", "email", "send", AfterUnknown.LOOK_FIRST, "look_up"),
    ("resend", "email", "send", AfterUnknown.SEND_AGAIN, None),
    ("smtp", "email", "send", AfterUnknown.ASK_A_PERSON, None),
    ("twilio", "whatsapp", "send_message", AfterUnknown.LOOK_FIRST, "look_up_message"),
    ("twilio", "sms", "send_message", AfterUnknown.LOOK_FIRST, "look_up_message"),
    ("twilio", "voice", "send_call", AfterUnknown.LOOK_FIRST, "look_up_call"),
    ("meta", "whatsapp", "send", AfterUnknown.LOOK_FIRST, "look_up"),
    ("manychat", "manychat", "send", AfterUnknown.ASK_A_PERSON, None),
)


def _provider(carrier: str) -> Any:
    return import_module(f"shared.messages.providers.{carrier}")


def _execute(carrier: str, send: str, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    from shared.messages import sending

    return sending.execute(getattr(_provider(carrier), send), deliveries)


def _describe(delivery: Claimed) -> Mapping[str, Any]:
    from shared.messages import sending

    return sending.describe(delivery)


def _look_up(carrier: str, find: str, delivery: Claimed) -> Done | None:
    from shared.messages import sending

    return sending.look_up(getattr(_provider(carrier), find), delivery)


def _after(session: Session, delivery: Claimed, outcome: Outcome, final: bool) -> None:  # noqa: FBT001  # the outbox calls it so
    from shared.messages import sending

    sending.after(session, delivery, outcome, final)


def _unwanted(session: Session, delivery: Claimed) -> str | Later | None:
    from shared.messages import verdict

    return verdict.unwanted(session, delivery)


def _number(payload: Any) -> str:
    """The number of ours from which a WhatsApp message goes; "" where it names none that is set up."""
    from shared.messages import numbers
    from shared.messages.message import Message
    from shared.settings import get_settings

    found = numbers.of_message(Message.from_payload(payload), get_settings())
    return found.id if found is not None else ""


def _redirected(payload: Mapping[str, Any], email: str | None, phone: str | None) -> Mapping[str, Any] | None:
    """The same message to whoever tries; ManyChat's ids are nobody's address but the person's own."""
    to = {"email": email, "manychat": None}.get(payload["channel"], phone)
    return {**payload, "to": to} if to else None


def pace(carrier: str) -> float:
    """How many messages a second a carrier gets at most, over all instances together; with Meta: each of our numbers there."""
    from shared.settings import get_settings

    chosen = {str(name): per_second for name, per_second in get_settings().messages_per_second.items()}
    return chosen.get(carrier, PER_SECOND[carrier])


def _block(carrier: str) -> int:
    """How many messages are claimed together: those of a second."""
    return min(max(int(pace(carrier)), 1), LARGEST_BLOCK)


def _action(carrier: str, channel: str, send: str, unknown: AfterUnknown, find: str | None) -> Action:
    more: dict[str, Any] = {"look_up": partial(_look_up, carrier, find)} if find else {}
    if unknown is not AfterUnknown.ASK_A_PERSON:  # else a worker that dies would leave a whole block to a person
        more |= {"batch_size": partial(_block, carrier), "at_once": CALLS_AT_ONCE}
    if carrier == "meta":
        more["part"] = _number
    execute = partial(_execute, carrier, send)
    return actions.message(
        carrier,
        channel,
        execute,
        retry=POLICY,
        after=_after,
        unwanted=_unwanted,
        describe=_describe,
        redirected=_redirected,
        after_unknown=unknown,
        key_recurs=False,  # the key names one step of one enrolment
        **more,
    )


ACTIONS = tuple(_action(*carried) for carried in _CARRIED)


def brevo_policy() -> TargetPolicy:
    """Brevo's limits."""
    return _policy("brevo")


def resend_policy() -> TargetPolicy:
    """Resend's limits."""
    return _policy("resend")


def smtp_policy() -> TargetPolicy:
    """The mail server's limits."""
    return _policy("smtp")


def twilio_policy() -> TargetPolicy:
    """Twilio's limits."""
    return _policy("twilio")


def meta_policy() -> TargetPolicy:
    """Meta's limits, which each of our numbers has for itself."""
    from shared.settings import get_settings

    return replace(_policy("meta", paces=max(1, len(get_settings().meta_numbers))), by_part=True)


def manychat_policy() -> TargetPolicy:
    """ManyChat's limits."""
    return _policy("manychat")


def _policy(carrier: str, paces: int = 1) -> TargetPolicy:
    """`paces`: how many of its paces may be used at once."""
    per_second = pace(carrier)
    return TargetPolicy(slots=2 + math.ceil(paces * per_second / MESSAGES_PER_SLOT), batches_per_second=per_second)
