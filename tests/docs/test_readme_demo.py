"""The README's example of `make run` quotes the texts that are really sent."""

import re
from pathlib import Path

from shared.messages import samples, template_sources

ROOT = Path(__file__).resolve().parents[2]


def test_quoted_texts_are_those_of_the_templates(environment) -> None:
    """A text that is changed is changed in the README as well; dates and names are those of the samples there."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("```text")[1].split("```")[0]
    quoted = [quote.rstrip("…").strip() for quote in re.findall("“(.+?)”", block)]
    sent = []
    for name in ("lead_welcome", "lead_call", "booking_confirmation", "hubspot_interes"):
        rendered = samples.fill(template_sources.of_repository(name), {"first_name": "Ana", "nombre": "Ana Demo"})
        sent.append(" ".join(f"{rendered.subject or ''} {rendered.text}".split()))
    assert len(quoted) == 4
    for quote in quoted:
        assert any(quote.split(" quedó")[0] in text for text in sent), quote
