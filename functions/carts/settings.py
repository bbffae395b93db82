"""The settings of the carts."""

from typing import Annotated

from pydantic import Field, SecretStr

from shared.setting_dates import TimeZone
from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Kept, Secrets, Url


class CartSettings(SettingsGroup):
    """Shopify, WooCommerce, and the series of mails about a cart that was left."""

    store_name: str = Field(
        default="nuestra tienda", validation_alias=old_name("STORE_NAME"), description="Name of the shop in the mails."
    )
    store_url: Url | None = Field(
        default=None,
        validation_alias=old_name("STORE_URL"),
        description="Address of the shop, for a cart that comes without an address of its own.",
    )
    carts_whatsapp: bool = Field(
        default=False, description="true: the series writes by WhatsApp as well, to whoever gave a phone number."
    )
    carts_time_zone: TimeZone | None = Field(
        default=None, description="Zone in which recovered revenue has its day; else DEFAULT_TIME_ZONE."
    )
    carts_recovery_days: Annotated[int, Field(ge=1, le=90)] = Field(
        default=14, description="An order counts for a cart that was changed in so many days before it."
    )
    retention_cart_days: Kept = Field(
        default=0, description="Days after its last change that a cart is kept, and an order of a shop; 0 keeps them for ever."
    )
    shopify_webhook_secrets: Secrets = Field(
        default=(),
        description="What Shopify signs its webhooks with: the app's client secret, or the key shown under Settings, "
        "Notifications; several, with commas. Without one an API key with the scope webhook:shopify is asked for.",
    )
    shopify_shop: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,99}\.myshopify\.com$",
        description="The shop's domain (....myshopify.com). What Shopify says of another shop is refused.",
    )
    shopify_base_url: Url | None = Field(
        default=None,
        description="The shop's address at Shopify (https://....myshopify.com), whose API makes discount codes.",
    )
    shopify_client_id: str | None = Field(
        default=None, description="Id of the app of the Dev Dashboard; tokens of 24 hours are fetched with it."
    )
    shopify_client_secret: SecretStr | None = Field(default=None, description="Secret of that app.")
    shopify_access_token: SecretStr | None = Field(
        default=None, description="Permanent token of an older app (shpat_...), in the place of id and secret."
    )
    shopify_api_version: str = Field(
        default="2026-07", pattern=r"^20\d\d-(01|04|07|10)$", description="Version of Shopify's Admin API."
    )
    woocommerce_base_url: Url | None = Field(
        default=None, description="The shop's own address with WooCommerce, whose API makes coupons and is compared nightly."
    )
    woocommerce_consumer_key: SecretStr | None = Field(default=None, description="Key of WooCommerce's API (ck_...).")
    woocommerce_consumer_secret: SecretStr | None = Field(default=None, description="Secret of that key (cs_...).")
    discount_code: str | None = Field(
        default=None,
        max_length=100,
        validation_alias=old_name("DISCOUNT_CODE"),
        description="A code that the shop has, for the last mail; without it and CARTS_MAKE_DISCOUNTS none is named.",
    )
    discount_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, validation_alias=old_name("DISCOUNT_PERCENT"), description="Of the codes that are made: percent."
    )
    carts_make_discounts: bool = Field(
        default=False, description="true: a code is made in the shop for each cart, for one use; for the last mail."
    )
    carts_discount_days: Annotated[int, Field(ge=3, le=90)] = Field(
        default=7, description="Days for which a code is good, from the first mail on."
    )
    woocommerce_webhook_secrets: Secrets = Field(
        default=(),
        description="Secrets of WooCommerce's webhooks, letters and digits only; several, with commas. Without one an API key "
        "with the scope webhook:woocommerce is asked for.",
    )
