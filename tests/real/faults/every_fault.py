"""Every fault, in the order of provoking: the server that is well first, then what it must recover from."""

from tests.real.faults import access, artifacts, database_start, mariadb, postgres_running, process

FAULTS = (
    *process.FAULTS,
    *access.FAULTS,
    *artifacts.FAULTS,
    *postgres_running.FAULTS,
    *database_start.FAULTS,
    *mariadb.FAULTS,
)
