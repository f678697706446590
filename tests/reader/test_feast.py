"""The Feast definitions: Python that declares every feature of the catalogue, without Feast being there."""

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from features.catalogue import as_data
from shopper_reader import Catalogue
from shopper_reader.catalogue import shipped
from shopper_reader.feast import TYPES, definitions, main


def declared(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the definitions with stand-ins that remember what they were given."""

    def module(name: str, **members: Any) -> None:
        made = ModuleType(name)
        vars(made).update(members)
        monkeypatch.setitem(sys.modules, name, made)

    kinds = ("Entity", "FeatureView", "Field", "FileSource", "PushSource")
    module("feast", **dict.fromkeys(kinds, SimpleNamespace))
    types = {name: name for name in ("Bool", "Float64", "Int64", "String")}
    module("feast.types", Array=lambda kind: f"Array({kind})", **types)
    module("feast.value_type", ValueType=SimpleNamespace(STRING="STRING"))
    names: dict[str, Any] = {}
    exec(compile(text, "features.py", "exec"), names)  # noqa: S102  our own text
    return names


def test_every_feature_is_declared_in_every_window(monkeypatch):
    names = declared(definitions(shipped()), monkeypatch)
    for label in shipped().labels:
        view = names[f"shopper_{label}"]
        assert view.entities == [names["shopper"]]
        assert {f.name: f.dtype for f in view.schema} == {
            feature.name: TYPES[feature.type] for feature in shipped().inside(label)
        }
        assert view.tags["key"] == f"user:<id>:features:{label}"
    assert names["shopper_5min"].ttl.total_seconds() == 310
    assert names["shopper_session"].ttl.total_seconds() == 0
    assert names["shopper_session"].description == "A shopper, the session with the latest event."
    (share,) = (f for f in names["shopper_1h"].schema if f.name == "top_category_share")
    assert share.description == "Its part of them. [0..1]"


def test_the_catalogue_of_an_installation_is_declared_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(as_data() | {"windows": []}))
    main([str(path)])
    text = capsys.readouterr().out
    assert text == definitions(Catalogue.read(path))
    assert "shopper_5min" not in text
    main([])
    assert capsys.readouterr().out == definitions(shipped())
