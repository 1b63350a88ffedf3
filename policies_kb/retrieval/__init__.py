"""Clause-level answers with citations, or an honest refusal."""
