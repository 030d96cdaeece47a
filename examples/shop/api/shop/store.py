"""Orders and products in Postgres."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Cursor
from psycopg.rows import class_row

from shop.orders import NewOrder, Order, Product, UnknownProduct


class Store:
    """A connection per request: a database that was away is back at once. With a handful of threads
    a pool would save some milliseconds and cost its own reconnecting."""

    def __init__(self, url: str):
        self._url = url

    def check(self) -> None:
        """Fails when the database is away or a table is missing; reads no row."""
        with psycopg.connect(self._url, connect_timeout=2) as connection:
            connection.execute("SELECT FROM orders, products LIMIT 0")

    def products(self) -> list[Product]:
        with self._transaction(Product) as cursor:
            return cursor.execute(
                "SELECT id, name, price_cents FROM products ORDER BY name"
            ).fetchall()

    def newest(self, limit: int) -> list[Order]:
        with self._transaction(Order) as cursor:
            return cursor.execute(
                """
                SELECT id, item, name, unit_price_cents, quantity, note, placed_at
                FROM orders ORDER BY id DESC LIMIT %s
                """,
                [limit],
            ).fetchall()

    def place(self, new: NewOrder, before_commit: Callable[[Order], None]) -> Order:
        """Stores the order; when `before_commit` fails, nothing is stored."""
        with self._transaction(Order) as cursor:
            order = cursor.execute(
                """
                INSERT INTO orders (item, name, unit_price_cents, quantity, note)
                SELECT id, name, price_cents, %s, %s FROM products WHERE id = %s
                RETURNING id, item, name, unit_price_cents, quantity, note, placed_at
                """,
                [new.quantity, new.note, new.item],
            ).fetchone()
            if order is None:
                raise UnknownProduct(new.item)
            before_commit(order)
            return order

    @contextmanager
    def _transaction[T](self, row: type[T]) -> Iterator[Cursor[T]]:
        with (
            psycopg.connect(self._url, connect_timeout=3) as connection,
            connection.cursor(row_factory=class_row(row)) as cursor,
        ):
            yield cursor
