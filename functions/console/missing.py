"""What stopped events lack: a stage that the map does not have, an advisor whom nobody knows; read from their own data."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import campaigns, opportunities
from shared.crm.stages import stage_key
from shared.errors import PermanentError
from shared.intake import dead_letter_store, endpoint, inbox
from shared.intake.envelope import parse
from shared.store.models import DeadLetter, StageMapping

UNKNOWN_STAGE, UNKNOWN_ADVISOR = "unknown-stage", "unknown-advisor"
MOST_READ = 50


@dataclass(frozen=True)
class OdooStage:
    """A stage of Odoo that the map has already, by one of its names."""

    number: int
    name: str


@dataclass(frozen=True)
class Fix:
    """What is missing: a stage's name in ManyChat with what it most likely means, or an advisor's name or address."""

    kind: Literal["stage", "advisor"]
    missing: str
    stages: Sequence[OdooStage] = ()
    likely: int | None = None
    others: int = 0


def fix_of(session: Session, reason: str | None, letters: Iterable[DeadLetter]) -> Fix | None:
    """What would mend these events of one reason: the commonest of what they lack; None where nothing can be added."""
    wanted = {UNKNOWN_STAGE: _unknown_stage, UNKNOWN_ADVISOR: _unknown_advisor}.get(reason or "")
    if wanted is None:
        return None
    missing = Counter(filter(None, (_of(session, wanted, letter) for letter in list(letters)[:MOST_READ])))
    if not missing:
        return None
    commonest = missing.most_common(1)[0][0]
    if reason == UNKNOWN_ADVISOR:
        return Fix("advisor", commonest, others=len(missing) - 1)
    stages = odoo_stages(session)
    return Fix("stage", commonest, stages, _likeliest(session, commonest), len(missing) - 1)


def _of(session: Session, wanted: Any, letter: DeadLetter) -> str | None:
    """What a letter's event lacks, as its flow reads it; None where it cannot be read, or lacks nothing any more."""
    try:
        envelope = parse(dead_letter_store.replayed_event(letter))
        handler = endpoint.handler_of(dead_letter_store.queue_now(letter), envelope.type)
        payload = None if envelope.dataref else inbox.read_event(handler, envelope).payload
    except PermanentError:
        return None
    found: str | None = wanted(session, payload)
    return found


def _unknown_stage(session: Session, payload: Any) -> str | None:
    stage = getattr(getattr(payload, "state", None), "stage_id", None)
    if not isinstance(stage, str):
        return None
    try:
        opportunities.resolve_stage(session, stage)
    except PermanentError:
        return stage
    return None


def _unknown_advisor(session: Session, payload: Any) -> str | None:
    for wanted in (getattr(payload, name, None) for name in ("comercial_id", "medico_id")):
        if not wanted:
            continue
        try:
            campaigns.known_advisor(session, wanted)
        except PermanentError as error:
            if error.reason == UNKNOWN_ADVISOR:
                return str(wanted)
    return None


def odoo_stages(session: Session) -> list[OdooStage]:
    """The stages of Odoo that the map has, in the order of their numbers."""
    rows = session.scalars(select(StageMapping).order_by(StageMapping.odoo_stage_id, StageMapping.id)).all()
    first = {row.odoo_stage_id: OdooStage(row.odoo_stage_id, row.odoo_name) for row in reversed(rows)}
    return sorted(first.values(), key=lambda stage: stage.number)


def _likeliest(session: Session, name: str) -> int | None:
    """The number of the stage whose name in ManyChat or Odoo is most like this one: a suggestion, which somebody confirms."""
    key = stage_key(name)
    named = [(row.odoo_stage_id, stage_key(text)) for row in session.scalars(select(StageMapping)) for text in _names(row)]
    scored = [(SequenceMatcher(None, key, other).ratio(), -number) for number, other in named]
    return -max(scored)[1] if scored else None


def _names(row: StageMapping) -> tuple[str, str]:
    return row.manychat_name, row.odoo_name
