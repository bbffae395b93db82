"""The stage map as a file: what goes out comes in, a difference is shown before it is made, and a bad file changes nothing."""

import pytest
from sqlalchemy import func, select

from shared.crm import odoo_setup, stage_map
from shared.crm.stages import DEFAULT_STAGES, Stage
from shared.errors import RefusedError
from shared.store.models import ActionLog, Opportunity, StageMapping
from shared.store.session import reading, transact
from shared.vendors.odoo import setup
from tests.support.world import World, opportunity

STAGES = list(DEFAULT_STAGES)


def brought_in(wanted: list[Stage]) -> list[str]:
    """What an import did."""
    return [each.what for each in transact(lambda session: stage_map.bring_in(session, wanted, "ana"))]


def test_what_goes_out_is_what_comes_in(world: World) -> None:
    """An export read again is the map, commas and quotation marks included."""
    awkward = [Stage('Quiere "todo", ya', 40, "Todo, ya"), Stage("=cmd()", 41, "-Ana"), Stage("'=otra", 42, "+525512340001")]
    assert brought_in([*STAGES, *awkward]) == ["add"] * 3
    with reading() as session:
        text = stage_map.export(session)
        assert stage_map.read(text) == [*STAGES, *awkward]
        assert [line for line in text.splitlines() if line.startswith(("=", "-", "+")) or ",-" in line or ",+" in line] == []
        assert stage_map.differences(session, stage_map.read(text)) == []


def test_import_makes_the_map_that_of_the_file(world: World) -> None:
    """Names are added, changed and removed; each is logged with who did it, and a second run finds nothing to do."""
    wanted = [*STAGES[:-1], Stage("Nueva", 50, "Nueva")]
    wanted[0] = wanted[0]._replace(odoo_name="Otro nombre")
    assert brought_in(wanted) == ["change", "add", "remove"]
    assert brought_in(wanted) == []
    with reading() as session:
        assert {row.odoo_name for row in session.scalars(select(StageMapping))} == {stage.odoo_name for stage in wanted}
        assert set(session.scalars(select(ActionLog.actor))) == {"ana"}


def test_other_spelling_of_a_name_is_the_same_name(world: World) -> None:
    """It is corrected, not added beside the old one."""
    wanted = [STAGES[0]._replace(manychat_name=STAGES[0].manychat_name.upper()), *STAGES[1:]]
    assert brought_in(wanted) == ["change"]


def test_stage_in_use_stays_and_nothing_else_is_done(world: World) -> None:
    """A file that leaves out a stage with opportunities in it is refused as a whole."""
    world.post("opportunity", opportunity(stage="Comienza Cotización"))
    world.run()
    left_out = [stage for stage in STAGES if stage.odoo_stage_id != 25] + [Stage("Nueva", 50, "Nueva")]
    with pytest.raises(RefusedError, match="opportunities 1"):
        brought_in(left_out)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(StageMapping)) == len(STAGES)
        assert session.scalar(select(func.count()).select_from(Opportunity)) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,id\n", "first line"),
        ("manychat_name,odoo_stage_id,odoo_name\n", "no stage"),
        ("manychat_name,odoo_stage_id,odoo_name\nA,x,B\n", "line 2: odoo_stage_id"),
        ("manychat_name,odoo_stage_id,odoo_name\nA,1,B\na ,2,B\n", "line 3: the same name as in line 2"),
        ("manychat_name,odoo_stage_id,odoo_name\n,1,B\n", "line 2: each name"),
        ("manychat_name,odoo_stage_id,odoo_name\nA,1,B,C\n", "line 2: more than three"),
    ],
)
def test_bad_file_says_which_line_and_why(text: str, why: str) -> None:
    """Before anything is changed."""
    with pytest.raises(ValueError, match=why):
        stage_map.read(text)


def test_odoo_setup_looks_for_the_stages_of_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for those of a new installation; where two names mean one stage, the first row's name counts."""
    brought_in([Stage("Nueva", 50, "Nueva"), Stage("Otra", 50, "Otra")])
    asked = []
    monkeypatch.setattr(setup, "main", lambda _arguments, stages: asked.append(stages) or 0)
    assert odoo_setup.main([]) == 0
    assert asked == [{50: "Nueva"}]


def test_odoo_setup_without_a_map_looks_for_a_new_ones(
    environment: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so."""
    environment.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    environment.setattr(setup, "main", lambda _arguments, stages: len(stages))
    assert odoo_setup.main([]) == len(DEFAULT_STAGES)
    assert "no stage map" in capsys.readouterr().out
