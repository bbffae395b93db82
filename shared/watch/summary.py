"""What happened between two times: events, people, opportunities, how long Odoo was behind, who was assigned to whom."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.outbox.actions import State
from shared.store.elapsed import step_of
from shared.store.models import (
    Advisor,
    Campaign,
    CampaignContact,
    Channel,
    Contact,
    Delivery,
    Opportunity,
    StageMapping,
)
from shared.store.session import reading
from shared.watch import hour_figures
from shared.watch.record import spread

SAMPLE = 20_000  # the newest syncs of the period, from which its percentiles are taken


def summary(since: datetime, until: datetime) -> dict[str, Any]:
    """The figures of `since` (included) to `until` (excluded). What stands (stages, channels) is as of now.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with reading() as session:
        return {
            "events": _events(session, since, until),
            "contacts_by_channel": _by_channel(session),
            "opportunities_by_stage": _by_stage(session),
            "sync_lag": _sync_lag(session, since, until),
            "assignments": _assignments(session, since, until),
        }


def _events(session: Session, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = hour_figures.between(session, hour_figures.EVENTS, since, until)
    rows = sorted(found.items(), key=lambda row: (row[0].part, row[0].result, row[0].owner))
    return [{"source": of.owner, "type": of.part, "outcome": of.result, "count": number} for of, number in rows]


def _by_channel(session: Session) -> list[dict[str, Any]]:
    query = (
        select(Channel.name.label("channel"), func.count().label("contacts"))
        .select_from(Contact)
        .outerjoin(Channel, Channel.id == Contact.channel_id)
        .group_by(Channel.name)
        .order_by(func.count().desc())
    )
    return _rows(session.execute(query))


def _by_stage(session: Session) -> list[dict[str, Any]]:
    names = select(StageMapping.odoo_stage_id, func.min(StageMapping.odoo_name).label("stage"))
    named = names.group_by(StageMapping.odoo_stage_id).subquery()
    query = (
        select(Opportunity.stage_id, named.c.stage, Opportunity.odoo_sync_status, func.count().label("opportunities"))
        .outerjoin(named, named.c.odoo_stage_id == Opportunity.stage_id)
        .group_by(Opportunity.stage_id, named.c.stage, Opportunity.odoo_sync_status)
        .order_by(Opportunity.stage_id, Opportunity.odoo_sync_status)
    )
    return _rows(session.execute(query))


def _sync_lag(session: Session, since: datetime, until: datetime) -> dict[str, int]:
    """From the change to Odoo's answer, in milliseconds."""
    taken = step_of(Delivery.created_at, Delivery.finished_at).label("taken")
    query = select(taken).where(
        Delivery.kind == "sync", Delivery.state == State.DONE, Delivery.finished_at >= since, Delivery.finished_at < until
    )
    newest = query.order_by(Delivery.id.desc()).limit(SAMPLE).subquery()
    counted = session.execute(select(newest.c.taken, func.count()).group_by(newest.c.taken))
    durations = {row[0]: row[1] for row in counted}
    return {"syncs": sum(durations.values())} | spread(durations)


def _assignments(session: Session, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Per campaign and advisor, by kind of advisor."""
    found = []
    for side in ("commercial", "medical"):
        advisor = getattr(CampaignContact, f"{side}_advisor_id")
        date = getattr(CampaignContact, f"{side}_assignment_date")
        query = (
            select(Campaign.name.label("campaign"), Advisor.name.label("advisor"), func.count().label("contacts"))
            .select_from(CampaignContact)
            .join(Campaign, Campaign.id == CampaignContact.campaign_id)
            .join(Advisor, Advisor.id == advisor)
            .where(date >= since, date < until)
            .group_by(Campaign.name, Advisor.name)
            .order_by(Campaign.name, Advisor.name)
        )
        found += [row | {"kind": side} for row in _rows(session.execute(query))]
    return found


def _rows(result: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in result]  # noqa: SLF001  # SQLAlchemy's public name
