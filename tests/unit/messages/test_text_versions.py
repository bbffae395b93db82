"""Texts that were edited in the console: which one goes out, what is refused, and that nobody overwrites somebody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared.crm import editing
from shared.errors import RefusedError, UnavailableError
from shared.messages import notion_templates, sending, template_sources, templates, text_checks, text_uses, text_versions
from shared.messages.notion_templates import TemplatePage
from shared.messages.templates import Template
from shared.messages.text_versions import Wording
from shared.settings import get_settings
from shared.store.models import ActionLog
from shared.store.session import reading, transact
from shared.store.text_models import TextUse, TextVersion

NAME = "broadcast_news"
NEW = "Hola, {{ first_name }}: {{ text }}\nSi no quieres más, responde BAJA."

pytestmark = pytest.mark.usefixtures("database")


def publish(text: str = NEW, after: int = 0, name: str = NAME) -> TextVersion:
    """Publish a text as somebody else's process would: this one is not asked to look anew."""
    file = template_sources.of_repository(name)
    wording = Wording(subject=file.subject, text=text, html=file.html)
    return editing.committed(lambda session: text_versions.publish(session, file, wording, after, "key:olga"))


def restore(number: int, after: int) -> TextVersion:
    file = template_sources.of_repository(NAME)
    return editing.committed(lambda session: text_versions.restore(session, file, number, after, "key:olga"))


def test_newest_version_goes_before_the_file_within_a_minute(test_clock) -> None:
    """Another process goes on with what it knows for half a minute, and then sends the new text."""
    before = template_sources.load(NAME)
    publish()
    assert template_sources.load(NAME) == before
    test_clock.advance(seconds=text_versions.FRESH.total_seconds())
    after = template_sources.load(NAME)
    assert (after.text, after.version, after.content_variables) == (NEW, 1, before.content_variables)
    assert timedelta(minutes=1) > text_versions.FRESH


def test_one_click_brings_an_earlier_version_or_the_file_back() -> None:
    """As a new version, so that the history stays whole; the file means whatever is deployed."""
    publish()
    publish(NEW + " Gracias.", after=1)
    assert (restore(1, 2).number, template_sources.load(NAME).text) == (3, NEW)
    restore(0, 3)
    text_versions.forget()
    assert template_sources.load(NAME) == template_sources.of_repository(NAME)
    with reading() as session:
        rows = session.scalars(select(TextVersion).order_by(TextVersion.number)).all()
        assert [(row.number, row.restored, row.is_file) for row in rows] == [
            (1, None, False),
            (2, None, False),
            (3, 1, False),
            (4, 0, True),
        ]
        assert session.query(ActionLog).filter(ActionLog.subject == f"text:{NAME}:es").count() == 4


def test_whoever_comes_second_is_refused() -> None:
    """Two began at the same version: the second looks again and overwrites nothing."""
    publish()
    with pytest.raises(RefusedError) as refusal:
        publish("otra cosa {{ text }} {{ first_name }} BAJA", after=0)
    assert (refusal.value.status, refusal.value.reason) == (409, "text-changed")


def test_number_is_taken_once_whatever_the_check_has_seen() -> None:
    """The key of the table refuses what slips through between check and insertion."""
    publish()
    row = {"name": NAME, "locale": "es", "number": 1, "actor": "x"}
    with pytest.raises(RefusedError) as refusal:
        editing.committed(lambda session: session.add(TextVersion(**row)))
    assert refusal.value.status == 409


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hola {{ first_name }} {{ apellido }} {{ text }} BAJA", "apellido is not given to this text"),
        ("Hola {{ first_name }}. {{ text }}", "the word BAJA is missing"),
        ("Hola {{ first_name }}, solo hoy: {{ text }} BAJA", "“hoy” is true on one day only"),
        ("  ", "must not be empty"),
        ("{{ first_name BAJA", "cannot be read"),
        ("{{ first_name.nope.nope }} BAJA", "cannot be read"),
        ("BAJA {{ first_name }} " + "x" * 1600, "whatsapp takes 1600"),
    ],
)
def test_edit_is_checked_as_a_file_is(text: str, message: str) -> None:
    """Nothing is kept of what could not go out."""
    with pytest.raises(RefusedError) as refusal:
        publish(text)
    assert message in refusal.value.errors[0].message
    with reading() as session:
        assert session.scalars(select(TextVersion)).all() == []


def test_variable_that_may_be_missing_is_asked_for() -> None:
    """With `is defined` a text may name what it is not always given."""
    publish("Hola {{ first_name }}{% if apellido is defined %} {{ apellido }}{% endif %}: {{ text }} BAJA")
    assert template_sources.load(NAME).version == 1


def test_every_file_passes_its_own_checks() -> None:
    """What the repository holds could be published as it is."""
    from shared.messages import templates

    for name in templates.names():
        file = template_sources.of_repository(name)
        assert (name, text_checks.faults(file, file)) == (name, [])


def test_version_that_does_not_go_with_its_file_any_more_is_left_aside(caplog) -> None:
    """A deployment has renamed a variable: the file's text goes out, and the log says so."""
    publish()
    with reading() as session:
        row = session.scalars(select(TextVersion)).one()
    transact(lambda session: setattr(session.get_one(TextVersion, row.id), "text", "{{ renamed }} BAJA"))
    assert template_sources.load(NAME).version == 0
    assert "does not go with its file any more" in caplog.text


def test_notion_goes_before_what_was_published() -> None:
    """Where its page has gone the published version holds, not the file."""
    name = "assessment_email_2"
    file = template_sources.of_repository(name)
    publish(file.text, name=name)
    notion_templates.forget()
    page = TemplatePage("Asunto", "<p>Hola {{ first_name }}</p>")
    found = notion_templates.load(name, None, "db1", lambda _database, _name: page)
    assert (found.html, found.version) == (page.html, 0)
    notion_templates.forget()
    assert notion_templates.load(name, None, "db1", lambda _database, _name: None).version == 1
    notion_templates.forget()

    def down(_database: str, _name: str) -> TemplatePage | None:
        raise UnavailableError("down")

    assert notion_templates.load(name, None, "db1", down).version == 1


def test_delivery_says_which_version_went_out() -> None:
    """Where nobody has edited a text nothing is added."""
    publish()
    assert sending._version(template_sources.load(NAME)) == {"text_version": 1}
    assert sending._version(template_sources.of_repository(NAME)) == {}


def test_use_is_noted_once_in_ten_minutes(test_clock) -> None:
    """A million messages write a few rows."""
    template = template_sources.load(NAME)

    def noted() -> list[object]:
        with reading() as session:
            return list(session.scalars(select(TextUse.last_used_at)))

    text_uses.note(template)
    first = noted()
    test_clock.advance(minutes=5)
    text_uses.note(template)
    assert noted() == first
    test_clock.advance(minutes=6)
    text_uses.note(template)
    assert noted() != first
    assert len(noted()) == 1


def written(locale: str, text: str, number: int = 1) -> None:
    """A version in a language for which the repository has no file."""
    row = TextVersion(name=NAME, locale=locale, number=number, text=text, actor="key:olga")
    transact(lambda session: session.add(row))
    text_versions.forget()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("en", "en"), ("en-US", "en"), ("es", "es"), ("es-MX", "es"), ("fr", "es"), (None, "es")],
)
def test_version_in_a_language_without_a_file_goes_to_whoever_is_written_to_in_it(asked, expected) -> None:
    """And to nobody else."""
    written("en", "Hi {{ first_name }}: {{ text }} STOP")
    assert template_sources.load(NAME, asked).locale == expected


def test_default_language_may_be_one_without_a_file(environment) -> None:
    """Whoever sends without naming a language gets it; the file's language is still there for those who ask for it."""
    written("en", "Hi {{ first_name }}: {{ text }} STOP")
    environment.setenv("DEFAULT_LOCALE", "en")
    get_settings.cache_clear()
    assert (template_sources.load(NAME).locale, template_sources.load(NAME, "es").locale) == ("en", "es")


def test_version_that_says_nothing_of_its_own_any_more_leaves_the_other_language() -> None:
    """What was written in a language was taken back there."""
    written("en", "Hi {{ first_name }}: {{ text }} STOP")
    file = replace(template_sources.of_repository(NAME, "en"), locale="en")
    editing.committed(lambda session: text_versions.restore(session, file, 0, 1, "key:olga"))
    text_versions.forget()
    assert (template_sources.load(NAME, "en").locale, template_sources.load(NAME, "en").version) == ("es", 0)


def test_text_that_notion_does_not_have_goes_by_the_same_languages() -> None:
    """A journey that takes its texts from there is no exception."""
    written("en", "Hi {{ first_name }}: {{ text }} STOP")
    found = notion_templates.load(NAME, "en", "db", lambda _database, _name: None)
    assert (found.locale, found.version) == ("en", 1)


def test_dates_and_the_way_out_are_in_the_language_of_the_text() -> None:
    """Also where the text was written here alone."""
    text = Template(
        name="n", locale="en", channels=("email",), kind="marketing", text="On {{ '2026-03-05T16:00:00Z' | long_date('UTC') }}"
    )
    rendered = templates.render(text, {}, unsubscribe_url="https://u.example")
    assert rendered.text.startswith("On Thursday 5 March")
    assert "unsubscribe here: https://u.example" in rendered.text
    framed = replace(text, text="", html='{% extends "_mail.html" %}{% block body %}<p>Hi</p>{% endblock %}')
    assert "unsubscribe here" in templates.render(framed, {}, unsubscribe_url="https://u.example").html
