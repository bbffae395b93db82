"""References to blobs: only those that we may have given are followed. And how long storage that is away is waited for."""

import pytest
from azure.storage.queue import ExponentialRetry

from shared import queues
from shared.errors import PermanentError

FORGED = [
    "..",
    "../other/x",
    "a/../../other/x",
    "a/./x",
    "a//x",
    "/x",
    "a\\..\\x",
    "a/%2e%2e/x",
    "a/x?sig=1",
    "a/x#y",
    "a/x\n",
    "",
]


@pytest.mark.parametrize("name", FORGED)
def test_a_reference_that_leads_elsewhere_is_not_followed(environment: pytest.MonkeyPatch, name: str) -> None:
    """It becomes a dead letter, and the storage account is not asked."""
    environment.setattr(queues, "claim_checks", lambda: pytest.fail("the storage account was asked"))
    with pytest.raises(PermanentError, match="is no reference of claim-checks"):
        queues.get_blob(f"{queues.CLAIM_CHECK_CONTAINER}/{name}")


def test_storage_that_is_away_is_given_up_within_two_seconds_of_pauses() -> None:
    """By the SDK's own reckoning: a webhook's sender waits some seconds in all (ManyChat ten)."""
    policy = ExponentialRetry(**queues.REPETITIONS)
    tries = range(1, int(queues.REPETITIONS["retry_total"]) + 1)
    longest = [max(policy.get_backoff_time({"count": number}) for _ in range(200)) for number in tries]
    assert 0.5 < sum(longest) < 2
