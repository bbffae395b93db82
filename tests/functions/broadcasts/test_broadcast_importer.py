"""Moving in from the replaced system: contacts with their ids and words, automations as drafts."""

import csv
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from functions.broadcasts.tables import Automation
from shared.crm import contact_edits, contact_profiles
from shared.importer.__main__ import main
from shared.journeys import chatbots
from shared.store.models import Contact
from shared.store.session import reading, transact

ANA, BETO, OLD_FLOW = (str(UUID(int=number)) for number in (1, 2, 3))
FILES: dict[str, list[dict[str, Any]]] = {
    "flows": [{"id": OLD_FLOW, "name": "encuesta_de_interes"}],
    "contacts": [
        {
            "id": ANA,
            "name": "Ana Núñez",
            "phone_number": "+52 1 55 1234 5601",
            "attributes": '{"city": "León"}',
            "opt_in": "t",
            "tags": "{VIP,Navidad}",
        },
        {"id": BETO, "whatsapp_id": "5215512345602", "opt_in": "f", "is_blocked": "true"},
        {"id": str(UUID(int=4)), "name": "Nadie"},
    ],
    "automations": [
        {
            "id": str(UUID(int=5)),
            "name": "Navidad",
            "flow_id": OLD_FLOW,
            "status": "active",
            "audience_config": json.dumps({"contact_ids": [ANA]}),
            "rate_limit_per_hour": "500",
            "execution_window_start": "09:00:00",
            "execution_window_end": "20:00:00",
        },
        {"id": str(UUID(int=6)), "name": "Otra", "flow_id": str(UUID(int=7))},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The exports."""
    for kind, rows in FILES.items():
        with (tmp_path / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
    return tmp_path


def moved(folder: Path) -> int:
    """Run the command; its exit code."""
    return main(["pytake", str(folder), "--problems", str(folder / "problems.csv")])


def test_contacts_and_automations_arrive_and_twice_is_once(database: Engine, folder: Path, capsys: Any) -> None:
    """Contacts keep their UUID, by which automations name them; what cannot be taken is in the file of problems."""
    assert moved(folder) == 1
    with reading() as session:
        rows = {row.phone: row for row in session.scalars(select(Contact))}
        profiles = contact_profiles.of(session, [row.id for row in rows.values()])
        ana, beto = rows["+525512345601"], rows["+525512345602"]
        assert contact_profiles.numbers_of(session, [ANA, BETO]) == {ANA: ana.id, BETO: beto.id}
        (automation,) = session.scalars(select(Automation))
    assert (ana.first_name, ana.last_name) == ("Ana", "Núñez")
    known = profiles[ana.id]
    assert (known.tags, known.attributes, known.opt_in, known.is_blocked) == (["Navidad", "VIP"], {"city": "León"}, True, False)
    assert (profiles[beto.id].opt_in, profiles[beto.id].is_blocked) == (False, True)
    assert (automation.uuid, automation.status, automation.flow_id) == (
        str(UUID(int=5)),
        "draft",
        chatbots.flow_id("encuesta_de_interes"),
    )
    assert (automation.rate_limit_per_hour, automation.execution_window_start) == (500, "09:00")
    problems = (folder / "problems.csv").read_text()
    assert "no number can be read" in problems
    assert "flows.csv does not say" in problems
    capsys.readouterr()
    moved(folder)
    printed = capsys.readouterr().out
    assert printed.count(" 0 new") == 3


def test_what_was_said_here_stays(database: Engine, folder: Path) -> None:
    """A contact who is known by the number gets what is missing, and keeps what somebody has said since."""
    values = {"phone": "5512345601", "first_name": "Anita", "opt_in": False, "attributes": {"city": "Lima"}}
    transact(lambda session: contact_edits.create(session, "m1", values, "ops"))
    moved(folder)
    with reading() as session:
        row = session.scalars(select(Contact).where(Contact.manychat_id == "m1")).one()
        known = contact_profiles.of(session, [row.id])[row.id]
    assert (row.first_name, row.last_name) == ("Anita", "Núñez")
    assert (known.opt_in, known.attributes, known.tags) == (False, {"city": "Lima"}, ["Navidad", "VIP"])
