"""One real Odoo 19: brought up from whatever is already there, reset, paused, stopped."""

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.odoo import obtain, seed
from tests.odoo.place import HarnessError, Place, clean_environment, free_port, run, step, tail
from tests.odoo.postgres import ROLE, Cluster
from tests.odoo.rpc import RpcError, Session

DATABASE = "lab"
SEED_DATABASE = "lab_seed"
START_SECONDS = 90
STOP_SECONDS = 15
REQUEST_THREADS = 16  # with db_maxconn 40 and PostgreSQL's 100 connections, a hundred clients at once are served

# Odoo's own mail goes nowhere: addresses are `.invalid`, and nothing listens on this port.
NO_MAIL_PORT = 9


@dataclass
class OdooServer:
    """The Odoo of one place: its cluster, its seed database, the working database made from it, and the process.

    Methods that change something hold the place's lock and may be called again without harm.
    """

    place: Place = field(default_factory=Place.from_environment)

    @cached_property
    def cluster(self) -> Cluster:
        """The PostgreSQL it works with."""
        return Cluster(self.place)

    def start(self) -> None:
        """Bring everything up, doing only what is missing: from nothing within a minute, a second time in a few seconds.

        Raises:
            Unobtainable: this machine cannot have a real Odoo.
            HarnessError: it can, but a step failed.
        """
        with self.place.lock():
            if self.is_running() and self._is_seeded():
                return
            obtain.obtain(self.place)
            self._kill()  # one that lost its database would keep looking for it on the old port
            self.cluster.start()
            self._plant_seed()
            if not self.cluster.has(DATABASE):
                self._copy_seed()
            self._launch(DATABASE)

    def stop(self) -> None:
        """Stop Odoo and PostgreSQL; databases and files stay for the next start."""
        with self.place.lock():
            self._kill()
            self.cluster.stop()

    def reset(self) -> None:
        """Make the working database a fresh copy of the seed, in a third of a second, while Odoo runs on."""
        with self.place.lock():
            self._copy_seed()

    def pause(self) -> None:
        """Stop Odoo alone: its port then refuses connections, as with an Odoo that is down."""
        with self.place.lock():
            self._kill()

    def resume(self) -> None:
        """Start Odoo again on the same port with the same data."""
        with self.place.lock():
            if self._pid(DATABASE) is None:
                self._launch(DATABASE, same_port=True)

    def is_running(self) -> bool:
        """Whether both processes are there, and Odoo not just for making the seed."""
        return self._pid(DATABASE) is not None and self.cluster.port() is not None

    @property
    def url(self) -> str:
        """Odoo's base URL, the same from start to stop; a `HarnessError` before the first start."""
        if (port := self._configured_port()) is None:
            raise HarnessError(f"no Odoo was ever started in {self.place.root}")
        return f"http://127.0.0.1:{port}"

    def environment(self) -> dict[str, str]:
        """What a test needs to know, as environment variables. The keys and passwords are fixed and open nothing else."""
        return {
            "PUENTE_ODOO_DIR": str(self.place.root),
            "ODOO_TEST_URL": self.url,
            "ODOO_TEST_DB": DATABASE,
            "ODOO_TEST_LOGIN": seed.ADMIN.login,
            "ODOO_TEST_PASSWORD": seed.ADMIN.password,
            "ODOO_TEST_KEY": seed.ADMIN.key,
            "ODOO_TEST_INTEGRATION_LOGIN": seed.INTEGRATION.login,
            "ODOO_TEST_INTEGRATION_PASSWORD": seed.INTEGRATION.password,
            "ODOO_TEST_INTEGRATION_KEY": seed.INTEGRATION.key,
        }

    # --- databases ---

    def _plant_seed(self) -> None:
        """Make the seed database unless one from this very Odoo and this very seed is there, as its comment tells."""
        if self._is_seeded():
            return
        self.cluster.sql(*(f"drop database if exists {name} with (force)" for name in (DATABASE, SEED_DATABASE)))
        with step("initialising the seed database"):
            self._write_config()
            install = ["--init", "crm,rpc", "--skip-auto-install", "--without-demo=True", "--stop-after-init"]
            run(self._odoo(SEED_DATABASE, *install), env=self._odoo_environment(), cwd=self.place.root)
        with step("planting fields, stages, users and keys"):
            self._launch(SEED_DATABASE)
            try:
                seed.plant(self._admin(SEED_DATABASE), self.cluster)
            finally:
                self._kill()
        # The very last step, so that an interrupted seed is made anew.
        self.cluster.sql(f"comment on database {SEED_DATABASE} is '{self._seed_mark()}'")

    def _is_seeded(self) -> bool:
        return self.cluster.comment(SEED_DATABASE) == self._seed_mark()

    def _seed_mark(self) -> str:
        code = Path(seed.__file__).read_bytes()
        return f"Odoo {obtain.source_version(self.place)}, seed {hashlib.sha256(code).hexdigest()[:16]}"

    def _copy_seed(self) -> None:
        """Replace the working database.

        Odoo keeps caches (external ids, rights) and asks at each request whether a number in the database has changed
        since it filled them. The copy brings back old numbers, so each gets one that was never seen. The number of the
        models' registry may stay: it rises with every change of the models, so the old one is noticed if there was any.
        """
        renumber = (
            "do $$ declare t text; begin for t in select table_name from information_schema.tables "
            "where table_name like 'orm\\_signaling\\_%' and table_name <> 'orm_signaling_registry' "
            "loop execute format('insert into %I (id) values (1000000 + floor(random() * 2000000000)::int)', t); "
            "end loop; end $$"
        )
        self.cluster.sql(
            f"drop database if exists {DATABASE} with (force)",
            f"create database {DATABASE} template {SEED_DATABASE} owner {ROLE}",
            rf"\connect {DATABASE}",
            renumber,
        )

    # --- the process ---

    def _launch(self, database: str, *, same_port: bool = False) -> None:
        """Start Odoo on one database and wait until it serves it."""
        self._write_config(same_port=same_port)
        pid = self._spawn(self._odoo(database, "--no-database-list"))
        self.place.pid_file.write_text(str(pid))
        deadline = time.monotonic() + START_SECONDS
        while not self._serves(database):
            if _has_ended(pid) or time.monotonic() > deadline:
                self._kill()
                raise HarnessError(
                    f"Odoo did not come up; its log ends with:\n{tail(self.place.log.read_text(errors='replace'))}"
                )
            time.sleep(0.1)

    def _spawn(self, command: Sequence[str | Path]) -> int:
        """Start a process that outlives this one, and give its id."""
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.place.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # In a session of its own: Ctrl-C at the terminal is for the tests, which then stop Odoo in order.
        return os.posix_spawn(command[0], tuple(command), self._odoo_environment(), file_actions=files, setsid=True)

    def _serves(self, database: str) -> bool:
        try:
            self._admin(database)
        except (OSError, RpcError):
            return False
        return True

    def _admin(self, database: str) -> Session:
        return Session.login(self.url, database, seed.ADMIN.login, seed.ADMIN.password)

    def _kill(self) -> None:
        """Stop Odoo: politely, then not. Waits until the process has gone, so that its port is free."""
        if (pid := self._pid()) is not None:
            os.kill(pid, signal.SIGTERM)
            if not self._wait_until_gone(STOP_SECONDS):
                os.kill(pid, signal.SIGKILL)
                self._wait_until_gone(STOP_SECONDS)
        self.place.pid_file.unlink(missing_ok=True)

    def _wait_until_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _pid(self, database: str = "") -> int | None:
        """The process id of the running Odoo (of this database); None too when the number is now a stranger's."""
        expected = {str(self.place.config), *([database] if database else [])}
        with contextlib.suppress(OSError, ValueError):
            pid = int(self.place.pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if not _has_ended(pid) and expected <= set(arguments):
                return pid
        return None

    # --- its configuration ---

    def _odoo(self, database: str, *arguments: str) -> list[str | Path]:
        return [self.place.python, "-m", "odoo", "--config", self.place.config, "--database", database, *arguments]

    def _odoo_environment(self) -> dict[str, str]:
        return clean_environment(
            PYTHONPATH=str(self.place.source), PYTHONSAFEPATH="1", ODOO_MAX_HTTP_THREADS=str(REQUEST_THREADS)
        )

    def _write_config(self, *, same_port: bool = False) -> None:
        """Write the configuration: with the port asked for, else last time's, else (unless it must be the same) a free one."""
        wanted = self.place.http_port or self._configured_port()
        port = free_port(wanted, required=same_port or self.place.http_port is not None)
        options = {
            "addons_path": self.place.source / "odoo" / "addons",
            "data_dir": self.place.root / "data",
            "db_host": "127.0.0.1",
            "db_port": self.cluster.port(),
            "db_user": ROLE,
            "db_password": ROLE,
            "db_maxconn": 40,
            "http_interface": "127.0.0.1",
            "http_port": port,
            "smtp_port": NO_MAIL_PORT,
            "workers": 0,
            "max_cron_threads": 0,
            "list_db": False,
            # Each call of /jsonrpc would log that it was made and that it is deprecated.
            "log_handler": ":WARNING,werkzeug:WARNING,odoo.addons.rpc.controllers.jsonrpc:ERROR",
        }
        self.place.config.write_text("[options]\n" + "".join(f"{name} = {value}\n" for name, value in options.items()))

    def _configured_port(self) -> int | None:
        with contextlib.suppress(OSError):
            for name, _, value in (line.partition(" = ") for line in self.place.config.read_text().splitlines()):
                if name == "http_port":
                    return int(value)
        return None


def _has_ended(pid: int) -> bool:
    """Whether this child has ended, which also lets the system forget it; of another's process it is not known (False)."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False
