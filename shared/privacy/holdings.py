"""Every table that holds personal data: which rows belong to a person, and what an erasure does with them.

Facts of a person are deleted. Records of our own work (inbox events, deliveries, the action log) are kept without the person:
a dedupe key that vanished would let an old event be applied again. A new table with personal data gets an entry here; a test
fails until it has one, or is declared to hold none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, UnicodeText, and_, false, or_, select, type_coerce
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.flow import FlowError
from shared.outbox.actions import State
from shared.privacy.person import Person
from shared.store.flow_models import HeldEvent, Trial
from shared.store.journey_models import (
    Enrolment,
    EnrolmentAddress,
    EnrolmentStep,
    JourneyBeginning,
    JourneyDecision,
    JourneyEvent,
    JourneyTalk,
)
from shared.store.models import (
    GONE,
    ActionLog,
    Base,
    CampaignChange,
    CampaignContact,
    Contact,
    DeadLetter,
    Delivery,
    InboxEvent,
    Opportunity,
    Reconciliation,
    StageChange,
)
from shared.store.search import pattern

GONE_TEXT = '{"erased":true}'


@dataclass(frozen=True)
class Holding:
    """What one table holds of a person: `whose` finds the rows; they are deleted, or `instead` says what columns become.

    `mentions` finds rows of others that name the person, and `unnamed` says what those columns become.
    """

    table: type[Base]
    whose: Callable[[Person], ColumnElement[bool]]
    instead: Callable[[Person], Mapping[str, Any]] | None = None
    mentions: Callable[[Person], ColumnElement[bool]] | None = None
    unnamed: Callable[[Person], Mapping[str, Any]] | None = None

    def anywhere(self, person: Person) -> ColumnElement[bool]:
        """Their rows, and those that name them."""
        whose = self.whose(person)
        return whose if self.mentions is None else or_(whose, self.mentions(person))


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """What a flow holds of people.

    `identify` adds to a person what the flow's tables know of them (addresses, rows, names); running it again adds nothing.
    `outside` tells which records an operator has to delete by hand, their ids by what and where they are; an erasure calls no
    outside system but Odoo.
    `files` names the files (`shared.kept_files`) that are theirs; an erasure deletes them.
    `exported` adds to an export what stands in rows that name nobody, such as stops, which are kept as digests; by what it is.
    `row_options` are options of the command line by which a person is found, each with the table whose id it takes.
    """

    holdings: tuple[Holding, ...]
    identify: Callable[[Session, Person], Person] | None = None
    outside: Callable[[Session, Person], Mapping[str, Sequence[int | str]]] | None = None
    files: Callable[[Session, Person], Sequence[str]] | None = None
    exported: Callable[[Session, Person], Mapping[str, list[dict[str, Any]]]] | None = None
    row_options: Mapping[str, str] = field(default_factory=dict)


def _contact(person: Person) -> Any:
    return select(Contact.id).where(Contact.manychat_id.in_(person.manychat_ids))


def _of_opportunity(person: Person) -> ColumnElement[bool]:
    return StageChange.opportunity_id.in_(select(Opportunity.id).where(Opportunity.contact_id.in_(_contact(person))))


def _of_campaign(person: Person) -> ColumnElement[bool]:
    return CampaignChange.campaign_contact_id.in_(
        select(CampaignContact.id).where(CampaignContact.contact_id.in_(_contact(person)))
    )


def _in_text(table: type[DeadLetter | HeldEvent], text: Any) -> Callable[[Person], ColumnElement[bool]]:
    """Theirs by subject; and those without a subject in whose text they stand."""

    def whose(person: Person) -> ColumnElement[bool]:
        named = or_(false(), *(text.like(pattern(quoted), escape="\\") for quoted in person.quoted))
        return or_(table.subject.in_(person.subjects), and_(table.subject.is_(None), named))

    return whose


def _examples(person: Person) -> ColumnElement[bool]:
    """Reports that name them as an example of drift; the figures stay."""
    examples = type_coerce(Reconciliation.examples, UnicodeText)
    return or_(false(), *(examples.like(pattern(f'"{number}"'), escape="\\") for number in person.manychat_ids))


def _in_journeys(person: Person) -> ColumnElement[bool]:
    """Their enrolments, under whichever of their names."""
    return Enrolment.person.in_(person.subjects)


def _enrolment_of(column: Any) -> Callable[[Person], ColumnElement[bool]]:
    return lambda person: column.in_(select(Enrolment.id).where(_in_journeys(person)))


def _event_instead(person: Person) -> dict[str, Any]:
    return {"subject": person.pseudonym, "event_id": person.pseudonym, "data": GONE, "changes": None}


def _delivery_instead(person: Person) -> dict[str, Any]:
    return {"subject": person.pseudonym, "payload": None, "result": None, "last_error": None}


def _dead_letter_instead(person: Person) -> dict[str, Any]:
    return {
        "subject": person.pseudonym,
        "event_id": person.pseudonym,
        "original_event": GONE_TEXT,
        "error_message": "erased",
        "trace": None,
        "state": "resolved",
        "resolved_at": clock.now(),
    }


_HOLDINGS = (
    Holding(JourneyDecision, _enrolment_of(JourneyDecision.enrolment_id)),
    Holding(EnrolmentAddress, _enrolment_of(EnrolmentAddress.enrolment_id)),
    Holding(JourneyTalk, _enrolment_of(JourneyTalk.enrolment_id)),
    Holding(EnrolmentStep, _enrolment_of(EnrolmentStep.enrolment_id)),
    Holding(Enrolment, _in_journeys),
    Holding(JourneyEvent, lambda person: JourneyEvent.person.in_(person.subjects)),
    Holding(JourneyBeginning, lambda person: JourneyBeginning.person.in_(person.subjects)),
    Holding(StageChange, _of_opportunity),
    Holding(Opportunity, lambda person: Opportunity.contact_id.in_(_contact(person))),
    Holding(CampaignChange, _of_campaign),
    Holding(CampaignContact, lambda person: CampaignContact.contact_id.in_(_contact(person))),
    Holding(Contact, lambda person: Contact.manychat_id.in_(person.manychat_ids)),
    Holding(InboxEvent, lambda person: InboxEvent.subject.in_(person.subjects), _event_instead),
    Holding(Trial, lambda person: or_(Trial.email.in_(person.emails), Trial.phone.in_(person.phones))),
    Holding(HeldEvent, _in_text(HeldEvent, HeldEvent.event)),
    Holding(Delivery, lambda person: Delivery.subject.in_(person.subjects), _delivery_instead),
    Holding(DeadLetter, _in_text(DeadLetter, DeadLetter.original_event), _dead_letter_instead),
    Holding(
        ActionLog,
        lambda person: ActionLog.subject.in_(person.subjects),
        lambda person: {"subject": person.pseudonym, "detail": None},
    ),
    Holding(Reconciliation, _examples, lambda _person: {"examples": None}),
)
ENGINE = PersonalData(holdings=_HOLDINGS)


def holdings() -> tuple[Holding, ...]:
    """What the tables of all flows hold, in the order in which rows may go: what points to another row goes before it.

    Raises:
        FlowError: a table is spoken for by nobody; the text says where to add it.
    """
    flows.load_tables()
    found = {holding.table.__tablename__: holding for data in flows.parts("privacy") for holding in data.holdings}
    impersonal = {name for flow in flows.installed() for name in flow.impersonal_tables}
    for name in sorted(Base.metadata.tables.keys() - found.keys() - impersonal):
        raise FlowError(
            f"the table {name!r} is in no flow's `privacy`, nor in its `impersonal_tables`: say which of its rows are a "
            "person's and what erasing does with them, or that it holds nothing of a person"
        )
    return tuple(found[table.name] for table in reversed(Base.metadata.sorted_tables) if table.name in found)


# A delivery that somebody holds now is being sent; one that waits is taken back before anything is erased.
UNDER_WAY = State.SENDING
