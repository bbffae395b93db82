"""The eight pictures, read by a model over HTTP: the stand-in always, OpenAI's own where the environment has a key of theirs.

The real model costs some cents. That the same test is run against the stand-in shows that it would run with a key.
"""

import os
from collections.abc import Iterator
from datetime import date

import pytest

from functions.tickets import judging, pictures, vision
from sandbox.testing import InProcessSandbox
from shared.settings import get_settings
from shared.vendors import openai
from shared.vendors.rest_client import drop_connections
from tests.support.pictures import EIGHT

KEY = os.environ.get("OPENAI_API_KEY", "")
BASE_URL = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com")
DAY = "28/02/2026"  # as it is printed on each of the eight
NO_KEY = "OPENAI_API_KEY is not set, so there is no real model to ask"


@pytest.fixture(scope="module")
def server() -> Iterator[InProcessSandbox]:
    """One sandbox for the module."""
    with InProcessSandbox() as running:
        running.act("openai", "ticket", fields={"fecha": DAY})
        yield running


@pytest.fixture(params=["stand-in", pytest.param("real", marks=[pytest.mark.slow, pytest.mark.skipif(not KEY, reason=NO_KEY)])])
def model(request: pytest.FixtureRequest, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """Who reads: with its address and key in the settings."""
    settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": BASE_URL}
    if request.param == "stand-in":
        known = request.getfixturevalue("server").settings()
        settings = {name: known[name] for name in settings}
    for name, value in settings.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    yield request.param
    drop_connections()


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("name", sorted(EIGHT))
def test_model_reads_what_is_printed(name: str) -> None:
    """Whatever the type, turning, size and paging: its sums prove the total."""
    pages = pictures.pages_of(EIGHT[name](), largest_bytes=20_000_000, most_pages=10).pages
    outcome, text = openai.outcome_of(openai.ask(vision.request_of(pages), "asking for a reading"), vision.WHAT)
    assert outcome == openai.DONE
    reading = vision.of_answer(openai.parsed(text, vision.WHAT))
    found = judging.judge(reading, {}, judging.Rules(today=date(2026, 3, 2), currency="MXN"))
    assert (str(found.total), found.proofs["total"], f"{found.day}") == ("116.00", "sums", "2026-02-28")
