"""Freehold: a customer-support assistant that an organisation owns outright."""

__version__ = "0.1.0"
