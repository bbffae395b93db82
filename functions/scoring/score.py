"""A lead's score and priority: a table of points, which the settings may change."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from functions.scoring.payloads import ScoredLeadPayload
from functions.scoring.settings import Point, ScoringSettings
from shared.readers import UnreadableError, email
from shared.settings import settings_of

type Priority = Literal["high", "medium", "low"]

HOT = "hot"
COUNTED: tuple[tuple[Point, Point], ...] = (("click", "click_most"), ("reply", "reply_most"), ("open", "open_most"))
INVALID_EMAIL, NO_CONTACT = "invalid_email_format", "missing_contact_info"


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a lead is worth. `email` is the address by its key, None where there is no valid one; `errors` say what is wrong."""

    score: int
    priority: Priority
    email: str | None
    errors: tuple[str, ...]


def of(lead: ScoredLeadPayload) -> Scored:
    """The lead's score by SCORING_POINTS, its priority by SCORING_PRIORITIES."""
    settings = settings_of(ScoringSettings)
    address = _address(lead.email)
    score = sum(settings.points[fact] for fact in _facts(lead, address)) + _counted(lead.events, settings)
    least = settings.scoring_priorities
    priority: Priority = "high" if score >= least["high"] else "medium" if score >= least["medium"] else "low"
    return Scored(score=score, priority=priority, email=address, errors=tuple(_errors(lead, address)))


def _facts(lead: ScoredLeadPayload, address: str | None) -> Iterable[Point]:
    yield "base"
    if address:
        yield "email"
    if lead.phone:
        yield "phone"
    if lead.first_name or lead.last_name:
        yield "name"
    if any(HOT in tag.casefold() for tag in lead.tags):
        yield "hot_tag"
    if lead.utm_source or lead.utm_campaign:
        yield "utm"


def _counted(events: Iterable[str], settings: ScoringSettings) -> int:
    kinds = [event.strip().casefold() for event in events]
    return sum(min(kinds.count(kind) * settings.points[kind], settings.points[most]) for kind, most in COUNTED)


def _errors(lead: ScoredLeadPayload, address: str | None) -> Iterable[str]:
    if lead.email and not address:
        yield INVALID_EMAIL
    if not lead.email and not lead.phone:
        yield NO_CONTACT


def _address(written: str | None) -> str | None:
    try:
        return email.read(written).key if written else None
    except UnreadableError:
        return None
