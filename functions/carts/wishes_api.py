"""`/api/v1/carts/wishes`: what Shopify has asked for about somebody's data, and what is held for the answer."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.carts import wishes
from functions.carts.tables import ShopWish
from shared.privacy.export import plain
from shared.store.session import reading
from shared.web.auth import SecuredRoute
from shared.web.paging import Page, PageQuery, find

router = APIRouter(prefix="/api/v1/carts/wishes", tags=["Carts"], route_class=SecuredRoute)

MOST_SHOWN = 200
HIDDEN = frozenset({"facts", "notified", "discount_seed"})


class WishQuery(PageQuery):
    """Filters of the list."""

    state: Literal["pending", "done", "asked"] | None = None


class WishOut(BaseModel):
    """A wish of Shopify's about somebody's data."""

    id: int
    topic: str
    state: Literal["pending", "done", "asked"] = Field(description="`asked`: give the merchant what is in `held`, by `due_at`.")
    request_id: str | None = Field(description="Shopify's number of the request.")
    customer_id: str | None
    found: dict[str, int] | None = Field(description="How many rows were erased, by table.")
    held: dict[str, list[dict[str, Any]]] | None = Field(description="All that is held of that customer from that shop.")
    due_at: datetime
    done_at: datetime | None
    created_at: datetime


@router.get("", summary="Wishes about somebody's data")
def list_wishes(query: Annotated[WishQuery, Query()]) -> Page[WishOut]:
    """Shopify's privacy topics, each once, and what became of them."""
    with reading() as session:
        wanted = select(ShopWish) if query.state is None else select(ShopWish).where(ShopWish.state == query.state)
        rows, total, after = find(session, wanted, ShopWish.id, query)
        return Page(items=[_shown(session, row) for row in rows], total=total, next=after)


def _shown(session: Session, row: ShopWish) -> WishOut:
    names = ("id", "topic", "state", "request_id", "customer_id", "found", "due_at", "done_at", "created_at")
    held = _held(session, row) if row.state == wishes.ASKED else None
    return WishOut(**{name: getattr(row, name) for name in names}, held=held)


def _held(session: Session, wish: ShopWish) -> dict[str, list[dict[str, Any]]]:
    carts, orders = wishes.rows_of(session, wish, MOST_SHOWN)
    return {"carts": [_columns(row) for row in carts], "orders": [_columns(row) for row in orders]}


def _columns(row: Any) -> dict[str, Any]:
    return {one.key: plain(getattr(row, one.key)) for one in row.__table__.columns if one.key not in HIDDEN}
