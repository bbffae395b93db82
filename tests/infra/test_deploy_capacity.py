"""What a number of events a day needs, and what breaks first: the table of docs/scale.md is what the command prints."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from bench.passing import pass_events
from deploy import capacity
from deploy.capacity import SHOWN, Constants, load, passed, table
from deploy.limits import DEFAULTS
from shared.settings import settings_class
from tests.infra.conftest import INFRA, ROOT


def test_the_page_shows_what_the_command_prints() -> None:
    """`python -m deploy.capacity` between the marks of docs/scale.md."""
    text = (ROOT / "docs/scale.md").read_text()
    shown = text.partition("<!-- python -m deploy.capacity -->\n")[2].partition("<!-- end -->")[0]
    assert shown == table(SHOWN, Constants())


@pytest.mark.slow
def test_constants_are_those_that_are_measured(environment: pytest.MonkeyPatch) -> None:
    """Statements, rows and bytes of an event, as `make bench constants` gives them."""
    found = pass_events(100)
    assert found.statements == pytest.approx(Constants.statements, rel=0.1)
    assert found.rows == pytest.approx(Constants.rows, rel=0.1)
    assert found.database_bytes == pytest.approx(Constants.row_bytes, rel=0.3)


def test_constants_are_those_of_template_and_settings() -> None:
    """A changed default changes the table."""
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    parameters = (INFRA / "main.bicepparam").read_text()
    fields = settings_class().model_fields
    assert Constants.at_once == host["batchSize"] + host["newBatchThreshold"]
    assert Constants.vcores == float(DEFAULTS["PUENTE_SQL_MAX_VCORES"])
    assert f"'PUENTE_SQL_MAX_SIZE_GB', '{Constants.size_gb:g}'" in parameters
    assert f"'PUENTE_LOG_DAILY_CAP_GB', '{Constants.log_cap_gb:g}'" in parameters
    assert (Constants.pool, Constants.days_kept) == (
        fields["database_pool_size"].default,
        fields["retention_inbox_days"].default,
    )


@pytest.mark.parametrize(
    ("events", "first"),
    [(1e4, None), (1e6, "room of the database"), (1e7, "room of the database"), (1e8, "room of the database")],
)
def test_what_breaks_first(events: float, first: str | None) -> None:
    """The limit that is passed furthest stands first; ten thousand a day pass none."""
    broken = passed(load(events, Constants()), Constants())
    assert (broken[0][0].what if broken else None) == first


def test_more_events_never_need_less() -> None:
    """Of anything."""
    loads = [vars(load(events, Constants())) for events in (0, 1, *SHOWN)]
    for less, more in pairwise(loads):
        assert all(more[name] >= less[name] for name in less)


def test_a_limit_that_is_lifted_is_passed_no_longer() -> None:
    """A million events a day with room for them, and a cap for their logs."""
    enough = Constants(size_gb=1024, vcores=8)
    assert passed(load(1e6, enough), enough) == []


def test_the_command_takes_a_number_and_constants(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the row, and the month with its price fields."""
    assert capacity.main(["5000000", "--set", "peak=20"]) == 0
    printed = capsys.readouterr().out
    assert "| events a second, peak minute | 1,157.4 |" in printed
    assert "A month of 5,000,000 events a day" in printed
    assert "| log GB |" in printed


@pytest.mark.parametrize("wrong", ["speed=1", "peak=fast"])
def test_an_unknown_constant_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its name."""
    with pytest.raises(SystemExit):
        capacity.main(["--set", wrong])
    assert wrong.partition("=")[0] in capsys.readouterr().err
