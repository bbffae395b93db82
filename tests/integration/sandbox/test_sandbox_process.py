"""`python -m sandbox` as a process: it starts, keeps its records in a file, survives a crash, says why it cannot start."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.testing import ODOO_DATABASE, RunningSandbox, SandboxError

pytestmark = pytest.mark.slow


def create_lead(sandbox: RunningSandbox, name: str) -> None:
    """One lead over JSON-RPC."""
    args = [ODOO_DATABASE, 2, "admin", "crm.lead", "create", [{"name": name}]]
    params = {"service": "object", "method": "execute_kw", "args": args}
    assert requests.post(f"{sandbox.odoo_url}/jsonrpc", json={"id": 1, "params": params}, timeout=10).json()["result"]


def wait_until(condition: Callable[[], Any], seconds: float = 15) -> None:
    """Wait for what must become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def saved_leads(state: Path) -> list[str]:
    """The names of the leads in the file."""
    if not state.exists():
        return []
    table = json.loads(state.read_text())["vendors"]["odoo"]["crm.lead"]
    return [row[table["columns"].index("name")] for row in table["rows"]]


def test_continues_with_the_same_data_on_the_same_port(tmp_path: Path) -> None:
    """Stopped and started again; calls and faults are forgotten."""
    with RunningSandbox(state=tmp_path / "state.json") as sandbox:
        url = sandbox.url
        create_lead(sandbox, "Lucía")
        sandbox.fault("slow", seconds=0)
        sandbox.stop()
        with pytest.raises(SandboxError, match="Connection refused"):
            sandbox.leads()
        sandbox.start()
        assert sandbox.url == url
        assert [lead["name"] for lead in sandbox.leads()] == ["Lucía"]
        assert (sandbox.calls(), sandbox.faults()["odoo"]["mode"]) == ([], "none")


def test_has_saved_a_little_while_after_a_change(tmp_path: Path) -> None:
    """So that a crash loses no more than that."""
    state = tmp_path / "state.json"
    with RunningSandbox(state=state) as sandbox:
        create_lead(sandbox, "a")
        wait_until(lambda: saved_leads(state) == ["a"])
        sandbox.kill()
        sandbox.start()
        assert [lead["name"] for lead in sandbox.leads()] == ["a"]


def test_without_a_state_file_it_starts_anew() -> None:
    """Nothing is left behind."""
    with RunningSandbox() as sandbox:
        create_lead(sandbox, "a")
        sandbox.stop()
        sandbox.start()
        assert sandbox.leads() == []


def test_says_that_its_port_is_taken() -> None:
    """And does not start."""
    with RunningSandbox() as first, pytest.raises(SandboxError, match=r"The sandbox does not start: .*address already in use"):
        RunningSandbox(port=first.port).start()


def test_says_that_its_state_cannot_be_read(tmp_path: Path) -> None:
    """It leaves the file as it is."""
    state = tmp_path / "state.json"
    state.write_text("{")
    with pytest.raises(SandboxError, match=r"state\.json is no snapshot of the sandbox .*delete it"):
        RunningSandbox(state=state).start()
    assert state.read_text() == "{"


def test_starting_and_stopping_twice_is_harmless() -> None:
    """As with any of the project's helpers."""
    sandbox = RunningSandbox(latency_ms=1)
    assert sandbox.start().start().leads() == []
    sandbox.stop()
    sandbox.stop()
