"""Writes `data/diabetes.csv` from the copy of the data that scikit-learn carries.

python workloads/housing/make_data.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_diabetes


def main(folder: Path) -> None:
    # as published: scikit-learn's scaled version differs in its last digits between machines
    data = load_diabetes(scaled=False)
    lines = [",".join([*data.feature_names, "target"])]
    for features, target in zip(data.data.tolist(), data.target.tolist(), strict=True):
        lines.append(",".join(f"{value:.10g}" for value in [*features, target]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "diabetes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("data"))
