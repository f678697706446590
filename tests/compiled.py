"""The tests of the pure core once more, on its machine code (`jobs.compiled`).

    python -m tests.compiled [ARGUMENT OF PYTEST …]

They run in a copy of the tree in which each compiled module lies beside its source, where Python takes it
first. Before them the job's Python must give the same bytes in both trees.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jobs.compiled import compiled
from jobs.package import ROOT

ELSEWHERE = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "img")
TIMEOUT_S = 900


def tree(root: Path) -> Path:
    """A copy of this project below `root`, its core compiled."""
    shutil.copytree(ROOT, root, ignore=ELSEWHERE)
    for name, data in compiled().items():
        (root / name).write_bytes(data)
    return root


def said(root: Path) -> dict[str, Any]:
    """What the job's Python in a tree gives."""
    command = [sys.executable, "-m", "tests.job_bytes"]
    ordered = os.environ | {"PYTHONHASHSEED": "0"}  # the order of fields in a call may be that of a set
    done = subprocess.run(
        command, cwd=root, env=ordered, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main(arguments: list[str]) -> int:
    """Compare, test, and return pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="shopper-compiled-") as folder:
        root = tree(Path(folder) / "tree")
        interpreted, machine_code = said(ROOT), said(root)
        if (interpreted["compiled"], machine_code["compiled"]) != (False, True):
            print(f"not one of each: {interpreted}, {machine_code}")
            return 1
        if interpreted["digest"] != machine_code["digest"]:
            print(f"the compiled core gives other bytes: {interpreted['digest']}, {machine_code['digest']}")
            return 1
        print("the compiled core gives the same bytes", flush=True)
        tests = [
            "tests/features",
            "tests/events",
            *sorted(str(p.relative_to(root)) for p in root.glob("tests/test_*.py")),
        ]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "unit or property"]
        done = subprocess.run([*command, *arguments, *tests], cwd=root, timeout=TIMEOUT_S, check=False)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
