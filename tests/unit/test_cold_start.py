"""What an instance does before it can take its first event: as little as possible, and it says what is wrong at once."""

import json

import pytest

from tests.support.processes import in_a_new_process

HEAVY = ("sqlalchemy", "requests", "fastapi", "azure.storage.queue", "azure.storage.blob", "azure.identity", "phonenumbers")


def test_what_is_heavy_is_not_imported():
    """Importing the app brings in neither SQL nor HTTP clients nor the storage SDK: they are loaded on first use."""
    loaded = json.loads(in_a_new_process("import function_app, json, sys; print(json.dumps(sorted(sys.modules)))"))
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.slow
def test_journeys_guard_their_messages_in_every_instance():
    """Whichever function an instance runs: no step goes out without the gate, and no outcome is missed."""
    events = ("message.sending", "message.outcome", "person.message")
    listeners = f"[[name for name, _call in flows.listeners(event)] for event in {events}]"
    listening = [
        ["approvals", "broadcasts", "invoices", "meetings", "system"],
        ["broadcasts", "carts", "christmas", "hubspot", "invoices", "leads", "messages", "onboarding", "system"],
        ["christmas", "leads", "system"],
    ]
    assert in_a_new_process(f"import function_app; from shared import flows; print({listeners})").strip() == str(listening)


def test_garbage_is_looked_for_again_after_the_import():
    """The collector rests during the import only."""
    assert in_a_new_process("import gc, function_app; print(gc.isenabled())").strip() == "True"


def test_mistake_in_the_settings_is_reported_by_the_import():
    """An instance with a wrong setting does not start, and says which."""
    assert "ODOO_API" in in_a_new_process("import function_app", ODOO_API="soap")


def test_models_of_payloads_are_built_at_the_first_event():
    """No instance waits at its start for the models of flows that it may never run."""
    program = "import function_app, functions.contacts as page; print(page.ContactPayload.__pydantic_complete__)"
    assert in_a_new_process(program).strip() == "False"


@pytest.mark.parametrize("_round", [0, 1, *(pytest.param(more, marks=pytest.mark.slow) for more in range(2, 5))])
def test_first_events_may_come_at_the_same_time(_round):
    """Many threads that need a model which is not built yet all get it whole."""
    program = """
from concurrent.futures import ThreadPoolExecutor
from functions.opportunities import OpportunityPayload
body = {"manychat_id": "m1", "state": {"stage_id": 16, "date": "2026-03-01T10:00:00Z"}, "advisor_id": 3, "more": 1}
with ThreadPoolExecutor(24) as pool:
    found = list(pool.map(OpportunityPayload.model_validate, [body] * 200))
print({(said.state.stage_id, said.commercial_advisor_id, type(said).__name__) for said in found})
"""
    assert in_a_new_process(program).strip() == "{(16, 3, 'OpportunityPayload')}"
