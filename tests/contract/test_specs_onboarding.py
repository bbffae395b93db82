"""What onboarding asks of Okta, Google and Microsoft, and what the sandbox answers, held against the vendors' descriptions."""

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator
from vendor_specs import Spec

from tests.functions.onboarding.conftest import Company, company, faults  # noqa: F401  # fixtures
from tests.support.sandbox import HOST

type Exchanged = tuple[requests.PreparedRequest, int, bytes]
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the descriptions are."""
    return Path(os.environ["VENDOR_SPECS"])


def lived(company: Company, prefix: str) -> list[Exchanged]:  # noqa: F811  # the fixture
    """A contract is signed, changed, begun and cancelled; what was asked of one system, and answered."""
    company.sign()
    company.sign(200, position="Jefa", start_date="2027-01-18")
    company.go_to("2027-01-18")
    company.cancel()
    return [one for one in company.exchange.adapters[prefix].answers if "/token" not in str(one[0].url)]


class Discovery:
    """One of Google's discovery documents, read strictly: what it does not name must not be there."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.schemas = {name: self._closed(schema) for name, schema in document["schemas"].items()}
        self.common = document["parameters"]
        self.methods = [
            (method["httpMethod"], re.compile("/" + re.sub(r"\{\+?\w+\}", "[^/]+", method["path"]) + "$"), method)
            for method in self._methods(document["resources"])
        ]

    def _methods(self, resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for resource in resources.values():
            yield from resource.get("methods", {}).values()
            yield from self._methods(resource.get("resources", {}))

    def _closed(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._closed(one) for one in node]
        if not isinstance(node, dict):
            return node
        left_out = ("id", "required", "format", "enum", "properties")
        made = {name: self._closed(value) for name, value in node.items() if name not in left_out}
        if "properties" in node:
            made["properties"] = {name: self._closed(value) for name, value in node["properties"].items()}
        if "$ref" in node:
            return {"$ref": f"#/schemas/{node['$ref']}"}
        if made.get("type") == "any":
            made.pop("type")
        if made.get("type") == "object" and "properties" in made:
            made.setdefault("additionalProperties", False)
        return made

    def check(self, request: requests.PreparedRequest, status: int, raw: bytes) -> str:
        """Fail unless path, query and bodies are described; the method's name."""
        parts = urlsplit(str(request.url))
        found = [one for verb, path, one in self.methods if verb == request.method and path.search(parts.path)]
        assert found, f"{request.method} {parts.path} is not described"
        method = found[0]
        for name, _value in parse_qsl(parts.query):
            assert name in method["parameters"] or name in self.common, name
        if request.body:
            self._valid(json.loads(request.body), method["request"]["$ref"])
        if status == 200 and raw:
            self._valid(json.loads(raw), method["response"]["$ref"])
        return str(method["id"])

    def _valid(self, value: Any, name: str) -> None:
        errors = list(Draft202012Validator({"$ref": f"#/schemas/{name}", "schemas": self.schemas}).iter_errors(value))
        assert not errors, "\n".join(f"{error.json_path}: {error.message}" for error in errors)


@pytest.mark.parametrize(
    ("name", "under", "methods"),
    [
        (
            "google_admin_directory_v1.json",
            "/admin/directory",
            {"directory.users.get", "directory.users.insert", "directory.users.update"},
        ),
        (
            "google_calendar_v3.json",
            "/calendar/v3",
            {"calendar.events.get", "calendar.events.insert", "calendar.events.patch", "calendar.events.delete"},
        ),
    ],
)
def test_google_is_asked_as_described(
    company: Company,  # noqa: F811  # the fixture
    folder: Path,
    name: str,
    under: str,
    methods: set[str],
) -> None:
    """Every path, parameter and member of what we send, and of what the stand-in answers."""
    discovery = Discovery(json.loads((folder / name).read_text(encoding="utf-8")))
    asked = [one for one in lived(company, "/google") if under in str(one[0].url)]
    assert {discovery.check(*one) for one in asked} == methods


def test_okta_is_asked_as_described(company: Company, folder: Path) -> None:  # noqa: F811  # the fixture
    """Every path and parameter, and every member of a profile that we send."""
    document = yaml.safe_load((folder / "okta_management_users.yaml").read_text(encoding="utf-8"))
    templates = dict(document["paths"])
    profile = set(document["components"]["schemas"]["UserProfile"]["properties"])
    asked = lived(company, "/okta")
    assert len(asked) >= 6
    for request, status, raw in asked:
        parts = urlsplit(str(request.url))
        path = parts.path.removeprefix("/okta")
        found = [one for template, one in templates.items() if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)]
        operations = next(one for one in found if str(request.method).lower() in one)
        operation = operations[str(request.method).lower()]
        described = [_resolved(document, one) for one in (*operations.get("parameters", []), *operation.get("parameters", []))]
        names = {one["name"] for one in described if one["in"] == "query"}
        assert {name for name, _value in parse_qsl(parts.query)} <= names
        assert str(status) in operation["responses"]
        if request.body:
            body = json.loads(request.body)
            assert set(body) == {"profile"}
            assert set(body["profile"]) <= profile
        if status == 200 and raw not in (b"", b"{}"):
            answer = json.loads(raw)
            known = set(document["components"]["schemas"]["User"]["properties"]) | {"activationUrl", "activationToken"}
            assert set(answer) <= known | {"_links"}


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = document
    for part in str(node["$ref"]).removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def test_oktas_tokens_are_asked_for_as_described(company: Company, folder: Path) -> None:  # noqa: F811  # the fixture
    """The form of a signed assertion, with every field that the description knows."""
    document = yaml.safe_load((folder / "okta_oauth_token.yaml").read_text(encoding="utf-8"))
    company.sign()
    adapter = company.exchange.adapters["/okta"]
    request = next(request for request, _status, _raw in adapter.answers if str(request.url).endswith("/token"))
    assert str(request.url) == f"{HOST}/okta/oauth2/v1/token"
    assert "/oauth2/v1/token" in document["paths"]
    fields = {name for name, _value in parse_qsl(str(request.body))}
    assert fields == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    written = json.dumps(document)
    assert all(f'"{name}"' in written for name in fields)


def test_microsoft_is_asked_for_properties_that_there_are(company: Company, folder: Path) -> None:  # noqa: F811  # the fixture
    """Every property of a user that we send or select, and the parameters of the actions, by the newest types."""
    root = ET.parse(folder / "msgraph_v1_csdl_slice.xml").getroot()  # noqa: S314  # a file of ours
    types = {one.get("Name"): one for one in root.iter() if one.tag.endswith("EntityType") or one.tag.endswith("ComplexType")}

    def properties(name: str) -> set[str]:
        node = types[name]
        base = (node.get("BaseType") or "").rpartition(".")[2]
        own = {str(one.get("Name")) for one in node if one.tag.endswith("Property")}
        return own | (properties(base) if base in types else set())

    company.set_up(
        **{name: HOST + value if value.startswith("/") else value for name, value in company.microsoft.connection.items()},
        ONBOARDING_IDENTITY_PROVIDER="entra",
        ENTRA_LICENSE_SKU="0b1c7a9e-0000-4000-8000-000000000001",
    )
    actions = {one.get("Name"): one for one in root.iter() if one.tag.endswith("Action")}
    user, seen = properties("user"), set()
    for request, _status, _raw in lived(company, "/microsoft"):
        path = urlsplit(str(request.url))
        last = path.path.rpartition("/")[2]
        body = json.loads(request.body) if request.body else {}
        selected = dict(parse_qsl(path.query)).get("$select", "")
        assert set(filter(None, selected.split(","))) <= user
        if last in ("assignLicense", "revokeSignInSessions"):
            parameters = {one.get("Name") for one in actions[last] if one.tag.endswith("Parameter")}
            assert set(body) <= parameters
            seen.add(last)
            continue
        assert set(body) <= user
        if "passwordProfile" in body:
            assert set(body["passwordProfile"]) <= properties("passwordProfile")
            seen.add("create")
    assert seen == {"assignLicense", "revokeSignInSessions", "create"}


def test_descriptions_of_okta_are_read_whole(folder: Path) -> None:
    """The stand-in's user is one by Okta's own description, where that says what a member must be."""
    spec = Spec(yaml.safe_load((folder / "okta_management_users.yaml").read_text(encoding="utf-8")))
    assert "STAGED" in spec.enum("UserStatus")
