"""`python -m bot` is `jzt`."""

from bot.cli import main

main()
