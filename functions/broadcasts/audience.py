"""Whom an execution is for: the candidates, in bounded chunks behind a cursor, in an order that stays.

    custom     audience_config.contact_ids (numbers or UUIDs)
    all        every contact
    tags       audience_config.tag_ids (ids or names), any of them
    segment    audience_config.filters
    uploaded   audience_config.upload_id, a list that was uploaded or posted

Who of them may be written to is judged afterwards (`judging`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from functions.broadcasts import filters
from functions.broadcasts.tables import Recipient, Upload, UploadRow
from shared.crm import contact_profiles
from shared.errors import FieldError, RefusedError
from shared.store.contact_models import ContactProfile
from shared.store.models import Contact

TYPES = ("custom", "all", "tags", "segment", "uploaded")
MOST_IDS, MOST_TAGS, MOST_TEST_IDS = 10_000, 100, 100


@dataclass(frozen=True)
class Candidate:
    """Somebody of the audience: a contact by number, a row of a list, or an id that leads to nobody (`unknown`)."""

    contact_id: int | None = None
    phone: str | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None
    unknown: str | None = None


@dataclass(frozen=True)
class Audience:
    """What an execution's configuration says of its audience. `test_ids` take the place of everybody."""

    kind: str
    config: Mapping[str, Any]
    test_ids: tuple[int | str, ...] | None = None

    @property
    def ids(self) -> Sequence[int | str] | None:
        """The contacts that are named one by one; None where they are not."""
        if self.test_ids is not None:
            return self.test_ids
        return tuple(self.config.get("contact_ids") or ()) if self.kind == "custom" else None

    def chunk(self, session: Session, after: int, limit: int) -> tuple[list[Candidate], int]:
        """The next candidates behind a place (0: the first), and the place behind the last of them."""
        if (ids := self.ids) is not None:
            return _named(session, ids[after : after + limit], after)
        if self.kind == "uploaded":
            return _uploaded(session, str(self.config.get("upload_id")), after, limit)
        query = self._contacts().where(Contact.id > after).order_by(Contact.id).limit(limit)
        numbers = list(session.scalars(query))
        place = numbers[-1] if numbers else after
        return [Candidate(contact_id=number) for number in self._with_attributes(session, numbers)], place

    def size(self, session: Session) -> int:
        """How many candidates there are; of a segment with conditions on attributes at most so many."""
        if (ids := self.ids) is not None:
            return len(ids)
        if self.kind == "uploaded":
            upload = find_upload(session, self.config.get("upload_id"))
            return upload.accepted if upload is not None else 0
        return session.scalar(select(func.count()).select_from(self._contacts().subquery())) or 0

    def _contacts(self) -> Select[Any]:
        query = select(Contact.id)
        if self.kind == "tags":
            return query.where(filters.has_tag(self.config["tag_ids"]))
        if self.kind == "segment":
            return filters.segment(self.config["filters"]).narrowed(query)
        return query

    def _with_attributes(self, session: Session, numbers: Sequence[int]) -> Sequence[int]:
        segment = filters.segment(self.config["filters"]) if self.kind == "segment" else filters.Segment()
        if not segment.conditions:
            return numbers
        rows = session.execute(
            select(ContactProfile.contact_id, ContactProfile.attributes).where(ContactProfile.contact_id.in_(numbers))
        )
        known = {row.contact_id: row.attributes for row in rows}
        return [number for number in numbers if segment.holds(known.get(number, {}))]


def check(session: Session, kind: str, config: Mapping[str, Any]) -> None:
    """Refuse an audience that cannot be meant.

    Raises:
        RefusedError: 422 that names what is wrong.
    """
    faults: list[FieldError] = []
    match kind:
        case "custom":
            faults = _id_faults("audience_config.contact_ids", config.get("contact_ids"), MOST_IDS)
        case "tags":
            tags = config.get("tag_ids")
            if not isinstance(tags, list) or not 0 < len(tags) <= MOST_TAGS or not all(isinstance(tag, str) for tag in tags):
                faults = [
                    FieldError.of("audience_config.tag_ids", "a list of 1 to %(most)s ids or names of tags", most=MOST_TAGS)
                ]
        case "segment":
            asked = config.get("filters")
            if isinstance(asked, Mapping):
                filters.segment(asked)
            else:
                faults = [FieldError("audience_config.filters", 'an object such as {"channel": {"eq": "WhatsApp"}}')]
        case "uploaded" if find_upload(session, config.get("upload_id")) is None:
            faults = [FieldError.of("audience_config.upload_id", "there is no such list")]
    if faults:
        raise RefusedError(422, "invalid-fields", "The audience is not as it must be.", errors=faults)


def check_test_ids(ids: Sequence[int | str]) -> None:
    """Refuse ids of a test that cannot be any. Raises RefusedError, 422."""
    if faults := _id_faults("test_contact_ids", list(ids), MOST_TEST_IDS):
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=faults)


def find_upload(session: Session, upload_id: Any) -> Upload | None:
    """The list of that id, if there is one."""
    return session.scalars(select(Upload).where(Upload.uuid == str(upload_id).lower())).one_or_none() if upload_id else None


def contact_merged(session: Session, contact_id: int, gone: int) -> None:
    """Listens to `contact.merged`: the recipients of a contact who turned out to be another one are that one's."""
    session.execute(update(Recipient).where(Recipient.contact_id == gone).values(contact_id=contact_id))


def _id_faults(where: str, ids: Any, most: int) -> list[FieldError]:
    if not isinstance(ids, list) or not 0 < len(ids) <= most:
        return [FieldError.of(where, "a list of 1 to %(most)s ids of contacts; upload a list for more", most=most)]
    wrong = [place for place, each in enumerate(ids) if isinstance(each, bool) or not isinstance(each, int | str)]
    wrong += [place for place, each in enumerate(ids) if place not in wrong and not contact_profiles.is_id(each)]
    return [FieldError.of(f"{where}[{place}]", "must be a number or a UUID") for place in sorted(wrong)[:20]]


def _named(session: Session, given: Sequence[int | str], after: int) -> tuple[list[Candidate], int]:
    numbers = contact_profiles.numbers_of(session, given)
    found = [
        Candidate(contact_id=numbers[each]) if numbers[each] is not None else Candidate(unknown=str(each)) for each in given
    ]
    return found, after + len(given)


def _uploaded(session: Session, upload_id: str, after: int, limit: int) -> tuple[list[Candidate], int]:
    upload = find_upload(session, upload_id)
    if upload is None:
        return [], after
    query = select(UploadRow).where(UploadRow.upload_id == upload.id, UploadRow.id > after)
    rows = session.scalars(query.order_by(UploadRow.id).limit(limit)).all()
    found = [Candidate(phone=row.phone_number, row=dict(row.variables), line=row.line) for row in rows]
    return found, rows[-1].id if rows else after
