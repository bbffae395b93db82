"""How many people stand where in each journey: counted by a job, so that no page counts large tables.

What happened at the steps is that of the newest people who entered, NEWEST at most; so counting stays bounded however long a
journey runs. Whoever waits in it now is counted whole, by the index of those who are in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import CompoundSelect, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from shared import clock
from shared.journeys import load
from shared.journeys.beginnings import BeginningState
from shared.journeys.enrolment_records import Standing
from shared.store.dialect import insert_if_absent
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyBeginning, JourneyFigures
from shared.store.session import reading, transact

NEWEST = 10_000
NOW_IN_IT = (Standing.ACTIVE.value, Standing.SUSPENDED.value)

type Steps = Mapping[str, Mapping[str, int]]
"""By the name of a step: how many stand there, by the step's state."""


@dataclass(frozen=True)
class Figures:
    """A journey in numbers, as they were at `as_of`: people by their state, and the steps of those in it and of the newest."""

    as_of: datetime
    people: Mapping[str, int]
    waiting: int
    now: Steps
    newest: Steps
    entered: int


def of(session: Session, names: list[str]) -> dict[str, Figures]:
    """The figures of these journeys; of one that was never counted, as after an installation, none."""
    rows = session.scalars(select(JourneyFigures).where(JourneyFigures.journey.in_(names)))
    return {row.journey: Figures(as_of=row.as_of, **row.figures) for row in rows}


def count_all() -> int:
    """Count every journey anew; how many. A job of every five minutes; a second run counts the same again.

    A journey in which nobody ever was costs one seek in two indexes, in one statement for all of them.
    """
    if not (names := sorted(load.definitions())):
        return 0
    with reading() as session:
        used = set(session.scalars(_used(tuple(names))))
        counted = {name: count(session, name) if name in used else _nobody() for name in names}
    transact(partial(_keep, counted=counted, now=clock.now()))
    return len(names)


@lru_cache(maxsize=8)
def _used(names: tuple[str, ...]) -> CompoundSelect[str]:
    """Those of these journeys that anybody has entered or may enter. Made once; a term for each, so that each is a seek."""
    return union_all(
        *(
            select(literal(name)).where(
                or_(exists().where(Enrolment.journey == name), exists().where(JourneyBeginning.journey == name))
            )
            for name in names
        )
    )


def _nobody() -> dict[str, Any]:
    return {"people": {}, "waiting": 0, "now": {}, "newest": {}, "entered": 0}


def count(session: Session, name: str) -> dict[str, Any]:
    """The figures of a journey, counted now."""
    people = {state: number for state, number in session.execute(_by_state(name))}  # noqa: C416  # a row is no pair for the type checker
    begins = (JourneyBeginning.journey == name, JourneyBeginning.state == BeginningState.WAITING.value)
    newest = select(Enrolment.id).where(Enrolment.journey == name).order_by(Enrolment.id.desc()).limit(NEWEST)
    in_it = select(Enrolment.id).where(Enrolment.journey == name, Enrolment.state.in_(NOW_IN_IT))
    return {
        "people": people,
        "waiting": session.scalar(select(func.count()).select_from(JourneyBeginning).where(*begins)) or 0,
        "now": _steps(session, in_it.subquery()),
        "newest": _steps(session, newest.subquery()),
        "entered": session.scalar(select(func.count()).select_from(newest.subquery())) or 0,
    }


def _by_state(name: str) -> Any:
    return select(Enrolment.state, func.count()).where(Enrolment.journey == name).group_by(Enrolment.state)


def _steps(session: Session, enrolments: Any) -> dict[str, dict[str, int]]:
    columns = (EnrolmentStep.step, EnrolmentStep.state)
    query = select(*columns, func.count()).join(enrolments, enrolments.c.id == EnrolmentStep.enrolment_id).group_by(*columns)
    found: dict[str, dict[str, int]] = {}
    for step, state, number in session.execute(query):
        found.setdefault(step, {})[state] = number
    return found


def _keep(session: Session, counted: Mapping[str, dict[str, Any]], now: datetime) -> None:
    """In one transaction. Where another instance has just added the row, that one's count is as new as ours."""
    rows = {row.journey: row for row in session.scalars(select(JourneyFigures).where(JourneyFigures.journey.in_(counted)))}
    for name, figures in counted.items():
        if row := rows.get(name):
            row.as_of, row.figures = now, figures
        else:
            insert_if_absent(session, JourneyFigures, "journey", {"journey": name, "as_of": now, "figures": figures})
