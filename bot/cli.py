"""The `jzt` command. Each sub-command lives in its own module of bot/commands and is imported only when called."""

from __future__ import annotations

import importlib

import click

# name -> (module, one-line help). The help stands here so that `jzt --help` imports nothing else.
COMMANDS: dict[str, tuple[str, str]] = {
    "ask": ("bot.commands.ask", "问政策：回答并给出依据条款"),
    "assess": ("bot.commands.assess", "自测：按家庭情况看可能符合哪些救助"),
    "bench": ("bot.commands.bench", "测速：各环节与端到端"),
    "cases": ("bot.commands.cases", "查看、导出已提交的申请"),
    "chat": ("bot.commands.chat", "在终端里对话，或按脚本回放"),
    "facts": ("bot.commands.facts", "列出自测用到的每一项情况"),
    "kb": ("bot.commands.kb", "政策包：检查、评测"),
    "outbox": ("bot.commands.outbox", "待送件：查看停放的、重新投递"),
    "privacy": ("bot.commands.privacy", "个人信息：导出、删除"),
    "serve": ("bot.commands.serve", "启动服务"),
    "staff": ("bot.commands.staff", "工作人员账号"),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.command is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """救助通:社会救助政策问答、自测、申请与办理进度。"""
