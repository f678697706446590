"""What docs/security.md gives users to copy is what the job needs."""

from jobs.local.jars import ROOT
from sinks.faults import COMMANDS, LIVE_SHOPPER_COMMANDS


def test_the_users_line_has_exactly_the_jobs_commands() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    (line,) = (line for line in page.splitlines() if line.startswith("ACL SETUSER shopper-job "))
    assert line.endswith(f" {COMMANDS}")


def test_what_a_layout_needs_beside_them_is_told() -> None:
    for page in ("security.md", "layouts.md"):
        text = (ROOT / "docs" / page).read_text()
        assert f"`{LIVE_SHOPPER_COMMANDS}`" in text
