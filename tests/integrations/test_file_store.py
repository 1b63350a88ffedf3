"""Residents' files on disk: sealed, whole or absent, and a full disk is said and not swallowed."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.crypto import Keyring
from integrations.documents import DamagedFile, DiskFileStore, open_store
from integrations.ports import FileStore, NotFound, StorageUnavailable

DATA = "身份证照片".encode() * 100


@pytest.fixture
def store(tmp_path: Path, keyring: Keyring) -> DiskFileStore:
    return open_store(tmp_path / "files", keyring)


def files(store: DiskFileStore) -> list[Path]:
    return [path for path in store._folder.rglob("*") if path.is_file()]


async def test_what_is_put_is_got_back_under_its_hash(store: FileStore) -> None:
    sha256 = await store.put(DATA)
    assert sha256 == hashlib.sha256(DATA).hexdigest()
    assert await store.get(sha256) == DATA


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(data=st.binary(max_size=2000))
async def test_any_bytes_survive(store: FileStore, data: bytes) -> None:
    assert await store.get(await store.put(data)) == data


async def test_on_disk_it_is_unreadable_and_closed_to_others(store: DiskFileStore) -> None:
    await store.put(DATA)
    (path,) = files(store)
    assert DATA[:15] not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_the_same_bytes_twice_are_one_file(store: DiskFileStore) -> None:
    await asyncio.gather(*(store.put(DATA) for _ in range(8)))
    assert len(files(store)) == 1


async def test_a_deleted_file_is_gone_and_deleting_again_does_no_harm(store: FileStore) -> None:
    sha256 = await store.put(DATA)
    await store.delete(sha256)
    await store.delete(sha256)
    with pytest.raises(NotFound):
        await store.get(sha256)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n", "0" * 64])
async def test_only_a_hash_is_looked_for(store: FileStore, name: str) -> None:
    with pytest.raises(NotFound):
        await store.get(name)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
async def test_a_full_or_failing_disk_keeps_nothing_and_says_so(
    store: DiskFileStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageUnavailable, match=os.strerror(code)):
        await store.put(DATA)
    assert files(store) == []
    monkeypatch.undo()
    assert await store.get(await store.put(DATA)) == DATA


async def test_a_disk_that_really_runs_full(tmp_path: Path, keyring: Keyring) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or (await _run(*mount)) != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        store = open_store(disk / "files", keyring)
        small = await store.put(DATA)
        with pytest.raises(StorageUnavailable, match="No space left"):
            await store.put(b"x" * 100_000)
        assert len(files(store)) == 1
        assert await store.get(small) == DATA
    finally:
        await _run("umount", str(disk))


async def _run(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


async def test_a_folder_that_is_a_file_is_named(tmp_path: Path, keyring: Keyring) -> None:
    (tmp_path / "files").write_text("")
    with pytest.raises(StorageUnavailable, match="files"):
        open_store(tmp_path / "files", keyring)


async def test_an_altered_file_is_not_served_and_is_healed_by_the_same_bytes(store: DiskFileStore) -> None:
    sha256 = await store.put(DATA)
    (path,) = files(store)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedFile, match=sha256):
        await store.get(sha256)
    assert await store.put(DATA) == sha256
    assert await store.get(sha256) == DATA


async def test_two_files_swapped_on_disk_are_noticed(store: DiskFileStore) -> None:
    first, second = await store.put(b"first"), await store.put(b"second")
    one, two = store._path(first), store._path(second)
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    for sha256 in (first, second):
        with pytest.raises(DamagedFile):
            await store.get(sha256)


async def test_another_key_does_not_open_it(store: DiskFileStore) -> None:
    sha256 = await store.put(DATA)
    with pytest.raises(DamagedFile):
        await open_store(store._folder, Keyring.from_text("B" * 43 + "=")).get(sha256)


async def test_what_a_crash_left_is_swept_and_what_is_being_written_is_not(
    store: DiskFileStore, keyring: Keyring
) -> None:
    sha256 = await store.put(DATA)
    old, fresh = (store._path(sha256).with_name(f".partial-{name}") for name in ("old", "fresh"))
    for partial in (old, fresh):
        partial.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    open_store(store._folder, keyring)
    assert not old.exists()
    assert fresh.exists()
    assert await store.get(sha256) == DATA
