"""Whom an erasure is about: what was asked for, and every name and number by which our record knows that person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import flows
from shared.crm.people import email_name
from shared.readers import phone
from shared.store.models import Contact

SUBJECT_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody whose data is to be erased. `pseudonym` takes their place, and tells nobody who they were.

    `manychat_ids`, `emails` (in lower case) and `rows` begin with what was asked for; `known` adds what our record says.
    `phones` are the numbers of their rows, in E.164: what came from one of them is theirs, also where relatives share it.
    `rows` are the ids of their rows in flows' tables, by the table's name; `names` are further names of theirs as a subject.
    """

    pseudonym: str
    manychat_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    rows: Mapping[str, frozenset[int]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def of(self, table: str) -> frozenset[int]:
        """The ids of their rows in that table."""
        return self.rows.get(table, frozenset())

    def with_rows(self, table: str, ids: Iterable[int]) -> Self:
        """The same person with these rows of that table too."""
        return replace(self, rows={**self.rows, table: self.of(table) | frozenset(ids)})

    def with_names(self, names: Iterable[str]) -> Self:
        """The same person with these names too."""
        return replace(self, names=self.names | frozenset(names))

    def with_manychat_ids(self, numbers: Iterable[str]) -> Self:
        """The same person with these ids in ManyChat too."""
        return replace(self, manychat_ids=tuple(dict.fromkeys([*self.manychat_ids, *numbers])))

    def with_emails(self, emails: Iterable[str | None]) -> Self:
        """The same person with these addresses too."""
        added = {mail.strip().lower() for mail in emails if mail}
        return replace(self, emails=tuple(sorted({*self.emails, *added})))

    def with_phones(self, phones: Iterable[str | None]) -> Self:
        """The same person with these numbers too, in every spelling of each."""
        added = {spelling for number in phones if number for spelling in phone.spellings(number)}
        return replace(self, phones=tuple(sorted({*self.phones, *added})))

    @property
    def subjects(self) -> list[str]:
        """By what journeys, events, deliveries and the action log name them."""
        of_manychat = [name for number in self.manychat_ids for name in (number, f"manychat:{number}")]
        of_mail = [name for mail in self.emails for name in (mail[:SUBJECT_LENGTH], email_name(mail))]
        return [*of_manychat, *of_mail, *self.phones, *sorted(self.names)]

    @property
    def quoted(self) -> list[str]:
        """How they stand in JSON text: ids and addresses, between quotes, our numbers of their rows without."""
        numbers = sorted({number for ids in self.rows.values() for number in ids if number >= SMALLEST_QUOTED})
        return [f'"{name}"' for name in (*self.manychat_ids, *self.emails, *self.phones)] + [str(number) for number in numbers]


SMALLEST_QUOTED = 10**9  # a smaller number stands in many texts that are about somebody else


def known(session: Session, asked: Person) -> Person:
    """The person with every name and row that our record has for them.

    Who is asked for by an address, or by a row of a flow, is everybody of that address: contact, and the rows of the flows.
    Who is asked for by ManyChat's id is that contact, since relatives share addresses in ManyChat, with the flows' rows of its
    address. What is proven to be the same person's (`shared.people`) belongs to either.
    """
    is_by_address = not asked.manychat_ids
    person = _identified(session, asked)
    if is_by_address and person.emails:
        ids = session.scalars(select(Contact.manychat_id).where(func.lower(Contact.email).in_(person.emails)))
        person = person.with_manychat_ids(ids)
    of_contacts = session.execute(
        select(Contact.email, Contact.phone).where(Contact.manychat_id.in_(person.manychat_ids))
    ).all()
    person = person.with_emails(row.email for row in of_contacts).with_phones(row.phone for row in of_contacts)
    return _identified(session, person)


def _identified(session: Session, person: Person) -> Person:
    """Ask each flow whose rows are theirs, until none has more to add: one flow's rows may tell another an address."""
    while True:
        before = person
        for data in flows.parts("privacy"):
            if data.identify is not None:
                person = data.identify(session, person)
        if person == before:
            return person
