"""What the mails of the campaign may say: every variable, the words that stand in, and what is counted when a mail goes out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.christmas import kinds, variables
from functions.christmas.tables import SequenceContact
from functions.christmas.texts import Texts, texts
from shared.errors import PermanentError
from shared.journeys import load
from shared.messages import template_sources, templates
from shared.settings import Settings, get_settings

ZONE = "America/Mexico_City"
NOW = datetime(2026, 12, 20, 18, tzinfo=UTC)
ANSWERS = {
    "red_systems": 3,
    "orange_systems": 1,
    "yellow_systems": 2,
    "green_systems": 2,
    "assessment_score": 42.5,
    "weakest_system_1": "crew",
    "weakest_system_2": "Radar",
    "strongest_system": "ENGINE",
    "revenue_leak_total": 125_500,
}
# The list of the replaced system.
KNOWN = {
    "first_name", "business_name", "assessment_score", "overall_score", "segment", "readiness_zone", "red_systems",
    "orange_systems", "yellow_systems", "green_systems", "weakest_system_1", "weakest_system_2", "strongest_system",
    "WeakestSystem1", "WeakestSystem2", "StrongestSystem", "weakest_system", "revenue_leak_total", "TotalRevenueLeak_K",
    "days_to_deadline", "deadline_date", "personalized_tip_1", "personalized_tip_2", "personalized_tip_3", "calendly_link",
    "pdf_download_link", "spots_remaining", "bookings_count", "portal_url", "diagnostic_call_date",
}  # fmt: skip
CAMPAIGN = {
    "deadline_date": "2026-12-23",
    "calendly_link": "https://calendly.example/cita",
    "portal_url": "https://portal.example",
    "pdf_download_link": "https://pdf.example",
    "spots_remaining": "4",
    "bookings_count": "12",
}


@pytest.fixture
def wording(environment: pytest.MonkeyPatch) -> Texts:
    """The Spanish words."""
    return texts()


def settings(environment: pytest.MonkeyPatch, campaign: dict[str, str], **more: str) -> Settings:
    """Settings with these words of the campaign."""
    import json

    environment.setenv("CAMPAIGN_VARIABLES", json.dumps(campaign))
    for name, value in more.items():
        environment.setenv(name.upper(), value)
    get_settings.cache_clear()
    return get_settings()


def ana(**more: Any) -> SequenceContact:
    """Ana, as the contact has her."""
    return SequenceContact(
        **{"email": "ana@example.com", "first_name": "Ana", "business_name": "Aurora", "segment": "CRITICAL"} | more
    )


def everything(environment: pytest.MonkeyPatch, wording: Texts) -> dict[str, Any]:
    """All that a template may use."""
    call = datetime(2026, 12, 21, 3, tzinfo=UTC)  # the evening before, in Mexico
    given = variables.of_person(ana(diagnostic_call_at=call), ANSWERS, wording, ZONE)
    return variables.of_campaign(given, settings(environment, CAMPAIGN), NOW, ZONE)


def test_every_variable_of_the_replaced_system(environment: pytest.MonkeyPatch, wording: Texts) -> None:
    """Is there, under its name."""
    found = everything(environment, wording)
    assert KNOWN - set(found) == set()
    assert (found["assessment_score"], found["readiness_zone"]) == ("42.5", "Crisis Zone")
    assert (found["weakest_system"], found["WeakestSystem2"], found["StrongestSystem"]) == ("crew", "Radar", "ENGINE")
    assert (found["revenue_leak_total"], found["TotalRevenueLeak_K"]) == ("125,500", "126")
    assert found["personalized_tip_1"] == wording.tips["CREW"]
    assert found["personalized_tip_2"] == wording.tips["RADAR"]
    assert found["personalized_tip_3"] == wording.general_tip
    assert found["diagnostic_call_date"] == "domingo 20 de diciembre"
    assert (found["deadline_date"], found["days_to_deadline"]) == ("23 de diciembre", 3)


def test_words_that_stand_in(environment: pytest.MonkeyPatch, wording: Texts) -> None:
    """For names, systems and figures that nobody has given; in Spanish."""
    found = variables.of_person(ana(first_name=None, business_name=None, segment=None), {}, wording, ZONE)
    assert (found["first_name"], found["business_name"], found["readiness_zone"]) == ("equipo", "tu negocio", "Growth Zone")
    assert (found["weakest_system_1"], found["weakest_system_2"], found["strongest_system"]) == ("GPS", "FUEL", "CABIN")
    assert {found[name] for name in ("assessment_score", "revenue_leak_total", "TotalRevenueLeak_K")} == {"N/A"}
    assert found["red_systems"] == 0
    assert "diagnostic_call_date" not in found


def test_tip_for_a_system_that_nobody_knows(wording: Texts) -> None:
    """The general one; and there is one for each of the eight."""
    assert wording.tip("Marketing") == wording.general_tip
    assert set(wording.tips) == {"GPS", "CREW", "ENGINE", "FUEL", "CABIN", "COCKPIT", "RADAR", "AUTOPILOT"}
    assert len(set(wording.tips.values())) == 8


@pytest.mark.parametrize(
    ("deadline", "at", "shown", "days"),
    [
        ("2026-12-23", NOW, "23 de diciembre", 3),
        ("2026-12-23", datetime(2026, 12, 23, 5, tzinfo=UTC), "23 de diciembre", 1),  # still the 22nd in Mexico
        ("2026-12-23", datetime(2027, 1, 5, tzinfo=UTC), "23 de diciembre", 0),
        ("2026-12-23T23:59:00-06:00", NOW, "23 de diciembre", 3),
        ("el viernes", NOW, "el viernes", None),
        (None, NOW, None, None),
    ],
)
def test_deadline(
    environment: pytest.MonkeyPatch, deadline: str | None, at: datetime, shown: str | None, days: int | None
) -> None:
    """A date is written out and counted on the person's calendar; other words stay as they are."""
    campaign = {"deadline_date": deadline} if deadline else {}
    found = variables.of_campaign({}, settings(environment, campaign), at, ZONE)
    assert (found.get("deadline_date"), found.get("days_to_deadline")) == (shown, days)


def test_links(environment: pytest.MonkeyPatch) -> None:
    """The page for bookings stands in for the link, and the link for another time; what the event said wins."""
    known = settings(environment, {}, booking_url="https://reservas.example")
    found = variables.of_campaign({}, known, NOW, ZONE)
    assert found["calendly_link"] == found["reschedule_url"] == "https://reservas.example"
    mine = variables.of_campaign({"reschedule_url": "https://calendly.example/r/1"}, known, NOW, ZONE)
    assert mine["reschedule_url"] == "https://calendly.example/r/1"


def ours() -> list[str]:
    """The templates of the campaign's journeys."""
    journeys = (load.journey(name) for name in sorted(kinds.JOURNEYS))
    return [step.template for journey in journeys for step in journey.steps if step.sent_by is None]


@pytest.mark.parametrize("name", ours())
def test_every_template_can_be_filled_in(environment: pytest.MonkeyPatch, wording: Texts, name: str) -> None:
    """With what the least of events gives: a link and a portal in the settings, nothing else."""
    campaign = {"calendly_link": "https://calendly.example/cita", "portal_url": "https://portal.example"}
    given = variables.of_person(ana(first_name=None, business_name=None), {}, wording, ZONE)
    values = variables.of_campaign(given, settings(environment, campaign), NOW, ZONE)
    mail = templates.render(template_sources.of_repository(name), values, unsubscribe_url="https://puente.example/baja")
    assert "{{" not in mail.subject + mail.html + mail.text
    assert "None" not in mail.html


def test_template_of_notion_with_every_variable(environment: pytest.MonkeyPatch, wording: Texts) -> None:
    """Filled in and escaped; an unknown one fails by name and nothing goes out raw."""
    found = everything(environment, wording) | {"business_name": "Aurora <b>"}
    body = "<p>" + " ".join("{{" + name + "}}" for name in sorted(KNOWN)) + "</p>"
    template = templates.Template(name="t", locale="es", channels=("email",), kind="marketing", subject="Hola", html=body)
    assert "Aurora &lt;b&gt;" in templates.render(template, found).html
    wrong = templates.Template(name="t", locale="es", channels=("email",), kind="marketing", html="{{ nombre_raro }}")
    with pytest.raises(PermanentError, match="nombre_raro") as caught:
        templates.render(wrong, found)
    assert caught.value.reason == "template-variable-missing"


def test_templates_are_known_to_notion_by_their_names(environment: pytest.MonkeyPatch) -> None:
    """The names under which the replaced system's database has them."""
    known = {name: (template_sources.of_repository(name).elsewhere or name) for name in ours()}
    assert [known[f"assessment_email_{n}"] for n in (2, 3, 4, 5)] == [f"5-Day E{n}" for n in (2, 3, 4, 5)]
    others = {name for name in known if not name.startswith("assessment")}
    assert {known[name] for name in others} == {
        f"{kind}_email_{n}" for kind in ("noshow_recovery", "postcall_maybe", "onboarding_phase1") for n in (1, 2, 3)
    }
