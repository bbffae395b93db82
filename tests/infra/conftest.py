"""The template, evaluated for the environments that matter, and the code it must fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import Resource, deploy, parameters

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"

LEAST = {
    "AZURE_ENV_NAME": "dev",
    "AZURE_LOCATION": "westeurope",
    "AZURE_PRINCIPAL_ID": "11111111-2222-3333-4444-555555555555",
    "ODOO_URL": "https://odoo.example.com",
    "ODOO_DB": "clinic",
    "PUENTE_ALERT_EMAILS": "ops@example.com,lead@example.com",
}
MOST = LEAST | {
    "AZURE_ENV_NAME": "Production",
    "AZURE_PRINCIPAL_TYPE": "ServicePrincipal",
    "PUENTE_PRIVATE_NETWORK": "true",
    "PUENTE_DELETION_LOCK": "true",
    "PUENTE_ZONE_REDUNDANT": "true",
    "PUENTE_SECRETS": "API_KEYS,ODOO_PASSWORD,ALERT_WEBHOOK_URL",
    "PUENTE_ALWAYS_READY": '[{"name": "http", "instanceCount": 2}, {"name": "function:deliver", "instanceCount": 1}]',
    "PUENTE_BUDGET_START": "2026-10-01",
    "PUENTE_CONSOLE_CLIENT_ID": "99999999-8888-7777-6666-555555555555",
}


class Deployed:
    """What the template comes to with some environment variables."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.parameters = parameters(INFRA / "main.bicepparam", environment)
        self.resources, self.outputs = deploy(INFRA / "main.bicep", self.parameters)

    def all(self, resource_type: str) -> list[Resource]:
        """Every resource of a type."""
        return [resource for resource in self.resources if resource.type == resource_type]

    def one(self, resource_type: str) -> Resource:
        """The only resource of a type."""
        (only,) = self.all(resource_type)
        return only

    def app_settings(self) -> dict[str, str]:
        """The app settings of the function app."""
        rows: list[dict[str, Any]] = self.one("Microsoft.Web/sites").body["properties"]["siteConfig"]["appSettings"]
        return {row["name"]: row["value"] for row in rows}


@cache
def _deployed(environment: tuple[tuple[str, str], ...]) -> Deployed:
    return Deployed(dict(environment))


@pytest.fixture
def deployed() -> Callable[..., Deployed]:
    """Evaluate the template: `deployed(LEAST)`, or with other variables. The same variables are evaluated once."""
    return lambda environment: _deployed(tuple(sorted(environment.items())))


@pytest.fixture(params=[LEAST, MOST], ids=["least", "most"])
def either(request: pytest.FixtureRequest, deployed: Callable[..., Deployed]) -> Deployed:
    """The smallest environment, and the one with everything switched on."""
    return deployed(request.param)


@dataclass(frozen=True)
class App:
    """What the code declares: its queues, and its functions with their bindings as the host is told of them."""

    queues: frozenset[str]
    functions: dict[str, list[dict[str, Any]]]

    def timers(self) -> dict[str, str]:
        """The timer functions and their schedules."""
        return {
            name: binding["schedule"]
            for name, bindings in self.functions.items()
            for binding in bindings
            if binding["type"] == "timerTrigger"
        }


ASK = """
import json, function_app
from shared import flows
functions = {f.get_function_name(): [json.loads(b) for b in f.get_raw_bindings()] for f in function_app.app.get_functions()}
print(json.dumps({"queues": sorted(flows.queues()), "functions": functions}))
"""


@pytest.fixture(scope="session")
def app() -> App:
    """The app, asked in a process of its own: other tests declare queues and functions of theirs."""
    from tests.conftest import ENVIRONMENT

    whole = os.environ | ENVIRONMENT
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=whole, capture_output=True, text=True, check=True)
    compiled = json.loads(done.stdout)
    return App(frozenset(compiled["queues"]), compiled["functions"])
