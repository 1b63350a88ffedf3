"""The policy console: a question with its reasons, drafts judged by administrators, and a changed pack at work."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from yarl import URL

import bot.web
from bot.app import Service, open_packs, open_service
from bot.packs import Packs
from bot.settings import Settings
from nlu.rules import RuleUnderstanding
from policies_kb.ingest.run import Ingest
from policies_kb.loader import PACKS_DIR
from policies_kb.retrieval.weights import weights
from tests.bot.people import StaffMember, add_staff
from tests.support.clock import Clock

Client = TestClient[Any, Any]
POLICY = "/policy"
DRAFTS = "/policy/packs/shifan-qu/drafts"

NOTICE = """示范区取暖补助办法

示范区民政局

一、补助对象
（一）住在本区的低保家庭，冬天没有集中供暖的，可以领取暖补助。
（二）每户每年补助320元。
二、怎么申请
每年2月15日前，到街道窗口申请，带身份证。

本办法自2026年2月1日起施行。
"""


async def told(staff: StaffMember, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a POST that must succeed."""
    response = await staff.post(path, body)
    assert response.status == 200, await response.text()
    found: dict[str, Any] = await response.json()
    return found


async def refused(
    staff: StaffMember, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, str]:
    """Status and code of an answer that is an error."""
    url = URL(f"/api/v1/staff{path}", encoded=True)
    response = await staff.client.request(
        method, url, json=body if method == "POST" else None, headers={"X-CSRF-Token": staff.me["csrf"]}
    )
    return response.status, (await response.json())["error"]["code"]


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a folder of packs of its own, which a test may change."""
    shutil.copytree(PACKS_DIR / "shifan-qu", tmp_path / "packs/shifan-qu")
    # Looked at only when the console says so: the test decides when.
    changes = {"packs_dir": tmp_path / "packs", "pack": "shifan-qu", "pack_check_seconds": 3600}
    return settings.model_copy(update=changes)


@pytest.fixture
def packs(office: Settings) -> Packs:
    return open_packs(office)


@pytest.fixture
async def service(office: Settings, clock: Clock, packs: Packs) -> AsyncIterator[Service]:
    async with open_service(office, RuleUnderstanding(), clock=clock, packs=packs) as opened:
        yield opened


@pytest.fixture
async def admin(service: Service, client: Client) -> StaffMember:
    await add_staff(service.storage, "zhao", "赵主任", role="admin")
    return await StaffMember.signs_in(client, "zhao")


@pytest.fixture
def draft(office: Settings, tmp_path: Path, clock: Clock) -> str:
    """The notice, ingested; the draft's id."""
    file = tmp_path / "取暖.txt"
    file.write_text(NOTICE, encoding="utf-8")
    made = Ingest("shifan-qu", office.packs_dir).file(file, now=clock())
    return made.drafts[0].id


async def test_nothing_without_signing_in(client: Client) -> None:
    for path in (POLICY, DRAFTS, f"{DRAFTS}/x"):
        assert (await client.get(f"/api/v1/staff{path}")).status == 401
    assert (await client.post(f"/api/v1/staff{POLICY}/explain", json={})).status == 401


async def test_a_question_is_answered_with_its_reasons(staff: StaffMember) -> None:
    found = await told(staff, f"{POLICY}/explain", {"pack": "shifan-qu", "question": "低保標準一個月多少錢"})
    assert found["cleaned"] == "低保标准一个月多少钱"
    assert "850" in found["answer"]["answer"]
    part = found["parts"][0]
    assert part["schemes"] == ["dibao"]
    best = part["clauses"][0]
    assert (best["document_id"], best["clause"]) == ("biaozhun-shili", "1")
    assert best["score"] == pytest.approx(sum(one["value"] for one in best["parts"]), abs=0.01)
    assert part["confidence"] >= part["threshold"]


async def test_a_refusal_gives_its_reason_too(staff: StaffMember) -> None:
    found = await told(staff, f"{POLICY}/explain", {"pack": "shifan-qu", "question": "上海低保多少钱"})
    assert found["answer"]["answered"] is False
    assert found["parts"][0]["outcome"] == "other_place"
    assert found["parts"][0]["named"] == "上海"


async def test_the_page_begins_with_the_packs_and_what_one_may_do(
    staff: StaffMember, admin: StaffMember
) -> None:
    desk = await staff.get(POLICY)
    assert {pack["name"] for pack in desk["packs"]} == {"shifan-qu"}
    assert (desk["pack"], desk["may_decide"]) == ("shifan-qu", False)
    assert (await admin.get(POLICY))["may_decide"] is True


async def test_any_staff_sees_a_draft_but_only_an_administrator_changes_it(
    staff: StaffMember, draft: str
) -> None:
    listed = await staff.get(DRAFTS)
    assert [one["id"] for one in listed["drafts"]] == [draft]
    view = await staff.get(f"{DRAFTS}/{draft}")
    assert "320元" in "".join(clause["original"] for clause in view["clauses"])
    assert view["issued"] is None
    for path, body in (
        ("/front", {"title": "别的"}), ("/accept", {}), ("/reject", {"why": "x"}), ("/clauses/1", {"keep": False}),
        ("/marks/m1", {}), ("/replaces", {}), ("/reopen", {}),
    ):  # fmt: skip
        assert await refused(staff, "POST", f"{DRAFTS}/{draft}{path}", body) == (403, "forbidden")


async def test_an_accepted_draft_answers_at_once_and_says_who_took_it(
    admin: StaffMember, draft: str, office: Settings
) -> None:
    before = await told(admin, f"{POLICY}/explain", {"pack": "shifan-qu", "question": "取暖补助一年补多少钱"})
    assert "320" not in before["answer"]["answer"]
    view = await admin.get(f"{DRAFTS}/{draft}")
    clause = next(one for one in view["clauses"] if "320" in one["original"])
    changes = {"asks": ["取暖补助一年多少钱", "冬天烤火费补多少"], "aspect": "how_much", "schemes": ["dibao"]}
    view = await told(admin, f"{DRAFTS}/{draft}/clauses/{clause['key']}", changes)
    view = await told(
        admin,
        f"{DRAFTS}/{draft}/front",
        {"title": "示范区取暖补助办法", "issuer": "示范区民政局", "issued": "2026-01-20"},
    )
    assert view["issued"] == "2026-01-20"
    for mark in [*view["marks"], *(mark for one in view["clauses"] for mark in one["marks"])]:
        if mark["settled"] is None:
            view = await told(
                admin, f"{DRAFTS}/{draft}/marks/{mark['id']}", {"text": mark["text"] or "示范区民政局"}
            )
    assert view["open_marks"] == 0
    done = await told(admin, f"{DRAFTS}/{draft}/accept", {})
    assert (done["effective_from"], done["refreshed"]) == ("2026-02-01", ["shifan-qu"])
    after = await told(admin, f"{POLICY}/explain", {"pack": "shifan-qu", "question": "取暖补助一年补多少钱"})
    assert "320元" in after["answer"]["answer"]
    assert after["answer"]["citations"][0]["document"] == "示范区取暖补助办法"
    log = (await admin.get(f"{DRAFTS}/{draft}"))["log"]
    assert {entry["by"] for entry in log[1:]} == {"赵主任"}
    assert await refused(admin, "POST", f"{DRAFTS}/{draft}/accept", {}) == (409, "already_decided")
    assert (office.packs_dir or Path()).joinpath("shifan-qu/documents", f"{draft}.md").is_file()


async def test_a_rejected_draft_needs_a_reason_and_can_be_taken_up_again(
    admin: StaffMember, draft: str
) -> None:
    assert (await refused(admin, "POST", f"{DRAFTS}/{draft}/reject", {"why": " "}))[0] == 422
    view = await told(admin, f"{DRAFTS}/{draft}/reject", {"why": "是别的区的文件"})
    assert view["state"] == "rejected"
    assert (await admin.get(DRAFTS))["drafts"] == []
    assert [one["id"] for one in (await admin.get(f"{DRAFTS}?state=rejected"))["drafts"]] == [draft]
    assert (await told(admin, f"{DRAFTS}/{draft}/reopen", {}))["state"] == "open"


@pytest.mark.parametrize("pack", ["..", "%2e%2e%2fshifan-qu", "meiyou", "schemas"])
async def test_only_packs_there_are_become_paths(staff: StaffMember, pack: str) -> None:
    assert (await refused(staff, "GET", f"{POLICY}/packs/{pack}/drafts"))[0] == 404


async def test_a_draft_or_clause_that_is_not_there_is_said_so(admin: StaffMember, draft: str) -> None:
    for path in (
        "meiyou",
        "..%2f..%2fpack",
        f"{draft}/clauses/999",
        f"{draft}/clauses/x",
        f"{draft}/marks/m999",
    ):
        method = "GET" if "/" not in path else "POST"
        assert (await refused(admin, method, f"{DRAFTS}/{path}", {}))[0] == 404


async def test_a_pack_changed_by_hand_goes_to_work_and_a_broken_one_does_not(
    service: Service, office: Settings
) -> None:
    packs, folder = service.packs, (office.packs_dir or Path()) / "shifan-qu"
    assert await packs.refresh() == ()
    path = folder / "documents/biaozhun-shili.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("## 1 低保标准(示例)", "## 1 低保标准改了(示例)"), encoding="utf-8")
    assert await packs.refresh() == ("shifan-qu",)
    good = packs.desk("shifan-qu")
    document = good.knowledge.loaded.document("biaozhun-shili")
    assert document is not None
    assert document.clauses[0].heading == "低保标准改了(示例)"
    path.write_text(text.replace("aspect: how_much", "aspect: nothing"), encoding="utf-8")
    assert await packs.refresh() == ()
    assert packs.desk("shifan-qu") is good
    path.write_text(text, encoding="utf-8")
    assert await packs.refresh() == ("shifan-qu",)


def test_the_page_has_words_for_everything_that_weighs() -> None:
    script = (Path(bot.web.__file__).parent / "assets/reasons.js").read_text(encoding="utf-8")
    parts, evidence = re.findall(r"const (?:PARTS|EVIDENCE) = \{(.*?)\};", script, re.DOTALL)
    for fitted in (weights(by_sense=False), weights(by_sense=True)):
        assert {*fitted.rank} <= {*re.findall(r"(\w+): \"", parts)}
        assert {*fitted.confidence} <= {*re.findall(r"(\w+): \"", evidence)}
