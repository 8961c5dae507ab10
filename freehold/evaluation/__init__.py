"""Measured answers: suites of questions, runs over them, scorecards, comparisons."""
