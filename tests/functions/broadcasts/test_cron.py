"""Cron expressions: what is read, in which words it is said, what is refused."""

from datetime import date

import pytest

from functions.broadcasts import cron


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 13 * 5", "at 09:00, on day 13 of the month or on Friday"),
        ("30 8,18 * * MON-FRI", "at 08:30 and 18:30, on Monday, Tuesday, Wednesday, Thursday and Friday"),
        ("*/10 * * * *", "at 0, 10, 20, 30, 40 and 50 minutes past the hour"),
        ("* * * * *", "every minute"),
        (
            "*/20 9-17 1-3,9 JAN *",
            "at 0, 20 and 40 minutes past the hour, in the hours 9-17, on day 1-3 and 9 of the month, in January",
        ),
    ],
)
def test_expression_is_said_in_words(expression: str, words: str) -> None:
    """The words say "or" where both day fields are written, for people read them as "and"."""
    assert cron.read(expression).in_words() == words


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("0 9 * *", "five fields"),
        ("0 0 9 * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 9 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 9 0 * *", "day of the month"),
        ("0 9 * 13 *", "month"),
        ("0 9 * * 8", "day of the week"),
        ("0 9 * * FRY", "day of the week"),
        ("*/0 9 * * *", "a step is"),
        ("1,,2 9 * * *", "minute"),
        ("-5 9 * * *", "minute"),
        ("5- 9 * * *", "minute"),
        ("² 9 * * *", "minute"),
        ("0 9 * * " + "1," * 200 + "1", "five fields"),
    ],
)
def test_refused_expression_names_its_field(expression: str, complaint: str) -> None:
    """What cannot be read is refused with the field that is to blame."""
    with pytest.raises(ValueError, match=complaint):
        cron.read(expression)


def test_open_step_of_weekdays_does_not_take_sunday_twice() -> None:
    """`1/2` is Monday, Wednesday, Friday: 7 is Sunday, and the week ends on Saturday."""
    assert cron.read("0 9 * * 1/2").weekdays == {1, 3, 5}
    assert not cron.read("0 9 * * 1/2").fits(date(2027, 3, 7))
