"""What the oracle scripts share: where fixtures go, how JSON is written, and the name hash.

The oracles share no code with Ayatori; they use PyTorch, NumPy and plain Python.
"""

import json
import pathlib

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Tests/AyatoriTests/Fixtures/oracle"

MASK64 = (1 << 64) - 1


def fnv1a64(name: str) -> int:
    """FNV-1a, 64 bits, of the UTF-8 bytes. Fowler, Noll & Vo; RFC 9923."""
    h = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        h = ((h ^ byte) * 0x00000100000001B3) & MASK64
    return h


def array_json(array) -> dict:
    """{shape, values}: values flat in row-major order, a scalar has shape []."""
    return {"shape": list(array.shape), "values": array.reshape(-1).tolist()}


def write_json(name: str, document: dict) -> None:
    """One line per entry of the top level, and of a list or object on it, so that diffs can be read.

    Python prints the shortest decimal that reads back as the same double (at most 17 significant
    digits). NaN and infinities are refused.
    """

    def line(value) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def block(value) -> str:
        if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
            return "[\n" + ",\n".join(line(v) for v in value) + "\n]"
        if isinstance(value, dict) and value:
            return "{\n" + ",\n".join(f"{line(k)}:{line(v)}" for k, v in value.items()) + "\n}"
        return line(value)

    text = "{\n" + ",\n".join(f"{line(k)}: {block(v)}" for k, v in document.items()) + "\n}\n"
    FIXTURES.mkdir(parents=True, exist_ok=True)
    (FIXTURES / name).write_text(text, encoding="utf-8")
    print(f"{name}: {len(text.encode('utf-8'))} bytes")
