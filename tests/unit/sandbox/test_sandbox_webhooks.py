"""Webhooks that the sandbox sends: delivered once, kept, sent again on request, never off this machine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.config import APP_URL, Config
from sandbox.vendor import Answer, Call, Column, Reply, UnknownActionError, Vendor, Webhook
from sandbox.webhooks import Manner, Webhooks, address, sender


class Caller(Vendor):
    """A vendor that does nothing but send."""

    name, title, prefixes, connection, board_title, routes = "caller", "Caller", (), {}, "", ()
    default_secret = "usual"
    revision = 0

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.signed = 0

    def answer(self, call: Call) -> Answer:
        """Nothing."""
        return Answer()

    def what(self, call: Call) -> str:
        """Nothing."""
        return call.path

    def reset(self, options: Mapping[str, bool]) -> None:
        """Nothing."""

    def records(self, kind: str, filters: Mapping[str, str], limit: int | None) -> tuple[list[dict[str, Any]], int]:
        """None."""
        return [], 0

    def board(self) -> Sequence[Column]:
        """None."""
        return ()

    def dump(self) -> Any:
        """Nothing."""

    def restore(self, saved: Any) -> None:
        """Nothing."""

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """Another one at each try."""
        self.signed += 1
        return {"X-Signature": f"{self.secret}-{self.signed}"}

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """Remember it."""
        self.replies.append(reply)


class App:
    """What the webhooks reach: it keeps them, and answers with the next status."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[str, str, bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        """One webhook."""
        self.got.append((request.path_qs, request.headers["X-Signature"], await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, text="thanks")


@pytest.fixture
async def app() -> AsyncIterator[tuple[App, str]]:
    """An app that listens."""
    app, server_app = App(), web.Application()
    server_app.router.add_route("*", "/{rest:.*}", app.take)
    server = TestServer(server_app)
    await server.start_server()
    yield app, str(server.make_url("")).rstrip("/")
    await server.close()


@pytest.fixture
async def running() -> AsyncIterator[tuple[Webhooks, Caller]]:
    """The webhooks of one vendor, while the server runs."""
    changes: list[int] = []
    webhooks, caller = Webhooks(lambda: changes.append(1)), Caller()
    caller.courier = sender(webhooks, caller)
    context = webhooks.while_running(web.Application())
    await anext(context)
    yield webhooks, caller
    with pytest.raises(StopAsyncIteration):
        await anext(context)
    assert changes or not webhooks.last_id


async def test_a_webhook_arrives_signed_and_its_reply_reaches_the_vendor(
    app: tuple[App, str], running: tuple[Webhooks, Caller]
) -> None:
    """On the app's address, with the path as it was."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url, secrets={"caller": "own"})
    caller.send(Webhook(what="hello", url="/api/hook?d=1", body=b"{}", about="A1"))
    (delivery,) = webhooks.since()
    await webhooks.tried([delivery])
    assert got.got == [("/api/hook?d=1", "own-1", b"{}")]
    assert (delivery.state, delivery.status, delivery.tries) == ("delivered", 200, 1)
    assert caller.replies == [Reply(status=200, body=b"thanks")]


async def test_one_that_fails_is_kept_and_can_be_sent_again(app: tuple[App, str], running: tuple[Webhooks, Caller]) -> None:
    """An error and a redirect are failures, and so is nobody there; each try is signed anew."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url)
    got.statuses = [500, 302, 204]
    caller.send(Webhook(what="hello", url="/hook", body=b"1"))
    (delivery,) = webhooks.since()
    seen = []
    for _ in range(3):
        await webhooks.tried([delivery])
        seen.append((delivery.state, delivery.status))
        webhooks.again(delivery)
    await webhooks.tried([delivery])
    assert seen == [("failed", 500), ("failed", 302), ("delivered", 204)]
    assert [signature for _, signature, _ in got.got] == ["usual-1", "usual-2", "usual-3", "usual-4"]
    caller.config = Config(app_url="http://127.0.0.1:9")
    webhooks.again(delivery)
    await webhooks.tried([delivery])
    assert (delivery.state, delivery.status, delivery.tries) == ("failed", None, 5)
    assert "127.0.0.1" in delivery.error
    assert caller.replies[-1] == Reply(status=None)
    waiting, delivered = webhooks.columns(caller)
    assert [card.title for card in waiting.cards] == ["hello"]
    assert (waiting.total, delivered.total) == (1, 0)


async def test_one_for_later_waits_and_a_reset_forgets_it(app: tuple[App, str], running: tuple[Webhooks, Caller]) -> None:
    """Nobody waits for it; sending it again while it waits does nothing."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url)
    caller.send(Webhook(what="later", url="/hook", body=b"", after_seconds=3600))
    (delivery,) = webhooks.since()
    await webhooks.tried([delivery])
    webhooks.again(delivery)
    assert (delivery.state, got.got) == ("waiting", [])
    webhooks.reset()
    await asyncio.sleep(0)
    assert (webhooks.since(), webhooks.find(delivery.id), webhooks.columns(caller)) == ([], None, [])
    caller.send(Webhook(what="next", url="/hook", body=b""))
    assert webhooks.last_id == delivery.id + 1


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("/api/calcom", f"{APP_URL}/api/calcom"),
        ("https://puente.example/api/status?d=1", f"{APP_URL}/api/status?d=1"),
        ("http://127.0.0.1:7099/api/status", "http://127.0.0.1:7099/api/status"),
        ("http://localhost:7099/x", "http://localhost:7099/x"),
        ("http://127.0.0.1.example/x", f"{APP_URL}/x"),
    ],
)
def test_nothing_leaves_this_machine(url: str, where: str) -> None:
    """Another host than this one stands for the app, which the vendor believes to be there."""
    assert address(url, APP_URL) == where


def test_the_environment_says_where_the_app_is() -> None:
    """And what each vendor signs with."""
    config = Config.from_environment({"SANDBOX_APP_URL": "http://127.0.0.1:7/", "SANDBOX_SECRET_CALCOM": "s", "OTHER": "x"})
    assert (config.app_url, dict(config.secrets)) == ("http://127.0.0.1:7", {"calcom": "s"})


def test_a_vendor_without_actions_says_so() -> None:
    """And without a courier nothing is sent."""
    caller = Caller()
    caller.send(Webhook(what="hello", url="/hook", body=b""))
    with pytest.raises(UnknownActionError, match="Caller has no action dance; it has none"):
        caller.act("dance", {})


async def test_those_of_one_line_go_in_the_order_chosen(app: tuple[App, str], running: tuple[Webhooks, Caller]) -> None:
    """As they were sent, unless the manner says reversed or shuffled; a shuffling can be repeated."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url)
    seen = []
    for manner in ("as sent", "reversed", "shuffled", "shuffled"):
        got.got.clear()
        webhooks.set(Manner(order=manner, seed=3))
        for number in range(6):
            caller.send(Webhook(what="word", url=f"/{number}", line="message"))
        await webhooks.tried(webhooks.since(state="waiting"))
        seen.append("".join(path[1:] for path, _, _ in got.got))
    assert seen[:2] == ["012345", "543210"]
    assert seen[2] == seen[3]
    assert sorted(seen[2]) == sorted("012345")
    assert seen[2] not in seen[:2]


async def test_copies_arrive_and_what_is_asked_is_asked_once(app: tuple[App, str], running: tuple[Webhooks, Caller]) -> None:
    """Each copy is signed; a GET has no body and is no word that could come twice."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url)
    webhooks.set(Manner(copies=3))
    caller.send(Webhook(what="word", url="/word", body=b"w"))
    caller.send(Webhook(what="question", url="/question", method="GET", asks=True))
    await webhooks.tried(webhooks.since())
    assert sorted((path, body) for path, _, body in got.got) == [("/question", b""), *[("/word", b"w")] * 3]


async def test_held_ones_wait_for_their_release(app: tuple[App, str], running: tuple[Webhooks, Caller]) -> None:
    """Then they go in the order of the manner; a later release finds none."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url)
    webhooks.set(Manner(hold=True, order="reversed"))
    for number in range(3):
        caller.send(Webhook(what="word", url=f"/{number}"))
    assert [each.state for each in webhooks.since()] == ["held"] * 3
    await webhooks.tried(webhooks.release())
    assert [path for path, _, _ in got.got] == ["/2", "/1", "/0"]
    assert webhooks.release() == []
    webhooks.reset()
    assert webhooks.manner == Manner()


async def test_an_address_goes_out_letter_by_letter(app: tuple[App, str], running: tuple[Webhooks, Caller]) -> None:
    """It is what some vendors sign: whatever is escaped in it stays so, and nothing else becomes so."""
    (got, url), (webhooks, caller) = app, running
    caller.config = Config(app_url=url)
    address = "/api/hook?to=whatsapp%3A%2B52&name=%7Eana%C3%B1&t=a.b-c_d~e&x=%2f%20y"
    caller.send(Webhook(what="question", url=address, method="GET"))
    await webhooks.tried(webhooks.since())
    assert [path for path, _, _ in got.got] == [address]
