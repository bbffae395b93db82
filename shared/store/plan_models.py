"""Tables of plans: what a change to many would do, part by part, before it is done and afterwards."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import ERROR_LENGTH, Base, Timestamped
from shared.store.types import BigId, JsonText, Note, UtcDateTime

NAME_LENGTH, DETAIL_LENGTH = 60, 400


class Plan(Timestamped, Base):
    """A change to many, worked out before it is carried out (`shared.plans`).

    `asked` is what its kind was asked for. `place` is where its walk goes on (NULL: at the beginning), `rounds` how many pages
    were kept, `total` how many parts are expected (NULL: nobody knows). `hash` is that of the parts seen so far.
    `figures` count its parts, `goings` the deliveries by what they are. `approved_hash`: the plan `before_id` with that hash
    was approved, and this one is carried out if it turns out to be the same. `next_id` is the plan that took its place.
    `asked_by` and `carried_by` are the names in the action log, `asker` that by which a second person must differ.
    """

    __tablename__ = "plans"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(Unicode(40))
    asked: Mapped[Any] = mapped_column(JsonText)
    asked_by: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    asker: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    state: Mapped[str] = mapped_column(Unicode(16))
    place: Mapped[Any | None] = mapped_column(JsonText)
    rounds: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    hash: Mapped[str] = mapped_column(Unicode(64), default="")
    figures: Mapped[dict[str, int]] = mapped_column(JsonText, default=dict)
    goings: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    approved_hash: Mapped[str | None] = mapped_column(Unicode(64))
    before_id: Mapped[int | None] = mapped_column(BigId)
    next_id: Mapped[int | None] = mapped_column(BigId)
    approval_id: Mapped[int | None] = mapped_column(BigId)
    carried_by: Mapped[str | None] = mapped_column(Unicode(NAME_LENGTH))
    error: Mapped[str | None] = mapped_column(Note(ERROR_LENGTH))
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_plans_state_updated_at", "state", "updated_at"),)


class PlanPart(Timestamped, Base):
    """What a plan does about one thing. Parts with one `unit` are done together or not at all; `digest` is the unit's.

    `name` is what its kind calls the thing, `what` is `create`, `update`, `none` or `stop`, `word` the outcome or the reason in
    a word. `caused` lists the deliveries that it plans, moves or takes back.
    """

    __tablename__ = "plan_parts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    unit: Mapped[str] = mapped_column(Unicode(64))
    name: Mapped[str] = mapped_column(Unicode(100))
    title: Mapped[str] = mapped_column(Note(200))
    subject: Mapped[str | None] = mapped_column(Unicode(100), index=True)
    what: Mapped[str] = mapped_column(Unicode(8))
    word: Mapped[str | None] = mapped_column(Unicode(64))
    detail: Mapped[str | None] = mapped_column(Note(DETAIL_LENGTH))
    caused: Mapped[Any | None] = mapped_column(JsonText)
    digest: Mapped[str] = mapped_column(Unicode(64))
    state: Mapped[str] = mapped_column(Unicode(8), default="planned")

    __table_args__ = (
        Index("ix_plan_parts_plan_id_unit", "plan_id", "unit"),
        Index("ix_plan_parts_plan_id_what", "plan_id", "what", "id"),
    )


class ListVersion(Timestamped, Base):
    """A list that people keep (the stage map, advisors, channels) as it was after a change. `rows` are those of its file.

    `note` says what was changed, `made_by` by whom, as in the action log.
    """

    __tablename__ = "list_versions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(40))
    made_by: Mapped[str] = mapped_column(Unicode(NAME_LENGTH))
    note: Mapped[str] = mapped_column(Note(200))
    rows: Mapped[Any] = mapped_column(JsonText)

    __table_args__ = (Index("ix_list_versions_name_id", "name", "id"),)
