"""A MySQL server of the laboratory's own. Debian's stable releases have none, so setup_servers.sh unpacks a newer one
beside its own libraries; where that was not to be had, what needs it is skipped and says so."""

import os
from pathlib import Path

import pymysql
import pytest

from tests.real.lab.child import LabFailure
from tests.real.lab.mariadb import MariaDb
from tests.real.lab.tools import ROOT, clean_env, run

PROGRAM = ROOT / ".venv-mysql" / "mysqld"
NEEDS_MYSQL = pytest.mark.skipif(
    not PROGRAM.exists(), reason="a MySQL server could not be fetched by tests/real/setup_servers.sh"
)


class MySql(MariaDb):
    """What differs from MariaDB: how its files are made, who may run it, and its clients' way of logging in."""

    engine = "mysql"

    def _create(self) -> None:
        self._account = None
        self._home.mkdir(parents=True)
        run([PROGRAM, "--no-defaults", *self._who(), "--initialize-insecure", f"--datadir={self._home / 'data'}"],
            within_s=120, cwd=self._home, env=clean_env())  # fmt: skip

    def _program(self) -> Path:
        return PROGRAM

    def _flags(self) -> list[str]:
        return [
            *self._who(),
            "--mysqlx=OFF",
            "--secure-file-priv=NULL",
            "--log-bin-trust-function-creators=1",  # it writes a binary log; else MLflow cannot build its tables
            "--innodb-buffer-pool-size=64M",
        ]

    def _who(self) -> list[str]:
        """It refuses to be run by root unless it is told to."""
        return ["--user=root"] if os.geteuid() == 0 else []

    def sql(self, *statements: str) -> str:
        """As the mariadb program prints it: a line a row, tabs between."""
        try:
            with pymysql.connect(unix_socket=str(self._socket), user="root", autocommit=True) as connection:
                lines = []
                for statement in statements:
                    with connection.cursor() as cursor:
                        cursor.execute(statement)
                        lines += ["\t".join(str(value) for value in row) for row in cursor.fetchall()]
        except pymysql.MySQLError as error:
            raise LabFailure(f"MySQL answered {error}") from error
        return "\n".join(lines)
