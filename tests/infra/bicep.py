"""Works out offline what a Bicep template would deploy: enough of the language for `infra/`, and strict about the rest.

The Bicep compiler is not to be had everywhere, so the tests parse with tree-sitter and evaluate: parameters in, resources
with their final values out. A name nobody declared, a parameter that a module does not have or lacks, a function or a
construct unknown here are errors. What only Azure knows (`properties.x` of a resource) becomes a text: `<sql.properties.x>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tree_sitter import Node

from tests.infra.bicep_functions import FUNCTIONS, Runtime
from tests.infra.bicep_syntax import BicepError, Declaration, arguments_of, declarations, text_of

__all__ = ["BicepError", "Declaration", "File", "Resource", "declarations", "deploy", "parameters", "text_of"]


SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"


@dataclass
class Resource:
    """A resource as it would be deployed."""

    symbol: str
    file: str
    type: str
    api: str
    id: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The last part of its name."""
        return self.id.rsplit("/", 1)[-1]


class File:
    """One template file being evaluated, with its parameters and its place in the subscription."""

    def __init__(self, path: Path, given: Mapping[str, Any], scope: str = SUBSCRIPTION, where: str = "") -> None:
        self.path, self.scope, self.where = path, scope, where
        self.declared = declarations(path)
        self.values: dict[str, Any] = {}
        self.resources: list[Resource] = []
        self._under_way: set[str] = set()
        self._check_parameters(given)

    def _check_parameters(self, given: Mapping[str, Any]) -> None:
        known = {name: one for (_, name), one in self.declared.items() if one.kind == "param"}
        if unknown := set(given) - set(known):
            raise BicepError(f"{self.path.name} has no parameter {sorted(unknown)}")
        for name, declared in known.items():
            default = declared.node.named_children[2] if len(declared.node.named_children) > 2 else None
            if name in given:
                self.values[name] = given[name]
            elif default is not None:
                self.values[name] = self.value(default, {})
            else:
                raise BicepError(f"{self.path.name} needs the parameter {name}")
            self._check_value(declared, self.values[name])

    def _check_value(self, declared: Declaration, value: Any) -> None:
        kinds: dict[str, type] = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}
        if not isinstance(value, Runtime) and type(value) is not kinds[declared.type]:
            raise BicepError(f"{self.path.name}: {declared.name} must be {declared.type}, not {value!r}")
        for name, arguments in declared.decorators.items():
            bound = self.value(arguments[0], {}) if arguments else None
            size = len(value) if isinstance(value, str | list) else value
            wrong = {
                "allowed": lambda b=bound: value not in b,
                "minLength": lambda b=bound, s=size: s < b,
                "maxLength": lambda b=bound, s=size: s > b,
                "minValue": lambda b=bound, s=size: s < b,
                "maxValue": lambda b=bound, s=size: s > b,
            }.get(name)
            if wrong is not None and wrong():
                raise BicepError(f"{self.path.name}: {declared.name} = {value!r} breaks @{name}({bound})")

    def evaluate(self) -> dict[str, Any]:
        """Evaluate everything; the outputs. The resources, those of modules among them, are in `resources`."""
        for (space, name), declared in self.declared.items():
            if space == "name" and declared.kind in ("resource", "module", "var"):
                self.named(name)
        outputs = [one for (space, _), one in self.declared.items() if space == "output"]
        return {one.name: self.value(one.node.named_children[-1], {}) for one in outputs}

    def named(self, name: str) -> Any:
        """The value of a declared name, worked out on first use."""
        if name in self.values:
            return self.values[name]
        declared = self.declared.get(("name", name))
        if declared is None:
            raise BicepError(f"{self.path.name}: nothing is called {name}")
        if name in self._under_way:
            raise BicepError(f"{self.path.name}: {name} depends on itself")
        self._under_way.add(name)
        makers = {"var": self._variable, "resource": self._deployed, "module": self._deployed}
        self.values[name] = makers[declared.kind](declared)
        return self.values[name]

    def _variable(self, declared: Declaration) -> Any:
        return self.value(declared.node.named_children[-1], {})

    def _deployed(self, declared: Declaration) -> Any:
        """A resource or a module: one, a list of them, or nothing where its condition is false."""
        make = self._resource if declared.kind == "resource" else self._module
        node = declared.node.named_children[2]
        if node.type == "if_statement":
            condition, node = node.named_children
            if not self.value(condition, {}):
                return Runtime(f"<absent {declared.name}>")
        if node.type == "for_statement":
            return self._loop(node, {}, lambda body, local: make(declared, body, local))
        return make(declared, node, {})

    def _resource(self, declared: Declaration, node: Node, local: dict[str, Any]) -> Runtime:
        rtype, _, api = declared.target.partition("@")
        body = self.value(node, local)
        if not isinstance(body.get("name"), str):
            raise BicepError(f"{self.path.name}: {declared.name} has no name")
        resource_id = self._id(rtype, body)
        if not declared.existing:
            self.resources.append(Resource(declared.name, self.path.name, rtype, api, resource_id, body))
        known_as = f"{self.where}/{declared.name}" if self.where else declared.name
        return Runtime(f"<{known_as}>", resource={"id": resource_id, "name": body["name"]})

    def _id(self, rtype: str, body: dict[str, Any]) -> str:
        namespace, *types = rtype.split("/")
        if parent := body.pop("parent", None):
            return f"{parent.resource['id']}/{types[-1]}/{body['name']}"
        scope = body.pop("scope", None)
        if rtype == "Microsoft.Resources/resourceGroups":
            return f"{self.scope}/resourceGroups/{body['name']}"
        base = scope.resource["id"] if scope is not None else self.scope
        names = body["name"].split("/")
        if len(names) != len(types):
            raise BicepError(f"{self.path.name}: {rtype} {body['name']!r} needs a parent or a longer name")
        return f"{base}/providers/{namespace}" + "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))

    def _module(self, declared: Declaration, node: Node, local: dict[str, Any]) -> Runtime:
        body = self.value(node, local)
        scope = body["scope"].resource["id"] if "scope" in body else self.scope
        file = File(self.path.parent / declared.target, body.get("params", {}), scope, declared.name)
        outputs = file.evaluate()
        self.resources.extend(file.resources)
        return Runtime(f"<{declared.name}>", resource={"name": declared.name, "outputs": outputs})

    def _loop(self, node: Node, local: dict[str, Any], make: Callable[[Node, dict[str, Any]], Any]) -> list[Any]:
        *variable, items, body = node.named_children
        names = [text_of(part) for part in (variable[0].named_children or variable) if part.type != "comment"]
        results = []
        for index, item in enumerate(self.value(items, local)):
            results.append(make(body, local | dict(zip(names, (item, index), strict=False))))
        return results

    # Expressions

    def value(self, node: Node, local: dict[str, Any]) -> Any:
        """The value of an expression; `local` holds the variables of loops and lambdas."""
        evaluate = getattr(self, f"_{node.type}", None)
        if evaluate is None:
            raise BicepError(f"{self.path.name}:{node.start_point[0] + 1}: {node.type} is not known here")
        return evaluate(node, local)

    def _identifier(self, node: Node, local: dict[str, Any]) -> Any:
        name = text_of(node)
        return local[name] if name in local else self.named(name)

    def _string(self, node: Node, local: dict[str, Any]) -> str:
        escapes = {"\\'": "'", "\\n": "\n", "\\t": "\t", "\\\\": "\\", "\\$": "$"}
        text = ""
        for part in node.named_children:
            if part.type == "interpolation":
                inner = self.value(part.named_children[0], local)
                text += str(inner).lower() if isinstance(inner, bool) else str(inner)
            else:
                text += escapes[text_of(part)] if part.type == "escape_sequence" else text_of(part)
        return text

    def _number(self, node: Node, _local: dict[str, Any]) -> int:
        return int(text_of(node))

    def _boolean(self, node: Node, _local: dict[str, Any]) -> bool:
        return text_of(node) == "true"

    def _null(self, _node: Node, _local: dict[str, Any]) -> None:
        return None

    def _array(self, node: Node, local: dict[str, Any]) -> list[Any]:
        return [self.value(child, local) for child in node.named_children if child.type != "comment"]

    def _object(self, node: Node, local: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for child in node.named_children:
            if child.type in ("comment", "diagnostic_comment"):
                continue
            key_node, value_node = (part for part in child.named_children if part.type != "comment")
            key = self._string(key_node, local) if key_node.type == "string" else text_of(key_node)
            if key in made:
                raise BicepError(f"{self.path.name}:{child.start_point[0] + 1}: {key} stands twice in one object")
            made[key] = self.value(value_node, local)
        return made

    def _for_statement(self, node: Node, local: dict[str, Any]) -> list[Any]:
        return self._loop(node, local, self.value)

    def _parenthesized_expression(self, node: Node, local: dict[str, Any]) -> Any:
        return self.value(node.named_children[0], local)

    def _ternary_expression(self, node: Node, local: dict[str, Any]) -> Any:
        condition, yes, no = (child for child in node.named_children if child.type != "comment")
        return self.value(yes if self.value(condition, local) else no, local)

    def _unary_expression(self, node: Node, local: dict[str, Any]) -> Any:
        inner = self.value(node.named_children[0], local)
        return not inner if text_of(node).startswith("!") else -inner

    def _binary_expression(self, node: Node, local: dict[str, Any]) -> Any:
        left, right = node.named_children
        operator = next(text_of(child) for child in node.children if not child.is_named)
        first = self.value(left, local)
        if operator == "&&":
            return first and self.value(right, local)
        if operator == "||":
            return first or self.value(right, local)
        second = self.value(right, local)
        plain: dict[str, Callable[[], Any]] = {
            "==": lambda: first == second,
            "!=": lambda: first != second,
            ">": lambda: first > second,
            "*": lambda: first * second,
        }
        return plain[operator]()

    def _member_expression(self, node: Node, local: dict[str, Any]) -> Any:
        owner, name = node.named_children
        return self._part(self.value(owner, local), text_of(name), node)

    def _subscript_expression(self, node: Node, local: dict[str, Any]) -> Any:
        owner, index = node.named_children
        return self._part(self.value(owner, local), self.value(index, local), node)

    def _part(self, owner: Any, name: Any, node: Node) -> Any:
        if isinstance(owner, Runtime):
            return owner.part(name)
        try:
            return owner[name]
        except (KeyError, IndexError, TypeError) as error:
            raise BicepError(f"{self.path.name}:{node.start_point[0] + 1}: {text_of(node)} does not exist") from error

    def _lambda_expression(self, node: Node, local: dict[str, Any]) -> Callable[..., Any]:
        *names, body = node.named_children
        return lambda *given: self.value(body, local | dict(zip((text_of(name) for name in names), given, strict=True)))

    def _call_expression(self, node: Node, local: dict[str, Any]) -> Any:
        callee = node.named_children[0]
        arguments = [self.value(argument, local) for argument in arguments_of(node)]
        if callee.type == "member_expression":
            owner, method = callee.named_children
            return Runtime(f"<{text_of(owner)}.{text_of(method)}({', '.join(map(str, arguments))})>")
        if (function := FUNCTIONS.get(text_of(callee))) is None:
            raise BicepError(f"{self.path.name}:{node.start_point[0] + 1}: the function {text_of(callee)} is not known here")
        return function(self, *arguments)


def parameters(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What a parameter file gives, with these environment variables."""
    file = File(path, {})
    file.values["__environment__"] = dict(environment)
    return {name: file.named(name) for (_, name) in file.declared}


def deploy(path: Path, given: Mapping[str, Any]) -> tuple[list[Resource], dict[str, Any]]:
    """The resources and outputs that `path` comes to with these parameters."""
    file = File(path, given)
    outputs = file.evaluate()
    return file.resources, outputs
