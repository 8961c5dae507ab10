"""Reads documents and finds passages in them."""
