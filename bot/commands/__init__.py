"""One module a `jzt` command (or group); each exposes `command`."""
