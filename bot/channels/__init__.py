"""One folder a channel, each with the same files."""
