"""What a journey may still send to its person, when somebody has asked for silence by some channel."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from shared import clock
from shared.journeys import reach
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.people import aliases
from shared.store.session import reading, transact

PHONE = "+525512345678"
STEP: Any = SimpleNamespace(
    transactional=False,
    ways=lambda: [SimpleNamespace(channel=channel, template="lead_day_3") for channel in ("whatsapp", "sms")],
)


@pytest.mark.parametrize(
    ("causes", "may"),
    [
        ({}, True),
        ({"whatsapp": "not-on-whatsapp"}, True),
        ({"whatsapp": "stop"}, True),
        ({"whatsapp": "stop", "sms": "stop"}, False),
    ],
)
@pytest.mark.parametrize("limited", [False, True])
def test_limit_of_today_ends_no_journey(
    database: Engine,
    test_clock: clock.TestClock,
    causes: dict[str, Any],
    may: bool,  # noqa: FBT001
    limited: bool,  # noqa: FBT001
) -> None:
    """A stop does, where no other channel is left; Meta's limit of marketing is over tomorrow."""
    whose = [digest_of_address(PHONE)]
    for channel, cause in causes.items():
        transact(partial(consent.suppress, channels=[channel], recipient_digests=whose, cause=cause, at=clock.now()))
    if limited:
        transact(lambda session: consent.limited(session, whose, clock.now() - timedelta(hours=1)))
        transact(lambda session: consent.suppress(session, ["sms"], whose, "stop", clock.now()))
    record: Any = SimpleNamespace(enrolment=SimpleNamespace(data={"phone": PHONE}))
    with reading() as session:
        found = reach._may_be_sent(session, record, STEP, aliases.of(session, ["lead:7"]))
    assert found == (may if not limited else not causes)
