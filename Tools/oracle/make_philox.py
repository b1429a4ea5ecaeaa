"""Known answers of Philox4x32-10 and of Ayatori's noise streams: philox.json. Plain Python only.

Run:
  python3 Tools/oracle/make_philox.py

Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
section 3.3; the constants and known answers are Random123's (philox.h; tests/kat_vectors, lines
"philox4x32 10"). The vectors below are typed from there, and this file's own Philox must meet them.

A stream, for a seed (64 bits), a node's name, a step and a range of elements:

  h          = FNV-1a-64 of the name's UTF-8 bytes
  key        = first two words of philox4x32_10(counter = [lo(h), hi(h), 0x41595A31, 0],
                                                key = [lo(seed), hi(seed)])
  block j    = philox4x32_10(counter = [lo(j), hi(j), lo(step), hi(step)], key)
             = the words of elements 4j..4j+3                      (lo, hi: low and high 32 bits)
  uniform    = (w >> 8)·2^-24                                      in [0, 1), exact in f32
  normal     Box & Muller 1958, in f64, on (w0, w1) and (w2, w3):
             u = (w0 + 1)·2^-32 in (0, 1], v = w1·2^-32, r = √(-2 ln u)
             elements r·cos(2πv), r·sin(2πv)

Normals depend on the C library's last bit, and on the rounding of 2πv: compare to 1e-14 absolute.
Integers that may pass 2^53, and words, are hexadecimal strings.
"""

import math

from oracle_common import fnv1a64, write_json

MASK32 = 0xFFFFFFFF


def lo(x):
    return x & MASK32


def hi(x):
    return (x >> 32) & MASK32


def philox4x32_10(counter, key):
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0 = 0xD2511F53 * c0
        p1 = 0xCD9E8D57 * c2
        c0, c1, c2, c3 = hi(p1) ^ c1 ^ k0, lo(p1), hi(p0) ^ c3 ^ k1, lo(p0)
        k0 = lo(k0 + 0x9E3779B9)
        k1 = lo(k1 + 0xBB67AE85)
    return [c0, c1, c2, c3]


# Random123, tests/kat_vectors: counter, key, answer.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(w, 16) for w in text.split()]


for counter, key, answer in KNOWN_ANSWERS:
    assert philox4x32_10(words(counter), words(key)) == words(answer)


def hex32(values):
    return [f"{v:08x}" for v in values]


def box_muller(w0, w1):
    r = math.sqrt(-2 * math.log((w0 + 1) * 2.0**-32))
    angle = 2 * math.pi * (w1 * 2.0**-32)
    return [r * math.cos(angle), r * math.sin(angle)]


def stream(seed, name, step, first=0, count=10):
    """`first` is a multiple of 4."""
    h = fnv1a64(name)
    key = philox4x32_10([lo(h), hi(h), 0x41595A31, 0], [lo(seed), hi(seed)])[:2]
    w, normals = [], []
    for j in range(first // 4, first // 4 + (count + 3) // 4):
        block = philox4x32_10([lo(j), hi(j), lo(step), hi(step)], key)
        w += block
        normals += box_muller(*block[:2]) + box_muller(*block[2:])
    return {
        "seed": f"{seed:016x}", "name": name, "step": f"{step:016x}", "first_element": f"{first:016x}",
        "name_hash": f"{h:016x}", "key": hex32(key), "words": hex32(w[:count]),
        "uniform": [(v >> 8) * 2.0**-24 for v in w[:count]],
        "normal": normals[:count],
    }  # fmt: skip


STREAMS = [
    stream(seed, name, step)
    for seed in (0, 1, 2**40 + 3)
    for name in ("z.eps", "init/fc1.W")
    for step in (0, 1, 2**33)
]
# A block index past 32 bits, and a name beyond ASCII.
STREAMS += [stream(1, "z.eps", 1, first=4 * 2**32 + 8), stream(1, "雑音.ε", 0)]

write_json("philox.json", {
    "source": "Tools/oracle/make_philox.py; known answers: Random123, tests/kat_vectors, philox4x32 10",
    "known_answers": [
        {"counter": c.split(), "key": k.split(), "answer": a.split()} for c, k, a in KNOWN_ANSWERS
    ],
    "streams": STREAMS,
})  # fmt: skip
