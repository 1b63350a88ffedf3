"""The `jzt` command. Each sub-command lives in its own module of bot/commands and is imported only when called."""

from __future__ import annotations

import gettext
import os
from pathlib import Path
from typing import Any

import click

from bot.commands._lazy import LazyGroup

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


class _Commands(LazyGroup):
    """Says click's own messages in Chinese, whatever language the machine is set to."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        # click's messages go through gettext, which looks for a language in the environment only. What runs in this
        # process afterwards keeps its own.
        before = os.environ.get("LANGUAGE")
        os.environ["LANGUAGE"] = "zh_CN"
        try:
            return super().main(*args, **kwargs)
        finally:
            if before is None:
                del os.environ["LANGUAGE"]
            else:
                os.environ["LANGUAGE"] = before


@click.group(cls=_Commands, members=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """救助通:社会救助政策问答、自测、申请与办理进度。"""
