"""Every error we raise on purpose, cut by what the one who catches it does.

    PuenteError
    ├── ConfigurationError     a setting is wrong: say so and do not start
    ├── RefusedError           bad input at the door: a problem document to the sender, nothing stored
    ├── RetryableError         the same again, later; costs the work one attempt
    │   ├── NoAnswerError      the outside system did not answer in time: as for an outage, a sync is not to blame for it
    │   ├── DeferredError      this one piece of work must wait, and nothing else: costs no attempt
    │   │   └── NotBegunError  it was not begun after all: it is due again at once, as if nobody had claimed it
    │   ├── UnavailableError   the whole outside system is down, or refuses our account: costs no attempt, opens its circuit
    │   └── ThrottledError     the outside system asks us to wait: costs no attempt, pauses the target
    ├── PermanentError         no number of attempts will help: park it with its reason
    └── UncertainError         the effect may have happened: never simply repeated

A vendor's client decides once, beside the call, which of these an answer is; nobody decides from an error's text later on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any


class PuenteError(Exception):
    """The root of all our own errors."""


class ConfigurationError(PuenteError):
    """A setting is missing or wrong; the message lists all of them."""


@dataclass(frozen=True)
class FieldError:
    """One field of a request that is not as it must be, and why.

    `pattern` and `values` are what `message` was made of, where it has to be said in another language too.
    """

    field: str
    message: str
    pattern: str = ""
    values: Mapping[str, Any] = dataclass_field(default_factory=dict)

    @classmethod
    def of(cls, field: str, pattern: str, /, **values: Any) -> "FieldError":
        """One whose message is `pattern`, an English text with places such as `%(most)s`, filled in with `values`."""
        return cls(field, pattern % values, pattern, values)


class RefusedError(PuenteError):
    """A request we do not take: `status` and `title` go to the sender, `reason` is a short code for logs and metrics."""

    def __init__(self, status: int, reason: str, title: str, *, detail: str = "", errors: Sequence[FieldError] = ()) -> None:
        super().__init__(f"{status} {reason}: {detail or title}")
        self.status, self.reason, self.title = status, reason, title
        self.detail, self.errors = detail, tuple(errors)


class RetryableError(PuenteError):
    """Failed now, may succeed later. `after_seconds`: not sooner than this, when the other side said so.

    `status`: that of the other side's answer, as far as it was one that says no more than this.
    """

    def __init__(self, message: str, *, after_seconds: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.after_seconds, self.status = after_seconds, status


class NoAnswerError(RetryableError):
    """The outside system took the call and did not answer in time; making it again does no harm."""


class DeferredError(RetryableError):
    """This piece of work must wait, at least `after_seconds`; the outside system takes others meanwhile.

    `of_part`: so must all that goes by the same part of the system (a number of ours).
    """

    of_part: bool = False


class NotBegunError(DeferredError):
    """A claimed piece of work was not begun (its worker ends, or has lost its lease): for others it is as it was before."""


class UnavailableError(RetryableError):
    """The outside system cannot be reached, says that it is down, or takes nothing from our account; the work is blameless.

    `account`: it refuses us (a key that is good no more, an account that is not paid), which only a person can mend.
    """

    def __init__(
        self, message: str, *, after_seconds: float | None = None, status: int | None = None, account: bool = False
    ) -> None:
        super().__init__(message, after_seconds=after_seconds, status=status)
        self.account = account


class ThrottledError(RetryableError):
    """The outside system takes no more for now; the call had no effect."""


class PermanentError(PuenteError):
    """Will fail however often it is tried. `reason` is a short code, stable enough to filter by."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class UncertainError(PuenteError):
    """The call was sent and its outcome is unknown (time-out after sending, a connection cut while waiting)."""
