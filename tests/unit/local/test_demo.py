"""The demonstration tells only of the event that it has just sent, and `make run` of the settings it has really found."""

import itertools
import json
import os
import shutil

import pytest

from local import demo, values
from local.ports import ROOT, Ports

OLD = {
    "id": 1,
    "stage_name": "Comienza AC",
    "odoo_sync_status": "success",
    "odoo_lead_id": 7,
    "state_date": "2026-01-01T00:00:00Z",
}


class Answers:
    """The app: it takes the event, shows what it had before, and then the new state, waiting and synced."""

    def __init__(self, pages) -> None:
        self.pages, self.sent = itertools.chain(pages, itertools.repeat(pages[-1])), None

    def call(self, method, path, payload=None):
        """One answer."""
        if method == "POST":
            self.sent = payload
            return 202, {"queue": "q", "event_id": "e" * 64, "manychat_id": "1"}
        row = next(self.pages)
        return 200, {"items": [row(self.sent["state"]["date"]) if callable(row) else row]}


@pytest.fixture
def hurried(monkeypatch):
    """Nobody waits."""
    monkeypatch.setattr(demo.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(demo, "PATIENCE_SECONDS", 0.5)


def example(tmp_path):
    """An example of an opportunity."""
    path = tmp_path / "1-opportunity-x.json"
    path.write_text(json.dumps({"manychat_id": "1", "state": {"stage_id": 18}}))
    return path


def test_second_run_waits_for_its_own_event(hurried, tmp_path, capsys):
    """What an earlier run has left behind is not taken for the arrival of this one's event."""
    waiting = lambda at: OLD | {"state_date": at, "odoo_sync_status": "pending"}  # noqa: E731
    synced = lambda at: OLD | {"state_date": at, "odoo_lead_id": 8}  # noqa: E731
    assert demo._one(Answers([OLD, OLD, waiting, synced]), example(tmp_path))
    assert "lead 8" in capsys.readouterr().out


def test_event_that_does_not_arrive_is_said_so(hurried, tmp_path, capsys):
    """Only the old state, for as long as it waits: it did not arrive."""
    assert not demo._one(Answers([OLD]), example(tmp_path))
    assert "did not arrive" in capsys.readouterr().out


def test_settings_may_come_from_the_environment_alone(monkeypatch, tmp_path):
    """A file that leaves out the database's or Odoo's address does not stop `make run`."""
    keys = json.dumps([{"name": "local", "key": "k"}])
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": {"API_KEYS": keys}}))
    shutil.copy(ROOT / values.EXAMPLE, tmp_path)
    for name in ("DATABASE_URL", "ODOO_URL", "API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    found = values.read(tmp_path, Ports(7071, 7072, 10000, 10001, 10002), os.environ).environment
    assert values.api_key(found) == "k"
    assert values.database(found) == "sqlite:///.local/puente.db"
    assert values.database(found | {"DATABASE_URL": "mssql+pyodbc://me:secret@db/puente"}) == "mssql+pyodbc://me:***@db/puente"
    assert (
        values.database(found | {"AZURE_SQL_CONNECTION_STRING": "Server=x;Pwd=secret"})
        == "Azure SQL (AZURE_SQL_CONNECTION_STRING)"
    )


def test_numbers_are_those_of_a_warm_system(hurried, monkeypatch, capsys):
    """Each example goes the whole way once, unseen, before its times are shown."""
    sent = []
    monkeypatch.setattr(demo, "_one", lambda _client, path: sent.append(path.name) or demo._step(0, "shown") is None)
    monkeypatch.setattr(demo._Client, "call", lambda *_args: (200, {}))
    assert demo.show("http://127.0.0.1:1", "key")
    names = sorted(path.name for path in demo.EXAMPLES.glob("*.json"))
    assert sent == names * 2
    assert capsys.readouterr().out.count("shown") == len(names)
