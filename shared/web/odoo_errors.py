"""What Odoo's errors are to a caller of the API.

what happened                                        | answer
-----------------------------------------------------|------------------------------------------------------------------
no such record                                       | 404
its database refuses; other records need it; SHADOW  | 409
a value it does not take                             | 422
it does not let us in, lacks a field, fails itself   | 502: the settings or Odoo need attention
not there, throttled, busy with another change       | 503, with Retry-After
no answer in time, or it was cut off half-way        | 504: it may have been done all the same
"""

from collections.abc import Iterator
from contextlib import contextmanager

from shared import shadow_mode
from shared.errors import NoAnswerError, PermanentError, RefusedError, UncertainError
from shared.vendors.odoo.errors import OdooFailureError

STATUSES = (404, 409, 422, 502, 503, 504)

_REASONS = {
    "odoo-missing-record": 404,
    "odoo-database-refused": 409,
    shadow_mode.REASON: 409,
    "odoo-validation": 422,
    "odoo-user-error": 422,
    "odoo-value-error": 422,
    "odoo-wrong-value": 422,
    "odoo-unstorable-text": 422,
}
_TITLES = {
    404: "Odoo has no such contact.",
    409: "Odoo does not do this in the present state.",
    422: "Odoo does not take a value.",
    502: "Odoo cannot do this; the settings or Odoo need attention.",
    504: "Odoo did not answer in time; it may have been done all the same.",
}


@contextmanager
def as_problems(*, deleting: bool = False) -> Iterator[None]:
    """Turn what Odoo's client raises into refusals; what 503 stands for goes on as it is and gets its Retry-After.

    When `deleting`, what Odoo objects to is no value but what other records need.
    """
    try:
        yield
    except PermanentError as error:
        status = _REASONS.get(error.reason, 502)
        raise _refusal(409 if deleting and status == 422 else status, error.reason, str(error)) from error  # noqa: PLR2004  # HTTP
    except (NoAnswerError, UncertainError) as error:
        raise _refusal(504, "odoo-no-answer", str(error)) from error
    except OdooFailureError as error:
        raise _refusal(502, "odoo-failed", str(error)) from error


def _refusal(status: int, reason: str, detail: str) -> RefusedError:
    return RefusedError(status, reason, _TITLES[status], detail=detail)
