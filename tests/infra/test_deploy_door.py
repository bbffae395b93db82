"""Database and vault let the deployment in by its own address, and are as closed as before when it has left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy import azure as azure_module
from deploy.console import DeployError
from deploy.door import AzurePlace, database_open, refused_address, vault_open
from tests.infra.pretend_azure import ADDRESS, VAULT, PretendAzure

PUBLIC = AzurePlace(subscription="s", group="g", server="sql-x", private=False)
PRIVATE = replace(PUBLIC, private=True)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes by the pauses that are asked for, without anybody waiting."""
    now = [0.0]
    monkeypatch.setattr(azure_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(azure_module.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("(40615) ... Client with IP address '203.0.113.7' is not allowed to access the server.", "203.0.113.7"),
        ("Client address is not authorized.\r\nClient address: 2001:db8::1\r\nCaller: appid=x", "2001:db8::1"),
        ("Login failed for user '<token-identified principal>'.", None),
    ],
)
def test_refusal_names_the_address(words: str, address: str | None) -> None:
    """Both refusals tell the address; others tell none."""
    assert refused_address(words) == address


@pytest.mark.parametrize("place", [PUBLIC, PRIVATE], ids=["public", "private"])
def test_database_opens_for_our_address_only_and_shuts_again(place: AzurePlace) -> None:
    """Inside there is one rule with one address; afterwards there is none, and a private server is private again."""
    pretend = PretendAzure(sql_public=not place.private)
    with database_open(pretend.azure(), place, pretend.connect) as connection:
        assert connection == "connection"
        assert pretend.sql_rules == {"puente-deployment": ADDRESS}
    assert pretend.sql_rules == {}
    assert pretend.sql_public is not place.private


def test_database_shuts_when_the_work_fails() -> None:
    """A migration that fails leaves no door open."""
    pretend = PretendAzure(sql_public=False)
    with pytest.raises(ZeroDivisionError), database_open(pretend.azure(), PRIVATE, pretend.connect):
        raise ZeroDivisionError
    assert (pretend.sql_rules, pretend.sql_public) == ({}, False)


def test_database_that_refuses_for_another_reason_is_not_waited_for() -> None:
    """A login that fails will not succeed by waiting; the words are told, and the door is shut."""

    def refuse() -> str:
        raise ConnectionError("(18456) Login failed for user '<token-identified principal>'.")

    pretend = PretendAzure()
    with pytest.raises(DeployError, match="Login failed"), database_open(pretend.azure(), PUBLIC, refuse):
        pass
    assert pretend.sql_rules == {}


def test_database_that_stays_shut_is_given_up() -> None:
    """After five minutes the deployment ends with a sentence, not with a stack trace."""

    def asleep() -> str:
        raise ConnectionError("(40613) Database 'puente' is not currently available.")

    with pytest.raises(DeployError, match="300 s"), database_open(PretendAzure().azure(), PUBLIC, asleep):
        pass


def test_public_vault_is_left_as_it_is() -> None:
    """Without a private network nothing about the vault's network is touched."""
    pretend = PretendAzure()
    with vault_open(pretend.azure(), PUBLIC, VAULT):
        pass
    assert pretend.calls == []


def test_private_vault_opens_for_our_address_only_and_shuts_again() -> None:
    """First it must answer us to say which address it refuses; then it lets in that one; then nobody."""
    pretend = PretendAzure(vault_public=False, vault_default_allow=False)
    with vault_open(pretend.azure(), PRIVATE, VAULT):
        assert pretend.vault_addresses == {ADDRESS}
    assert (pretend.vault_public, pretend.vault_addresses) == (False, set())
    assert {call.rsplit("/", 1)[-1] for call in pretend.calls} == {"kv-puente-x"}


def test_new_role_is_waited_for() -> None:
    """A role assignment takes minutes to count; until then the vault refuses, and that is no failure."""
    pretend = PretendAzure(rbac_refusals=10)
    with vault_open(pretend.azure(), PUBLIC, VAULT):
        pass
    assert pretend.rbac_refusals == 0


def test_vault_that_refuses_for_another_reason_says_so() -> None:
    """A refusal by the firewall of a vault that should be public is told, not waited for."""
    pretend = PretendAzure(vault_default_allow=False)
    with pytest.raises(DeployError, match="not authorized"), vault_open(pretend.azure(), PUBLIC, VAULT):
        pass
