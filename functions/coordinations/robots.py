"""Robots: started by an address (OpenRPA behind a flow of OpenFlow's), or by a work item that such a flow makes.

Neither takes an idempotency key, so each run carries our number, and what comes back names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.coordinations.payloads import PURPOSE
from functions.coordinations.settings import CoordinationSettings
from shared.errors import PermanentError, RetryableError, UncertainError
from shared.messages import signed
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings, settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, not_configured, secret

if TYPE_CHECKING:
    from functions.coordinations.tables import Coordination

TARGET, QUEUE_TARGET = "openrpa", "openflow"
CALLBACK_PATH = "/api/v1/coordinations/result"
HEADER = "X-Puente-Token"
LONGEST = 64

OPENRPA = RestClient(name="OpenRPA", address="openrpa_webhook_url", read_seconds=60)
OPENFLOW = RestClient(name="OpenFlow", address="openflow_push_url", read_seconds=30)
OPENFLOW_API = RestClient(
    name="OpenFlow API",
    target=QUEUE_TARGET,
    address="openflow_base_url",
    key="openflow_token",
    used_by="openflow_token",
    read_seconds=20,
)


def require() -> None:
    """Nothing where robots can be started, and can report. Raises PermanentError `not-configured`, naming the settings."""
    settings = get_settings()
    by_queue = settings_of(CoordinationSettings).coordinations_robot_by == "queue"
    (OPENFLOW if by_queue else OPENRPA).require(settings)
    if not settings.link_signing_secrets:
        raise not_configured("The address to which robots report", "LINK_SIGNING_SECRETS")


def run(row: Coordination) -> dict[str, Any]:
    """Start the robot; its own number of the run, where it says one.

    Raises:
        UncertainError: nobody knows whether it runs; as `RestClient.call`.
    """
    return _started(OPENRPA, {"bot": row.bot, "context": context_of(row)})


def push(row: Coordination) -> dict[str, Any]:
    """Have a work item made for the robot; its number, where the flow says one. Raises as `run`."""
    return _started(OPENFLOW, item_of(row))


def undo(row: Coordination) -> None:
    """Start the robot that undoes what the first one may have done. Raises as `run`."""
    bot = settings_of(CoordinationSettings).coordinations_undo_bot
    _started(OPENRPA, {"bot": bot, "context": context_of(row) | {"undo": True}})


def find_item(row: Coordination) -> dict[str, Any] | None:
    """The work item of this run, where OpenFlow can be asked; None where it has none.

    Raises:
        UncertainError: OpenFlow's API is not set up, so nobody knows; as `RestClient.call`.
    """
    if not OPENFLOW_API.is_used():
        raise UncertainError("OpenFlow cannot be asked: OPENFLOW_BASE_URL and OPENFLOW_TOKEN are not set")
    query = {"query": {"payload.coordinationId": row.id}, "projection": {"_id": "1", "state": "1"}, "top": 1}
    # It is a question, although OpenFlow wants it as a POST.
    answer = OPENFLOW_API.connected().answer(
        "POST", "/api/v1/query/workitems", repeatable=True, reads=True, json=query, what="looking for a work item"
    )
    found = answers.parsed(answer)
    if not isinstance(found, list):
        raise RetryableError("OpenFlow: looking for a work item: the answer is no list")
    if not found or not isinstance(found[0], dict):
        return None
    return _kept(str(found[0].get("_id") or "")[:100] or None, str(found[0].get("state") or "")[:LONGEST] or None)


def context_of(row: Coordination) -> dict[str, Any]:
    """What the robot is given: the payload as the replaced flow gave it, and by what the run is recognised.

    Raises:
        PermanentError: `erased`.
    """
    if row.payload is None:
        raise PermanentError("erased", "the person was erased before the robot was started")
    ours = {"coordinationId": row.id, "businessKey": row.business_key, "processInstanceId": row.process_id}
    return dict(row.payload) | ours | {"callbackUrl": callback(row.id)}


def item_of(row: Coordination) -> dict[str, Any]:
    """The work item, as the http-in flow takes it. OpenFlow keeps the payload of an item as a text of JSON."""
    queue = settings_of(CoordinationSettings).openflow_queue
    payload = json.dumps({"bot": row.bot, **context_of(row)}, ensure_ascii=False)
    return {"queue": queue, "name": f"{row.bot} {row.business_key}", "payload": payload}


def callback(coordination_id: int) -> str:
    """The address to which the robot reports: good for this run alone."""
    settings = get_settings()
    token = signed.sign(PURPOSE, str(coordination_id), settings.link_signing_secrets)
    return f"{settings.public_base_url}{CALLBACK_PATH}?t={token}"


def _started(client: RestClient, body: Mapping[str, Any]) -> dict[str, Any]:
    settings = get_settings()
    token = secret(settings, "openrpa_token")
    headers = {HEADER: token} if token else {}
    answer = client.call("POST", repeatable=False, what="starting a robot", json=body, headers=headers)
    number = answer.get("executionId") or answer.get("id")
    return _kept(None if number is None else str(number)[:100], str(answer.get("status") or "")[:LONGEST] or None)


def _kept(number: str | None, status: str | None) -> dict[str, Any]:
    return {"execution_id": number, "robot_answer": status}


def policy() -> TargetPolicy:
    """Robots are few: one start at a time."""
    return TargetPolicy(slots=1, batches_per_second=2)
