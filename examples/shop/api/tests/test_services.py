"""Against the real Postgres and Redis, when DB_URL and CACHE_URL are there."""

import os
import uuid

import psycopg
import pytest
import redis

from shop.jobs import Jobs
from shop.migrate import FOLDER, load, migrate
from shop.orders import NewOrder, Product, UnknownProduct
from shop.store import Store


@pytest.fixture
def store(database):
    migrate(database, load(FOLDER))
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO products VALUES ('mug', 'Enamel mug', 1250)")
    return Store(database)


@pytest.fixture
def cache():
    """A client of CACHE_URL and a key prefix of its own, removed afterwards."""
    if "CACHE_URL" not in os.environ:
        pytest.skip("needs CACHE_URL")
    prefix = f"shop:test:{uuid.uuid4().hex}"
    with redis.Redis.from_url(os.environ["CACHE_URL"], decode_responses=True) as client:
        yield client, prefix
        client.delete(*(f"{prefix}:{name}" for name in ("jobs", "results", "placed")))


def test_orders_are_stored_with_the_price_of_the_moment(store):
    store.check()
    assert store.products() == [Product("mug", "Enamel mug", 1250)]
    queued = []
    order = store.place(NewOrder("mug", 3, "für Zoë"), queued.append)
    assert (order.name, order.unit_price_cents, order.quantity) == ("Enamel mug", 1250, 3)
    assert store.newest(10) == queued == [order]


def test_an_unknown_product_stores_nothing(store):
    with pytest.raises(UnknownProduct):
        store.place(NewOrder("yacht", 1), lambda order: None)
    assert store.newest(10) == []


def test_an_order_that_cannot_be_queued_is_rolled_back(store):
    def fail(order):
        raise redis.ConnectionError

    with pytest.raises(redis.ConnectionError):
        store.place(NewOrder("mug", 1), fail)
    assert store.newest(10) == []


def test_jobs_are_queued_and_counted_and_results_found(store, cache):
    client, prefix = cache
    jobs = Jobs(os.environ["CACHE_URL"], prefix)
    jobs.check()
    assert (jobs.placed(), jobs.results([])) == (0, {})
    order = store.place(NewOrder("mug", 3), jobs.push)
    expected = f'{{"order": {order.id}, "quantity": 3, "unit_price_cents": 1250}}'
    assert client.lrange(f"{prefix}:jobs", 0, -1) == [expected]
    assert jobs.placed() == 1
    client.hset(f"{prefix}:results", str(order.id), '{"receipt": "R"}')
    assert jobs.results([order.id, 10**9]) == {order.id: {"receipt": "R"}}
    jobs.close()
