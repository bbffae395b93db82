"""Two texts of a broadcast: who gets which stays, each person gets one, and their counts are kept apart."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from functions.broadcasts import counts, progress, variants
from functions.broadcasts.progress import Change
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Recipient
from functions.broadcasts.variants import VariantB
from shared import clock
from shared.journeys import chatbots
from shared.settings import get_settings
from shared.store.models import Contact
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import LIST, Run
from tests.unit.web.calls import Api

PHONES = [f"+52551234{number:04}" for number in range(2000)]
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
TEXTS = {"first_name": "{{contact.first_name|amiga}}", "text": "A"}


def of_b(share: int, seed: str = "s") -> set[str]:
    b = VariantB(share, {}, seed)
    return {phone for phone in PHONES if b.is_for(phone)}


@pytest.mark.parametrize("share", [1, 10, 50, 99])
def test_share_is_about_kept(share: int) -> None:
    """Within four standard deviations of so many draws."""
    expected, spread = len(PHONES) * share / 100, (len(PHONES) * share / 100 * (1 - share / 100)) ** 0.5
    assert abs(len(of_b(share)) - expected) <= 4 * spread


def test_who_gets_it_stays_and_another_broadcast_draws_anew() -> None:
    """A larger share takes nobody out; two automations draw independently."""
    assert of_b(10) <= of_b(30)
    assert of_b(50) == of_b(50)
    assert abs(len(of_b(50) & of_b(50, "t")) - 500) < 100


@pytest.fixture
def people(api: Api, environment: pytest.MonkeyPatch) -> None:
    """Twenty contacts who want messages."""
    environment.setenv("TWILIO_WHATSAPP_SENDER", "+14155238886")
    get_settings.cache_clear()

    def work(session: Any) -> None:
        for number, phone in enumerate(PHONES[:20]):
            session.add(Contact(manychat_id=str(number), first_name="Ana", phone=phone, subscribed_at=clock.now()))

    transact(work)


def made(api: Api, **fields: Any) -> str:
    body = {"name": "AB", "flow_id": chatbots.flow_id("novedades"), "audience_type": "all", "variable_mapping": TEXTS}
    answer = api.post(LIST, body=body | {"variant_b": {"share": 50, "variable_mapping": {"text": "B"}}} | fields)
    assert answer.status == 201, answer.json
    return str(answer.json["id"])


def texts() -> list[tuple[str, str | None, str]]:
    with reading() as session:
        rows = session.scalars(select(Recipient).order_by(Recipient.execution_id, Recipient.id)).all()
        return [(row.key, row.variant, row.variables["text"]) for row in rows]


def test_each_gets_one_text_in_every_run(api: Api, people: None) -> None:
    """By what the variant says; a second run of the same automation gives everybody the same text."""
    automation = made(api)
    for _ in range(2):
        assert api.post(f"{LIST}/{automation}/start", body={}).status in (200, 202)
    found = texts()
    assert {(variant, text) for _key, variant, text in found} == {("a", "A"), ("b", "B")}
    assert found[:20] == found[20:]
    with reading() as session:
        assert counts.of(session, [1])[1]["b_total"] == sum(variant == "b" for _key, variant, _text in found[:20])


def test_one_text_has_no_variants(api: Api, people: None) -> None:
    """Nothing is drawn, counted or compared."""
    automation = made(api, variant_b=None)
    api.post(f"{LIST}/{automation}/start", body={})
    assert Counter(variant for _key, variant, _text in texts()) == {None: 20}
    assert api.get(f"{LIST}/{automation}/stats").json["variants"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 0, "variable_mapping": {"text": "B"}},
        {"share": 100, "variable_mapping": {"text": "B"}},
        {"share": 50, "variable_mapping": {}},
        {"share": 50, "variable_mapping": {"text": "{{nope}}"}},
        {"share": 50, "variable_mapping": {"text": "B"}, "seed": "x"},
    ],
)
def test_text_that_cannot_be_meant_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    """With the field that is wrong."""
    body = {"name": "AB", "flow_id": chatbots.flow_id("novedades"), "audience_type": "all", "variant_b": wrong}
    answer = api.post(LIST, body=body)
    assert answer.status == 422
    assert "variant_b" in str(answer.json)


def test_counts_of_b_are_those_of_its_people(run: Run) -> None:
    """Each stage once, whatever comes twice; what is A's does not count for B."""
    execution_id, ids = run(*PHONES[:4])
    for place, recipient_id in enumerate(ids):
        variant = "b" if place < 2 else "a"
        transact(lambda session, one=recipient_id, to=variant: setattr(session.get_one(Recipient, one), "variant", to))
    replied = [Change(recipient_id=one, status=RecipientStatus.REPLIED, at=AT) for one in (ids[0], ids[2], ids[0])]
    sent = [Change(recipient_id=one, status=RecipientStatus.SENT, at=AT - timedelta(minutes=1)) for one in ids]
    for changes in (sent, replied, replied):
        transact(lambda session, some=changes: progress.record(session, some))
    counts.fold()
    with reading() as session:
        found = counts.of(session, [execution_id])[execution_id]
    assert {name: found[name] for name in ("sent", "replied", "b_sent", "b_replied", "b_read")} == {
        "sent": 4,
        "replied": 2,
        "b_sent": 2,
        "b_replied": 1,
        "b_read": 1,
    }


def test_statistics_compare_both(api: Api, people: None) -> None:
    """With counts, rates, and a sentence; tests of the broadcast are left out."""
    automation = made(api)
    api.post(f"{LIST}/{automation}/start", body={})
    with reading() as session:
        ids = list(session.scalars(select(Recipient.id)))
    sent = [Change(recipient_id=one, status=RecipientStatus.SENT, at=AT) for one in ids]
    transact(lambda session: progress.record(session, sent))
    found = api.get(f"{LIST}/{automation}/stats").json["variants"]
    assert [one["measure"] for one in found] == ["replied", "read", "completed"]
    assert found[0]["a"]["base"] + found[0]["b"]["base"] == 20
    assert found[0]["verdict"] == "chance"


def test_text_b_of_an_execution_is_that_of_its_start() -> None:
    """An execution that began before there were two texts has one."""
    assert variants.of_config({"variable_mapping": {"text": "A"}}) is None
    b = variants.of_config(
        {"variable_mapping": TEXTS, "variant_b": {"share": 5, "variable_mapping": {"text": "B"}, "seed": "s"}}
    )
    assert b is not None
    assert (b.mapping, b.seed) == (TEXTS | {"text": "B"}, "s")
