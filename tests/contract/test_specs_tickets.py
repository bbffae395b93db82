"""What reads tickets, held against the vendors' descriptions: OpenAI's with pictures, and Document Intelligence."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import vendor_specs
from jsonschema import Draft202012Validator
from vendor_specs import Spec

from functions.tickets import azure, vision
from functions.tickets.tables import Ticket
from sandbox.documentintelligence import KEY, OUTCOMES, DocumentIntelligence
from sandbox.openai import KEY as OPENAI_KEY
from sandbox.openai import OpenAI
from shared.settings import get_settings
from shared.vendors.openai import OPENAI
from tests.support.pictures import jpeg
from tests.support.sandbox import SandboxAdapter

ANALYZE = "/documentModels/{modelId}:analyze?_overload=analyzeDocument"
RESULT = "/documentModels/{modelId}/analyzeResults/{resultId}"
PATH = "/documentintelligence/documentModels/prebuilt-receipt"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Document Intelligence's own description, a Swagger of 2024-11-30."""
    name = "azure_documentintelligence_2024-11-30.json"
    found: dict[str, Any] = json.loads((Path(os.environ["VENDOR_SPECS"]) / name).read_text(encoding="utf-8"))
    return found


@pytest.fixture
def asked(environment: pytest.MonkeyPatch) -> SandboxAdapter:
    """Our client, before the stand-in."""
    vendor = DocumentIntelligence()
    adapter = SandboxAdapter(vendor)
    environment.setenv("DOCUMENTINTELLIGENCE_ENDPOINT", "https://di.example")
    environment.setenv("DOCUMENTINTELLIGENCE_KEY", KEY)
    get_settings.cache_clear()
    environment.setattr(type(azure.AZURE), "connected", lambda self: self.connect(adapter.url, KEY, adapter=adapter))
    environment.setattr("functions.tickets.files.original", lambda _ticket: jpeg())
    environment.setattr(azure, "_of_ours", lambda location: urlsplit(location).path.split("/documentintelligence", 1)[1])
    return adapter


def fits(value: Any, described: dict[str, Any], name: str) -> None:
    """Fail unless the value is as that definition says."""
    schema = {"$ref": f"#/definitions/{name}", "definitions": described["definitions"]}
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
    assert not errors, errors


def _queries(described: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    found = (
        one if "name" in one else described["parameters"][one["$ref"].rpartition("/")[2]] for one in operation["parameters"]
    )
    return {one["name"] for one in found if one["in"] == "query"}


def test_beginning_of_an_analysis_is_described(described: dict[str, Any], asked: SandboxAdapter) -> None:
    """Its query, its body, its headers, and an answer without content that names the result."""
    azure.begin(Ticket(id=1))
    ((request, status, raw),) = asked.answers
    operation = described["x-ms-paths"][ANALYZE]["post"]
    parts = urlsplit(request.url)
    assert parts.path.endswith(f"{PATH}:analyze")
    assert {name for name, _value in parse_qsl(parts.query)} <= _queries(described, operation)
    fits(json.loads(request.body), described, "AnalyzeDocumentRequest")
    assert described["securityDefinitions"]["ApiKeyAuth"]["name"] in request.headers
    assert (str(status) in operation["responses"], raw) == (True, b"")


@pytest.mark.parametrize("outcome", [one for one in OUTCOMES if one not in ("elsewhere", "lost")])
def test_results_are_as_described(described: dict[str, Any], outcome: str) -> None:
    """While it runs and when it is done; what failed comes with status 200 as well."""
    from sandbox.vendor import Call

    vendor = DocumentIntelligence()
    vendor.act("answer", {"outcome": outcome})
    headers, query = {"Ocp-Apim-Subscription-Key": KEY}, {"api-version": "2024-11-30"}
    begun = vendor.answer(
        Call(method="POST", path=f"{PATH}:analyze", headers=headers, query=query, body=b'{"base64Source": "aGk="}')
    )
    there = urlsplit(begun.headers["Operation-Location"]).path.split("/documentintelligence", 1)[1]
    call = Call(method="GET", path=there, headers=headers, query=query)
    answers = [json.loads(vendor.answer(call).body) for _ in range(2)]
    assert [one["status"] for one in answers] == ["running", "failed" if outcome == "failed" else "succeeded"]
    for answer in answers:
        fits(answer, described, "AnalyzeOperation")
    assert {"get", "delete"} <= set(described["paths"][RESULT])


def test_refusals_are_as_described(described: dict[str, Any]) -> None:
    """An error object with a code, and an inner one."""
    from sandbox.vendor import Call

    vendor = DocumentIntelligence()
    call = Call(method="GET", path="/documentintelligence/x")
    for answer in (vendor.answer(call), vendor.fail("no_content", call)):
        fits(json.loads(answer.body), described, "DocumentIntelligenceErrorResponse")


def test_reading_with_pictures_is_described_by_openai(environment: pytest.MonkeyPatch) -> None:
    """Each part of the input, and the schema of the answer; the stand-in's answer is of that form."""
    spec: Spec = vendor_specs.load("openai.json", prefix="/openai/v1")
    environment.setenv("OPENAI_API_KEY", OPENAI_KEY)
    get_settings.cache_clear()
    adapter = SandboxAdapter(OpenAI())
    body = vision.request_of([jpeg(), jpeg()])
    found = OPENAI.connect(adapter.url, OPENAI_KEY, adapter=adapter).call("POST", "/v1/responses", repeatable=True, json=body)
    schemas = spec.document["components"]["schemas"]
    text, *pages = body["input"][0]["content"]
    spec.check(text, schemas["InputTextContent"])
    for page in pages:
        spec.check(page, schemas["InputImageContent"])
    spec.check(body["text"]["format"], schemas["TextResponseFormatJsonSchema"])
    assert body["max_output_tokens"] >= 16
    answer = json.loads(found["output"][0]["content"][0]["text"])
    assert not list(Draft202012Validator(vision.SCHEMA).iter_errors(answer))
