"""`jzt kb`: what a pack's author works with."""

from __future__ import annotations

import click

from bot.commands._lazy import LazyGroup

# name -> (place, one-line help)
MEMBERS = {
    "new-pack": ("bot.commands.kb_author:new_pack", "新建一个政策包"),
    "schema": ("bot.commands.kb_author:schema", "写出编辑器用的 JSON Schema"),
    "eval": ("bot.commands.kb_eval", "用 eval.yml 的问题测回答的质量，并和常用的检索办法比"),
    "ingest": ("bot.commands.kb_ingest", "把文件录成草稿：txt、html、docx、pdf、扫描件、照片"),
    "review": ("bot.commands.kb_review", "审阅草稿：看原文和结果、处理疑点、收进来或退回"),
    "index": ("bot.commands.kb_index", "把索引和句向量一次建好，启动时直接用"),
    "check": ("bot.commands.kb_check", "检查政策包；列出原文哪些条款已收、哪些没收"),
}


@click.group(cls=LazyGroup, members=MEMBERS, help="政策包：新建、录入文件、审阅、检查、评测")
def command() -> None:
    """Group of the pack author's commands."""
