"""`python -m freehold.cli`, for where the console script is not on the path."""

from freehold.cli import main

if __name__ == "__main__":
    main()
