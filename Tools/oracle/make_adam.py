"""Five steps of Adam and of SGD with momentum, by torch.optim in f64: optimizers.json.

Run:
  python3 -m venv .venv-oracle && .venv-oracle/bin/pip install numpy torch
  .venv-oracle/bin/python Tools/oracle/make_adam.py

The gradients are given, not computed; "runs" tells each optimiser's settings and, after each step,
the parameter and the optimiser's state.

  adam (Kingma & Ba 2015, algorithm 1; t counts from 1)
    m = beta1·m + (1 - beta1)·g;  v = beta2·v + (1 - beta2)·g²
    p = p - lr·(m / (1 - beta1^t)) / (√(v / (1 - beta2^t)) + eps)
  sgd_momentum (PyTorch's form: no dampening, not Nesterov)
    m = momentum·m + g;  p = p - lr·m

Row 2 of the gradients is about eps in size, so that a misplaced eps shows; row 1 has exact zeros.
"""

import torch

from oracle_common import array_json, write_json

torch.set_num_threads(1)
RNG = torch.Generator().manual_seed(20)
STEPS = 5


def normal(*shape):
    return torch.randn(shape, generator=RNG, dtype=torch.float64)


def gradient(step):
    g = normal(3, 4)
    g[1, :2] = 0
    if step % 2 == 1:
        g[1, 2] = 0
    g[2] *= 1e-8
    return g


START = normal(3, 4)
GRADIENTS = [gradient(step) for step in range(STEPS)]


def run(optimizer_class, settings, state_names):
    """`settings` go to torch as they are; `state_names` maps our names of the state to torch's."""
    p = torch.nn.Parameter(START.clone())
    optimizer = optimizer_class([p], **settings)
    steps = []
    for g in GRADIENTS:
        p.grad = g.clone()
        optimizer.step()
        state = {ours: array_json(optimizer.state[p][theirs]) for ours, theirs in state_names.items()}
        steps.append({"parameter": array_json(p.detach())} | state)
    return steps


ADAM = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
SGD = {"lr": 1e-2, "momentum": 0.9}

write_json("optimizers.json", {
    "source": f"Tools/oracle/make_adam.py, torch.optim of PyTorch {torch.__version__}, f64",
    "parameter": array_json(START),
    "gradients": [array_json(g) for g in GRADIENTS],
    "runs": [
        {"optimizer": "adam", "lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8,
         "steps": run(torch.optim.Adam, ADAM, {"m": "exp_avg", "v": "exp_avg_sq"})},
        {"optimizer": "sgd_momentum", **SGD,
         "steps": run(torch.optim.SGD, SGD, {"m": "momentum_buffer"})},
    ],
})  # fmt: skip
