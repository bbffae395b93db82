"""The documents say what the code does."""

import importlib
import json
import re
from pathlib import Path

import pytest

from local import settings_doc
from shared.settings import load, settings_class
from tests.support.functions import named

ROOT = Path(__file__).resolve().parents[2]
MARKDOWN = sorted(path for path in ROOT.rglob("*.md") if not {".venv", "node_modules", ".local"} & set(path.parts))


def test_settings_page_is_made_from_the_settings_class() -> None:
    """docs/settings.md is what `make settings-doc` writes."""
    assert (ROOT / "docs/settings.md").read_text() == settings_doc.document()


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


def test_example_settings_are_made_from_the_settings_class() -> None:
    """local.settings.example.json holds every setting, as `make settings-doc` writes it."""
    assert (ROOT / "local.settings.example.json").read_text() == settings_doc.example()


def test_readme_lists_exactly_the_functions_there_are(environment: pytest.MonkeyPatch) -> None:
    """The table of functions in the README is that of the app."""
    import function_app

    function_app.app.functions_bindings = None  # it may be asked only once otherwise
    names = [function.get_function_name() for function in function_app.app.get_functions()]
    listed = re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(listed) == sorted(names)


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


def test_flow_in_the_guide_works(environment: pytest.MonkeyPatch, world, tmp_path: Path) -> None:
    """The example of docs/add-a-flow.md can be pasted: it indexes, accepts, and changes the contact."""
    from sqlalchemy import select

    from shared import queues
    from shared.store.models import Contact
    from shared.store.session import reading

    guide = (ROOT / "docs/add-a-flow.md").read_text()
    source = guide.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "ratings_page.py").write_text(source)
    environment.syspath_prepend(tmp_path)
    declared = set(queues._declared)
    page = importlib.import_module("ratings_page")
    world.webhooks["rating"] = page.WEBHOOK
    world.handlers["ratings-queue"] = named("rating_handler")
    answer = world.post("rating", {"manychat_id": "m1", "rating": "excelente", "at": "2026-03-01T10:00:00Z"})
    world.run()
    queues._declared.clear()
    queues._declared.update(declared)
    assert answer.status_code == 202
    with reading() as session:
        assert session.scalars(select(Contact.last_state)).one() == "excelente"
