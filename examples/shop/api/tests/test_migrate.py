import psycopg
import pytest

from shop.migrate import FOLDER, Migration, MigrationError, load, migrate, pending

ONE = Migration(1, "0001_one.sql", "CREATE TABLE one ()")
TWO = Migration(2, "0002_two.sql", "CREATE TABLE two (); CREATE INDEX ON two (nothing)")


def tables(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        )
        return [name for (name,) in rows]


def test_the_files_of_this_checkout_can_be_read():
    assert [migration.version for migration in load(FOLDER)] == [1, 2, 3]


@pytest.mark.parametrize("name", ["0002_gap.sql", "one.sql", "1_short.sql"])
def test_a_name_out_of_order_is_an_error(tmp_path, name):
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=name):
        load(tmp_path)


def test_only_what_is_missing_is_left():
    assert pending([ONE, TWO], {}) == [ONE, TWO]
    assert pending([ONE, TWO], {1: ONE.digest}) == [TWO]
    assert pending([ONE], {1: ONE.digest, 2: TWO.digest}) == []


def test_a_file_that_changed_after_it_ran_is_an_error():
    with pytest.raises(MigrationError, match="0001_one"):
        pending([ONE], {1: "other"})


def test_the_second_run_changes_nothing(database):
    migrations = load(FOLDER)
    assert migrate(database, migrations) == migrations
    assert migrate(database, migrations) == []
    assert tables(database) == ["orders", "products", "schema_migrations"]


def test_a_failed_migration_leaves_nothing_and_those_before_it_stay(database):
    with pytest.raises(MigrationError, match="0002_two"):
        migrate(database, [ONE, TWO])
    assert tables(database) == ["one", "schema_migrations"]
