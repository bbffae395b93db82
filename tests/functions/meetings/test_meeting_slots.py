"""When a meeting may be: on the clocks of all, through changes of summer time, and never where somebody is busy."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from functions.meetings.requests import PreferredTime
from functions.meetings.slots import (
    FIRST_AVAILABLE,
    HIGH,
    LOW,
    MULTIPLE_OPTIONS,
    PREFERRED_MATCH,
    Person,
    Rules,
    Wish,
    find,
    select,
    spans,
)
from shared.vendors.calendars.entries import Interval

MEXICO, TOKYO, MADRID, NEW_YORK = map(ZoneInfo, ("America/Mexico_City", "Asia/Tokyo", "Europe/Madrid", "America/New_York"))
MONDAY = datetime(2026, 11, 30, 16, tzinfo=UTC)  # 10:00 in Mexico City
ANA, LUIS = Person(address="ana", zone=MEXICO), Person(address="luis", zone=MEXICO)
FREE = {"ana": [], "luis": []}
RULES = Rules()


def wish(**more) -> Wish:
    """Half an hour, in Mexico City."""
    return Wish(**{"minutes": 30, "zone": MEXICO} | more)


def locals_of(slots, zone=MEXICO) -> list[str]:
    """The beginnings, as a clock there shows them."""
    return [one.start.astimezone(zone).strftime("%a %H:%M") for one in slots]


def test_first_slot_is_the_next_working_day_at_opening() -> None:
    """Days count from tomorrow, as there."""
    found = find(wish(), [ANA, LUIS], FREE, RULES, MONDAY)
    assert locals_of(found)[0] == "Tue 09:00"
    assert locals_of(found)[1] == "Tue 09:30"
    assert all(one.confidence == HIGH for one in found)


def test_where_no_calendar_is_known_slots_are_hours_apart() -> None:
    """Every two hours, or three for a long meeting; all of low confidence."""
    found = find(wish(), [ANA, LUIS], {}, RULES, MONDAY)
    assert locals_of(found)[:6] == ["Tue 09:00", "Tue 11:00", "Tue 13:00", "Tue 15:00", "Tue 17:00", "Wed 09:00"]
    assert {one.confidence for one in found} == {LOW}
    assert locals_of(find(wish(minutes=60), [ANA], {}, RULES, MONDAY))[:3] == ["Tue 09:00", "Tue 12:00", "Tue 15:00"]


def test_a_calendar_that_could_not_be_read_is_unknown_and_never_free() -> None:
    """The slot says whose it is; the others' busy times count all the same."""
    nine = Interval(MONDAY.replace(day=1, month=12, hour=15), MONDAY.replace(day=1, month=12, hour=16))
    found = find(wish(), [ANA, LUIS], {"ana": [nine], "luis": None}, RULES, MONDAY)
    assert locals_of(found)[0] == "Tue 10:00"
    assert {one.unknown for one in found} == {("luis",)}
    assert {one.confidence for one in found} == {LOW}


def test_weekends_and_holidays_are_left_out() -> None:
    """Each of the holidays of whoever keeps it."""
    bank = Person(address="luis", zone=MEXICO, holidays={date(2026, 12, 1)})
    assert locals_of(find(wish(), [ANA, bank], FREE, RULES, MONDAY))[0] == "Wed 09:00"
    days = {one.start.astimezone(MEXICO).weekday() for one in find(wish(), [ANA], FREE, RULES, MONDAY)}
    assert days == set(range(5))


def test_hours_are_those_of_everybody() -> None:
    """Madrid is seven hours ahead: Mexico's morning before Madrid's evening. With Tokyo there is no hour at all."""
    far = Person(address="luis", zone=MADRID)
    found = find(wish(), [ANA, far], FREE, Rules(opens=time(8), closes=time(18)), MONDAY)
    assert set(locals_of(found)) <= {
        f"{day} {at}"
        for day in ("Mon", "Tue", "Wed", "Thu", "Fri")
        for at in ("08:00", "08:30", "09:00", "09:30", "10:00", "10:30")
    }
    assert found
    assert not find(wish(), [ANA, Person(address="x", zone=TOKYO)], {"ana": [], "x": []}, RULES, MONDAY)


def test_buffers_are_kept_free() -> None:
    """Before and after; the first begins a buffer after the opening, as there."""
    rules = Rules(buffer=timedelta(minutes=5))
    busy = Interval(datetime(2026, 12, 1, 15, 38, tzinfo=UTC), datetime(2026, 12, 1, 16, tzinfo=UTC))
    found = find(wish(), [ANA], {"ana": [busy]}, rules, MONDAY)
    assert locals_of(found)[0] == "Tue 10:05"
    assert locals_of(find(wish(), [ANA], {"ana": []}, rules, MONDAY))[0] == "Tue 09:05"


def test_day_counts_ten_and_time_five() -> None:
    """Best first, then earliest; a liked time is tried though it is not on the grid."""
    liked = wish(days=(date(2026, 12, 3), date(2026, 12, 3)), times=(PreferredTime(hour=14, minute=10),))
    chosen = select(find(liked, [ANA], {"ana": []}, RULES, MONDAY), liked)
    assert chosen.reason == PREFERRED_MATCH
    assert locals_of([chosen.best]) == ["Thu 14:10"]
    assert [one.score for one in chosen.kept] == [15] + [10] * 9
    assert len(chosen.options) == 3
    assert len(chosen.alternatives) == 5


def test_without_a_match_the_first_is_taken() -> None:
    """The reason says so; several options lie hours apart."""
    found = find(wish(several=True), [ANA], {"ana": []}, RULES, MONDAY)
    assert select(found, wish(several=True)).reason == MULTIPLE_OPTIONS
    chosen = select(found, wish())
    assert chosen.reason == FIRST_AVAILABLE
    assert locals_of(chosen.options) == ["Tue 09:00", "Tue 11:00", "Tue 13:00"]
    assert not set(chosen.options) & set(chosen.alternatives)


def test_nothing_is_found_where_all_is_busy() -> None:
    """No best one, and no options."""
    always = Interval(MONDAY - timedelta(days=1), MONDAY + timedelta(days=40))
    chosen = select(find(wish(), [ANA], {"ana": [always]}, RULES, MONDAY), wish())
    assert (chosen.best, chosen.options) == (None, ())


def test_a_day_far_ahead_is_looked_at_by_itself() -> None:
    """The calendars are asked for two stretches, neither longer than Graph takes."""
    far = wish(days=(date(2027, 3, 1), date(2027, 3, 2)))
    asked = spans(far, RULES, MONDAY)
    assert len(asked) == 2
    assert all(one.end - one.start <= timedelta(days=62) for one in asked)
    best = select(find(far, [ANA], {"ana": []}, RULES, MONDAY), far).best
    assert best.start.astimezone(MEXICO).date() == date(2027, 3, 1)


def test_clock_that_is_set_forward_skips_an_hour() -> None:
    """New York, 8 March 2026: there is no 02:30, and what begins at 01:30 ends at 03:00."""
    rules = Rules(opens=time(0), closes=time(5), days=frozenset(range(7)))
    ana = Person(address="ana", zone=NEW_YORK)
    found = find(wish(zone=NEW_YORK), [ana], {"ana": []}, rules, datetime(2026, 3, 7, 12, tzinfo=UTC))
    walls = [text for text in locals_of(found, NEW_YORK) if text.startswith("Sun")][:6]
    assert walls == ["Sun 00:00", "Sun 00:30", "Sun 01:00", "Sun 01:30", "Sun 03:00", "Sun 03:30"]


ZONES = st.sampled_from(("America/Mexico_City", "America/New_York", "Europe/Madrid", "America/Santiago", "Asia/Kolkata"))
NOWS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
BUSY = st.lists(st.tuples(st.integers(0, 20 * 96), st.integers(1, 40)), max_size=25)


@given(NOWS, ZONES, ZONES, st.sampled_from((15, 30, 60, 240)), st.sampled_from((0, 5, 30)), BUSY)
def test_every_slot_suits_everybody(now, mine, theirs, minutes, buffer, busy) -> None:
    """Whatever the zones, the day of the year and the appointments: the buffer included it is in hours, and meets nothing."""
    rules, step = Rules(buffer=timedelta(minutes=buffer)), timedelta(minutes=15)
    taken = [Interval(now + start * step, now + (start + length) * step) for start, length in busy]
    people = [Person(address="a", zone=ZoneInfo(mine)), Person(address="b", zone=ZoneInfo(theirs))]
    found = find(wish(minutes=minutes, zone=ZoneInfo(mine)), people, {"a": taken, "b": []}, rules, now)
    assert found == sorted(found, key=lambda one: one.start)
    for slot in found:
        whole = Interval(slot.start - rules.buffer, slot.end + rules.buffer)
        assert slot.end - slot.start == timedelta(minutes=minutes)
        assert slot.start >= now + rules.notice
        assert not any(whole.meets(one) for one in taken)
        for person in people:
            start, end = whole.start.astimezone(person.zone), whole.end.astimezone(person.zone)
            assert time(9) <= start.time() <= end.time() <= time(18)
            assert start.date() == end.date()
            assert start.weekday() < 5
