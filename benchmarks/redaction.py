"""How much personal data is masked, by kind, on two sets of marked messages written for this project.

    python benchmarks/redaction.py

The first set was at hand while the patterns were written, the second was written afterwards. A stretch counts
as masked when all of it is; whether it was taken for the right kind does not matter.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "fixtures"))

from marked import figures


def main() -> None:
    sets = [figures(name) for name in ("personal_data.txt", "personal_data_unseen.txt")]
    print("| kind | first set: masked of marked | second set |")
    print("| --- | --- | --- |")
    for kind in sorted({kind for _, total, _ in sets for kind in total}):
        cells = [f"{hits[kind]} of {total[kind]}" if total[kind] else "–" for hits, total, _ in sets]
        print(f"| {kind} | {' | '.join(cells)} |")
    both = [f"{sum(hits.values())} of {sum(total.values())}" for hits, total, _ in sets]
    print(f"| all | {' | '.join(both)} |")
    print(f"\nMasked without being marked: {[extra for _, _, extra in sets]}.")


if __name__ == "__main__":
    main()
