"""What the console shows of carts and orders."""

from functions.carts.tables import Cart, ShopOrder
from shared.console.records import Field, Records
from shared.console.words import mark

CARTS = Records(
    name="carts",
    title=mark("Carts"),
    about=mark("Carts that were left in a shop, and whether an order came of them."),
    model=Cart,
    name_of=lambda row: " ".join(filter(None, (row.first_name, row.last_name))) or row.email or row.cart_id,
    fields=(
        Field(title=mark("State"), value=lambda row: row.state),
        Field(title=mark("Changed"), value=lambda row: row.changed_at),
        Field(title=mark("Shop"), value=lambda row: row.store),
    ),
    words=("email", "cart_id", "first_name", "last_name"),
    subject=lambda row: row.email,
)
ORDERS = Records(
    name="shop-orders",
    title=mark("Orders of shops"),
    about=mark("Orders that a shop has told of."),
    model=ShopOrder,
    name_of=lambda row: row.order_id,
    fields=(
        Field(title=mark("State"), value=lambda row: row.status),
        Field(title=mark("Placed"), value=lambda row: row.placed_at),
        Field(title=mark("Paid"), value=lambda row: row.paid_at),
    ),
    words=("order_id", "email"),
    subject=lambda row: row.email,
)
