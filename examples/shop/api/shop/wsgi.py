"""The process: `gunicorn shop.wsgi:app`. Configured by the environment only."""

import os

from shop.app import create_app
from shop.jobs import Jobs
from shop.store import Store

app = create_app(Store(os.environ["DB_URL"]), Jobs(os.environ["CACHE_URL"]))
