"""A MariaDB server of the laboratory's own, thrown away afterwards. MLflow reaches it through PyMySQL."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.real.lab.certificate import write_certificate
from tests.real.lab.child import Child, LabFailure, account_for_databases, free_port, is_listening, wait_until
from tests.real.lab.tools import clean_env, program, run

USER = "mlflow"
PASSWORD = "mlflow-canary"
# What MLflow needs for its tables. Not SUPER and not READ_ONLY ADMIN, which would write in spite of read_only.
_RIGHTS = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER",
)  # fmt: skip


CONNECTED = "FROM information_schema.processlist WHERE user = '{}'"


class MariaDb:
    engine = "mariadb"
    scheme = "mysql+pymysql"

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self._account = account_for_databases()
        self._home = home
        self._socket = home / "s"
        self._server: Child | None = None
        self._create()
        self.start()

    @property
    def certificate(self) -> Path:
        return self._certificate.certificate

    def _create(self) -> None:
        self._home.mkdir(parents=True)
        if self._account:
            shutil.chown(self._home, self._account)
        self._certificate = write_certificate(self._home, self._account)
        # `normal`: root logs in through the socket without a password; the socket is ours alone.
        command = [program("mariadb-install-db"), "--no-defaults", f"--datadir={self._home / 'data'}"]
        flags = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        run([*command, *flags], within_s=90, cwd=self._home, env=clean_env(), user=self._account)

    def start(self) -> None:
        of_all = [
            f"--datadir={self._home / 'data'}",
            f"--socket={self._socket}",
            f"--pid-file={self._home / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",  # nothing here outlives the test
        ]
        command = [self._program(), "--no-defaults", *of_all, *self._flags()]
        self._server = Child(command, env=clean_env(), cwd=self._home, user=self._account)
        wait_until(self._answers, 60, f"{self.engine} to answer", self._server)

    def _program(self) -> Path:
        return program("mariadbd")

    def _flags(self) -> list[str]:
        return [
            f"--ssl-cert={self._certificate.certificate}",
            f"--ssl-key={self._certificate.key}",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=32M",
        ]

    def _answers(self) -> bool:
        assert self._server is not None
        if self._server.exit_code is not None:
            raise LabFailure(f"{self.engine} ended with {self._server.exit_code}:\n{self._server.tail()}")
        return is_listening(self.port)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(grace_s=15)
            wait_until(lambda: not is_listening(self.port), 5, "its port to close")

    def sql(self, *statements: str) -> str:
        script = "".join(f"{statement};\n" for statement in statements)
        command = [program("mariadb"), "--no-defaults", "-u", "root", f"--socket={self._socket}", "-N", "-B"]
        return run(command, within_s=20, stdin=script, env=clean_env(), cwd=self._home).strip()

    def create_user(self) -> None:
        self.sql(
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT {', '.join(_RIGHTS)} ON *.* TO {USER}@'%'",
        )

    def disconnect(self, user: str) -> None:
        for number in self.sql(f"SELECT id {CONNECTED.format(user)}").split():
            with contextlib.suppress(LabFailure):  # it may have gone by itself
                self.sql(f"KILL {number}")

    def create_database(self, name: str) -> None:
        self.sql(f"CREATE DATABASE {name}")

    def uri(self, database: str, *, password: str = PASSWORD, scheme: str | None = None) -> str:
        return f"{scheme or self.scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def changed(self, change: str, back: str) -> Iterator[None]:
        self.sql(change)
        try:
            yield
        finally:
            self.sql(back)
