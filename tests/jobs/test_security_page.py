"""What docs/security.md gives users to copy is what the job needs."""

from jobs.local.jars import ROOT
from sinks.faults import COMMANDS


def test_the_users_line_has_exactly_the_jobs_commands() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    (line,) = (line for line in page.splitlines() if line.startswith("ACL SETUSER shopper-job "))
    assert line.endswith(f" {COMMANDS}")
