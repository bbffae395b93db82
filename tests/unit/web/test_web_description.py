"""The API's description: true, complete, and a page that needs no internet."""

import re
import subprocess
from html.parser import HTMLParser
from typing import Any

import pytest

from shared import flows
from shared.intake.endpoint import webhook_routes
from shared.intake.webhook import json_object
from shared.problems import MEANINGS
from shared.web import description
from shared.web.webhook_paths import TAG
from tests.support.described import openapi
from tests.unit.web.calls import Api

STATIC = description.STATIC

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The description."""
    return openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every operation of the API itself with its name."""
    every = [(f"{m} {path}", found) for path, methods in document["paths"].items() for m, found in methods.items()]
    return [(name, found) for name, found in every if found["tags"] != [TAG]]


def test_every_operation_says_what_it_does_and_what_it_needs(document: dict[str, Any]) -> None:
    """A summary, a description, a tag, a scope, a short name of its own."""
    named = operations(document)
    for name, operation in named:
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert operation["security"][0]["ApiKey"][0] in ("read", "write"), name
    names = [operation["operationId"] for _name, operation in named]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)


def test_each_address_belongs_to_one_path(api: Api, document: dict[str, Any]) -> None:
    """`Allow` names the methods that the description has for the path, so no word of one path is read as a name in another."""
    for path, methods in document["paths"].items():
        if any(operation["tags"] == [TAG] for operation in methods.values()):
            continue
        answer = api("OPTIONS", re.sub(r"{\w+}", "1", path))
        allowed = set(answer.headers.get("allow", "").split(", ")) - {"HEAD"}
        assert (answer.status, allowed) == (405, {method.upper() for method in methods}), path


def test_every_webhook_is_described(document: dict[str, Any]) -> None:
    """Each address at which events come in, with the fields of its body, their limits, and what is asked of the sender."""
    posts = {path: methods.get("post", {}) for path, methods in document["paths"].items()}
    described = {path: operation for path, operation in posts.items() if operation.get("tags") == [TAG]}
    known = [webhook for route in webhook_routes(flows.parts("functions")) for webhook in route.webhooks.values()]
    assert len(described) == len(known) >= 12
    assert len({operation["operationId"] for operation in described.values()}) == len(known)
    for path, operation in described.items():
        assert "//" not in path
        assert re.findall(r"{(\w+)}", path) == [parameter["name"] for parameter in operation["parameters"]], path
        assert operation["description"].count("\n\n") >= 2, path
        assert {"401", "413", "422", "503"} < set(operation["responses"]), path
    assert {"200", "429"} <= set(described["/api/lead"]["responses"])
    contact = described["/api/v1/manychat/webhook/contact"]
    assert contact["security"] == [{"ApiKey": ["webhook"]}]
    schema = _schema(document, contact["requestBody"]["content"])
    assert set(schema["required"]) == {"manychat_id", "nombre_lead", "datetime_actual"}
    assert schema["properties"]["manychat_id"]["maxLength"] == 50
    bodies = {webhook.model.__name__ for webhook in known if webhook.read is json_object}
    assert bodies <= set(document["components"]["schemas"])


def test_every_problem_is_described_as_a_problem_document(document: dict[str, Any]) -> None:
    """All statuses above 399 have the one shape, and what each operation may answer is there."""
    for name, operation in operations(document):
        statuses = {int(status) for status in operation["responses"]}
        assert {401, 403, 422, 500, 503} <= statuses, name
        for status in statuses & set(MEANINGS):
            content = operation["responses"][str(status)]["content"]
            assert content["application/problem+json"] == {"schema": {"$ref": "#/components/schemas/Problem"}}, name


def test_examples_of_bodies_are_taken(api: Api, document: dict[str, Any]) -> None:
    """What the page offers to send is valid, and as one reads it: only Odoo, which is away here, may refuse it."""
    tried = []
    for path, methods in document["paths"].items():
        content = methods.get("post", methods.get("put", {})).get("requestBody", {}).get("content", {})
        for body in _schema(document, content).get("examples", []):
            address = path.replace("{automation_id}", NOBODYS)  # other ids are taken as they stand: there is no such row
            answer = api("POST" if "post" in methods else "PUT", address, body=body)
            tried.append((path.rpartition("/")[2], answer.status))
    assert {200, 400, 415, 422} & {status for _name, status in tried} == set()
    assert {("contacts", 201), ("campaigns", 201), ("stages", 201), ("update-by-manychat-id", 404)} <= set(tried)


def _schema(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    name = str(content.get("application/json", {}).get("schema", {}).get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, {})
    return found


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No schema is named that is not there, and none is there that nothing names."""
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named == set(document["components"]["schemas"])


def test_no_parameter_may_be_null(document: dict[str, Any]) -> None:
    """A parameter of an address is given or left out."""
    parameters = [parameter for _name, operation in operations(document) for parameter in operation.get("parameters", [])]
    assert parameters
    assert all("anyOf" not in parameter["schema"] for parameter in parameters)


def test_description_is_served_as_it_is(api: Api, document: dict[str, Any]) -> None:
    """At /api/openapi.json, to everybody: it holds no data."""
    answer = api.get("/api/openapi.json", key=None)
    assert (answer.status, answer.json) == (200, document)


class Sources(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found += [value for name in ("src", "href") if (value := values.get(name)) and tag in ("script", "link", "img")]


def test_page_loads_only_what_this_application_serves(api: Api) -> None:
    """Its script and style are here, of the right type; the browser is told to load nothing else."""
    page = api.get("/api/docs", key=None)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    sources = Sources()
    sources.feed(page.body.decode())
    types = {source: api.get(source, key=None).headers["content-type"].partition(";")[0] for source in sources.found}
    assert types == {"/api/docs/page.css": "text/css", "/api/docs/page.js": "text/javascript"}
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")


@pytest.mark.parametrize("name", ["docs.html", "docs.js", "docs.css"])
def test_no_file_of_the_page_names_another_host(name: str) -> None:
    """Nothing is fetched from elsewhere, and nothing is set as HTML that came from a document or an answer."""
    text = (STATIC / name).read_text()
    assert not re.search(r"https?://|//cdn|innerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_script_of_the_page_is_sound() -> None:
    """It is well-formed for the JavaScript engine that is here for Azurite anyway."""
    done = subprocess.run(["node", "--check", STATIC / "docs.js"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
