"""Which code this interpreter runs.

In Flink's thread mode all jobs of a TaskManager share one interpreter for as long as its process lives, and a
module is imported once. A job that is submitted with new code to a TaskManager that ran the old would
silently run the old.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

import features.logic

PACKAGES: Final = ("events", "features", "sinks", "operators")


class StaleCodeError(RuntimeError):
    """The worker runs other code than was submitted."""


def _fingerprint(root: Path) -> str:
    digest = sha256()
    for package in PACKAGES:
        for path in sorted([*(root / package).rglob("*.py"), *(root / package).rglob("*.lua")]):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


ROOT: Final = Path(__file__).resolve().parents[1]
FINGERPRINT: Final = _fingerprint(ROOT)
"""Of the code that was imported; computed at import, since the files may be gone later."""

COMPILED: Final = not features.logic.__file__.endswith(".py")
"""Whether the core runs as machine code (`jobs.compiled`)."""


def check(submitted: str) -> None:
    """Refuse to run where the code is another than the one that was `submitted`.

    Raises:
        StaleCodeError: saying what to do.
    """
    if submitted != FINGERPRINT:
        msg = (
            f"this TaskManager runs code {FINGERPRINT} of {ROOT}, submitted was {submitted}: the interpreter"
            " holds an earlier job's modules, or finds another installation first. Restart the TaskManager"
        )
        raise StaleCodeError(msg)
