"""Answers questions from passages, and remembers the conversation."""
