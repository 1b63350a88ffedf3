"""Residents' files: checking what is sent, and keeping it encrypted on disk."""

from integrations.documents.store import DamagedFile, DiskFileStore, open_store

__all__ = ["DamagedFile", "DiskFileStore", "open_store"]
