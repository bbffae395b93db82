"""`python -m shared.shadow`: state, what comes next, sending what was kept back, and the comparison with Odoo's records."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared.settings import get_settings
from shared.shadow import report
from shared.shadow.__main__ import main
from shared.shadow.compare import Counts
from shared.store.models import ActionLog, Delivery, Opportunity
from shared.store.session import reading
from shared.vendors.odoo.client import OdooClient
from tests.support import shadow
from tests.support.payloads import payload
from tests.support.world import opportunity


@pytest.fixture
def kept(environment, database, storage, test_clock):
    """The app with a lead that came in shadow mode."""
    world = shadow.whole(storage)
    with shadow.watched(environment, SHADOW="all") as network:
        world.storage.send(*shadow.recorded(shadow.webhooks(), "lead.form", payload("lead.form", "form")))
        shadow.live(world, test_clock, test_clock.moment + timedelta(minutes=2))
        world.network = network
        yield world


def run(capsys, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and the lines of a command."""
    capsys.readouterr()
    code = main(arguments)
    printed = capsys.readouterr()
    return code, (printed.out + printed.err).splitlines()


def test_status_says_what_is_covered_and_kept_back(kept, capsys) -> None:
    """By target and action, with their numbers."""
    code, lines = run(capsys, "status")
    assert code == 0
    assert lines[0].startswith("covered by SHADOW: alerts, brevo,")
    assert "kept back: kommo.lead 1" in lines
    assert "kept back: brevo.email 1" in lines


def test_next_says_who_gets_what(kept, capsys) -> None:
    """The follow-up of the lead, by time and masked; nothing beyond the time asked for."""
    code, lines = run(capsys, "next", "--within", "7d")
    assert code == 0
    assert [line.split("  ")[2] for line in lines if "lead_day" in line] == ["whatsapp lead_day_3", "email lead_day_6"]
    assert all("lead_followup." in line for line in lines if "lead_day" in line)
    assert "ana@" not in "".join(lines)
    assert not [line for line in run(capsys, "next", "--within", "1d")[1] if "lead_day" in line]


class TestSend:
    """Nothing that was kept back goes out unless an operator says so."""

    def test_preview_sends_nothing(self, kept, capsys) -> None:
        """It lists what it would send."""
        code, lines = run(capsys, "send", "--target", "brevo")
        assert code == 0
        assert lines[0].endswith("email lead_welcome  a*** (15)")
        assert lines[1:] == ["1 deliveries; nothing was sent: add --yes"]

    def test_covered_target_is_refused(self, kept, capsys) -> None:
        """It would be kept back again."""
        assert run(capsys, "send", "--target", "brevo", "--yes") == (
            2,
            ["SHADOW covers brevo: it would be kept back again"],
        )

    def test_what_is_chosen_goes_out_once(self, kept, capsys, environment) -> None:
        """After the switch, by an operator who is named in the action log; a second time it is refused."""
        environment.setenv("SHADOW", "kommo")
        get_settings.cache_clear()
        code, lines = run(capsys, "send", "--target", "brevo", "--action", "email", "--yes", "--actor", "ana")
        assert code == 0
        assert "planned as delivery" in lines[0]
        kept.run()
        assert [line for line in kept.network.writes if "brevo" in line]
        assert "not sent: " in run(capsys, "send", "--target", "brevo", "--yes")[1][0]
        with reading() as session:
            assert session.scalars(select(ActionLog.actor).where(ActionLog.action == "delivery.retry")).all() == ["ana"]

    def test_switching_off_sends_nothing_by_itself(self, kept, environment, test_clock) -> None:
        """Hours later nothing of what was kept back has gone; timers look for lost syncs all the while."""
        environment.delenv("SHADOW")
        get_settings.cache_clear()
        shadow.live(kept, test_clock, test_clock.moment + timedelta(hours=8))
        writes = [line for line in kept.network.writes if "kommo" in line or "brevo" in line]
        assert writes == []
        with reading() as session:
            assert set(session.scalars(select(Delivery.state).where(Delivery.target == "kommo"))) == {"shadowed"}


class TestOdoo:
    """Odoo's records as they are, and as they would be."""

    def test_each_difference_is_named(self, sandbox, world, environment, capsys) -> None:
        """A stage that the old system has not set, and a lead that it has not made; whoever is the same is not named."""
        for who in ("m1", "m2"):
            world.post("opportunity", opportunity(who, 16))
        world.run()
        environment.setenv("SHADOW", "odoo")
        world.post("opportunity", opportunity("m2", 20, "2026-03-01T11:00:00Z"))
        world.post("opportunity", opportunity("m3", 18, "2026-03-01T11:00:00Z"))
        world.run()
        counts, client = Counts(), OdooClient.from_settings(get_settings())
        lines = list(report.with_odoo(counts, client))
        with reading() as session:
            shadowed = session.scalars(
                select(Opportunity.manychat_id).where(Opportunity.odoo_sync_status == "shadowed").order_by(Opportunity.id)
            ).all()
        assert shadowed == ["m2", "m3"]
        assert [line.split("  ")[:2] for line in lines] == [
            ["differing", "crm.lead"],
            ["missing at theirs", "crm.lead"],
        ]
        assert any("stage: 20 / 16" in line for line in lines)
        code, printed = run(capsys, "compare", "--vendor", "odoo")
        assert (code, printed) == (1, [*lines, report.total(counts)])
        environment.delenv("SHADOW")
        with_old_system = client.search_read("crm.lead", [["x_manychat_id", "=", "m2"]], ["id"])[0]["id"]
        client.write("crm.lead", [with_old_system], {"stage_id": 20})
        assert not [line for line in report.with_odoo(Counts(), client) if "stage" in line]

    def test_rows_that_were_kept_back_are_not_repaired_at_night(self, sandbox, world, environment) -> None:
        """What differs after shadow mode is for a person to see first: the nightly comparison passes it over."""
        from shared.crm import reconcile

        environment.setenv("SHADOW", "odoo")
        world.post("opportunity", opportunity("m1", 16))
        world.run()
        environment.delenv("SHADOW")
        assert reconcile.run(dry_run=False).compared == 0
        with reading() as session:
            assert session.scalars(select(Opportunity.odoo_sync_status)).all() == ["shadowed"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("compare", "--log", "no-such-file.jsonl"), "No such file"),
        (("compare", "--log", "no-such-file.txt"), "no log is read as 'txt'"),
    ],
)
def test_what_cannot_be_told(environment, database, capsys, arguments, text) -> None:
    """Exit code 2 and a sentence."""
    code, lines = run(capsys, *arguments)
    assert code == 2
    assert text in lines[0]


@pytest.mark.parametrize("arguments", [("compare",), ("next", "--within", "soon"), ("send",), ()])
def test_unusable_arguments(environment, arguments) -> None:
    """The parser says what is missing."""
    with pytest.raises(SystemExit):
        main(arguments)
