"""From plain values to ciphertext and back, each bound to its table, column and row."""

from __future__ import annotations

import json

from integrations.crypto import Keyring
from integrations.ports import Json
from integrations.storage.types import SealedBytes


class Sealer:
    """Encrypts JSON objects and texts for one column of one row.

    The place is authenticated with the value: a ciphertext copied to another row or column does not open there.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def text(self, value: str, place: str) -> SealedBytes:
        # surrogatepass: half an emoji, as some phones send it, must neither be refused nor lost.
        return SealedBytes(
            self._keyring.encrypt(value.encode("utf-8", "surrogatepass"), place.encode("utf-8"))
        )

    def read_text(self, sealed: bytes, place: str) -> str:
        """Raises KeyProblem when the key is not the one it was sealed with, or the value was altered."""
        return self._keyring.decrypt(sealed, place.encode("utf-8")).decode("utf-8", "surrogatepass")

    def json(self, value: Json, place: str) -> SealedBytes:
        return self.text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), place)

    def read_json(self, sealed: bytes, place: str) -> Json:
        """Raises KeyProblem, see `read_text`."""
        value = json.loads(self.read_text(sealed, place))
        if not isinstance(value, dict):
            raise TypeError(f"{place}: a JSON object was expected")
        return value

    def index(self, *parts: str) -> str:
        """Blind index over several parts, none of which can run into the next."""
        return self._keyring.blind_index(json.dumps(parts))
