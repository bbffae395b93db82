"""`python -m deploy.package [file]`: the zip that is deployed, for those who deploy without azd.

It holds what `.funcignore` leaves in, as azd and Core Tools do it; the same files make the same bytes.
"""

import sys
import zipfile
from pathlib import Path

import pathspec

from deploy import htmx

ROOT = Path(__file__).resolve().parents[1]
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold: the archive does not depend on when files were written


def files(root: Path = ROOT) -> list[Path]:
    """The files that are deployed, relative to `root`, in order."""
    ignored = pathspec.GitIgnoreSpec.from_lines((root / ".funcignore").read_text("utf-8").splitlines())
    return sorted(path.relative_to(root) for path in _walk(root, root, ignored))


def _walk(folder: Path, root: Path, ignored: pathspec.GitIgnoreSpec) -> list[Path]:
    """The files below `folder`; an ignored folder is not entered, as in git."""
    found: list[Path] = []
    for path in folder.iterdir():
        name = path.relative_to(root).as_posix()
        if ignored.match_file(f"{name}/" if path.is_dir() else name) or name == ".funcignore":
            continue
        found += _walk(path, root, ignored) if path.is_dir() else [path]
    return found


def build(archive: Path, root: Path = ROOT) -> Path:
    """Write the zip to `archive` and return it."""
    htmx.put_in_place(root)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in files(root):
            entry = zipfile.ZipInfo(path.as_posix(), LONG_AGO)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, (root / path).read_bytes())
    return archive


if __name__ == "__main__":
    made = build(Path(sys.argv[1] if len(sys.argv) > 1 else ".local/puente.zip"))
    sys.stdout.write(f"{made}: {made.stat().st_size:,} bytes, {len(files())} files\n")
