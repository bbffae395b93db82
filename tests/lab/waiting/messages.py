"""The places of shared/messages that lock rows, and how somebody comes by them."""

from types import SimpleNamespace

from shared import clock
from shared.messages import (
    approved_templates,
    consent,
    days,
    moves,
    notion_templates,
    number_states,
    portfolio,
    rekey,
    statuses,
)
from shared.messages import operator_actions as message_actions
from shared.messages.digests import digest_of_address
from shared.store.message_models import Conversation, MessageDay, MessageStatus, Suppression, TemplateCopy
from shared.store.models import Delivery
from shared.store.types import key_of
from shared.store.whatsapp_models import WhatsAppMove, WhatsAppNumberState, WhatsAppPortfolio, WhatsAppTemplate
from tests.lab.races import take_place
from tests.lab.rows import PHONE, Wait, delivery, filled, one

UNKEYED = "0" * 32  # a person's digest as earlier releases stored it


WAITS = {
    "shared.messages.approved_templates:_keep": Wait(
        WhatsAppTemplate,
        one(WhatsAppTemplate, key=key_of("n", "es")),
        lambda session: approved_templates._keep(session, {"name": "n", "language": "es"}, clock.now()),
    ),
    "shared.messages.approved_templates:note_status": Wait(
        WhatsAppTemplate,
        one(WhatsAppTemplate, key=key_of("n", "es")),
        lambda session: approved_templates.note_status(session, "n", "es", "PAUSED"),
    ),
    "shared.messages.consent:arrived": Wait(
        Suppression,
        one(Suppression, who="w", channel="email", cause="soft-bounce"),
        lambda session: consent.arrived(session, "w", clock.now()),
    ),
    "shared.messages.consent:rows": Wait(
        Suppression,
        one(Suppression, who="w", channel="email", cause="stop"),
        lambda session: consent.rows(session, ["email"], ["w"], "stop"),
    ),
    "shared.messages.consent:wrote_to_us": Wait(
        Conversation,
        one(Conversation, who="w", channel="sms"),
        lambda session: consent.wrote_to_us(session, "w", "sms", clock.now()),
    ),
    "shared.messages.days:_DAYS": Wait(
        MessageDay,
        lambda: [filled(MessageDay, who=days.digest_of_person("p"), day="2026-03-02", delivery_ids=[])],
        lambda session: take_place(session, "p", 1),
    ),
    "shared.messages.moves:move": Wait(
        WhatsAppMove,
        lambda: [filled(WhatsAppMove, who=digest_of_address(PHONE))],
        lambda session: moves.move(session, PHONE, "+525522220002", clock.now()),
    ),
    "shared.messages.number_states:_row": Wait(
        WhatsAppNumberState,
        one(WhatsAppNumberState, number_id="n"),
        lambda session: number_states._row(session, "n"),
    ),
    "shared.messages.portfolio:_locked": Wait(WhatsAppPortfolio, one(WhatsAppPortfolio, name="meta"), portfolio._locked),
    "shared.messages.notion_templates:_keep": Wait(
        TemplateCopy,
        one(TemplateCopy, source="notion:d", name="n"),
        lambda session: notion_templates._keep(session, "d", "n", SimpleNamespace(subject="s", html="h")),
    ),
    "shared.messages.operator_actions:lift": Wait(
        Suppression, one(Suppression), lambda session: message_actions.lift(session, 1, "a")
    ),
    "shared.messages.rekey:_key": Wait(
        MessageDay,
        one(MessageDay, who=UNKEYED),
        lambda session: rekey._key(session, MessageDay, session.get_one(MessageDay, 1)),
    ),
    "shared.messages.rekey:_page": Wait(
        MessageDay, one(MessageDay, who=UNKEYED), lambda session: rekey._page(session, MessageDay)
    ),
    "shared.messages.statuses:_SAME": Wait(
        MessageStatus, one(MessageStatus, provider="p", vendor_id="v"), lambda session: statuses._row(session, "p", "v")
    ),
    "shared.messages.statuses:_claim_by_callback": Wait(
        Delivery,
        delivery(),
        lambda session: statuses._claim_by_callback(session, SimpleNamespace(provider="p"), 1, None),
    ),
}


def free_place() -> portfolio._Held:
    """A portfolio with a free place, for which somebody is to come later."""
    promised = SimpleNamespace(taken=0, promised=1)
    return portfolio._Held(WhatsAppPortfolio(name="meta"), clock.now(), {clock.now(): promised})  # type: ignore[dict-item]


SKIPS = {
    "shared.messages.portfolio:_offer": Wait(
        Delivery,
        one(Delivery, target="meta", state="pending", waits_for=portfolio.LIMIT),
        lambda session: portfolio._offer(session, free_place()),
    ),
}
