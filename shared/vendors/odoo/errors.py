"""What an error of Odoo means for us, decided by the exception's name, never by its text.

Odoo sends a traceback with every error, and database errors hold SQL with people's data: neither leaves this module.
"""

import re
from typing import Any

from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError

LONGEST_MESSAGE = 300


class OdooFailureError(RetryableError):
    """Odoo answered with an error that none of our tables knows, often out of a customer's own module."""


# Permanent errors: Odoo's exception -> our reason code. Everything of psycopg2 that is in no table is `odoo-database-refused`.
_REASONS = {
    "odoo.exceptions.AccessDenied": "odoo-access-denied",
    "werkzeug.exceptions.Unauthorized": "odoo-access-denied",
    "odoo.exceptions.AccessError": "odoo-access-error",
    "werkzeug.exceptions.Forbidden": "odoo-access-error",
    "odoo.exceptions.MissingError": "odoo-missing-record",
    "odoo.exceptions.ValidationError": "odoo-validation",
    "odoo.exceptions.UserError": "odoo-user-error",
    "odoo.exceptions.RedirectWarning": "odoo-user-error",
    "builtins.ValueError": "odoo-value-error",
    "builtins.AttributeError": "odoo-bad-call",
    "builtins.IndexError": "odoo-bad-call",
    "builtins.KeyError": "odoo-bad-call",
    "builtins.TypeError": "odoo-bad-call",
    "werkzeug.exceptions.BadRequest": "odoo-bad-call",
    "werkzeug.exceptions.NotFound": "odoo-bad-call",
    "werkzeug.exceptions.UnprocessableEntity": "odoo-bad-call",
}
_CONFLICTS = frozenset(
    {
        "odoo.exceptions.ConcurrencyError",
        "odoo.exceptions.LockError",
        "psycopg2.errors.SerializationFailure",
        "psycopg2.errors.DeadlockDetected",
        "psycopg2.errors.LockNotAvailable",
        "psycopg2.errors.InFailedSqlTransaction",
        "psycopg2.errors.QueryCanceled",
        "psycopg2.extensions.TransactionRollbackError",
        "psycopg2.extensions.QueryCanceledError",
    }
)
_DATABASE_DOWN = frozenset(
    {
        "psycopg2.OperationalError",
        "psycopg2.InterfaceError",
        "psycopg2.pool.PoolError",
        "psycopg2.errors.AdminShutdown",
        "psycopg2.errors.CannotConnectNow",
        "psycopg2.errors.CrashShutdown",
        "psycopg2.errors.TooManyConnections",
        "psycopg2.errors.DiskFull",
        "psycopg2.errors.OutOfMemory",
        "psycopg2.errors.ReadOnlySqlTransaction",
    }
)
# `load` reports a row's database error as text only; these are PostgreSQL's words for "try again" (English, as Odoo asks for).
_CONFLICT_WORDS = (
    "could not serialize access",
    "deadlock detected",
    "could not obtain lock",
    "current transaction is aborted",
    "canceling statement",
    "ir_model_data_module_name_uniq",
)
_INTERNALS = re.compile(r"\b(?:LINE \d+:|DETAIL:|CONTEXT:|HINT:|STATEMENT:|Traceback )")
_SQL = re.compile(r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\s.*", re.DOTALL)
_QUOTED = re.compile(r"(?P<before>\b\w+ )?(?<!\w)(?P<quote>['\"])(?P<value>.*?)(?P=quote)(?!\w)", re.DOTALL)
_NAMING_WORDS = frozenset({"field", "name", "model", "method", "object", "constraint"})
_TECHNICAL = re.compile(r"[a-z][a-z0-9]*(?:[._][a-z0-9]+)+|\d{1,6}")
_PERSONAL = re.compile(r"\S+@\S+|\+?\d[\d .()-]{5,}\d")


def from_payload(payload: Any, what: str) -> PuenteError:
    """Our error for `payload` (`{name, message, ...}`: the `error.data` of JSON-RPC, the body of JSON-2); `what` was called."""
    facts = payload if isinstance(payload, dict) else {}
    name, message = str(facts.get("name", "")), str(facts.get("message", ""))
    if name in _CONFLICTS:
        return RetryableError(f"{what}: a conflict with another change ({name.rpartition('.')[2]})")
    if name in _DATABASE_DOWN:
        hint = "; it says there is no such database: is ODOO_DB right?" if "does not exist" in message else ""
        return UnavailableError(f"{what}: Odoo has no database at hand ({name}){hint}")
    if name.startswith("psycopg2."):
        return PermanentError("odoo-database-refused", f"{what}: the database refuses the values ({name.rpartition('.')[2]})")
    if reason := _REASONS.get(name):
        unknown_field = reason == "odoo-value-error" and message.startswith("Invalid field")
        return PermanentError("odoo-unknown-field" if unknown_field else reason, f"{what}: {clean(message)}")
    return OdooFailureError(f"{what}: Odoo failed ({name or 'no name given'}): {clean(message)}")


def is_conflict(message: str) -> bool:
    """Whether the text of a row's error in `load` speaks of a conflict with another transaction, worth another try."""
    return any(word in message for word in _CONFLICT_WORDS)


def clean(message: str) -> str:
    """An error's text without SQL, e-mail addresses, long numbers and quoted values, on one line, shortened.

    Quoted names of fields and models stay, as do numbers up to six digits: they tell where to look and name no person.
    """
    text = _INTERNALS.split(message.strip())[0]
    text = _SQL.sub("(SQL)", text)
    text = _QUOTED.sub(_mask_quoted, text)
    text = _PERSONAL.sub("…", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def _mask_quoted(found: re.Match[str]) -> str:
    before, quote, value = found["before"] or "", found["quote"], found["value"]
    is_a_name = before.strip().lower() in _NAMING_WORDS or _TECHNICAL.fullmatch(value)
    return found[0] if is_a_name else f"{before}{quote}…{quote}"
