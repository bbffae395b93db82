"""The comparison: same, missing on either side, differing; whatever the order, and with bounded memory."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.leads import actions_log
from shared.errors import PermanentError
from shared.outbox import effects
from shared.shadow import acts
from shared.shadow.acts import Act
from shared.shadow.compare import Counts, compare
from tests.support.examples import examples

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def act(effect="email", who="ana", *, name=None, minutes=0, is_state=False, place="x", **fields):
    """One act, with digests in place of its values."""
    return Act(
        effect=effect,
        who=(who,) if isinstance(who, str) else who,
        place=place,
        shown="a***",
        name=name,
        at=NOON + timedelta(minutes=minutes),
        is_state=is_state,
        fields={key: str(value) for key, value in fields.items()},
    )


def found(ours, theirs, **more):
    """The differences, as kind, effect and fields."""
    counts = Counts()
    lines = [(one.kind, one.effect, sorted(one.fields)) for one in compare(ours, theirs, counts, **more)]
    assert counts.differences == len(lines)
    return lines


class TestCompare:
    """One effect of ours beside one of theirs."""

    def test_nothing_differs(self):
        """The same mail a minute later is the same mail; fields that they do not name are not compared."""
        assert found([act(text=1, subject=2)], [act(minutes=1, subject=2)]) == []

    def test_missing_on_either_side(self):
        """Each is named where it is not."""
        assert found([act()], []) == [("missing at theirs", "email", [])]
        assert found([], [act("voice")]) == [("missing at ours", "voice", [])]

    def test_field_and_time_differ(self):
        """By name; the time only beyond the tolerance."""
        assert found([act(subject=1)], [act(subject=2, minutes=30)]) == [("differing", "email", ["at", "subject"])]
        assert found([act()], [act(minutes=30)], tolerance=timedelta(hours=1)) == []

    def test_field_that_we_lack_differs(self):
        """What they have written and we would not."""
        assert found([act(a=1)], [act(a=1, b=2)]) == [("differing", "email", ["b"])]

    def test_another_name_is_another_effect(self):
        """Where both have names; a line without one is whatever we have nearest in time."""
        assert len(found([act(name="a")], [act(name="b")])) == 2
        assert found([act(name="a"), act(name="b", minutes=60)], [act(minutes=60), act(minutes=0)]) == []

    def test_twice_there_and_once_here(self):
        """Somebody got a mail twice."""
        assert found([act()], [act(), act(minutes=1)]) == [("missing at ours", "email", [])]

    def test_last_state_of_a_record_counts(self):
        """Three changes there and one here are one record, whenever they came."""
        theirs = [act("kommo.lead", is_state=True, minutes=number, stage=number) for number in (1, 5, 3)]
        assert found([act("kommo.lead", is_state=True, minutes=900, stage=5)], theirs) == []
        assert found([act("kommo.lead", is_state=True, stage=4)], theirs) == [("differing", "kommo.lead", ["stage"])]

    def test_any_address_of_a_person_finds_them(self):
        """We know the mail and the phone, they name the phone."""
        assert found([act(who=("mail", "phone"))], [act(who="phone")]) == []


@settings(max_examples=examples(40))
@given(seed=st.permutations(range(8)), other=st.permutations(range(8)))
def test_order_of_the_logs_does_not_matter(seed, other):
    """Eight mails in any order on either side are the same eight."""
    ours, theirs = ([act(who=f"p{n % 3}", name=f"m{n}", minutes=n) for n in order] for order in (seed, other))
    assert found(ours, theirs) == []


def test_memory_is_bounded():
    """Four thousand lines stand in the file, and not in the memory of the process."""
    many = 2_000

    def lines():
        return (act(who=f"p{number}", minutes=number % 60, place=f"line {number}", text=number) for number in range(many))

    counts = Counts()
    tracemalloc.start()
    assert list(compare(lines(), lines(), counts, tolerance=timedelta(days=1))) == []
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (counts.ours, counts.same) == (many, many)
    assert most < 1_000_000


class TestLogs:
    """What is read, in which form."""

    def read(self, path, form, **renamed):
        """The acts of a file."""
        return list(acts.read(path, form, renamed, frozenset(("kommo.lead",))))

    def test_json_lines_and_csv_say_the_same(self, tmp_path):
        """The two forms of docs/cutover.md."""
        line = {"at": "2026-03-02T12:00:00Z", "effect": "email", "email": "Ana@example.com", "name": "hola"}
        lines, table = tmp_path / "a.jsonl", tmp_path / "a.csv"
        lines.write_text(json.dumps(line | {"fields": {"stage": 16}}) + "\n\n")
        table.write_text("at,effect,email,name,field.stage\n2026-03-02T06:00:00-06:00,email,Ana@example.com,hola,16\n")
        assert self.read(lines, "jsonl") == self.read(table, "csv")
        (one,) = self.read(lines, "jsonl", hola="lead_welcome")
        assert (one.name, one.at, one.shown) == ("lead_welcome", NOON, "A*** (15)")
        assert one.who == tuple(effects.whom({"to": "ana@example.com"}))

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ('{"effect": "email"}', "line 1: it names nobody"),
            ('{"person": "ana@example.com"}', "line 1: 'effect'"),
            ('{"effect": "email", "person": "a", "at": "soon"}', "line 1: Invalid isoformat"),
            ("no json", "line 1 is no JSON"),
            ("[1]", "line 1 is no JSON object"),
        ],
    )
    def test_unreadable_line_is_named(self, tmp_path, text, why):
        """Nothing is compared with half a log."""
        path = tmp_path / "log.jsonl"
        path.write_text(text + "\n")
        with pytest.raises(PermanentError, match=why):
            self.read(path, "jsonl")

    def test_actions_log_of_the_lead_automation(self, tmp_path):
        """Later records find the person by Kommo's number; what failed did not happen."""
        records = [
            (
                "kommo",
                {"action": "create_lead", "lead_id": 7, "payload": {"email": "ana@example.com", "telefono": "+525512345678"}},
            ),
            ("kommo", {"action": "update_status", "lead_id": 7}),
            ("email", {"action": "send", "lead_id": 7, "status": "sent"}),
            ("call", {"lead_id": 7, "status": "queued", "sid": "CA1"}),
            ("message", {"lead_id": 7, "provider": "whatsapp", "status": "error"}),
            ("message", {"lead_id": 7, "provider": "sms", "status": "sent"}),
            ("error", {"lead_id": 7}),
            ("email", {"lead_id": 8}),
        ]
        entries = [{"timestamp": "2026-03-02T12:00:00+00:00", "channel": channel, "data": data} for channel, data in records]
        path = tmp_path / "actions_log.json"
        path.write_text(json.dumps(entries, indent=2))
        read = self.read(path, "actions-log")
        assert [(one.effect, one.is_state) for one in read] == [
            ("kommo.lead", True),
            ("email", False),
            ("voice", False),
            ("sms", False),
        ]
        assert all(effects.whom({"to": "+525512345678"})[0] in one.who for one in read)

    def test_long_actions_log_is_read_piece_by_piece(self, tmp_path, monkeypatch):
        """Records that lie across two pieces are whole; a file that breaks off says so."""
        monkeypatch.setattr(actions_log, "CHUNK", 17)
        path = tmp_path / "actions_log.json"
        entry = {"timestamp": "2026-03-02T12:00:00", "channel": "email", "data": {"email": "ana@example.com", "x": "é" * 40}}
        path.write_text(json.dumps([entry] * 5, ensure_ascii=False))
        assert len(self.read(path, "actions-log")) == 5
        path.write_text(json.dumps([entry] * 5)[:-20])
        with pytest.raises(PermanentError, match="breaks off"):
            self.read(path, "actions-log")
