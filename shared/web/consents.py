"""`/api/v1/consents`: what people have said about messages and notices, with its proof; and what counts for a person."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import editing
from shared.errors import FieldError, RefusedError
from shared.messages import consent, consent_history
from shared.messages.consent_history import LONGEST_TEXT, ConsentChannel, Statement, Word
from shared.people import queries
from shared.people.kinds import Identity, identity, kinds
from shared.problems import documented
from shared.store.consent_models import PURPOSE_LENGTH, VERSION_LENGTH, Consent
from shared.store.message_models import Suppression
from shared.store.people_models import KIND_LENGTH, VALUE_LENGTH
from shared.store.session import reading
from shared.web.auth import Caller, SecuredRoute, actor
from shared.web.bodies import Body
from shared.web.paging import Moment, Page, PageQuery, RowId, find, text

router = APIRouter(prefix="/api/v1", tags=["Consents"], route_class=SecuredRoute)

MOST_AT_ONCE = 500
MOST_EVIDENCE = 20
PURPOSE = r"^[a-z][a-z0-9-]*$"
type Purpose = Annotated[str, Field(pattern=PURPOSE, max_length=PURPOSE_LENGTH)]


class ConsentQuery(PageQuery):
    """Filters of the list."""

    kind: Annotated[str, text(KIND_LENGTH)] | None = Field(default=None, description="With `value`: whose words.")
    value: Annotated[str, text(VALUE_LENGTH)] | None = Field(default=None, description="In any spelling.")
    channel: ConsentChannel | None = None
    purpose: Annotated[str, text(PURPOSE_LENGTH)] | None = None
    word: Word | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind is None) != (self.value is None):
            raise ValueError("give `kind` and `value` together")
        return self

    def applied(self, query: Select[Consent]) -> Select[Consent]:
        """`query`, narrowed down."""
        if self.kind is not None:
            query = query.where(Consent.identity_key == _identity(self.kind, str(self.value)).key)
        for name in ("channel", "purpose", "word"):
            if (wanted := getattr(self, name)) is not None:
                query = query.where(getattr(Consent, name) == wanted)
        return query


class ConsentOut(BaseModel):
    """One word of somebody."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: str = Field(description="By which identity they are known who said it.")
    value: str
    channel: ConsentChannel = Field(description="`any`: by whichever.")
    purpose: str = Field(description="`marketing`, `health-data` (a notice that was accepted), or one of yours.")
    word: Word
    source: str = Field(description="Where it comes from, such as `lead.form`, `twilio.message`, `link`, `api`, `import`.")
    is_proven: bool = Field(description="They said it themselves and there is evidence; an import never is.")
    text: str | None = Field(description="What they were shown, or wrote.")
    version: str | None = Field(description="Of a notice.")
    evidence: dict[str, Any]
    said_at: datetime | None = Field(description="Null where an import does not say when.")
    recorded_at: datetime


class ConsentIn(BaseModel):
    """A word of somebody, with its proof."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(min_length=1, max_length=KIND_LENGTH)]
    value: Annotated[str, Field(min_length=1, max_length=VALUE_LENGTH)]
    channels: list[ConsentChannel] = Field(min_length=1, max_length=6)
    purpose: Purpose
    word: Word
    source: Literal["api", "import"] = Field(
        default="api",
        description="`import`: taken over from elsewhere; it never beats what somebody said with proof, nor a stop.",
    )
    said_at: Moment | None = Field(default=None, description="When they said it; by default now, for an import unknown.")
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = Field(default=None, description="What they were shown.")
    version: Annotated[str, Field(max_length=VERSION_LENGTH)] | None = None
    evidence: dict[Annotated[str, Field(max_length=60)], Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=MOST_EVIDENCE, description="What proves it: a recording's address, an IP, a signature."
    )

    @model_validator(mode="after")
    def _is_proven(self) -> Self:
        if self.source == "api" and self.word == "granted" and not (self.evidence and (self.text or self.version)):
            raise ValueError("a consent needs a proof: `evidence`, and the `text` or `version` that was shown")
        return self

    def statement(self) -> Statement:
        """What is kept of it."""
        is_proven = self.source == "api"
        return Statement(
            channels=self.channels,
            purpose=self.purpose,
            word=self.word,
            source=self.source,
            is_proven=is_proven,
            said_at=self.said_at or (clock.now() if is_proven else None),
            text=self.text,
            version=self.version,
            evidence=self.evidence,
        )


class ConsentsIn(Body):
    """Words of several people, at most 500 at once; those that are known already are not added again."""

    items: list[ConsentIn] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Recorded(BaseModel):
    """How many rows are new: one for each word and channel."""

    recorded: int


class StopOut(BaseModel):
    """A stop that holds at one of the person's own addresses. No join lifts it, and no consent from elsewhere."""

    kind: str
    value: str
    channel: str
    cause: str
    since: datetime


class ConsentsOfPerson(BaseModel):
    """What counts for a person now, and everything that they have said."""

    current: list[ConsentOut] = Field(description="By channel and purpose the newest word with proof, else the newest import.")
    stops: list[StopOut]
    history: list[ConsentOut]


@router.get("/consents", summary="List consents")
def list_consents(query: Annotated[ConsentQuery, Query()]) -> Page[ConsentOut]:
    """What people have said, word by word."""
    with reading() as session:
        rows, total, after = find(session, query.applied(select(Consent)), Consent.id, query)
    return Page(items=[ConsentOut.model_validate(row) for row in rows], total=total, next=after)


@router.post("/consents", status_code=201, summary="Record consents")
def record_consents(body: ConsentsIn, caller: Caller) -> Recorded:
    """Keep what people have said elsewhere: at a counter, in a call, or in the system from which you move in."""
    who = [(_identity(one.kind, one.value, f"items.{number}"), one.statement()) for number, one in enumerate(body.items)]

    def work(session: Session) -> Recorded:
        made = sum(consent_history.record(session, *each) for each in who)
        sources = sorted({one.source for one in body.items})
        editing.log(session, actor(caller), "consent.record", f"consents:{len(who)}", f"{', '.join(sources)}: {made} new")
        return Recorded(recorded=made)

    return editing.committed(work)


@router.get("/people/{person_id:id}/consents", summary="A person's consents", responses=documented(404))
def consents_of_person(person_id: RowId) -> ConsentsOfPerson:
    """What counts by channel and purpose, from everything that any of their identities has said."""
    with reading() as session:
        known = queries.identities(session, person_id)
        if not known:
            raise editing.missing("person", person_id)
        rows = consent_history.history(session, known)
        stops = consent.stops(session, known)
    return ConsentsOfPerson(
        current=[ConsentOut.model_validate(row) for row in consent_history.current(rows).values()],
        stops=[stop_out(*each) for each in stops],
        history=[ConsentOut.model_validate(row) for row in rows],
    )


def stop_out(one: Identity, row: Suppression) -> StopOut:
    """A stop as it is shown."""
    return StopOut(kind=one.kind, value=one.value, channel=row.channel, cause=row.cause, since=row.changed_at)


def _identity(kind: str, value: str, where: str = "") -> Identity:
    try:
        return identity(kind, value)
    except ValueError as error:
        field = ".".join(filter(None, (where, "kind" if kind not in kinds() else "value")))
        raise RefusedError(
            422, "invalid-fields", "A value is not as it must be.", errors=[FieldError(field, str(error))]
        ) from error
