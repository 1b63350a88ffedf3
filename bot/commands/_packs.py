"""Where the commands find policy packs: the same place as the service."""

from __future__ import annotations

from pathlib import Path

from bot.settings import Settings

DEFAULT_PACK = "shifan-xian"


def packs_dir() -> Path | None:
    """The folder JZT_PACKS_DIR names; None: the shipped packs."""
    return Settings().packs_dir
