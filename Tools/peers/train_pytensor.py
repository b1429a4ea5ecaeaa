"""PyTensor: one training step as one function with updates, in the first mode that works."""

import time

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.random.utils import RandomStream

import peer

pytensor.config.floatX = "float32"
ONE = np.float32(1)
ACTIVATIONS = {"relu": lambda v: pt.maximum(v, np.float32(0)), "softplus": pt.softplus}


def graph(options):
    """The loss, its parameters as shared variables, and their first values."""
    facts = peer.MODELS[options.model]
    activation = ACTIVATIONS[facts["activation"]]
    start = peer.weights(options.model, options.latent)
    params = []

    def dense(layer, h):
        W, b = (pytensor.shared(np.ascontiguousarray(a.T)) for a in layer)
        params.extend([W, b])
        return h @ W + b

    x = pytensor.shared(peer.images(options.batch))
    h = x
    for layer in start["encoder"]:
        h = activation(dense(layer, h))
    mu, logvar = dense(start["mu"], h), dense(start["logvar"], h)
    noise = RandomStream(1).normal(0, 1, size=(options.batch, options.latent)).astype("float32")
    h = mu + pt.exp(np.float32(0.5) * logvar) * noise
    for layer in start["decoder"][:-1]:
        h = activation(dense(layer, h))
    logits = dense(start["decoder"][-1], h)
    bce = pt.sum(pt.softplus(logits) - logits * x)
    kld = np.float32(-0.5) * pt.sum(ONE + logvar - mu**2 - pt.exp(logvar))
    scale = np.float32(1 / options.batch if facts["mean"] else 1)
    return (bce + kld) * scale, params


def adam(loss, params):
    """The updates of one step, and the variables that hold Adam's state."""
    rate, beta1, beta2, epsilon = map(np.float32, (1e-3, 0.9, 0.999, 1e-8))
    t = pytensor.shared(np.float32(0))
    now = t + ONE
    updates, state = [(t, now)], [t]
    for p, g in zip(params, pytensor.grad(loss, params)):
        m, v = (pytensor.shared(np.zeros_like(p.get_value())) for _ in range(2))
        state += [m, v]
        m_now = beta1 * m + (ONE - beta1) * g
        v_now = beta2 * v + (ONE - beta2) * g * g
        step = rate * (m_now / (ONE - beta1**now)) / (pt.sqrt(v_now / (ONE - beta2**now)) + epsilon)
        updates += [(m, m_now), (v, v_now), (p, p - step)]
    return [(a, b.astype(a.dtype)) for a, b in updates], state


def main():
    answers = peer.Answers()
    options = peer.arguments()
    failures = []
    for mode in ["NUMBA", "FAST_RUN"]:
        try:
            loss, params = graph(options)
            updates, state = adam(loss, params)
            first = [a.get_value() for a in params + state]
            start = time.perf_counter()
            function = pytensor.function([], loss, updates=updates, mode=mode)
            function()
            compiling = time.perf_counter() - start
            break
        except Exception as error:  # whatever a back end fails with, the next one is tried
            failures.append(f"{mode}: {error!r}")
    else:
        raise SystemExit("; ".join(failures)[:400])

    def reset():
        for variable, value in zip(params + state, first):
            variable.set_value(value)

    def run(steps):
        for _ in range(steps):
            loss = function()
        return loss

    peer.serve(
        answers, reset, run, compiling=compiling, version=pytensor.__version__, note=mode.lower()
    )


if __name__ == "__main__":
    main()
