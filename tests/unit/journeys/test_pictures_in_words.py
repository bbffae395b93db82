"""A picture speaks English, unless it is handed the speech of its reader."""

from datetime import UTC, datetime
from functools import partial

import pytest

from shared.console import phrases
from shared.journeys import load, picture
from shared.journeys.forecast_lines import Line
from shared.journeys.speech import ENGLISH, Speech
from shared.journeys.talks.definition import TalkingFlow
from tests.support.talks import SURVEY

SPANISH = Speech(words=partial(phrases.shown, "es"), title=str.upper, locale="es_MX")
MONDAY = datetime(2026, 3, 2, 15, tzinfo=UTC)


def line(person: str, at: datetime = MONDAY, what: str = "goes", reason: str | None = None) -> Line:
    facts = {"step": "welcome", "channel": "email", "template": "lead_welcome", "zone": "UTC"}
    return Line(person=person, due_at=at, goes_at=at, what=what, reason=reason, **facts)


@pytest.mark.parametrize(
    ("speech", "words"),
    [
        (ENGLISH, ["Follow: who gets what and when", "Mon 02 Mar", "goes", "skipped", "and 1 more person<", "quiet-hours"]),
        (
            SPANISH,
            ["Follow: quién recibe qué y cuándo", "lun 02 mar", "sale", "no enviada", "y 1 persona más<", "espera"],
        ),
    ],
    ids=["English", "Spanish"],
)
def test_forecast_in_words(speech: Speech, words: list[str]) -> None:
    """The title, the legend, the days, why something is moved, and who is left out."""
    lines = [line(f"lead:{number}") for number in range(picture.MOST_ROWS)]
    lines += [line("lead:0", MONDAY.replace(month=4), "moved", "quiet-hours"), line("lead:last")]
    drawn = picture.draw("Follow", lines, speech)
    assert [word for word in words if word not in drawn] == []


def test_one_left_out_and_several() -> None:
    lines = [line(f"lead:{number}") for number in range(picture.MOST_ROWS + 2)]
    assert "y 2 personas más" in picture.draw("Follow", lines, SPANISH)


@pytest.mark.parametrize(
    ("speech", "words"),
    [
        (ENGLISH, ["Encuesta: steps and branches", "no reply in 12h", "Mon 02 Mar 15:00"]),
        (SPANISH, ["ENCUESTA: pasos y ramas", "sin respuesta en 12h", "lun 02 mar 15:00"]),
    ],
    ids=["English", "Spanish"],
)
def test_talk_in_words(speech: Speech, words: list[str]) -> None:
    """The title, the ways that lead on, the times; what people are asked stays as it is written."""
    flow = load.parse(SURVEY)
    assert isinstance(flow, TalkingFlow)
    first = line("lead:1")
    drawn = picture.picture_of(flow, [Line(**{**first.__dict__, "step": flow.steps[0].id})], speech)
    assert [word for word in words if word not in drawn] == []
