"""The pipelines: valid, pinned, without stored secrets, running what a developer runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra import scan
from tests.infra.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
WRITING = {
    "deploy.yml": {"id-token": "write"},
    "what-if.yml": {"id-token": "write", "pull-requests": "write"},
    "security.yml": {"security-events": "write"},
}


def load(path: Path) -> dict[Any, Any]:
    """A workflow; YAML 1.1 reads its key `on` as true."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return document


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    """All steps of all jobs."""
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", WORKFLOWS), ("vendor.dependabot", [ROOT / ".github/dependabot.yml"])],
    ids=["workflows", "dependabot"],
)
def test_files_keep_to_github_s_schema(schema: str, files: list[Path]) -> None:
    """Keys, types and allowed values, by the schema that editors use; it comes with the checker, no network is asked."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(path: Path) -> None:
    """A tag can be moved to other code, a commit cannot; the version stands beside it for people and for Dependabot."""
    lines = [line for line in path.read_text().splitlines() if "uses:" in line and "uses: ./" not in line]
    for line in lines:
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_one_version_of_each_action(path: Path) -> None:
    """The same action is the same commit in all workflows."""
    pinned: dict[str, set[str]] = {}
    for one in WORKFLOWS:
        for name, commit in re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", one.read_text()):
            pinned.setdefault(name, set()).add(commit)
    assert [name for name, commits in pinned.items() if len(commits) > 1] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_are_the_least(path: Path) -> None:
    """Every workflow reads only; a job that writes says what, and is expected to."""
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    writing = {
        name: level
        for job in workflow["jobs"].values()
        for name, level in job.get("permissions", {}).items()
        if level == "write"
    }
    assert writing == WRITING.get(path.name, {})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_stored_secret_opens_azure(path: Path) -> None:
    """The only secret that a workflow names is the scanner's licence; Azure is reached by OpenID Connect."""
    assert set(re.findall(r"secrets\.(\w+)", path.read_text())) <= {"GITLEAKS_LICENSE"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_scripts_hold_nothing_that_a_stranger_can_write(path: Path) -> None:
    """No expression is pasted into a script: a branch or a title could be a command. They come as variables."""
    for step in steps(load(path)):
        assert "${{" not in step.get("run", ""), step


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_ends(path: Path) -> None:
    """A job that hangs costs at most its limit, and a checkout leaves no token behind."""
    for name, job in load(path)["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 60, name
    for step in steps(load(path)):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_ci_runs_what_a_developer_runs() -> None:
    """`make check`, nothing else, so that what passes here passes there."""
    runs = [step.get("run") for step in steps(load(ROOT / ".github/workflows/ci.yml"))]
    assert "make check" in runs
    assert re.search(r"^check:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_deployment_waits_for_the_check() -> None:
    """Nothing is deployed that CI has not passed; two deployments of one environment never overlap."""
    workflow = load(ROOT / ".github/workflows/deploy.yml")
    assert workflow["jobs"]["deploy"]["needs"] == "check"
    assert workflow["jobs"]["deploy"]["if"] == "github.ref == 'refs/heads/main'"
    assert workflow["concurrency"]["cancel-in-progress"] is False
    choices = workflow[True]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert choices == ["dev", "prod"]


def test_pull_requests_of_strangers_get_no_token() -> None:
    """The preview logs in to Azure, so it runs for branches of this repository only."""
    job = load(ROOT / ".github/workflows/what-if.yml")["jobs"]["what-if"]
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert True in load(ROOT / ".github/workflows/what-if.yml")
    assert not any("pull_request_target" in path.read_text() for path in WORKFLOWS)


def test_everything_that_is_to_be_scanned_is() -> None:
    """Code, dependencies, known vulnerabilities, secrets; and a bill of materials."""
    jobs = set(load(ROOT / ".github/workflows/security.yml")["jobs"])
    assert jobs == {"codeql", "dependencies", "known-vulnerabilities", "secrets", "sbom"}
    ecosystems = {update["package-ecosystem"] for update in load(ROOT / ".github/dependabot.yml")["updates"]}
    assert ecosystems == {"pip", "npm", "github-actions"}


def test_hooks_of_azd_exist_and_are_the_steps() -> None:
    """Every hook is a file that runs the step of its name."""
    from deploy.steps import STEPS

    hooks = load(ROOT / "azure.yaml")["hooks"]
    assert set(hooks) == set(STEPS)
    for name, hook in hooks.items():
        assert f'run("{name}")' in (ROOT / hook["run"]).read_text()


def test_hooks_start_where_azd_starts_them(tmp_path: Path) -> None:
    """A hook runs in its own folder; it finds the project, and says in one line what is missing."""
    done = subprocess.run(
        [sys.executable, "postprovision.py"],
        cwd=ROOT / "deploy/hooks",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"puente: postprovision: AZURE_\w+ is not set\. .*\n", done.stdout), done.stdout + done.stderr


def test_every_exception_of_the_scan_has_a_reason() -> None:
    """A finding is left alone for a reason that somebody can disagree with."""
    reasons = {number: reason for group in scan.exceptions().values() for number, reason in group.items()}
    for number, reason in reasons.items():
        assert re.fullmatch(r"CKV2?_AZURE_\d+", number)
        other = re.match(r"As (CKV_AZURE_\d+)", reason)
        assert other[1] in reasons if other else len(reason) > 40, number


def test_scan_is_given_a_template_that_the_resource_manager_could_read(either: Any) -> None:
    """Every resource has its full name and type, so nothing escapes the scanner for its form."""
    for resource, made in zip(either.resources, scan.arm(either.resources)["resources"], strict=True):
        assert made["type"].count("/") == made["name"].count("/") + 1, made["name"]
        assert json.dumps(made)
        assert resource.api == made["apiVersion"]
