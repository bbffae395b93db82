"""The demonstration: the README's examples go the whole way, and a short trace shows where each of them is."""

import contextlib
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent / "examples"
PATIENCE_SECONDS = 60
HOOKS = {"contact": "/api/v1/manychat/webhook/contact", "opportunity": "/api/v1/manychat/webhook/crm-opportunity"}


def show(base_url: str, key: str) -> bool:
    """Send the examples and print, for each, when it was queued, stored and synced; whether all of them arrived."""
    print("\nA demonstration, with the examples of the README:")
    client = _Client(base_url, key)
    examples = sorted(EXAMPLES.glob("*.json"))
    print("  (each goes the whole way once before, so that the times below are those of a warm system)", flush=True)
    with contextlib.redirect_stdout(io.StringIO()):
        for path in examples:
            _one(client, path)
    time.sleep(1)  # events are dated by the second: the next ones are newer
    arrived = [_one(client, path) for path in examples]
    return all(arrived)


def posting(base_url: str, key: str) -> Callable[[str, Any], dict[str, Any]]:
    """A function that posts a body to an address of the app with the local key, as `asking` reads one."""
    client = _Client(base_url, key)
    return lambda path, body: client.call("POST", path, body)[1]


def asking(base_url: str, key: str) -> Callable[[str], dict[str, Any]]:
    """A function that reads an address of the app with the local key: its JSON, of a refusal the problem document."""
    client = _Client(base_url, key)
    return lambda path: client.call("GET", path)[1]


def _one(client: "_Client", path: Path) -> bool:
    hook = path.stem.split("-")[1]
    now = datetime.now(UTC).replace(microsecond=0)
    payload = _today(json.loads(path.read_text()), now)
    print(f"\n  POST {HOOKS[hook]}  ({path.name})")
    started = time.monotonic()
    status, answer = client.call("POST", HOOKS[hook], payload)
    if status != 202:  # noqa: PLR2004
        print(f"    refused: {status} {answer}")
        return False
    _step(started, f"queued    {answer['queue']}, event {answer['event_id'][:12]}…")
    return _stored(client, hook, answer["manychat_id"], started, now)


def _stored(client: "_Client", hook: str, manychat_id: str, started: float, now: datetime) -> bool:
    """Wait for our own record of this event, not that of an earlier run, and where a lead is due for Odoo's as well."""
    resource = "contacts" if hook == "contact" else "crm/opportunities"
    stored = False
    while time.monotonic() - started < PATIENCE_SECONDS:
        _, page = client.call("GET", f"/api/v1/{resource}/?manychat_id={manychat_id}")
        row = next((row for row in page.get("items", ()) if _as_of(row) >= now), None)
        if row and not stored:
            stored = True
            _step(
                started, f"stored    {resource} {row['id']}" + (f", stage {row['stage_name']}" if "stage_name" in row else "")
            )
        if row and (row["odoo_sync_status"] in ("success", None)):
            odoo = f"lead {row['odoo_lead_id']} in Odoo" if row.get("odoo_lead_id") else "not sent to Odoo (ODOO_SYNC_MODE)"
            _step(started, f"synced    {odoo}")
            return True
        time.sleep(0.1)
    _step(started, "did not arrive in time; see .local/host.log")
    return False


def _as_of(row: dict[str, Any]) -> datetime:
    """When the newest event that the row tells of has happened."""
    text = row.get("state_date") or row.get("last_event_at")
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def _today(payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The example as if it happened now, so that a second run brings new events and not repetitions."""
    if "datetime_actual" in payload:
        return payload | {"datetime_actual": now.isoformat()}
    return payload | {"state": payload["state"] | {"date": now.isoformat()}}


def _step(started: float, text: str) -> None:
    print(f"    {1000 * (time.monotonic() - started):7.0f} ms  {text}", flush=True)


class _Client:
    """Calls the app with the local key."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url, self.key = base_url, key

    def call(self, method: str, path: str, payload: Any = None) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; refusals too."""
        body = None if payload is None else json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", "X-API-KEY": self.key}
        request = urllib.request.Request(self.base_url + path, body, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"{}")
