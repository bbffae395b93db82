"""`/api/v1/channels`: the ways by which people reach us; events make them on first mention, people name and describe them."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from shared.crm import catalogue, editing
from shared.intake.fields import Text
from shared.problems import documented
from shared.store.models import Channel
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Change, Words100, Words255
from shared.web.conditions import MADE, ONE, IfMatch, guard, tag
from shared.web.paging import Page, RowId
from shared.web.sorting import LONGEST_SEARCH, SortedQuery, containing, find_sorted

router = APIRouter(prefix="/api/v1/channels", tags=["Channels"], route_class=SecuredRoute)

EDITABLE = ("name", "description")
SORTS = {"id": Channel.id, "name": Channel.name}


class ChannelQuery(SortedQuery):
    """Filters of the list."""

    sort: Literal["id", "-id", "name", "-name"] | None = Field(default=None, description="Not together with `order`.")
    q: Annotated[str, Text(LONGEST_SEARCH, at_least=1)] | None = Field(default=None, description="A part of the name.")


class ChannelOut(BaseModel):
    """A channel."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class ChannelChange(Change):
    """A channel in part: what is left out stays."""

    name: Words100 = Field(default_factory=str, description="Unique, whatever its case.")
    description: Words255 | None = None


class ChannelIn(ChannelChange):
    """A channel."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "WhatsApp", "description": "The clinic's number"}]})

    name: Words100 = Field(description="Unique, whatever its case.")


@router.get("", summary="List channels")
def list_channels(query: Annotated[ChannelQuery, Query()]) -> Page[ChannelOut]:
    """Channels, by a part of their name."""
    chosen = select(Channel)
    if query.q is not None:
        chosen = chosen.where(containing(query.q, Channel.name))
    with reading() as session:
        rows, total, after = find_sorted(session, chosen, SORTS, query)
    return Page(items=[ChannelOut.model_validate(row) for row in rows], total=total, next=after)


@router.post("", status_code=201, summary="Add a channel", responses=documented(409) | MADE)
def create_channel(body: ChannelIn, caller: Caller, response: Response) -> ChannelOut:
    """Adds a channel. 409 where there is one of that name."""
    row = editing.committed(partial(catalogue.create_channel, values=body.model_dump(), actor=actor(caller)))
    tag(response, row, EDITABLE, f"/api/v1/channels/{row.id}")
    return ChannelOut.model_validate(row)


@router.get("/{channel_id:id}", summary="One channel", responses=documented(404) | ONE)
def get_channel(channel_id: RowId, response: Response) -> ChannelOut:
    """The channel."""
    with reading() as session:
        row = session.get(Channel, channel_id)
    if row is None:
        raise editing.missing("channel", channel_id)
    tag(response, row, EDITABLE)
    return ChannelOut.model_validate(row)


@router.put("/{channel_id:id}", summary="Replace a channel", responses=documented(404, 409, 412) | ONE)
def replace_channel(
    channel_id: RowId, body: ChannelIn, caller: Caller, response: Response, if_match: IfMatch = None
) -> ChannelOut:
    """Sets name and description. With a new name the leads of everybody who came by it are brought up to date in Odoo."""
    return _changed(channel_id, body.model_dump(), caller, response, if_match)


@router.patch("/{channel_id:id}", summary="Change a channel", responses=documented(404, 409, 412) | ONE)
def change_channel(
    channel_id: RowId, body: ChannelChange, caller: Caller, response: Response, if_match: IfMatch = None
) -> ChannelOut:
    """Sets what is given. With a new name the leads of everybody who came by it are brought up to date in Odoo."""
    return _changed(channel_id, body.given(), caller, response, if_match)


@router.delete("/{channel_id:id}", status_code=204, summary="Delete a channel", responses=documented(404, 409, 412))
def delete_channel(channel_id: RowId, caller: Caller, if_match: IfMatch = None) -> None:
    """Deletes a channel by which nobody came and on which no campaign runs; 409 names who and which."""
    check = guard(if_match, EDITABLE)
    editing.committed(partial(catalogue.delete_channel, channel_id=channel_id, actor=actor(caller), guard=check))


def _changed(
    channel_id: int, values: dict[str, object], caller: Caller, response: Response, if_match: str | None
) -> ChannelOut:
    change = partial(catalogue.change_channel, channel_id=channel_id, values=values)
    row = editing.committed(partial(change, actor=actor(caller), guard=guard(if_match, EDITABLE)))
    tag(response, row, EDITABLE)
    return ChannelOut.model_validate(row)
