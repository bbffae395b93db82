"""The kinds of identities, as the flows declare them, and the one spelling of a value of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared import flows
from shared.flow import IdentityKind
from shared.readers import UnreadableError, email, phone
from shared.settings import get_settings
from shared.store.journey_models import PERSON_LENGTH
from shared.store.people_models import VALUE_LENGTH
from shared.store.types import key_of


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """By what a system knows somebody. Make it with `identity`, so that one thing has one spelling."""

    kind: str
    value: str

    @property
    def key(self) -> str:
        """The key of its row."""
        return key_of(self.kind, self.value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def kinds() -> dict[str, IdentityKind]:
    """Every kind, by its name. It is asked for several times for each person, so it is put together once.

    Raises:
        FlowError: two flows declare one kind in different words.
    """
    return flows.identity_kinds()


def exclusive() -> frozenset[str]:
    """The kinds of which a person has one."""
    return frozenset(kind.name for kind in kinds().values() if kind.exclusive)


def addresses() -> frozenset[str]:
    """The kinds to which messages go."""
    return frozenset(kind.name for kind in kinds().values() if kind.is_address)


def typed() -> frozenset[str]:
    """The kinds that people type: addresses that no system issued as an id."""
    return frozenset(kind.name for kind in kinds().values() if kind.is_address and not kind.exclusive)


def names_of(one: Identity) -> list[str]:
    """By what journeys, messages and events name whoever has this identity."""
    name = f"{one.kind}:{one.value}"
    short = name if len(name.encode("utf-16-le")) // 2 <= PERSON_LENGTH else f"{one.kind}:{key_of(name)}"
    declared = kinds().get(one.kind)
    return [short, one.value] if declared is not None and declared.names_alone else [short]


def by_name(name: str) -> tuple[Identity, ...]:
    """The identities that may have this name; mostly one, none where it is the name of something else."""
    kind, colon, value = name.partition(":")
    if colon:
        return identities(**{kind: value}) if kind in kinds() else ()
    return tuple(one for kind in kinds().values() if kind.names_alone for one in identities(**{kind.name: name}))


def identity(kind: str, value: object) -> Identity:
    """The identity of that kind with its one spelling.

    Raises:
        ValueError: there is no such kind, or the value is none of it; the text never quotes the value.
    """
    declared = kinds().get(kind)
    if declared is None:
        raise ValueError(f"there is no kind of identity {kind!r}")
    read: Callable[[str], str] = flows.resolve(declared.read) if declared.read else str.strip
    plain = read(str(value))
    if not plain or len(plain) > VALUE_LENGTH:
        raise ValueError(f"a value of the kind {kind!r} has 1 to {VALUE_LENGTH} characters")
    return Identity(kind, plain)


def identities(**values: object) -> tuple[Identity, ...]:
    """The identities of the values that are there and can be read: what is missing or is none of its kind is left out."""
    found = []
    for kind, value in values.items():
        try:
            found += [identity(kind, value)] if value is not None else []
        except ValueError:
            continue
    return tuple(found)


def identities_of(kind: str, values: Iterable[object]) -> tuple[Identity, ...]:
    """The identities of several values of one kind, as `identities` gives them."""
    return tuple(one for value in values for one in identities(**{kind: value}))


def read_email(value: str) -> str:
    """The key of an e-mail address. Raises ValueError where it is none."""
    try:
        return email.read(value).key
    except UnreadableError as error:
        raise ValueError(f"it is no e-mail address ({error.reason})") from None


def read_phone(value: str) -> str:
    """The line of a phone number: the same for every way to write it. Raises ValueError where it is none."""
    try:
        return phone.read(value, default=get_settings().default_phone_region).line
    except UnreadableError as error:
        raise ValueError(f"it is no phone number ({error.reason})") from None
