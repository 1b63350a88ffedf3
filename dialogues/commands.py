"""Commands: the only language in which understanding speaks to the dialogue."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

# Key of StartFlow.slots that is no slot: what the flow is to be about (a scheme id, a place in a list).
ABOUT = "about"


# What the speaker is to the people whose household it is.
Role = Literal["family", "neighbour", "cadre", "volunteer", "guardian"]

# Number on a button that was made while the conversation knew one household only; also on standing menus.
UNNUMBERED = 0


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    household: int | None = Field(
        default=None,
        description="number of the household its button belonged to; None: what was said in words",
    )


class StartFlow(_Command):
    """Begin a flow (id of a file in dialogues/flows), optionally with slots already heard in the same message."""

    kind: Literal["start_flow"] = "start_flow"
    flow: str
    slots: dict[str, JsonValue] = Field(default_factory=dict)


class SetSlot(_Command):
    """An answer. `name` is the slot just asked unless the resident volunteered another; `raw` is what was said."""

    kind: Literal["set_slot"] = "set_slot"
    name: str
    value: JsonValue
    raw: str = ""


class CorrectSlot(_Command):
    """An earlier answer is taken back ("不对，是三口人"). `name` None: the engine resolves it by the value's type."""

    kind: Literal["correct_slot"] = "correct_slot"
    name: str | None = None
    value: JsonValue = None
    raw: str = ""


class CancelFlow(_Command):
    """The resident wants to stop the flow on top; its draft is kept."""

    kind: Literal["cancel_flow"] = "cancel_flow"


class ResumeFlow(_Command):
    """“继续”: take up what was interrupted, paused or cancelled with a draft."""

    kind: Literal["resume_flow"] = "resume_flow"
    flow: str | None = None


class SkipQuestion(_Command):
    """The resident does not want to, or cannot, answer this question."""

    kind: Literal["skip_question"] = "skip_question"
    reason: Literal["skip", "dont_know"] = "skip"


class Repeat(_Command):
    """Say the last messages again; `simpler` asks for plainer words."""

    kind: Literal["repeat"] = "repeat"
    simpler: bool = False


class AskWhy(_Command):
    """“为什么问这个”, or “存款那一条有什么用” (`name`: the fact meant)."""

    kind: Literal["ask_why"] = "ask_why"
    name: str | None = None


class WhatIf(_Command):
    """“如果我存款是三万呢”: what would change. `facts`: other answers; `more`: yuan added to a sum told before."""

    kind: Literal["what_if"] = "what_if"
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    more: dict[str, float] = Field(default_factory=dict)


class AdoptWhatIf(_Command):
    """“就按这个改”: the answers of the last what-if are taken for the true ones."""

    kind: Literal["adopt_what_if"] = "adopt_what_if"


class FinishInterview(_Command):
    """“先到这里，看结果”: the result with what is known so far."""

    kind: Literal["finish_interview"] = "finish_interview"


class HumanHandoff(_Command):
    """“人工”."""

    kind: Literal["human_handoff"] = "human_handoff"


class AskPolicy(_Command):
    """A policy question, in the resident's own words, for retrieval."""

    kind: Literal["ask_policy"] = "ask_policy"
    question: str
    scheme: str | None = Field(
        default=None, description="the one scheme named in it, for questions that follow"
    )


class ChitChat(_Command):
    """Greeting, thanks, bot challenge, abuse …: `topic` names a response group in the pattern files."""

    kind: Literal["chitchat"] = "chitchat"
    topic: str


class Clarify(_Command):
    """Two or three readings are close; at most three options are shown. Options are flow ids or pattern options."""

    kind: Literal["clarify"] = "clarify"
    options: tuple[str, ...] = Field(min_length=1)


class CannotHandle(_Command):
    """Understanding failed, with its reason. `invalid_answer`: the asked slot's value could not be read."""

    kind: Literal["cannot_handle"] = "cannot_handle"
    reason: Literal[
        "not_understood", "invalid_answer", "empty", "too_long", "unsupported_file", "no_text"
    ] = "not_understood"
    raw: str = ""


class UrgentDanger(_Command):
    """Suicide, violence, a child alone, no food: goes to the top of the waiting list at once."""

    kind: Literal["urgent_danger"] = "urgent_danger"
    danger: Literal["suicide", "violence", "child_alone", "no_food", "medical", "other"]


class AttachFile(_Command):
    """A file that was checked and stored; the flow decides which document it is. Never carries the bytes."""

    kind: Literal["attach_file"] = "attach_file"
    document_id: str
    sha256: str
    mime: str
    size: int = Field(description="bytes")
    filename: str = ""


class SessionStart(_Command):
    """First contact, or contact after a long pause (see the session pattern)."""

    kind: Literal["session_start"] = "session_start"


class HandedBack(_Command):
    """Staff closed the handoff: the conversation is the bot's again."""

    kind: Literal["handed_back"] = "handed_back"


class CaseUpdate(_Command):
    """A status event of the resident's own case came back from the back office."""

    kind: Literal["case_update"] = "case_update"
    receipt: str
    status: str
    text: str


class SpeakFor(_Command):
    """Whose household is spoken of from here on: another's, one spoken of before, or the speaker's own again.

    With none of `who`, `own` and `number`, it is asked whose; `new` asks even where others could be meant.
    """

    kind: Literal["speak_for"] = "speak_for"
    who: str | None = Field(default=None, description="as the speaker calls them: 王大娘, 您妈妈")
    role: Role | None = None
    own: bool = False
    new: bool = False
    number: int | None = None
    then: str | None = Field(default=None, description="flow to begin for them")
    slots: dict[str, JsonValue] = Field(default_factory=dict, description="told along with it, for that flow")


Command = Annotated[
    StartFlow
    | SpeakFor
    | SetSlot
    | CorrectSlot
    | CancelFlow
    | ResumeFlow
    | SkipQuestion
    | Repeat
    | AskWhy
    | WhatIf
    | AdoptWhatIf
    | FinishInterview
    | HumanHandoff
    | AskPolicy
    | ChitChat
    | Clarify
    | CannotHandle
    | UrgentDanger
    | AttachFile
    | SessionStart
    | HandedBack
    | CaseUpdate,
    Field(discriminator="kind"),
]
