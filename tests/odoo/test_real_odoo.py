"""Facts about a real Odoo 19 that Puente stands on, and the harness that serves it."""

import os
import subprocess
import sys
from typing import Any

import pytest

from shared.crm.stages import DEFAULT_STAGES
from tests.odoo import seed
from tests.odoo.instance import OdooServer
from tests.odoo.place import REPOSITORY
from tests.odoo.rpc import RpcError, Session, json_2, json_rpc

pytestmark = pytest.mark.odoo

FIELDS = ["id", "name", "x_manychat_id", "stage_id/.id"]
ANY_STATE = {"context": {"active_test": False}}


def load(session: Session, *rows: list[str]) -> dict[str, Any]:
    """Upsert leads by external id."""
    answer: dict[str, Any] = session.call("crm.lead", "load", FIELDS, list(rows))
    return answer


def leads(session: Session, *, active_only: bool = True) -> list[dict[str, Any]]:
    """All leads with what these tests look at."""
    options = {} if active_only else ANY_STATE
    found = session.call(
        "crm.lead", "search_read", [], fields=["name", "x_manychat_id", "stage_id", "active"], order="id", **options
    )
    return list(found)


# --- the server ---


def test_it_is_odoo_19(odoo: OdooServer) -> None:
    """Another series would make every other fact here worthless."""
    assert json_rpc(odoo.url, "common", "version")["server_serie"] == "19.0"


@pytest.mark.parametrize("person", [seed.ADMIN, seed.INTEGRATION], ids=lambda person: person.login)
@pytest.mark.parametrize("secret", ["password", "key"])
def test_password_and_key_open_json_rpc(odoo: OdooServer, person: seed.Person, secret: str) -> None:
    """An API key stands in for the password, for authentication and for calls."""
    session = Session.login(odoo.url, "lab", person.login, getattr(person, secret))
    assert session.call("res.users", "read", [session.uid], ["login"])[0]["login"] == person.login


@pytest.mark.parametrize("person", [seed.ADMIN, seed.INTEGRATION], ids=lambda person: person.login)
def test_key_opens_json_2(odoo: OdooServer, person: seed.Person) -> None:
    """The second transport takes the key as a bearer token and answers with the bare result."""
    status, found = json_2(
        odoo.url, person.key, "res.users", "search_read", domain=[["login", "=", person.login]], fields=["login"]
    )
    assert (status, [row["login"] for row in found]) == (200, [person.login])


def test_wrong_secrets_are_refused(odoo: OdooServer) -> None:
    """JSON-RPC says false to a login and AccessDenied to a call; JSON-2 says 401."""
    assert json_rpc(odoo.url, "common", "authenticate", "lab", "admin", "wrong", {}) is False
    with pytest.raises(RpcError, match="AccessDenied"):
        Session(odoo.url, "lab", 2, "wrong").call("crm.lead", "search", [])
    assert json_2(odoo.url, "0" * 40, "crm.lead", "search", domain=[])[0] == 401


def test_starting_again_changes_nothing(odoo: OdooServer, admin: Session) -> None:
    """A second start keeps the process, the data and the environment."""
    load(admin, ["manychat.lead_1", "Ana", "1", "16"])
    before = (odoo.environment(), odoo.place.pid_file.read_text())
    odoo.start()
    assert (odoo.environment(), odoo.place.pid_file.read_text()) == before
    assert len(leads(admin)) == 1


def test_exit_code_of_the_command_comes_through(odoo: OdooServer) -> None:
    """Of a command run against a running server, too; but a 3 of the command's own is no "not available"."""
    for code, expected in ((0, 0), (5, 5), (3, 1)):
        script = f"import os, sys; sys.exit({code} if os.environ['ODOO_TEST_URL'] == {odoo.url!r} else 9)"
        command = [sys.executable, "-m", "tests.odoo.server", "run", "--", sys.executable, "-c", script]
        environment = os.environ | {"PUENTE_ODOO_DIR": str(odoo.place.root)}
        assert subprocess.run(command, env=environment, cwd=REPOSITORY, check=False).returncode == expected
    assert odoo.is_running()


# --- reset, pause, resume ---


def test_reset_forgets_everything_a_test_did(odoo: OdooServer, admin: Session) -> None:
    """Rows, and what Odoo keeps in memory about external ids, which would send the next load to a missing row."""
    for _ in range(2):
        answer = load(admin, ["manychat.lead_1", "Ana", "1", "16"])
        assert answer["ids"], answer["messages"]
        assert admin.call("ir.model.data", "check_object_reference", "manychat", "lead_1") == ["crm.lead", answer["ids"][0]]
        odoo.reset()
        assert leads(admin, active_only=False) == []


def test_reset_forgets_fields_too(odoo: OdooServer, admin: Session) -> None:
    """A field made by a test is gone from Odoo's models after the reset, and may be made again."""
    [model_id] = admin.call("ir.model", "search", [["model", "=", "crm.lead"]])
    field = {"model_id": model_id, "name": "x_extra", "field_description": "Extra", "ttype": "char"}
    for _ in range(2):
        admin.call("ir.model.fields", "create", field)
        admin.call("crm.lead", "create", {"name": "Ana", "x_extra": "kept"})
        odoo.reset()
        with pytest.raises(RpcError, match="Invalid field 'x_extra'"):
            admin.call("crm.lead", "create", {"name": "Ana", "x_extra": "unknown"})


def test_reset_serves_both_transports_at_once(odoo: OdooServer) -> None:
    """The first call after a reset works, although its connections to the database were cut."""
    for _ in range(3):
        odoo.reset()
        status, ids = json_2(odoo.url, seed.ADMIN.key, "crm.lead", "create", vals_list=[{"name": "Ana"}])
        assert (status, len(ids)) == (200, 1)


def test_paused_odoo_refuses_and_resumed_odoo_remembers(odoo: OdooServer, admin: Session) -> None:
    """As with an outage: nobody listens, then the same address serves the same data to the same session."""
    load(admin, ["manychat.lead_1", "Ana", "1", "16"])
    url = odoo.url
    odoo.pause()
    with pytest.raises(ConnectionRefusedError):
        leads(admin)
    odoo.resume()
    assert odoo.url == url
    assert [lead["name"] for lead in leads(admin)] == ["Ana"]


# --- what is planted ---


def test_stages_are_those_of_the_default_stage_map(admin: Session) -> None:
    """Ids 16 to 26 under the names Puente expects; 1 to 4 are Odoo's own."""
    found = admin.call("crm.stage", "search_read", [["id", ">", 4]], fields=["name"], order="id")
    assert {row["id"]: row["name"] for row in found} == {stage.odoo_stage_id: stage.odoo_name for stage in DEFAULT_STAGES}


def test_custom_fields_are_there(admin: Session) -> None:
    """The key is indexed text on leads and partners, the entry date a datetime."""
    ours = [["name", "=like", "x_manychat%"], ["model", "in", ["crm.lead", "res.partner"]]]
    found = admin.call("ir.model.fields", "search_read", ours, fields=["model", "name", "ttype", "index"])
    assert {(row["model"], row["name"], row["ttype"], row["index"]) for row in found} == {
        ("crm.lead", "x_manychat_id", "char", True),
        ("crm.lead", "x_manychat_entry_date", "datetime", False),
        ("res.partner", "x_manychat_id", "char", True),
    }


def test_advisors_are_users_with_undeliverable_addresses(admin: Session) -> None:
    """Assigning a lead makes Odoo write an e-mail, and no such mail may leave this machine."""
    found = admin.call("res.users", "search_read", [["login", "=like", "advisor%"]], fields=["name", "email"], order="login")
    assert [row["name"] for row in found] == [advisor.name for advisor in seed.ADVISORS]
    assert all(row["email"].endswith("@puente.invalid") for row in found)
    admin.call("crm.lead", "create", {"name": "Ana", "user_id": found[0]["id"]})
    mails = admin.call("mail.mail", "search_read", [], fields=["state", "failure_type"])
    assert [mail["state"] for mail in mails] == ["exception"]


# --- the integration user ---


def test_integration_user_keeps_leads_of_others_in_step(admin: Session, integration: Session) -> None:
    """The group "All Documents" is enough to see, upsert and assign any lead."""
    [advisor] = admin.call("res.users", "search", [["login", "=", "advisor1"]])
    ours = admin.call("crm.lead", "create", {"name": "Ana", "x_manychat_id": "1", "user_id": advisor})
    assert [lead["id"] for lead in leads(integration)] == [ours]
    assert load(integration, ["manychat.lead_2", "Berta", "2", "17"])["ids"]
    assert integration.call("crm.lead", "write", [ours], {"stage_id": 18}) is True


@pytest.mark.parametrize("model", ["ir.model.fields", "ir.actions.server"])
def test_integration_user_cannot_change_odoo_itself(integration: Session, model: str) -> None:
    """Set-up needs an administrator: others may not even read what fields there are."""
    with pytest.raises(RpcError) as caught:
        integration.call(model, "search_read", [], fields=["name"], limit=1)
    assert caught.value.name == "odoo.exceptions.AccessError"


# --- load, the batch upsert ---


def test_load_creates_then_updates_by_external_id(integration: Session) -> None:
    """The same id again changes the lead it made, with other values in each row."""
    first = load(integration, ["manychat.lead_1", "Ana", "1", "16"], ["manychat.lead_2", "Berta", "2", "17"])
    second = load(integration, ["manychat.lead_1", "Ana María", "1", "18"], ["manychat.lead_2", "Berta", "2", "19"])
    assert first["ids"] == second["ids"]
    assert [(lead["name"], lead["stage_id"][0]) for lead in leads(integration)] == [("Ana María", 18), ("Berta", 19)]


def test_load_updates_an_archived_lead(integration: Session) -> None:
    """A lost lead is archived and invisible to a search; load still finds it by its external id."""
    [lead] = load(integration, ["manychat.lead_1", "Ana", "1", "16"])["ids"]
    integration.call("crm.lead", "action_set_lost", [lead])
    assert leads(integration) == []
    assert load(integration, ["manychat.lead_1", "Ana", "1", "17"])["ids"] == [lead]
    assert [(row["stage_id"][0], row["active"]) for row in leads(integration, active_only=False)] == [(17, False)]


def test_load_with_one_bad_row_writes_nothing_and_names_it(integration: Session) -> None:
    """All or nothing: a caller must take the bad row out and try again."""
    answer = load(integration, ["manychat.lead_1", "Ana", "1", "16"], ["manychat.lead_2", "Berta", "2", "9999"])
    assert answer["ids"] is False
    assert [(message["type"], message["record"], message["field"]) for message in answer["messages"]] == [
        ("error", 1, "stage_id")
    ]
    assert leads(integration, active_only=False) == []


def test_load_works_over_json_2(odoo: OdooServer, integration: Session) -> None:
    """The same upsert with named arguments."""
    row = ["manychat.lead_1", "Ana", "1", "16"]
    status, answer = json_2(odoo.url, seed.INTEGRATION.key, "crm.lead", "load", fields=FIELDS, data=[row])
    assert (status, answer["ids"]) == (200, [lead["id"] for lead in leads(integration)])
