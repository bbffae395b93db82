"""What a contact is for messages to many: tags, attributes, whether they want them; and the ids by which callers name them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import merged_contacts
from shared.errors import FieldError, RefusedError
from shared.readers import name_key, phone
from shared.store.contact_models import ContactProfile, ContactTag, MergedContact
from shared.store.dialect import hold_names, insert_if_absent, locked
from shared.store.models import Contact

WITHOUT_MANYCHAT = "tel:"
"""How `manychat_id` begins for a person whom ManyChat does not know: the number follows, so that a number is one person."""

FIELDS = ("tags", "attributes", "opt_in", "is_blocked")
MOST_TAGS, MOST_ATTRIBUTES, SLICE = 100, 200, 500
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:puente:tags")
_OURS = 0x70756E7465638000_8000_000000000000
_NUMBERS = 2**48


@dataclass
class Profile:
    """What is known of one contact; `opt_in` None: nobody has said."""

    tags: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    opt_in: bool | None = None
    is_blocked: bool = False


def without_manychat(number: str) -> str:
    """The `manychat_id` of a person whom ManyChat does not know, by their number in E.164."""
    return f"{WITHOUT_MANYCHAT}{number}"


def shown_manychat_id(manychat_id: str) -> str | None:
    """ManyChat's id, or None for a person whom ManyChat does not know."""
    return None if manychat_id.startswith(WITHOUT_MANYCHAT) else manychat_id


def holders(session: Session, number: str, besides: int = 0) -> Sequence[Contact]:
    """The contacts that have a number in E.164, in any of its spellings, oldest first, without the one numbered `besides`.

    They are locked, and nobody else gets the number, until the transaction ends.
    """
    spellings = sorted({number, *phone.spellings(number)})
    hold_names(session, [f"contact-phone:{spellings[0]}"])
    query = select(Contact).where(Contact.phone.in_(spellings), Contact.id != besides).order_by(Contact.id)
    return session.scalars(locked(query, Contact)).all()


def tag_key(name: str) -> str:
    """The same for every spelling that people read as one tag."""
    return name_key.key(name) or name.strip().casefold()


def tag_id(name: str) -> str:
    """The id of a tag: the uuid5 of its key."""
    return str(uuid5(_NAMESPACE, tag_key(name)))


def uuid_of(contact_id: int) -> str:
    """The id of a contact where ids are UUIDs; it carries the number, so that nothing need be looked up."""
    return str(UUID(int=_OURS | contact_id))


def of(session: Session, contact_ids: Collection[int]) -> dict[int, Profile]:
    """The profiles of these contacts, each with an empty one at least."""
    found = {number: Profile() for number in contact_ids}
    for some in batched(sorted(found), SLICE, strict=False):
        for row in session.scalars(select(ContactProfile).where(ContactProfile.contact_id.in_(some))):
            found[row.contact_id] = Profile([], dict(row.attributes), row.opt_in, row.is_blocked)
        tags = select(ContactTag.contact_id, ContactTag.name).where(ContactTag.contact_id.in_(some))
        for contact_id, name in session.execute(tags):
            found[contact_id].tags.append(name)
    for profile in found.values():
        profile.tags.sort(key=tag_key)
    return found


def apply(session: Session, contact: Contact, values: Mapping[str, Any]) -> set[str]:
    """Set what is given of `FIELDS`; the names of what has changed. The contact is locked, or new.

    `tags` are all tags from now on; an attribute of `attributes` is set, null takes it away, and the others stay.

    Raises:
        RefusedError: 422, too many tags or attributes.
    """
    changed = _set_tags(session, contact.id, values["tags"] or []) if "tags" in values else set()
    given = {name: value for name, value in values.items() if name in FIELDS and name != "tags"}
    if not given:
        return changed
    row = _locked_profile(session, contact.id)
    if "attributes" in given:
        merged = {**row.attributes, **(given["attributes"] or {})}
        merged = {name: value for name, value in merged.items() if value is not None}
        _check_number("attributes", len(merged), MOST_ATTRIBUTES)
        given["attributes"] = merged
    given["is_blocked"] = bool(given.get("is_blocked", row.is_blocked))
    for name, value in given.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed.add(name)
    if "opt_in" in changed:
        row.opt_in_at = clock.now()
    if changed:
        contact.updated_at = clock.now()  # who follows changes of contacts sees this one
    return changed


def add_tag(session: Session, contact_id: int, name: str) -> bool:
    """Add a tag; whether it is new. A second run adds nothing."""
    values = {"contact_id": contact_id, "key": tag_key(name), "name": name.strip(), "tag_id": tag_id(name)}
    return insert_if_absent(session, ContactTag, ("contact_id", "key"), values)


def remove_tag(session: Session, contact_id: int, name: str) -> None:
    """Take a tag away, in whatever spelling."""
    session.execute(delete(ContactTag).where(ContactTag.contact_id == contact_id, ContactTag.key == tag_key(name)))


def take_in(session: Session, contact_id: int, other_id: int) -> None:
    """Let a contact have what is known of another one, which is the same person and is to be deleted.

    Of what both say the contact's own attributes count, and the newer word on whether they want messages; a block stays. The
    other's uuid leads to the contact where it had none of its own.
    """
    for name in session.scalars(select(ContactTag.name).where(ContactTag.contact_id == other_id)).all():
        add_tag(session, contact_id, name)
    session.execute(delete(ContactTag).where(ContactTag.contact_id == other_id))
    other = session.get(ContactProfile, other_id)
    if other is None:
        return
    if session.get(ContactProfile, contact_id) is None:
        other.contact_id = contact_id
        session.flush()
        return
    mine = _locked_profile(session, contact_id)
    mine.attributes = {**other.attributes, **mine.attributes}
    mine.is_blocked = mine.is_blocked or other.is_blocked
    if other.opt_in_at is not None and (mine.opt_in_at is None or other.opt_in_at > mine.opt_in_at):
        mine.opt_in, mine.opt_in_at = other.opt_in, other.opt_in_at
    session.delete(other)


def forget(session: Session, contact_id: int) -> None:
    """Remove what is known besides the contact's row, which is to be deleted."""
    for model in (ContactTag, ContactProfile, MergedContact):
        session.execute(delete(model).where(model.contact_id == contact_id))


def numbers_of(session: Session, given: Sequence[int | str]) -> dict[int | str, int | None]:
    """The number of each contact that is named by its number or its UUID; None where there is none.

    Who names one that turned out to be another contact means that other one.
    """
    found: dict[int | str, int | None] = {}
    by_uuid: dict[str, list[int | str]] = {}
    for each in dict.fromkeys(given):
        number, text = _read(each)
        found[each] = number
        if text is not None:
            by_uuid.setdefault(text, []).append(each)
    for some in batched(sorted(by_uuid), SLICE, strict=False):
        rows = session.execute(select(ContactProfile.uuid, ContactProfile.contact_id).where(ContactProfile.uuid.in_(some)))
        for text, number in rows:
            found |= dict.fromkeys(by_uuid[text], number)
    lost = [text for text in by_uuid if found[by_uuid[text][0]] is None]
    for text, number in merged_contacts.by_uuid(session, lost).items():
        found |= dict.fromkeys(by_uuid[text], number)
    asked = {number for number in found.values() if number is not None}
    known = _existing(session, asked)
    known_as = {number: number for number in known} | merged_contacts.survivors(session, asked - known)
    return {each: known_as.get(number) if number is not None else None for each, number in found.items()}


def is_id(given: int | str) -> bool:
    """Whether it can be the id of a contact: a number or a UUID."""
    return _read(given) != (None, None)


def _read(given: int | str) -> tuple[int | None, str | None]:
    if isinstance(given, int) or given.strip().isdecimal():
        number = int(given)
        return (number, None) if 0 < number < _NUMBERS else (None, None)
    try:
        known = UUID(given.strip())
    except ValueError:
        return None, None
    if known.int & ~(_NUMBERS - 1) == _OURS:
        return known.int & (_NUMBERS - 1), None
    return None, str(known)


def _existing(session: Session, numbers: Iterable[int]) -> set[int]:
    known: set[int] = set()
    for some in batched(sorted(numbers), SLICE, strict=False):
        known |= set(session.scalars(select(Contact.id).where(Contact.id.in_(some))))
    return known


def _locked_profile(session: Session, contact_id: int) -> ContactProfile:
    query = locked(select(ContactProfile).where(ContactProfile.contact_id == contact_id), ContactProfile)
    row = session.scalars(query).one_or_none()
    if row is None:
        insert_if_absent(session, ContactProfile, "contact_id", {"contact_id": contact_id, "uuid": uuid_of(contact_id)})
        row = session.scalars(query).one()
    return row


def _set_tags(session: Session, contact_id: int, names: Sequence[str]) -> set[str]:
    _check_number("tags", len(names), MOST_TAGS)
    wanted = {tag_key(name): name for name in reversed(names)}
    present = set(session.scalars(select(ContactTag.key).where(ContactTag.contact_id == contact_id)))
    for gone in sorted(present - wanted.keys()):
        remove_tag(session, contact_id, gone)
    for key in sorted(wanted.keys() - present):
        add_tag(session, contact_id, wanted[key])
    return set() if present == wanted.keys() else {"tags"}


def _check_number(name: str, found: int, most: int) -> None:
    if found > most:
        wrong = FieldError(name, f"at most {most}")
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=[wrong])
