"""A shadow run beside the replaced system: an empty report where nothing differs, and each difference named where one is."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared.shadow.__main__ import main
from tests.conftest import START
from tests.support import shadow

COMPARED = ["odoo.opportunity", "odoo.contact", "kommo.lead", "email", "voice", "whatsapp"]


def write(path: Path, lines) -> Path:
    """A log as JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def compared(path: Path, capsys, *more: str) -> tuple[int, list[str]]:
    """The command's exit code, and the lines of its report."""
    capsys.readouterr()
    code = main(["compare", "--log", str(path), "--tolerance", "6h", "--only", *COMPARED, *more])
    return code, capsys.readouterr().out.splitlines()


def position(log, effect: str, number: int = 0) -> int:
    """Where the log has the effect for the n-th time."""
    return [place for place, line in enumerate(log) if line["effect"] == effect][number]


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_report(environment, database, storage, test_clock, tmp_path, capsys, count) -> None:
    """So many recorded events, four days: no difference first; then five, each named with its person and field."""
    found = shadow.history(count, START)
    assert len(found.events) == count
    world = shadow.whole(storage)
    with shadow.watched(environment, SHADOW="all", TURNSTILE_SECRET="") as network:
        for queue, body in found.events:
            storage.send(queue, body)
        shadow.live(world, test_clock, START + timedelta(days=4))
        assert network.writes == []
        log = found.log
        code, lines = compared(write(tmp_path / "log.jsonl", log), capsys)
        assert (code, lines) == (0, [f"{len(log):,} effects of ours, {len(log):,} of theirs: {len(log):,} the same, 0 differ"])

        seeded, expected = _seeded(log)
        code, lines = compared(write(tmp_path / "seeded.jsonl", seeded), capsys)
        assert code == 1
        assert len(lines) == len(expected) + 1
        for start, contained in expected:
            assert [line for line in lines if line.startswith(start) and contained in line], (start, contained, lines)
        assert "@example.com" not in "\n".join(lines)
        assert compared(write(tmp_path / "seeded.jsonl", seeded), capsys) == (code, lines)


def _seeded(log):
    """The log with five differences, and how the report names each: its beginning, and what else stands in it."""
    lines = [dict(line) for line in log]
    stage, call = position(lines, "odoo.opportunity"), position(lines, "voice", 1)
    lines[stage]["fields"] = {"stage": 99}
    lines[call]["at"] = (START + timedelta(days=2)).isoformat()
    twice = lines[position(lines, "email", 2)]
    missing = lines.pop(position(lines, "whatsapp"))
    lines += [twice, {"effect": "email", "name": "lead_welcome", "email": "zoe@example.com", "at": START.isoformat()}]
    assert missing["name"] == "lead_day_3"
    return lines, [
        ("differing  odoo.opportunity", "stage: "),
        ("differing  voice lead_call", "at: 2026-03-02T09:"),
        ("missing at theirs  whatsapp lead_day_3", "+*** (13)"),
        ("missing at ours  email lead_welcome", f"l*** ({len(twice['email'])})"),
        ("missing at ours  email lead_welcome", "z*** (15)"),
    ]
