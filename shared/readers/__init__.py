"""Readers: one for each kind of value that people and tools write in many ways, used at every entrance.

Each module reads one kind: `phone`, `wish`, `dates`, `money`, `nothing`, `email`, `name_key`. They are pure: no settings,
no SQL, no vendor, and no clock unless a caller passes a time. They are light to import; `phonenumbers` and `idna` are
loaded on first use. What is right for which input is a table in `tests/unit/readers/truth/`; the disputed rows are decided
in `docs/decisions/0015-how-input-is-read.md`.
"""

from collections.abc import Sequence


class UnreadableError(ValueError):
    """The value is not readable as what the field holds. `reason` is a code in plain words, safe to show and to count.

    `found` and `propose` are readings for a person to choose from; no caller uses one of them by itself. `ask` is true when
    the value is a value of this kind with several readings, rather than none at all. The message never repeats the value
    itself.
    """

    def __init__(self, reason: str, *, found: Sequence[str] = (), propose: str | None = None, ask: bool = False) -> None:
        super().__init__(f"cannot be read: {reason}")
        self.reason, self.found, self.propose, self.ask = reason, tuple(found), propose, ask
