"""How far an outside system is in step with a row of ours, as every answer about such a row shows it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.outbox.actions import State
from shared.outbox.record_sync import RecordSync
from shared.store.models import Delivery


class SyncDelivery(BaseModel):
    """The open sync of a row, or else the last one."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="Its number among the deliveries.")
    state: State
    reason: str | None
    attempts: int
    due_at: datetime
    last_error: str | None
    finished_at: datetime | None


def newest(session: Session, sync: RecordSync, row: Any) -> SyncDelivery | None:
    """The newest delivery of `sync` for `row`; None where there never was one."""
    query = select(Delivery).where(
        Delivery.subject == sync.subject(row), Delivery.target == sync.target, Delivery.action == sync.name
    )
    found = session.scalars(query.order_by(Delivery.id.desc()).limit(1)).one_or_none()
    return SyncDelivery.model_validate(found) if found else None
