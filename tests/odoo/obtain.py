"""Brings Odoo onto this machine: the Debian package, the small part of it that RPC needs, and a virtual environment."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

from tests.odoo.place import HarnessError, Place, Unobtainable, run, say, step

PACKAGE = "odoo-19"
# Debian's unstable distribution is the only one that carries Odoo 19 (community edition, LGPL-3).
SUITE = "sid"
PINNED_VERSION = "19.0.0+dfsg-1"
PINNED_SHA256 = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"
REQUIREMENTS = Path(__file__).with_name("requirements-odoo.txt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# All tried. The order is by habit: Odoo 19 is developed on the older ones, and Debian itself runs it on 3.13.
PYTHON_VERSIONS = ("3.11", "3.12", "3.13")

# The whole package is 1.2 GB. This is the closure of `crm` and `rpc` (which holds /jsonrpc and /json/2), without the web
# client's files; `iap` is imported by `html_editor` without being declared.
ADDONS = _names(
    "api_doc auth_signup base base_setup bus calendar contacts crm digest html_editor http_routing iap mail phone_validation "
    "portal resource rpc sales_team utm web web_tour"
)
CORE = _names(
    "__main__.py _monkeypatches api cli exceptions.py fields http.py import_xml.rng init.py loglevels.py models modules "
    "netsvc.py orm osv release.py service sql_db.py tests tools upgrade upgrade_code"
)
PACKAGE_ROOT = PurePosixPath("usr/lib/python3/dist-packages")
UNUSED_SUFFIXES = (".scss", ".gif")


def obtain(place: Place) -> None:
    """Make source and virtual environment complete; what already is takes no time and no network.

    Raises:
        Unobtainable: no Debian mirror, package, Python or wheels to be had here.
        HarnessError: the package is not the one that was pinned, or does not unpack.
    """
    _obtain_source(place)
    _obtain_venv(place)


def source_version(place: Place) -> str:
    """The Debian version of the unpacked Odoo; empty when there is none."""
    stamp = place.source / "version"
    return stamp.read_text().strip() if stamp.exists() else ""


def _obtain_source(place: Place) -> None:
    if source_version(place):
        return
    # Inside the place, for it must hold 120 MB; gone afterwards, for only the unpacked part is needed again.
    folder = place.root / "download"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    package, version = _download(folder)
    with step(f"unpacking the part of Odoo {version} that RPC needs"):
        _unpack(package, folder / "src")
        (folder / "src" / "version").write_text(version)
        shutil.rmtree(place.source, ignore_errors=True)
        (folder / "src").rename(place.source)
    shutil.rmtree(folder)


# --- the Debian package ---


def _download(folder: Path) -> tuple[Path, str]:
    """The package file and its version, from the first of the machine's mirrors that has it."""
    reasons = []
    for mirror in _debian_mirrors():
        try:
            with step(f"downloading {PACKAGE} from the machine's Debian mirror (120 MB)"):
                return _download_from(mirror, folder)
        except HarnessError as error:
            reasons.append(str(error))
    raise Unobtainable(f"no Debian mirror gave the package {PACKAGE}:\n" + "\n".join(reasons))


def _debian_mirrors() -> list[str]:
    """The mirrors this machine's own apt uses for Debian's main archive, as apt itself reads its configuration."""
    if not shutil.which("apt-get") or not KEYRING.exists():
        raise Unobtainable("Odoo is taken from a Debian package, and this machine has no apt with Debian's archive keys")
    codename = _os_release().get("VERSION_CODENAME", SUITE)
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    rows = [line.split() for line in targets.splitlines()]
    mirrors = [row[0] for row in rows if row[1:] == [codename, "main"]]
    if not mirrors:
        raise Unobtainable(f"apt on this machine has no source for Debian {codename} main to find a mirror by")
    return list(dict.fromkeys(mirrors))


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def _download_from(mirror: str, folder: Path) -> tuple[Path, str]:
    options = _private_apt(mirror, folder)
    run(["apt-get", *options, "-qq", "update"], cwd=folder)
    try:
        run(["apt-get", *options, "-qq", "download", f"{PACKAGE}={PINNED_VERSION}"], cwd=folder)
    except HarnessError:
        # The unstable distribution keeps only the newest version. Apt has still checked its signature and hash.
        run(["apt-get", *options, "-qq", "download", PACKAGE], cwd=folder)
    package = next(folder.glob(f"{PACKAGE}_*.deb"))
    version = run(["dpkg-deb", "--field", package, "Version"]).strip()
    _check(package, version)
    return package, version


def _private_apt(mirror: str, folder: Path) -> list[str]:
    """Options that give apt a state of its own, so that the machine's package lists and sources stay as they are."""
    for name in ("lists/partial", "cache/archives/partial", "none"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": folder / "none",
        "Dir::Etc::preferencesparts": folder / "none",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        # Apt's own unprivileged user could not write into a folder of ours.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _check(package: Path, version: str) -> None:
    if version != PINNED_VERSION:
        say("!" * 100)
        say(f"! {PACKAGE} {PINNED_VERSION} is no longer in Debian {SUITE}.")
        say(f"! TESTING AGAINST {version} INSTEAD: signed by Debian, but not the version that was tried and pinned.")
        say("! When the tests pass with it, pin it in tests/odoo/obtain.py.")
        say("!" * 100)
        return
    with package.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != PINNED_SHA256:
        raise HarnessError(f"{package.name} has the SHA-256 {found}, not the pinned {PINNED_SHA256}")


# --- the thin tree ---


def _unpack(package: Path, target: Path) -> None:
    """Unpack what `is_needed`, in one pass over the package, into `target`/odoo."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacker:
        with tarfile.open(fileobj=unpacker.stdout, mode="r|") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                # Links lead out of the package, to fonts and scripts of other ones that only the web client uses.
                if member.isfile() and path.is_relative_to(PACKAGE_ROOT) and is_needed(path.relative_to(PACKAGE_ROOT)):
                    member.name = str(path.relative_to(PACKAGE_ROOT))
                    archive.extract(member, target, filter="data")
        if unpacker.wait():
            raise HarnessError(f"{package.name} cannot be unpacked")


def is_needed(path: PurePosixPath) -> bool:
    """Whether a file of the package, named from its Python root (`odoo/addons/crm/...`), is needed to serve RPC."""
    match path.parts:
        case ("odoo", "addons", addon, *rest):
            # `base` reads the categories of all add-ons from their manifests.
            return rest == ["__manifest__.py"] or (addon in ADDONS and not _is_ballast(rest, path.name))
        case ("odoo", name, *rest):
            return name in CORE and not _is_ballast(rest, path.name)
        case _:
            return False


def _is_ballast(parts: list[str], name: str) -> bool:
    """Translations, tests and the web client's sources; `odoo.tests`, which add-ons import, is no such folder."""
    if "i18n" in parts or parts[:1] == ["tests"] or name.endswith(UNUSED_SUFFIXES):
        return True
    if "static" not in parts:
        return False
    below = parts[parts.index("static") + 1 :]
    return below[:1] in (["tests"], ["lib"], ["fonts"]) or (below[:1] == ["src"] and name.endswith((".js", ".xml")))


# --- the virtual environment ---


def _obtain_venv(place: Place) -> None:
    stamp = place.venv / "requirements"
    wanted = REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted and _version_of(str(place.python)):
        return
    interpreter, version = find_python()
    with step(f"making a virtual environment for Odoo with Python {version}"):
        shutil.rmtree(place.venv, ignore_errors=True)
        run([interpreter, "-m", "venv", place.venv])
        try:
            # Wheels only: a missing compiler should not be found out after minutes. The list is complete, so nothing more
            # is resolved: docopt, which num2words wants for its command line, has no wheel and is not missed.
            options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps"]
            run([place.python, "-m", "pip", "install", *options, "--requirement", REQUIREMENTS])
        except HarnessError as error:
            raise Unobtainable(f"the packages Odoo needs could not be installed: {error}") from error
        stamp.write_text(wanted)


def find_python() -> tuple[str, str]:
    """An interpreter that Odoo 19 runs on and that can make virtual environments, and its version.

    PUENTE_ODOO_PYTHON, where set, is taken or refused; else PATH, the system's folder, pyenv's and our own are searched.
    """
    if named := os.environ.get("PUENTE_ODOO_PYTHON"):
        if version := _version_of(named):
            return named, version
        raise Unobtainable(
            f"PUENTE_ODOO_PYTHON names {named}, which is no Python {' or '.join(PYTHON_VERSIONS)} with venv and pip"
        )
    for wanted in PYTHON_VERSIONS:
        for candidate in _candidates(wanted):
            if (version := _version_of(candidate)).startswith(f"{wanted}."):
                return candidate, version
    raise Unobtainable(
        f"Odoo 19 needs a Python {' or '.join(PYTHON_VERSIONS)} that has venv and ensurepip; none was found. "
        "Install one (on Debian: python3-venv) or name one in PUENTE_ODOO_PYTHON."
    )


def _candidates(version: str) -> list[str]:
    """Where an interpreter of this version may be; pyenv's shims on PATH exist even for versions that are switched off."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), f"/usr/bin/python{version}", *map(str, pyenv.glob(f"{version}.*/bin/python"))]
    return [path for path in found if path] + [sys._base_executable]  # type: ignore[attr-defined]


def _version_of(interpreter: str) -> str:
    """`3.11.7`, or nothing when it is missing, of another version, or lacks what venv needs."""
    script = "import ensurepip, venv, platform; print(platform.python_version())"
    try:
        version = run([interpreter, "-c", script]).strip()
    except HarnessError:
        return ""
    return version if version.rpartition(".")[0] in PYTHON_VERSIONS else ""
