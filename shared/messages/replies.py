"""What somebody has written to us: kept, obeyed where it is a wish, and passed on to journeys; the same for every provider."""

from datetime import datetime

from sqlalchemy.orm import Session

from shared import clock
from shared.messages import consent, consent_words, moves, received
from shared.messages.events import InboundMessage
from shared.messages.outcomes import PersonMessage, notify_person_message, notify_received
from shared.store.message_models import ReceivedMessage


def take(session: Session, payload: InboundMessage, at: datetime) -> str:
    """Keep what they wrote at `at`, and do what they ask: "stop", "start", "asked", "noted" or "repeated".

    "asked": no marketing goes to that line until a person has looked; a clear wish settles that, too. "repeated": the provider
    has sent the same message before, so nothing changes. The 24-hour window counts from `at`, however late the message comes;
    a time that lies ahead counts as now, or it would hold the window open.
    """
    at = clock.past(at)
    if received.is_kept(session, payload):
        return "repeated"
    consent_words.of_reply(session, payload, at)
    if (row := received.record(session, payload.provider, payload, at)) is not None:
        received.observe(session, row)
        notify_received(session, row.id)
    whose = payload.digests()
    moves.written_from(session, whose, at)
    for who in whose:
        consent.wrote_to_us(session, who, payload.channel, at)
    if payload.wish == "stop":
        consent.suppress(session, consent.PHONE_CHANNELS, whose, "stop", at)
    elif payload.wish == "start":
        consent.lift(session, consent.PHONE_CHANNELS, [*whose, *consent.filed(session, payload.others)], "stop", at)
        consent.lift(session, consent.PHONE_CHANNELS, whose, "to-review", at)
    else:
        if payload.ask:
            consent.suppress(session, consent.PHONE_CHANNELS, whose, "to-review", at)
        notify_person_message(session, _reply(payload, row, at, moves.with_earlier(session, whose)))
    return payload.wish or ("asked" if payload.ask else "noted")


def _reply(payload: InboundMessage, row: ReceivedMessage | None, at: datetime, whose: list[str]) -> PersonMessage:
    return PersonMessage(
        word="replied",
        recipient_digests=tuple(whose),
        channels=(payload.channel,),
        at=at,
        text=payload.text,
        kind=payload.kind,
        option_id=payload.option_id,
        option_title=payload.option_title,
        quoted_id=payload.quoted_id,
        provider=payload.provider,
        whatsapp_number_id=payload.whatsapp_number_id,
        received_id=row.id if row is not None else None,
    )
