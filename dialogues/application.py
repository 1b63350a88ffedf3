"""The `apply` flow's actions: consent, authorisation, submission, and what is said of an application afterwards."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues import households, payloads
from dialogues.effects import Button, CaseDraft, OpenCase, RecordConsent, Say
from dialogues.household import members
from dialogues.ports import Workday
from dialogues.receipt import idempotency_key, receipt_number
from dialogues.state import CaseNote, DialogueState, Frame
from dialogues.validators import read_id_number
from policies_kb.types import Choice, WorkflowStep

if TYPE_CHECKING:
    from dialogues.run import Run

PURPOSE = "apply"

# consent_how and role of whoever decides for somebody who cannot.
GUARDIAN = "guardian"

# WorkflowStep.after of a limit that counts from the application itself.
SUBMISSION = "submission"

# The resident leaves it to the office which scheme fits.
UNSURE = "unsure"
UNSURE_NAME = "不确定，请办事处帮我看"
ASSESSED = "assessed"

# Fields that can be changed from the summary, and the words on their buttons.
EDITABLE = {
    "apply_schemes": "改申请项目",
    "applicant_name": "改姓名",
    "applicant_id_number": "改身份证号",
    "household": "改家人",
    "id_photo": "改照片",
    "phone": "改电话",
    "address": "改住址",
    "bank_account": "改银行账号",
}


def begin(run: Run) -> None:
    """Give the application its number, once; a draft that is taken up again keeps it."""
    frame = run.top
    if frame is None or "number" in frame.data:
        return
    run.state.applications += 1
    frame.data["number"] = run.state.applications
    if run.state.who:
        # A cadre with three families is asked once what their own name is.
        if run.state.role not in {None, "guardian"}:
            run.fill("agent_role", run.state.role)
        if run.state.speaker:
            run.fill("agent_name", run.state.speaker)


def consent_answered(run: Run) -> None:
    """Record consent with the very text that was shown. A refusal leaves no trace."""
    if run.state.slots.get("apply_consent") is not True or run.state.who:
        # Of another it is recorded once it is known who says so, and how: their_consent.
        return
    digest = _sha256(run.render(run.flows.slots["apply_consent"].ask))
    run.state.consent = {
        "purpose": PURPOSE,
        "text_version": run.knowledge.version,
        "text_sha256": digest,
        "at": run.now.isoformat(),
    }
    run.effects.append(
        RecordConsent(
            purpose=PURPOSE,
            text_version=run.knowledge.version,
            text_sha256=digest,
            household=run.state.household,
        )
    )


def their_consent(run: Run) -> None:
    """Record the consent of the person spoken for: who says so, what they are to them, and how it was given."""
    state, slots = run.state, run.state.slots
    how = str(slots.get("consent_how"))
    kind = slots.get("guardian_kind") if how == GUARDIAN else None
    role = GUARDIAN if how == GUARDIAN else str(slots.get("agent_role"))
    digest = _sha256(run.render(run.flows.slots["apply_consent"].ask))
    state.consent = {
        "purpose": PURPOSE,
        "text_version": run.knowledge.version,
        "text_sha256": digest,
        "at": run.now.isoformat(),
        "by": {"name": slots.get("agent_name"), "role": role, "how": how, "guardian_kind": kind},
    }
    state.speaker = str(slots.get("agent_name") or "")
    run.effects.append(
        RecordConsent(
            purpose=PURPOSE,
            text_version=run.knowledge.version,
            text_sha256=digest,
            household=state.household,
            given_by=f"{role}:{kind or how}",
        )
    )


def authorisation_answered(run: Run) -> None:
    """Keep which letter of authorisation was confirmed, by whom and how."""
    frame = run.top
    if run.state.slots.get("authorisation_ok") is not True:
        run.state.authorisation = None
        return
    run.state.authorisation = {
        "title": run.knowledge.text("authorisation.title"),
        "text_version": run.knowledge.text("authorisation.version"),
        "text_sha256": _sha256(run.knowledge.text("authorisation.text")),
        "confirmed_by": "words" if frame is not None and frame.data.get("said") else "button",
        "confirmed_at": run.now.isoformat(),
        "signer": run.state.slots.get("applicant_name"),
        "signature_document": None,
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keep_draft(run: Run) -> None:
    """Put the application aside, to go on from the question that stopped it."""
    frame = run.top
    if frame is None:
        return
    if run.state.slots.get("authorisation_ok") is False:
        run.drop("authorisation_ok")
    run.drop("apply_confirm")
    first = run.flows.flows[frame.flow].first
    run.state.drafts[frame.flow] = [
        Frame(flow=frame.flow, step=first, data={"number": frame.data.get("number")})
    ]
    frame.data["kept"] = True


def abandon(run: Run) -> None:
    """Consent was refused: nothing is kept, and the number is free again."""
    for name in ("apply_consent", "agent_role", "consent_how", "guardian_kind", "agent_name"):
        run.drop(name)
    run.state.applications -= 1
    if run.top is not None:
        run.top.data["abandoned"] = True


def withdraw(run: Run) -> None:
    """Forget everything that was filled in and not sent; record that consent is taken back."""
    state = run.state
    if state.consent is not None:
        run.effects.append(
            RecordConsent(
                purpose=str(state.consent["purpose"]),
                text_version=str(state.consent["text_version"]),
                text_sha256=str(state.consent["text_sha256"]),
                given=False,
                household=state.household,
            )
        )
    own = run.top
    state.stack = [frame for frame in state.stack if frame is own]
    state.drafts = {}
    state.slots = {}
    state.consent = state.authorisation = state.assessment = None
    state.files = []
    state.facts, state.asked_facts, state.answered = {}, {}, {}
    state.skipped, state.doubts = [], {}
    state.speaker = ""


def personal(state: DialogueState) -> bool:
    """Whether anything was filled in that a resident may want erased."""
    return state.consent is not None or bool(state.facts or state.files or state.drafts)


def scheme_choices(run: Run) -> tuple[Choice, ...]:
    """The assessment's schemes first, then “not sure”, then each scheme of the pack."""
    found = []
    fitting = _fitting(run)
    if fitting:
        names = "、".join(run.knowledge.scheme_name(one) for one in fitting[:3])
        found.append(Choice(value=ASSESSED, title=f"按刚才看的：{names}"))
    found.append(Choice(value=UNSURE, title="不确定"))
    results = run.knowledge.assess({}, today=run.today)
    found += [Choice(value=one.scheme, title=run.knowledge.scheme_name(one.scheme)) for one in results]
    return tuple(found)


def chosen_schemes(run: Run, value: JsonValue) -> JsonValue:
    """The stored form of `apply_schemes`: a list of scheme ids, or [UNSURE]."""
    if value == ASSESSED:
        return list[JsonValue](_fitting(run)) or [UNSURE]
    return value if isinstance(value, list) else [value]


def _fitting(run: Run) -> list[str]:
    """Schemes the last assessment found likely, or, when there are none, on the line."""
    results = run.state.assessment.get("results") if run.state.assessment is not None else None
    listed = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    likely = [str(one["scheme"]) for one in listed if one.get("outcome") == "likely"]
    return likely or [str(one["scheme"]) for one in listed if one.get("borderline")]


def confirm_choices(run: Run) -> tuple[Choice, ...]:
    """Submit carries the application's number: an old button cannot send a newer application."""
    return (
        Choice(value=run.state.applications, title="提交申请"),
        Choice(value=False, title="先不提交"),
    )


def edit_buttons(run: Run) -> tuple[Button, ...]:
    """One button for every field of the summary."""
    return tuple(Button(title=title, payload=payloads.edit(name)) for name, title in EDITABLE.items())


def file_buttons(run: Run) -> tuple[Button, ...]:
    """A picture that was sent earlier can be used."""
    pictures = [one for one in run.state.files if str(one.get("mime", "")).startswith("image/")]
    if not pictures:
        return ()
    return (
        Button(title="就用刚才发的那张", payload=payloads.answer("id_photo", pictures[-1]["document_id"])),
    )


def submit(run: Run) -> None:
    """Open the case, exactly once per application, and tell receipt and what happens next."""
    frame, state, slots = run.top, run.state, run.state.slots
    number = frame.data.get("number") if frame is not None else None
    if not isinstance(number, int) or state.authorisation is None:
        raise RuntimeError("an application without number or authorisation came to be submitted")
    receipt = receipt_number(run.conversation_id, number, run.today)
    schemes = (
        [str(one) for one in listed] if isinstance(listed := slots.get("apply_schemes"), list) else [UNSURE]
    )
    deadlines = _deadlines(run, schemes)
    name = slots.get("applicant_name")
    identity = read_id_number(str(slots.get("applicant_id_number")), today=run.today)
    account = slots.get("bank_account")
    by, representative = _representative(state)
    draft = CaseDraft(
        receipt=receipt,
        idempotency_key=idempotency_key(run.conversation_id, number),
        pack=run.knowledge.pack,
        pack_version=run.knowledge.version,
        schemes=tuple(schemes),
        applicant={
            "name": name,
            "id_number": identity.number,
            "sex": identity.sex,
            "birth_date": identity.birth_date.isoformat(),
            "local_hukou": _flag(state.facts.get("local_hukou")),
        },
        household=tuple(members(slots)),
        contact={
            "phone": slots.get("phone"),
            "address": slots.get("address"),
            "other_name": by.get("name"),
        },
        representative=representative,
        household_number=state.household,
        bank_account={"holder": name, "bank": None, "number": account} if account else None,
        authorisation=dict(state.authorisation),
        documents=tuple(_documents(run)),
        assessment=state.assessment,
        deadlines=tuple(deadlines),
        submitted_on=run.today,
    )
    run.effects.append(OpenCase(draft=draft))
    state.case_id = receipt
    state.cases.append(
        CaseNote(
            application=number,
            receipt=receipt,
            submitted_on=run.today,
            schemes=schemes,
            updated_at=run.now,
            household=state.household,
        )
    )
    state.files = []
    state.consent = None
    state.authorisation = None
    run.say(
        Say(
            text=f"交上去了。您的受理编号是：\n{receipt}\n请记下来。打电话问进度，报这个编号就行；在这里说“查进度”也可以。"
        )
    )
    if representative is not None:
        run.say(Say(text=f"这份是您替{state.who}办的，办事处上门时会请{_signs(state, by)}再确认、签字。"))
    run.say(Say(text=_next_steps(run, deadlines)))


def _representative(
    state: DialogueState,
) -> tuple[dict[str, JsonValue], dict[str, JsonValue] | None]:
    """(who said so, the representative of the case): empty and None where the applicant applies in person."""
    consent = state.consent or {}
    by = consent.get("by")
    if not isinstance(by, dict):
        return {}, None
    return by, {
        "name": by.get("name"),
        "role": by.get("role"),
        "consent_how": by.get("how"),
        "guardian_kind": by.get("guardian_kind"),
        "text_version": consent.get("text_version"),
        "text_sha256": consent.get("text_sha256"),
        "stated_at": consent.get("at"),
    }


def _signs(state: DialogueState, by: dict[str, JsonValue]) -> str:
    return "监护人" if by.get("how") == GUARDIAN else f"{state.who}本人"


def _flag(value: JsonValue) -> bool | None:
    return value if isinstance(value, bool) else None


def _documents(run: Run) -> list[dict[str, JsonValue]]:
    photo = run.state.slots.get("id_photo")
    found: list[dict[str, JsonValue]] = []
    if isinstance(photo, dict):
        found.append(_document(photo, "id_card_front"))
    taken = {one["id"] for one in found}
    found += [_document(one, "other") for one in run.state.files if one.get("document_id") not in taken]
    return found


def _document(file: dict[str, JsonValue], kind: str) -> dict[str, JsonValue]:
    return {
        "id": file.get("document_id"),
        "kind": kind,
        "sha256": file.get("sha256"),
        "mime": file.get("mime"),
        "size": file.get("size"),
        "filename": file.get("filename") or None,
        "how_verified": "file_check",
        "received_at": file.get("received_at"),
    }


def _deadlines(run: Run, schemes: list[str]) -> list[dict[str, JsonValue]]:
    """Each step's last day. A limit counts from the last day of the step before, or of the one it names.

    A limit for the whole, counted from the application, also bounds the steps before it: both have to be kept.
    """
    start = Workday(run.today, provisional=False)
    days = {SUBMISSION: start}
    steps = list(run.knowledge.workflow([one for one in schemes if one != UNSURE]))
    dues: list[Workday | None] = []
    for step in steps:
        begin = days.get(step.after, start) if step.after is not None else start
        due = _due(run, step, begin)
        dues.append(due)
        if step.after != SUBMISSION:
            start = due or begin
        days[step.id] = due or begin
    for place, step in enumerate(steps):
        whole = dues[place]
        if step.after == SUBMISSION and whole is not None:
            dues[:place] = [whole if due is not None and due.day > whole.day else due for due in dues[:place]]
    return [
        {
            "step": step.id,
            "title": step.title,
            "owner": step.owner,
            "workdays": step.workdays,
            "calendar_days": step.calendar_days,
            "due_on": due.day.isoformat() if due is not None else None,
            "provisional": due.provisional if due is not None else False,
            "notice": step.notice,
            "document": step.document,
            "clause": step.clause,
        }
        for step, due in zip(steps, dues, strict=True)
    ]


def _due(run: Run, step: WorkflowStep, begin: Workday) -> Workday | None:
    if step.workdays is not None:
        found = run.calendar.add_workdays(begin.day, step.workdays)
        return Workday(found.day, begin.provisional or found.provisional)
    if step.calendar_days is not None:
        return Workday(begin.day + timedelta(days=step.calendar_days), begin.provisional)
    return None


def _next_steps(run: Run, deadlines: list[dict[str, JsonValue]]) -> str:
    lines = ["接下来是这样："]
    for place, step in enumerate(deadlines, start=1):
        due = f"，最晚 {chinese_date(date.fromisoformat(str(step['due_on'])))}" if step["due_on"] else ""
        mark = "（暂定）" if step["provisional"] else ""
        lines.append(f"{place}. {step['title']}：{step['owner']}{due}{mark}")
    if any(step["provisional"] for step in deadlines):
        lines.append("“暂定”是因为那年的放假安排还没公布，可能会差几天。")
    lines.append(f"有结果我会在这里告诉您。有事打 {run.knowledge.text('office.phone')}。")
    return "\n".join(lines)


def chinese_date(day: date) -> str:
    """2026年3月5日."""
    return f"{day.year}年{day.month}月{day.day}日"


# The latest applications told of at once.
MOST_CASES = 3
STATUS_WORDS = {"submitted": "已经交上去了，等办事处受理"}


def status(run: Run) -> None:
    """Receipt and last status of the resident's own applications, the newest first."""
    lines = []
    named = households.is_named(run.state)
    for case in reversed(run.state.cases[-MOST_CASES:]):
        when = f"（{chinese_date(case.submitted_on)}交的）" if case.submitted_on is not None else ""
        told = case.text or STATUS_WORDS.get(case.status, case.status)
        whose = households.numbered(run.state, case.household) if named else None
        home = f"（{households.label(whose)}）" if whose is not None else ""
        lines.append(f"{home}编号 {case.receipt}{when}：{told}")
    phone = run.knowledge.text("office.phone")
    lines.append(f"一有新进展，我就在这里告诉您。也可以打 {phone}，报编号问。")
    run.say(Say(text="\n".join(lines), buttons=(Button(title="找工作人员", payload=payloads.word("human")),)))
