"""Sequences over the API: each mail with its state and reason, and Notion brought up to date on request."""

import json
from collections.abc import Iterator

import pytest

from shared import clock
from shared.settings import get_settings
from tests.support.sequences import Campaign, assessment, campaign, noshow, postcall
from tests.support.world import World
from tests.unit.web.calls import KEYS, Api

LIST = "/api/v1/sequences"


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with nobody in it."""
    with campaign(world, environment, test_clock) as found:
        yield found


@pytest.fixture
def api(ours: Campaign, environment: pytest.MonkeyPatch) -> Api:
    """The API over the same database."""
    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    return Api()


def test_each_mail_with_its_state(ours: Campaign, api: Api) -> None:
    """Sent by the website, sent by us, ended by a later stage with the reason."""
    ours.take("assessment-handler", assessment())
    ours.run(days=1, hours=1)
    ours.take("postcall-maybe-handler", postcall())
    ours.settle()
    found = api.get(f"{LIST}/1").json
    assert (found["state"], found["reason"], found["type"]) == ("exited", "postcall.maybe", "5day")
    assert [(mail["number"], mail["status"], mail["sent_by"]) for mail in found["mails"]] == [
        (1, "sent", "website"),
        (2, "sent", "puente"),
        (3, "cancelled", None),
        (4, "cancelled", None),
        (5, "cancelled", None),
    ]
    assert found["mails"][2]["reason"] == "postcall.maybe"
    assert found["facts"]["assessment_score"] == 55
    assert (found["notion_sync_status"], found["delivery"]["state"]) == ("success", "done")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [2, 1]),
        ({"email": "ANA@example.com"}, [2, 1]),
        ({"email": "nobody@example.com"}, []),
        ({"type": "noshow"}, [2]),
        ({"segment": "URGENT"}, [1]),
        ({"notion_sync_status": "error"}, []),
    ],
)
def test_list_and_its_filters(ours: Campaign, api: Api, query: dict[str, str], ids: list[int]) -> None:
    """Newest first."""
    ours.take("assessment-handler", assessment())
    ours.take("noshow-recovery-handler", noshow())
    answer = api.get(LIST, **query).json
    assert [row["id"] for row in answer["items"]] == ids
    assert answer["total"] == len(ids)


def test_sync_now(ours: Campaign, api: Api) -> None:
    """Both pages are made again where they are gone, though nothing has changed."""
    ours.take("assessment-handler", assessment())
    ours.settle()
    for page in ours.notion.page_ids():
        ours.notion.archive(page)
    answer = api.post(f"{LIST}/1/sync")
    assert (answer.status, answer.json["notion_sync_status"], answer.json["delivery"]["state"]) == (202, "pending", "pending")
    ours.settle()
    assert len(ours.notion.rows("sequences")) == len(ours.notion.rows("contacts")) == 1


def test_sync_without_notion(ours: Campaign, api: Api, environment: pytest.MonkeyPatch) -> None:
    """It is said that it is not set up."""
    ours.take("assessment-handler", assessment())
    environment.delenv("NOTION_EMAIL_SEQUENCE_DB_ID")
    get_settings.cache_clear()
    assert api.post(f"{LIST}/1/sync").status == 409


def test_no_such_sequence(api: Api) -> None:
    """404, for reading and for asking."""
    assert (api.get(f"{LIST}/9").status, api.post(f"{LIST}/9/sync").status) == (404, 404)
