"""What the texts of a journey ask for, held against what a flow gives."""

import ast
from collections.abc import Iterator
from pathlib import Path

from shared.journeys import load
from shared.messages import template_sources, text_checks


def names(journey: str) -> set[str]:
    """The texts that a journey may send, with those of its fallbacks and of answering machines."""
    steps = [step for step in load.definitions()[journey].steps if not step.sent_by]
    found = {step.template for step in steps} | {way.template for step in steps for way in step.fallback}
    return found | {spoken for name in found if (spoken := template_sources.of_repository(name).voicemail)}


def lacking(journey: str, given: set[str]) -> dict[str, set[str]]:
    """For each text what it needs and does not get."""
    missing = {name: text_checks.lacking(template_sources.of_repository(name), given) for name in names(journey)}
    return {name: those for name, those in missing.items() if those}


def asked_in(folder: Path) -> Iterator[str]:
    """The journeys of which some test in a folder asks what is `lacking`, by their names as they are written there."""
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if f"from {__name__} import" in text:
            yield from _asked(ast.parse(text))


def _asked(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == lacking.__name__ and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value)
