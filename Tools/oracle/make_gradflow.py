"""The gradient round the sampling node: gradflow_golden.json and gradflow_vae_pytorch_small.json.

Run:
  python3 -m venv .venv-oracle && .venv-oracle/bin/pip install numpy torch
  .venv-oracle/bin/python Tools/oracle/make_gradflow.py

1. gradflow_golden.json: the linear-Gaussian VAE, x = 2, p(x|z) = N(z, 1), p(z) = N(0, 1),
   q = N(mu, e^logvar) with mu = 0.5, logvar = 0. Every expectation over eps ~ N(0, 1) is a
   Gauss-Hermite sum of 64 nodes, exact here (the integrands are polynomials of degree ≤ 12).
   With f = -log p(x|z), g = f'(z), s = sigma, KL the analytic gradient, per draw:

     estimator                  d/dmu                         d/dlogvar
     pathwise_analytic_kl       g + mu                        g·s·eps/2 + (s² - 1)/2
     pathwise_mc_kl             g + z                         g·s·eps/2 + z·s·eps/2 - 1/2
     stl                        g + z - eps/s                 (g + z - eps/s)·s·eps/2
     score (baseline b)         (f - b)·eps/s + mu            (f - b)·(eps² - 1)/2 + (s² - 1)/2

   b = 0; E f ("mean"); E[f·score²]/E[score²], one per parameter ("best").
   Sources: Kingma & Welling 2014 (pathwise); Roeder, Wu & Duvenaud 2017 (stl, sticking the landing);
   Williams 1992 (score); Greensmith, Bartlett & Baxter 2004 (best baseline).
   snr = |mean|/sd; draws_for_10_percent = (sd/(0.1·mean))²; all for one draw.

2. gradflow_vae_pytorch_small.json: for the arrays of vae_pytorch_small_f64_*.npz (run
   make_vae_gradients.py first), the gradients of bce, of kld, and of the loss with respect to z, mu
   and logvar, each by its own reverse pass, with norms (Frobenius) and the cosine between the parts.
   A null gradient is "not connected", which is not the same as zero.
"""

import math

import numpy as np
import torch

from make_vae_gradients import INPUTS, vae_pytorch
from oracle_common import FIXTURES, array_json, write_json

# 1. The golden instance.


def golden(x=2.0, mu=0.5, logvar=0.0):
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = weights / np.sqrt(2 * np.pi)

    def expect(values):
        return float(np.sum(weights * values))

    eps, s = nodes, math.exp(logvar / 2)
    z = mu + s * eps
    log_2pi = math.log(2 * math.pi)
    f = 0.5 * (x - z) ** 2 + 0.5 * log_2pi
    g = z - x
    log_ratio = (-0.5 * eps**2 - logvar / 2) - (-0.5 * z**2)  # log q - log p

    recon, kl = expect(f), expect(log_ratio)
    assert math.isclose(kl, (mu**2 + s**2 - logvar - 1) / 2)
    # p(x) = E over the prior of p(x|z); 64 nodes do for this smooth integrand.
    log_p = math.log(expect(np.exp(-0.5 * (x - nodes) ** 2 - 0.5 * log_2pi)))
    assert math.isclose(log_p, -0.5 * x**2 / 2 - 0.5 * math.log(4 * math.pi), rel_tol=1e-12)

    scores = {"mu": eps / s, "logvar": (eps**2 - 1) / 2}
    path = {"mu": np.ones_like(eps), "logvar": s * eps / 2}  # dz/dparameter
    kl_part = {"mu": mu, "logvar": (s**2 - 1) / 2}

    def row(samples):
        mean = expect(samples)
        variance = expect((samples - mean) ** 2)
        return {
            "mean": mean,
            "variance": variance,
            "snr": abs(mean) / math.sqrt(variance),
            "draws_for_10_percent": variance / (0.1 * mean) ** 2,
        }

    def both(per_draw):
        return {p: row(per_draw(p)) for p in ("mu", "logvar")}

    direct = {"mu": 0.0, "logvar": -0.5}  # of log q(z(eps)) = -eps²/2 - logvar/2 + const
    mean_b = recon
    best_b = {p: expect(f * scores[p] ** 2) / expect(scores[p] ** 2) for p in scores}
    return {
        "source": f"Tools/oracle/make_gradflow.py, NumPy {np.__version__}, Gauss-Hermite, 64 nodes",
        "point": {"x": x, "mu": mu, "logvar": logvar},
        "terms": {
            "loss": recon + kl, "recon": recon, "kl": kl, "log_p_x": log_p, "gap": recon + kl + log_p,
        },
        "path_split": {
            p: {"recon": expect(g * path[p]), "kl": kl_part[p], "total": expect(g * path[p]) + kl_part[p]}
            for p in ("mu", "logvar")
        },
        "baselines": {"mean": mean_b, "best": best_b},
        "estimators": {
            "pathwise_analytic_kl": both(lambda p: g * path[p] + kl_part[p]),
            "pathwise_mc_kl": both(lambda p: (g + z) * path[p] + direct[p]),
            "stl": both(lambda p: (g + z - eps / s) * path[p]),
            "score_no_baseline": both(lambda p: f * scores[p] + kl_part[p]),
            "score_mean_baseline": both(lambda p: (f - mean_b) * scores[p] + kl_part[p]),
            "score_best_baseline": both(lambda p: (f - best_b[p]) * scores[p] + kl_part[p]),
        },
    }  # fmt: skip


# 2. The split of a real VAE's gradient.


def split():
    p = {}
    for part in ("inputs", "params"):
        with np.load(FIXTURES / f"vae_pytorch_small_f64_{part}.npz") as arrays:
            p |= {name: torch.tensor(arrays[name]) for name in arrays.files}
    for name in p:
        p[name].requires_grad_(name not in INPUTS)
    nodes = vae_pytorch(p)
    document = {
        "source": f"Tools/oracle/make_gradflow.py, PyTorch {torch.__version__}, f64",
        "terms": {name: nodes[name].item() for name in ("loss", "bce", "kld")},
    }
    for name in ("z", "mu", "logvar"):
        parts = {}
        for root in ("bce", "kld", "loss"):
            (g,) = torch.autograd.grad(nodes[root], nodes[name], retain_graph=True, allow_unused=True)
            parts[root] = g
        bce, kld, total = parts["bce"], parts["kld"], parts["loss"]
        entry = {f"d_{root}/d_{name}": None if g is None else array_json(g) for root, g in parts.items()}
        entry["norms"] = {root: None if g is None else g.norm().item() for root, g in parts.items()}
        if kld is not None:
            assert torch.allclose(bce + kld, total, rtol=1e-14, atol=1e-14)
            entry["cosine"] = ((bce * kld).sum() / (bce.norm() * kld.norm())).item()
        document[name] = entry
    return document


write_json("gradflow_golden.json", golden())
write_json("gradflow_vae_pytorch_small.json", split())
