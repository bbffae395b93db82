"""Abandoned carts: shops report carts and orders; whoever left a cart is reminded of it until they order."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind, Job, Rhythm

SHOPIFY, WOOCOMMERCE = "shopify", "woocommerce"
"""The shops whose own forms are read, as they are stored."""

FLOW = Flow(
    name="carts",
    title="Abandoned carts",
    about="Shopify, WooCommerce and other shops report carts and orders. Whoever left a cart gets a series of mails, and "
    "WhatsApp where that is wanted, until they order; what was bought after a mail is counted as recovered.",
    functions=("functions.carts.triggers:bp",),
    requires=("leads",),  # whoever left a cart may be a lead, whose journeys know them by the lead's number
    handlers=MappingProxyType(
        {
            "carts.cart": "functions.carts.triggers:CARTS",
            "carts.order": "functions.carts.triggers:ORDERS",
            "carts.notice": "functions.carts.triggers:NOTICES",
            "shopify.checkout": "functions.carts.triggers:CARTS",
            "shopify.privacy": "functions.carts.triggers:WISHES",
            "shopify.order": "functions.carts.triggers:ORDERS",
            "woocommerce.order": "functions.carts.triggers:ORDERS",
        }
    ),
    by_hand="functions.carts.triggers:BY_HAND",
    secret_inputs=frozenset(("email_webhook_url", "slack_webhook_url", "db_url", "db_username", "jdbc_url", "jdbc_user")),
    routers=("functions.carts.wishes_api:router", "functions.carts.api:router"),
    tables=("functions.carts.tables",),
    privacy="functions.carts.privacy:PERSONAL_DATA",
    timeline=("functions.carts.privacy:CART_TIMELINE", "functions.carts.privacy:ORDER_TIMELINE"),
    retention=("functions.carts.retention:RULES",),
    kept=MappingProxyType(
        {
            "shop_wishes": "proof that a wish to erase was done; the person is gone from it",
        }
    ),
    listeners=MappingProxyType({"message.outcome": "functions.carts.listeners:note_outcome"}),
    has_pages=True,
    records=("functions.carts.console:CARTS", "functions.carts.console:ORDERS"),
    figures=("functions.carts.figures:of_carts",),
    settings="functions.carts.settings:CartSettings",
    has_journeys=True,
    has_templates=True,
    senders=("carts", "shopify", "woocommerce"),
    stand_ins=("sandbox.shopify:Shopify", "sandbox.woocommerce:WooCommerce"),
    kept_keys=frozenset(("shopify.checkout", "shopify.order", "shopify.privacy", "woocommerce.order")),
    effects=("functions.carts.discounts:IN_SHOPIFY", "functions.carts.discounts:IN_WOOCOMMERCE"),
    targets=MappingProxyType(
        {"shopify": "functions.carts.shopify_api:policy", "woocommerce": "functions.carts.woocommerce_api:policy"}
    ),
    clients=("functions.carts.shopify_api:SHOPIFY_API", "functions.carts.woocommerce_api:WOOCOMMERCE_API"),
    comparisons=MappingProxyType({"woocommerce": "functions.carts.watch:with_woocommerce"}),
    jobs=(
        Job(name="shop-wishes", rhythm=Rhythm.FIVE_MINUTES, run="functions.carts.wishes:fulfil"),
        Job(name="woocommerce-webhooks", rhythm=Rhythm.FIVE_MINUTES, run="functions.carts.watch:watch_webhooks"),
        Job(name="compare-woocommerce", rhythm=Rhythm.NIGHT, run="functions.carts.watch:ask_nightly"),
    ),
    identities=(IdentityKind(name="shop", title="Customer of a shop"),),
    people=("functions.carts.persons:CARTS", "functions.carts.persons:ORDERS"),
)
