"""Old bodies of large events are removed from a real storage service, but those that a replay would need."""

import json

import pytest

from devhost.azurite import Azurite
from shared import clock, queues, retention
from shared.store.models import DeadLetter
from shared.store.session import transact
from tests.conftest import forget


@pytest.fixture
def account(azurite: Azurite, database: object, environment: pytest.MonkeyPatch) -> None:
    """The app's blobs are those of `azurite`, and are kept for 90 days."""
    environment.setenv("AzureWebJobsStorage", azurite.connection_string)
    environment.setenv("RETENTION_CLAIM_CHECK_DAYS", "90")
    forget()


def letter(name: str, state: str) -> None:
    """A dead letter of an event whose body is in a blob."""
    body = json.dumps({"dataref": f"{queues.CLAIM_CHECK_CONTAINER}/{name}"})
    facts = {"original_queue": "q", "reason": "r", "error_message": "e", "error_time": clock.now()}
    transact(lambda session: session.add(DeadLetter(key=name[-20:], original_event=body, state=state, **facts)))


def names() -> list[str]:
    """The blobs that there are."""
    return [blob.name for blob in queues.claim_checks().list_blobs()]


def test_old_bodies_go_and_those_that_a_replay_needs_stay(account: None) -> None:
    """By the day in their name; a resolved letter needs its body no more."""
    assert retention.forget() == {}
    today = f"{clock.now():%Y/%m/%d}/t/young.json"
    for name in ("2020/01/01/t/old.json", "2020/01/02/t/needed.json", "2020/01/02/t/mended.json", today):
        queues.put_blob(name, b"{}")
    letter("2020/01/02/t/needed.json", "parked")
    letter("2020/01/02/t/mended.json", "resolved")
    assert retention.forget() == {"bodies": 2}
    assert names() == ["2020/01/02/t/needed.json", today]
