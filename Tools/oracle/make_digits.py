#!/usr/bin/env python3
"""Writes Sources/VAE/DataSets/DigitsBytes.swift from scikit-learn's load_digits.

The contents, before gzip and base64: 1,797 images of 64 bytes (0...16, row-major), then 1,797
labels of one byte. Needs scikit-learn:

    python3 -m venv .venv-oracle && .venv-oracle/bin/pip install scikit-learn
    .venv-oracle/bin/python Tools/oracle/make_digits.py
"""

import base64
import gzip
import pathlib
import textwrap

import numpy
from sklearn.datasets import load_digits

WIDTH = 100  # of .swift-format
INDENT = "    "

HEAD = '''// Made by Tools/oracle/make_digits.py from scikit-learn's load_digits; do not edit.
// Data: "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, 1998, UCI Machine
// Learning Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0.

extension Digits {
  /// gzip in base64, broken into lines: 1,797 images of 64 bytes, then 1,797 labels.
  static let base64 = """
'''


def main() -> None:
    digits = load_digits()
    images = digits.data.astype(numpy.uint8)
    labels = digits.target.astype(numpy.uint8)
    assert images.shape == (1797, 64) and images.max() == 16 and (images == digits.data).all()
    assert labels.shape == (1797,) and labels.max() == 9
    packed = gzip.compress(images.tobytes() + labels.tobytes(), compresslevel=9, mtime=0)
    text = base64.b64encode(packed).decode("ascii")
    lines = textwrap.wrap(text, WIDTH - len(INDENT))
    out = pathlib.Path(__file__).parents[2] / "Sources/VAE/DataSets/DigitsBytes.swift"
    body = "".join(f"{INDENT}{line}\n" for line in lines)
    out.write_text(HEAD + body + f'{INDENT}"""\n}}\n')
    print(f"{out}: {out.stat().st_size} bytes, {len(lines)} lines")


if __name__ == "__main__":
    main()
