"""From the dialogue's finished application to the case that leaves the house."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dialogues.application import UNSURE, UNSURE_NAME
from dialogues.effects import CaseDraft
from integrations.backoffice.case import CaseInput, build_case
from integrations.ports import ConversationRow, Json


class SubmissionInvalid(Exception):
    """The draft does not make a case. Names the fields and the rules, never a value: it is logged."""


def case_payload(
    draft: CaseDraft,
    *,
    conversation: ConversationRow,
    consents: Sequence[Json],
    scheme_name: Callable[[str], str],
    submitted_at: datetime,
) -> dict[str, Any]:
    """The case as JSON-ready data that validates against case.schema.json.

    `consents`: the conversation's consent records, oldest first; the last word on each purpose counts.

    Raises:
        SubmissionInvalid: a programming or flow error; nothing may be promised to the resident.
    """
    fields = draft.model_dump(mode="json", exclude={"kind", "schemes", "household_number"})
    fields |= {
        "submitted_at": submitted_at,
        "conversation": {"id": conversation.id, "channel": conversation.channel},
        "schemes": [
            {"id": scheme, "name": UNSURE_NAME if scheme == UNSURE else scheme_name(scheme)}
            for scheme in draft.schemes
        ],
        "consents": [
            {
                "purpose": consent["purpose"],
                "text_version": consent["text_version"],
                "text_sha256": consent["text_sha256"],
                "given_at": consent["at"],
            }
            for consent in {
                consent["purpose"]: consent
                for consent in consents
                if consent["household"] == draft.household_number
            }.values()
            if consent["given"]
        ],
    }
    try:
        return build_case(CaseInput.model_validate(fields))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = (f"{'.'.join(map(str, item['loc']))}: {item['type']}" for item in found)
        raise SubmissionInvalid("; ".join(problems)) from None
    except ValueError as error:  # CaseInvalid: its text names fields and rules only
        raise SubmissionInvalid(str(error)) from None
