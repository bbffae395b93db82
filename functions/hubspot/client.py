"""HubSpot's CRM API, of contacts and their properties. Light: loads no HTTP library until it is called.

HubSpot takes no idempotency key. Setting properties is repeatable; making a contact is not, and its search finds what was just
made some seconds later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, PuenteError, RetryableError
from shared.outbox.policy import TargetPolicy
from shared.vendors import answers
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    import requests

    from shared.vendors.connection import Connection

TARGET = "hubspot"
CONTACTS = "/crm/v3/objects/contacts"
PROPERTIES = "/crm/v3/properties/contacts"
LARGEST_BATCH = 100
CALLS = 10
READ_SECONDS = 20.0
SEARCHABLE_AFTER_SECONDS = 30  # what was just made may not be found by the search yet
LOCKED, MIGRATING, CONFLICT = 423, 477, 409
LOCKED_SECONDS = 2.0
# By `policyName` of a 429: the seconds after which the limit begins anew. That of the day ends at midnight in the account's
# zone, which nobody tells us; asking once an hour costs nothing.
WAITS: Mapping[str, float] = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3600.0}
_EXISTING = re.compile(r"Existing ID:\s*(\d{1,20})")


class ConflictError(PermanentError):
    """Another contact has this address, as its first or a further one; `contact_id` is its id, "" where nobody says it."""

    def __init__(self, message: str, contact_id: str) -> None:
        super().__init__("hubspot-conflict", message)
        self.contact_id = contact_id


def existing_id(message: object) -> str:
    """The id of the contact that a conflict names; "" where it names none."""
    found = _EXISTING.search(str(message or ""))
    return found.group(1) if found else ""


def _wait(response: requests.Response) -> float | None:
    """The wait that a 429 asks for. The search's limit has a policy of its own, and tells nothing else."""
    body = answers.parsed(response)
    policy = str(body.get("policyName") or "") if isinstance(body, dict) else ""
    return next((seconds for name, seconds in WAITS.items() if policy.endswith(name)), None)


def _verdict(
    response: requests.Response,
    body: Mapping[str, Any],
    what: str,
    repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    from shared.vendors.http import retry_after_seconds

    if response.status_code == CONFLICT:
        return ConflictError(f"{what}: {answers.clean(body.get('message'))}", existing_id(body.get("message")))
    if response.status_code in (LOCKED, MIGRATING):
        wait = retry_after_seconds(response) or LOCKED_SECONDS
        return RetryableError(f"{what} answered {response.status_code}", after_seconds=wait)
    return None


def _ping(http: Connection) -> str:
    """Whether contacts can be read: HubSpot says nothing of the account to a token that may read contacts alone."""
    http.call("GET", CONTACTS, "asking whether it is there", repeatable=True, params={"limit": "1"})
    return "there"


HUBSPOT = RestClient(
    name="HubSpot",
    address="hubspot_base_url",
    key="hubspot_token",
    ping_by=_ping,
    read_seconds=READ_SECONDS,
    calls=CALLS,
    error=lambda body: (body.get("category"), body.get("message")),
    account_codes=frozenset(("missing_scopes", "invalid_authentication", "expired_authentication", "banned")),
    named_wait=_wait,
    verdict=_verdict,
)


def is_used() -> bool:
    """Whether a token is set."""
    return HUBSPOT.is_used()


def policy() -> TargetPolicy:
    """One batch at a time over all instances: two that look for a contact before they make it would make it twice.

    A batch makes up to ten calls, of which HubSpot takes a hundred in ten seconds, and five searches a second.
    """
    return TargetPolicy(slots=1, batches_per_second=1)
