"""Status events: what the back office sends when something happens to a case.

As with the case, the model is the definition and `event.schema.json` is written from it
(`python -m integrations.backoffice.events`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML

from integrations.backoffice import schemas, signing

SCHEMA_ID = "urn:jiuzhutong:event:1"
SCHEMA_PATH = Path(__file__).with_name("event.schema.json")
STATUSES_PATH = Path(__file__).with_name("statuses.yml")
MAX_BODY = 64 * 1024
MAX_TEXT = 500

StatusId = Literal["accepted", "checking", "visiting", "published", "need_documents", "approved", "refused"]


class BackofficeEvent(BaseModel):
    """办理进度事件。One thing that happened to a case."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    schema_version: Literal["1.0"] = Field(default="1.0", description="格式版本 / version of this format")
    event_id: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="事件编号，重复送达时相同 / the same for every delivery of this event",
    )
    case_id: str = Field(
        pattern=r"^[A-Za-z0-9-]{4,64}$", description="案件编号(受理凭证号) / the case's receipt number"
    )
    status: StatusId = Field(description="状态 / status")
    text: str = Field(
        default="", max_length=MAX_TEXT, description="工作人员写给居民的话 / what staff wrote to the resident"
    )
    at: AwareDatetime = Field(description="发生时间 / when it happened, RFC 3339")


class Status(BaseModel):
    """Wording and rules of one status (an entry of statuses.yml)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    button: str = Field(min_length=1)
    text: Literal["optional", "required"]
    ask: str = ""
    final: bool
    resident: str = Field(min_length=1)


class _StatusFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1]
    statuses: dict[StatusId, Status]

    @model_validator(mode="after")
    def _complete(self) -> _StatusFile:
        missing = set(StatusId.__args__) - set(self.statuses)  # type: ignore[attr-defined]
        if missing:
            raise ValueError(f"missing: {', '.join(sorted(missing))}")
        return self


class EventInvalid(Exception):
    """A signed message that is not a status event. `problems`: field -> what is wrong, safe to send back."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{field}: {what}" for field, what in problems.items()))


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> BackofficeEvent:
    """The event in a signed request.

    A replay inside the time window is the same `event_id` again: storage tells it apart (`cases.add_event`).

    Raises:
        SignatureInvalid: not ours, or too old. Answer 401.
        EventInvalid: ours, but not an event. Answer 422 with `problems`.
    """
    message_id = signing.verify(secret, headers, body)
    try:
        data = json.loads(body)
    except ValueError:
        raise EventInvalid({"(document)": "not JSON"}) from None
    try:
        schemas.check(SCHEMA_PATH, data)
    except schemas.SchemaViolation as error:
        raise EventInvalid(error.problems) from None
    event = BackofficeEvent.model_validate(data)
    if event.event_id != message_id:
        raise EventInvalid({"event_id": "differs from the signed Webhook-Id"})
    if status_of(event.status).text == "required" and not event.text.strip():
        raise EventInvalid({"text": f"required for {event.status}"})
    return event


@cache
def load_statuses(path: Path = STATUSES_PATH) -> Mapping[StatusId, Status]:
    """Every status with its wording.

    Raises:
        ValueError: names the file, the field and what is wrong.
    """
    try:
        return _StatusFile.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8"))).statuses
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ValueError(f"{path}: {'; '.join(faults)}") from None


def status_of(status: StatusId) -> Status:
    """Wording and rules of a status."""
    return load_statuses()[status]


def resident_text(event: BackofficeEvent) -> str:
    """What happened and what it means, in plain Chinese, with what staff wrote on a line of its own.

    Without the receipt number: whoever tells it knows how the resident is spoken to.
    """
    status = status_of(event.status)
    lines = [f"{status.title}。{status.resident}"]
    if event.text.strip():
        lines.append(f"工作人员说：{event.text.strip()}")
    return "\n".join(lines)


def schema() -> dict[str, Any]:
    """The JSON Schema as the model defines it."""
    return schemas.of_model(
        BackofficeEvent,
        schema_id=SCHEMA_ID,
        title="办理进度事件 / Case status event",
        comment="Written by integrations/backoffice/events.py; evolves as case.schema.json does.",
    )


if __name__ == "__main__":
    schemas.write(SCHEMA_PATH, schema())
