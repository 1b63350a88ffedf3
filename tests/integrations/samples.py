"""Made-up applications. Nobody has these numbers: 990101 is no area, the check digits are right."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from integrations.backoffice.case import CaseInput

SHA = "5f" * 32


def id_number(birth: str, serial: str) -> str:
    """An identity number of the area 990101 with its check digit (GB 11643)."""
    head = "990101" + birth + serial
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(head, weights, strict=True))
    return head + "10X98765432"[total % 11]


def case_fields(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Fields of a full application."""
    at = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    fields: dict[str, Any] = {
        "receipt": f"SFX-20261122-{number:04d}",
        "idempotency_key": f"conversation-1:{number}",
        "pack": "shifan-xian",
        "pack_version": "3f2a9c",
        "submitted_on": date(2026, 11, 22),
        "submitted_at": at,
        "conversation": {"id": "4b1c7d1e-0000-4000-8000-000000000001", "channel": "web"},
        "applicant": {
            "name": "王桂兰",
            "id_number": id_number("19560305", "002"),
            "sex": "female",
            "birth_date": date(1956, 3, 5),
            "hukou_address": "示范县青石镇柳河村三组",
            "local_hukou": True,
        },
        "household": [
            {
                "name": "王小宝",
                "relation": "grandchild",
                "id_number": id_number("20140917", "001"),
                "sex": "male",
                "birth_date": date(2014, 9, 17),
                "age": 12,
                "student": True,
                "can_work": False,
                "income_month": 0,
            },
            {"name": "王强", "relation": "child", "disability_kind": "physical", "disability_level": 2},
        ],
        "contact": {"phone": "000-12345678", "address": "示范县青石镇柳河村三组 8 号"},
        "bank_account": {"holder": "王桂兰", "bank": "示范县农商银行", "number": "990100001234567890"},
        "schemes": [
            {"id": "dibao", "name": "最低生活保障"},
            {"id": "linshi_jinan", "name": "急难型临时救助"},
        ],
        "consents": [{"purpose": "application", "text_version": "1", "text_sha256": SHA, "given_at": at}],
        "authorisation": {
            "title": "家庭经济状况核对授权书",
            "text_version": "1",
            "text_sha256": SHA,
            "confirmed_by": "button",
            "confirmed_at": at,
            "signer": "王桂兰",
        },
        "assessment": {
            "pack": "shifan-xian",
            "pack_version": "3f2a9c",
            "assessed_on": date(2026, 11, 22),
            "facts": {"area": "rural", "savings": 2000, "household": [{"relation": "self", "age": 70}]},
            "results": [
                {
                    "scheme": "dibao",
                    "outcome": "likely",
                    "amount_month": 540.0,
                    "reasons": [
                        {
                            "text": "人均收入低于每月 540 元",
                            "clause": "三(一)",
                            "document": "镇社会救助综合改革试点实施方案",
                        }
                    ],
                    "next": "可以提出申请,由镇里审核。",
                }
            ],
        },
        "documents": [
            {
                "id": "doc-1",
                "kind": "id_card_front",
                "sha256": SHA,
                "mime": "image/jpeg",
                "size": 204800,
                "filename": "身份证.jpg",
                "how_verified": "file_check",
                "received_at": at,
            }
        ],
        "deadlines": [
            {
                "step": "check",
                "title": "经济状况核对",
                "owner": "县民政局",
                "workdays": 5,
                "due_on": date(2026, 11, 27),
                "document": "县社会救助审核确认权下放乡镇工作方案",
                "clause": "三(一)",
            },
            {
                "step": "decide",
                "title": "审核确认",
                "owner": "青石镇人民政府",
                "workdays": 30,
                "due_on": date(2027, 1, 4),
                "provisional": True,
                "notice": "批准、不批准都会书面告诉申请人",
                "document": "县社会救助审核确认权下放乡镇工作方案",
                "clause": "四(二)",
            },
        ],
    }
    return fields | changes


def case_input(number: int = 1, **changes: Any) -> CaseInput:
    return CaseInput.model_validate(case_fields(number, **changes))
