"""Operations and the OpenAPI 3.1 document. A route cannot be added without being described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler
from openapi_pydantic import OpenAPI
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel

from bot.api.models import Error

Security = Literal["none", "conversation", "staff", "signature"]

_PARAMETERS = {
    "conversation_id": "Conversation id (UUID)",
    "handoff_id": "Id of a stay in the waiting list (UUID)",
    "file_id": "Id of a stored file (UUID)",
    "outbox_id": "Id of an outbox entry (UUID)",
    "pack": "Name of a policy pack",
    "draft_id": "Id of a draft",
    "mark_id": "Id of a doubt in a draft",
    "key": "Number of a clause in the order of the original",
}
_SECURITY: dict[Security, list[dict[str, list[str]]]] = {
    "none": [],
    "conversation": [{"conversation": []}],
    "staff": [{"staff": []}],
    "signature": [{"signature": []}],
}
_REASONS = {
    101: "Switching to WebSocket",
    200: "OK",
    201: "Created",
    202: "Accepted",
    400: "Malformed",
    401: "Not authorised",
    403: "Not allowed",
    404: "Not found",
    409: "Somebody else was first",
    413: "Too large",
    415: "Unsupported file",
    422: "Cannot be taken",
    429: "Too many; see Retry-After",
    503: "Storage is away; see Retry-After",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `answers`: status -> model, or None for an answer without a JSON body."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    body_required: bool = True
    after: bool = False
    security: Security = "none"
    errors: tuple[int, ...] = ()
    tags: tuple[str, ...] = field(default=())


def mount(app: web.Application, operations: Iterable[Operation]) -> None:
    """Add the operations' routes."""
    for operation in operations:
        app.router.add_route(operation.method, operation.path, operation.handler)


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `operations`."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    described = construct_open_api_with_schema_class(
        OpenAPI.model_validate(
            {
                "openapi": "3.1.1",
                "info": {
                    "title": "救助通 Jiuzhutong",
                    "version": "1",
                    "description": "Residents' web channel, staff, and status events of the back office.",
                },
                "paths": paths,
                "components": {
                    "securitySchemes": {
                        "conversation": {
                            "type": "http",
                            "scheme": "bearer",
                            "description": "The conversation's token. A WebSocket may give it as the subprotocol "
                            "`bearer.<token>` beside `jzt`, or as the query parameter `token`.",
                        },
                        "staff": {
                            "type": "apiKey",
                            "in": "cookie",
                            "name": "jzt_staff",
                            "description": "Set by login. Every POST also needs the header X-CSRF-Token.",
                        },
                        "signature": {
                            "type": "apiKey",
                            "in": "header",
                            "name": "Webhook-Signature",
                            "description": "Standard Webhooks: Webhook-Id, Webhook-Timestamp, Webhook-Signature.",
                        },
                    }
                },
            }
        )
    )
    return described.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _operation(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _operation_id(operation),
        "tags": list(operation.tags) or [_tag(operation.path)],
        "security": _SECURITY[operation.security],
        "responses": {
            str(status): {"description": _REASONS[status], **_content(model)}
            for status, model in {**operation.answers, **dict.fromkeys(operation.errors, Error)}.items()
        },
    }
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.after:
        parameters.append(
            {
                "name": "after",
                "in": "query",
                "description": "Only messages whose seq is greater",
                "schema": {"type": "integer", "minimum": 0, "default": 0},
            }
        )
    if parameters:
        made["parameters"] = parameters
    content: dict[str, Any] = {}
    if operation.body:
        content |= _content(operation.body)["content"]
    if operation.form:
        content["multipart/form-data"] = {"schema": PydanticSchema(schema_class=operation.form)}
    if content:
        made["requestBody"] = {"required": operation.body_required, "content": content}
    return made


def _content(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {}
    return {"content": {"application/json": {"schema": PydanticSchema(schema_class=model)}}}


def _operation_id(operation: Operation) -> str:
    words = re.sub(r"[{}]", "", operation.path).strip("/").replace(".", "_").split("/")
    kept = [word for word in words if word not in ("api", "v1")]
    return "_".join([operation.method.lower(), *kept])


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[2] if len(parts) > 2 and parts[0] == "api" else "service"
