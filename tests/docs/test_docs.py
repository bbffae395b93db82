"""The documents say what the code does."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

from local import bicep_settings, docs
from shared.settings import load, settings_class
from tests.structure.modules import LAYERS

ROOT = Path(__file__).resolve().parents[2]
MARKDOWN = sorted(path for path in ROOT.rglob("*.md") if not {".venv", "node_modules", ".local"} & set(path.parts))


@pytest.mark.parametrize(
    "name",
    ["README.md", "docs/settings.md", "docs/flows.md", "docs/add-a-flow.md", "local.settings.example.json", "infra/flows.json"],
)
def test_derived_file_is_what_make_docs_writes(environment: pytest.MonkeyPatch, name: str) -> None:
    """A new setting, function, flow or queue stands in the documents and in the template, or this fails."""
    assert (ROOT / name).read_text() == docs.documents()[name], "run `make docs`"


def test_derived_files_are_written_and_compared(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` names what is out of date and changes nothing; without it the file is written, and then all is up to date."""
    environment.setattr(docs, "ROOT", tmp_path)
    environment.setattr(docs, "documents", lambda: {"same.md": "same", "old.md": "new"})
    (tmp_path / "same.md").write_text("same")
    (tmp_path / "old.md").write_text("old")
    assert docs.main(check=True) == 1
    assert capsys.readouterr().out == "old.md is out of date; run `make docs`\n"
    assert (tmp_path / "old.md").read_text() == "old"
    assert docs.main(check=False) == 0
    assert (docs.main(check=True), (tmp_path / "old.md").read_text()) == (0, "new")


def test_guide_shows_every_file_of_its_flow() -> None:
    """docs/add-a-flow.md shows each file of the flow that test_outsider.py runs, each once, and no other."""
    shown = [docs.shown_file(found[2]) for found in docs.SHOWN.finditer((ROOT / "docs/add-a-flow.md").read_text())]
    there = [path for path in docs.EXAMPLE_FLOW.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sorted(shown) == sorted(path for path in there if path.name != "__init__.py")


def test_guide_imports_what_there_is() -> None:
    """Every name that the guide's files import of ours exists; the flow itself runs in test_outsider.py, which is slower."""
    trees = [ast.parse(path.read_text()) for path in docs.EXAMPLE_FLOW.rglob("*.py")]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [
        (node.module, name.name) for node in found if str(node.module).startswith(("shared", "tests")) for name in node.names
    ]
    assert len(ours) > 20
    for module, name in ours:
        there = importlib.import_module(str(module))
        assert hasattr(there, name) or importlib.util.find_spec(f"{module}.{name}"), f"{module} has no {name}"


def test_changed_file_makes_the_guide_out_of_date() -> None:
    """A block that differs from its file is replaced; what stands around it stays."""
    page = "Before.\n\n**`functions/loyalty/flow.py`**\n\n```python\nFLOW = None\n```\n\nAfter.\n"
    made = docs.with_files(page)
    assert made.startswith("Before.")
    assert made.endswith("After.\n")
    assert (docs.EXAMPLE_FLOW / "loyalty/flow.py").read_text() in made


def test_page_without_the_marks_is_an_error() -> None:
    """A table that has lost its place is not dropped in silence."""
    with pytest.raises(ValueError, match="lacks"):
        docs.between_marks("# A page", "| a table |")


def test_layers_in_the_design_are_those_of_the_structure_test() -> None:
    """The table in docs/design.md lists the layers from the top, each with its packages, and nothing else."""
    table = (ROOT / "docs/design.md").read_text().partition("<!-- layers -->")[2].partition("<!-- end of layers -->")[0]
    rows = [line.split("|")[1] for line in table.strip().splitlines()[2:]]
    shown = [{name.strip("/").removesuffix(".py").replace("/", ".") for name in re.findall(r"`([^`]+)`", row)} for row in rows]
    assert shown == LAYERS


def test_every_setting_says_what_it_means() -> None:
    """No setting without a sentence."""
    assert [name for name, field in settings_class().model_fields.items() if not field.description] == []


def test_example_settings_start_the_app(environment: pytest.MonkeyPatch) -> None:
    """With the example's values and nothing else the settings are usable, and an empty one means its default."""
    for name in ("API_KEYS", "ODOO_URL", "ODOO_DB", "ODOO_USERNAME", "ODOO_PASSWORD"):
        environment.delenv(name)
    for name, value in json.loads((ROOT / "local.settings.example.json").read_text())["Values"].items():
        environment.setenv(name, value)
    settings = load()
    assert settings.odoo_batch_size == settings_class().model_fields["odoo_batch_size"].default
    assert settings.alert_webhook_url is None


def test_catch_all_comes_last_in_the_order_of_the_host(environment: pytest.MonkeyPatch) -> None:
    """The host takes the first function by name whose route fits, whatever the case: the catch-all must be the last of all."""
    import function_app

    function_app.app.functions_bindings = None
    functions = function_app.app.get_functions()
    routes = {f.get_function_name(): f.get_trigger().route for f in functions if f.is_http_function()}
    for order in (str.upper, str.lower):
        assert max(routes, key=order) == "zz_web"
    assert routes["zz_web"] == "{*path}"


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link in a document names a file that exists."""
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_tables_of_the_deployment_are_made_of_the_settings() -> None:
    """What stood there before is replaced; required settings and secrets are named as such, schedules have their default."""
    made = bicep_settings.parameters("param settings = {\n  OLD: 'x'\n}\nparam vaultSettings = {\n}\nparam more = 1\n")
    assert "OLD" not in made
    assert "  ODOO_URL: readEnvironmentVariable('ODOO_URL')\n" in made
    assert "  DISPATCH_SCHEDULE: readEnvironmentVariable('DISPATCH_SCHEDULE', '*/30 * * * * *')\n" in made
    assert "  WARM_AFTER_SECONDS: readEnvironmentVariable('WARM_AFTER_SECONDS', '3')\n" in made
    assert "  ODOO_PASSWORD: 'required'\n" in made
    assert "  TWILIO_AUTH_TOKEN: 'optional'\n" in made
    assert made.endswith("}\nparam more = 1\n")
    assert "| `ODOO_PASSWORD` | yes |" in bicep_settings.secrets_table()


def test_parameter_file_without_its_table_is_an_error() -> None:
    """Nothing is written beside where it should stand."""
    with pytest.raises(ValueError, match="vaultSettings"):
        bicep_settings.parameters("param settings = {\n}\n")


def test_payload_of_no_webhook_is_an_error() -> None:
    """A table in the docs is of an event that is taken in."""
    with pytest.raises(ValueError, match=r"no\.such"):
        docs.with_payloads("<!-- fields of `no.such` -->\n")
