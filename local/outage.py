"""The demonstration's part on an outage: HubSpot answers 503, leads wait, and it answers again; then comparisons.

What ends up in the console is what a real outage leaves behind: when it began and ended, how many deliveries waited for it, and
that each of them was carried out once. The comparisons hold our record against Odoo, HubSpot and Cal.com.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from local import lead
from local.desk import number
from local.part import PostingPart, Row

SYSTEM, FAILURES = "hubspot", 3  # after so many in a row it is left alone
LEADS_HOOK = "/api/v1/manychat/leads"
COMPARISONS = ("/api/v1/odoo/reconciliations", "/api/v1/hubspot/comparisons", "/api/v1/scored-leads/comparisons")
CALENDAR = "/api/v1/bookings/comparisons"


class Demo(PostingPart):
    """Breaks HubSpot in the sandbox, reports leads, and mends it. `post` and `ask` are requests to the app with its key."""

    def show(self) -> bool:
        """The outage from its beginning to its end, and the comparisons; whether all of it came."""
        print(f"\n  A system is away for a while  ({SYSTEM})")
        self._report("contact", lambda row: row["hubspot_sync_status"] == "success", _lead)
        before = self._newest()
        lead.asked("PUT", f"{self.sandbox_url}/_sandbox/faults/{SYSTEM}", {"mode": "down", "status": 503})
        for _ in range(FAILURES):
            self._report("failed", lambda row: bool(row["hubspot_sync_error"]), _failed)
        began = self._outage("down", lambda row: row["id"] != before)
        self._report("waits", lambda row: row["hubspot_sync_status"] == "pending", lambda row: f"lead {row['id']}")
        lead.asked("PUT", f"{self.sandbox_url}/_sandbox/faults/{SYSTEM}", {"mode": "none"})
        self._post(f"/api/v1/targets/{SYSTEM}/probe", {})
        ended = self._outage("back", lambda row: bool(row["ended_at"]) and row["done"] == row["held_up"] > 0)
        return began and ended and all(list(self._comparisons()))

    def _report(self, what: str, is_there: Callable[[Row], bool], shown: Callable[[Row], str]) -> bool:
        """ManyChat reports somebody new; wait until HubSpot has them, or has not."""
        scored = _scored()
        self._post(LEADS_HOOK, scored)
        path = f"/api/v1/scored-leads?email={scored['email']}"
        return self._came(what, path, is_there, shown)

    def _newest(self) -> Any:
        rows = self._ask(f"/api/v1/outages?target={SYSTEM}").get("items") or [{"id": None}]
        return rows[0]["id"]

    def _outage(self, what: str, is_there: Callable[[Row], bool]) -> bool:
        path = f"/api/v1/outages?target={SYSTEM}"
        return self._came(what, path, is_there, lambda row: f"outage {row['id']}: {row['held_up']} waited, {row['done']} done")

    def _comparisons(self) -> Iterable[bool]:
        """Each is asked for, and its report waited for."""
        for path, asked in [*((path, {}) for path in COMPARISONS), (CALENDAR, {"calendar": "calcom"})]:
            made = self._post(path, asked)
            yield self._came("compared", path, partial(_is_done, made.get("id")), _compared)

    def _came(self, what: str, path: str, is_there: Callable[[Row], bool], shown: Callable[[Row], str]) -> bool:
        return self.came(path, is_there, lambda row: f"{what:<9} {shown(row)}", f"{what}: did not come in time ({path})")


def _scored() -> Row:
    """What ManyChat reports of a lead that nobody knows."""
    known = number()
    person = {"first_name": "Ana Demo", "email": f"ana.{known}@example.com"}
    return {"id": known, **person, "events": [{"type": "click"}, {"type": "reply"}], "tags": ["hot"]}


def _is_done(asked: Any, row: Row) -> bool:
    return bool(row["id"] == asked and row["state"] == "done")


def _lead(row: Row) -> str:
    return f"lead {row['id']} is contact {row['hubspot_contact_id']} in HubSpot"


def _failed(row: Row) -> str:
    return f"lead {row['id']}: {row['hubspot_sync_error']}"


def _compared(row: Row) -> str:
    return f"{row.get('system') or row.get('calendar') or 'odoo'}: {row['in_step']} of {row['compared']} in step"
