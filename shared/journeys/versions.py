"""The versions of a journey that people have entered by, and what they say."""

from collections.abc import Sequence

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.journeys.definition import Journey
from shared.store.journey_models import JourneyVersion


def known(session: Session, name: str) -> Sequence[JourneyVersion]:
    """Every version by which somebody has entered, newest first."""
    query = select(JourneyVersion).where(JourneyVersion.journey == name)
    return session.scalars(query.order_by(JourneyVersion.id.desc())).all()


def text_of(definition: object) -> str:
    """A definition as people read it, in the order of its fields; what says nothing is left out."""
    return yaml.safe_dump(_filled_in(definition), sort_keys=False, allow_unicode=True, width=120)


def text_now(journey: Journey) -> str:
    """The definition by which people enter now."""
    return text_of(journey.dumped())


def _filled_in(value: object) -> object:
    if isinstance(value, dict):
        return {name: _filled_in(inner) for name, inner in value.items() if inner not in (None, [], {}, ())}
    return [_filled_in(inner) for inner in value] if isinstance(value, list | tuple) else value
