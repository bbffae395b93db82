"""`python -m tests.infra.scan`: let checkov look at what the template would deploy, with no finding left unanswered.

Checkov is heavy and pins its own dependencies, so it lives in an environment of its own under `.local/`, made on first use.
It is given the resources as the tests evaluate them, with final values: its own Bicep parser does not know all of the
language, and cannot see what a condition comes to. `scan-exceptions.yaml` holds a reason for each finding that stays.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import yaml

from tests.infra.bicep import Resource
from tests.infra.conftest import LEAST, MOST, ROOT, Deployed

CHECKOV = "checkov==3.3.30"
EXCEPTIONS = Path(__file__).with_name("scan-exceptions.yaml")
ENVIRONMENTS = {"public": LEAST, "private": MOST}


def exceptions() -> dict[str, dict[str, str]]:
    """The findings that stay, each with its reason: `everywhere`, and `public` for what the private network closes."""
    listed: dict[str, dict[str, str]] = yaml.safe_load(EXCEPTIONS.read_text("utf-8"))
    return listed


def arm(resources: list[Resource]) -> dict[str, Any]:
    """The evaluated resources as a template of the resource manager."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [_arm(resource) for resource in resources],
    }


def _arm(resource: Resource) -> dict[str, Any]:
    own = resource.id.rpartition("/providers/")[2].split("/")[-2 * resource.type.count("/") :]
    return {"type": resource.type, "apiVersion": resource.api, **resource.body, "name": "/".join(own[1::2])}


def checkov() -> Path:
    """The program, installed on first use."""
    place = ROOT / ".local" / CHECKOV.replace("==", "-")
    if not (place / "complete").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", CHECKOV], check=True)
        (place / "complete").touch()
    return place / "bin/checkov"


def findings(program: Path, resources: list[Resource]) -> list[tuple[str, str, str]]:
    """What checkov finds in these resources: its number, what it says, and where."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "template.json").write_text(json.dumps(arm(resources)))
        command = [program, "-d", folder, "--framework", "arm", "--output", "json", "--quiet", "--skip-download"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        sys.exit(f"checkov could not read the template:\n{done.stdout[:2000]}\n{done.stderr[:2000]}")
    return [(one["check_id"], one["check_name"], one["resource"]) for one in report["results"]["failed_checks"]]


def main() -> int:
    """Print findings without a reason, and reasons without a finding; 1 where there are any."""
    program, reasons = checkov(), exceptions()
    faults, seen = [], set()
    for name, environment in ENVIRONMENTS.items():
        answered = reasons["everywhere"] | reasons.get(name, {})
        for number, words, where in findings(program, Deployed(environment).resources):
            seen.add(number)
            if number not in answered:
                faults.append(f"{number} ({name}) {where}: {words}")
    listed = {number for group in reasons.values() for number in group}
    faults += [f"{number}: in scan-exceptions.yaml, but no longer found" for number in sorted(listed - seen)]
    sys.stdout.write("".join(f"{line}\n" for line in faults))
    sys.stdout.write(f"checkov: {len(seen & listed)} findings with a reason, {len(faults)} to be answered\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
