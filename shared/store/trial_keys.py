"""Keys of events that somebody has sent to try a flow: by them everything that such an event causes is known."""

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

TRIAL = "trial:"
LENGTH = 64


def trial_key(key: str) -> str:
    """The key of a test event, in place of that which a real one would have; another event altogether."""
    return f"{TRIAL}{key}"[:LENGTH]


def of_no_test(key: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether an event's key, in a statement, is that of a real event."""
    return key.not_like(f"{TRIAL}%")


def causes_no_test(key: InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    """`of_no_test` of a column with the key of what has caused a row; one that nothing has caused is of no test."""
    return or_(key.is_(None), key.not_like(f"{TRIAL}%"))


def is_trial(key: str | None) -> bool:
    """Whether an event's key is that of a test event."""
    return key is not None and key.startswith(TRIAL)
