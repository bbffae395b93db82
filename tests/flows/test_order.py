"""Law 5, whole: events and people's changes end in the same state in whatever order the events arrive.

An event may arrive late, after others that are newer and after changes that people have made meanwhile. It never arrives before
it has happened. Each word is dated, those of people by the moment in which they say it, so the end is that of the ordered one.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from functions import web
from shared.store.models import (
    Advisor,
    Campaign,
    CampaignChange,
    CampaignContact,
    Contact,
    DeadLetter,
    InboxEvent,
    Opportunity,
    StageChange,
)
from shared.store.session import reading, transact
from tests.support import loops
from tests.support.examples import examples
from tests.support.vendors import lead_sync
from tests.support.world import LOCAL_KEY, World

START = datetime(2026, 3, 1, tzinfo=UTC)
ADVISORS = (3, 4)
ADDRESS = "/api/v1/manychat/campaign-contacts/update-by-manychat-id"


@dataclass(frozen=True)
class Word:
    """Something said of the person `{who}` in minute `at`, by an event (`hook`) or by hand (`method` and `path`)."""

    at: int
    body: dict[str, Any]
    hook: str = ""
    method: str = ""
    path: str = ""

    @property
    def moment(self) -> datetime:
        """When."""
        return START + timedelta(minutes=self.at)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Or nothing said."""
    return st.none() | strategy


NAMES = st.sampled_from(["Ana", "Eva", "Núñez 🌟"])
PHONES = st.sampled_from(["55 1234 5678", "+34600111222", "no phone"])
DATES = st.integers(0, 400).map(lambda day: (START + timedelta(days=day)).isoformat())
ADVISOR = st.sampled_from([0, *ADVISORS])
MINUTE = st.integers(10, 50)

contact_event = st.fixed_dictionaries(
    {
        "nombre_lead": NAMES,
        "apellido_lead": optional(NAMES),
        "whatsapp": optional(PHONES),
        "email_lead": optional(st.sampled_from(["a@example.com", "b@example.com"])),
        "ultimo_estado": optional(st.sampled_from(["Nuevo", "Activo"])),
        "canal_entrada": optional(st.sampled_from(["WhatsApp", "Instagram"])),
    }
)
stage_event = st.fixed_dictionaries(
    {
        "first_name": optional(NAMES),
        "phone": optional(PHONES),
        "medical_advisor_id": optional(ADVISOR),
        "commercial_advisor_id": optional(ADVISOR),
        "stage": st.integers(16, 26),
        "summary": optional(st.sampled_from(["uno", "dos"])),
    }
)
assignment_event = st.fixed_dictionaries(
    {
        "campaign_id": st.sampled_from([1, 2]),
        "comercial_id": optional(ADVISOR),
        "medico_id": optional(ADVISOR),
        "ultimo_estado": optional(st.sampled_from(["Asignado", "Cerrado"])),
        "tipo_asignacion": optional(st.sampled_from(["medico", "comercial"])),
        "summary": optional(st.sampled_from(["uno", "dos"])),
    }
)
contact_edit = st.dictionaries(st.sampled_from(["first_name", "last_name"]), NAMES, min_size=1) | st.fixed_dictionaries(
    {"phone": st.sampled_from(["55 8765 4321", "+34600999888"])}
)


@st.composite
def assignment_edit(draw: st.DrawFn) -> dict[str, Any]:
    """By hand. An advisor comes with the date: without it the date depends on whom the person saw there, as it should."""
    payload: dict[str, Any] = {"campaign_id": draw(st.sampled_from([1, 2]))}
    for side in ("medical", "commercial"):
        match draw(st.sampled_from(["nothing", "nobody", "somebody", "date"])):
            case "nobody":
                payload[f"{side}_advisor_id"] = 0
            case "somebody":
                payload |= {f"{side}_advisor_id": draw(st.sampled_from(ADVISORS)), f"{side}_assignment_date": draw(DATES)}
            case "date":
                payload[f"{side}_assignment_date"] = draw(DATES)
    payload["last_state"] = draw(optional(st.sampled_from(["A mano", "Cotizado"])))
    payload["sale_order_date"] = draw(optional(DATES))
    return payload


def event(hook: str) -> Any:
    """An event of one kind."""
    bodies = {"contact": contact_event, "opportunity": stage_event, "assignment": assignment_event}
    return st.builds(lambda at, body: Word(at, body, hook=hook), MINUTE, bodies[hook])


def by_hand() -> st.SearchStrategy[Word]:
    """A person's change, over the API."""
    contacts = st.builds(lambda at, body: Word(at, body, method="PATCH", path="/api/v1/contacts/{id}"), MINUTE, contact_edit)
    campaigns = st.builds(lambda at, body: Word(at, body, method="PUT", path=ADDRESS), MINUTE, assignment_edit())
    return contacts | campaigns


@st.composite
def interleaving(draw: st.DrawFn) -> tuple[list[Word], list[Word]]:
    """A story in its order, and in an order of arrival: each event when it happened or any time later."""
    words = draw(
        st.lists(
            event("contact") | event("opportunity") | event("assignment") | by_hand(),
            min_size=2,
            max_size=9,
            unique_by=lambda word: word.at,
        )
    )
    story = sorted(words, key=lambda word: word.at)
    arrivals = {word.at: word.at if word.method else draw(st.integers(word.at, 60)) for word in story}
    ties = draw(st.permutations(story))
    return story, sorted(ties, key=lambda word: (arrivals[word.at], not word.method))


# What people must see before they can change it: the person, and both campaigns.
BEGINNING = [
    Word(1, {"nombre_lead": "Ana"}, hook="contact"),
    *(Word(number, {"campaign_id": number}, hook="assignment") for number in (1, 2)),
]


def say(world: World, who: str, word: Word, test_clock: Any) -> None:
    """Let the word be said; what came of it is handled at once."""
    if word.hook:
        world.post(word.hook, _as_sent(who, word))
        world.run(swallow=(Exception,))
        return
    test_clock.moment = word.moment
    with reading() as session:
        number = session.scalars(select(Contact.id).where(Contact.manychat_id == who)).one()
    body = word.body | ({"manychat_id": who} if word.path == ADDRESS else {})
    request = func.HttpRequest(
        method=word.method,
        url=f"http://localhost{word.path.format(id=number)}",
        headers={"x-api-key": LOCAL_KEY, "content-type": "application/json"},
        body=json.dumps(body).encode(),
    )
    answer = loops.run(web.zz_web(request, None))
    assert answer.status_code == 200, answer.get_body()


def _as_sent(who: str, word: Word) -> dict[str, Any]:
    at, body = word.moment.isoformat(), {"manychat_id": who} | word.body
    if word.hook == "opportunity":
        state = {"stage_id": body.pop("stage"), "summary": body.pop("summary"), "date": at}
        return body | {"state": state}
    return body | {"datetime_actual": at}


def end(who: str) -> dict[str, Any]:
    """All facts of the person, and how much was recorded of them."""
    with reading() as session:
        person = session.scalars(select(Contact).where(Contact.manychat_id == who)).one()
        lead = session.scalars(select(Opportunity).where(Opportunity.contact_id == person.id)).one_or_none()
        places = session.scalars(select(CampaignContact).where(CampaignContact.contact_id == person.id)).all()
        expected_by_field = {
            "events": len(session.scalars(select(InboxEvent.id).where(InboxEvent.subject == who)).all()),
            "stages": len(
                session.scalars(select(StageChange).where(StageChange.opportunity_id == (lead.id if lead else 0))).all()
            ),
            "changes": len(
                session.scalars(
                    select(CampaignChange).where(CampaignChange.campaign_contact_id.in_([place.id for place in places]))
                ).all()
            ),
            "dead": len(session.scalars(select(DeadLetter.id)).all()),
        }
    rows = {"person": [person], "lead": [lead] if lead else [], "places": sorted(places, key=lambda place: place.campaign_id)}
    return expected_by_field | {name: [_facts(row) for row in some] for name, some in rows.items()}


OWN = {"id", "contact_id", "manychat_id", "created_at", "updated_at", "fact_times"}


def _facts(row: Any) -> dict[str, Any]:
    names = {column.name for column in row.__table__.columns} - OWN
    return {name: getattr(row, name) for name in names if not name.startswith("odoo_")}


@given(stories=interleaving())
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_interleaving_ends_as_the_ordered_story(
    world: World, test_clock: Any, stories: tuple[list[Word], list[Word]]
) -> None:
    """Contacts, stages, assignments, updates and changes by hand: the same facts, and as much history, in any order."""
    transact(_prepare)
    number = world.__dict__.setdefault("stories", 0)
    world.__dict__["stories"] += 1
    ends = []
    for order, words in enumerate(stories):
        who = f"s{number}o{order}"
        with lead_sync():
            for word in [*BEGINNING, *words]:
                test_clock.moment = START + timedelta(hours=2)
                say(world, who, word, test_clock)
        ends.append(end(who))
    assert ends[0] == ends[1]
    assert ends[0]["dead"] == 0


def _prepare(session: Any) -> None:
    """Two campaigns and two advisors."""
    if session.get(Campaign, 1) is None:
        session.add_all(Campaign(id=number, name="c", date_start=START) for number in (1, 2))
        session.add_all(Advisor(id=number, name=f"A{number}") for number in ADVISORS)
