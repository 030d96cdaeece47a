"""Fakes for the tests of the HTTP layer; an empty schema for those that need the database."""

import os
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from shop.app import create_app
from shop.orders import Order, Product, UnknownProduct

MUG = Product("mug", "Enamel mug", 1250)


class FakeStore:
    def __init__(self):
        self.orders = []
        self.failure = None

    def check(self):
        if self.failure:
            raise self.failure

    def products(self):
        self.check()
        return [MUG]

    def newest(self, limit):
        self.check()
        return self.orders[::-1][:limit]

    def place(self, new, before_commit):
        self.check()
        if new.item != MUG.id:
            raise UnknownProduct(new.item)
        order = Order(
            id=len(self.orders) + 1,
            item=MUG.id,
            name=MUG.name,
            unit_price_cents=MUG.price_cents,
            quantity=new.quantity,
            note=new.note,
            placed_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        )
        before_commit(order)
        self.orders.append(order)
        return order


class FakeJobs:
    def __init__(self):
        self.pushed = []
        self.done = {}
        self.failure = None

    def check(self):
        if self.failure:
            raise self.failure

    def push(self, order):
        self.check()
        self.pushed.append(order.id)

    def placed(self):
        self.check()
        return len(self.pushed)

    def results(self, order_ids):
        self.check()
        return {id: self.done[id] for id in order_ids if id in self.done}


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def jobs():
    return FakeJobs()


@pytest.fixture
def client(store, jobs):
    return create_app(store, jobs).test_client()


@pytest.fixture
def database():
    """The URL of an empty schema in the database of DB_URL, dropped afterwards."""
    if "DB_URL" not in os.environ:
        pytest.skip("needs DB_URL")
    schema = f"test_{uuid.uuid4().hex}"
    name = sql.Identifier(schema)
    with psycopg.connect(os.environ["DB_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        yield make_conninfo(os.environ["DB_URL"], options=f"-c search_path={schema}")
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(name))
