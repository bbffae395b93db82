"""The calls that scripts of the replaced system make, by `curl` against `make run`: with a bearer token and with X-API-KEY."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.testing import wait_until
from tests.acceptance.test_make_run import Checkout

pytestmark = pytest.mark.slow

AUTOMATIONS = "/api/v1/flow-automations"


class Scripts:
    """Calls the host as a script does, by turns with either header."""

    def __init__(self, checkout: Checkout) -> None:
        values = json.loads((checkout.folder / "local.settings.json").read_text())["Values"]
        self.key = json.loads(values["API_KEYS"])[0]["key"]
        self.host = f"http://127.0.0.1:{checkout.ports['HOST_PORT']}"
        self.sandbox = f"http://127.0.0.1:{checkout.ports['SANDBOX_PORT']}"

    def curl(
        self, method: str, path: str, body: Any = None, *, headers: tuple[str, ...] = (), base: str = ""
    ) -> tuple[int, Any]:
        """The status and what was answered, as JSON where it is JSON."""
        command = ["curl", "-sS", "-m", "60", "-X", method, "-w", "\n%{http_code}", f"{base or self.host}{path}"]
        command += [part for header in headers for part in ("-H", header)]
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body is not None else []
        text, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
        try:
            return int(status), json.loads(text)
        except ValueError:
            return int(status), text

    def both(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to the call with a bearer token, which the same call with X-API-KEY gives as well."""
        first = self.curl(method, path, body, headers=(f"Authorization: Bearer {self.key}",))
        second = self.curl(method, path, body, headers=(f"X-API-KEY: {self.key}",))
        assert first[0] == second[0] == 200, (method, path, first, second)
        return second[1]

    def once(self, method: str, path: str, wanted: int, body: Any = None) -> Any:
        """The answer to a call that changes something, with a bearer token."""
        status, answer = self.curl(method, path, body, headers=(f"Authorization: Bearer {self.key}",))
        assert status == wanted, (method, path, answer)
        return answer


def test_the_calls_of_the_replaced_system_are_answered(tmp_path: Path) -> None:
    """From a contact by phone to the figures of an automation; a stranger gets nothing; Meta's question is answered."""
    checkout = Checkout(tmp_path / "puente")
    with checkout.running():
        scripts = Scripts(checkout)
        for headers in ((), ("Authorization: Bearer wrong",), ("X-API-KEY: wrong",)):
            assert scripts.curl("GET", f"{AUTOMATIONS}/", headers=headers)[0] == 401
        numbers = scripts.both("GET", "/api/v1/whatsapp-numbers")
        chatbot = scripts.both("GET", "/api/v1/chatbots")[0]
        flow = scripts.both("GET", f"/api/v1/chatbots/{chatbot['id']}/flows")[0]
        contact = scripts.once(
            "POST", "/api/v1/contacts/", 201, {"phone": "+525512340001", "first_name": "Ana", "opt_in": True}
        )
        given = {
            "name": "Navidad",
            "chatbot_id": chatbot["id"],
            "flow_id": flow["id"],
            "whatsapp_number_id": numbers[0]["whatsapp_number_id"],
            "audience_type": "custom",
            "audience_config": {"contact_ids": [contact["id"]]},
            "variable_mapping": dict.fromkeys(flow["variables"], "{{contact.first_name|amigo}}"),
            "rate_limit_per_hour": 500,
        }
        one = f"{AUTOMATIONS}/{scripts.once('POST', f'{AUTOMATIONS}/', 201, given)['id']}"
        listed = scripts.both("GET", f"{AUTOMATIONS}/?skip=0&limit=10")
        assert "Navidad" in [each["name"] for each in listed["items"]]  # beside those that the demonstration made
        assert scripts.both("GET", one)["name"] == "Navidad"
        assert scripts.both("PUT", one, {"description": "De fin de año"})["description"] == "De fin de año"
        schedule = {
            "recurrence_type": "daily",
            "recurrence_config": {"interval": 1},
            "start_date": "2030-01-07T00:00:00",
            "start_time": "10:00",
        }
        scripts.once("POST", f"{one}/schedule", 201, schedule)
        assert scripts.both("GET", f"{one}/schedule/preview?num_executions=3&days_ahead=365")["next_executions"] is not None
        skip = {"exception_type": "skip", "start_date": "2030-01-08", "reason": "inventario"}
        exception = scripts.once("POST", f"{one}/schedule/exceptions", 201, skip)
        scripts.once("DELETE", f"{one}/schedule/exceptions/{exception['id']}", 204)
        assert scripts.both("GET", f"{one}/schedule")["recurrence_type"] == "daily"
        assert scripts.both("POST", f"{one}/forecast", {})["examined"] == 1
        scripts.once("DELETE", f"{one}/schedule", 204)
        execution = scripts.once("POST", f"{one}/start", 200, {})
        assert scripts.both("GET", f"{one}/executions")["total"] == 1
        assert scripts.both("GET", f"/api/v1/executions/{execution['id']}")["status"] in ("queued", "running", "completed")
        assert scripts.both("GET", f"/api/v1/executions/{execution['id']}/recipients")["total"] >= 0
        assert scripts.both("GET", f"{one}/stats") is not None
        _hold_go_on_and_end(scripts, given)
        asked = "/api/meta/webhook?hub.mode=subscribe&hub.verify_token=sandbox-meta-verify-token&hub.challenge=1158201444"
        assert scripts.curl("GET", asked) == (200, 1158201444)
        scripts.curl("POST", "/_sandbox/meta/reply", {"from": "+525512340001", "text": "Hola"}, base=scripts.sandbox)
        assert scripts.curl("GET", asked.replace("sandbox-meta", "wrong"))[0] == 403


def _hold_go_on_and_end(scripts: Scripts, given: dict[str, Any]) -> None:
    """Pause, resume and cancel what is under way, by the automation and by the execution; then delete it."""
    at = datetime.now(UTC) + timedelta(hours=12)
    closed = {"execution_window_start": f"{at:%H:%M}", "execution_window_end": f"{at:%H:%M}", "execution_timezone": "UTC"}
    one = f"{AUTOMATIONS}/{scripts.once('POST', f'{AUTOMATIONS}/', 201, given | closed)['id']}"
    execution = f"/api/v1/executions/{scripts.once('POST', f'{one}/start', 200, {})['id']}"
    wait_until(lambda: scripts.both("GET", execution)["status"] == "running", 120, pause=1)
    scripts.once("PUT", one, 400, {"description": "x"})  # not while it is under way
    scripts.once("POST", f"{one}/pause", 200, {"reason": "revisión"})
    assert scripts.both("GET", execution)["status"] == "paused"
    scripts.once("POST", f"{one}/resume", 200)
    scripts.once("POST", f"{execution}/pause", 200, {})
    scripts.once("POST", f"{execution}/resume", 200, {})
    scripts.once("POST", f"{one}/cancel", 200, {"reason": "ya no"})
    assert scripts.both("GET", execution)["status"] == "cancelled"
    scripts.once("DELETE", one, 204)
    scripts.once("GET", one, 404)
