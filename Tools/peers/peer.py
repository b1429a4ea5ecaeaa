"""What the contenders share: the models, their weights and inputs, MNIST's files, and the talk.

A contender is a process that stays alive between rounds, so that it compiles once and its rounds
can be taken in turn with the others'. It prints one JSON line when it is ready, and one for each
line "round N" that it reads: it goes back to its first weights, runs N steps to warm up, as
`ayatori bench` does, then N that count. `Tools/peers/bench.py` is at the other end.
"""

import argparse
import ctypes
import gc
import gzip
import json
import os
import pathlib
import signal
import sys
import time

import numpy as np

PIXELS = 784
MODELS = {
    "vae_pytorch": {"hidden": [128], "activation": "relu", "mean": False},
    "vae_chainer": {"hidden": [500, 500], "activation": "softplus", "mean": True},
}


def arguments(*extra):
    """The common flags; `extra` are the names of a script's own on-off flags."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=MODELS, default="vae_pytorch")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--latent", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=10)
    for name in extra:
        parser.add_argument("--" + name, action="store_true")
    return parser.parse_args()


# ---- what is computed on


def weights(model, latent):
    """(W, b) of every layer, W as [out, in]: encoder, the two heads, decoder; the same for all."""
    rng = np.random.default_rng(0)
    hidden = MODELS[model]["hidden"]

    def layer(fan_in, out):
        bound = fan_in**-0.5
        return (
            rng.uniform(-bound, bound, (out, fan_in)).astype(np.float32),
            rng.uniform(-bound, bound, out).astype(np.float32),
        )

    down = [PIXELS] + hidden
    up = [latent] + hidden[::-1] + [PIXELS]
    return {
        "encoder": [layer(a, b) for a, b in zip(down, down[1:])],
        "mu": layer(hidden[-1], latent),
        "logvar": layer(hidden[-1], latent),
        "decoder": [layer(a, b) for a, b in zip(up, up[1:])],
    }


def images(batch):
    return np.random.default_rng(1).random((batch, PIXELS), dtype=np.float32)


def latents(batch, latent):
    return np.random.default_rng(2).standard_normal((batch, latent), dtype=np.float32)


def idx_images(directory, split):
    """The images of an MNIST-like set, f32 in [0, 1], from its IDX file, plain or gzipped."""
    plain = directory / f"{split}-images-idx3-ubyte"
    if plain.exists():
        data = plain.read_bytes()
    else:
        data = gzip.decompress(plain.with_name(plain.name + ".gz").read_bytes())
    count = int.from_bytes(data[4:8], "big")
    pixels = np.frombuffer(data, np.uint8, offset=16).reshape(count, PIXELS)
    return pixels.astype(np.float32) / np.float32(255)


# ---- the talk


class Answers:
    """Standard output for the answers alone: what libraries print there goes to standard error."""

    def __init__(self):
        self.file = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        # A contender sleeps between its rounds; it must not outlive the one who wakes it.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    def say(self, **facts):
        print(json.dumps(facts), file=self.file)


def serve(answers, reset, run, **facts):
    """Answers rounds. `reset()` goes back to the start, `run(n)` takes n steps and waits for the
    last, and returns a number: the loss, or the mean of what was decoded."""
    reset()
    answers.say(first=float(run(1)), **facts)
    for line in sys.stdin:
        steps = int(line.split()[1])
        reset()
        run(steps)
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        last = run(steps)
        seconds = time.perf_counter() - start
        gc.enable()
        answers.say(us=seconds / steps * 1e6, steps=steps, last=float(last))
