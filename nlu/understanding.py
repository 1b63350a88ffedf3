"""The Understanding port: Rasa where it is there, the rules always."""

from __future__ import annotations

from collections.abc import Callable

from dialogues.ports import UnderstandingContext, Understood
from nlu import mapping, names, rules
from nlu.client import TIMEOUT, NluClient
from nlu.rules import RuleUnderstanding
from nlu.text import MAX_CHARS, has_words, normalise


class ModelUnderstanding:
    """Rules first, the model for what they leave open; rules alone while the model server is away. Never raises."""

    def __init__(self, client: NluClient) -> None:
        self._client = client

    async def understand(self, text: str, context: UnderstandingContext) -> Understood:
        """Commands for the message in its context."""
        plain = normalise(text)
        # A control phrase, or nothing to read, needs no model and waits for none.
        if len(text) > MAX_CHARS or not has_words(plain) or rules.read(plain).exact:
            return mapping.interpret(text, context)
        return mapping.interpret(text, context, await self._client.parse_all(mapping.pieces(text)))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()


def build_understanding(
    url: str | Callable[[], str | None] | None, *, timeout: float = TIMEOUT
) -> ModelUnderstanding | RuleUnderstanding:
    """Understanding over the Rasa server at `url` (None: rules alone).

    Args:
        url: base address, or a function giving the present one (`lambda: supervisor.url`).
        timeout: seconds to wait for the model before the rules answer.
    """
    names.warm_up()
    return RuleUnderstanding() if url is None else ModelUnderstanding(NluClient(url, timeout=timeout))
