"""A thin typed client of Rasa's `/model/parse`. No exception leaves it: an absent server is a reading that is absent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import structlog
from circuitbreaker import CircuitBreaker, CircuitBreakerError
from pydantic import BaseModel, ConfigDict, ValidationError

from nlu.reading import Reading

_log = structlog.get_logger(__name__)

# A local parse takes 2 ms. A resident waits for a reply, so a slow server is treated as an absent one.
TIMEOUT = 1.0
FAILURES = 3
RETRY_AFTER = 5


class _Score(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str | None = None
    confidence: float = 0.0


class _Entity(BaseModel):
    model_config = ConfigDict(extra="ignore")
    entity: str
    value: str


class _Parsed(BaseModel):
    """What `/model/parse` answers, as far as it is used."""

    model_config = ConfigDict(extra="ignore")
    intent: _Score
    entities: list[_Entity] = []
    intent_ranking: list[_Score] = []

    def reading(self) -> Reading:
        entities: dict[str, str] = {}
        for found in self.entities:
            entities.setdefault(found.entity, found.value)
        ranking = tuple((score.name, score.confidence) for score in self.intent_ranking[:5] if score.name)
        return Reading(self.intent.name, self.intent.confidence, entities, ranking)


_AWAY = (aiohttp.ClientError, TimeoutError, OSError, ValidationError, ValueError)


class NluClient:
    """Parses texts at one server. After FAILURES failures in a row nothing is asked of it for RETRY_AFTER seconds.

    Args:
        url: base address, or a function giving the present one (None while there is none).
        timeout: seconds a parse may take in all.
    """

    def __init__(self, url: str | Callable[[], str | None], *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None
        self._breaker = CircuitBreaker(
            failure_threshold=FAILURES, recovery_timeout=RETRY_AFTER, expected_exception=_AWAY, name="nlu"
        )
        self._guarded = self._breaker.decorate(self._post)

    @property
    def open(self) -> bool:
        """Whether the server is being left alone after failures."""
        return bool(self._breaker.opened)

    async def parse(self, text: str) -> Reading | None:
        """The model's reading of the text; None when the server is away, slow or answers nonsense."""
        url = self._url() if callable(self._url) else self._url
        if url is None:
            return None
        try:
            parsed: _Parsed = await self._guarded(url, text)
        except CircuitBreakerError:
            return None
        except _AWAY as error:
            # The text is personal: only the kind of failure is logged.
            _log.warning("nlu_away", error=type(error).__name__, open=self.open)
            return None
        return parsed.reading()

    async def parse_all(self, texts: list[str]) -> dict[str, Reading] | None:
        """Readings of several texts, or None when any of them failed."""
        readings = await asyncio.gather(*(self.parse(text) for text in texts))
        found = {text: reading for text, reading in zip(texts, readings, strict=True) if reading is not None}
        return found if len(found) == len(texts) else None

    async def _post(self, url: str, text: str) -> _Parsed:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        async with self._session.post(f"{url.rstrip('/')}/model/parse", json={"text": text}) as response:
            response.raise_for_status()
            return _Parsed.model_validate_json(await response.read())

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
