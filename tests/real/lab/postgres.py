"""A PostgreSQL cluster of the laboratory's own: passwords checked over TCP, no TLS, thrown away afterwards."""

import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.real.lab.certificate import write_certificate
from tests.real.lab.child import Child, account_for_databases, free_port, is_listening, wait_until
from tests.real.lab.tools import clean_env, program, run

OWNER = "warden"
OWNER_PASSWORD = "warden-canary"
USER = "mlflow"
PASSWORD = "mlflow-canary"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # nothing here outlives the test
    "max_connections": "60",
    "shared_buffers": "32MB",
    "timezone": "UTC",
}


class Postgres:
    engine = "postgres"
    scheme = "postgresql+psycopg2"

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self._account = account_for_databases()
        self._home = home
        self._data = home / "data"
        self._server: Child | None = None
        self._create()
        self.start()

    def _create(self) -> None:
        self._home.mkdir(parents=True)
        secret = self._home / "owner"
        secret.write_text(OWNER_PASSWORD)
        if self._account:
            for path in (self._home, secret):
                shutil.chown(path, self._account)
        command = [program("initdb"), "-D", self._data, "-U", OWNER, "-A", "scram-sha-256", f"--pwfile={secret}"]
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        run([*command, *options], within_s=60, cwd=self._home, env=clean_env(), user=self._account)

    def start(self) -> None:
        settings = _SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self._home)}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server = Child(
            [program("postgres"), "-D", self._data, *flags], env=clean_env(), cwd=self._home, user=self._account
        )
        self._server.wait_for_line("ready to accept connections", within_s=30)

    def stop(self) -> None:
        """SIGINT is PostgreSQL's fast shutdown: clients are cut, nothing is lost."""
        if self._server is not None:
            self._server.stop(signal.SIGINT, grace_s=10)
            wait_until(lambda: not is_listening(self.port), 5, "PostgreSQL's port to close")

    def mark(self) -> int:
        return len(self.lines())

    def lines(self, since: int = 0) -> list[str]:
        """The server's own log."""
        return self._server.lines(since) if self._server else []

    def sql(self, *statements: str, database: str = "postgres") -> str:
        env = clean_env(PGPASSWORD=OWNER_PASSWORD, PGCONNECT_TIMEOUT="5")
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, "-d", database]
        flags = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        script = "".join(f"{statement};\n" for statement in statements)
        return run([program("psql"), *address, *flags], within_s=20, stdin=script, env=env, cwd=self._home).strip()

    def create_database(self, name: str, *, like: str | None = None) -> None:
        """`like` copies a database in a moment, where building MLflow's tables takes seconds."""
        template = f" TEMPLATE {like}" if like else ""
        self.sql(f"CREATE DATABASE {name} OWNER {USER}{template}")

    def create_user(self) -> None:
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")

    def cut_connections(self, database: str) -> None:
        others = f"datname = '{database}' AND pid <> pg_backend_pid()"
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608  our names

    def drop_database(self, name: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def uri(
        self, database: str, *, password: str = PASSWORD, scheme: str | None = None, options: str = "", host: str = ""
    ) -> str:
        where = f"{host or '127.0.0.1'}:{self.port}/{database}{options}"
        return f"{scheme or self.scheme}://{USER}:{quote(password, safe='')}@{where}"

    @contextlib.contextmanager
    def speaking_tls(self) -> Iterator[Path]:
        """Off at first, as one of the faults is that it is off. Gives the certificate to trust."""
        made = write_certificate(self._home, self._account)
        self._set("ssl", "on", ssl_cert_file=made.certificate, ssl_key_file=made.key)
        try:
            yield made.certificate
        finally:
            self._set("ssl", "off")

    def _set(self, name: str, value: str, **more: Path) -> None:
        changes = [f"ALTER SYSTEM SET {key} = '{path}'" for key, path in more.items()]
        self.sql(*changes, f"ALTER SYSTEM SET {name} = '{value}'", "SELECT pg_reload_conf()")
        wait_until(lambda: self.sql(f"SHOW {name}") == value, 10, f"PostgreSQL to have {name} = {value}")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def changed(self, change: str, back: str, *, cut: str) -> Iterator[None]:
        """Held only by new connections, so those of the database `cut` are ended on both sides of it."""
        self.sql(change)
        self.cut_connections(cut)
        try:
            yield
        finally:
            self.sql(back)
            self.cut_connections(cut)
