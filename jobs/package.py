"""The job as one zip: our packages at its root, as `flink run -pyfs` wants them.

It carries our code alone. Third-party packages (msgspec, orjson, hiredis and zstandard have compiled parts)
belong to the cluster's image, which has requirements.lock installed. `python -m jobs.package [FILE]` writes
the zip, by default to dist/shopper-job.zip; with `--compiled` the core is in it as machine code, too.
"""

import argparse
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
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


def build_zip(target: Path, root: Path = ROOT, beside: Mapping[str, bytes] = MappingProxyType({})) -> Path:
    """Write the zip; the same code gives the same bytes. `beside` are further files, by their path in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    contents = {path.as_posix(): (root / path).read_bytes() for path in files(root)} | dict(beside)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return target


def main(arguments: list[str] | None = None) -> None:
    """Write the zip, and print where it is."""
    from jobs.compiled import compiled  # noqa: PLC0415  it asks this module where the sources are

    parser = argparse.ArgumentParser(prog="python -m jobs.package", description="Write the job's zip.")
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / "dist" / "shopper-job.zip")
    parser.add_argument("--compiled", action="store_true", help="the core as machine code, too")
    told = parser.parse_args(arguments)
    print(build_zip(told.file, beside=compiled() if told.compiled else {}))


if __name__ == "__main__":
    main()
