"""Fixtures of the carts."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from functions.carts.tables import Cart, ShopOrder
from shared import clock
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, JourneyBeginning
from shared.store.session import reading
from tests.support import shops
from tests.support.functions import named
from tests.support.messages import CONFIGURED, PostOffice, next_due
from tests.support.world import World


class Shop:
    """The shops, what they report, and what we have kept of it."""

    def __init__(self, world: World, test_clock: clock.TestClock, post: PostOffice, environment: pytest.MonkeyPatch) -> None:
        self.world, self.clock, self.post, self.environment = world, test_clock, post, environment

    def shopify(self, *bodies: Mapping[str, Any], topic: str | None = None, number: str = "", status: int = 202) -> None:
        """Shopify reports these, in this order, and all is handled."""
        for each in bodies:
            raw = shops.body(each)
            kind = topic or ("orders/updated" if "financial_status" in each else "checkouts/update")
            headers = {"x-shopify-topic": kind, "x-shopify-shop-domain": "tienda.myshopify.com"}
            headers |= {"x-shopify-webhook-id": number} if number else {}
            headers["x-shopify-hmac-sha256"] = shops.signature(raw, shops.SHOPIFY_SECRET)
            self.posted("shopify", raw, headers, status)

    def woo(self, *bodies: Mapping[str, Any], topic: str = "order.updated") -> None:
        """WooCommerce reports these, and all is handled."""
        for each in bodies:
            raw = shops.php_body(each)
            signed = {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": shops.signature(raw, shops.WOO_SECRET)}
            self.posted("woo", raw, signed, 202)

    def plain(self, *bodies: Mapping[str, Any], hook: str = "plain") -> None:
        """A plugin reports these with a key, and all is handled."""
        for each in bodies:
            self.posted(hook, shops.body(each), {}, 202)

    def posted(self, hook: str, raw: bytes, headers: dict[str, str], status: int) -> None:
        """A request that is answered so, and handled."""
        answer = self.world.post(hook, raw, **headers)
        assert answer.status_code == status, answer.get_body()
        self.world.run()

    def shuffled(self, bodies: Iterable[Mapping[str, Any]], seed: int) -> None:
        """Shopify reports them in any order, some of them again."""
        dice = random.Random(seed)  # noqa: S311  # a shuffle
        several = [each for each in bodies for _ in range(dice.choice((1, 1, 2)))]
        dice.shuffle(several)
        for each in several:
            self.shopify(each)

    def take_secret(self, name: str, secret: str) -> None:
        """The setting of that name is this secret from now on."""
        self.environment.setenv(name, secret)
        get_settings.cache_clear()

    def go_to(self, **later: float) -> None:
        """Let time pass until so long after the cart was left, from one thing that is due to the next."""
        end = shops.LEFT + timedelta(**later)
        while self.clock.moment < end:
            waiting = [row.due_at for row in self.rows(JourneyBeginning) if row.state == "waiting"]
            due = [at for at in (next_due(), *waiting) if at is not None and at > self.clock.moment]
            self.clock.moment = min([end, *due])
            self.world.timers()
            self.world.run()

    def rows(self, model: type[Any]) -> list[Any]:
        """All rows of a table."""
        with reading() as session:
            return list(session.scalars(select(model).order_by(model.id)))

    @property
    def carts(self) -> list[Cart]:
        """All carts."""
        return self.rows(Cart)

    @property
    def orders(self) -> list[ShopOrder]:
        """All orders."""
        return self.rows(ShopOrder)

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The mails that have gone out: step and address."""
        return [(str(letter.message.context.get("step")), letter.message.to) for letter in self.post.sent]

    @property
    def series(self) -> list[tuple[str, str, str | None]]:
        """All enrolments: person, state, reason."""
        return [(row.person, row.state, row.reason) for row in self.rows(Enrolment)]


@pytest.fixture
def shop(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Shop]:
    """Both shops set up, and providers of messages that take everything."""
    from functions.carts import triggers

    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    environment.setenv("SHOPIFY_WEBHOOK_SECRETS", f"an-old-one,{shops.SHOPIFY_SECRET}")
    environment.setenv("WOOCOMMERCE_WEBHOOK_SECRETS", shops.WOO_SECRET)
    environment.setenv("DEFAULT_TIME_ZONE", "America/Mexico_City")
    get_settings.cache_clear()
    test_clock.moment = shops.LEFT
    world.webhooks |= {"shopify": triggers.CHECKOUT, "woo": triggers.WOOCOMMERCE_ORDER, "plain": triggers.CART}
    world.webhooks["plain_order"] = triggers.ORDER
    world.handlers["events-queue"] = named("events_handler")
    with PostOffice().installed(environment) as post:
        yield Shop(world, test_clock, post, environment)
