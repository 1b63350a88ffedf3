"""The console channel: a script replayed, or a chat in a terminal."""
