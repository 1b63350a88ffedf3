"""The dialogue core: a pure (state, commands) -> (state, effects) stack machine over declarative flows."""
