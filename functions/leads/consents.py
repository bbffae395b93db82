"""What the form says of consent: the ticked box with its text, and the notice on health data that was shown."""

from datetime import datetime

from sqlalchemy.orm import Session

from functions.leads.payloads import LeadPayload
from shared.messages import consent_history
from shared.messages.consent_history import ANY, HEALTH_DATA, MARKETING, Statement
from shared.people import kinds
from shared.store.consent_models import VERSION_LENGTH
from shared.store.types import fitting

TICKED = frozenset({"1", "on", "true", "yes", "si", "sí", "acepto"})
CHANNELS = ("email", "sms", "whatsapp", "voice")


def record(session: Session, payload: LeadPayload, at: datetime, event_key: str, *, is_first: bool) -> int:
    """Keep what a form says of consent as a word of its lead; how many statements are new.

    Only the form that came first (`is_first`) is a proof: a later one under the same number may be a stranger's.
    """
    (who,) = kinds.identities(lead=payload.lead_id)
    evidence = {"event": event_key, "source": payload.fuente}
    made = 0
    if (payload.acepta_mensajes or "").strip().casefold() in TICKED:
        wants = Statement(
            channels=CHANNELS,
            purpose=MARKETING,
            word="granted",
            source="lead.form",
            is_proven=is_first,
            said_at=at,
            text=payload.texto_mensajes,
            evidence=evidence,
        )
        made += consent_history.record(session, who, wants)
    if payload.aviso_salud:
        notice = Statement(
            channels=(ANY,),
            purpose=HEALTH_DATA,
            word="granted",
            source="lead.form",
            is_proven=is_first,
            said_at=at,
            version=fitting(payload.aviso_salud, VERSION_LENGTH),
            evidence=evidence,
        )
        made += consent_history.record(session, who, notice)
    return made
