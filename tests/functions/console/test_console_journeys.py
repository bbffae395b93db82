"""Journeys in the console: what each step would do and has done, versions with their difference, and the pause."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from shared import clock
from shared.console import words
from shared.journeys import figures, load
from shared.store import session as store
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyVersion
from shared.store.session import transact
from tests.functions.console.browser import Browser
from tests.functions.console.test_console_spanish import AS_TYPED, ENGLISH

NAME = "lead_followup"
PAGE = f"/console/journeys/{NAME}"


def entered(states: dict[str, str], number: int = 1, standing: str = "active") -> None:
    """So many people whose steps stand so, by the version that is in force."""

    def work(session: Any) -> None:
        running = load.journey(NAME)
        row = session.query(JourneyVersion).filter(JourneyVersion.hash == running.version()).one_or_none()
        if row is None:
            row = JourneyVersion(journey=NAME, hash=running.version(), definition=running.dumped())
            session.add(row)
            session.flush()
        for _ in range(number):
            now, key = clock.now(), f"{standing}{session.query(Enrolment).count()}"
            one = Enrolment(journey=NAME, version_id=row.id, person=f"lead:{key}", enrol_key=key, state=standing, anchor_at=now)
            one.data_at = one.counted_until = now
            session.add(one)
            session.flush()
            session.add_all([EnrolmentStep(enrolment_id=one.id, step=step, state=state) for step, state in states.items()])

    transact(work)


def first_step() -> str:
    return load.journey(NAME).steps[0].id


def test_steps_say_what_would_happen_and_what_did(viewer):
    """By the figures of the job: who is there now, and what became of those before, with their share."""
    entered({first_step(): "waiting"})
    entered({first_step(): "sent"}, number=3, standing="completed")
    entered({first_step(): "skipped"}, standing="exited")
    assert "not counted yet" in viewer.get(PAGE).words
    assert figures.count_all() == len(load.definitions())
    shown = viewer.get(PAGE)
    assert "waits for its date: 1" in shown.words
    assert "not sent: 1 (25" in shown.words
    assert "sent: 3 (75" in shown.words
    assert "completed: 3" in viewer.get("/console/journeys").words


def test_pages_count_no_steps(viewer):
    """However many people are in it, a view reads the figures that a job has kept."""
    entered({first_step(): "waiting"})
    figures.count_all()
    asked: list[str] = []
    engine = store.get_engine()

    def note(_connection, _cursor, statement, *_rest) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        viewer.get("/console/journeys")
        viewer.get(PAGE)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) > 2
    assert [one for one in asked if "enrolment_steps" in one or ("GROUP BY" in one and "enrolments" in one)] == []


def test_counting_again_changes_nothing_but_the_time(viewer, test_clock):
    """A second run of the job, or one that died before, is harmless."""
    entered({first_step(): "waiting"})
    figures.count_all()
    with store.reading() as session:
        first = figures.of(session, [NAME])[NAME]
    test_clock.advance(minutes=5)
    figures.count_all()
    with store.reading() as session:
        second = figures.of(session, [NAME])[NAME]
    assert (second.now, second.newest, second.people) == (first.now, first.newest, first.people)
    assert second.as_of - first.as_of == timedelta(minutes=5)


def test_a_journey_in_which_nobody_is_costs_no_statement(viewer):
    """However many journeys there are, only those that somebody entered are counted; the others are known to be empty."""
    entered({first_step(): "waiting"})
    figures.count_all()
    asked: list[str] = []
    engine = store.get_engine()
    event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_rest: asked.append(statement))
    figures.count_all()
    assert len([one for one in asked if "GROUP BY" in one]) == 3  # by state, and the steps of now and of the newest
    with store.reading() as session:
        kept = figures.of(session, sorted(load.definitions()))
    assert {name for name, one in kept.items() if one.entered} == {NAME}
    assert len(kept) == len(load.definitions()) > 1


def test_versions_show_their_difference(viewer):
    """Against the one before, and against the definition by which people enter now."""
    running = load.journey(NAME).dumped()
    earlier = running | {"title": "Antes", "steps": running["steps"][1:]}

    def work(session: Any) -> None:
        session.add(JourneyVersion(journey=NAME, hash="a" * 40, definition=earlier))
        session.flush()
        session.add(JourneyVersion(journey=NAME, hash=load.journey(NAME).version(), definition=running))

    transact(work)
    shown = viewer.get(PAGE)
    assert f"{PAGE}/versions/1" in shown.links()
    old = viewer.get(f"{PAGE}/versions/1")
    assert "<del>title: Antes</del>" in old.text
    assert "What it changed" not in old.words
    new = viewer.get(f"{PAGE}/versions/2")
    assert "What it changed" in new.words
    assert "Nothing: it says the same." in new.words
    assert "in force" in new.words
    assert viewer.get(f"{PAGE}/versions/9").status == 404


@pytest.mark.parametrize("name", [NAME, "encuesta_de_interes"])
def test_picture_is_drawn(viewer: Browser, name: str) -> None:
    """Of a journey with a plan, and of one that talks."""
    shown = viewer.get(f"/console/journeys/{name}/picture")
    assert shown.headers["content-type"].startswith("image/svg+xml")
    assert "<svg" in shown.text


@pytest.mark.parametrize("name", [NAME, "booking", "encuesta_de_interes"])
def test_picture_is_in_the_language_of_the_reader(console: None, name: str) -> None:
    """Its title and legend, its labels, and why something does not go out; days as well."""
    english, spanish = (
        Browser(language=language).signed_in("vera-key").get(f"/console/journeys/{name}/picture").text
        for language in ("en", "es")
    )
    assert words_of(english) & ENGLISH
    assert not words_of(spanish) & (ENGLISH | {"goes", "moved", "sent", "skipped", "somebody"})
    assert words.declared("en", words.JOURNEY, load.journey(name).title) in english
    assert words.declared("es", words.JOURNEY, load.journey(name).title) in spanish


def words_of(svg: str) -> set[str]:
    """What a picture says, what is read aloud of it too; not conditions and templates, which are as they are typed."""
    texts = re.findall(r"<(?:text|title)[^>]*>([^<]*)<", svg) + re.findall(r'aria-label="([^"]*)"', svg)
    return {word for text in texts for word in re.findall(r"\w+", AS_TYPED.sub(" ", html.unescape(text)).lower())}


def test_pause_says_what_it_does_and_is_taken_back(operator, viewer):
    """By operators alone."""
    shown = operator.submit(operator.get(PAGE).form(f"{PAGE}/pause"))
    assert "paused since" in shown.words
    assert "nothing is made up for" in shown.words
    assert [form.action for form in viewer.get(PAGE).forms() if form.action.startswith(PAGE)] == []
    assert "runs" in operator.submit(shown.form(f"{PAGE}/resume")).words


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "es",
            [
                "Está previsto.",
                "Espera: aún no hay end_at desde donde contar.",
                "No se envió (no enviada): condición: data.vip.",
            ],
        ),
        (
            "en",
            [
                "It is planned.",
                "It waits: there is no end_at to count from yet.",
                "It was not sent (not sent): condition: data.vip.",
            ],
        ),
    ],
)
def test_why_of_a_step_is_in_the_language_of_the_reader(console: None, language: str, sentences: list[str]) -> None:
    """The record keeps the reason in English; its codes are said in words."""
    entered({"welcome_email": "owed", "call": "waiting", "day_3": "skipped"})
    reasons = {"call": "there is no end_at to count from yet", "day_3": "condition: data.vip"}

    def give(session: Any) -> None:
        for row in session.query(EnrolmentStep).filter(EnrolmentStep.step.in_(reasons)):
            row.reason = reasons[row.step]

    transact(give)
    page = Browser(language=language).signed_in("vera-key").get(f"{PAGE}/1")
    assert [sentence for sentence in sentences if sentence not in page.words] == []
