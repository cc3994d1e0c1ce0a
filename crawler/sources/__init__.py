"""Fetched documents to entries: one module a kind, registered here."""
