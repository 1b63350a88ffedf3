"""The case format: one definition, one schema, nothing lost on the way, nobody's data in an error."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from dialogues.effects import CaseDraft
from integrations.backoffice import case, schemas
from integrations.backoffice.case import SINCE_1_1, CaseInput, build_case, check_case
from integrations.backoffice.schemas import SchemaViolation
from tests.integrations.samples import case_fields, case_input, id_number


def test_the_schema_file_is_what_the_models_say() -> None:
    assert json.loads(case.SCHEMA_PATH.read_text(encoding="utf-8")) == case.schema()


def test_the_schema_is_2020_12_and_describes_every_field_in_both_languages() -> None:
    schema = case.schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in [schema, *schema["$defs"].values()]:
        for name, field in part.get("properties", {}).items():
            assert " / " in field["description"], name


def test_every_object_is_strict() -> None:
    schema = case.schema()
    objects = [schema, *(part for part in schema["$defs"].values() if part.get("type") == "object")]
    assert len(objects) == 15
    for part in objects:
        assert part["additionalProperties"] is False, part["title"]
        # What came with 1.1 may be missing: a case of 1.0 is still a case.
        since = SINCE_1_1 if part is schema else frozenset[str]()
        assert set(part["required"]) == set(part["properties"]) - since, part["title"]


def test_a_draft_of_the_dialogue_has_no_field_the_case_has_not() -> None:
    assert set(CaseDraft.model_fields) <= set(CaseInput.model_fields) | {"kind", "household_number"}


def test_a_built_case_carries_everything_that_went_in() -> None:
    built = build_case(case_input())
    assert built["schema_version"] == "1.1"
    assert built["applicant"]["birth_date"] == "1956-03-05"
    assert built["household"][1]["income_month"] is None  # not known is null, not absent
    assert built["submitted_at"] == "2026-11-22T08:30:00Z"
    assert built["deadlines"][1]["provisional"] is True
    again = CaseInput.model_validate({key: value for key, value in built.items() if key != "schema_version"})
    assert again == case_input()


def test_a_case_of_the_version_before_is_taken_and_a_representative_is_kept() -> None:
    old = build_case(case_input()) | {"schema_version": "1.0"}
    del old["representative"]
    check_case(old)
    stated = {
        "name": "刘小芳", "role": "cadre", "consent_how": "phone", "guardian_kind": None, "text_version": "3f2a9c",
        "text_sha256": "ab" * 32, "stated_at": "2026-11-22T08:20:00Z",
    }  # fmt: skip
    built = build_case(CaseInput.model_validate(case_fields(representative=stated)))
    assert built["representative"] == stated
    with pytest.raises(SchemaViolation):
        check_case(built | {"representative": stated | {"consent_how": "somehow"}})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
MOMENTS = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(
        [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))]
    ),
)
MEMBERS = st.fixed_dictionaries(
    {"name": TEXTS, "relation": st.sampled_from(["spouse", "child", "parent", "sibling", "other"])},
    optional={
        "age": st.integers(0, 130),
        "birth_date": st.dates(),
        "income_month": st.floats(0, 1e9),
        "disability_level": st.integers(1, 4),
        "can_work": st.booleans(),
        "id_number": st.dates(date(1910, 1, 1), date(2026, 1, 1)).map(
            lambda d: id_number(f"{d:%Y%m%d}", "123")
        ),
    },
)
FACTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(name=TEXTS, at=MOMENTS, household=st.lists(MEMBERS, max_size=6), facts=FACTS)
def test_whatever_the_input_takes_the_schema_takes(
    name: str, at: datetime, household: list[dict[str, Any]], facts: dict[str, Any]
) -> None:
    fields = case_fields(submitted_at=at, household=household)
    fields["applicant"] |= {"name": name}
    fields["assessment"] |= {"facts": facts}
    built = build_case(CaseInput.model_validate(fields))
    assert json.loads(json.dumps(built)) == built


def _changed(path: str, value: object) -> dict[str, Any]:
    built = copy.deepcopy(build_case(case_input()))
    *parents, last = path.split(".")
    node: Any = built
    for key in parents:
        node = node[int(key) if key.isdigit() else key]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return built


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("applicant.id_number", "99010119560305002", "applicant.id_number"),
        ("applicant.birth_date", "1956-02-30", "applicant.birth_date"),
        ("applicant.name", "", "applicant.name"),
        ("applicant.nickname", "小王", "applicant"),
        ("submitted_at", "22 November", "submitted_at"),
        ("submitted_at", "2026-11-22T08:30:00", "submitted_at"),
        ("schema_version", "2.0", "schema_version"),
        ("consents", [], "consents"),
        ("schemes", ..., "(document)"),
        ("household.0.relation", "孙子", "household.0.relation"),
        ("household.0.income_month", -1, "household.0.income_month"),
        ("documents.0.sha256", "5F", "documents.0.sha256"),
        ("deadlines.0.workdays", 2.5, "deadlines.0.workdays"),
        ("assessment.results.0.outcome", "certain", "assessment.results.0.outcome"),
    ],
)
def test_a_fault_is_named_by_its_field(path: str, value: object, field: str) -> None:
    with pytest.raises(schemas.SchemaViolation) as caught:
        check_case(_changed(path, value))
    assert list(caught.value.problems) == [field]


def test_several_faults_at_one_place_are_all_told() -> None:
    built = _changed("schemes", ...)
    del built["consents"]
    built["王桂兰"] = 1
    with pytest.raises(schemas.SchemaViolation) as caught:
        check_case(built)
    told = caught.value.problems["(document)"]
    assert "consents" in told
    assert "schemes" in told
    assert "does not know" in told


def test_no_fault_repeats_what_a_person_said() -> None:
    built = build_case(case_input())
    built["applicant"] |= {"name": "王桂兰" * 100, "id_number": "990101195603050028\n", "王桂兰": "王桂兰"}
    built["household"][0] |= {"relation": "王桂兰", "birth_date": "王桂兰"}
    with pytest.raises(schemas.SchemaViolation) as caught:
        check_case(built)
    assert len(caught.value.problems) == 4
    assert "王桂兰" not in str(caught.value)
    assert "990101" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "case", 7, {}])
def test_what_is_no_case_at_all_is_refused(data: object) -> None:
    with pytest.raises(schemas.SchemaViolation):
        check_case(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"consents": []},
        {"schemes": []},
        {"submitted_at": datetime(2026, 11, 22, 8, 30)},  # noqa: DTZ001 - a time without zone is the point
        {"receipt": "../../etc"},
        {"contact": {"phone": "call me"}},
        {"extra": 1},
    ],
)
def test_the_input_is_as_strict_as_the_schema(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaseInput.model_validate(case_fields(**changes))
