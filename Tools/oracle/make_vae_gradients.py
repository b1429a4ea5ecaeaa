"""Values and gradients of the two VAEs (vae_pytorch, vae_chainer) by PyTorch's autograd.

Run:
  python3 -m venv .venv-oracle && .venv-oracle/bin/pip install numpy torch
  .venv-oracle/bin/python Tools/oracle/make_vae_gradients.py

Writes, for MODEL in vae_pytorch, vae_chainer:

1. Small size, whole arrays, for DTYPE in f32, f64:
     MODEL_small_DTYPE_inputs.npz     x, z.eps
     MODEL_small_DTYPE_params.npz     fc1.W, fc1.b, ...         (W is [out, in]; y = x·Wᵀ + b)
     MODEL_small_DTYPE_expected.npz   outputs and nodes by name, gradients as "d_loss/d_<name>"
     MODEL_small_f32_expected_wide.npz  the same keys, in f64 arithmetic from the f32 files
   The f32 inputs and parameters are the f64 ones rounded to nearest, ties to even. The wide file
   is what an error of an f32 run is to be measured against.

2. Full size, summaries only: MODEL_full.json. Inputs and parameters come from integers alone, so
   that any language makes them again bit for bit:

     h      = FNV-1a-64 of the UTF-8 bytes of the array's name ("x", "z.eps", "fc1.W", ...)
     s      = h + i  (mod 2^64)                   i = row-major element index, from 0
     z      = s + 0x9E3779B97F4A7C15              (mod 2^64, as is every line below)
     z      = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
     z      = (z ^ (z >> 27)) * 0x94D049BB133111EB
     z      =  z ^ (z >> 31)                      which is splitmix64 with the state s
     u      = (z >> 11) * 2^-53                   a double in [0, 1)

     kind "symmetric":  value = (2u - 1) * 2^log2_scale        uniform in ±2^log2_scale
     kind "sparse":     value = u < 0.75 ? 0 : (u - 0.75) * 4  mostly 0, in [0, 1)

   Each step is exact in f64. For f32 the f64 value is rounded to nearest, ties to even. "arrays" in
   the JSON tells each array's shape, kind and log2_scale. z.eps is uniform in ±2: the gradient
   formulas do not care where the noise came from.

   "results" has three columns: f64; f32; and wide, f64 arithmetic from the f32 arrays. For each
   value or gradient g of n elements, all reductions of f32 results being done in f64:
     at / entries    fixed row-major positions 0, 1, n/3, n/2, n-1 (floor) and of the largest |g| in
                     f64, and g there
     sum, l1, l2, max_abs    Σg, Σ|g|, √Σg², max|g|
     projection      Σ g_i·(2u_i - 1) with u from the name "projection/" + key
   sum and projection cancel: allow errors relative to l1, not to themselves.

Sources: Kingma & Welling 2014, appendix B (KL), C.1 (Bernoulli decoder); the PyTorch article's
loss; the Chainer article's loss, operation by operation. softplus is logaddexp(x, 0): PyTorch's own
is cut off at 20 and is 2e-9 wrong there.

Reproducible to the bit with one thread on one machine; elsewhere to a few ulp.
"""

import numpy as np
import torch
import torch.nn.functional as F

from oracle_common import FIXTURES, MASK64, fnv1a64, write_json

torch.set_num_threads(1)


# The models. `p` maps names to tensors; each returns its nodes by name, in the order of computing.


def linear(p, layer, x):
    return x @ p[f"{layer}.W"].T + p[f"{layer}.b"]


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))


def sample(mean, log_variance, eps):
    return mean + torch.exp(log_variance / 2) * eps


def vae_pytorch(p):
    n = {}
    n["a1"] = linear(p, "fc1", p["x"])
    h1 = torch.relu(n["a1"])
    n["mu"] = linear(p, "fc_mu", h1)
    n["logvar"] = linear(p, "fc_logvar", h1)
    n["z"] = sample(n["mu"], n["logvar"], p["z.eps"])
    n["a2"] = linear(p, "fc2", n["z"])
    n["logits"] = linear(p, "fc3", torch.relu(n["a2"]))
    n["recon"] = torch.sigmoid(n["logits"])
    n["bce"] = F.binary_cross_entropy_with_logits(n["logits"], p["x"], reduction="sum")
    n["kld"] = -0.5 * torch.sum(1 + n["logvar"] - n["mu"] ** 2 - torch.exp(n["logvar"]))
    n["loss"] = n["bce"] + n["kld"]
    return n


def vae_chainer(p):
    n = {}
    batch = p["x"].shape[0]
    k, c = 1, 1.0
    n["enc_h1"] = softplus(linear(p, "le1", p["x"]))
    n["enc_h2"] = softplus(linear(p, "le2", n["enc_h1"]))
    n["z_mu"] = mu = linear(p, "le3_mu", n["enc_h2"])
    n["z_ln_var"] = ln_var = linear(p, "le3_ln_var", n["enc_h2"])
    n["z"] = sample(mu, ln_var, p["z.eps"])
    n["dec_h1"] = softplus(linear(p, "ld1", n["z"]))
    n["dec_h2"] = softplus(linear(p, "ld2", n["dec_h1"]))
    n["dec_h3"] = h3 = linear(p, "ld3", n["dec_h2"])
    n["reconstruction error"] = 0 + torch.sum(softplus(h3) - h3 * p["x"]) * (1 / (k * batch))
    kl = torch.sum((mu * mu + torch.exp(ln_var) - ln_var - 1) * 0.5)
    n["latent loss"] = (kl * c) * (1 / batch)
    n["loss"] = n["reconstruction error"] + n["latent loss"]
    return n


def layers_pytorch(d, h, z):
    return [("fc1", d, h), ("fc_mu", h, z), ("fc_logvar", h, z), ("fc2", z, h), ("fc3", h, d)]


def layers_chainer(d, h, z):
    return [
        ("le1", d, h), ("le2", h, h), ("le3_mu", h, z), ("le3_ln_var", h, z),
        ("ld1", z, h), ("ld2", h, h), ("ld3", h, d),
    ]  # fmt: skip


class Model:
    def __init__(self, name, forward, layers, small, full, terms, through, kinks):
        self.name, self.forward, self.layers = name, forward, layers
        self.small, self.full = small, full  # (N, D, H, Z)
        self.terms = terms  # the roots that add up to the loss
        self.through = through  # intermediate nodes whose gradient is wanted
        self.kinks = kinks  # what goes into relu; dropped from the fixtures

    def shapes(self, size):
        """Input and parameter names with their shapes, in order."""
        n, d, h, z = size
        shapes = {"x": (n, d), "z.eps": (n, z)}
        for layer, fan_in, fan_out in self.layers(d, h, z):
            shapes[f"{layer}.W"] = (fan_out, fan_in)
            shapes[f"{layer}.b"] = (fan_out,)
        return shapes


MODELS = [
    Model("vae_pytorch", vae_pytorch, layers_pytorch, (7, 13, 11, 3), (64, 784, 128, 20),
          ("bce", "kld"), ("z", "mu", "logvar"), ("a1", "a2")),
    Model("vae_chainer", vae_chainer, layers_chainer, (5, 17, 9, 4), (100, 784, 500, 20),
          ("reconstruction error", "latent loss"), ("z", "z_mu", "z_ln_var"), ()),
]  # fmt: skip

INPUTS = ("x", "z.eps")


def evaluate(model, arrays, dtype):
    """Nodes by name and `d_loss/d_<name>` for every parameter and the intermediates, as NumPy."""
    p = {name: torch.tensor(a, dtype=dtype) for name, a in arrays.items()}
    parameters = [name for name in p if name not in INPUTS]
    for name in parameters:
        p[name].requires_grad_()
    nodes = model.forward(p)
    for kink in model.kinks:
        # Nearer to relu's kink, f32 and f64 could stand on different sides of it.
        gap = nodes.pop(kink).abs().min().item()
        assert gap > 1e-5, f"{model.name}: {kink} comes within {gap} of relu's kink"
    wrt = {name: p[name] for name in parameters} | {name: nodes[name] for name in model.through}
    gradients = torch.autograd.grad(nodes["loss"], list(wrt.values()))
    results = {name: value.detach() for name, value in nodes.items()}
    results |= {f"d_loss/d_{name}": g for name, g in zip(wrt, gradients)}
    # Row-major, as autograd hands out transposed views, which NumPy would save as fortran_order.
    return {name: np.array(value.numpy(), order="C") for name, value in results.items()}


# 1. Small: whole arrays.


def small_arrays(model, seed=20):
    """f64, from NumPy's PCG64."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in model.shapes(model.small).items():
        if name == "x":
            u = rng.random(shape)
            arrays[name] = np.where(u < 0.7, 0.0, (u - 0.7) / 0.3)
        elif name == "z.eps":
            arrays[name] = rng.standard_normal(shape)
        elif name.endswith(".W"):
            arrays[name] = rng.uniform(-1, 1, shape) * 2 / np.sqrt(shape[1])
        else:
            arrays[name] = rng.uniform(-0.5, 0.5, shape)
    return arrays


def write_npz(name, arrays):
    path = FIXTURES / name
    np.savez(path, **arrays)
    with np.load(path) as back:
        assert set(back.files) == set(arrays)
        assert all(np.array_equal(back[k], v) and back[k].dtype == v.dtype for k, v in arrays.items())
    print(f"{name}: {path.stat().st_size} bytes")


def write_small(model):
    exact = small_arrays(model)
    for label, dtype, torch_dtype in (("f32", np.float32, torch.float32), ("f64", np.float64, torch.float64)):
        arrays = {name: a.astype(dtype) for name, a in exact.items()}
        stem = f"{model.name}_small_{label}"
        write_npz(f"{stem}_inputs.npz", {n: a for n, a in arrays.items() if n in INPUTS})
        write_npz(f"{stem}_params.npz", {n: a for n, a in arrays.items() if n not in INPUTS})
        write_npz(f"{stem}_expected.npz", evaluate(model, arrays, torch_dtype))
        if label == "f32":
            write_npz(f"{stem}_expected_wide.npz", evaluate(model, arrays, torch.float64))


# 2. Full: arrays from the hash, summaries only.


def hash_uniform(name, count):
    """u of the docstring for elements 0..<count; unsigned 64-bit NumPy arithmetic wraps."""
    s = np.arange(count, dtype=np.uint64) + np.uint64(fnv1a64(name))
    z = s + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hash_uniform_at(name, index):
    """The same in Python's integers, as a check on the wrapping."""
    z = (fnv1a64(name) + index + 0x9E3779B97F4A7C15) & MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def full_specs(model):
    """The rule of each array. A weight's scale is the power of two next below 1/√fan_in, or it."""
    specs = {}
    for name, shape in model.shapes(model.full).items():
        if name == "x":
            specs[name] = {"shape": shape, "kind": "sparse"}
        else:
            scale = 1 if name == "z.eps" else -4
            if name.endswith(".W"):
                scale = int(np.floor(-0.5 * np.log2(shape[1])))
            specs[name] = {"shape": shape, "kind": "symmetric", "log2_scale": scale}
    return specs


def full_array(name, spec):
    u = hash_uniform(name, int(np.prod(spec["shape"])))
    if spec["kind"] == "sparse":
        values = np.where(u < 0.75, 0.0, (u - 0.75) * 4)
    else:
        values = (2 * u - 1) * 2.0 ** spec["log2_scale"]
    return values.reshape(spec["shape"])


def summary(key, array, positions):
    g = array.astype(np.float64).reshape(-1)
    if g.size == 1:
        return float(g[0])
    return {
        "entries": g[positions].tolist(),
        "sum": float(g.sum()),
        "l1": float(np.abs(g).sum()),
        "l2": float(np.sqrt(np.square(g).sum())),
        "max_abs": float(np.abs(g).max()),
        "projection": float(g @ (2 * hash_uniform("projection/" + key, g.size) - 1)),
    }


def write_full(model):
    specs = full_specs(model)
    exact = {name: full_array(name, spec) for name, spec in specs.items()}
    f32 = {name: a.astype(np.float32) for name, a in exact.items()}
    columns = {
        "f64": evaluate(model, exact, torch.float64),
        "f32": evaluate(model, f32, torch.float32),
        "wide": evaluate(model, f32, torch.float64),
    }
    results = {}
    for key, value in columns["f64"].items():
        n = value.size
        row = {"shape": list(value.shape)}
        positions = []
        if n > 1:
            positions = [0, 1, n // 3, n // 2, n - 1, int(np.abs(value).argmax())]
            row["at"] = positions
        row |= {column: summary(key, r[key], positions) for column, r in columns.items()}
        results[key] = row
    for name in specs:
        assert all(hash_uniform_at(name, i) == hash_uniform(name, 10)[i] for i in range(10))
    write_json(f"{model.name}_full.json", {
        "source": f"Tools/oracle/make_vae_gradients.py, PyTorch {torch.__version__}, NumPy {np.__version__}",
        "dims": dict(zip("NDHZ", model.full)),
        "arrays": specs,
        # The first values of each array, to check a re-implementation of the formula.
        "array_checks": {
            name: {"fnv1a64": f"{fnv1a64(name):016x}", "first": a.reshape(-1)[:4].tolist(),
                   "last": float(a.reshape(-1)[-1]), "sum": float(a.sum())}
            for name, a in exact.items()
        },
        "results": results,
    })  # fmt: skip


if __name__ == "__main__":
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        write_small(model)
        write_full(model)
