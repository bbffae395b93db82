"""Vendors' own OpenAPI descriptions, as something that requests and answers can be held against.

The folder is named by VENDOR_SPECS; docs/vendors.md says where each file comes from.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import yaml
from jsonschema import Draft202012Validator


class Spec:
    """One description, read strictly: what it does not name must not be there."""

    def __init__(self, document: dict[str, Any], prefix: str = "") -> None:
        self.document, self._prefix = _strict(document), prefix

    def check_request(self, request: requests.PreparedRequest) -> None:
        """Fail unless the path, the query, the headers that are described and every field of the body are as described."""
        parts = urlsplit(str(request.url))
        operation, parameters = self._operation(str(request.method), parts.path)
        query = {entry["name"]: entry for entry in operation.get("parameters", []) if entry["in"] == "query"}
        for name, value in parse_qsl(parts.query, strict_parsing=bool(parts.query)):
            assert name in query, f"{name} is no parameter of {parts.path}"
            self.check(_typed(value, self._resolved(query[name]["schema"])), query[name]["schema"])
        for entry, value in parameters:
            self.check(value, entry["schema"])
        for entry in operation.get("parameters", []):
            if entry["in"] == "header" and entry["name"] in request.headers:
                self.check(request.headers[entry["name"]], entry["schema"])
        if request.body:
            self._check_body(request, self._resolved(operation["requestBody"])["content"])

    def check_answer(self, method: str, path: str, status: int, body: Any) -> None:
        """Fail unless the vendor may answer this."""
        operation, _ = self._operation(method, path)
        self.check(body, operation["responses"][str(status)]["content"]["application/json"]["schema"])

    def examples(self, method: str, path: str, status: int) -> dict[str, Any]:
        """The vendor's own examples of answers, by name."""
        operation, _ = self._operation(method, path)
        found = operation["responses"][str(status)]["content"]["application/json"].get("examples", {})
        return {name: example["value"] for name, example in found.items()}

    def check(self, value: Any, schema: Mapping[str, Any]) -> None:
        """Fail unless `value` is as `schema` says."""
        rooted = {**schema, "components": self.document["components"]}
        errors = sorted(Draft202012Validator(rooted).iter_errors(value), key=str)
        assert not errors, "\n".join(f"{error.json_path}: {error.message}" for error in errors)

    def enum(self, name: str) -> set[str]:
        """The words that the named schema allows."""
        return set(self.document["components"]["schemas"][name]["enum"])

    def _check_body(self, request: requests.PreparedRequest, content: Mapping[str, Any]) -> None:
        kind = request.headers["Content-Type"].partition(";")[0]
        assert kind in content, f"{kind} is not taken"
        body = request.body.encode() if isinstance(request.body, str) else request.body
        schema = self._resolved(content[kind]["schema"])
        self.check(json.loads(body or b"") if kind == "application/json" else self._form(body or b"", schema), schema)

    def _form(self, body: bytes, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The form's fields, with the types that the description gives them."""
        fields: dict[str, Any] = {}
        for name, value in parse_qsl(body.decode(), strict_parsing=True):
            kind = self._resolved(schema["properties"].get(name, {}))
            if kind.get("type") == "array":
                fields.setdefault(name, []).append(_typed(value, kind["items"]))
            else:
                assert name not in fields, f"{name} comes twice"
                fields[name] = _typed(value, kind)
        return fields

    def _operation(self, method: str, path: str) -> tuple[dict[str, Any], list[tuple[dict[str, Any], str]]]:
        """What is described for the path, and its path parameters with their values."""
        path = path.removeprefix(self._prefix)
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            found = re.fullmatch(pattern, path)
            if found and method.lower() in operations:
                entries = operations[method.lower()].get("parameters", []) + operations.get("parameters", [])
                operation = operations[method.lower()] | {"parameters": [self._parameter(entry) for entry in entries]}
                named = {entry["name"]: entry for entry in operation["parameters"] if entry["in"] == "path"}
                return operation, [(named[name], unquote(value)) for name, value in found.groupdict().items() if name in named]
        raise AssertionError(f"{method} {path} is not described")

    def _parameter(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in entry:
            return entry
        return dict(self.document["components"]["parameters"][entry["$ref"].rpartition("/")[2]])

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found = self.document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return found


def load(name: str, prefix: str = "") -> Spec:
    """The description of that file name; `prefix` is what our addresses have before the described paths."""
    return _load(str(Path(os.environ["VENDOR_SPECS"]) / name), prefix)


@lru_cache
def _load(path: str, prefix: str) -> Spec:
    text = Path(path).read_text(encoding="utf-8")
    return Spec(json.loads(text) if path.endswith(".json") else yaml.load(text, yaml.CSafeLoader), prefix)  # a safe one


def _typed(value: str, schema: Mapping[str, Any]) -> Any:
    if schema.get("type") == "integer":
        return int(value)
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}[value]
    return value


def _strict(node: Any) -> Any:
    """The description with OpenAPI 3.0's `nullable` as JSON Schema, and every object closed to members it does not name."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: value if name in ("example", "examples", "enum", "const") else _strict(value) for name, value in node.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made
