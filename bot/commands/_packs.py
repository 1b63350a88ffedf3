"""Where the commands find policy packs: the same place as the service."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path

from bot.settings import Settings

DEFAULT_PACK = "shifan-xian"


def packs_dir() -> Path | None:
    """The folder JZT_PACKS_DIR names; None: the shipped packs."""
    return Settings().packs_dir


def by_sense() -> bool:
    """Whether sentence vectors are wanted (JZT_SENTENCE_VECTORS)."""
    return Settings().sentence_vectors


def index_dir() -> Path:
    """Where indexes are kept from one command to the next (the service has its own place)."""
    return (Settings().cache or user_cache_path("jiuzhutong", appauthor=False)) / "index"
