"""Options that benchmarks share."""

from __future__ import annotations

import argparse
from pathlib import Path


def described(text: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a module's docstring as it stands there."""
    return argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_sets(parser: argparse.ArgumentParser) -> None:
    """`--data`: where the public question sets are."""
    parser.add_argument("--data", type=Path, required=True, help="folder of the question sets")


def add_cache(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """`--cache`: where the passages' vectors are kept, so that a next run need not embed them."""
    told = "folder in which the passages' vectors are kept between runs"
    parser.add_argument("--cache", type=Path, required=required, help=told)


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`: another embedding model than the one in service."""
    parser.add_argument("--model", type=Path, help="folder of the embedding model")
