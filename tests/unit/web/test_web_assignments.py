"""A person's row in a campaign, changed by hand through ManyChat's id."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from shared.store.models import ActionLog, Advisor, Campaign, CampaignChange, CampaignContact, Contact
from shared.store.session import reading, transact
from tests.support.world import World
from tests.unit.web.calls import Answer, Api

ADDRESS = "/api/v1/manychat/campaign-contacts/update-by-manychat-id"
START = datetime(2026, 2, 1, tzinfo=UTC)
NOW = "2026-03-02T09:00:00Z"


def update(api: Api, key: str = "write-key", **fields: Any) -> Answer:
    """Say something of m1."""
    return api("PUT", ADDRESS, key=key, body={"manychat_id": "m1"} | fields)


def history() -> list[CampaignChange]:
    """What was ever said."""
    with reading() as session:
        return list(session.scalars(select(CampaignChange).order_by(CampaignChange.id)))


@pytest.fixture
def clinic(api: Api, world: World) -> None:
    """Two campaigns, three advisors; m1 was assigned to the first campaign, then to the second."""

    def work(session: Any) -> None:
        for number in (1, 2):
            session.add(Campaign(id=number, name=f"C{number}", date_start=START))
        session.add(Advisor(id=3, name="Carla Ríos", email="carla@example.com"))
        session.add(Advisor(id=4, name="Dr. Peña"))
        session.add(Advisor(id=5, name="Dr. Peña"))

    transact(work)
    for number, day in ((1, "2026-02-10T10:00:00Z"), (2, "2026-02-20T10:00:00Z")):
        fields = {
            "manychat_id": "m1",
            "campaign_id": number,
            "datetime_actual": day,
            "ultimo_estado": "Nuevo",
            "comercial_id": 3,
        }
        world.post("assignment", fields)
    world.run()


def test_answers_the_whole_row_of_the_newest_campaign(api: Api, clinic: None) -> None:
    """What is said is set, the rest stays."""
    answer = update(api, last_state="Cotizado", lead_state="medico", summary="Pide precio 💬", sale_order_date="2026-03-01")
    assert answer.status == 200
    row = answer.json
    assert {name: row[name] for name in ("manychat_id", "contact_id", "campaign_id", "registration_date")} == {
        "manychat_id": "m1",
        "contact_id": 1,
        "campaign_id": 2,
        "registration_date": "2026-02-20T10:00:00Z",
    }
    assert (row["last_state"], row["lead_state"], row["summary"]) == ("Cotizado", "medico", "Pide precio 💬")
    assert (row["commercial_advisor_id"], row["commercial_assignment_date"]) == (3, "2026-02-20T10:00:00Z")
    assert row["sale_order_date"] == "2026-03-01T00:00:00Z"
    own = {column.name for column in CampaignContact.__table__.columns if not column.name.startswith("odoo_")}
    assert set(row) == own - {"fact_times"} | {"manychat_id", "odoo_sync_status", "odoo_sync_error"}


def test_campaign_can_be_named(api: Api, clinic: None) -> None:
    """By number, also as a text, as ManyChat sends it."""
    assert update(api, campaign_id="1", last_state="X").json["campaign_id"] == 1
    assert update(api, last_state="Y").json["campaign_id"] == 2


@pytest.mark.parametrize("key", ["write-key", "ops-key", "hook-key"])
def test_scope_write_or_webhook_opens_it(api: Api, clinic: None, key: str) -> None:
    """ManyChat's own key may call it."""
    assert update(api, key=key, last_state="X").status == 200


def test_reading_does_not_suffice(api: Api, clinic: None) -> None:
    """403 that names the scope."""
    answer = update(api, key="read-key", last_state="X")
    assert (answer.status, "'write'" in answer.json["title"]) == (403, True)


class TestAdvisors:
    """Who looks after somebody, since when."""

    def test_first_one_is_assigned_now(self, api: Api, clinic: None) -> None:
        """Where no date is given."""
        row = update(api, medical_advisor_id=4).json
        assert (row["medical_advisor_id"], row["medical_assignment_date"]) == (4, NOW)

    def test_date_that_is_given_counts(self, api: Api, clinic: None) -> None:
        """With any offset."""
        row = update(api, medical_advisor_id=4, medical_assignment_date="2026-02-25T10:00:00-06:00").json
        assert row["medical_assignment_date"] == "2026-02-25T16:00:00Z"

    def test_same_one_again_keeps_the_date_and_another_one_gets_now(self, api: Api, clinic: None, test_clock: Any) -> None:
        """Being named again is no new assignment."""
        assert update(api, commercial_advisor_id=3).json["commercial_assignment_date"] == "2026-02-20T10:00:00Z"
        assert update(api, commercial_advisor_id=4).json["commercial_assignment_date"] == NOW

    def test_zero_takes_one_away_and_null_says_nothing(self, api: Api, clinic: None) -> None:
        """With the date of the assignment."""
        assert update(api, commercial_advisor_id=None, last_state=None).json["commercial_advisor_id"] == 3
        row = update(api, commercial_advisor_id=0).json
        assert (row["commercial_advisor_id"], row["commercial_assignment_date"]) == (None, None)

    def test_may_be_named_by_address_or_name(self, api: Api, clinic: None) -> None:
        """Whatever the case."""
        assert update(api, medical_advisor_id="CARLA@example.com").json["medical_advisor_id"] == 3
        assert update(api, commercial_advisor_id="carla ríos").json["commercial_advisor_id"] == 3

    def test_date_alone_moves_the_date(self, api: Api, clinic: None) -> None:
        """The advisor stays."""
        row = update(api, commercial_assignment_date="2026-02-21").json
        assert (row["commercial_advisor_id"], row["commercial_assignment_date"]) == (3, "2026-02-21T00:00:00Z")


@pytest.mark.parametrize(
    ("fields", "status", "reason", "named"),
    [
        ({"manychat_id": "m9"}, 404, "unknown-contact", ""),
        ({"campaign_id": 9}, 404, "unknown-campaign", "9"),
        ({"manychat_id": "m2"}, 404, "not-assigned", ""),
        ({"manychat_id": "m2", "campaign_id": 1}, 404, "not-assigned", "1"),
        ({"medical_advisor_id": 77}, 409, "unknown-advisor", "77"),
        ({"medical_advisor_id": "nadie@example.com"}, 409, "unknown-advisor", "nadie@example.com"),
        ({"medical_advisor_id": "dr. peña"}, 409, "ambiguous-advisor", "dr. peña"),
    ],
)
def test_missing_and_conflicting_are_told_apart_by_name(
    api: Api, clinic: None, fields: dict[str, Any], status: int, reason: str, named: str
) -> None:
    """404 for what the row would be, 409 for what it would point to; nothing is changed or noted."""
    transact(lambda session: session.add(Contact(manychat_id="m2")))
    before = len(history())
    answer = update(api, **fields)
    assert (answer.status, answer.json["type"]) == (status, f"urn:puente:problem:{reason}")
    assert named in answer.json["title"] + answer.json.get("detail", "")
    assert len(history()) == before


def test_two_campaigns_of_one_moment_are_a_conflict(api: Api, clinic: None) -> None:
    """Which of them is meant must be said; both are named."""

    def same_time(session: Any) -> None:
        for row in session.scalars(select(CampaignContact)):
            row.registration_date = START

    transact(same_time)
    answer = update(api, last_state="X")
    assert (answer.status, answer.json["type"]) == (409, "urn:puente:problem:ambiguous-assignment")
    assert "1 and 2" in answer.json["detail"]
    assert update(api, campaign_id=1, last_state="X").status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"manychat_id": ""},
        {"campaign_id": 0},
        {"medical_advisor_id": -1},
        {"medical_advisor_id": True},
        {"sale_order_date": "mañana"},
        {"lead_state": "x" * 51},
    ],
)
def test_value_that_cannot_be_meant_is_refused_by_name(api: Api, clinic: None, fields: dict[str, Any]) -> None:
    """422 that names the field."""
    answer = update(api, **fields)
    assert answer.status == 422
    assert answer.json["errors"][0]["field"].split(".")[0] == next(iter(fields))


def test_older_event_that_comes_later_does_not_undo_it(api: Api, clinic: None, world: World) -> None:
    """What a person said stands; what the event alone knows is taken over."""
    update(api, last_state="Cerrado", commercial_advisor_id=4)
    fields = {
        "manychat_id": "m1",
        "campaign_id": 2,
        "datetime_actual": "2026-03-01",
        "ultimo_estado": "Viejo",
        "comercial_id": 3,
    }
    world.post("assignment", fields | {"medico_id": 5})
    world.run()
    row = update(api).json
    assert (row["last_state"], row["commercial_advisor_id"], row["medical_advisor_id"]) == ("Cerrado", 4, 5)


def test_everything_that_was_said_is_kept_with_who_said_it(api: Api, clinic: None) -> None:
    """In the history of the row, and in the action log by field."""
    update(api, last_state="Cerrado", medical_advisor_id=4)
    *_, newest = history()
    assert (newest.actor, newest.said["last_state"], newest.said["medical_advisor_id"]) == ("key:robot", "Cerrado", 4)
    assert newest.changed == ["last_state", "medical_advisor_id", "medical_assignment_date"]
    with reading() as session:
        line = session.scalars(select(ActionLog)).one()
    assert (line.actor, line.action, line.subject) == ("key:robot", "campaign-contact.update", "m1")
