"""A server starts on a database that is not as it should be, or on words that do not lead to one."""

from tests.real.faults.fault import Fault, Seen, start_in_vain
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.postgres import USER

RETRIES = r"Operation will be retried in 0\.\d+ seconds"
_OLDER = "451aebb31d03"
_NEWER = "ffffffffffff"


def database_stopped_at_start(lab: Laboratory) -> Seen:
    uri = lab.postgres.uri("tracking_template")
    with lab.postgres.stopped():
        return start_in_vain(lab, uri, until=RETRIES, ends=False)


def database_password_wrong_at_start(lab: Laboratory) -> Seen:
    uri = lab.postgres.uri("tracking_template", password="outdated-canary")
    return start_in_vain(lab, uri, until=RETRIES, ends=False)


def database_missing_at_start(lab: Laboratory) -> Seen:
    return start_in_vain(lab, lab.postgres.uri("never_created"), until=RETRIES, ends=False)


def database_host_unknown(lab: Laboratory) -> Seen:
    return start_in_vain(lab, lab.postgres.uri("tracking", host="database.invalid"), until=RETRIES, ends=False)


def database_without_tls(lab: Laboratory) -> Seen:
    uri = lab.postgres.uri("tracking_template", options="?sslmode=require")
    return start_in_vain(lab, uri, until=RETRIES, ends=False)


def password_not_escaped(lab: Laboratory) -> Seen:
    uri = f"postgresql+psycopg2://{USER}:can@ry@127.0.0.1:{lab.postgres.port}/tracking_template"
    return start_in_vain(lab, uri, until=RETRIES, ends=False)


def scheme_wrong(lab: Laboratory) -> Seen:
    return start_in_vain(lab, lab.postgres.uri("tracking", scheme="postgres"), until=r"unsupported URI")


def port_doubled(lab: Laboratory) -> Seen:
    uri = f"postgresql+psycopg2://{USER}:canary@127.0.0.1:5432:5432/tracking"
    return start_in_vain(lab, uri, until=r"5432:5432")


def driver_missing_for_postgres(lab: Laboratory) -> Seen:
    """SQLAlchemy 2.1 reads the bare scheme as psycopg 3, and only psycopg2 is there."""
    return start_in_vain(lab, lab.postgres.uri("tracking", scheme="postgresql"), until=r"No module named")


def driver_missing_for_mysql(lab: Laboratory) -> Seen:
    return start_in_vain(lab, f"mysql://{USER}:canary@127.0.0.1:3306/tracking", until=r"No module named")


def schema_behind(lab: Laboratory) -> Seen:
    return start_in_vain(lab, _at_revision(lab, _OLDER), until=r"out-of-date database schema")


def schema_ahead(lab: Laboratory) -> Seen:
    """The image was rolled back; what the operator is told to run then says what is really the matter."""
    child = lab.command("db", "upgrade", _at_revision(lab, _NEWER))
    try:
        code = child.wait_for_end(within_s=60)
        return Seen(child.lines(), exit_code=code)
    finally:
        child.stop()


def schema_ahead_at_start(lab: Laboratory) -> Seen:
    return start_in_vain(lab, _at_revision(lab, _NEWER), until=r"out-of-date database schema")


def tables_may_not_be_created(lab: Laboratory) -> Seen:
    """PostgreSQL 15 no longer lets everybody create in schema public."""
    lab.postgres.sql("CREATE DATABASE of_another")
    try:
        return start_in_vain(lab, lab.postgres.uri("of_another"), until=r"permission denied for schema public")
    finally:
        lab.postgres.drop_database("of_another")


def _at_revision(lab: Laboratory, revision: str) -> str:
    name = lab.fresh_database()
    change = f"UPDATE alembic_version SET version_num = '{revision}'"  # noqa: S608  a constant of this file
    lab.postgres.sql(change, database=name)
    return lab.postgres.uri(name)


FAULTS = (
    Fault("db.connection_refused", database_stopped_at_start, r"Connection refused"),
    Fault("db.auth_failed", database_password_wrong_at_start, r"password authentication failed"),
    Fault("db.database_missing", database_missing_at_start, r"database \"never_created\" does not exist"),
    Fault("db.host_unresolvable", database_host_unknown, r"could not translate host name"),
    Fault("db.ssl_required_or_mismatch", database_without_tls, r"server does not support SSL"),
    Fault("db.url_malformed", password_not_escaped, r"could not translate host name", also=("db.host_unresolvable",)),
    Fault("db.url_malformed", scheme_wrong, r"unsupported URI 'postgres://", exit_code=1),
    Fault("db.url_malformed", port_doubled, r"invalid literal for int\(\) with base 10: '5432:5432'", exit_code=1),
    Fault("db.driver_missing", driver_missing_for_postgres, r"No module named 'psycopg'", exit_code=1),
    Fault("db.driver_missing", driver_missing_for_mysql, r"No module named 'MySQLdb'", exit_code=1),
    Fault("db.schema_out_of_date", schema_behind, r"found version 451aebb31d03", exit_code=1),
    Fault("db.schema_revision_unknown", schema_ahead, r"Can't locate revision identified by", exit_code=1),
    # MLflow says "out-of-date" of a schema that is newer, too: only the revision differs.
    Fault(
        "db.schema_revision_unknown",
        schema_ahead_at_start,
        r"found version ffffffffffff",
        exit_code=1,
        also=("db.schema_out_of_date",),
    ),
    Fault(
        "db.permission_denied",
        tables_may_not_be_created,
        r"permission denied for schema public",
        exit_code=1,
        also=("db.migration_failed",),
    ),
)
