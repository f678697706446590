"""The pages tell of commands, flags and make targets that there are."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from jobs.cli.main import app
from jobs.local.jars import ROOT

PAGES = sorted(
    path
    for folder, pattern in ((".", "*.md"), ("docs", "**/*.md"), ("deploy", "*.md"), ("bench", "*.md"))
    for path in (ROOT / folder).glob(pattern)
)
OTHERS = [ROOT / "deploy/prometheus/alerts.yml", ROOT / "deploy/grafana/make.py"]
EVERY_PAGE = pytest.mark.parametrize(
    "page", [*PAGES, *OTHERS], ids=lambda page: page.relative_to(ROOT).as_posix()
)
_ENDS = frozenset({"|", "&&", ";", "#", ">", "||", "&"})


def code(page: Path) -> Iterator[str]:
    """What stands in code: spans, and the lines of blocks with a line that goes on taken together."""
    text = page.read_text()
    for block in re.findall(r"^```.*?$(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def calls(line: str) -> Iterator[list[str]]:
    """The arguments of each call of `shopper` in a line of code."""
    try:
        words = shlex.split(line.replace("$(", "$( ").replace(")", " )"), comments=False)
    except ValueError:
        return
    for place, word in enumerate(words):
        if word != "shopper" and not word.endswith("/shopper"):
            continue
        arguments = []
        for argument in words[place + 1 :]:
            if argument in _ENDS or argument == ")":
                break
            arguments.append(argument)
        yield arguments


def fault(arguments: list[str]) -> str:
    """What is wrong with a call; empty where it can be made."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "get_command") and rest and not rest[0].startswith("-"):
        name = rest.pop(0).partition("|")[0]
        if name in ("COMMAND", "…"):
            return ""
        found = command.get_command(None, name)
        if found is None:
            return f"no command {name!r}"
        command = found
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h"}
    flags = [argument.partition("=")[0] for argument in rest if argument.startswith("-")]
    unknown = [flag for flag in flags if flag not in known]
    return f"{command.name} has no {', '.join(unknown)}" if unknown else ""


@EVERY_PAGE
def test_a_page_tells_of_commands_and_flags_that_there_are(page: Path) -> None:
    said = {" ".join(["shopper", *call]): fault(call) for line in code(page) for call in calls(line)}
    assert {call: wrong for call, wrong in said.items() if wrong} == {}


@EVERY_PAGE
def test_a_page_tells_of_make_targets_that_there_are(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for line in code(page) for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", line.strip())}
    assert named <= targets


@EVERY_PAGE
def test_links_to_pages_and_their_sections_lead_somewhere(page: Path) -> None:
    if page.suffix != ".md":
        return
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", to.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings], target


def test_what_is_wrong_with_a_call_is_found() -> None:
    (call,) = calls("$ .venv/bin/shopper dlq replay --kind bug --dryrun | head")
    assert fault(call) == "replay has no --dryrun"
    assert fault(["dlq", "mend"]) == "no command 'mend'"
    assert [fault(each) for each in calls("shopper submit --from $(shopper stop)")] == ["", ""]


def test_the_page_for_the_night_has_commands() -> None:
    made = [call for line in code(ROOT / "docs/operations.md") for call in calls(line) if call]
    told = {tuple(call[: 2 if call[0] == "dlq" else 1]) for call in made}
    assert told >= {("status",), ("submit",), ("stop",), ("migrate",), ("forget",), ("get",), ("config",)}
    assert told >= {("dlq", "list"), ("dlq", "explain"), ("dlq", "replay"), ("dlq", "show")}
