"""Whatever grows has a rule of retention, or its flow says why its rows stay."""

from shared import flows, retention_rules
from shared.store.models import Base


def ruled() -> set[str]:
    return {rule.table.__tablename__ for rule in retention_rules.rules().values()}


def kept() -> dict[str, str]:
    return {table: why for flow in flows.installed() for table, why in flow.kept.items()}


def test_every_table_has_a_rule_or_a_reason() -> None:
    """A table of a new flow as well: one that has neither grows for ever, and nobody has decided so."""
    assert sorted(set(Base.metadata.tables) - ruled() - set(kept())) == []


def test_reasons_are_of_tables_that_are_there_and_have_no_rule() -> None:
    """A reason that is out of date would say that rows stay which go."""
    assert sorted(set(kept()) - set(Base.metadata.tables)) == []
    assert sorted(ruled() & set(kept())) == []
    assert [table for table, why in kept().items() if not why.strip()] == []


def test_a_table_has_one_reason() -> None:
    """Of the flow whose table it is."""
    named = [table for flow in flows.installed() for table in flow.kept]
    assert sorted(named) == sorted(set(named))
