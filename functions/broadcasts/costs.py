"""What a broadcast costs: the prices of the settings, by the template's category and the country of each number."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Recipient
from shared.readers import phone
from shared.settings import settings_of

CHUNK = 2000
OTHERS = "*"


@dataclass(frozen=True)
class Cost:
    """Messages and money by country; `unpriced` are messages to countries of which no price is set."""

    currency: str
    category: str
    messages: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.amounts.values(), Decimal())


def of_countries(messages: Mapping[str, int], category: str) -> Cost:
    """The cost of so many messages to each country."""
    settings = settings_of(BroadcastSettings)
    prices = {place.upper(): price for place, price in settings.broadcast_prices.get(category, {}).items()}  # type: ignore[call-overload]
    amounts = {}
    for country, number in sorted(messages.items()):
        price = prices.get(country, prices.get(OTHERS))
        if price is not None:
            amounts[country] = price * number
    unpriced = sum(number for country, number in messages.items() if country not in amounts)
    return Cost(settings.broadcast_currency, category, dict(sorted(messages.items())), amounts, unpriced)


def country_of(number: str | None) -> str:
    """The country of a number in E.164; `ZZ` where it has none."""
    return (phone.region_and_type(number)[0] if number else None) or "ZZ"


def of_execution(session: Session, execution_id: int, category: str) -> Cost:
    """The cost of all who are still to be written to. Reads them in bounded chunks."""
    found: Counter[str] = Counter()
    after = 0
    while True:
        query = select(Recipient.id, Recipient.phone_number).where(
            Recipient.execution_id == execution_id, Recipient.status == RecipientStatus.PENDING, Recipient.id > after
        )
        rows = session.execute(query.order_by(Recipient.id).limit(CHUNK)).all()
        found.update(country_of(row.phone_number) for row in rows)
        if len(rows) < CHUNK:
            return of_countries(found, category)
        after = rows[-1].id
