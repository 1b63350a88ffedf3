"""The console channel: a script replayed, or a chat in a terminal."""

from bot.channels.base import Capabilities

NAME = "console"
CAPABILITIES = Capabilities(buttons=True, files=True, max_text=100_000, push=False)
