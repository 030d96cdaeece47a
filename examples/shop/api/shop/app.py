"""HTTP: routes, and every error as `{"error": {"code": …, "message": …}}`."""

import dataclasses

import psycopg
import redis
from flask import Flask, request
from werkzeug.exceptions import HTTPException

from shop.jobs import Jobs
from shop.orders import Order, Refused, parse_new_order
from shop.store import Store

LISTED = 50


def create_app(store: Store, jobs: Jobs) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
    app.json.sort_keys = False

    @app.get("/healthz")
    @app.get("/api/healthz")  # the same, through the gateway
    def healthz():
        checks = {"db": _state(store.check), "cache": _state(jobs.check)}
        healthy = all(state == "ok" for state in checks.values())
        return {"status": "ok" if healthy else "unavailable", **checks}, 200 if healthy else 503

    @app.get("/api/products")
    def list_products():
        return {"products": [dataclasses.asdict(product) for product in store.products()]}

    @app.get("/api/orders")
    def list_orders():
        orders = store.newest(LISTED)
        results = jobs.results(order.id for order in orders)
        return {
            "orders": [_as_json(order, results.get(order.id)) for order in orders],
            "placed": jobs.placed(),
        }

    @app.post("/api/orders")
    def place_order():
        if not request.is_json:
            raise Refused(415, "not_json", "send the order as `Content-Type: application/json`")
        # Queued before the commit: a job without its order is harmless, an order without its
        # job would wait for ever.
        order = store.place(parse_new_order(request.get_data()), before_commit=jobs.push)
        return _as_json(order, None), 201

    @app.errorhandler(Refused)
    def refused(error: Refused):
        return _error(error.code, str(error)), error.status

    @app.errorhandler(psycopg.OperationalError)
    @app.errorhandler(redis.ConnectionError)
    @app.errorhandler(redis.TimeoutError)
    def unavailable(error: Exception):
        app.logger.error("unavailable: %s", error)
        return _error("unavailable", "the shop cannot take this right now, try again soon"), 503

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException):
        response = error.get_response()  # keeps headers such as Allow
        code = error.name.lower().replace(" ", "_")
        response.data = app.json.dumps(_error(code, error.description or error.name))
        response.content_type = "application/json"
        return response

    return app


def _state(check) -> str:
    """ok, or the kind of failure: the text of the error may name hosts and users."""
    try:
        check()
    except (psycopg.Error, redis.RedisError) as error:
        return type(error).__name__
    return "ok"


def _as_json(order: Order, result: dict | None) -> dict:
    fields = dataclasses.asdict(order)
    return fields | {"placed_at": order.placed_at.isoformat(), "result": result}


def _error(code: str, message: str) -> dict:
    return {"error": {"code": code, "message": message}}
