"""What an order is, and what is refused. No I/O here."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

MAX_QUANTITY = 100
MAX_NOTE = 200
PRODUCT_ID = re.compile(r"[a-z0-9-]{1,40}")


class Refused(Exception):
    """A request that cannot be carried out; `code` is for programs, the text for people."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code


class UnknownProduct(Refused):
    def __init__(self, item: str):
        super().__init__(422, "unknown_product", f"there is no product `{item}`")


@dataclass(frozen=True)
class Product:
    id: str
    name: str
    price_cents: int


@dataclass(frozen=True)
class NewOrder:
    item: str
    quantity: int
    note: str = ""


@dataclass(frozen=True)
class Order:
    """A stored order. Name and price are those of the moment it was placed."""

    id: int
    item: str
    name: str
    unit_price_cents: int
    quantity: int
    note: str
    placed_at: datetime


def parse_new_order(body: bytes) -> NewOrder:
    """Reads `{"item": "mug", "quantity": 2, "note": "…"}`; quantity (1) and note may be missing."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "invalid_json", "the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise Refused(422, "invalid_order", "an order is a JSON object")
    if unknown := data.keys() - {"item", "quantity", "note"}:
        raise Refused(422, "unknown_field", f"an order has no field {min(unknown)!a}")
    return NewOrder(
        item=_item(data.get("item")),
        quantity=_quantity(data.get("quantity", 1)),
        note=_note(data.get("note", "")),
    )


def _item(value: object) -> str:
    if value is None or value == "":
        raise Refused(422, "missing_item", "`item` is missing: the id of a product")
    if not isinstance(value, str):
        raise Refused(422, "invalid_item", "`item` must be the id of a product")
    if not PRODUCT_ID.fullmatch(value):
        raise UnknownProduct(ascii(value)[1:-1][:60])
    return value


def _quantity(value: object) -> int:
    # In Python, True is an int.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_QUANTITY:
        raise Refused(
            422, "invalid_quantity", f"`quantity` must be a whole number from 1 to {MAX_QUANTITY}"
        )
    return value


def _note(value: object) -> str:
    # Postgres text takes no NUL, UTF-8 no lone surrogate; neither is printable.
    if not isinstance(value, str) or len(value) > MAX_NOTE or not value.isprintable():
        raise Refused(
            422, "invalid_note", f"`note` must be one line of at most {MAX_NOTE} characters"
        )
    return value.strip()
