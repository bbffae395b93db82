"""What clients of Microsoft Graph have in common: the app's tokens, and what a refusal means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.vendors.rest_client import RestClient
from shared.vendors.token_sources import ClientCredentials

SCOPE = "https://graph.microsoft.com/.default"


def graph_client(*, name: str, **more: Any) -> RestClient:
    """A client of Microsoft Graph, as the registered app itself. `name` in lower case is the target's."""
    source = ClientCredentials(
        path="/{entra_tenant}/oauth2/v2.0/token",
        address="entra_login_base_url",
        client_id="entra_client_id",
        client_secret="entra_client_secret",  # noqa: S106  # the name of a setting
        scope=SCOPE,
    )
    return RestClient(
        name=name,
        address="graph_base_url",
        used_by="entra_client_id",
        credentials=source,
        error=code_and_text,
        account_codes=frozenset({"authorization_requestdenied", "invalidauthenticationtoken"}),
        **more,
    )


def code_and_text(body: Mapping[str, Any]) -> tuple[object, object]:
    """Graph's code for a refusal, and its text."""
    error = body.get("error")
    return (error.get("code"), error.get("message")) if isinstance(error, Mapping) else (error, None)
