"""Pauses of flows over the API."""

from datetime import timedelta

import pytest

from shared import clock
from tests.support.world import World, contact
from tests.unit.web.calls import Api


def test_flow_is_paused_and_resumed(api: Api, world: World) -> None:
    """Who, until when and why; how many wait; then nothing does."""
    until = (clock.now() + timedelta(hours=1)).isoformat()
    made = api("POST", "/api/v1/flows/contacts/pause", body={"until": until, "note": "obras"}).json
    assert (made["flow"], made["note"], made["waiting"], made["ended_at"]) == ("contacts", "obras", 0, None)
    assert world.post("contact", contact("a")).status_code == 202
    world.run()
    (listed,) = api.get("/api/v1/flow-pauses", flow="contacts").json["items"]
    assert (listed["paused_by"], listed["waiting"]) == (made["paused_by"], 1)
    ended = api("POST", "/api/v1/flows/contacts/resume").json
    assert (ended["ended_by"], ended["id"]) == (made["paused_by"], made["id"])
    assert api.get("/api/v1/flow-pauses", flow="contacts").json["items"][0]["waiting"] == 0
    assert api("POST", "/api/v1/flows/contacts/resume").status == 409


@pytest.mark.parametrize(
    ("flow", "body", "status"),
    [
        ("nobody", {}, 404),
        ("console", {}, 409),
        ("contacts", {"until": "2020-01-01T00:00:00Z"}, 422),
        ("contacts", {"x": 1}, 422),
    ],
)
def test_what_cannot_be_paused_is_refused(api: Api, flow: str, body: dict[str, object], status: int) -> None:
    """With the reason."""
    assert api("POST", f"/api/v1/flows/{flow}/pause", body=body).status == status
