"""The UUIDs of recipients: they carry the row's number, so that millions of rows need no column and no index for them."""

from uuid import UUID

_RECIPIENT = 0x70756E7472638000_8000_000000000000
_NUMBERS = 2**48


def recipient(number: int) -> str:
    """The id of a recipient."""
    return str(UUID(int=_RECIPIENT | number))


def recipient_number(known_as: UUID) -> int | None:
    """The row's number, or None where it is no id of a recipient."""
    return known_as.int & (_NUMBERS - 1) if known_as.int & ~(_NUMBERS - 1) == _RECIPIENT else None
