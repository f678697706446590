"""What the interpreter of a TaskManager has loaded when its first job runs."""

import subprocess
import sys
from pathlib import Path

OF_COMMANDS = {
    "events.sides.toml",
    "events.sources.toml",
    "features.catalogue",
    "features.entities.catalogue",
    "features.explain",
    "features.replay",
}
"""Used where a job is submitted, or without any."""
LOADS = """
import pkgutil, sys
import operators.decode, operators.features
import events, features, operators, sinks
every = [
    module.name
    for package in (events, features, operators, sinks)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
print(len(every), *[name for name in every if name not in sys.modules])
"""


def test_the_first_job_loads_every_module_that_a_later_one_may_need() -> None:
    """Later jobs of the same TaskManager find none of their own files."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", LOADS], cwd=root, capture_output=True, text=True, timeout=120, check=True
    )
    number, *missing = done.stdout.split()
    assert int(number) > 150
    assert set(missing) == OF_COMMANDS
