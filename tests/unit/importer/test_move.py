"""The frame of importers: batches, bad rows, dry runs, crashes in the middle, and going on."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared import clock, faults, flows
from shared.errors import ConfigurationError, PermanentError, ThrottledError, UnavailableError
from shared.flow import FlowError
from shared.importer import __main__ as command
from shared.importer.declared import importers
from shared.importer.frame import Change, Importer, Options, Problem, Row, Run, Summary, Unreadable
from shared.importer.move import Move
from shared.importer.patience import patiently
from shared.store.models import Channel
from shared.store.session import reading, transact
from tests.support.examples import examples

LINES: list[Row] = [{"id": number, "name": f"Canal {number}"} for number in range(1, 8)]


class ChannelRow(BaseModel):
    """A row of the tests."""

    id: int
    name: str
    note: int | None = Field(default=None)


class Rows:
    """A source in memory."""

    def __init__(self, rows: list[Row]) -> None:
        self.given = rows

    def rows(self, kind: str) -> Iterator[Row]:
        """The rows of the one kind."""
        return iter(self.given if kind == "channels" else [])


@dataclass
class Taking(Run):
    """Makes channels; one named `no` is refused after it was written."""

    remembered: list[int] = field(default_factory=list)

    def remember(self, row: Any) -> None:
        """Note its number."""
        self.remembered.append(row.id)

    def apply(self, session: Session, row: Any) -> Change:
        """A channel of that name."""
        if session.scalars(select(Channel).where(Channel.key == row.name)).first():
            return Change.UNCHANGED
        session.add(Channel(key=row.name, name=row.name))
        session.flush()
        if row.name == "no":
            raise PermanentError("no", "ana@example.com says no")
        return Change.NEW


def importer(rows: list[Row], at_once: int = 3, run: Run | None = None) -> Importer:
    """An importer of these rows."""
    return Importer(
        name="channels",
        about="Channels of a test.",
        kinds={"channels": ChannelRow},
        open=lambda _options: Rows(rows),
        begin=lambda _options: run or Taking(),
        rows_at_once=at_once,
    )


def moved(one: Importer, after: int = 0, **options: Any) -> tuple[Summary, list[Problem]]:
    """Run it; the summary at the end, and all problems."""
    summary, problems = Summary("channels"), []
    for so_far, found in Move(one, Options(**options)).kind("channels", after):
        summary = so_far
        problems += found
    return summary, problems


def names() -> list[str]:
    """The channels that are stored."""
    with reading() as session:
        return sorted(session.scalars(select(Channel.name)))


def test_a_row_that_is_refused_costs_only_itself_and_leaves_nothing_behind(database: None) -> None:
    """The others of its batch arrive; the reason names no whole address."""
    rows: list[Row] = [*LINES[:2], {"id": 50, "name": "no"}, LINES[2], Unreadable("it is broken"), {"id": 52}]
    summary, problems = moved(importer(rows, at_once=6))
    assert names() == ["Canal 1", "Canal 2", "Canal 3"]
    assert (summary.read, summary.created, summary.problems) == (6, 3, 3)
    assert sorted((one.line, one.what, one.why) for one in problems) == [
        (3, "50", "a***@example.com says no"),
        (5, "", "it is broken"),
        (6, "52", "name: Field required"),
    ]


def test_an_optional_field_that_cannot_be_read_costs_the_field(database: None) -> None:
    """The row is taken, and the problem says which field."""
    summary, problems = moved(importer([{"id": 1, "name": "Uno", "note": "x"}]))
    assert (summary.created, [one.line for one in problems]) == (1, [1])
    assert "note" in problems[0].why
    assert "taken without it" in problems[0].why


def test_dry_run_says_what_the_run_does_and_changes_nothing(database: None) -> None:
    """The same numbers."""
    tried, _problems = moved(importer(LINES), dry_run=True)
    assert names() == []
    assert tried == moved(importer(LINES))[0]
    assert len(names()) == len(LINES)


def test_rows_of_an_earlier_run_are_remembered_and_passed_over(database: None) -> None:
    """What comes behind the line is applied; what later rows refer to is known."""
    run = Taking()
    summary, _problems = moved(importer(LINES, run=run), after=4)
    assert names() == ["Canal 5", "Canal 6", "Canal 7"]
    assert (summary.read, summary.passed, summary.created) == (7, 4, 3)
    assert run.remembered == list(range(1, 8))


@given(
    rows=st.lists(st.sampled_from([*LINES, {"id": 9, "name": "no"}, {"id": 10}]), max_size=9),
    at_once=st.integers(1, 4),
    deaths=st.integers(0, 3),
)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_that_dies_anywhere_is_gone_on_with(
    database: None, rows: list[Mapping[str, Any]], at_once: int, deaths: int
) -> None:
    """Begun again with the same command it ends as one that never died, and once more it changes nothing."""
    transact(lambda session: session.execute(delete(Channel)))
    faults.inject(f"importer.after_batch=raise:1x{deaths}")
    try:
        for _death in range(deaths):
            try:
                moved(importer(list(rows), at_once))
            except faults.InjectedFault:
                continue
    finally:
        faults.inject("")
    moved(importer(list(rows), at_once))
    assert names() == sorted({row["name"] for row in rows if row.get("name", "no") != "no"})
    again, _problems = moved(importer(list(rows), at_once))
    assert (again.read, again.created, again.changed) == (len(rows), 0, 0)


def test_memory_is_bounded_while_rows_come(database: None) -> None:
    """No more rows are taken from the source than one batch ahead of what is applied."""
    ahead, applied = [], 0

    class Counting(Taking):
        """Counts what is applied."""

        def apply(self, session: Session, row: Any) -> Change:
            """One more."""
            nonlocal applied
            applied += 1
            return super().apply(session, row)

    def stream() -> Iterator[Row]:
        for number in range(1, 31):
            ahead.append(number - applied)
            yield {"id": number, "name": f"Canal {number}"}

    one = importer([], at_once=5, run=Counting())
    source = Rows([])
    source.rows = lambda _kind: stream()  # type: ignore[method-assign]
    moving = Move(one, Options())
    moving._source = source
    assert list(moving.kind("channels"))[-1][0].created == 30
    assert max(ahead) == 5


def test_a_busy_source_is_asked_again_as_it_says(test_clock: clock.TestClock) -> None:
    """After the wait that it names, else after longer and longer ones; what no waiting mends ends it at once."""
    began, answers = clock.now(), [ThrottledError("busy", after_seconds=40), UnavailableError("away"), None]

    def ask() -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "rows"

    assert patiently(ask) == "rows"
    assert (clock.now() - began).total_seconds() == 40 + 4
    answers[:] = [UnavailableError("the key is good no more", account=True), None]
    with pytest.raises(UnavailableError):
        patiently(ask)
    answers[:] = [UnavailableError("away")] * 8
    with pytest.raises(UnavailableError):
        patiently(ask)
    assert answers == []


def test_every_declared_importer_can_be_named() -> None:
    """Each by the name of its command, with a sentence and at least one kind of rows."""
    assert {"record", "odoo-leads"} <= importers().keys()
    assert all(one.about.endswith(".") and one.kinds for one in importers().values())


def test_two_importers_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text names the flow and the remedy."""
    twice = [(flow, importer([])) for flow in flows.installed()[:2]]
    monkeypatch.setattr(flows, "parts_by_flow", lambda _kind: twice)
    with pytest.raises(FlowError, match="has an importer 'channels' already; rename one"):
        importers()
    monkeypatch.setattr(flows, "parts_by_flow", lambda _kind: [(flows.installed()[0], "nothing")])
    with pytest.raises(FlowError, match=r"no `shared\.importer\.frame\.Importer`"):
        importers()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One importer of the tests beside the old record's."""
    one = importer(LINES)
    monkeypatch.setattr(command, "importers", lambda: {"channels": one, "record": one})


def test_command_names_its_importers_and_what_is_wrong(
    database: None, known: None, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a word it lists them; a wrong name, kind or line ends with code 2 and a sentence."""
    problems = ["--problems", str(tmp_path / "problems.csv")]
    assert command.main([]) == 0
    assert "Channels of a test." in capsys.readouterr().out
    for words, text in (
        (["nobody", "here", "x"], "there is no importer 'nobody'"),
        (["channels", "--only", "people"], "channels has no 'people'; it has channels"),
        (["channels", "--after", "channels"], "channels has no ''"),
        (["channels", "--after", "channels:x"], "such as contacts:5000"),
    ):
        assert command.main([*words, *problems]) == 2
        assert text in capsys.readouterr().err
    assert command.main(["channels", "--after", "channels:5", *problems]) == 0
    assert names() == ["Canal 6", "Canal 7"]


def test_no_cell_of_the_file_of_problems_runs_as_a_formula(
    database: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Which row it was stands there in the words of the other system, and somebody opens the file as a spreadsheet."""
    one = importer([{"id": "=cmd()", "name": "Ana"}])
    monkeypatch.setattr(command, "importers", lambda: {"channels": one})
    path = tmp_path / "problems.csv"
    assert command.main(["channels", "--problems", str(path)]) == 1
    (row,) = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    assert row["which"] == "'=cmd()"


def test_command_that_is_stopped_says_how_to_go_on(
    database: None, known: None, tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line up to which everything is taken in."""

    def failing(self: Rows, _kind: str) -> Iterator[Row]:
        yield from self.given[:4]
        raise ConfigurationError("the file has gone")

    monkeypatch.setattr(Rows, "rows", failing)
    assert command.main(["channels", "--problems", str(tmp_path / "problems.csv")]) == 2
    printed = capsys.readouterr().err
    assert "the file has gone" in printed
    assert "--after 'channels:3'" in printed
    assert names() == ["Canal 1", "Canal 2", "Canal 3"]
