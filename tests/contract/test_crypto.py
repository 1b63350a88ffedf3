"""The keyring: what is sealed opens with the right key at the right place, and nowhere else."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from integrations.crypto import KeyProblem, Keyring


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[MutableMapping[str, Any]]]:
    """What the keyring logs. A fresh logger: the module's own may be bound to what another test set up."""
    monkeypatch.setattr("integrations.crypto.log", structlog.get_logger())
    with capture_logs() as entries:
        yield entries


ONE, TWO = Keyring.generate(), Keyring.generate()


@given(data=st.binary(max_size=2000), context=st.binary(max_size=50))
def test_what_is_sealed_opens_again(data: bytes, context: bytes) -> None:
    ring = Keyring.from_text(ONE)
    sealed = ring.encrypt(data, context)
    assert ring.decrypt(sealed, context) == data
    assert sealed != ring.encrypt(data, context), "the same value twice must not look the same"
    if len(data) >= 8:
        assert data not in sealed


@given(data=st.binary(min_size=1, max_size=200), at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_changed_bit_is_noticed(data: bytes, at: int, bit: int) -> None:
    ring = Keyring.from_text(ONE)
    sealed = bytearray(ring.encrypt(data, b"here"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(KeyProblem):
        ring.decrypt(bytes(sealed), b"here")


def test_a_value_does_not_open_at_another_place() -> None:
    ring = Keyring.from_text(ONE)
    with pytest.raises(KeyProblem, match="moved from another record"):
        ring.decrypt(ring.encrypt(b"secret", b"messages.body:1"), b"messages.body:2")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"plain text that was never sealed by anybody"])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(KeyProblem):
        Keyring.from_text(ONE).decrypt(sealed)


@given(
    value=st.text(st.characters(exclude_categories=["Cs"])),
    other=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_blind_index_is_stable_and_tells_values_apart(value: str, other: str) -> None:
    index = Keyring.from_text(ONE).blind_index(value)
    assert index == Keyring.from_text(ONE).blind_index(value)
    assert (index == Keyring.from_text(ONE).blind_index(other)) == (value == other)
    assert index != Keyring.from_text(TWO).blind_index(value)
    assert len(index) == 64


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    old, both, new = Keyring.from_text(ONE), Keyring.from_text(f"{TWO},{ONE}"), Keyring.from_text(TWO)
    assert both.decrypt(old.encrypt(b"before")) == b"before"
    assert new.decrypt(both.encrypt(b"after")) == b"after"
    assert both.blind_index("x") == old.blind_index("x"), "residents must be found after a rotation"
    assert both.key_ids == (new.key_id, old.key_id)


def test_another_key_is_named_with_the_cure() -> None:
    sealed = Keyring.from_text(ONE).encrypt(b"secret")
    with pytest.raises(KeyProblem) as caught:
        Keyring.from_text(TWO).decrypt(sealed)
    told = str(caught.value)
    assert Keyring.from_text(ONE).key_id in told
    assert "Cure:" in told
    assert "JZT_KEY" in told


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "holds no key"),
        ("not base64 at all!", "not base64"),
        (base64.b64encode(b"short").decode(), "5 bytes"),
        ("密钥", "not base64"),
        (f"{ONE},oops", "key 2"),
    ],
    ids=["nothing", "words", "short", "Chinese", "the second"],
)
def test_a_malformed_key_is_named_with_the_cure_and_not_repeated(text: str, what: str) -> None:
    with pytest.raises(KeyProblem) as caught:
        Keyring.from_text(text)
    told = str(caught.value)
    assert what in told
    assert "Cure:" in told
    assert not text or text not in told


def test_a_ring_never_prints_its_keys() -> None:
    assert ONE not in repr(Keyring.from_text(ONE))


class TestLoad:
    def test_first_start_makes_a_private_key_and_says_so(
        self, tmp_path: Path, logs: list[MutableMapping[str, Any]]
    ) -> None:
        ring = Keyring.load({}, tmp_path / "var")
        file = tmp_path / "var" / "key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert any(str(file) in str(entry.values()) and "back it up" in entry["event"] for entry in logs)
        assert not any(file.read_text().strip() in str(entry) for entry in logs)
        assert Keyring.load({}, tmp_path / "var").decrypt(ring.encrypt(b"kept")) == b"kept"

    def test_the_environment_goes_first_and_no_file_is_made(self, tmp_path: Path) -> None:
        assert Keyring.load({"JZT_KEY": ONE}, tmp_path).key_id == Keyring.from_text(ONE).key_id
        assert list(tmp_path.iterdir()) == []

    def test_workers_that_start_at_once_agree_on_one_key(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            rings = list(pool.map(lambda _: Keyring.load({}, tmp_path), range(16)))
        assert len({ring.key_id for ring in rings}) == 1
        assert [file.name for file in tmp_path.iterdir()] == ["key"]

    @pytest.mark.parametrize("trace", ["jzt.sqlite3", "files/ab12"])
    def test_no_new_key_beside_data_of_an_old_one(self, tmp_path: Path, trace: str) -> None:
        (tmp_path / trace).parent.mkdir(exist_ok=True)
        (tmp_path / trace).write_bytes(b"sealed")
        with pytest.raises(KeyProblem) as caught:
            Keyring.load({}, tmp_path)
        assert trace in str(caught.value)
        assert "original key" in str(caught.value)
        assert not (tmp_path / "key").exists()

    def test_a_key_file_others_can_read_is_warned_of(
        self, tmp_path: Path, logs: list[MutableMapping[str, Any]]
    ) -> None:
        (tmp_path / "key").write_text(ONE)
        (tmp_path / "key").chmod(0o644)
        Keyring.load({}, tmp_path)
        assert any(entry.get("cure", "").startswith("chmod 600") for entry in logs)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"garbage"])
    def test_a_broken_key_file_is_named(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "key").write_bytes(content)
        (tmp_path / "key").chmod(0o600)
        with pytest.raises(KeyProblem, match=str(tmp_path / "key")):
            Keyring.load({}, tmp_path)
        assert (tmp_path / "key").read_bytes() == content

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "var").write_text("a file where the folder should be")
        with pytest.raises(KeyProblem, match="var"):
            Keyring.load({}, tmp_path / "var")


def test_the_example_in_the_message_works() -> None:
    assert len(base64.urlsafe_b64decode(Keyring.generate())) == 32
