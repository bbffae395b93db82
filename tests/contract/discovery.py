"""A description in Google's discovery format, as something that requests can be held against, strictly."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests


class Discovery:
    """One API: its methods by their paths, its schemas by their names."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._methods = list(_methods(document))

    def check_request(self, request: requests.PreparedRequest, root: str) -> str:
        """Fail unless path, query and body are as described; the method's id. `root` stands before the API's own paths."""
        parts = urlsplit(str(request.url))
        path = parts.path.partition(root)[2].lstrip("/")
        method = self._method(str(request.method), path)
        known = {**self.document.get("parameters", {}), **method.get("parameters", {})}
        for name, _value in parse_qsl(parts.query):
            assert known.get(name, {}).get("location") == "query", f"{name} is no parameter of {method['id']}"
        if request.body:
            assert "request" in method, f"{method['id']} takes no body"
            self.check(json.loads(request.body), method["request"])
        return str(method["id"])

    def check_answer(self, method_id: str, body: Any) -> None:
        """Fail unless the vendor may answer this."""
        method = next(one for one in self._methods if one["id"] == method_id)
        if body is not None:
            self.check(body, method["response"])

    def check(self, value: Any, schema: Mapping[str, Any]) -> None:
        """Fail unless every member of the value is one of the schema's, of its type."""
        whole = self.document["schemas"][schema["$ref"]] if "$ref" in schema else schema
        kind = whole.get("type")
        if kind == "object":
            assert isinstance(value, dict), value
            for name, member in value.items():
                inner = whole.get("properties", {}).get(name) or whole.get("additionalProperties")
                assert inner is not None, f"{name} is no member of {whole.get('id')}"
                self.check(member, inner)
        elif kind == "array":
            assert isinstance(value, list), value
            for one in value:
                self.check(one, whole["items"])
        elif kind == "string":
            assert isinstance(value, str), (value, whole)
            assert not whole.get("enum") or value in whole["enum"], value
        elif kind == "boolean":
            assert isinstance(value, bool), value
        elif kind == "integer":
            assert isinstance(value, int), value

    def _method(self, verb: str, path: str) -> Mapping[str, Any]:
        for method in self._methods:
            pattern = re.sub(r"\{\+?\w+\}", "[^/]+", method["path"])
            if method["httpMethod"] == verb and re.fullmatch(pattern, path):
                return method
        raise AssertionError(f"there is no {verb} {path}")


def load(name: str) -> Discovery:
    """The description of that name in the folder that VENDOR_SPECS names."""
    return Discovery(json.loads((Path(os.environ["VENDOR_SPECS"]) / name).read_text(encoding="utf-8")))


def _methods(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from part.get("methods", {}).values()
    for inner in part.get("resources", {}).values():
        yield from _methods(inner)
