"""The job as one zip: our packages at its root, as `flink run -pyfs` wants them.

It carries our code alone. Third-party packages (msgspec, orjson, hiredis and zstandard have compiled parts)
belong to the cluster's image, which has requirements.lock installed. `python -m jobs.package [FILE]` writes
the zip, by default to dist/shopper-job.zip.
"""

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("events", "features", "sinks", "operators", "jobs")
LEFT_OUT: Final = frozenset(
    {
        "jobs/cli",
        "jobs/data",
        "jobs/demo",
        "jobs/inputs",
        "jobs/local",
        "jobs/settings",
        "jobs/shop",
        "jobs/side_inputs",
    }
)
"""What the command line needs and a worker does not."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644 << 16


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the zip, relative to `root`, in a fixed order."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            relative = path.relative_to(root)
            below = {"/".join(relative.parts[:2]), *relative.parts}
            if path.is_file() and not below & LEFT_OUT and "__pycache__" not in below:
                yield relative


def build_zip(target: Path, root: Path = ROOT) -> Path:
    """Write the zip; the same code gives the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for relative in files(root):
            entry = zipfile.ZipInfo(relative.as_posix(), _EPOCH)
            entry.external_attr = _MODE
            archive.writestr(entry, (root / relative).read_bytes(), zipfile.ZIP_DEFLATED)
    return target


if __name__ == "__main__":
    written = build_zip(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "shopper-job.zip")
    print(written)
