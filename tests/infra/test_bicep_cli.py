"""What `make check` does with Microsoft's compiler: here with a stand-in, which answers what the tests tell it to."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra import bicep_cli
from tests.infra.conftest import Deployed

STAND_IN = """#!{python} -IS
import json, os, pathlib, sys
answers = json.loads(pathlib.Path({answers!r}).read_text())
command = sys.argv[1]
if command == "format":
    sys.stdout.write(answers.get("format") or pathlib.Path(sys.argv[2]).read_text())
if command == "snapshot":
    name = "private" if os.environ.get("PUENTE_PRIVATE_NETWORK") else "public"
    resources = [{{"type": kind}} for kind, count in answers["resources"][name].items() for _ in range(count)]
    pathlib.Path("main.snapshot.json").write_text(json.dumps({{"predictedResources": resources, "diagnostics": []}}))
sys.stderr.write(answers.get(command + " says", ""))
sys.exit(answers.get(command + " fails", 0))
"""


@pytest.fixture
def say_of_bicep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run the check with a `bicep` that answers as told; its exit code and what it printed."""

    def run(**answers: Any) -> tuple[int, str]:
        answer_file = tmp_path / "answers.json"
        answer_file.write_text(json.dumps({"resources": bicep_cli.kept()} | answers))
        program = tmp_path / "bicep"
        program.write_text(STAND_IN.format(python=sys.executable, answers=str(answer_file)))
        program.chmod(0o755)
        monkeypatch.setattr(shutil, "which", lambda _name: str(program))
        printed: list[str] = []
        return bicep_cli.main(printed.append), "".join(printed)

    return run


@pytest.mark.parametrize("name", bicep_cli.ENVIRONMENTS)
def test_the_kept_list_is_what_the_template_comes_to(name: str, deployed: Callable[..., Deployed]) -> None:
    """Resources that appear or vanish are seen in a diff of tests/infra/resources-kept.yaml."""
    found = bicep_cli.counted(resource.type for resource in deployed(bicep_cli.ENVIRONMENTS[name]).resources)
    assert found == bicep_cli.kept()[name], f"resources-kept.yaml, {name}:\n{yaml.safe_dump(found)}"


def test_without_the_compiler_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks pass on a machine that has none."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    printed: list[str] = []
    assert bicep_cli.main(printed.append) == 0
    assert printed == [bicep_cli.ABSENT]


def test_a_template_without_fault_passes(say_of_bicep: Callable[..., tuple[int, str]]) -> None:
    """Nothing refused, nothing formatted otherwise, the resources as kept."""
    assert say_of_bicep() == (0, "bicep: lint, build, format and snapshot are as they should be\n")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"lint fails": 1, "lint says": "Error secure-secrets-in-params"}, "secure-secrets-in-params"),
        pytest.param(
            {"lint says": "main.bicep(3,1) : Warning use-resource-id-functions"},
            "use-resource-id-functions",
            marks=pytest.mark.slow,
        ),
        pytest.param({"build fails": 1, "build says": "Error BCP057"}, "BCP057", marks=pytest.mark.slow),
        pytest.param({"build-params fails": 1, "build-params says": "Error BCP258"}, "BCP258", marks=pytest.mark.slow),
        pytest.param({"format": "otherwise"}, "bicep format infra/modules/alerts.bicep", marks=pytest.mark.slow),
        pytest.param(
            {"snapshot fails": 1, "snapshot says": "cannot be evaluated"}, "cannot be evaluated", marks=pytest.mark.slow
        ),
        pytest.param(
            {"resources": {"public": {"Microsoft.Web/sites": 1}, "private": {}}},
            "other resources than resources-kept.yaml",
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_compiler_has_against_the_template_is_said(
    say_of_bicep: Callable[..., tuple[int, str]], answers: dict[str, Any], words: str
) -> None:
    """Errors, warnings, another format, a snapshot with other resources: the check fails and says which."""
    code, printed = say_of_bicep(**answers)
    assert code == 1
    assert words in printed
