"""Built data on disk: whole or not at all, checked, shared between processes, never a reason for a failed answer."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import marisa_trie
import numpy as np
import pytest

from policies_kb.retrieval.store import MANIFEST, Contents, Store

Break = Callable[[Path], object]


def contents(value: int = 1) -> Contents:
    return Contents(
        arrays={"numbers": np.arange(value, value + 5), "none": np.zeros(0, dtype=np.float32)},
        tries={"names": marisa_trie.Trie(["低保", "特困", ""])},
        facts={"schemes": ["dibao"], "total": 7},
    )


class Built:
    """Counts how often something had to be built."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Contents:
        self.times += 1
        return contents()


def only_entry(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.is_dir())


def check(found: Contents) -> None:
    assert found.arrays["numbers"].tolist() == [1, 2, 3, 4, 5]
    assert len(found.arrays["none"]) == 0
    assert "低保" in found.tries["names"]
    assert "五保" not in found.tries["names"]
    assert found.facts == {"schemes": ["dibao"], "total": 7}


def test_an_entry_is_built_once_and_mapped_afterwards(tmp_path: Path) -> None:
    built = Built()
    for _ in range(3):
        check(Store(tmp_path / "cache").get("pack", "index", "v1", built))
    assert built.times == 1
    mapped = Store(tmp_path / "cache").get("pack", "index", "v1", built).arrays["numbers"]
    assert isinstance(mapped.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 9


def test_another_key_is_another_entry(tmp_path: Path) -> None:
    built = Built()
    store = Store(tmp_path)
    for key in ("v1", "v2", "v1"):
        check(store.get("pack", "index", key, built))
    check(store.get("pack", "clauses", "v1", built))
    check(store.get("other", "index", "v1", built))
    assert built.times == 4


def test_what_stands_in_another_folder_is_copied_not_built_again(tmp_path: Path) -> None:
    built = Built()
    Store(tmp_path / "one").get("pack", "index", "v1", built)
    check(Store(tmp_path / "two", like=tmp_path / "one").get("pack", "index", "v1", built))
    check(Store(tmp_path / "two").get("pack", "index", "v1", built))
    assert built.times == 1
    Store(tmp_path / "two", like=tmp_path / "one").get("pack", "index", "v2", built)
    assert built.times == 2


def test_without_a_folder_everything_is_built_in_memory() -> None:
    built = Built()
    check(Store(None).get("pack", "index", "v1", built))
    assert built.times == 1


def spoil_byte(entry: Path) -> None:
    path = entry / "numbers.npy"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))


def foreign_format(entry: Path) -> None:
    manifest = json.loads((entry / MANIFEST).read_text())
    (entry / MANIFEST).write_text(json.dumps({**manifest, "format": 0}))


def foreign_key(entry: Path) -> None:
    manifest = json.loads((entry / MANIFEST).read_text())
    (entry / MANIFEST).write_text(json.dumps({**manifest, "key": "another"}))


def path_elsewhere(entry: Path) -> None:
    manifest = json.loads((entry / MANIFEST).read_text())
    manifest["files"] = {f"../{name}": of for name, of in manifest["files"].items()}
    (entry / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_byte,
        foreign_format,
        foreign_key,
        path_elsewhere,
        lambda entry: (entry / MANIFEST).write_text("{"),
        lambda entry: (entry / MANIFEST).write_text("[]"),
        lambda entry: (entry / MANIFEST).write_bytes(b"\xff\xfe\x00"),
        lambda entry: (entry / MANIFEST).unlink(),
        lambda entry: (entry / "numbers.npy").unlink(),
        lambda entry: (entry / "numbers.npy").write_bytes(b""),
        lambda entry: (entry / "names.marisa").write_bytes(b"not a trie"),
    ],
    ids=[
        "a byte turned", "another format", "another key", "files elsewhere", "half a manifest", "no object", "no text",
        "no manifest", "a file gone", "a file empty", "a file replaced",
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_entry_is_said_and_built_anew(
    tmp_path: Path, spoil: Break, caplog: pytest.LogCaptureFixture
) -> None:
    built = Built()
    store = Store(tmp_path)
    store.get("pack", "index", "v1", built)
    spoil(only_entry(tmp_path))
    with caplog.at_level(logging.WARNING):
        check(store.get("pack", "index", "v1", built))
    assert built.times == 2
    assert "built anew" in caplog.text
    assert len(caplog.records) == 1
    caplog.clear()
    check(store.get("pack", "index", "v1", built))
    assert built.times == 2
    assert not caplog.records


def test_a_file_in_place_of_the_folder_costs_a_line_in_the_log_and_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("not a folder")
    built = Built()
    with caplog.at_level(logging.WARNING):
        store = Store(tmp_path / "cache")
        for key in ("v1", "v2"):
            check(store.get("pack", "index", key, built))
    assert built.times == 2
    assert "from memory" in caplog.text
    assert len(caplog.records) == 1


def test_a_full_disk_costs_a_line_in_the_log_and_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    built = Built()
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(np, "save", full)
        check(Store(tmp_path).get("pack", "index", "v1", built))
    assert built.times == 1
    assert "No space left" in caplog.text
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder with one entry, in which this process may read and not write, even where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Store(folder / "cache").get("pack", "index", "v1", contents)
        folder.chmod(0o755)
        (folder / "cache").chmod(0o555)
        only_entry(folder / "cache").chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder / "cache"
        finally:
            if root:
                os.seteuid(0)
            (folder / "cache").chmod(0o755)
            only_entry(folder / "cache").chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_a_folder_that_may_only_be_read_serves_what_it_holds(
    read_only: Path, caplog: pytest.LogCaptureFixture
) -> None:
    built = Built()
    with caplog.at_level(logging.WARNING):
        check(Store(read_only).get("pack", "index", "v1", built))
        assert built.times == 0
        assert not caplog.records
        check(Store(read_only).get("pack", "index", "v2", built))
    assert built.times == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "from memory" in caplog.text


def test_entries_not_used_for_long_make_room(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for at in range(20):
        store.get("pack", "index", f"v{at}", contents)
        # Used in this order, whatever the clock's steps.
        for age, entry in enumerate(
            sorted(tmp_path.glob("pack.*.*/"), key=lambda one: one.stat().st_mtime_ns)
        ):
            os.utime(entry / MANIFEST, (age, age))
    store.get("other", "index", "v1", contents)
    kept = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert len([name for name in kept if name.startswith("pack.")]) == 12
    assert len([name for name in kept if name.startswith("other.")]) == 1
    built = Built()
    store.get("pack", "index", "v19", built)
    store.get("pack", "index", "v0", built)
    assert built.times == 1


def test_what_a_killed_process_left_is_swept_away_after_a_day(tmp_path: Path) -> None:
    left, writing = tmp_path / ".pack.index.x.draft", tmp_path / ".pack.index.y.draft"
    for folder in (left, writing):
        folder.mkdir()
        (folder / "numbers.npy").write_bytes(b"half")
    os.utime(left, (0, 0))
    Store(tmp_path).get("pack", "index", "v1", contents)
    assert not left.exists()
    assert writing.exists()


def test_an_entry_removed_while_it_is_used_goes_on_being_used(tmp_path: Path) -> None:
    found = Store(tmp_path).get("pack", "index", "v1", contents)
    for path in only_entry(tmp_path).iterdir():
        path.unlink()
    check(found)


def test_processes_that_start_at_once_build_once_and_all_have_it(tmp_path: Path) -> None:
    child = """
import sys, time
from pathlib import Path
import numpy as np
from policies_kb.retrieval.store import Contents, Store

def build():
    with (Path(sys.argv[1]) / "built").open("a") as log:
        log.write("x")
    time.sleep(0.3)
    return Contents(arrays={"numbers": np.arange(5)})

print(Store(Path(sys.argv[1]) / "cache").get("pack", "index", "v1", build).arrays["numbers"].sum())
"""
    command = [sys.executable, "-c", child, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == ["10"] * 4
    assert (tmp_path / "built").read_text() == "x"
