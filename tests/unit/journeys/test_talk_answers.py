"""A reply is read as what was asked for, or refused with a reason."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermanentError
from shared.journeys.talks import answers, showing
from shared.journeys.talks.asking import Ask
from shared.readers import UnreadableError
from tests.support.messages import message

AT = datetime(2026, 3, 2, 18, tzinfo=UTC)
CHOICE = Ask(text="x", options=({"id": "yes", "title": "Sí, claro"}, {"id": "no", "title": "No"}, "No, gracias"))  # type: ignore[arg-type]


def read(ask: Ask, text: str, choice: str | None = None, **data: object):
    """The reply as it is stored."""
    return answers.read(ask, data, text, choice=choice, zone="America/Mexico_City", at=AT)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1", "yes"),
        (" 2. ", "no"),
        ("la 2", "no"),
        ("opción 3", "no_gracias"),
        ("tres", "no_gracias"),
        ("si claro", "yes"),
        ("SÍ, CLARO!!", "yes"),
        ("no", "no"),
        ("no gracias, hoy no", "no_gracias"),
    ],
)
def test_option_by_number_or_words(text: str, found: str) -> None:
    """Its number, its title in any spelling, or a sentence with the title of one option alone."""
    assert read(CHOICE, text) == found


def test_pressed_option_counts_before_the_words() -> None:
    """The id of a button is the answer; an id that the question does not have leaves it to the words."""
    assert read(CHOICE, "No", choice="yes") == "yes"
    assert read(CHOICE, "No", choice="of another message") == "no"


@pytest.mark.parametrize("text", ["", "4", "0", "tal vez", "99", "👍"])
def test_what_is_no_option(text: str) -> None:
    """Anything else does not fit."""
    with pytest.raises(UnreadableError):
        read(CHOICE, text)


@pytest.mark.parametrize(
    ("text", "found"), [("3 personas", 3), ("1,250.50", 1250.5), ("12", 12), ("Somos 12.", 12), ("cinco", 5)]
)
def test_number(text: str, found: float) -> None:
    """A number with a unit behind it; whole ones are whole."""
    assert read(Ask(text="x", reads="number"), text) == found


@pytest.mark.parametrize("text", ["muchas", "0", "11", "", "entre 2 y 3"])
def test_number_out_of_range_or_none(text: str) -> None:
    """`least` and `most` hold."""
    with pytest.raises(UnreadableError):
        read(Ask(text="x", reads="number", least=1, most=10), text)


@pytest.mark.parametrize(
    ("text", "found"), [("5 de marzo de 2026", "2026-03-05"), ("05/03/2026", "2026-03-05"), ("mañana", "2026-03-03")]
)
def test_date(text: str, found: str) -> None:
    """A day on the person's calendar, counted from when they wrote."""
    assert read(Ask(text="x", reads="date"), text) == found


def test_email() -> None:
    """An address as it is delivered to; a text without one does not fit."""
    ask = Ask(text="x", reads="email")
    assert read(ask, " Ana@Example.com ") == "Ana@example.com"
    with pytest.raises(UnreadableError):
        read(ask, "no tengo")


def test_options_of_the_data() -> None:
    """Titles, or mappings with id and title; what cannot be shown is left out, and at most ten stay."""
    ask = Ask(text="x", options_from="days")
    listed = ["Lunes", {"id": "tue", "title": "Martes"}, {"id": "x"}, "", None, *map(str, range(20))]
    assert [one.id for one in answers.options_of(ask, {"days": listed})][:2] == ["lunes", "tue"]
    assert len(answers.options_of(ask, {"days": listed})) == 10
    assert answers.options_of(ask, {}) == ()


def test_options_of_the_data_that_would_be_a_stop_are_left_out() -> None:
    """By title or id, in any case; the rest keep their numbers one after another, and "baja" stays a stop."""
    ask = Ask(text="x", options_from="wishes")
    listed = ["Alta", "Seguir", " BAJA ", {"id": "stop", "title": "Ya no"}, {"id": "later", "title": "Más tarde"}]
    assert [one.id for one in answers.options_of(ask, {"wishes": listed})] == ["seguir", "later"]
    assert answers.wishes_among(ask, {"wishes": listed}) == 3
    assert read(ask, "2", wishes=listed) == "later"
    with pytest.raises(UnreadableError):
        read(ask, "baja", wishes=listed)
    assert answers.wishes_among(CHOICE, {}) == 0


@pytest.mark.parametrize(("listed", "shown"), [(["Baja", "Seguir"], ["Seguir"]), (["Baja", "Stop"], None), ([], None)])
def test_the_log_says_what_was_left_out(listed: list[str], shown: list[str] | None, caplog: pytest.LogCaptureFixture) -> None:
    """How many and of which field, not what stood there; where nothing is left there is nothing to ask."""
    ask, sent = Ask(text="x", options_from="wishes"), message(text="x", template="", channel="whatsapp", variables={})
    if shown is None:
        with pytest.raises(PermanentError, match="taken for a stop" if listed else "nothing to choose from"):
            showing.with_options(sent, ask, {"wishes": listed})
        return
    content = showing.with_options(sent, ask, {"wishes": listed}).content
    assert content is not None
    assert [one.title for one in content.options] == shown
    assert "1 of the options in wishes would be taken for a stop" in caplog.text
    assert "Baja" not in caplog.text


@given(st.sampled_from(["option", "text", "number", "date", "email"]), st.text(max_size=200))
def test_any_reply_is_read_or_refused(kind: str, text: str) -> None:
    """No text breaks a reader."""
    ask = CHOICE if kind == "option" else Ask(text="x", reads=kind)  # type: ignore[arg-type]
    try:
        value = read(ask, text)
    except UnreadableError:
        return
    assert isinstance(value, str | int | float)


class TestReaderOfAFlow:
    """A question that a flow reads itself."""

    def test_it_gets_what_was_written_and_what_is_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it gives back is stored."""
        seen: list[answers.Answer] = []

        def reader(answer: answers.Answer) -> str:
            seen.append(answer)
            return answer.text.upper()

        monkeypatch.setattr("shared.flows.answer_readers", lambda: {"loud": reader})
        ask = Ask(text="¿Qué?", reader="loud")
        assert answers.read(ask, {"a": 1}, "sí", choice=None, zone="Etc/UTC", at=AT) == "SÍ"
        assert (seen[0].data, seen[0].zone, seen[0].at) == ({"a": 1}, "Etc/UTC", AT)

    def test_without_its_flow_nothing_fits(self) -> None:
        """The flow was removed while the question was out: after the retries a person reads the answer."""
        with pytest.raises(UnreadableError, match="no reader gone"):
            answers.read(Ask(text="¿Qué?", reader="gone"), {}, "sí", choice=None, zone="Etc/UTC", at=AT)
