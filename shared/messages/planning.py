"""Enqueue a message: write a delivery of the outbox that holds everything needed to send it when it is due."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared import clock
from shared.messages import template_sources, templates
from shared.messages.message import EMAIL_PROVIDERS, WHATSAPP_PROVIDERS, Message
from shared.messages.senders import provider_of
from shared.outbox import actions, plan
from shared.outbox.actions import Action, Kind
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.types import key_of

# A message that could not be sent for a week (an outage, a wrong setting) has lost its sense, unless its owner says otherwise.
WORTH = timedelta(days=7)


def enqueue(
    session: Session, message: Message, *, event_key: str | None = None, is_new: bool = False, source: str | None = None
) -> bool:
    """Enqueue a message, once for its dedupe key for all time; False where that key exists already, and then nothing changes.

    The message is sent at `due_at` (default: now) at the earliest; the checks whether it is still wanted and allowed run then,
    not here. The carrier is chosen here, and after a change of EMAIL_PROVIDER or WHATSAPP_PROVIDER the same key is not enqueued
    with the other carrier. `is_new` skips the look-up: the key cannot exist yet, because it names a row that this transaction
    has made. `source` names the bulk source of which it is one of many.
    """
    settings = get_settings()
    if not is_new and find(session, message.channel, message.dedupe_key) is not None:
        return False
    action = _action(message)
    due_at = message.due_at or clock.now()
    transactional = is_transactional(message.template, message.locale, message.transactional)
    complete = replace(message, not_after=message.not_after or due_at + WORTH, transactional=transactional)
    payload = complete.payload() | {"carrier": provider_of(message, settings)}
    return plan.message(
        session,
        action,
        message.person,
        message.dedupe_key,
        payload,
        due_at=due_at,
        not_after=complete.not_after,
        event_key=event_key,
        source=source,
    )


def enqueue_many(session: Session, messages: Sequence[Message], *, source: str) -> list[int]:
    """`enqueue` for up to some hundred new messages by one carrier, in the lane of a bulk source; the ids of their deliveries.

    Each has its `due_at`. Their dedupe keys must be new (see `plan.message_many`).
    """
    settings, found = get_settings(), dict[str, list[tuple[int, plan.NewMessage]]]()
    actions_of: dict[str, Action] = {}
    for place, message in enumerate(messages):
        action, due_at = _action(message), message.due_at or clock.now()
        transactional = is_transactional(message.template, message.locale, message.transactional)
        complete = replace(message, not_after=message.not_after or due_at + WORTH, transactional=transactional)
        new = plan.NewMessage(
            subject=message.person,
            dedupe_key=message.dedupe_key,
            payload=complete.payload() | {"carrier": provider_of(message, settings)},
            due_at=due_at,
            not_after=complete.not_after,
        )
        name = f"{action.target}.{action.name}"
        actions_of[name] = action
        found.setdefault(name, []).append((place, new))
    ids = [0] * len(messages)
    for name, several in found.items():
        made = plan.message_many(session, actions_of[name], [new for _place, new in several], source=source)
        for (place, _new), number in zip(several, made, strict=True):
            ids[place] = number
    return ids


_CARRIED_BY = {"email": EMAIL_PROVIDERS, "whatsapp": WHATSAPP_PROVIDERS, "manychat": ("manychat",)}
_ID = select(Delivery.id).where(Delivery.dedupe_key.in_(bindparam("keys", expanding=True))).limit(1)


def find(session: Session, channel: str, dedupe_key: str) -> int | None:
    """The id of the delivery of the message with that key, whoever carries it; None where there is none."""
    carried_by = _CARRIED_BY.get(channel, ("twilio",))
    keys = [key_of(Kind.MESSAGE, carrier, channel, dedupe_key) for carrier in carried_by]
    return session.scalars(_ID, {"keys": keys}).one_or_none()


def fall_back(session: Session, message: Message) -> bool:
    """Enqueue the next fallback; False where there is none. Each is enqueued once, however often a failure is reported."""
    if not message.fallback:
        return False
    step, *rest = message.fallback
    base, number = _base(message.dedupe_key)
    again = replace(
        message,
        channel=step.channel,
        to=step.to,
        template=step.template,
        variables=message.variables if step.variables is None else step.variables,
        dedupe_key=f"{base}:fb{number + 1}",
        due_at=None,
        fallback=tuple(rest),
        provider=None,
        text="",
        content=None,
        whatsapp_number_id=message.whatsapp_number_id if step.channel == "whatsapp" else None,
        source=message.source if step.channel == "email" else template_sources.REPOSITORY,
    )
    enqueue(session, again)
    return True


def last_way(session: Session, delivery: Delivery) -> Delivery:
    """The delivery that now stands for a message: that of the last fallback enqueued for it, else its own."""
    payload: Any = delivery.payload
    if not payload or not payload.get("fallback"):
        return delivery
    message = Message.from_payload(payload)
    base, number = _base(message.dedupe_key)
    following = find(session, message.fallback[0].channel, f"{base}:fb{number + 1}")
    return delivery if following is None else last_way(session, session.get_one(Delivery, following))


def _base(dedupe_key: str) -> tuple[str, int]:
    base, mark, number = dedupe_key.rpartition(":fb")
    return (base, int(number)) if mark and number.isdecimal() else (dedupe_key, 0)


def _action(message: Message) -> Action:
    return actions.action(provider_of(message, get_settings()), message.channel)


def is_transactional(template: str, locale: str | None, event: bool | None) -> bool:  # noqa: FBT001  # a fact, not a switch
    """Whether it is part of what the person asked for: as its owner has `event`, else as its template says."""
    if event is not None:
        return event
    found = templates.find(template, locale)
    return found is not None and found.transactional
