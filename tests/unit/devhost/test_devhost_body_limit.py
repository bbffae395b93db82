"""How large a body the host takes."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from devhost.http import MAX_BODY_BYTES, HttpFront, body_limit


@pytest.mark.parametrize(
    ("value", "bytes_taken"), [("1048576", 1_048_576), (None, MAX_BODY_BYTES), ("", MAX_BODY_BYTES), ("x", MAX_BODY_BYTES)]
)
def test_limit_comes_from_the_setting(value, bytes_taken):
    """Unset, or no number, it is the host's own 100 MiB."""
    assert body_limit(value) == bytes_taken


async def test_a_larger_body_is_refused_before_the_function(monkeypatch):
    """The announcement alone is enough: nothing is read, nothing runs."""

    class Nobody:
        """No function may run."""

        async def run(self, *_arguments, **_named):
            """Fail the test."""
            pytest.fail("ran")

    async def no_admin(_request, _path):
        return web.Response()

    front = HttpFront([], Nobody(), route_prefix="", keys=None, home_page=True, admin=no_admin, body_limit=10)
    function = type("Function", (), {"disabled": False})()
    trigger = type("Trigger", (), {"auth_level": "anonymous"})()
    monkeypatch.setattr(front, "find", lambda _method, _path: (function, trigger, {}))
    response = await front.handle(make_mocked_request("POST", "/hook", headers={"Content-Length": "11"}))
    assert response.status == 413
