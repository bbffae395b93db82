"""A broadcast by WhatsApp whose statuses come as a storm: in any order, doubled, cut into any requests, days late.

Some come before our own record of the vendor's id, some are all that is known of a sending whose answer was lost.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import select

from functions.broadcasts import counts, running
from functions.broadcasts import running_send as sending
from functions.broadcasts.states import ENDED, ORDER, RecipientStatus
from functions.broadcasts.tables import Recipient
from sandbox.meta import webhooks
from sandbox.meta.server import NUMBERS
from sandbox.vendor import Webhook
from shared import clock
from shared.intake.endpoint import EVENTS_QUEUE
from shared.messages import statuses
from shared.messages.providers import meta_codes
from shared.settings import get_settings
from shared.store.message_models import MessageStatus
from shared.store.models import Delivery
from shared.store.session import reading
from tests.functions.broadcasts.posting import ONE_MESSAGE, Post
from tests.functions.whatsapp.conftest import Town, town  # noqa: F401  # the fixture
from tests.support.messages import PostOffice, carry_out

OURS = next(iter(NUMBERS))
FATES = (
    ("sent", "delivered", "read"),
    ("sent", "delivered"),
    ("sent", "read"),
    ("delivered",),
    ("sent",),
    ("failed",),
    ("sent", "failed"),
    ("failed", "delivered"),
    ("sent", "failed", "delivered", "read"),
)
"""What the vendor says of a message, in no order. What has arrived has not failed, whatever else is said of it."""
MOST_IN_A_REQUEST, LATEST = 40, timedelta(days=5)
LOST, OVERTAKEN = 0.1, 0.2
SETTINGS = {
    "BROADCAST_MAX_RATE_PER_HOUR": "1000000",
    "BROADCAST_PAUSE_FAILURES": "1000000",
    "MESSAGES_PER_SECOND": '{"meta": 1000}',
    "RECIPIENT_DAILY_CAP": "9",
}

type Report = tuple[int, str]


class Storm:
    """A broadcast, what the vendor says of each of its messages, and where everybody stood at most."""

    def __init__(self, town: Town, test_clock: clock.TestClock, people: int, chance: Random) -> None:  # noqa: F811
        self.town, self.clock, self.chance = town, test_clock, chance
        self.post = Post(PostOffice(), test_clock)
        self.execution_id = self.post.begin(people, rate_limit_per_hour=1_000_000, max_concurrent_executions=500)
        self.phones = [f"+5255{10_000_000 + one}" for one in range(people)]
        self.fates = {phone: chance.choice(FATES) for phone in self.phones}
        self.lost = {phone for phone in self.phones if chance.random() < LOST}
        self.overtaken = {phone for phone in self.phones if chance.random() < OVERTAKEN}
        self.reached: dict[str, Recipient] = {}
        self._one_by_one = Lock()

    def go_out(self) -> None:
        """Everything is sent. Some answers are lost; some statuses overtake the answer, and with it our own record."""
        self.town.meta.act("deliver", {"outcome": "silent"})
        adapter = self.town.network.adapters["/meta"]
        take = adapter.send

        def send(request: Any, **more: Any) -> Any:
            to = f"+{json.loads(request.body or b'{}').get('to', '')}".replace("++", "+")
            with self._one_by_one:
                adapter.lose_answers = int(to in self.lost)
                try:
                    return take(request, **more)
                finally:
                    adapter.lose_answers = 0
                    if to in self.overtaken:
                        self.request([(self._rows()[to], self.fates[to][0])])

        adapter.send = send  # type: ignore[method-assign]
        for _ in range(2):
            running.run_all()
            carry_out()
            self.clock.advance(seconds=10)
        adapter.send = take  # type: ignore[method-assign]

    def break_loose(self) -> None:
        """Every word once or more, over days, in requests of any size, some of which come again."""
        rows = self._rows()
        reports = [(rows[phone], word) for phone in self.phones for word in self.fates[phone] for _ in range(self.copies())]
        self.chance.shuffle(reports)
        while reports:
            size = self.chance.randint(1, MOST_IN_A_REQUEST)
            some, reports = reports[:size], reports[size:]
            for _ in range(self.copies()):
                self.request(some)
            self.look()
            if self.chance.random() < OVERTAKEN:
                self.clock.advance(seconds=self.chance.randint(1, 3600))
                running.run_all()
                carry_out()
                counts.fold()

    def copies(self) -> int:
        """How often something comes: mostly once."""
        return self.chance.choice((1, 1, 1, 2, 3))

    def request(self, reports: Sequence[tuple[dict[str, Any], str]]) -> None:
        """One request of the vendor's, handled at once."""
        listed = [self._status(row, word) for row, word in reports]
        value = webhooks.value(OURS, NUMBERS[OURS], statuses=listed)
        webhook = Webhook(what="storm", url=webhooks.PATH, body=webhooks.written(webhooks.changes(("messages", value))))
        assert self.town.take(webhook, self.town.wire.headers(webhook)).status == 200
        while self.town.world.step(EVENTS_QUEUE):
            pass

    def _status(self, row: dict[str, Any], word: str) -> dict[str, Any]:
        at = self.clock.moment - self.chance.random() * LATEST
        status = {"id": row["id"], "status": word, "timestamp": str(int(at.timestamp()))}
        status["biz_opaque_callback_data"] = row["callback"]
        return status | ({"errors": [{"code": 131026}]} if word == "failed" else {})

    def _rows(self) -> dict[str, dict[str, Any]]:
        """What the vendor took, by the number to which it went."""
        by_person = {row["wa_id"]: row for row in self.town.got()}
        return {phone: by_person[wa_id] for phone in self.phones if (wa_id := self.town.meta.wa_id(phone)) in by_person}

    def look(self) -> None:
        """Nobody went back since the last look: no time was unset, and an end stays, but that what arrived has not failed."""
        for row in recipients():
            before = self.reached.get(row.key)
            if before is not None:
                for name in ("sent_at", "delivered_at", "read_at", "completed_at"):
                    assert getattr(before, name) is None or getattr(row, name) == getattr(before, name), name
                was, now = RecipientStatus(before.status), RecipientStatus(row.status)
                is_proven = was == "failed" and now == "completed"
                is_refuted = was == "completed" and now == "failed" and row.delivered_at is None
                assert is_proven or is_refuted or (was == now if was in ENDED else ORDER[now] >= ORDER[was]), (was, now)
            self.reached[row.key] = row


def recipients() -> list[Recipient]:
    """Everybody."""
    with reading() as session:
        return list(session.scalars(select(Recipient).order_by(Recipient.id)))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    """The same in every run of a seed."""
    return Random(request.node.callspec.params["seed"])  # noqa: S311  # a test's dice


@pytest.fixture(autouse=True)
def quick(environment: pytest.MonkeyPatch) -> Iterator[None]:
    """One message for everybody, as fast as it goes; a wave of errors pauses nothing."""
    environment.setattr(sending, "flow", lambda _execution: ONE_MESSAGE)
    return iter(())


@pytest.mark.parametrize(
    ("seed", "people"),
    [
        (1, 20),
        pytest.param(2, 200, marks=pytest.mark.slow),
        *(pytest.param(seed, 500, marks=pytest.mark.nightly) for seed in range(3, 11)),
    ],
)
def test_storm(
    town: Town,  # noqa: F811  # the fixture
    test_clock: clock.TestClock,
    environment: pytest.MonkeyPatch,
    chance: Random,
    seed: int,
    people: int,
) -> None:
    """Each message ends with the furthest word, each recipient as that says, and the counts are those of the rows."""
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    storm = Storm(town, test_clock, people, chance)
    storm.go_out()
    storm.break_loose()
    assert len(town.got()) == people, "nothing was sent twice"
    _check_messages(storm)
    _check_recipients(storm)
    for _folded in range(2):
        assert storm.post.counted(storm.execution_id) == _truth()
        counts.fold()


def _check_messages(storm: Storm) -> None:
    with reading() as session:
        kept = {row.vendor_id: row for row in session.scalars(select(MessageStatus))}
        delivery_ids = set(session.scalars(select(Delivery.id)))
    assert len(kept) == len(storm.phones)
    for phone, row in storm._rows().items():
        words = [meta_codes.STATUSES[word] for word in storm.fates[phone]]
        assert kept[row["id"]].status == max(words, key=statuses.RANKS.__getitem__), storm.fates[phone]
    assert {row.delivery_id for row in kept.values()} == delivery_ids


def _check_recipients(storm: Storm) -> None:
    for row in recipients():
        fate = storm.fates[row.key]
        has_arrived = "delivered" in fate or "read" in fate
        expected = "failed" if "failed" in fate and not has_arrived else "completed"
        stages = (row.sent_at is not None, row.delivered_at is not None, row.read_at is not None)
        assert (row.status, *stages) == (expected, True, has_arrived, "read" in fate), (row.key, fate, row.key in storm.lost)
        assert (row.error_code is None) == (expected == "completed"), fate
        assert row.flow_completed == (expected == "completed"), fate


def _truth() -> dict[str, int]:
    """The counts as the rows say, those that are not 0."""
    rows = recipients()
    found = Counter(row.status for row in rows)
    truth = {"total": len(rows), "ended": sum(row.status in ENDED for row in rows)}
    truth |= {name: sum(getattr(row, f"{name}_at") is not None for row in rows) for name in ("sent", "delivered", "read")}
    truth |= {name: found[name] for name in ("completed", "failed", "skipped")}
    waited = [(row.sent_at, row.due_at) for row in rows]
    truth["processed_ms"] = sum(_milliseconds(sent, due) for sent, due in waited)
    return {name: value for name, value in truth.items() if value}


def _milliseconds(sent: datetime | None, due: datetime | None) -> int:
    return max((sent - due) // timedelta(milliseconds=1), 0) if sent and due else 0
