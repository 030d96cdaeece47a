import psycopg
import pytest
import redis

PLACED = {
    "id": 1,
    "item": "mug",
    "name": "Enamel mug",
    "unit_price_cents": 1250,
    "quantity": 2,
    "note": "",
    "placed_at": "2030-01-02T03:04:05+00:00",
    "result": None,
}


def place(client, order=None):
    return client.post("/api/orders", json=order or {"item": "mug", "quantity": 2})


def error_of(response):
    assert response.content_type == "application/json"
    return response.status_code, response.json["error"]["code"]


def test_placing_an_order_stores_it_and_queues_its_job(client, store, jobs):
    response = place(client)
    assert (response.status_code, response.json) == (201, PLACED)
    assert [order.id for order in store.orders] == jobs.pushed == [1]


def test_an_order_shows_its_result_when_it_exists(client, jobs):
    place(client)
    assert client.get("/api/orders").json == {"orders": [PLACED], "placed": 1}
    jobs.done[1] = {"receipt": "R-000001-8", "total_cents": 2500, "discount_cents": 0}
    assert client.get("/api/orders").json["orders"][0]["result"] == jobs.done[1]


def test_the_newest_order_comes_first(client):
    place(client)
    place(client)
    assert [order["id"] for order in client.get("/api/orders").json["orders"]] == [2, 1]


def test_products_are_listed(client):
    expected = [{"id": "mug", "name": "Enamel mug", "price_cents": 1250}]
    assert client.get("/api/products").json == {"products": expected}


def test_a_refused_order_leaves_nothing(client, store, jobs):
    assert error_of(place(client, {"item": "yacht"})) == (422, "unknown_product")
    assert error_of(place(client, {"quantity": 1})) == (422, "missing_item")
    assert store.orders == jobs.pushed == []


def test_an_order_that_cannot_be_queued_is_not_stored(client, store, jobs):
    jobs.failure = redis.ConnectionError("gone")
    assert error_of(place(client)) == (503, "unavailable")
    assert store.orders == []


def test_bodies_that_are_not_json(client):
    post = client.post
    assert error_of(post("/api/orders", data="item=mug")) == (415, "not_json")
    assert error_of(post("/api/orders", data="{", content_type="application/json")) == (
        400,
        "invalid_json",
    )
    assert place(client, {"note": "x" * 20_000}).status_code == 413


def test_http_errors_are_json_too(client):
    assert error_of(client.get("/api/nothing")) == (404, "not_found")
    response = client.delete("/api/orders")
    assert error_of(response) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_a_fault_of_ours_is_a_500_without_details(client, store):
    store.failure = KeyError("secret")
    response = client.get("/api/orders")
    assert error_of(response) == (500, "internal_server_error")
    assert "secret" not in response.text


def test_a_database_that_is_away_is_a_503(client, store):
    store.failure = psycopg.OperationalError("gone")
    assert error_of(client.get("/api/orders")) == (503, "unavailable")


@pytest.mark.parametrize("path", ["/healthz", "/api/healthz"])
def test_health_is_ok_when_both_services_answer(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.json == {"status": "ok", "db": "ok", "cache": "ok"}


def test_health_names_what_is_away(client, store, jobs):
    store.failure = psycopg.errors.UndefinedTable("orders")
    jobs.failure = redis.TimeoutError()
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json == {
        "status": "unavailable",
        "db": "UndefinedTable",
        "cache": "TimeoutError",
    }
