#!/usr/bin/env python3
"""Writes Tests/AyatoriTests/Fixtures/datafiles with NumPy and safetensors.

Needs numpy and safetensors: `pip install numpy==2.4.6 safetensors==0.8.0`. The values are those
of `values(...)`: element i of an array is (i * 37 + 11) % 101 - 50, which the tests compute too;
unsigned types drop the - 50, floats are divided by 8, booleans are `even`.
"""

import gzip
import pathlib
import struct

import numpy as np
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parents[2] / "Tests/AyatoriTests/Fixtures/datafiles"


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    raw = (np.arange(count) * 37 + 11) % 101
    kind = np.dtype(dtype).kind
    if kind == "b":
        data = raw % 2 == 0
    elif kind == "u":
        data = raw
    elif kind == "f":
        data = (raw - 50) / 8
    else:
        data = raw - 50
    return data.astype(dtype).reshape(shape)


def npy() -> None:
    for name in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1"]:
        np.save(OUT / f"{name}.npy", values(name, (2, 3)))
    for name in [">f2", ">f4", ">f8", ">i2", ">i4", ">i8", ">u2", ">u4"]:
        np.save(OUT / f"big_{name[1:]}.npy", values(name, (2, 3)))
    np.save(OUT / "fortran.npy", np.asfortranarray(values("f4", (2, 3, 4))))
    np.save(OUT / "fortran_big_u2.npy", np.asfortranarray(values(">u2", (3, 2))))
    np.save(OUT / "scalar.npy", values("f8", ()))
    np.save(OUT / "vector.npy", values("i8", (5,)))
    np.save(OUT / "empty.npy", values("f4", (0, 3)))
    for version in [(2, 0), (3, 0)]:
        with open(OUT / f"version{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, values("f4", (2, 3)), version=version)
    np.save(OUT / "refused_u8.npy", values("u8", (2,)))
    np.save(OUT / "refused_c8.npy", np.zeros(2, "c8"))
    np.save(OUT / "refused_text.npy", np.array(["ab"]))
    np.save(OUT / "refused_object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(OUT / "refused_record.npy", np.zeros(1, [("a", "<f4"), ("b", "<i4")]))


def npz() -> None:
    arrays = {
        "x": values("f4", (2, 3)),
        "z.eps": values("f8", (4,)),
        "encoder/fc1.W": values("i4", (1, 2)),
        "潜在": values("i8", ()),
        "mask": values("b1", (3,)),
        "none": values("f4", (0,)),
        "zeros": np.zeros((8, 64), "f4"),
    }
    np.savez(OUT / "stored.npz", **arrays)
    np.savez_compressed(OUT / "compressed.npz", **arrays)
    np.savez(OUT / "no_arrays.npz")


def safetensors() -> None:
    save_file(
        {
            "a.W": values("f4", (2, 3)),
            "b": values("f8", ()),
            "mask": values("b1", (3,)),
            "step": values("i8", (1,)),
            "n": values("i4", (0, 2)),
        },
        OUT / "tensors.safetensors",
        metadata={"format": "np", "note": 'a "quoted" ü\n'},
    )
    save_file({"h": values("f2", (2,))}, OUT / "refused_f16.safetensors")


def idx() -> None:
    def file(array: np.ndarray) -> bytes:
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        return head + array.tobytes()

    images = file(values("u1", (3, 2, 4)))
    (OUT / "images-idx3-ubyte").write_bytes(images)
    (OUT / "images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
    halves = gzip.compress(images[:9], mtime=0) + gzip.compress(images[9:], mtime=0)
    (OUT / "two-members.gz").write_bytes(halves)
    (OUT / "labels-idx1-ubyte").write_bytes(file(values("u1", (3,))))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    npy()
    npz()
    safetensors()
    idx()
    total = sum(path.stat().st_size for path in OUT.iterdir())
    print(f"{OUT}: {len(list(OUT.iterdir()))} files, {total} bytes")
