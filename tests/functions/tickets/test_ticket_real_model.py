"""The eight pictures, read by the real model: only where the environment has a key of OpenAI's (it costs some cents)."""

import os
from datetime import date

import pytest

from functions.tickets import judging, pictures, vision
from shared.settings import get_settings
from shared.vendors import openai
from tests.support.pictures import EIGHT

KEY = os.environ.get("OPENAI_API_KEY", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KEY, reason="OPENAI_API_KEY is not set, so there is no real model to ask"),
]


@pytest.mark.parametrize("name", sorted(EIGHT))
def test_real_model_reads_what_is_printed(name: str, environment: pytest.MonkeyPatch) -> None:
    """Whatever the type, turning, size and paging: its sums prove the total."""
    environment.setenv("OPENAI_API_KEY", KEY)
    get_settings.cache_clear()
    pages = pictures.pages_of(EIGHT[name](), largest_bytes=20_000_000, most_pages=10).pages
    outcome, text = openai.outcome_of(openai.ask(vision.request_of(pages), "asking for a reading"), vision.WHAT)
    assert outcome == openai.DONE
    reading = vision.of_answer(openai.parsed(text, vision.WHAT))
    found = judging.judge(reading, {}, judging.Rules(today=date(2026, 3, 2), currency="MXN"))
    assert (str(found.total), found.proofs["total"], f"{found.day}") == ("116.00", "sums", "2026-02-28")
