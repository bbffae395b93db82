"""Bicep files as syntax: parsed with tree-sitter, taken apart into declarations. What they mean is in `bicep.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter
import tree_sitter_bicep
from tree_sitter import Node

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


class BicepError(Exception):
    """The template is wrong, or uses something this interpreter does not know."""


def parse(path: Path) -> Node:
    """The syntax tree of a file; of a parameter file too, whose `param x = ...` is read as `var x = ...`."""
    text = path.read_text("utf-8")
    if path.suffix == ".bicepparam":
        lines = text.splitlines()
        text = "\n".join("" if line.startswith("using ") else line.replace("param ", "var ", 1) for line in lines)
    root = _PARSER.parse(text.encode()).root_node
    if root.has_error:
        raise BicepError(f"{path}: {_first_error(root)}")
    return root


def _first_error(node: Node) -> str:
    if node.is_error or node.is_missing:
        return f"syntax error at line {node.start_point[0] + 1}: {text_of(node)[:60]!r}"
    return next(_first_error(child) for child in node.children if child.has_error)


def text_of(node: Node | None) -> str:
    """The source text of a node."""
    return node.text.decode() if node is not None and node.text is not None else ""


@dataclass
class Declaration:
    """One statement of a file: kind (`param`, `var`, `resource`, `module`, `output`), name, value and decorators."""

    kind: str
    name: str
    node: Node
    type: str = ""
    target: str = ""
    existing: bool = False
    decorators: dict[str, list[Node]] = field(default_factory=dict)


_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


def declarations(path: Path) -> dict[tuple[str, str], Declaration]:
    """What a file declares, by kind and name. Outputs live beside the other names; those must be unique."""
    found: dict[tuple[str, str], Declaration] = {}
    decorators: dict[str, list[Node]] = {}
    for node in parse(path).named_children:
        if node.type == "decorators":
            calls = [call.named_children[0] for call in node.named_children]
            decorators = {text_of(call.named_children[0]): arguments_of(call) for call in calls}
            continue
        if node.type in _KINDS:
            declared = _declaration(node, decorators)
            space = "output" if declared.kind == "output" else "name"
            if (space, declared.name) in found:
                raise BicepError(f"{path}: {declared.name} is declared twice")
            found[space, declared.name] = declared
        elif node.type not in ("comment", "target_scope_assignment", "metadata_declaration", "diagnostic_comment"):
            raise BicepError(f"{path}: {node.type} is not known here")
        decorators = {}
    return found


def _declaration(node: Node, decorators: dict[str, list[Node]]) -> Declaration:
    kind, parts = _KINDS[node.type], node.named_children
    declared = Declaration(kind, text_of(parts[0]), node, decorators=decorators)
    if kind in ("param", "output"):
        declared.type = text_of(parts[1])
    if kind in ("resource", "module"):
        declared.target = text_of(parts[1]).strip("'")
        declared.existing = any(child.type == "existing" for child in node.children)
    return declared


def arguments_of(call: Node) -> list[Node]:
    arguments = next((child for child in call.named_children if child.type == "arguments"), None)
    return [child for child in arguments.named_children if child.type != "comment"] if arguments else []
