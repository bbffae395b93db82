"""A private PostgreSQL cluster for the real Odoo: found or installed, made once, started and stopped, databases copied."""

import hashlib
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.odoo.place import HarnessError, Place, clean_environment, free_port, is_root, run, say, step, tail
from tests.odoo.postgres_programs import SYSTEM_USER, find_programs, obtain_programs

SUPERUSER = "postgres"  # the cluster's own
ROLE = "odoo"  # Odoo refuses to work as the superuser

# A cluster for tests: speed before safety, loopback only, no socket files (their paths must be short, ours may be long),
# and connections for 16 request threads with several databases each.
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 100
"""


@dataclass
class Cluster:
    """The cluster of one place. Every method may be called again without harm."""

    place: Place

    def start(self) -> None:
        """Make the cluster if there is none and start it if it does not run.

        Raises:
            Unobtainable: there is no PostgreSQL on this machine and none can be installed.
        """
        say(
            f"PostgreSQL's programs are in {self.bin}"
        )  # looked up first, for installing them makes the user that owns the data
        if not (self.data / "complete").exists():
            self._initialise()
        if self.port() is None:
            self._launch()

    def stop(self) -> None:
        """Stop the cluster, keeping what it has committed (`-m immediate` would lose it, for commits are not awaited)."""
        if find_programs() and self.port() is not None:
            self._as_owner(self.bin / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def port(self) -> int | None:
        """The port it listens on, None when it does not run."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists() or not _succeeds(self._owned(self.bin / "pg_ctl", "-D", self.data, "status")):
            return None
        return int(pid_file.read_text().splitlines()[3])

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run statements as the superuser, each on its own, up to the first that fails; gives the last ones' bare values."""
        if (port := self.port()) is None:
            raise HarnessError(f"PostgreSQL does not run in {self.place.root}")
        options = ["--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        target = ["--host=127.0.0.1", f"--port={port}", f"--username={SUPERUSER}", f"--dbname={database}"]
        return run([self.bin / "psql", *options, *target, *(f"--command={text}" for text in statements)]).strip()

    def has(self, database: str) -> bool:
        """Whether there is a database of this name."""
        return database in self.sql("select datname from pg_database").splitlines()

    def comment(self, database: str) -> str:
        """The comment on a database; empty when there is none, or no such database."""
        comments = self.sql("select datname, shobj_description(oid, 'pg_database') from pg_database")
        return dict(line.split("|", 1) for line in comments.splitlines()).get(database, "")

    @cached_property
    def data(self) -> Path:
        """The cluster's files: in the place, or in its owner's home where the owner cannot reach the place."""
        if not is_root() or self._owner_reaches(self.place.root):
            return self.place.root / "pg" / "data"
        name = hashlib.sha256(str(self.place.root).encode()).hexdigest()[:12]
        return Path(pwd.getpwnam(SYSTEM_USER).pw_dir) / f"puente-odoo-{name}" / "data"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.data.parent / "log"

    @cached_property
    def bin(self) -> Path:
        """The folder of PostgreSQL's programs, installed or fetched if need be."""
        return obtain_programs()

    def _initialise(self) -> None:
        with step("making a PostgreSQL cluster"):
            folder = self.data.parent
            self.stop()  # one left behind when a first start was killed
            run(["rm", "-rf", folder])
            folder.mkdir(mode=0o700)
            if is_root():
                shutil.chown(folder, SYSTEM_USER)
            options = ["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
            self._as_owner(self.bin / "initdb", "--pgdata", self.data, *options)
            with (self.data / "postgresql.conf").open("a") as file:
                file.write(SETTINGS)
            self._spread_databases()
            self._launch()
            self.sql(f"create role {ROLE} login createdb password '{ROLE}'")
            (self.data / "complete").touch()

    def _spread_databases(self) -> None:
        """Keep `reset` fast on ext4, if this is one; elsewhere it does nothing.

        Ext4 does not hand out an inode again for a while after its file was deleted, and searches past all of those. With
        the 1,600 files of a database dropped and copied again and again, each reset took longer than the last, up to 4 s.
        The attribute makes it place each database in another part of the disk: 0.2 s, most of the time.
        """
        if shutil.which("chattr"):
            _succeeds(["chattr", "+T", self.data / "base"])

    def _launch(self) -> None:
        port = free_port(self.place.pg_port, required=self.place.pg_port is not None)
        try:
            self._as_owner(self.bin / "pg_ctl", "-D", self.data, "-l", self.log, "-o", f"-p {port}", "-w", "start")
        except HarnessError as error:
            log = tail(self.log.read_text(errors="replace")) if self.log.exists() else ""
            raise HarnessError(
                f"{error}\nPostgreSQL's log ends with:\n{log}\nTo begin anew remove {self.data.parent}"
            ) from error

    def _owner_reaches(self, folder: Path) -> bool:
        return _succeeds(self._owned("test", "-x", folder))

    def _as_owner(self, *command: str | Path) -> str:
        return run(self._owned(*command))

    @staticmethod
    def _owned(*command: str | Path) -> list[str | Path]:
        return ["runuser", "-u", SYSTEM_USER, "--", *command] if is_root() else list(command)


def _succeeds(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, check=False, capture_output=True, env=clean_environment(), cwd="/").returncode == 0
