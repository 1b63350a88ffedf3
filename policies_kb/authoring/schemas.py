"""JSON Schemas (2020-12) of a pack's YAML files, for editors that complete and check while one types.

They are written from the models the loader uses, with the Chinese explanations of `explanations.yml`; the files in
`schemas/` are what `jzt kb schema` wrote, and a test holds them equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, Field

from policies_kb.coverage import CoverageFile
from policies_kb.pack import Check, Fact, Form, PackFile, Parameter, Quantity, SchemeFile, Workflow
from policies_kb.retrieval.evaluate import EvalFile
from policies_kb.retrieval.glossary import GlossaryFile
from policies_kb.rules.cases import CaseFile
from policies_kb.types import Frozen
from policies_kb.yamlfile import plain, read_yaml

FOLDER: Final = Path(__file__).parent / "schemas"
_EXPLANATIONS: Final = Path(__file__).parent / "explanations.yml"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class ParametersFile(Frozen):
    """`parameters.yml`: figures by id."""

    parameters: dict[str, Parameter] = Field(default_factory=dict)


class FactsFile(Frozen):
    """`facts.yml`: what the self-assessment may know, and what is computed from it."""

    facts: dict[str, Fact] = Field(default_factory=dict)
    quantities: dict[str, Quantity] = Field(default_factory=dict)
    checks: dict[str, Check] = Field(default_factory=dict)


# Schema name -> (model, the files of a pack it is for).
FILES: Final[dict[str, tuple[type[BaseModel], str]]] = {
    "pack": (PackFile, "pack.yml"),
    "parameters": (ParametersFile, "parameters.yml"),
    "facts": (FactsFile, "facts.yml"),
    "scheme": (SchemeFile, "schemes/*.yml"),
    "workflow": (Workflow, "workflow.yml"),
    "form": (Form, "forms/*.yml"),
    "glossary": (GlossaryFile, "glossary.yml"),
    "eval": (EvalFile, "eval.yml"),
    "coverage": (CoverageFile, "coverage.yml"),
    "case": (CaseFile, "cases/*.yml"),
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of every kind of file, by name."""
    explanations = plain(read_yaml(_EXPLANATIONS))
    return {name: _schema(model, files, explanations) for name, (model, files) in FILES.items()}


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Write `<name>.schema.json` for every kind of file into `folder`; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        written.append(path)
    return tuple(written)


def modeline(name: str, folder: str) -> str:
    """The first line by which an editor finds the schema `name` in `folder` (relative to the file)."""
    if name not in FILES:
        raise KeyError(name)
    return f"# yaml-language-server: $schema={folder}/{name}.schema.json"


def _schema(
    model: type[BaseModel], files: str, explanations: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        _explain(part, explanations.get(name, {}))
    return {"$schema": _DIALECT, **schema, "title": files}


def _explain(part: dict[str, Any], words: Mapping[str, str]) -> None:
    """Put the Chinese words in; the models' own descriptions are for programmers."""
    part.pop("title", None)
    part.pop("description", None)
    if "" in words:
        part["description"] = words[""]
    for field, schema in part.get("properties", {}).items():
        schema.pop("title", None)
        schema.pop("description", None)
        if field in words:
            schema["description"] = words[field]
