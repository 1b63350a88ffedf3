"""Locks, rate limits and publish/subscribe: in-process by default, Redis when grown up."""
