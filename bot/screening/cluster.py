"""Screening on several machines: the parts go to the workers of a Dask scheduler (optional: the extra `cluster`)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager


class NoCluster(Exception):
    """No scheduler can be used; the message says why and the cure (Chinese)."""


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """The scheduler's workers as an executor. Its workers see the same folders under the same names.

    Raises:
        NoCluster: the extra is not installed, nobody answers, or there is no worker.
    """
    try:
        from distributed import Client
    except ImportError:
        raise NoCluster("没有装多机用的 Dask。请先装：uv sync --extra cluster。") from None
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoCluster(
            f"连不上调度器 {address}（{type(error).__name__}）。请核对地址，并先启动 dask scheduler。"
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise NoCluster(f"调度器 {address} 还没有工作进程。请在各台机器上启动 dask worker。")
        yield client.get_executor(pure=False)
