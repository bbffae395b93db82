"""The texts A and B compared, as the API shows it."""

from collections.abc import Mapping

from pydantic import BaseModel, Field

from functions.broadcasts import measures
from shared.comparison import Side


class SideOut(BaseModel):
    """Of how many people of a text how many did it, and their percentage."""

    number: int
    base: int
    rate: float | None

    @classmethod
    def of(cls, side: Side) -> "SideOut":
        """A side of a comparison as it is shown."""
        return cls(number=side.number, base=side.base, rate=None if side.rate is None else round(100 * side.rate, 2))


class ComparedOut(BaseModel):
    """A measure of the texts A and B, and whether the difference means something (95 % confidence, two-sided)."""

    measure: str
    of: str
    a: SideOut
    b: SideOut
    p_value: float | None = Field(description="How likely luck alone makes a difference as large; null: nothing to compare.")
    verdict: str = Field(description="`a` or `b` does better, `chance`, or `none-sent`.")
    sentence: str

    @classmethod
    def of_counts(cls, counted: Mapping[str, int]) -> "list[ComparedOut]":
        """Every measure; none where there is no text B."""
        found = measures.of_counts(counted)
        return [
            cls(
                measure=one.measure,
                of=one.base,
                a=SideOut.of(one.a),
                b=SideOut.of(one.b),
                p_value=one.p_value,
                verdict=one.verdict,
                sentence=one.sentence,
            )
            for one in found
        ]
