"""The interpreter that the other tests rely on: it works out what Bicep would, and refuses what Bicep would refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import SUBSCRIPTION, BicepError, deploy

VAULT = "resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {\n  name: 'kv'\n}\n"
MODULE = "param size int\noutput double int = size * 2\n"


def run(folder: Path, text: str, modules: dict[str, str] | None = None, **given: Any) -> tuple[list[Any], dict[str, Any]]:
    """Evaluate a template given as text, with modules beside it."""
    for name, content in (modules or {}).items():
        (folder / name).write_text(content)
    (folder / "main.bicep").write_text(text)
    return deploy(folder / "main.bicep", given)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a${1 == 1}b'", "atrueb"),
        ("'it\\'s'", "it's"),
        ("empty('') ? 'no' : 'yes'", "no"),
        ("map([1, 2], n => (n * 3))", [3, 6]),
        ("filter(['a', 'b'], one => (one != 'a'))", ["b"]),
        ("toObject(['a'], k => k, k => '${k}!')", {"a": "a!"}),
        ("union({ a: 1 }, { b: 2 })", {"a": 1, "b": 2}),
        ("[for (name, index) in ['x', 'y']: '${name}${index}']", ["x0", "y1"]),
        ("{ 'odata.type': 't' }['odata.type']", "t"),
        ("contains(['a'], 'a') && !contains({ b: 1 }, 'a')", True),
        ("json('{\"a\": [1]}').a[0]", 1),
    ],
)
def test_expressions(tmp_path: Path, expression: str, value: Any) -> None:
    """What an expression comes to."""
    assert run(tmp_path, f"output o object = {expression}\n")[1] == {"o": value}


def test_ids_follow_parents_scopes_and_loops(tmp_path: Path) -> None:
    """Where a resource would be: in its group, under its parent, on what it extends; once for each round of a loop."""
    text = (
        "resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = { name: 'rg' }\n"
        "module inner 'inner.bicep' = {\n  scope: group\n}\n"
    )
    inner = (
        f"{VAULT}resource secrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = [for n in ['a', 'b']: {{\n"
        "  parent: vault\n  name: n\n}]\n"
        "resource lock 'Microsoft.Authorization/locks@2020-05-01' = {\n  scope: vault\n  name: 'l'\n}\n"
    )
    resources, _ = run(tmp_path, text, {"inner.bicep": inner})
    kv = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
    assert [resource.id for resource in resources][1:] == [
        kv,
        f"{kv}/secrets/a",
        f"{kv}/secrets/b",
        f"{kv}/providers/Microsoft.Authorization/locks/l",
    ]


def test_conditions_leave_out_what_is_not_wanted(tmp_path: Path) -> None:
    """A resource whose condition is false is not there, and what only it could tell is not asked."""
    text = (
        "param on bool\nmodule m 'm.bicep' = if (on) {\n  params: { size: 4 }\n}\noutput o int = on ? m!.outputs.double : 0\n"
    )
    assert run(tmp_path, text, {"m.bicep": MODULE}, on=True)[1] == {"o": 8}
    assert run(tmp_path, text, {"m.bicep": MODULE}, on=False) == ([], {"o": 0})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("output o string = nobody\n", "nothing is called nobody"),
        ("output o string = sha512('x')\n", "the function sha512 is not known here"),
        ("var a = { x: 1, x: 2 }\n", "x stands twice"),
        ("var a = { x: 1 }\noutput o int = a.y\n", "a.y does not exist"),
        ("var a = b\nvar b = a\n", "depends on itself"),
        ("var a = 1\nparam a int = 2\n", "declared twice"),
        ("output o string = 'open\n", "syntax error at line"),
        ("param p string\n", "needs the parameter p"),
        ("param p int = 'one'\n", "p must be int"),
        ("@allowed(['a'])\nparam p string = 'b'\n", "breaks @allowed"),
        ("@maxLength(2)\nparam p string = 'abc'\n", "breaks @maxLength"),
        ("module m 'm.bicep' = {}\n", "m.bicep needs the parameter size"),
        ("module m 'm.bicep' = { params: { size: 1, colour: 'red' } }\n", "has no parameter"),
        ("module m 'm.bicep' = { params: { size: 1 } }\noutput o int = m.outputs.treble\n", "does not exist"),
        (f"{VAULT}resource s 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {{\n  name: 's'\n}}\n", "needs a parent"),
        ("import 'x.bicep'\n", "is not known here"),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """What the compiler would not take is not taken here either, and the error says what it is."""
    with pytest.raises(BicepError, match=words):
        run(tmp_path, text, {"m.bicep": MODULE})


def test_parameter_that_nobody_has_is_refused(tmp_path: Path) -> None:
    """A name that was misspelt in the parameter file does not vanish."""
    with pytest.raises(BicepError, match="has no parameter"):
        run(tmp_path, "param a int = 1\n", b=2)
