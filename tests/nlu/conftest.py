"""A running Rasa server for the tests that need the real model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

from nlu import train
from nlu.supervisor import NluSupervisor

# The first name loads a dictionary, and machines are loaded: time proves nothing here.
settings.register_profile("nlu", deadline=None)
settings.load_profile("nlu")


@pytest.fixture(scope="session")
def nlu_model() -> str:
    """The trained model of the present data; trained now if need be."""
    if not train.RASA.exists():
        pytest.skip("nlu/.venv is missing: uv sync --project nlu --python 3.11 (make setup does it)")
    return str(train.train())


@pytest.fixture(scope="session")
def nlu_url(nlu_model: str) -> Iterator[str]:
    """Address of one Rasa server for the whole session, run by the supervisor in a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="nlu-server", daemon=True)
    thread.start()

    async def begin() -> NluSupervisor:
        supervisor = NluSupervisor()
        await supervisor.start()
        assert await supervisor.wait_ready(), "the Rasa server did not become ready"
        return supervisor

    supervisor = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    try:
        yield supervisor.url
    finally:
        asyncio.run_coroutine_threadsafe(supervisor.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
