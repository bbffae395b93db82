"""Dead letters kept outside the database, on a real storage service."""

import pytest

from devhost.azurite import Azurite
from shared import faults, queues
from shared.intake import dead_letter_blobs, dead_letter_store
from tests.conftest import forget


@pytest.fixture
def account(azurite: Azurite, database: object, environment: pytest.MonkeyPatch) -> None:
    """The app's blobs and queues are those of `azurite`."""
    environment.setenv("AzureWebJobsStorage", azurite.connection_string)
    forget()


def taken() -> list[bytes]:
    """What lies on the dead-letter queue; it is empty afterwards."""
    return list(queues.take_all(queues.DEAD_LETTER_QUEUE, at_most=10))


def test_kept_counted_listed_and_given_back(account: None) -> None:
    """A letter of any size comes back as it was; kept twice it is kept once; nothing is left behind."""
    assert dead_letter_blobs.count() == 0
    bodies = [b'{"original_event": "one", "original_queue": "q"}', b'{"original_event": "%s"}' % (b"x" * 100_000)]
    for body in [*bodies, bodies[0]]:
        dead_letter_blobs.keep(body)
    lines: list[str] = []
    assert dead_letter_blobs.main([], out=lines.append) == 0
    assert (len(lines), lines[-1]) == (3, "2 kept.\n")
    assert dead_letter_blobs.main(["--return"], out=lines.append) == 0
    assert {dead_letter_store.opened(body)["original_event"] for body in taken()} == {"one", "x" * 100_000}
    assert dead_letter_blobs.count() == 0


def test_death_while_giving_back_sends_twice_and_loses_nothing(account: None) -> None:
    """The letter is still kept; sent again it is the same letter, which is stored once."""
    dead_letter_blobs.keep(b'{"original_event": "one"}')
    faults.inject("deadletter.after_returned=raise:1x1")
    with pytest.raises(faults.InjectedFault):
        dead_letter_blobs.give_back()
    assert dead_letter_blobs.count() == 1
    assert dead_letter_blobs.give_back() == 1
    first, second = taken()
    assert dead_letter_store.opened(first)["key"] == dead_letter_store.opened(second)["key"]
