"""The web channel: HTTP API and WebSocket of the resident's chat page."""
