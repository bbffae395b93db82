"""`/api/v1/people`: who somebody is in all systems; join and separate people by hand."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from shared.crm import editing, people_edits
from shared.errors import FieldError, RefusedError
from shared.messages import consent
from shared.people import queries
from shared.people.graph import Nature
from shared.people.kinds import Identity, identity, kinds
from shared.privacy.export import everything
from shared.privacy.person import Person
from shared.problems import documented
from shared.store.people_models import KIND_LENGTH, SOURCE_LENGTH, VALUE_LENGTH, IdentityLink
from shared.store.session import reading, rehearse
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body, Flag
from shared.web.consents import StopOut, stop_out
from shared.web.paging import RowId, text

router = APIRouter(prefix="/api/v1/people", tags=["People"], route_class=SecuredRoute)

MOST_IDENTITIES = 200
PREVIEW = "Only tell what would be so afterwards; nothing is changed."


class PeopleQuery(BaseModel):
    """By what somebody is looked for."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, text(KIND_LENGTH)] = Field(description="A kind of identity, such as `email`, `phone`, `manychat`.")
    value: Annotated[str, text(VALUE_LENGTH)] = Field(description="In any spelling.")
    probable: bool = Field(default=False, description="Also those of whom only a typed text says that it is theirs.")


class IdentityOut(BaseModel):
    """By what a system knows the person."""

    id: int
    kind: str
    value: str
    is_shared: bool = Field(description="It belongs to others as well, and joins nobody.")
    is_probable: bool = Field(description="Somebody typed it; nothing has proven it.")
    seen_at: datetime


class LinkOut(BaseModel):
    """Why two identities are, may be, or are not one person's."""

    id: int
    first_id: int
    second_id: int
    nature: Nature
    source: str = Field(description="The kind of event that showed it, or `by-hand`.")
    at: datetime
    actor: str | None = Field(description="Who said so, where it was said by hand.")


class PersonOut(BaseModel):
    """A person with everything that joins their identities."""

    id: int
    identities: list[IdentityOut]
    links: list[LinkOut]
    probably_same: list[int] = Field(description="Other people who share an identity with them that was only typed.")


class PeopleOut(BaseModel):
    """People, in the order of their numbers."""

    items: list[PersonOut]
    stops: list[StopOut] = Field(
        default_factory=list,
        description="Of a join or separation: the stops at their addresses, which it neither lifts nor moves.",
    )


class Export(BaseModel):
    """What is held about a person."""

    exported_at: datetime
    held: dict[str, list[dict[str, Any]]] = Field(description="Rows by table, and what flows add, such as `stops`.")
    probably_the_same: list[str] = Field(description="Others who may be the same person; nothing of theirs is in here.")


class JoinIn(Body):
    """Two people who are one."""

    people: list[Annotated[int, Field(ge=1, lt=2**53)]] = Field(min_length=2, max_length=2)
    preview: Flag = Field(default=False, description=PREVIEW)


class MergedIn(Body):
    """Ids of one kind that a system has made one."""

    kind: Annotated[str, Field(min_length=1, max_length=KIND_LENGTH)] = Field(description="Such as `manychat` or `phone`.")
    kept: Annotated[str, Field(min_length=1, max_length=VALUE_LENGTH)] = Field(description="The id that is left, or is new.")
    gone: list[Annotated[str, Field(min_length=1, max_length=VALUE_LENGTH)]] = Field(min_length=1, max_length=MOST_IDENTITIES)
    source: Annotated[str, Field(min_length=1, max_length=SOURCE_LENGTH)] = Field(description="Who says so: `hubspot.merge`.")
    preview: Flag = Field(default=False, description=PREVIEW)


class SeparateIn(Body):
    """Which identities of a person are somebody else's."""

    identities: list[Annotated[int, Field(ge=1, lt=2**53)]] = Field(min_length=1, max_length=MOST_IDENTITIES)
    preview: Flag = Field(default=False, description=PREVIEW)


@router.get("", summary="Find people by an identity")
def find_people(query: Annotated[PeopleQuery, Query()]) -> PeopleOut:
    """Whose identity it is: one person, several where it is shared, none where nobody is known by it."""
    wanted = _read(query.kind, query.value, "value")
    with reading() as session:
        find = queries.with_proposals if query.probable else queries.of
        return _shown_all(session, find(session, wanted))


@router.get("/{person_id:id}", summary="One person", responses=documented(404))
def get_person(person_id: RowId) -> PersonOut:
    """The person, under any number that was ever theirs."""
    with reading() as session:
        found = queries.profile(session, person_id)
    if found is None:
        raise editing.missing("person", person_id)
    return _shown(found)


@router.post("/join", summary="Join two people", responses=documented(404, 409))
def join_people(body: JoinIn, caller: Caller) -> PeopleOut:
    """The two are one person, whatever kept them apart; earlier separations by hand are taken back."""
    first, second = body.people
    work = partial(people_edits.join, first=first, second=second, actor=actor(caller))
    return _done(work, preview=body.preview)


@router.post("/merged", summary="Follow merged ids")
def follow_merged_ids(body: MergedIn, caller: Caller) -> PeopleOut:
    """A system has merged ids or renamed one (a person has a new number): whatever is known by any of them is one person's.

    Deleting the old ids there is no erasure here. Stops stay with their addresses, and count for the new one as well.
    """
    kept = _read(body.kind, body.kept, "kept")
    gone = [_read(body.kind, value, "gone") for value in body.gone]
    work = partial(people_edits.follow, kept=kept, gone=gone, source=body.source, actor=actor(caller))
    return _done(work, preview=body.preview)


@router.post("/{person_id:id}/separate", summary="Separate a person", responses=documented(404, 409))
def separate_person(person_id: RowId, body: SeparateIn, caller: Caller) -> PeopleOut:
    """These identities are somebody else's from now on, whatever events show later."""
    leaving = frozenset(body.identities)
    work = partial(people_edits.separate, number=person_id, leaving=leaving, actor=actor(caller))
    return _done(work, preview=body.preview)


@router.get("/{person_id:id}/export", summary="Export a person", responses=documented(404))
def export_person(person_id: RowId) -> Export:
    """Everything that is held about a person, for their own request: the rows of every table, as an erasure finds them.

    Whoever asks for it makes sure first who they are. `python -m shared.privacy --export` prints the same.
    """
    with reading() as session:
        names = queries.names(session, person_id)
        if not names:
            raise editing.missing("person", person_id)
        return Export.model_validate(everything(session, Person(pseudonym="", names=frozenset(names))))


def _read(kind: str, value: str, field: str) -> Identity:
    try:
        return identity(kind, value)
    except ValueError as error:
        fault = FieldError(field if kind in kinds() else "kind", str(error))
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=[fault]) from error


def _done(work: Callable[[Session], list[int]], *, preview: bool) -> PeopleOut:
    def and_show(session: Session) -> PeopleOut:
        numbers = work(session)
        known = [one for number in numbers for one in queries.identities(session, number)]
        stops = [stop_out(*each) for each in consent.stops(session, known)]
        return PeopleOut(items=_shown_all(session, numbers).items, stops=stops)

    return rehearse(and_show) if preview else editing.committed(and_show)


def _shown_all(session: Session, numbers: list[int]) -> PeopleOut:
    found = (queries.profile(session, number) for number in numbers)
    return PeopleOut(items=[_shown(one) for one in found if one is not None])


def _shown(found: queries.Profile) -> PersonOut:
    return PersonOut(
        id=found.id,
        identities=[IdentityOut.model_validate(one, from_attributes=True) for one in found.identities],
        links=[_link(each) for each in found.links],
        probably_same=list(found.probably_same),
    )


def _link(row: IdentityLink) -> LinkOut:
    return LinkOut.model_validate(row, from_attributes=True)
