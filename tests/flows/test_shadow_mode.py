"""Shadow mode over the whole app: every flow receives, records and plans, journeys go on, and nothing leaves."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from shared.outbox import actions
from shared.privacy import erase
from shared.settings import get_settings
from shared.store.journey_models import EnrolmentStep
from shared.store.models import DeadLetter, Delivery
from shared.store.session import reading
from shared.watch import metrics, record
from tests.support import shadow, stripe
from tests.support.payloads import FOLDER, payload

FORM = payload("lead.form", "form")
FILES = sorted(FOLDER.glob("*/*.json"))


def states() -> dict[str, int]:
    """How many deliveries are in each state."""
    with reading() as session:
        return dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())


@pytest.mark.slow
def test_nothing_leaves(environment, database, storage, test_clock) -> None:
    """Each payload of each webhook, then three weeks: no request that changes anything, and no delivery done outside."""
    world = shadow.whole(storage)
    with shadow.watched(environment, SHADOW="all") as network:
        known = shadow.webhooks()
        for path in FILES:
            world.storage.send(*shadow.recorded(known, path.parent.name, json.loads(path.read_text(encoding="utf-8"))))
        paid = stripe.event("payment_intent.succeeded", stripe.intent("pi_9"), number="9")
        world.storage.send(*shadow.recorded(known, "stripe.event", paid))
        world.storage.send(*shadow.recorded(known, "lead.form", FORM | {"email": "luz@example.com", "telefono": "5512345679"}))
        shadow.live(world, test_clock, test_clock.moment + timedelta(days=21))
    assert network.writes == []
    with reading() as session:
        done = session.execute(select(Delivery.target, Delivery.action).where(Delivery.state == "done").distinct()).all()
        shadowed = set(session.scalars(select(Delivery.target).where(Delivery.state == "shadowed")))
        sent = session.scalar(select(func.count()).where(EnrolmentStep.state == "sent"))
        assert session.scalars(select(DeadLetter.error_message)).all() == ["there is no campaign 1"]
    assert set(done) <= {("puente", "resync")}
    assert {"odoo", "kommo", "brevo", "notion", "sheets", "slack", "openai"} <= shadowed
    assert sent
    assert states().get("sending", 0) == 0


def test_without_it_things_leave(environment, database, storage, test_clock) -> None:
    """The watched network sees what shadow mode keeps back: so that the test above can fail."""
    world = shadow.whole(storage)
    with shadow.watched(environment) as network:
        shadow.recorded(shadow.webhooks(), "lead.form", FORM | {"captcha_token": "of a page"})
        environment.delenv("TURNSTILE_SECRET")
        get_settings.cache_clear()
        world.storage.send(*shadow.recorded(shadow.webhooks(), "lead.form", FORM))
        shadow.live(world, test_clock, test_clock.moment + timedelta(minutes=1))
    assert [line for line in network.writes if "siteverify" in line]
    assert [line for line in [*network.reads, *network.writes] if "kommo" in line], network
    assert [line for line in network.writes if "brevo" in line]


def test_only_what_is_named_stays_back(environment, database, storage, test_clock) -> None:
    """With SHADOW=kommo the mail goes out, and Kommo is not called."""
    world = shadow.whole(storage)
    with shadow.watched(environment, SHADOW="kommo") as network:
        world.storage.send(*shadow.recorded(shadow.webhooks(), "lead.form", FORM))
        shadow.live(world, test_clock, test_clock.moment + timedelta(hours=1))
    assert not [line for line in network.writes if "kommo" in line]
    assert [line for line in network.writes if "brevo" in line]


def test_state_is_seen(environment, database, storage, test_clock) -> None:
    """In the watch's figures (which the health report holds), in the metrics, and on each target."""
    from shared.web.targets import list_targets

    world = shadow.whole(storage)
    with shadow.watched(environment, SHADOW="all,-alerts"):
        world.storage.send(*shadow.recorded(shadow.webhooks(), "lead.form", FORM))
        world.run()
        figures = record.figures()["shadow"]
        assert set(figures["targets"]) == actions.targets() - {"alerts"}
        assert figures["shadowed"] == states()["shadowed"]
        assert 'puente_shadow_target{target="kommo"} 1' in list(metrics._from_record())
        assert {one.name for one in list_targets() if not one.shadowed} == {"alerts"}


def test_erasure_covers_it(environment, database, storage, test_clock) -> None:
    """What was recorded of somebody in shadow mode goes with them."""
    world = shadow.whole(storage)
    with shadow.watched(environment, SHADOW="all"):
        world.storage.send(*shadow.recorded(shadow.webhooks(), "lead.form", FORM))
        world.run()
        erase.erase(erase.person(email=FORM["email"]), way="skip", actor="ana")
    with reading() as session:
        rows = session.scalars(select(Delivery).where(Delivery.state == "shadowed")).all()
    assert rows
    assert all(row.result is None and row.payload is None for row in rows)
