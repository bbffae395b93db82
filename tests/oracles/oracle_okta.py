"""Okta's own package signs the assertion, and the stand-in takes it. Runs in the oracles' environment."""

import os

import requests
from okta.jwt import JWT

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def token(client_id: str) -> requests.Response:
    """What the token's address answers to an assertion of the package's."""
    base = os.environ["OKTA_BASE_URL"]
    assertion = JWT.create_token(base, client_id, os.environ["OKTA_PRIVATE_KEY"], os.environ["OKTA_KEY_ID"])
    form = {"grant_type": "client_credentials", "scope": "okta.users.manage", "client_assertion_type": TYPE}
    return requests.post(f"{base}/oauth2/v1/token", data=form | {"client_assertion": assertion}, timeout=10)


def main() -> None:
    """A token for our client, with which users are made; none for another one."""
    good = token(os.environ["OKTA_CLIENT_ID"])
    assert good.status_code == 200, good.text
    assert (good.json()["token_type"], good.json()["expires_in"]) == ("Bearer", 3600)
    headers = {"Authorization": f"Bearer {good.json()['access_token']}"}
    url = os.environ["OKTA_BASE_URL"] + "/api/v1/users"
    profile = {"login": "bea@empresa.example", "email": "bea@empresa.example", "firstName": "Bea", "lastName": "Núñez"}
    made = requests.post(f"{url}?activate=false", json={"profile": profile}, headers=headers, timeout=10)
    assert (made.status_code, made.json()["status"]) == (200, "STAGED")
    assert token("0oa-another").status_code == 401


main()
