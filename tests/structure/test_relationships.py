"""Mapped classes refer to classes that exist already: a name that comes later breaks the mappers of the whole process.

Modules are imported while other threads serve (a lazily loaded handler, warming). A query of theirs configures every mapper
that is there, so it may meet a class whose relationship names one that is defined a few lines below. SQLAlchemy then takes the
mapper as broken for as long as the process lives.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.structure.modules import tree

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py"))
LOADING = {"lazy", "cascade", "back_populates", "backref"}
"""Arguments whose text names no class."""


def named_later(parsed: ast.AST) -> Iterator[str]:
    """Relationships that name a class or a column in a text, in the annotation or in an argument."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call) and is_relationship(node.value):
            arguments = [one.value for one in node.value.keywords if one.arg not in LOADING]
            if any(has_text(one) for one in (node.annotation, *node.value.args, *arguments)):
                yield ast.unparse(node.target)


def is_relationship(call: ast.Call) -> bool:
    """By either name."""
    return ast.unparse(call.func).rpartition(".")[2] == "relationship"


def has_text(node: ast.AST) -> bool:
    """Whether there is a text anywhere in it."""
    return any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(node))


def test_no_relationship_names_a_class_that_comes_later() -> None:
    """Of every flow and of the shared tables."""
    using = [path for path in SOURCES if "relationship(" in path.read_text("utf-8")]
    found = [f"{path.relative_to(ROOT)}: {one}" for path in using for one in named_later(tree(path))]
    assert len(using) > 2
    assert found == []


def test_the_search_finds_the_later_names() -> None:
    """In the annotation, as the argument, as the order; how it is loaded is no name."""
    parsed = ast.parse(
        "a: Mapped[list['Later']] = relationship(lazy='selectin')\n"
        "b: Mapped[Any] = orm.relationship('Later')\n"
        "c: Mapped[Earlier] = relationship(order_by='Later.id')\n"
        "d: Mapped[Earlier | None] = relationship(lazy='joined', order_by=Earlier.id)\n"
        "e: Mapped[str] = mapped_column(ForeignKey('meetings.id'))\n"
    )
    assert list(named_later(parsed)) == ["a", "b", "c"]
