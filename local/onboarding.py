"""The demonstration's onboarding: a contract is signed in the sandbox's HR system, and everything is there a moment later."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from local import lead
from local.part import Part

PATH = "/api/v1/onboarding"
DAYS_AHEAD = 21


class Demo(Part):
    """Signs a contract in the sandbox's HR system, which reports it with its signature. `ask` asks the app with its key."""

    def __init__(self, sandbox_url: str, ask: Callable[[str], dict[str, Any]]) -> None:
        super().__init__(sandbox_url, ask)

    def show(self) -> bool:
        """Have it signed, and wait until each step has its result; whether all of it came."""
        now = datetime.now(UTC)
        email = f"bea.{now:%d%H%M%S}@empresa.example"
        print(f"\n  A contract is signed in the HR system  ({email})")
        facts = {"employee_id": f"E-{now:%d%H%M%S}", "department": "Ventas", "position": "Analista"}
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/hris/employee", {"email": email, **facts})
        contract = {
            "email": email,
            "full_name": "Beatriz Núñez",
            "start_date": (now + timedelta(days=DAYS_AHEAD)).date().isoformat(),
            "manager_email": "luis@empresa.example",
            "manager_name": "Luis Peña",
        }
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/hris/sign", contract)
        path, missing = f"{PATH}?email={email}", "onboarding: did not come in time"
        if not self.came(path, lambda row: row["status"] != "in_progress", _shown, missing):
            return False
        number = self._ask(path)["items"][0]["id"]
        whole = self._ask(f"{PATH}/{number}")
        for step in whole["steps"]:
            self.step(f"{step['name']:<10} {step['state']}{_what(step)}")
        return bool(whole["status"] == "completed")


def _shown(row: dict[str, Any]) -> str:
    return f"onboarding {row['status']}, first day {row['start_date']}"


def _what(step: dict[str, Any]) -> str:
    facts = [fact for fact in (step["act"], step["detail"], step["reason"]) if fact]
    return f" ({', '.join(facts)})" if facts else ""
