"""`jzt cases`, `outbox`, `privacy` and `staff`, called as an operator calls them."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.handoff.accounts import sign_in
from dialogues import households
from dialogues.state import CaseNote, DialogueState
from integrations.crypto import Keyring
from integrations.documents import open_store
from integrations.ports import NotFound, Storage
from integrations.storage import open_storage
from tests.support.clock import Clock
from tests.support.records import CASE, document

T = TypeVar("T")
PHOTO = b"\xff\xd8\xff the bytes of a photo"
FULL = {**CASE, "schemes": [{"id": "dibao", "name": "最低生活保障"}]}


class Office:
    """An installation in a folder, with the commands run in this process."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.env = {"JZT_VAR": str(var), "JZT_KEY": "", "JZT_DATABASE_URL": "", "JZT_LOG_LEVEL": "error"}
        self.keyring = Keyring.load({}, var)
        self.clock = Clock()
        self.files = open_store(var / "files", self.keyring)

    def storage(self, work: Callable[[Storage], Awaitable[T]]) -> T:
        async def within() -> T:
            storage = open_storage(f"sqlite:///{self.var / 'jzt.sqlite3'}", self.keyring, clock=self.clock)
            try:
                await storage.migrate()
                return await work(storage)
            finally:
                await storage.close()

        return asyncio.run(within())

    def run(self, *words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, words, env=self.env, input=typed)

    def json(self, *words: str) -> Any:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    # It would set up logging for the whole test process; `test_json_alone…` runs the real thing.
    monkeypatch.setattr("bot.logging.configure", lambda *_: None)
    made = Office(tmp_path / "var")
    made.storage(lambda storage: storage.ready())
    return made


@pytest.fixture
def resident(office: Office) -> str:
    """A conversation with everything in it; its case was delivered."""

    async def fill(storage: Storage) -> str:
        sha256 = await office.files.put(PHOTO)
        async with storage.begin() as tx:
            made = await tx.conversations.create("telegram", "tg-77", "shifan-xian")
            await tx.messages.accept(made.id, "1", {"text": "我叫赵试\ud83d"})
            await tx.conversations.save_state(made.id, {"slots": {"name": "赵试"}}, expected_version=0)
            await tx.documents.add(document(made.id, "doc-1", sha256))
            await tx.records.consent(made.id, "application", "1", "c" * 64, given=True)
            asked = await tx.handoffs.request(made.id, "要找人", urgent=False)
            await tx.handoffs.take(asked.id, "li")
            await tx.cases.open("JZ-1", made.id, "key-1", FULL, "case.submitted")
            await tx.cases.add_event("JZ-1", "e1", "received", {"text": "收到"}, office.clock.now())
            (entry,) = await tx.outbox.due(office.clock.now())
            await tx.outbox.delivered(entry.id)
            return made.id

    return office.storage(fill)


def _accesses(office: Office, subject: str) -> list[tuple[str, str]]:
    async def read(storage: Storage) -> list[tuple[str, str]]:
        async with storage.read() as tx:
            return [(row["who"], row["what"]) for row in await tx.records.accesses(subject)]

    return office.storage(read)


class TestCases:
    def test_the_list_hides_names(self, office: Office, resident: str) -> None:
        (line,) = office.json("cases", "list", "--json")
        assert line == {
            "id": "JZ-1",
            "conversation_id": resident,
            "status": "received",
            "created_at": "2026-03-05T01:00:00+00:00",
            "updated_at": "2026-03-05T01:00:00+00:00",
            "applicant": "赵*",
            "schemes": ["最低生活保障"],
        }
        shown = office.run("cases", "list").stdout
        assert "赵试" not in shown
        assert "2026年3月5日 09:00" in shown

    def test_a_look_at_one_is_recorded(self, office: Office, resident: str) -> None:
        found = office.json("cases", "show", "JZ-1", "--json")
        assert found["case"] == FULL
        assert found["delivery"] == [{"status": "delivered", "attempts": 0, "last_error": ""}]
        assert [event["status"] for event in found["events"]] == ["received"]
        assert _accesses(office, resident)[0][1] == "view_case"
        assert _accesses(office, resident)[0][0].startswith("cli:")
        shown = office.run("cases", "show", "JZ-1").stdout
        assert "已送达" in shown
        assert "赵试" in shown

    def test_an_unknown_number_is_said_so(self, office: Office) -> None:
        done = office.run("cases", "show", "JZ-9")
        assert done.exit_code == 1
        assert "没有找到" in done.output
        assert "JZ-9" in done.output
        assert done.stdout == ""

    def test_export_is_an_array_or_lines_and_leaves_out_the_erased(
        self, office: Office, resident: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def more(storage: Storage) -> None:
            async with storage.begin() as tx:
                other = await tx.conversations.create("web", "other", "shifan-xian")
                gone = await tx.conversations.create("web", "gone", "shifan-xian")
                # All of one instant: a page may end amid them.
                for number in range(5):
                    await tx.cases.open(
                        f"JZ-2{number}", other.id, f"k{number}", {"number": number}, "case.submitted"
                    )
                await tx.cases.open("JZ-3", gone.id, "k-gone", FULL, "case.submitted")
                await tx.conversations.erase(gone.id)

        office.clock.advance(minutes=1)
        office.storage(more)
        monkeypatch.setattr("bot.commands.cases._PAGE", 2)
        exported = office.json("cases", "export", "--json")
        assert sorted(case["number"] for case in exported if "number" in case) == [0, 1, 2, 3, 4]
        assert exported[-1] == FULL
        assert len(exported) == 6
        lines = office.run("cases", "export").stdout.splitlines()
        assert [json.loads(line) for line in lines] == exported
        assert [what for _, what in _accesses(office, resident)][:2] == ["export_case", "export_case"]

    def test_nothing_yet_is_no_error(self, office: Office) -> None:
        assert office.json("cases", "list", "--json") == []
        assert office.json("cases", "export", "--json") == []
        assert "还没有申请" in office.run("cases", "list").stdout


class TestOutbox:
    @pytest.fixture
    def parked(self, office: Office) -> str:
        async def park(storage: Storage) -> str:
            async with storage.begin() as tx:
                made = await tx.conversations.create("web", "a", "shifan-xian")
                await tx.cases.open("JZ-1", made.id, "key-1", FULL, "case.submitted")
                (entry,) = await tx.outbox.due(office.clock.now())
                await tx.outbox.park(entry.id, "HTTP 422: applicant.phone")
                return entry.id

        return office.storage(park)

    def test_parked_ones_are_listed_without_their_content(self, office: Office, parked: str) -> None:
        assert office.json("outbox", "list", "--json") == {
            "counts": {"pending": 0, "delivered": 0, "parked": 1},
            "parked": [
                {
                    "id": parked,
                    "case_id": "JZ-1",
                    "topic": "case.submitted",
                    "attempts": 1,
                    "last_error": "HTTP 422: applicant.phone",
                    "created_at": "2026-03-05T01:00:00+00:00",
                }
            ],
        }
        shown = office.run("outbox", "list").stdout
        assert "停放 1 件" in shown
        assert "赵" not in shown

    @pytest.mark.parametrize("which", ["one", "all"])
    def test_retry(self, office: Office, parked: str, which: str) -> None:
        done = office.run("outbox", "retry", parked if which == "one" else "--all")
        assert done.exit_code == 0
        assert "1 件" in done.stdout
        assert office.json("outbox", "list", "--json")["counts"] == {
            "pending": 1,
            "delivered": 0,
            "parked": 0,
        }
        again = office.run("outbox", "retry", parked)
        assert again.exit_code == 1
        assert "没有停放" in again.output

    def test_one_or_all_must_be_said(self, office: Office) -> None:
        assert office.run("outbox", "retry").exit_code == 2
        assert office.run("outbox", "retry", "x", "--all").exit_code == 2


@pytest.fixture
def two_families(office: Office) -> str:
    """One conversation in which a cadre spoke for 王大娘 (household 1, applied) and 李大爷 (2, spoken of now)."""
    state = DialogueState(who="王大娘", facts={"savings": 5001}, case_id="JZ-W")
    state.files = [{"document_id": "doc-w"}]
    state.cases = [CaseNote(application=1, receipt="JZ-W", household=1)]
    households.begin(state, "李大爷", "cadre")
    state.facts = {"savings": 8002}

    async def fill(storage: Storage) -> str:
        sha256 = await office.files.put(PHOTO)
        async with storage.begin() as tx:
            made = await tx.conversations.create("web", "cadre", "shifan-xian")
            for text, household in (("王大娘家有多少存款？", 1), ("李大爷家有多少存款？", 2)):
                await tx.messages.say(made.id, "bot", {"text": text, "household": household})
                await tx.messages.accept(made.id, text, {"text": f"答{household}"})
                await tx.messages.say(made.id, "bot", {"text": "记下了", "household": household})
            await tx.conversations.save_state(made.id, state.model_dump(mode="json"), expected_version=0)
            await tx.documents.add(document(made.id, "doc-w", sha256))
            for household, given_by in ((1, "cadre:phone"), (2, "cadre:present")):
                await tx.records.consent(
                    made.id, "apply", "1", "c" * 64, given=True, household=household, given_by=given_by
                )
            await tx.cases.open("JZ-W", made.id, "key-w", FULL, "case.submitted")
            return made.id

    return office.storage(fill)


class TestPrivacyOfOneHousehold:
    def test_export_holds_that_household_and_nothing_of_the_others(
        self, office: Office, two_families: str
    ) -> None:
        whole = office.json("privacy", "export", two_families, "--household", "2")
        written = json.dumps(whole, ensure_ascii=False)
        assert whole["conversation"]["state"]["facts"] == {"savings": 8002}
        assert [row["given_by"] for row in whole["consents"]] == ["cadre:present"]
        assert [row["body"]["text"] for row in whole["messages"]] == ["李大爷家有多少存款？", "答2", "记下了"]
        assert (whole["cases"], whole["documents"]) == ([], [])
        assert "王大娘" not in written
        assert "5001" not in written
        assert office.run("privacy", "export", two_families, "--household", "3").exit_code == 1

    def test_erase_takes_that_household_and_leaves_the_others(
        self, office: Office, two_families: str
    ) -> None:
        done = office.json("privacy", "erase", two_families, "--household", "1", "--yes", "--json")
        assert done["files"] == 1
        assert done["at_backoffice"] == []
        whole = office.json("privacy", "export", two_families)
        state = DialogueState.model_validate(whole["conversation"]["state"])
        assert (state.who, state.facts, state.households, state.cases) == (
            "李大爷",
            {"savings": 8002},
            [],
            [],
        )
        assert [row["household"] for row in whole["consents"]] == [2]
        assert "王大娘" not in json.dumps(whole, ensure_ascii=False)
        assert "已按居民要求删除" in office.run("cases", "show", "JZ-W").stdout
        assert "erase" in [what for _, what in _accesses(office, two_families)]


class TestPrivacy:
    @pytest.mark.parametrize("named", ["conversation", "receipt"])
    def test_export_holds_everything_and_is_recorded(self, office: Office, resident: str, named: str) -> None:
        whole = office.json("privacy", "export", resident if named == "conversation" else "JZ-1")
        assert whole["conversation"]["address"] == "tg-77"
        assert whole["conversation"]["state"] == {"slots": {"name": "赵试"}}
        assert [message["body"] for message in whole["messages"]] == [{"text": "我叫赵试\ud83d"}]
        assert whole["documents"][0]["filename"] == "身份证正面.jpg"
        assert whole["cases"][0]["payload"] == FULL
        assert whole["cases"][0]["events"][0]["body"] == {"text": "收到"}
        assert whole["consents"][0]["purpose"] == "application"
        assert whole["handoffs"][0]["reason"] == "要找人"
        assert [access["what"] for access in whole["accesses"]] == ["take"]
        assert "token_hash" not in whole["conversation"]
        assert _accesses(office, resident)[0][1] == "export"

    def test_long_conversations_are_whole(
        self, office: Office, resident: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.storage.privacy._PAGE", 2)

        async def talk(storage: Storage) -> None:
            async with storage.begin() as tx:
                for _ in range(5):
                    await tx.messages.say(resident, "bot", {"text": "好"})

        office.storage(talk)
        whole = office.json("privacy", "export", resident)
        assert [message["seq"] for message in whole["messages"]] == [1, 2, 3, 4, 5, 6]

    def test_into_files_only_the_caller_can_read(self, office: Office, resident: str, tmp_path: Path) -> None:
        out, files = tmp_path / "给本人" / "全部.json", tmp_path / "给本人" / "照片"
        out.parent.mkdir()
        out.write_text("an older one, open to all")
        out.chmod(0o644)
        done = office.run("privacy", "export", resident, "--out", str(out), "--files", str(files))
        assert done.exit_code == 0, done.output
        assert done.stdout == ""
        whole = json.loads(out.read_text(encoding="utf-8"))
        photo = files / whole["documents"][0]["saved_as"]
        assert photo.read_bytes() == PHOTO
        assert {stat.S_IMODE(file.stat().st_mode) for file in (out, photo)} == {0o600}

    def test_erase_asks_first(self, office: Office, resident: str) -> None:
        done = office.run("privacy", "erase", resident, typed="n\n")
        assert done.exit_code == 1
        assert "不能恢复" in done.output
        assert office.run("privacy", "export", resident).exit_code == 0

    def test_erase_takes_records_and_files(self, office: Office, resident: str) -> None:
        done = office.json("privacy", "erase", resident, "--yes", "--json")
        assert done["rows"] > 5
        assert done["files"] == 1
        assert done["at_backoffice"] == ["JZ-1"]
        again = office.run("privacy", "erase", resident, "--yes")
        assert again.exit_code == 1
        assert "已经删除" in again.output
        assert office.run("privacy", "export", resident).exit_code == 1
        assert _accesses(office, resident)[0][1] == "erase"
        assert [file for file in (office.var / "files").rglob("*") if file.is_file()] == []
        assert "已按居民要求删除" in office.run("cases", "show", "JZ-1").stdout

    def test_a_file_somebody_else_sent_too_is_kept(self, office: Office, resident: str) -> None:
        async def same_photo(storage: Storage) -> str:
            sha256 = await office.files.put(PHOTO)
            async with storage.begin() as tx:
                other = await tx.conversations.create("web", "other", "shifan-xian")
                await tx.documents.add(document(other.id, "doc-2", sha256))
            return sha256

        sha256 = office.storage(same_photo)
        assert office.json("privacy", "erase", resident, "--yes", "--json")["files"] == 0
        assert asyncio.run(office.files.get(sha256)) == PHOTO

    def test_an_application_that_never_left_is_not_said_to_be_elsewhere(self, office: Office) -> None:
        async def submit(storage: Storage) -> str:
            async with storage.begin() as tx:
                made = await tx.conversations.create("web", "a", "shifan-xian")
                await tx.cases.open("JZ-5", made.id, "key-5", FULL, "case.submitted")
                return made.id

        assert (
            office.json("privacy", "erase", office.storage(submit), "--yes", "--json")["at_backoffice"] == []
        )


class TestStaff:
    def _signs_in(self, office: Office, name: str, password: str) -> bool:
        async def work(storage: Storage) -> bool:
            return await sign_in(storage, name, password) is not None

        return office.storage(work)

    def test_add_change_stop_and_start_again(self, office: Office) -> None:
        done = office.run(
            "staff", "add", "li", "--display-name", "李工", "--password-stdin", typed="first password\n"
        )
        assert done.exit_code == 0, done.output
        assert office.json("staff", "list", "--json") == [
            {"name": "li", "display_name": "李工", "role": "worker", "active": True}
        ]
        assert "李工" in office.run("staff", "list").stdout
        assert self._signs_in(office, "li", "first password")
        assert (
            office.run("staff", "set-password", "li", "--password-stdin", typed="second password\n").exit_code
            == 0
        )
        assert not self._signs_in(office, "li", "first password")
        assert self._signs_in(office, "li", "second password")
        assert office.run("staff", "deactivate", "li").exit_code == 0
        assert not self._signs_in(office, "li", "second password")
        assert office.run("staff", "activate", "li").exit_code == 0
        assert self._signs_in(office, "li", "second password")
        assert [what for _, what in _accesses(office, "li")] == [
            "staff_activate", "staff_deactivate", "staff_set_password", "staff_add",
        ]  # fmt: skip

    def test_a_typed_password_is_asked_twice_and_not_shown(self, office: Office) -> None:
        done = office.run(
            "staff", "add", "li", typed="long enough 1\nlong enough 2\nlong enough\nlong enough\n"
        )
        assert done.exit_code == 0
        assert "long enough" not in done.output
        assert self._signs_in(office, "li", "long enough")

    @pytest.mark.parametrize(
        ("words", "typed", "told"),
        [
            (("add", "li", "--password-stdin"), "short\n", "密码太短"),
            (("add", "a b", "--password-stdin"), "long enough\n", "不要空格"),
            (("add", "", "--password-stdin"), "long enough\n", "不要空格"),
            (("set-password", "nobody", "--password-stdin"), "long enough\n", "没有找到"),
            (("deactivate", "nobody"), None, "没有找到"),
        ],
    )
    def test_mistakes_are_said_plainly(
        self, office: Office, words: tuple[str, ...], typed: str | None, told: str
    ) -> None:
        done = office.run("staff", *words, typed=typed)
        assert done.exit_code != 0
        assert told in done.output
        assert office.json("staff", "list", "--json") == []

    def test_the_same_name_twice(self, office: Office) -> None:
        for expected in (0, 1):
            done = office.run("staff", "add", "li", "--password-stdin", typed="long enough\n")
            assert done.exit_code == expected
        assert "set-password" in done.output

    def test_the_last_administrator_stays(self, office: Office) -> None:
        office.run("staff", "add", "chief", "--role", "admin", "--password-stdin", typed="long enough\n")
        done = office.run("staff", "deactivate", "chief")
        assert done.exit_code == 1
        assert "唯一" in done.output
        office.run("staff", "add", "second", "--role", "admin", "--password-stdin", typed="long enough\n")
        assert office.run("staff", "deactivate", "chief").exit_code == 0

    def test_who_leaves_leaves_nobody_waiting(self, office: Office, resident: str) -> None:
        office.run("staff", "add", "li", "--password-stdin", typed="long enough\n")
        done = office.run("staff", "deactivate", "li")
        assert "1 段对话" in done.stdout

        async def look(storage: Storage) -> tuple[str, int]:
            async with storage.read() as tx:
                row = await tx.conversations.get(resident)
                assert row is not None
                return row.mode, len(await tx.handoffs.waiting())

        assert office.storage(look) == ("waiting", 1)


class TestOperatorErrors:
    def test_a_wrong_key_is_named_with_the_cure(self, office: Office, resident: str) -> None:
        office.env["JZT_KEY"] = Keyring.generate()
        done = office.run("cases", "list", "--json")
        assert done.exit_code == 1
        assert "original key" in done.output
        assert done.stdout == ""

    def test_a_lost_key_is_not_replaced(self, office: Office, resident: str) -> None:
        (office.var / "key").unlink()
        done = office.run("cases", "list")
        assert done.exit_code == 1
        assert "Put the original key file back" in done.output
        assert not (office.var / "key").exists()

    def test_a_wrong_database_url_is_named(self, office: Office) -> None:
        office.env["JZT_DATABASE_URL"] = "mysql://x"
        done = office.run("staff", "list")
        assert done.exit_code == 1
        assert "JZT_DATABASE_URL" in done.output


def test_json_alone_is_on_stdout_and_logs_on_stderr(tmp_path: Path) -> None:
    """The real program, in its own process, at its very first start: it makes a key and a database, and says so."""
    env = {"PATH": os.environ["PATH"], "JZT_VAR": str(tmp_path / "var"), "LANG": "C.UTF-8"}
    program = "from bot.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "cases", "list", "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    assert "new encryption key made" in done.stderr
    assert "Traceback" not in done.stderr


def test_erasing_through_the_port_needs_a_conversation(office: Office) -> None:
    from integrations.storage.privacy import erase_conversation

    async def work(storage: Storage) -> None:
        with pytest.raises(NotFound):
            await erase_conversation(storage, office.files, "nobody", who="test")

    office.storage(work)


def test_times_are_shown_as_in_shanghai() -> None:
    from bot.commands._records import masked_name, on_screen

    assert on_screen(datetime(2025, 12, 31, 16, 5, tzinfo=UTC)) == "2026年1月1日 00:05"
    assert [masked_name(name) for name in ("赵试", "欧阳试试", "甲", "", None)] == [
        "赵*",
        "欧***",
        "甲",
        "",
        "",
    ]
