"""`python -m nlu.evaluate`: cross-validation and held-out figures of both classifiers, written to EVALUATION.md.

Stratified cross-validation over data/, then tests/heldout.yml with a model trained on all of data/, for
logistic regression on character n-grams (config.yml, the one served) and DIET (config.diet.yml). Latency is one
request at a time against the real server. Results in full: nlu/results/ (not kept in git).
"""

from __future__ import annotations

import asyncio
import json
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
import psutil
from rich.console import Console
from ruamel.yaml import YAML

from nlu.supervisor import NluSupervisor
from nlu.train import HERE, MODELS, RASA, NluUnavailable, environment

RESULTS = HERE / "results"
HELD_OUT = HERE / "tests" / "heldout.yml"
REPORT = HERE / "EVALUATION.md"
CONFIGS = {"Logistic regression": "config.yml", "DIET": "config.diet.yml"}
FOLDS = 3
SEEN = (
    "The held-out messages are out of the training data, but they were looked at: they decided between two "
    "tokenizers for the logistic regression and where the model's bars stand (mapping.py), and rules were widened "
    "after reading what they missed. Take cross-validation as the unseen figure. Both classifiers read the same "
    "tokens (whole clauses) and the same character n-grams (1-3)."
)
_console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one classifier. Accuracy and F1 from 0 to 1, latency in milliseconds, training in seconds."""

    name: str
    cv: dict[str, Any]
    held_out: dict[str, Any]
    train_seconds: float
    p50: float
    p95: float


def messages(path: Path) -> list[tuple[str, str]]:
    """(intent, message) of an NLU file."""
    found = []
    for block in YAML(typ="safe").load(path.read_text("utf-8"))["nlu"]:
        if "intent" in block:
            lines = (line.strip() for line in block["examples"].splitlines())
            found += [(block["intent"], line.removeprefix("- ")) for line in lines if line]
    return found


def _rasa(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - fixed command, our own environment
        [str(RASA), *arguments], cwd=MODELS, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise NluUnavailable(f"rasa {' '.join(arguments[:2])} failed:\n{tail}")


async def _latency(model: Path) -> tuple[float, float]:
    supervisor = NluSupervisor(model=model)
    await supervisor.start()
    try:
        if not await supervisor.wait_ready():
            raise NluUnavailable(f"the server did not start with {model}")
        texts = [text for _, text in messages(HELD_OUT)]
        taken = []
        async with aiohttp.ClientSession(trust_env=False) as session:
            for text in [*texts[:20], *texts]:
                begin = time.perf_counter()
                async with session.post(f"{supervisor.url}/model/parse", json={"text": text}) as response:
                    await response.read()
                taken.append((time.perf_counter() - begin) * 1000)
    finally:
        await supervisor.stop()
    taken = sorted(taken[20:])
    return statistics.median(taken), taken[int(len(taken) * 0.95)]


def measure(name: str, config: str) -> Figures:
    """All the figures of one configuration; takes minutes."""
    key = config.removesuffix(".yml").replace(".", "-")
    data, settings = str(HERE / "data"), str(HERE / config)
    out = RESULTS / key
    out.mkdir(parents=True, exist_ok=True)
    MODELS.mkdir(exist_ok=True)
    with _console.status(f"{name}: {FOLDS}-fold cross-validation …"):
        _rasa("test", "nlu", "--nlu", data, "--config", settings, "--cross-validation", "--folds", str(FOLDS),
              "--domain", str(HERE / "domain.yml"), "--out", str(out / "cv"), "--no-plot")  # fmt: skip
    begin = time.monotonic()
    with _console.status(f"{name}: training on all of it …"):
        _rasa("train", "nlu", "--nlu", data, "--config", settings, "--domain", str(HERE / "domain.yml"),
              "--out", str(out), "--fixed-model-name", "model")  # fmt: skip
    seconds = time.monotonic() - begin
    model = out / "model.tar.gz"
    with _console.status(f"{name}: held-out messages …"):
        _rasa("test", "nlu", "--nlu", str(HELD_OUT), "--model", str(model), "--domain", str(HERE / "domain.yml"),
              "--out", str(out / "heldout"), "--no-plot")  # fmt: skip
    with _console.status(f"{name}: latency …"):
        p50, p95 = asyncio.run(_latency(model))
    reports = [
        json.loads((out / part / "intent_report.json").read_text("utf-8")) for part in ("cv", "heldout")
    ]
    return Figures(name, reports[0], reports[1], seconds, p50, p95)


def _row(figures: Figures) -> str:
    def of(report: dict[str, Any]) -> str:
        accuracy = report.get("accuracy", report["micro avg"]["f1-score"] if "micro avg" in report else 0)
        return f"{accuracy:.3f} | {report['macro avg']['f1-score']:.3f}"

    return f"| {figures.name} | {of(figures.cv)} | {of(figures.held_out)} | {figures.train_seconds:.0f} | {figures.p50:.1f} | {figures.p95:.1f} |"


def report(all_figures: list[Figures], sizes: tuple[int, int]) -> str:
    """EVALUATION.md."""
    head = [
        "# Understanding: figures",
        "",
        (
            "Made by `.venv/bin/python -m nlu.evaluate` (or `make nlu-evaluate`); takes minutes. "
            f"{sizes[0]} training messages, {sizes[1]} held-out messages written in another manner; "
            f"{FOLDS}-fold stratified cross-validation. Machine: {psutil.cpu_count()} cores, "
            f"Python {platform.python_version()}, shared with other work while it ran."
        ),
        "",
        "| classifier | CV accuracy | CV macro F1 | held-out accuracy | held-out macro F1 | training s | p50 ms | p95 ms |",
        "|---|---|---|---|---|---|---|---|",
        *[_row(figures) for figures in all_figures],
        "",
        (
            "The model is asked only where the rules are unsure: control phrases, danger and values are read by rules "
            "first, so what a resident meets is better than these figures (tests/nlu)."
        ),
        "",
        SEEN,
        "",
        "## F1 by intent",
        "",
        "| intent | "
        + " | ".join(f"{figures.name} CV | {figures.name} held-out" for figures in all_figures)
        + " |",
        "|---|" + "---|---|" * len(all_figures),
    ]
    intents = sorted(
        key for key, value in all_figures[0].cv.items() if isinstance(value, dict) and not key.endswith("avg")
    )
    rows = []
    for intent in intents:
        cells = [
            f"{source[intent]['f1-score']:.2f}" if intent in source else "-"
            for figures in all_figures
            for source in (figures.cv, figures.held_out)
        ]
        rows.append(f"| {intent} | " + " | ".join(cells) + " |")
    return "\n".join([*head, *rows]) + "\n"


@click.command()
@click.option("--only", type=click.Choice(["lr", "diet"]), help="One classifier only (no report is written).")
def main(only: str | None) -> None:
    """Measure both classifiers and write EVALUATION.md."""
    wanted = {
        name: config
        for name, config in CONFIGS.items()
        if only is None or (only == "diet") == (config == CONFIGS["DIET"])
    }
    found = [measure(name, config) for name, config in wanted.items()]
    sizes = (
        sum(len(messages(path)) for path in sorted((HERE / "data").glob("*.yml"))),
        len(messages(HELD_OUT)),
    )
    text = report(found, sizes)
    if only is None:
        REPORT.write_text(text, encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
