"""Signatures, status events, secrets in files."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from integrations.backoffice import events, signing
from integrations.backoffice.events import BackofficeEvent, EventInvalid, resident_text
from integrations.backoffice.signing import SignatureInvalid
from integrations.secretfile import load_or_make

SECRET = signing.new_secret()
BODY = '{"名":"值"}'.encode()


def signed_at(moment: datetime, body: bytes = BODY) -> dict[str, str]:
    return {
        "Webhook-Id": "m1",
        "Webhook-Timestamp": str(int(moment.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("m1", moment, body.decode()),
    }


def test_a_signed_message_is_known_again() -> None:
    assert signing.verify(SECRET, signing.sign(SECRET, "m1", BODY), BODY) == "m1"


def test_header_names_are_read_in_any_case() -> None:
    headers = {name.upper(): value for name, value in signing.sign(SECRET, "m1", BODY).items()}
    assert signing.verify(SECRET, headers, BODY) == "m1"


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(days=30), -timedelta(minutes=6)])
def test_a_message_outside_the_window_is_refused(age: timedelta) -> None:
    with pytest.raises(SignatureInvalid, match="timestamp too"):
        signing.verify(SECRET, signed_at(datetime.now(UTC) - age), BODY)


def test_a_message_of_another_secret_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify(signing.new_secret(), signing.sign(SECRET, "m1", BODY), BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "m2"},
        {"Webhook-Timestamp": str(int(datetime.now(UTC).timestamp()) + 60)},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": "nan"},
        {"Webhook-Signature": "v1,AAAA"},
        {"Webhook-Signature": "v1,not base64!"},
        {"Webhook-Signature": "garbage"},
        {"Webhook-Signature": "v1,签名"},
        {"Webhook-Signature": ""},
    ],
)
def test_a_changed_header_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify(SECRET, signing.sign(SECRET, "m1", BODY) | change, BODY)


@pytest.mark.parametrize("body", [b"", BODY + b" ", b"\xff\xfe"])
def test_a_changed_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify(SECRET, signing.sign(SECRET, "m1", BODY), body)


def event_body(**changes: Any) -> bytes:
    fields = {
        "schema_version": "1.0",
        "event_id": "event-0001",
        "case_id": "JZ-20261122-7KQ4-M2XH",
        "status": "need_documents",
        "text": "户口簿复印件一份",
        "at": "2026-11-22T10:00:00+08:00",
    }
    return json.dumps(fields | changes, ensure_ascii=False).encode()


def read(body: bytes, message_id: str = "event-0001") -> BackofficeEvent:
    return events.verify(signing.sign(SECRET, message_id, body), body, SECRET)


def test_an_event_is_read_and_told_in_plain_words() -> None:
    event = read(event_body())
    assert (event.case_id, event.status) == ("JZ-20261122-7KQ4-M2XH", "need_documents")
    assert event.at == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert resident_text(event).splitlines() == [
        "需要补材料。您的申请还需要补一点材料。不清楚怎么准备，就发“人工”，工作人员会帮您。",
        "工作人员说：户口簿复印件一份",
    ]


@pytest.mark.parametrize("status", events.load_statuses())
def test_every_status_has_its_words(status: events.StatusId) -> None:
    event = read(event_body(status=status))
    assert events.status_of(status).title in resident_text(event)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"text": " "}, "text"),
        ({"status": "refused", "text": ""}, "text"),
        ({"text": "长" * 501}, "text"),
        ({"at": "yesterday"}, "at"),
        ({"case_id": "a b"}, "case_id"),
        ({"extra": 1}, "(document)"),
        ({"event_id": "event-0002"}, "event_id"),
    ],
)
def test_a_signed_message_that_is_no_event_names_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(EventInvalid) as caught:
        read(event_body(**changes))
    assert list(caught.value.problems) == [field]


@pytest.mark.parametrize("body", [b"{", b"[]", b"null"])
def test_a_signed_message_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(EventInvalid):
        read(body)


def test_an_unsigned_event_is_refused_before_it_is_read() -> None:
    with pytest.raises(SignatureInvalid):
        events.verify({}, b"{", SECRET)


def test_the_event_schema_file_is_what_the_model_says() -> None:
    assert json.loads(events.SCHEMA_PATH.read_text(encoding="utf-8")) == events.schema()


def test_a_status_file_with_an_error_names_file_and_field(tmp_path: Path) -> None:
    path = tmp_path / "statuses.yml"
    text = events.STATUSES_PATH.read_text(encoding="utf-8")
    path.write_text(text.replace("text: required", "text: perhaps", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"statuses\.yml: statuses\.need_documents\.text"):
        events.load_statuses(path)


def test_a_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "var" / "backoffice-secret"
    first = signing.load_secret(path)
    assert signing.load_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["backoffice-secret"]


def test_of_two_processes_starting_at_once_both_use_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def late() -> str:
        path.write_text("the other one's\n", encoding="utf-8")
        return "mine"

    assert load_or_make(path, late) == "the other one's"


@pytest.mark.parametrize("content", ["", "whsec_", "whsec_###", "密码"])
def test_a_damaged_secret_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "backoffice-secret"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"backoffice-secret: .*Cure: delete"):
        signing.load_secret(path)
