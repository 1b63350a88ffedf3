"""`python -m nlu.train`: train the Rasa model, only when its data, configuration or environment changed.

The model is named by a hash of what it is made from, so an up-to-date model is never trained again and an old one is
never served. Runs in the app's environment and calls Rasa in its own.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from nlu.lexicon import FOLDER, WordLists
from policies_kb.yamlfile import load_model

HERE = Path(__file__).parent
MODELS = HERE / "models"
RASA = HERE / ".venv" / "bin" / "rasa"
LOOKUPS = HERE / "data" / "lookups.yml"
# Old models kept for looking at; each is about 2 MB.
KEEP = 2


class NluUnavailable(Exception):
    """The NLU's environment is absent or Rasa failed; the message says what to do."""


def environment() -> dict[str, str]:
    """The environment Rasa runs in: telemetry off, quiet, one thread for each of TensorFlow's pools."""
    return os.environ | {
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "MPLCONFIGDIR": str(MODELS / ".matplotlib"),
        "LOG_LEVEL_LIBRARIES": "ERROR",
        "PYTHONPATH": "",
    }


def sources() -> list[Path]:
    """What the model is made from."""
    return [
        HERE / "config.yml",
        HERE / "domain.yml",
        HERE / "uv.lock",
        *sorted((HERE / "data").glob("*.yml")),
    ]


def content_hash() -> str:
    """Twelve hex digits that change when anything the model is made from does."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def model_path() -> Path:
    """Where the model of the present data is, or will be."""
    return MODELS / f"nlu-{content_hash()}.tar.gz"


def lookups() -> str:
    """data/lookups.yml as the lexicon gives it: one source of the words, for the rules and for Rasa."""
    tables: list[dict[str, Any]] = []
    for entity, name in (("scheme", "schemes.yml"), ("relation", "relations.yml")):
        lists = load_model(FOLDER / name, WordLists).root
        words = sorted(
            {word for words in lists.values() for word in words}, key=lambda word: (-len(word), word)
        )
        tables.append({"lookup": entity, "examples": _examples(words)})
        tables += [{"synonym": value, "examples": _examples(words)} for value, words in lists.items()]
    yaml = YAML()
    yaml.width = 4096
    out = StringIO()
    out.write("# Made by `python -m nlu.train --lookups` from nlu/lexicon; do not edit here.\n")
    yaml.dump({"version": "3.1", "nlu": tables}, out)
    return out.getvalue()


def _examples(words: list[str]) -> LiteralScalarString:
    text: LiteralScalarString = LiteralScalarString("".join(f"- {word}\n" for word in words))
    return text


def train(*, force: bool = False, console: Console | None = None) -> Path:
    """The model of the present data, trained if it is not there.

    Raises:
        NluUnavailable: no environment in nlu/.venv, or Rasa failed (its last lines are in the message).
    """
    target = model_path()
    if target.exists() and not force:
        return target
    if not RASA.exists():
        raise NluUnavailable(
            "nlu/.venv is missing. Cure: uv sync --project nlu --python 3.11 (or: make setup)"
        )
    # Rasa puts its working directory on the import path: never run it where our modules lie.
    console = console or Console(stderr=True)
    MODELS.mkdir(exist_ok=True)
    part = MODELS / f".{target.stem}.{os.getpid()}"
    command = [
        str(RASA), "train", "nlu", "--config", str(HERE / "config.yml"), "--domain", str(HERE / "domain.yml"),
        "--nlu", str(HERE / "data"), "--out", str(part), "--fixed-model-name", "model",
    ]  # fmt: skip
    with console.status("Training the understanding model (about 15 s) …"):
        done = subprocess.run(  # noqa: S603 - fixed command, our own environment
            command, cwd=MODELS, env=environment(), capture_output=True, text=True, check=False
        )
    made = part / "model.tar.gz"
    if done.returncode != 0 or not made.exists():
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise NluUnavailable(f"Rasa could not train (exit {done.returncode}). Its last lines:\n{tail}")
    # Renamed whole: a reader never sees half a model, and two trainings at once do no harm.
    made.replace(target)
    part.rmdir()
    _drop_old(target)
    return target


def _drop_old(current: Path) -> None:
    models = sorted(MODELS.glob("nlu-*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in [path for path in models if path != current][KEEP - 1 :]:
        old.unlink(missing_ok=True)


@click.command()
@click.option("--force", is_flag=True, help="Train even when nothing changed.")
@click.option("--lookups", "write_lookups", is_flag=True, help="Rewrite data/lookups.yml from the lexicon.")
def main(force: bool, write_lookups: bool) -> None:
    """Train the NLU model if its data changed; print its path."""
    if write_lookups:
        LOOKUPS.write_text(lookups(), encoding="utf-8")
    try:
        path = train(force=force)
    except NluUnavailable as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(path)


if __name__ == "__main__":
    main()
