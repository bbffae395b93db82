"""References to blobs: only those that we may have given are followed."""

import pytest

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
    with pytest.raises(PermanentError, match="is no claim-check reference"):
        queues.get_blob(f"{queues.CLAIM_CHECK_CONTAINER}/{name}")
