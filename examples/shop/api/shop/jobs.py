"""The worker's side of an order, in Redis. worker/queue.go is the other end.

shop:jobs     list, taken from the right: {"order": 7, "quantity": 2, "unit_price_cents": 1250}
shop:results  hash, by order id: {"receipt": "R-000007-5", "total_cents": 2500, "discount_cents": 0}
shop:placed   number of orders placed since the cache was new
"""

import json
from collections.abc import Iterable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shop.orders import Order


class Jobs:
    def __init__(self, url: str, prefix: str = "shop"):
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=2,
            # Once more, at once: for connections that broke while they were idle.
            retry=Retry(NoBackoff(), 1),
        )
        self._jobs = f"{prefix}:jobs"
        self._results = f"{prefix}:results"
        self._placed = f"{prefix}:placed"

    def close(self) -> None:
        self._redis.close()

    def check(self) -> None:
        self._redis.ping()

    def push(self, order: Order) -> None:
        """Queues the order for the worker and counts it, both or neither."""
        job = {
            "order": order.id,
            "quantity": order.quantity,
            "unit_price_cents": order.unit_price_cents,
        }
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.lpush(self._jobs, json.dumps(job))
            pipe.incr(self._placed)
            pipe.execute()

    def placed(self) -> int:
        return int(self._redis.get(self._placed) or 0)

    def results(self, order_ids: Iterable[int]) -> dict[int, dict]:
        """The results that exist, by order id."""
        ids = list(order_ids)
        if not ids:
            return {}
        found = self._redis.hmget(self._results, ids)
        return {id: json.loads(text) for id, text in zip(ids, found, strict=True) if text}
