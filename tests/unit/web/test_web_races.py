"""Several people at the same thing at the same time: one of them wins, the others are told, nothing is lost or doubled."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from shared.store.models import Advisor, Campaign, CampaignChange, CampaignContact, Contact, Delivery
from shared.store.session import reading
from tests.unit.web.calls import Answer, Api

TOGETHER = 6


def race(call: Callable[[int], Answer]) -> list[Answer]:
    """All answers of as many callers at once."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(call, range(TOGETHER)))


def statuses(answers: list[Answer]) -> dict[int, int]:
    """How often each status was answered."""
    return dict(Counter(answer.status for answer in answers))


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/api/v1/contacts", {"manychat_id": "m1"}),
        ("/api/v1/channels", {"name": "WhatsApp"}),
        ("/api/v1/advisors", {"id": 7, "name": "Carla"}),
        ("/api/v1/campaigns", {"id": 7, "name": "Marzo", "date_start": "2026-03-01"}),
        ("/api/v1/crm/stages", {"manychat_name": "Nuevo", "odoo_stage_id": 40, "odoo_name": "Nuevo"}),
    ],
)
def test_unique_value_is_given_once(api: Api, address: str, body: dict[str, Any]) -> None:
    """One 201, all others 409."""
    before = api.get(address).json["total"]
    assert statuses(race(lambda _n: api.post(address, body=body))) == {201: 1, 409: TOGETHER - 1}
    assert api.get(address).json["total"] == before + 1


def test_version_is_changed_once(api: Api, add: Callable[..., Any]) -> None:
    """Of all who change the same version, one does; the others are told."""
    add(Contact(manychat_id="m1"))
    tag = {"if-match": api.get("/api/v1/contacts/1").headers["etag"]}
    answers = race(lambda n: api("PATCH", "/api/v1/contacts/1", body={"first_name": f"N{n}"}, headers=tag))
    assert statuses(answers) == {200: 1, 412: TOGETHER - 1}
    (winner,) = [answer for answer in answers if answer.status == 200]
    assert api.get("/api/v1/contacts/1").json == winner.json


def test_words_about_different_fields_are_all_kept(api: Api, add: Callable[..., Any]) -> None:
    """Nobody overwrites what another one said of something else; each word is in the history."""
    add(Contact(id=1, manychat_id="m1"), Campaign(id=1, name="c", date_start=datetime(2026, 1, 1, tzinfo=UTC)))
    add(
        Advisor(id=3, name="A"),
        CampaignContact(contact_id=1, campaign_id=1, registration_date=datetime(2026, 1, 2, tzinfo=UTC)),
    )
    responses = [
        {"medical_advisor_id": 3},
        {"commercial_advisor_id": 3},
        {"last_state": "X"},
        {"lead_state": "Y"},
        {"summary": "Z"},
        {"sale_order_date": "2026-03-01"},
    ]
    address = "/api/v1/manychat/campaign-contacts/update-by-manychat-id"
    assert statuses(race(lambda n: api("PUT", address, body={"manychat_id": "m1"} | responses[n]))) == {200: TOGETHER}
    row = api("PUT", address, body={"manychat_id": "m1"}).json
    assert (row["medical_advisor_id"], row["commercial_advisor_id"], row["last_state"]) == (3, 3, "X")
    assert (row["lead_state"], row["summary"], row["sale_order_date"]) == ("Y", "Z", "2026-03-01T00:00:00Z")
    with reading() as session:
        assert len(session.scalars(select(CampaignChange)).all()) == TOGETHER + 1


def test_deleted_once(api: Api, add: Callable[..., Any]) -> None:
    """The others find that it has gone."""
    add(Contact(manychat_id="m1"))
    assert statuses(race(lambda _n: api("DELETE", "/api/v1/contacts/1"))) == {204: 1, 404: TOGETHER - 1}


def test_wish_that_is_asked_for_by_all_is_one_delivery(api: Api, add: Callable[..., Any]) -> None:
    """However many change the advisor meanwhile."""
    add(Advisor(id=1, name="A"))
    assert statuses(race(lambda n: api("PATCH", "/api/v1/advisors/1", body={"name": f"N{n}"}))) == {200: TOGETHER}
    with reading() as session:
        assert [row.subject for row in session.scalars(select(Delivery))] == ["advisor:1"]
