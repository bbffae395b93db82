"""What a request may say, and the codes for what is wrong with it."""

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.meetings.requests import InvalidRequestError, MeetingRequest, PreferredTime, read, read_times

ZONE = "America/Mexico_City"


def asked(**more: Any) -> MeetingRequest:
    """A good request with something else in it."""
    return read({"organizer_email": "juan@example.com", "attendees": ["maria@example.com"], "subject": "1:1", **more}, ZONE)


def errors(**more: Any) -> tuple[str, ...]:
    """The codes of a request that is refused."""
    with pytest.raises(InvalidRequestError) as caught:
        asked(**more)
    return caught.value.errors


def test_request_has_the_defaults_of_the_replaced_flow() -> None:
    """30 minutes, Mexico City, confirmed at once."""
    wanted = asked()
    assert (wanted.minutes, wanted.zone, wanted.auto_confirm, wanted.asks_first) == (30, ZONE, True, False)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"organizer_email": "juan"}, "invalid_organizer_email"),
        ({"organizer_email": None}, "invalid_organizer_email"),
        ({"attendees": []}, "no_attendees"),
        ({"attendees": [f"a{number}@example.com" for number in range(51)]}, "too_many_attendees_max_50"),
        ({"duration_minutes": 14}, "invalid_duration_must_be_between_15_and_480_minutes"),
        ({"duration_minutes": 481}, "invalid_duration_must_be_between_15_and_480_minutes"),
        ({"duration_minutes": "soon"}, "invalid_duration_must_be_between_15_and_480_minutes"),
        ({"duration_minutes": True}, "invalid_duration_must_be_between_15_and_480_minutes"),
        ({"subject": "  "}, "missing_subject"),
        ({"attendees": ["nobody"]}, "no_valid_attendees_after_validation"),
        ({"attendees": "juan@example.com"}, "no_valid_attendees_after_validation"),
        ({"timezone": "Mexico"[:3]}, "invalid_timezone"),
    ],
)
def test_codes_are_those_of_the_replaced_flow(more: dict[str, Any], code: str) -> None:
    """Programs look for them."""
    assert errors(**more) == (code,)


def test_all_errors_are_told_at_once() -> None:
    """As there."""
    found = errors(organizer_email="x", attendees=[], duration_minutes=1, subject="")
    assert len(found) == 4


@pytest.mark.parametrize("minutes", [15, "480", 30.0])
def test_durations_at_the_edges_are_taken(minutes: Any) -> None:
    """As number or text."""
    assert 15 <= asked(duration_minutes=minutes).minutes <= 480


def test_attendees_are_mended_with_warnings() -> None:
    """A text with commas; in lower case, each once, without the organizer and what is no address."""
    wanted = asked(attendees="Maria@Example.com, maria@example.com; JUAN@example.com, nobody")
    assert [one.address for one in wanted.attendees] == ["maria@example.com"]
    assert wanted.warnings == ("organizer_in_attendees_list_removed", "invalid_emails_removed_1")


def test_attendees_may_say_their_zone() -> None:
    """One that is none is left out, and said."""
    people = [{"email": "a@x.example", "timezone": "Asia/Tokyo", "name": "Aya"}, {"email": "b@x.example", "timezone": "Moon"}]
    wanted = asked(attendees=people)
    assert [(one.zone, one.name) for one in wanted.attendees] == [("Asia/Tokyo", "Aya"), (None, None)]
    assert "invalid_timezones_ignored_1" in wanted.warnings


def test_long_subject_is_cut() -> None:
    """With a warning; an emoji counts as two."""
    wanted = asked(subject="☀" * 150 + "😀" * 100)
    assert len(wanted.subject.encode("utf-16-le")) // 2 == 200
    assert "subject_too_long_truncated" in wanted.warnings


def test_title_stands_for_the_subject() -> None:
    """And the usual word for both."""
    assert asked(subject=None, title="Plan").subject == "Plan"
    assert asked(subject=None).subject == "Reunión"


@pytest.mark.parametrize("how", ["send_multiple_options", "require_confirmation"])
def test_somebody_may_want_to_be_asked_first(how: str) -> None:
    """By any of the three switches."""
    assert asked(**{how: "true"}).asks_first
    assert asked(auto_confirm=False).asks_first


def test_days_are_a_day_or_a_range() -> None:
    """What cannot be read is ignored, and said."""
    assert asked(preferred_date="2026-12-04").preferred_days == (date(2026, 12, 4), date(2026, 12, 4))
    wanted = asked(preferred_date_range={"start": "2026-12-04", "end": "2026-12-09"})
    assert wanted.preferred_days == (date(2026, 12, 4), date(2026, 12, 9))
    assert asked(preferred_date="soon").warnings == ("invalid_preferred_date_ignored",)
    assert asked(preferred_date_range={"start": "2026-12-09", "end": "2026-12-04"}).preferred_days is None


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [("14:00", 14, 0), ("9", 9, None), ("2 pm", 14, None), ("12 am", 0, None), ("16:30:00", 16, 30), ("10h", 10, None)],
)
def test_times_of_day_are_read_as_people_write_them(text: str, hour: int, minute: int | None) -> None:
    """An hour alone is any minute of it."""
    assert read_times([text], []) == (PreferredTime(hour=hour, minute=minute),)


def test_times_that_are_none_are_counted() -> None:
    """And do not count."""
    warnings: list[str] = []
    assert read_times(["25:00", "noon", 14, None], warnings) == (PreferredTime(hour=14),)
    assert warnings == ["invalid_preferred_times_removed_3"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = (
    *("organizer_email", "attendees", "subject", "title", "duration_minutes", "timezone", "preferred_date", "description"),
    *("preferred_times", "preferred_date_range", "auto_confirm", "location", "send_multiple_options"),
)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_is_sent_is_read_or_refused(more: dict[str, Any]) -> None:
    """Nothing else is raised."""
    with suppress(InvalidRequestError):
        wanted = asked(**more)
        assert wanted.attendees
        assert wanted.organizer not in {one.address for one in wanted.attendees}
