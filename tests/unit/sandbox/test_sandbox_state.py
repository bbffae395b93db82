"""The snapshot brings the records back, is written whole or not at all, and says when it cannot be used."""

import json
from pathlib import Path

import pytest

from sandbox.odoo import Odoo
from sandbox.odoo.env import Env
from sandbox.odoo.special import model_for
from sandbox.state import Snapshot, SnapshotError


def snapshot(path: Path, odoo: Odoo) -> Snapshot:
    """A snapshot of one Odoo, loaded."""
    made = Snapshot(path)
    made._vendors = {"odoo": odoo}
    made.load()
    return made


def create_lead(odoo: Odoo) -> None:
    """A change."""
    model_for(Env(odoo.db, 2), "crm.lead").create({"name": "Lucía 😀"})


def test_continues_with_what_was_saved(tmp_path: Path) -> None:
    """Also into folders that are not there yet."""
    path = tmp_path / "deep" / "state.json"
    first = Odoo()
    saving = snapshot(path, first)
    create_lead(first)
    saving.save()
    second = Odoo()
    snapshot(path, second)
    assert [row["name"] for row in second.records("crm.lead", {}, None)[0]] == ["Lucía 😀"]
    assert [each.name for each in path.parent.iterdir()] == ["state.json"]


def test_writes_only_what_has_changed(tmp_path: Path) -> None:
    """A second save without a change leaves the file alone; a vendor that is no longer there is ignored."""
    path = tmp_path / "state.json"
    odoo = Odoo()
    saving = snapshot(path, odoo)
    saving.save()
    before = path.stat().st_mtime_ns
    saving.save()
    assert path.stat().st_mtime_ns == before
    create_lead(odoo)
    saving.touch()
    assert saving._changed.is_set()
    saving.save()
    assert path.stat().st_mtime_ns > before
    saved = json.loads(path.read_text())
    path.write_text(json.dumps({**saved, "vendors": {**saved["vendors"], "gone": {}}}))
    snapshot(path, Odoo())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no half-written one beside it."""
    path = tmp_path / "state.json"
    odoo = Odoo()
    saving = snapshot(path, odoo)
    saving.save()
    before = path.read_text()
    create_lead(odoo)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        saving.save()
    assert path.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1, "vendors": {"odoo": {"nope": {}}}}'])
def test_says_that_a_file_cannot_be_used(tmp_path: Path, text: str) -> None:
    """It is not overwritten."""
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(SnapshotError, match="delete it"):
        snapshot(path, Odoo())
    assert path.read_text() == text
