"""Brings the database to the newest schema: `python -m shop.migrate`.

Runs what is missing of migrations/NNNN_name.sql, in order, each in a transaction together with its
row in `schema_migrations`. Of several that start at once, one works and the others wait for it.
A file that ran must not change afterwards: write the next one.
"""

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent / "migrations"
FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
LOCK = int.from_bytes(b"shop")


class MigrationError(Exception):
    pass


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load(folder: Path) -> list[Migration]:
    """Reads the folder; versions must be 1, 2, 3 … without a gap."""
    migrations = []
    for version, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = FILE_NAME.fullmatch(path.name)
        if not match or int(match[1]) != version:
            raise MigrationError(
                f"`{path.name}`: expected a name like `{version:04}_what_changes.sql`"
            )
        migrations.append(Migration(version, path.name, path.read_text("utf-8")))
    return migrations


def pending(migrations: list[Migration], applied: dict[int, str]) -> list[Migration]:
    """What is left to run; `applied` is version → digest. Versions that only the database knows (it
    was used by a newer branch) are left alone."""
    for migration in migrations:
        if applied.get(migration.version, migration.digest) != migration.digest:
            raise MigrationError(
                f"`{migration.name}` was changed after it ran: undo that and write the next one"
            )
    return [migration for migration in migrations if migration.version not in applied]


def migrate(url: str, migrations: list[Migration]) -> list[Migration]:
    """Runs what is missing and returns it."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("SET lock_timeout = '60s'")
        connection.execute("SET client_min_messages = warning")
        # Held until the connection closes.
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version    integer     PRIMARY KEY,
                name       text        NOT NULL,
                digest     text        NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        applied = dict(
            connection.execute("SELECT version, digest FROM schema_migrations").fetchall()
        )
        missing = pending(migrations, applied)
        for migration in missing:
            with connection.transaction():
                try:
                    connection.execute(migration.sql)
                except psycopg.Error as error:
                    raise MigrationError(f"`{migration.name}`: {error}") from error
                connection.execute(
                    "INSERT INTO schema_migrations (version, name, digest) VALUES (%s, %s, %s)",
                    [migration.version, migration.name, migration.digest],
                )
        return missing


def main() -> int:
    try:
        ran = migrate(os.environ["DB_URL"], load(FOLDER))
    except (MigrationError, psycopg.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for migration in ran:
        print(f"applied {migration.name}")
    if not ran:
        print("nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
