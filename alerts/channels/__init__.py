"""Destinations of alerts: one module a kind, registered here."""
