"""The shop's api: orders in Postgres, their results from the worker through Redis.

orders   what an order is, and what is refused: no I/O
store    Postgres
jobs     Redis: the queue to the worker, its results, the counter
app      HTTP: routes and errors
wsgi     the process: reads the environment, joins the parts
migrate  the schema
"""
