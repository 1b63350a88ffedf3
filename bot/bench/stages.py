"""Each stage alone, in this process: understanding by rules, the NLU server, retrieval."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

import aiohttp

from bot.bench.script import MESSAGES
from bot.bench.stats import summary
from dialogues.ports import UnderstandingContext
from nlu.rules import RuleUnderstanding
from nlu.supervisor import NluSupervisor
from policies_kb.knowledge import open_pack


class NluDidNotStart(Exception):
    """The local NLU server did not come up in time."""


async def rules(pack: str, rounds: int) -> dict[str, Any]:
    """Text to Commands without a model server."""
    understanding = RuleUnderstanding()
    context = UnderstandingContext(conversation_id="bench", pack=pack)
    await understanding.understand(MESSAGES[0], context)
    taken = []
    for _ in range(rounds):
        for text in MESSAGES:
            began = time.perf_counter()
            await understanding.understand(text, context)
            taken.append((time.perf_counter() - began) * 1000)
    return summary(taken)


async def nlu(rounds: int, at_once: int) -> dict[str, Any]:
    """`/model/parse` of the NLU server: one after another for the latencies, `at_once` for the rate.

    Raises:
        NluDidNotStart: no server within three minutes.
    """
    supervisor = NluSupervisor()
    await supervisor.start()
    try:
        if not await supervisor.wait_ready():
            raise NluDidNotStart("the local NLU server did not start; `make nlu` prepares it")
        async with aiohttp.ClientSession() as http:

            async def parse(text: str) -> float:
                began = time.perf_counter()
                async with http.post(f"{supervisor.url}/model/parse", json={"text": text}) as response:
                    response.raise_for_status()
                    await response.read()
                return (time.perf_counter() - began) * 1000

            for text in MESSAGES:
                await parse(text)
            taken = [await parse(text) for _ in range(rounds) for text in MESSAGES]
            began = time.perf_counter()
            for _ in range(rounds):
                await asyncio.gather(*(parse(MESSAGES[i % len(MESSAGES)]) for i in range(at_once)))
            rate = rounds * at_once / (time.perf_counter() - began)
    finally:
        await supervisor.stop()
    return {**summary(taken), "parses_per_second": round(rate, 1)}


def retrieval(pack: str, questions: Sequence[str], today: date) -> dict[str, Any]:
    """Question to answer with citations; `open_ms` is loading the pack and building its index."""
    began = time.perf_counter()
    knowledge = open_pack(pack)
    knowledge.answer(questions[0], today=today)
    opened = (time.perf_counter() - began) * 1000
    taken = []
    for question in questions:
        began = time.perf_counter()
        knowledge.answer(question, today=today)
        taken.append((time.perf_counter() - began) * 1000)
    return {"open_ms": round(opened, 1), **summary(taken)}
