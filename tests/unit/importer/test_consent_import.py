"""Consents from a file: they prove nothing, lift nothing, and end the same in any order with what people say themselves."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from shared import clock
from shared.importer.__main__ import main
from shared.importer.consents import ConsentRow, ConsentRun
from shared.importer.frame import Change
from shared.intake import lenient
from shared.messages import consent, consent_history
from shared.messages.consent_history import MARKETING, Statement
from shared.messages.digests import digest_of_address
from shared.people import aliases
from shared.people.kinds import identity
from shared.store.consent_models import Consent
from shared.store.message_models import Suppression
from shared.store.session import reading, transact
from tests.support.examples import examples

MAIL, PHONE = "ana@example.com", "+525512345678"
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def brought(folder: Path, *rows: dict[str, Any], code: int = 0) -> list[dict[str, str]]:
    """The command with these rows; the problems."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "consents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    assert main(["consents", str(folder / "consents.csv"), "--problems", str(folder / "problems.csv")]) == code
    with (folder / "problems.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def words() -> list[tuple[Any, ...]]:
    """Every word that is kept."""
    with reading() as session:
        rows = session.scalars(select(Consent)).all()
    found = [(row.value, row.channel, row.purpose, row.word, row.is_proven, row.said_at) for row in rows]
    return sorted(found, key=str)


def held(address: str, channel: str, *, transactional: bool = False) -> str | None:
    """Why nothing goes there; None where nothing speaks against it."""
    with reading() as session:
        known = aliases.of(session, [f"{'email' if '@' in address else 'phone'}:{address}"])
        return consent.cause_against(session, known, channel, address, transactional=transactional)


def test_words_arrive_with_source_and_text(database: None, tmp_path: Path) -> None:
    """Each for its channel and purpose; what is left open is marketing by every channel."""
    first = {"address": "Ana@Example.com", "word": "Opt-in", "channel": "correo", "time": "2025-05-01T10:00:00Z"}
    rows = [
        first | {"source": "feria", "text": "Quiero recibir novedades"},
        {"address": "55 1234 5678", "word": "alta", "channel": "WhatsApp, SMS", "purpose": "health-data"},
        {"address": "+52 55 1234 5678", "word": "sí"},
    ]
    assert brought(tmp_path, *rows) == []
    assert words() == [
        (PHONE, "any", MARKETING, "granted", False, None),
        (PHONE, "sms", "health-data", "granted", False, None),
        (PHONE, "whatsapp", "health-data", "granted", False, None),
        (MAIL, "email", MARKETING, "granted", False, datetime(2025, 5, 1, 10, tzinfo=UTC)),
    ]
    with reading() as session:
        ana = session.scalars(select(Consent).where(Consent.value == MAIL)).one()
    assert (ana.source, ana.text, ana.evidence) == ("import", "Quiero recibir novedades", {"source": "feria"})


def test_who_wanted_none_is_held_back_here_too(database: None, tmp_path: Path) -> None:
    """By mail marketing alone; by telephone everything, by the channels that the file names."""
    mail, phone = {"address": MAIL, "word": "baja"}, {"address": PHONE, "word": "no", "channel": "whatsapp"}
    brought(tmp_path, mail, phone)
    assert (held(MAIL, "email"), held(MAIL, "email", transactional=True)) == ("unsubscribed", None)
    assert (held(PHONE, "whatsapp", transactional=True), held(PHONE, "sms")) == ("stop", None)


def test_a_word_about_something_else_holds_no_marketing_back(database: None, tmp_path: Path) -> None:
    """A withdrawn notice is kept as such."""
    brought(tmp_path, {"address": MAIL, "word": "opt-out", "channel": "any", "purpose": "health-data"})
    assert (held(MAIL, "email"), [word[3] for word in words()]) == (None, ["withdrawn"])


def test_an_import_lifts_no_stop(database: None, tmp_path: Path) -> None:
    """However new it says that it is."""
    transact(lambda session: consent.suppress(session, ["email"], [digest_of_address(MAIL)], "unsubscribed", JANUARY))
    brought(tmp_path, {"address": MAIL, "word": "opt-in", "time": (clock.now() - timedelta(days=1)).isoformat()})
    assert held(MAIL, "email") == "unsubscribed"


def test_a_second_run_changes_nothing(database: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No row is new or touched."""
    rows = [{"address": MAIL, "word": "baja", "time": "2025-05-01"}, {"address": PHONE, "word": "alta", "time": ""}]
    brought(tmp_path, *rows)
    with reading() as session:
        before = [vars(row) | {"_sa_instance_state": None} for row in session.scalars(select(Suppression))]
    capsys.readouterr()
    brought(tmp_path, *rows)
    assert "0 new         0 changed      0 left out" in capsys.readouterr().out
    with reading() as session:
        assert before == [vars(row) | {"_sa_instance_state": None} for row in session.scalars(select(Suppression))]


def test_bad_rows_are_left_out_without_an_address_in_the_file(database: None, tmp_path: Path) -> None:
    """No address, no word, a channel that does not reach it, one that there is not; a time to come costs the time."""
    problems = brought(
        tmp_path,
        {"address": "nobody@", "word": "alta"},
        {"address": MAIL, "word": "quizás"},
        {"address": MAIL, "word": "alta", "channel": "sms"},
        {"address": MAIL, "word": "alta", "channel": "fax"},
        {"address": MAIL, "word": "alta", "time": "2199-01-01"},
        code=1,
    )
    assert [(row["line"], row["which"]) for row in problems] == [("2", ""), ("4", ""), ("5", ""), ("1", ""), ("3", "")]
    assert all(
        text in row["why"] for text, row in zip(("word", "channel", "future", "address", "reach"), problems, strict=True)
    )
    assert "example.com" not in (tmp_path / "problems.csv").read_text()
    assert [word[5] for word in words()] == [None]


def _import(word: str, month: int | None) -> Any:
    row, _left_out = lenient.read(
        ConsentRow, {"address": MAIL, "word": word, "channel": "", "time": f"2025-{month:02}-01" if month else ""}
    )
    return lambda session: ConsentRun().apply(session, row)


def _live(word: str, month: int) -> Any:
    at, who = datetime(2025, month, 15, tzinfo=UTC), identity("email", MAIL)
    statement = Statement(
        channels=("email",), purpose=MARKETING, word="granted", source="lead.form", is_proven=True, said_at=at
    )
    digests = [digest_of_address(MAIL)]
    return {
        "stop": lambda session: consent.suppress(session, ["email"], digests, "unsubscribed", at),
        "start": lambda session: consent.lift(session, ["email"], digests, "unsubscribed", at),
        "form": lambda session: consent_history.record(session, who, statement),
    }[word]


IMPORTED = st.tuples(st.sampled_from(("baja", "alta")), st.sampled_from((None, 2, 6, 11)))
LIVE = st.tuples(st.sampled_from(("stop", "start", "form")), st.integers(1, 12))


@given(imported=st.lists(IMPORTED, max_size=3), live=st.lists(LIVE, max_size=4, unique_by=lambda one: one[1]), data=st.data())
@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_import_before_after_and_between_live_words_ends_the_same(
    database: None, imported: Sequence[tuple[str, int | None]], live: Sequence[tuple[str, int]], data: st.DataObject
) -> None:
    """The same words are kept and the same suppressions hold, however often the file is brought in."""
    deeds = [_import(*one) for one in imported] + [_live(*one) for one in live]
    order = data.draw(st.permutations(deeds))
    again = [_import(*one) for one in data.draw(st.lists(st.sampled_from(imported), max_size=2))] if imported else []
    ends = []
    for each in (deeds, [*order, *again]):
        transact(lambda session: (session.execute(delete(Consent)), session.execute(delete(Suppression))))
        for deed in each:
            transact(deed)
        with reading() as session:
            kept = session.scalars(select(Suppression).order_by(Suppression.cause)).all()
            stands = [(row.channel, row.who, row.cause, row.changed_at) for row in kept if not row.lifted]
            ends.append((words(), stands, {row.changed_at for row in kept if row.changed_at.year > 2000}))
    assert ends[0] == ends[1]


def test_what_a_row_changes_is_reported(database: None) -> None:
    """New once."""
    deed = _import("baja", 2)
    assert [transact(deed), transact(deed)] == [Change.NEW, Change.UNCHANGED]
