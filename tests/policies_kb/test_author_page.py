"""The page for pack authors says what the program does: its examples hold, its tables are whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from ruamel.yaml import YAML

from policies_kb.authoring.schemas import schemas
from policies_kb.clauses import Aspect
from policies_kb.loader import PACKS_DIR, load_pack
from policies_kb.retrieval.glossary import load_glossary
from policies_kb.rules.expression import names_in

PAGE = (Path(__file__).parents[2] / "docs/pack-author.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"```yaml\n# yaml-language-server: \$schema=\S*?(\w+)\.schema\.json\n(.*?)```", PAGE, re.DOTALL
)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_that_names_its_schema_passes_it(name: str, text: str) -> None:
    # Dates are their words to an editor's checker.
    parser = YAML(typ="safe", pure=True)
    data = parser.load(re.sub(r"(\d{4}-\d\d-\d\d)", r"'\1'", text))
    assert [
        error.message for error in jsonschema.Draft202012Validator(schemas()[name]).iter_errors(data)
    ] == []


def test_the_page_shows_a_whole_scheme_workflow_and_case() -> None:
    assert {name for name, _ in EXAMPLES} >= {"scheme", "workflow", "case"}


def test_the_page_names_every_side() -> None:
    table = PAGE[PAGE.index("`aspect` 从这些里选") :]
    assert [one for one in get_args(Aspect) if f"| `{one}` |" not in table] == []


def test_the_page_names_every_scheme_as_the_glossary_does() -> None:
    names = load_glossary([PACKS_DIR / "guojia/glossary.yml"]).names
    assert [key for key, name in names.items() if f"{name} `{key}`" not in PAGE] == []


def test_the_conditions_the_page_shows_are_of_the_language() -> None:
    pack = load_pack("guojia")
    table = PAGE[PAGE.index("### 条件怎么写") : PAGE.index("文字里的 `{person}`")]
    shown = [
        one for row in table.splitlines() if row.startswith("| ") for one in re.findall("`([^`]+)`", row)
    ]
    assert len(shown) > 10
    for text in shown:
        names = names_in(text.replace("…", "age >= 80"))
        assert names <= {*pack.facts, *pack.parameters}, text
