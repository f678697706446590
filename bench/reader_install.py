"""The reader alone: built as a wheel, installed into an empty environment with redis, and imported there.

    python -m bench.reader_install [--runs 15] [--python python3.10 …] [--json FILE]

Says what is installed, and how long `import shopper_reader` takes a fresh interpreter beside `import redis`
alone: milliseconds by the clock, median and best, and of CPU, since other work on the machine is not
importing. The wheel is installed with pip from the package index.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

READER: Final = Path(__file__).resolve().parents[1] / "reader"
TIMEOUT_S: Final = 300


def run(*command: str | Path) -> str:
    """What the command prints."""
    made = subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    return made.stdout


def importing(python: Path, statement: str, runs: int) -> dict[str, float]:
    """Milliseconds of a fresh interpreter for `statement`, the interpreter's own start taken off."""
    program = (
        "import time; t, c = time.perf_counter(), time.process_time(); "
        f"{statement}; print(time.perf_counter() - t, time.process_time() - c)"
    )
    said = [run(python, "-I", "-c", program).split() for _ in range(runs + 1)][1:]
    wall, cpu = ([float(pair[i]) * 1000 for pair in said] for i in (0, 1))
    return {
        "median_ms": round(statistics.median(wall)),
        "best_ms": round(min(wall)),
        "cpu_ms": round(statistics.median(cpu)),
    }


def measure(interpreter: str, runs: int) -> dict[str, Any]:
    """Build, install, import."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        python = folder / "venv" / "bin" / "python"
        build = "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder
        run(sys.executable, *build, READER)
        (wheel,) = folder.glob("*.whl")
        run(interpreter, "-m", "venv", folder / "venv")
        began = time.monotonic()
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
        took = time.monotonic() - began
        listed = json.loads(
            run(python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
        )
        return {
            "python": run(python, "--version").strip(),
            "installed": {p["name"]: p["version"] for p in listed if p["name"] not in ("pip", "setuptools")},
            "wheel_kb": round(wheel.stat().st_size / 1024),
            "install_s": round(took, 1),
            "import shopper_reader": importing(python, "import shopper_reader", runs),
            "import redis": importing(python, "import redis", runs),
            "load": round(os.getloadavg()[0], 1),
        }


def main() -> None:
    """Measure with every Python given and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = [measure(python, options.runs) for python in options.python]
    for result in results:
        print("\n".join(f"{name:24}{value}" for name, value in result.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
