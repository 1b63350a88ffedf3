"""JSON Schema (2020-12) checks whose messages name fields and rules and never quote a person's data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import BaseModel


class SchemaViolation(ValueError):
    """Data that does not fit its schema. `problems`: field (as `household.0.relation`) -> what is wrong with it."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {what}" for field, what in problems.items()))


@cache
def validator(path: Path) -> Draft202012Validator:
    """The validator of one schema file, formats (date, date-time) included."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def check(path: Path, data: object) -> None:
    """Validate `data` against the schema file at `path`.

    Raises:
        SchemaViolation: with every field that does not fit.
    """
    problems: dict[str, str] = {}
    for error in _leaves(validator(path).iter_errors(data)):
        field, rule = _field(error), _rule(error)
        # "required" comes once for every missing field and names them all each time.
        if rule not in problems.get(field, ""):
            problems[field] = f"{problems[field]}; {rule}" if field in problems else rule
    if problems:
        raise SchemaViolation(dict(sorted(problems.items())))


def of_model(model: type[BaseModel], *, schema_id: str, title: str, comment: str) -> dict[str, Any]:
    """The schema a model defines, as a document of its own."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id,
        "$comment": comment,
        **model.model_json_schema(mode="serialization"),
        "title": title,
    }


def write(path: Path, schema: dict[str, Any]) -> None:
    """Write a schema the way it is kept in the repository."""
    path.write_text(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Of "this or null" the fault that matters is the one in this."""
    for error in errors:
        if error.validator == "anyOf":
            yield from _leaves(each for each in error.context if each.validator_value != "null")
        else:
            yield error


def _field(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path) or "(document)"


def _rule(error: ValidationError) -> str:
    # jsonschema's own message quotes the value, and an unknown field's name may be a person's.
    rule: Any = error.validator_value
    found: Any = error.instance
    match error.validator:
        case "required":
            return f"missing {', '.join(sorted(set(rule) - set(found)))}"
        case "additionalProperties":
            return "has a field this version does not know"
        case _:
            return f"breaks {error.validator} {_json(rule)}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
