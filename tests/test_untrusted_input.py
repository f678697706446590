"""Nothing in our packages makes code or objects of bytes: what comes from outside is parsed, never loaded."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("events", "features", "sinks", "operators", "serving", "jobs", "deploy", "bench")
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "jsonpickle", "joblib"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# What reads a view is made of the catalogue, which is code of ours: no input is in its source.
MADE_OF_CODE = {"features/compile.py": ["exec()"]}
UNSAFE_YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}


def forbidden(source: str) -> Iterator[str]:
    """What in a module could run what it is given."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (f"import {n.name}" for n in names if n.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in MODULES:
                yield f"from {module} import"
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                yield f"{name}()"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="yaml"), attr=name)) if name in UNSAFE_YAML:
                yield f"yaml.{name}()"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="system" | "popen")):
                yield "os.system()"
            case ast.Call(keywords=keywords):
                yield from ("shell=True" for k in keywords if k.arg == "shell")
            case _:
                pass


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_runs_or_unpickles_what_it_is_given(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    found = {str(path.relative_to(ROOT)): [*forbidden(path.read_text())] for path in modules}
    assert {path: what for path, what in found.items() if what and what != MADE_OF_CODE.get(path)} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from cloudpickle import loads",
        "eval(text)",
        "exec(text)",
        "yaml.load(text)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_such_a_module_would_be_found(line: str) -> None:
    assert list(forbidden(line))


@pytest.mark.parametrize("script", sorted((ROOT / "sinks").glob("*.lua")), ids=lambda path: path.name)
def test_no_script_runs_what_it_is_given(script: Path) -> None:
    """Lua gets data as arguments only; the sink fills in names of fields that are part of the code."""
    words = script.read_text().replace("(", " ").split()
    assert not {"loadstring", "load", "dofile", "loadfile", "require", "setfenv"} & set(words)
