"""Answers taken in: checked against what is known already, stored, refused kindly, or put in place of an older one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from dialogues import application, doubts, household, households
from dialogues.actions import ACTIONS
from dialogues.commands import ABOUT
from dialogues.effects import RecordConsent
from dialogues.masking import mask
from dialogues.payloads import RESTART
from dialogues.run import Run
from dialogues.summary import fact_value, spoken
from dialogues.validators import RELATIONS, Expected, Problem, check, read_id_number, sex_of_words

NUMBERS = frozenset({"int", "number", "money"})


def take(run: Run, name: str, value: JsonValue, raw: str) -> None:
    """An answer, to whatever question: the pending one, an earlier one, or one not asked yet."""
    if name == "apply_confirm" and isinstance(value, int) and not isinstance(value, bool):
        # The button of a summary carries its application's number: see application.confirm_choices.
        if value != run.state.applications or run.pending != name:
            _old_submit(run, value)
            return
        value = True
    if name == run.pending:
        answer(run, value, raw)
        return
    slot = run.flows.slots.get(name)
    if slot is None:
        _unasked_fact(run, name, value, raw)
    elif name == "apply_confirm" and not run.active(name) and households.own_cases(run.state):
        _old_submit(run, households.own_cases(run.state)[-1].application)
    elif slot.definition.type == "list" or not run.active(name):
        run.pattern("stale_answer", reason="old")
    elif run.settled(name):
        correct(run, name, value, raw)
    else:
        _volunteered(run, name, value, raw)


def answer(run: Run, value: JsonValue, raw: str) -> None:
    """The answer to the pending question."""
    name, frame = run.pending, run.top
    if name is None or frame is None:
        return
    try:
        checked = _checked(run, name, value)
    except Problem as problem:
        _refuse(run, name, problem)
        return
    _store(run, name, checked, raw)
    run.state.failures = 0
    run.advance()


def insisted_name(run: Run, raw: str) -> bool:
    """Take as a name what was sent twice to the question for one: its bearer knows better than our word lists."""
    name, frame = run.pending, run.top
    slot = run.flows.slots.get(name) if name is not None else None
    if frame is None or slot is None or slot.definition.type != "person_name":
        return False
    if not re.fullmatch(r"[\u3400-\u9fff\u00b7]{2,15}", raw):
        return False
    if frame.data.get("insisted") != raw:
        frame.data["insisted"] = raw
        return False
    answer(run, raw, raw)
    return True


def volunteer(run: Run, values: Mapping[str, JsonValue]) -> None:
    """Answers that came with another wish. What cannot be taken is left: its question will come."""
    for name, value in values.items():
        if name in {RESTART, ABOUT}:
            continue
        try:
            slot = run.flows.slots.get(name)
            if slot is None:
                _store(run, name, _checked_fact(run, name, value), "")
            elif _may_volunteer(run, name) and not run.settled(name):
                _store(run, name, _checked(run, name, value), "")
        except KeyError:
            continue
        except Problem as problem:
            if problem.code == "beyond":
                run.lead.append(_words(run, problem))


def correct(run: Run, name: str | None, value: JsonValue, raw: str) -> None:
    """An earlier answer is taken back: replaced, or asked again when no new one was given."""
    if name is None and value is None and run.pending in run.state.doubts:
        name = run.pending
    if name is None:
        name = _meant(run, value, raw)
    if name is None:
        run.pattern("correction", reason="which" if any(map(run.editable, run.state.answered)) else "nothing")
        return
    if name == run.pending:
        if value is not None:
            answer(run, value, raw)
        else:
            run.state.doubts.pop(name, None)
            run.advance()
        return
    if (said := doubts.taken_back(run, name)) is not None and run.pending is not None:
        _store_fact(run, run.pending, said)
    slot = run.flows.slots.get(name)
    if slot is None:
        _correct_fact(run, name, value)
        return
    definition = slot.definition
    if not run.active(name):
        run.pattern("correction", reason="closed" if households.own_cases(run.state) else "nothing")
    elif name == "apply_consent" and value is False and run.state.consent is not None:
        withdraw(run)
    elif definition.sensitive and run.state.consent is None:
        run.pattern("validate_slot", reason="consent")
    elif definition.flow is not None:
        _reopen_list(run, name, definition.flow)
    elif name in household.SCRATCH and not run.settled(name):
        _correct_member(run, name, value)
    elif not run.settled(name):
        _volunteered(run, name, value, raw)
    else:
        _correct_slot(run, name, value, raw)


def withdraw(run: Run) -> None:
    """Consent is taken back before the application is sent: everything personal is forgotten."""
    consent = run.state.consent
    if consent is None:
        return
    run.effects.append(
        RecordConsent(
            purpose=str(consent["purpose"]),
            text_version=str(consent["text_version"]),
            text_sha256=str(consent["text_sha256"]),
            given=False,
            household=run.state.household,
        )
    )
    run.state.consent = None
    run.state.authorisation = None
    for name, slot in run.flows.slots.items():
        if slot.definition.sensitive:
            run.drop(name)
    run.state.files = []
    index = next((place for place in run.roots() if run.state.stack[place].flow == "apply"), None)
    if index is None:
        return
    del run.state.stack[index + 1 :]
    frame = run.state.stack[index]
    run.goto(frame, run.flows.step_of("apply", "apply_consent"))
    run.fill("apply_consent", False)
    run.advance()


# --- checking ---------------------------------------------------------------------------------------------------


def _checked(run: Run, name: str, value: JsonValue) -> JsonValue:
    slot = run.flows.slots.get(name)
    if slot is None:
        return _checked_fact(run, name, value)
    type_ = slot.definition.type
    if type_ == "list":
        raise Problem("not_text")
    if name == "apply_schemes":
        return _checked_schemes(run, value)
    if type_ == "file" and isinstance(value, str):
        found = next((one for one in run.state.files if one.get("document_id") == value), None)
        if found is None:
            raise Problem("not_a_file")
        return dict(found)
    if type_ == "id_number":
        return check(type_, value, _expected_identity(run, name, value))
    return check(type_, value, Expected(today=run.today, choices=run.choices(name)))


def _checked_schemes(run: Run, value: JsonValue) -> JsonValue:
    choices = run.choices("apply_schemes")
    expected = Expected(today=run.today, choices=choices)
    if isinstance(value, list) and value:
        return [check("choice", one, expected) for one in value if one != application.ASSESSED]
    return application.chosen_schemes(run, check("choice", value, expected))


def _checked_fact(run: Run, name: str, value: JsonValue) -> JsonValue:
    """A fact's value, checked. Raises KeyError when the pack has no such fact."""
    question = run.question(name)
    choices = run.choices(name)
    # A band of a sum is a choice among others: any sum may be said.
    expected = Expected(today=run.today, choices=choices, minimum=question.minimum, maximum=question.maximum)
    try:
        if question.type == "money" and isinstance(value, list):
            value = _checked_range(value, expected)
        else:
            value = check(question.type, value, expected)
    except Problem as problem:
        figure = isinstance(value, int | float) and not isinstance(value, bool)
        if question.beyond and figure and problem.code in {"out_of_range", "not_a_choice"}:
            raise Problem("beyond", said=question.beyond.replace("{value}", str(value))) from None
        raise
    try:
        # Read back: facts that cannot be read any more would stop the whole assessment.
        run.knowledge.question(run.knowledge.with_answer(run.state.facts, name, value), name, today=run.today)
    except ValueError:
        raise Problem("not_a_number" if question.type in NUMBERS else "not_a_choice") from None
    return value


def _checked_range(bounds: list[JsonValue], expected: Expected) -> JsonValue:
    """A sum told as [lowest, highest]; null: no upper limit."""
    low, high = bounds if len(bounds) == 2 else (None, None)
    checked = [check("money", low, expected), None if high is None else check("money", high, expected)]
    if high is not None and str(checked[0]) != str(checked[1]) and not _ordered(checked):
        raise Problem("not_a_number")
    return list[JsonValue](checked)


def _ordered(bounds: Sequence[JsonValue]) -> bool:
    low, high = bounds
    return isinstance(low, int | float) and isinstance(high, int | float) and low <= high


def _expected_identity(run: Run, name: str, value: JsonValue) -> Expected:
    """What an identity number has to agree with. A number sent twice is believed: the card is right, not we."""
    frame = run.top
    data = frame.data if frame is not None else {}
    slots = run.state.slots
    taken = {
        str(member["id_number"]): str(member.get("name") or "家人")
        for place, member in enumerate(household.members(slots))
        if member.get("id_number") and place != data.get("editing")
    }
    if name != "applicant_id_number" and slots.get("applicant_id_number"):
        taken[str(slots["applicant_id_number"])] = "申请人"
    insisted = data.get("insisted")
    if insisted is not None and insisted == _number(run, value):
        return Expected(today=run.today, taken=taken)
    if name == "applicant_id_number":
        return Expected(today=run.today, taken=taken, age=_own_age(run))
    said = data.get("said")
    words = said if isinstance(said, str) else ""
    return Expected(
        today=run.today,
        taken=taken,
        sex=sex_of_words(words),
        sex_said=words,
    )


def _number(run: Run, value: JsonValue) -> str | None:
    try:
        return read_id_number(str(value), today=run.today).number
    except Problem:
        return None


def _own_age(run: Run) -> int | None:
    told = run.state.facts.get("household")
    first = told[0] if isinstance(told, list) and told else None
    # The self-assessment asks about whoever writes first; a first member of another relation is not the applicant.
    if not isinstance(first, dict) or first.get("relation") not in {None, "self"}:
        return None
    age = first.get("age")
    return age if isinstance(age, int) and not isinstance(age, bool) else None


def _words(run: Run, problem: Problem) -> str:
    return run.flows.problems[problem.code].render(run.names(problem=problem.detail))


def _refuse(run: Run, name: str, problem: Problem) -> None:
    frame = run.top
    run.state.failures += 1
    if frame is not None and problem.code in {"id_age", "id_sex"}:
        frame.data["insisted"] = problem.number
    slot = run.flows.slots.get(name)
    run.simpler = run.state.failures >= 2 or (slot is not None and slot.definition.type == "id_number")
    text = _words(run, problem)
    run.pattern("validate_slot", reason="problem", problem=text, failures=run.state.failures)


# --- storing ----------------------------------------------------------------------------------------------------


def _store(run: Run, name: str, value: JsonValue, raw: str) -> bool:
    """Whether it was stored: a fact that is in doubt is asked about first."""
    slot, frame = run.flows.slots.get(name), run.top
    if slot is None:
        return _store_fact(run, name, value)
    if frame is not None:
        frame.data.pop("insisted", None)
        if slot.definition.type in {"relation", "bool"}:
            frame.data["said"] = raw
    run.fill(name, value)
    if slot.definition.type == "file" and isinstance(value, dict):
        run.state.files = [
            one for one in run.state.files if one.get("document_id") != value.get("document_id")
        ]
    if slot.definition.on_filled is not None:
        ACTIONS[slot.definition.on_filled](run)
    return True


def _store_fact(run: Run, key: str, value: JsonValue) -> bool:
    state = run.state
    if doubts.in_doubt(run, key, value):
        return False
    state.facts = run.knowledge.with_answer(state.facts, key, value)
    if key in state.skipped:
        state.skipped.remove(key)
    run.remember(key, run.question(key).type)
    # An answer that rests on the changed one (a member who is no longer there) went with it.
    for name in list(state.answered):
        if name not in run.flows.slots and name != key and fact_value(state.facts, name) is None:
            del state.answered[name]
    return True


def _may_volunteer(run: Run, name: str) -> bool:
    """Whether an answer counts before its question stood in the chat. Consents and confirmations never do."""
    definition = run.flows.slots[name].definition
    if (
        definition.type in {"list", "file"}
        or definition.on_filled is not None
        or name in run.flows.asked_anew
    ):
        return False
    return not definition.sensitive or run.state.consent is not None


def _volunteered(run: Run, name: str, value: JsonValue, raw: str) -> None:
    definition = run.flows.slots[name].definition
    if definition.sensitive and run.state.consent is None:
        run.pattern("validate_slot", reason="consent")
        return
    if value is None or not _may_volunteer(run, name):
        run.pattern("stale_answer", reason="old")
        return
    try:
        _store(run, name, _checked(run, name, value), raw)
    except Problem:
        # Its own question will come and say what is wrong with it.
        run.pattern("stale_answer", reason="old")
        return
    run.pattern("correction", reason="same", label=run.label(name))


def _unasked_fact(run: Run, name: str, value: JsonValue, raw: str) -> None:
    if name in run.state.answered:
        correct(run, name, value, raw)
        return
    try:
        checked = _checked_fact(run, name, value)
        quiet = not run.question(name).text
        stored = _store(run, name, checked, raw)
        if stored and quiet:
            # Never asked for (who somebody is): kept without a word.
            run.advance()
            return
    except KeyError:
        run.pattern("stale_answer", reason="old")
        return
    except Problem as problem:
        if problem.code != "beyond":
            run.pattern("stale_answer", reason="old")
            return
        run.lead.append(_words(run, problem))
        _reask(run, [name])
        return
    if stored:
        run.pattern("correction", reason="same", label=run.label(name))
    else:
        _ask_doubt(run, name)


def _ask_doubt(run: Run, name: str) -> None:
    """The self-assessment asks about answers in doubt before anything else; elsewhere the doubt is asked at once."""
    place = run.doing()
    if place is not None and run.state.stack[place].flow == "assess":
        run.advance()
    else:
        _reask(run, [name])


def _old_submit(run: Run, number: int) -> None:
    case = next((one for one in run.state.cases if one.application == number), None)
    if case is None:
        run.pattern("stale_answer", reason="old")
    else:
        run.pattern("stale_answer", reason="submitted", receipt=case.receipt)


# --- correcting -------------------------------------------------------------------------------------------------


def _meant(run: Run, value: JsonValue, raw: str) -> str | None:
    """Which answer a correction without a name means: the latest whose unit was said, else the latest of its kind."""
    names = [name for name in reversed(run.state.answered) if run.editable(name) and name != run.pending]
    if value is None:
        return names[0] if names else None
    fitting = [name for name in names if _fits(run, name, value)]
    for name in fitting:
        question = run.fact(name)
        if question is not None and question.unit and question.unit in raw:
            return name
    return fitting[0] if fitting else None


def _fits(run: Run, name: str, value: JsonValue) -> bool:
    type_ = run.state.answered[name]
    if type_ in {"text", "address", "file"}:
        return False
    if type_ == "relation":
        return value in RELATIONS
    try:
        if name in run.flows.slots:
            check(type_, value, Expected(today=run.today, choices=run.choices(name)))
        else:
            _checked_fact(run, name, value)
    except (Problem, KeyError):
        return False
    return True


def _correct_slot(run: Run, name: str, value: JsonValue, raw: str) -> None:
    if value is None:
        run.drop(name)
        _reask(run, [name, *_dependents(run, name)], opened=True, label=run.label(name))
        return
    try:
        checked = _checked(run, name, value)
    except Problem as problem:
        run.drop(name)
        text = _words(run, problem)
        run.lead.append(text)
        _reask(run, [name, *_dependents(run, name)])
        return
    if run.state.slots.get(name) == checked:
        run.pattern("correction", reason="same", label=run.label(name))
        return
    _store(run, name, checked, raw)
    _reask(run, _dependents(run, name), told=_told(run, name, checked), label=run.label(name))


def _dependents(run: Run, name: str) -> list[str]:
    """Forget what rests on `name`; what of it still matters is to be asked again."""
    dependents = run.flows.dependents(name)
    if run.top is not None and run.pending in dependents:
        # The question that stands in the chat speaks of the old answer: it is asked in full again.
        run.top.asked = False
    settled = [other for other in dependents if run.settled(other)]
    for other in settled:
        run.drop(other)
    return settled


def _reask(
    run: Run, queue: Sequence[str], *, told: str | None = None, opened: bool = False, label: str = ""
) -> None:
    names: list[JsonValue] = list(queue)
    run.pattern("correction", reason="change", queue=names, told=told, opened=opened, label=label)


def _reopen_list(run: Run, name: str, flow: str) -> None:
    if any(frame.flow == flow for frame in run.state.stack):
        run.advance()
        return
    if name in run.state.slots and not run.state.slots[name]:
        run.drop("has_members")
        run.drop(name)
    run.push(flow, called=True)
    run.advance()


def _correct_member(run: Run, name: str, value: JsonValue) -> None:
    try:
        checked = _checked(run, name, value) if value is not None else None
    except Problem as problem:
        run.lead.append(_words(run, problem))
        run.advance()
        return
    if checked is not None and household.correct_last(run, name, checked):
        run.pattern("correction", reason="change", told=_told(run, name, checked), label=run.label(name))
    else:
        run.pattern("correction", reason="nothing")


def _correct_fact(run: Run, name: str, value: JsonValue) -> None:
    if value is None:
        if run.fact(name) is None or not run.editable(name):
            run.pattern("correction", reason="nothing")
            return
        run.state.answered.pop(name, None)
        if name in run.state.skipped:
            run.state.skipped.remove(name)
        _assess_again(run)
        _reask(run, [name], opened=True, label=run.label(name))
        return
    try:
        checked = _checked_fact(run, name, value)
    except Problem as problem:
        run.lead.append(_words(run, problem))
        if run.fact(name) is not None and run.editable(name):
            run.state.answered.pop(name, None)
            _assess_again(run)
            _reask(run, [name])
        else:
            run.advance()
        return
    except KeyError:
        run.pattern("stale_answer", reason="old")
        return
    same = name in run.state.answered and fact_value(run.state.facts, name) == checked
    if not _store_fact(run, name, checked):
        _assess_again(run)
        _ask_doubt(run, name)
        return
    if same:
        run.pattern("correction", reason="same", label=run.label(name))
        return
    _assess_again(run)
    run.pattern("correction", reason="change", told=_told(run, name, checked), label=run.label(name))


def adopt(run: Run) -> None:
    """Take the answers of the last what-if for the true ones; the result is worked out anew."""
    supposed, run.state.what_if = run.state.what_if, {}
    if not supposed:
        run.pattern("stale_answer", reason="old")
        return
    for key, value in supposed.items():
        try:
            checked = _checked_fact(run, key, value)
        except (Problem, KeyError):
            continue
        if _store_fact(run, key, checked):
            run.lead.append(f"好，“{run.label_of(key)}”改成：{_told(run, key, checked)}。")
    _assess_again(run)
    run.advance()


def _assess_again(run: Run) -> None:
    """A fact is corrected after the result was told: the result is worked out anew."""
    if run.doing() is None and run.state.assessment is not None and "assess" not in run.state.drafts:
        run.push("assess")


def _told(run: Run, name: str, value: JsonValue) -> str:
    slot = run.flows.slots.get(name)
    if slot is not None and slot.definition.mask in {"id_number", "bank_account", "file"}:
        return mask(value, slot.definition.mask)
    question = run.fact(name)
    choices = [(choice.value, choice.title) for choice in run.choices(name)]
    return spoken(value, choices, question.unit if question is not None else "")
