"""The linter's rules that `infra/bicepconfig.json` switches on, worked out without the Bicep CLI: read off its own rules.

Where the linter looks into types of its own, the rule here is stricter or goes by names, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tree_sitter import Node

from tests.infra.bicep_syntax import Declaration, declarations, parse, text_of

Found = Iterator[tuple[Node, str]]

_LOOKS_SECRET = re.compile(r"password|pwd|secret|accountkey|acctkey", re.IGNORECASE)
_NAMES_A_SECRET = re.compile(r"secretpermissions|secretversion|secretur[il]|secretname", re.IGNORECASE)
_AZURE_HOSTS = re.compile(
    r"(?<![\w-])(?<!schema\.)(api\.loganalytics\.io|asazure\.windows\.net|azuredatalakestore\.net|core\.windows\.net"
    r"|database\.windows\.net|datalake\.azure\.net|gallery\.azure\.com|graph\.windows\.net|login\.microsoftonline\.com"
    r"|management\.azure\.com|trafficmanager\.net|vault\.azure\.net)",
    re.IGNORECASE,
)
# Properties that hold a secret in the resource types that the template could use.
_SECURE_INPUTS = frozenset({"administratorLoginPassword", "adminPassword", "password", "sharedKey", "connectionString"})
_ID_FUNCTIONS = frozenset(
    {
        "extensionResourceId",
        "resourceId",
        "subscriptionResourceId",
        "tenantResourceId",
        "if",
        "reference",
        "subscription",
        "guid",
    }
)
# Properties that end in `id` and are none, and resource types that the rule leaves alone: its own list, as far as we use it.
_NO_RESOURCE_IDS = frozenset(
    {
        "clientid",
        "locations",
        "metadata",
        "objectid",
        "principalid",
        "sid",
        "subscriptionid",
        "syntheticmonitorid",
        "tags",
        "tenantid",
    }
)
_FREE_TYPES = frozenset({"microsoft.portal/dashboards", "microsoft.logic/workflows"})


class Linted:
    """One file with what the rules ask of it."""

    def __init__(self, path: Path) -> None:
        self.root = parse(path)
        self.declared = list(declarations(path).values())
        self.named = {one.name: one for one in self.declared if one.kind != "output"}

    def all(self, kind: str) -> list[Declaration]:
        """The declarations of a kind."""
        return [one for one in self.declared if one.kind == kind]

    def is_secure(self, name: str) -> bool:
        """Whether `name` is a parameter that Azure keeps out of its logs."""
        return name in self.named and "secure" in self.named[name].decorators

    def uses(self) -> set[str]:
        """Every name that is read anywhere."""
        own = {one.node.named_children[0].start_byte for one in self.declared}
        names = [node for node in _walk(self.root) if node.type == "identifier" and not _is_key(node)]
        return {text_of(node) for node in names if node.start_byte not in own}


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.named_children:
        yield from _walk(child)


def _is_key(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "object_property" and parent.named_children[0].id == node.id


def _identifiers(node: Node) -> set[str]:
    return {text_of(part) for part in _walk(node) if part.type == "identifier" and not _is_key(part)}


def _key_and_value(node: Node) -> tuple[str, Node]:
    key, value = (part for part in node.named_children if part.type != "comment")
    return text_of(key).strip("'"), value


def _properties(node: Node) -> Iterator[tuple[str, Node]]:
    """Every property anywhere below, with its value."""
    for part in _walk(node):
        if part.type == "object_property":
            yield _key_and_value(part)


def _type(one: Declaration) -> str:
    return one.target.partition("@")[0].lower()


def _unused(kind: str) -> Callable[[Linted], Found]:
    def check(file: Linted) -> Found:
        used = file.uses()
        for one in file.all(kind):
            if one.name not in used:
                yield one.node, one.name

    return check


def _secrets_in_parameters(file: Linted) -> Found:
    for one in file.all("param"):
        looks_secret = _LOOKS_SECRET.search(one.name) and not _NAMES_A_SECRET.search(one.name)
        if one.type in ("string", "object") and looks_secret and "secure" not in one.decorators:
            yield one.node, one.name


def _secrets_in_outputs(file: Linted) -> Found:
    for one in file.all("output"):
        if "password" in one.name.lower():
            yield one.node, one.name
        for part in _walk(one.node):
            if part.type == "identifier" and file.is_secure(text_of(part)):
                yield part, text_of(part)
            if part.type == "call_expression" and _callee(part).startswith("list"):
                yield part, _callee(part)


def _callee(call: Node) -> str:
    return text_of(call.named_children[0]).rpartition(".")[2]


def _nested_deployments(file: Linted) -> Found:
    """Stricter than the linter: a deployment inside a template is written as a module, never as a resource."""
    for one in file.all("resource"):
        if _type(one) == "microsoft.resources/deployments":
            yield one.node, one.name


def _commands(file: Linted) -> Found:
    """Stricter than the linter: a command of an extension stands in its protected settings, whatever it holds."""
    for one in file.all("resource"):
        for key, value in _properties(one.node):
            if _type(one).endswith("/extensions") and key == "settings" and "commandToExecute" in dict(_properties(value)):
                yield value, "commandToExecute"


def _insecure_values(file: Linted) -> Found:
    """By the names of the properties, as the types are not at hand: given by a secure parameter, or by another resource."""
    for one in file.all("resource"):
        is_secret = _type(one) == "microsoft.keyvault/vaults/secrets"
        for key, value in _properties(one.node):
            if key in _SECURE_INPUTS or (is_secret and key == "value"):
                names = _identifiers(value)
                known = {name for name in names if file.is_secure(name) or _is_deployed(file, name)}
                if text_of(value) != "''" and not known:
                    yield value, key


def _is_deployed(file: Linted, name: str) -> bool:
    return name in file.named and file.named[name].kind in ("resource", "module")


def _hosts_of_one_cloud(file: Linted) -> Found:
    for node in _walk(file.root):
        if node.type == "string_content" and (host := _AZURE_HOSTS.search(text_of(node))):
            yield node, host[0]


def _ids_as_text(file: Linted) -> Found:
    for one in file.all("resource"):
        if _type(one) in _FREE_TYPES:
            continue
        for key, value in _properties(one.node):
            if key == "properties":
                yield from _ids_below(file, value)


def _ids_below(file: Linted, node: Node) -> Found:
    for child in node.named_children:
        if child.type != "object_property":
            yield from _ids_below(file, child)
            continue
        key, value = _key_and_value(child)
        if key.lower() in _NO_RESOURCE_IDS:
            continue
        if key.lower().endswith("id") and not key.endswith(("uid", "UID")):
            if not _is_id(file, value):
                yield value, key
        else:
            yield from _ids_below(file, value)


def _is_id(file: Linted, value: Node) -> bool:
    """Whether a value comes from a resource, module, parameter, choice or function for ids, and is not put together as text."""
    if any(_is_deployed(file, name) for name in _identifiers(value)):
        return True
    if value.type == "identifier":
        return _is_named_id(file, text_of(value))
    if value.type == "parenthesized_expression":
        return _is_id(file, value.named_children[0])
    checks: dict[str, Callable[[], bool]] = {
        "member_expression": lambda: _is_of_parameter(file, value),
        "subscript_expression": lambda: _is_of_parameter(file, value),
        "call_expression": lambda: _callee(value) in _ID_FUNCTIONS,
        "string": lambda: "/" not in text_of(value) and "${" not in text_of(value),
    }
    return checks[value.type]() if value.type in checks else value.type != "binary_expression"


def _is_named_id(file: Linted, name: str) -> bool:
    declared = file.named.get(name)
    if declared is not None and declared.kind == "var":
        return _is_id(file, declared.node.named_children[-1])
    return declared is not None


def _is_of_parameter(file: Linted, value: Node) -> bool:
    owner = value.named_children[0]
    while owner.type in ("member_expression", "subscript_expression", "parenthesized_expression"):
        owner = owner.named_children[0]
    return text_of(owner) in file.named and file.named[text_of(owner)].kind == "param"


RULES: dict[str, Callable[[Linted], Found]] = {
    "no-unused-params": _unused("param"),
    "no-unused-vars": _unused("var"),
    "no-hardcoded-env-urls": _hosts_of_one_cloud,
    "outputs-should-not-contain-secrets": _secrets_in_outputs,
    "secure-params-in-nested-deploy": _nested_deployments,
    "secure-secrets-in-params": _secrets_in_parameters,
    "protect-commandtoexecute-secrets": _commands,
    "use-secure-value-for-secure-inputs": _insecure_values,
    "use-resource-id-functions": _ids_as_text,
}


def findings(path: Path) -> list[str]:
    """What the rules say against a file: `<file>:<line> <rule> <what>`."""
    file = Linted(path)
    return [
        f"{path.name}:{node.start_point[0] + 1} {rule} {what}" for rule, check in RULES.items() for node, what in check(file)
    ]
