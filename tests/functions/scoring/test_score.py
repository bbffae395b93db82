"""The score and the priority of a lead, as the table has it."""

from typing import Any

import pytest

from functions.scoring import score
from functions.scoring.payloads import ScoredLeadPayload
from shared.errors import ConfigurationError
from shared.intake.webhook import taken
from shared.settings import get_settings
from tests.functions.scoring.conftest import lead
from tests.support.payloads import payload

pytestmark = pytest.mark.usefixtures("environment")

HIGHEST = {
    "phone": "+525512345678",
    "tags": ["muy HOT"],
    "events": [{"type": kind} for kind in ["click"] * 9 + ["reply"] * 9 + ["open"] * 9],
    "utm": {"campaign": "c"},
}
NOBODY = {"first_name": None, "email": None}


def scored(**given: Any) -> score.Scored:
    """What a lead with these facts is worth."""
    return score.of(taken(ScoredLeadPayload, lead(**given)))


@pytest.mark.parametrize(
    ("given", "points"),
    [
        (NOBODY, 20),
        (NOBODY | {"email": "ana@example.com"}, 30),
        (NOBODY | {"email": "not an address"}, 20),
        (NOBODY | {"phone": "+525512345678"}, 25),
        (NOBODY | {"last_name": "López"}, 23),
        (NOBODY | {"tags": ["HotLead", "hot"]}, 25),
        (NOBODY | {"tags": [{"name": "very hot"}]}, 25),
        (NOBODY | {"utm": {"source": "facebook", "campaign": "x"}}, 22),
        (NOBODY | {"events": [{"type": "click"}] * 4}, 28),
        (NOBODY | {"events": [{"type": "click"}] * 6}, 30),
        (NOBODY | {"events": [{"type": "reply"}] * 5}, 35),
        (NOBODY | {"events": [{"type": "reply"}] * 6}, 35),
        (NOBODY | {"events": [{"type": "open"}] * 7}, 25),
        (NOBODY | {"events": [{"type": "seen"}, {}, "click"]}, 22),
        (HIGHEST, 75),
    ],
)
def test_points_of_each_fact(given: dict[str, Any], points: int) -> None:
    """Each adds to the base, up to its most."""
    assert scored(**given).score == points


def test_highest_score_needs_every_fact() -> None:
    """75 is the most there is: a thousand clicks add nothing."""
    assert scored(**HIGHEST | {"events": HIGHEST["events"] * 100}).score == 75


@pytest.mark.parametrize(("clicks", "replies", "priority"), [(0, 0, "low"), (1, 0, "medium"), (5, 2, "medium"), (5, 3, "high")])
def test_priority_by_least_scores(clicks: int, replies: int, priority: str) -> None:
    """Above the base of 33 of a name and an address: 50 is high, 35 medium."""
    found = scored(events=[{"type": "click"}] * clicks + [{"type": "reply"}] * replies)
    assert (found.score, found.priority) == (33 + 2 * clicks + 3 * replies, priority)


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"email": "ana@"}, ("invalid_email_format",)),
        ({"email": None}, ("missing_contact_info",)),
        ({"email": None, "phone": "123"}, ()),
        ({}, ()),
    ],
)
def test_errors_say_what_is_wrong(given: dict[str, Any], errors: tuple[str, ...]) -> None:
    """An address that was given and is none; neither address nor number."""
    assert scored(**given).errors == errors


def test_settings_change_the_table(environment: pytest.MonkeyPatch) -> None:
    """What they do not name keeps its points."""
    environment.setenv("SCORING_POINTS", '{"base": 0, "click": 5, "click_most": 50}')
    environment.setenv("SCORING_PRIORITIES", '{"high": 40, "medium": 10}')
    get_settings.cache_clear()
    found = scored(events=[{"type": "click"}] * 6)
    assert (found.score, found.priority) == (43, "high")


def test_settings_with_a_wrong_order_are_refused(environment: pytest.MonkeyPatch) -> None:
    """A medium priority above the high one."""
    environment.setenv("SCORING_PRIORITIES", '{"high": 10, "medium": 35}')
    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="SCORING_PRIORITIES"):
        get_settings()


def test_number_counts_where_the_replaced_flow_read_it() -> None:
    """In the custom fields alone; id, names and address are read in `user` as well."""
    assert scored(phone=None).score == score.of(taken(ScoredLeadPayload, lead() | {"phone": "+525512345678"})).score
    nested = taken(ScoredLeadPayload, payload("manychat.lead", "nested"))
    assert (nested.id, nested.first_name, nested.email, nested.phone) == (
        "90210",
        "Luis",
        "luis@example.com",
        "+52 55 8765 4321",
    )
    assert score.of(nested).score == 20 + 10 + 5 + 3 + 1
