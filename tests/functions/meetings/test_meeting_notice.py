"""What else is known of meetings: the team's channel reads of each change once, and each request counts for the metrics."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared import clock
from shared.settings import get_settings
from shared.store.figure_models import EventHour
from shared.store.session import reading
from shared.watch import flow_figures, metrics
from tests.support.calendars import Office
from tests.support.meetings import MARIA, Desk, options_of
from tests.support.world import LOCAL_KEY
from tests.unit.web.calls import Api


@pytest.fixture
def channel(environment: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the team's channel reads, from now on."""
    found: list[str] = []
    environment.setattr("shared.vendors.slack.post", found.append)
    environment.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.example/services/1")
    environment.setenv("MEETINGS_SLACK", "true")
    get_settings.cache_clear()
    yield found
    get_settings.cache_clear()


def test_channel_reads_of_each_change_once(desk: Desk, channel: list[str]) -> None:
    """Booked, moved, cancelled, each with its own time; nothing of a meeting that nobody has chosen a time for."""
    desk.ask()
    assert channel == []
    start = options_of(desk.open(desk.url(MARIA)))[0]
    desk.press(desk.url(MARIA), do="choose", start=start.isoformat())
    desk.do("POST", f"/{desk.meeting.id}/reschedule", body={"start": (start + timedelta(days=1)).isoformat()})
    desk.do("POST", f"/{desk.meeting.id}/cancel")
    words = [text.splitlines()[0] for text in channel]
    assert words == ["Reunión confirmada: Seguimiento", "Reunión movida: Seguimiento", "Reunión cancelada: Seguimiento"]
    assert "Personas: 2" in channel[0]
    assert not any(MARIA in text for text in channel)


def test_channel_reads_of_what_changes_in_the_calendar(office: Office, channel: list[str]) -> None:
    """Once, when the event is written; and when the organizer moves or deletes it there."""
    office.ask()
    office.receive(copies=2)
    later = office.meeting.starts_at + timedelta(days=1)
    office.by_hand("move_event", start=later.isoformat(), end=(later + timedelta(minutes=30)).isoformat())
    office.receive(copies=2)
    office.by_hand("delete_event")
    office.receive(copies=2)
    assert [text.split(":")[0] for text in channel] == ["Reunión confirmada", "Reunión movida", "Reunión cancelada"]


def test_without_the_switch_nothing_is_posted(desk: Desk, channel: list[str], environment: pytest.MonkeyPatch) -> None:
    """The channel is everybody's, and a meeting's subject may not be for everybody."""
    environment.delenv("MEETINGS_SLACK")
    get_settings.cache_clear()
    desk.ask()
    start = options_of(desk.open(desk.url(MARIA)))[0]
    desk.press(desk.url(MARIA), do="choose", start=start.isoformat())
    assert channel == []


def test_requests_count_for_the_metrics(desk: Desk) -> None:
    """Each that was kept, under the names of the replaced system too; not one that is refused, or comes again."""
    body = {"organizer_email": "juan@example.com", "attendees": [MARIA], "subject": "Uno"}
    for _ in range(2):
        answer = Api()("POST", "/api/v1/meetings", key=LOCAL_KEY, body=body, headers={"Idempotency-Key": "k-1"})
        assert answer.status == 202
    desk.ask(409, subject="Uno")
    desk.ask(422, organizer_email="x")
    desk.ask(subject="Dos")
    assert flow_figures.by_flow()["meetings"].executions == 2
    assert 'kestra_flows_executions_total{flow="meetings"} 2' in metrics.page()
    with reading() as session:
        rows = session.query(EventHour).all()
    assert [(row.type, row.handled) for row in rows] == [("meeting_scheduler_automatic", 2)]
    assert rows[0].hour == flow_figures.hour_of(clock.now())
