"""Moving in: the old record arrives whole, twice is once, and what live events said stays."""

import csv

import pytest
from sqlalchemy import create_engine, select, text

from shared.importer import adopt, move
from shared.importer.__main__ import main
from shared.importer.frame import Options
from shared.settings import get_settings
from shared.store.models import Advisor, Campaign, CampaignContact, Channel, Contact, Opportunity
from shared.store.session import reading
from shared.vendors.odoo.client import OdooClient
from tests.support.world import contact

FILES = {
    "channels": [{"id": 1, "name": "WhatsApp", "description": "Chat"}],
    "advisors": [{"id": 3, "name": "Carla", "email": "carla@example.com"}, {"id": 4, "name": "Dr. Peña", "role": "medico"}],
    "campaigns": [{"id": 7, "name": "Marzo", "date_start": "2025-03-01", "budget": "1500.50", "channel_id": 1}],
    "contacts": [
        {"id": 11, "manychat_id": "m1", "first_name": "Ana", "last_name": "Gómez", "phone": "55 1234 5678", "channel_id": 1},
        {"id": 12, "manychat_id": "m2", "first_name": "Zoë 👩", "email": "zoe@example.com"},
    ],
    "campaign_contacts": [
        {
            "contact_id": 11,
            "campaign_id": 7,
            "commercial_advisor_id": 3,
            "registration_date": "2025-03-05",
            "last_state": "Nuevo",
        },
        {"contact_id": 12, "campaign_id": 7, "medical_advisor_id": "Dr. Peña", "registration_date": "2025-03-06"},
    ],
}


def write(folder, files):
    """The files as a folder of CSV."""
    for kind, rows in files.items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture
def folder(tmp_path):
    """The old record as CSV."""
    return write(tmp_path, FILES)


def rows(model):
    """All rows of a model."""
    with reading() as session:
        return session.scalars(select(model).order_by(model.id)).unique().all()


def moved(folder, *more):
    """Run the command; its exit code."""
    return main([str(folder), "--problems", str(folder / "problems.csv"), *more])


def test_everything_arrives(database, folder):
    """Channels, advisors, campaigns, people and assignments, with their relations."""
    assert moved(folder) == 0
    ana, zoe = rows(Contact)
    assert (ana.first_name, ana.phone, ana.channel.name) == ("Ana", "+525512345678", "WhatsApp")
    assert zoe.first_name == "Zoë 👩"
    campaign = rows(Campaign)[0]
    assert (campaign.id, str(campaign.budget), campaign.channel_id) == (7, "1500.50", rows(Channel)[0].id)
    assert [(row.commercial_advisor_id, row.medical_advisor_id) for row in rows(CampaignContact)] == [(3, None), (None, 4)]


def test_second_run_changes_nothing(database, folder, capsys):
    """The import may be repeated."""
    moved(folder)
    before = [vars(row) for row in rows(CampaignContact)]
    capsys.readouterr()
    assert moved(folder) == 0
    assert [row["updated_at"] for row in before] == [row.updated_at for row in rows(CampaignContact)]
    assert "0 new" in capsys.readouterr().out


def test_dry_run_changes_nothing_and_says_what_would_happen(database, folder, capsys):
    """The numbers of a dry run are those of the real one."""
    assert moved(folder, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert rows(Contact) == rows(Campaign) == rows(Advisor) == []
    moved(folder)
    assert printed.replace("This was a dry run: nothing was changed.\n", "") == capsys.readouterr().out


def test_bad_rows_are_left_out_by_line_and_reason(database, tmp_path):
    """A row without an id, one whose id a sheet has spoilt and one that names nobody are in the file of problems.

    The others arrive; one with a bad date without that date, which the file names.
    """
    spoilt = {"manychat_id": "1.23457E+15", "first_name": "y"}
    files = FILES | {
        "contacts": [
            *FILES["contacts"],
            {"manychat_id": "", "first_name": "x"},
            {"manychat_id": "m9", "entry_date": "soon"},
            spoilt,
        ],
        "campaign_contacts": [
            *FILES["campaign_contacts"],
            {"contact_id": 99, "campaign_id": 7},
            {"contact_id": 11, "campaign_id": 8},
        ],
    }
    assert moved(write(tmp_path, files)) == 1
    with (tmp_path / "problems.csv").open(encoding="utf-8") as file:
        problems = [(row["kind"], row["line"]) for row in csv.DictReader(file)]
    people, others = (
        [("contacts", "3"), ("contacts", "4"), ("contacts", "5")],
        [("campaign_contacts", "3"), ("campaign_contacts", "4")],
    )
    assert problems == [*people, *others]
    assert len(rows(Contact)) == 3


def test_what_live_events_have_said_stays(world, folder):
    """An import after going live fills gaps and overwrites nothing."""
    world.post("contact", contact("m1", nombre_lead="Ana María"))
    world.run()
    moved(folder)
    ana = rows(Contact)[0]
    assert (ana.first_name, ana.last_name) == ("Ana María", "Gómez")


def test_old_database_is_read_as_well(database, tmp_path):
    """The old service's own tables, by URL."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    old = create_engine(url)
    with old.begin() as connection:
        connection.execute(text("CREATE TABLE Contact (id INTEGER, manychat_id TEXT, first_name TEXT, entry_date TIMESTAMP)"))
        connection.execute(text("INSERT INTO Contact VALUES (1, 'm1', 'Ana', '2025-01-02 03:04:05.000000')"))
    old.dispose()
    assert main([url, "--problems", str(tmp_path / "problems.csv")]) == 0
    assert rows(Contact)[0].subscribed_at.isoformat() == "2025-01-02T03:04:05+00:00"


def test_neither_folder_nor_database_is_said_plainly(database, tmp_path, capsys):
    """A wrong source ends with code 2 and a sentence."""
    assert main([str(tmp_path / "nowhere"), "--problems", str(tmp_path / "p.csv")]) == 2
    assert "neither a folder" in capsys.readouterr().err


def test_leads_of_odoo_are_adopted_and_then_updated_not_doubled(sandbox, world):
    """An old lead becomes an opportunity; the next stage event writes to that lead."""
    odoo = OdooClient.from_settings(get_settings())
    (old,) = odoo.create("crm.lead", [{"name": "Ana", "x_manychat_id": "m1", "stage_id": 18, "phone": "+525512345678"}])
    for _ in range(2):
        moving = move.Move(adopt.IMPORTER, Options())
        summaries = [summary for summary, _problems in moving.kind(adopt.KIND)]
    assert (summaries[-1].read, summaries[-1].created, summaries[-1].changed) == (1, 0, 0)
    opportunity = rows(Opportunity)[0]
    assert (opportunity.odoo_id, opportunity.stage_id, opportunity.odoo_sync_status) == (old, 18, "success")
    from datetime import UTC, datetime, timedelta

    from tests.support.world import opportunity as event

    later = datetime.now(UTC) + timedelta(minutes=1)
    with_clock = world
    from shared import clock as clocks

    with clocks.frozen(later + timedelta(minutes=5)):
        with_clock.post("opportunity", event("m1", stage=20, at=later.isoformat()))
        with_clock.run()
    leads = sandbox.leads(x_manychat_id="m1")
    assert [(lead["id"], lead["stage_id"][0]) for lead in leads] == [(old, 20)]
