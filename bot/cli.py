"""The `jzt` command. Each sub-command lives in its own module of bot/commands and is imported only when called."""

from __future__ import annotations

import gettext
import os
from pathlib import Path

import click

from bot.commands._lazy import LazyGroup

# click's own messages go through gettext, which looks for a language in the environment only.
os.environ["LANGUAGE"] = "zh_CN"
gettext.bindtextdomain("messages", str(Path(__file__).parent / "commands" / "locale"))

# name -> (module, one-line help). The help stands here so that `jzt --help` imports nothing else.
COMMANDS: dict[str, tuple[str, str]] = {
    "ask": ("bot.commands.ask", "问政策：回答并给出依据条款"),
    "assess": ("bot.commands.assess", "自测：按家庭情况看可能符合哪些救助"),
    "bench": ("bot.commands.bench", "测速：各环节与端到端"),
    "cases": ("bot.commands.cases", "查看、导出已提交的申请"),
    "chat": ("bot.commands.chat", "在终端里对话，或按脚本回放"),
    "facts": ("bot.commands.facts", "列出自测用到的每一项情况"),
    "kb": ("bot.commands.kb", "政策包：新建、录入文件、审阅、检查、评测"),
    "outbox": ("bot.commands.outbox", "待送件：查看停放的、重新投递"),
    "privacy": ("bot.commands.privacy", "个人信息：导出、删除"),
    "screen": ("bot.commands.screen", "批量筛查(政策找人)：按名册找出可能符合的家庭"),
    "serve": ("bot.commands.serve", "启动服务"),
    "staff": ("bot.commands.staff", "工作人员账号"),
}


@click.group(cls=LazyGroup, members=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """救助通:社会救助政策问答、自测、申请与办理进度。"""
