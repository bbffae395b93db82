"""The settings of the carts."""

from typing import Annotated

from pydantic import Field

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
    woocommerce_webhook_secrets: Secrets = Field(
        default=(),
        description="Secrets of WooCommerce's webhooks, letters and digits only; several, with commas. Without one an API key "
        "with the scope webhook:woocommerce is asked for.",
    )
