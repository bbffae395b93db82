"""One of a kind for a process, however many threads ask for the first one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared import queues
from shared.once import made_once
from shared.store.session import get_engine
from shared.vendors import rest_client

THREADS = 16


def asked_at_once(ask):
    """What so many threads get that ask together."""
    together = threading.Barrier(THREADS)

    def one(_number):
        together.wait(10)
        return ask()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, range(THREADS)))


def test_an_instance_has_one_engine_whoever_asks_first(environment, monkeypatch: pytest.MonkeyPatch):
    """A cold instance gets many events in one moment; several engines would be several pools of connections."""
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:9/nowhere")
    for _ in range(20):
        get_engine.cache_clear()
        assert len({id(engine) for engine in asked_at_once(get_engine)}) == 1
    get_engine.cache_clear()


def test_what_is_being_made_is_waited_for():
    """The second asks while the first is at it, and gets the same."""
    made: list[object] = []
    begun, may_end = threading.Event(), threading.Event()

    @made_once()
    def thing():
        begun.set()
        assert may_end.wait(10)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(thing)
        assert begun.wait(10)
        second = threads.submit(thing)
        may_end.set()
        assert first.result(10) is second.result(10)
    assert len(made) == 1


def test_a_failure_is_not_kept():
    """Who asks next tries again."""
    answers = iter((ValueError("away"), "here"))

    @made_once()
    def thing():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="away"):
        thing()
    assert thing() == "here"


def test_the_oldest_goes_where_there_are_too_many():
    """And `cache_clear` forgets all of them."""
    made: list[int] = []

    @made_once(at_most=2)
    def thing(number: int, *, more: int = 0) -> int:
        made.append(number + more)
        return number

    for number in (1, 2, 1, 3, 1):
        assert thing(number) == number
    assert thing(3, more=1) == 3
    assert made == [1, 2, 3, 1, 4]
    assert len(thing) == 2
    thing.cache_clear()
    assert (len(thing), thing(1), made[-1]) == (0, 1, 1)


def test_clients_are_one_of_a_kind_too(environment):
    """Of a client with a pace of its own, two would be twice the pace."""
    assert len({id(client) for client in asked_at_once(lambda: rest_client.kept(object))}) == 1
    assert len({id(client) for client in asked_at_once(lambda: queues.queue_client("some-queue"))}) == 1
    queues.forget_clients()
    rest_client.drop_connections()
