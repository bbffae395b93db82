"""The page about ManyChat's webhooks names every field that is read."""

from pathlib import Path

import pytest

from functions.addresses import AddressPayload
from functions.campaigns import AssignmentPayload
from functions.contacts import ContactPayload
from functions.opportunities import OpportunityPayload, StageReached

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [ContactPayload, OpportunityPayload, StageReached, AssignmentPayload, AddressPayload])
def test_every_field_is_on_the_page(model):
    """With its name as it is sent."""
    assert [name for name in model.model_fields if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("model", [ContactPayload, OpportunityPayload, AssignmentPayload, AddressPayload])
def test_required_fields_are_marked(model):
    """Those without which an event is refused."""
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    assert [name for name in needed if f"| `{name}` | yes |" not in PAGE] == []
