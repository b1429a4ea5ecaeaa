"""Values and gradients of every op, by PyTorch's autograd in f64: op_values.json.

Run:
  python3 -m venv .venv-oracle && .venv-oracle/bin/pip install numpy torch
  .venv-oracle/bin/python Tools/oracle/make_ops.py

"cases" is a list of

  {op, operands: [array], attributes: {...}, value: array, cotangent: array, gradients: [array|null],
   second?: {tangents: [array], gradients: [array], cotangent_gradient: array}}

  array              {shape, values, dtype?}: row-major; dtype is f64 unless given (i64; bool as 0/1)
  gradients          of <cotangent, value>, one for each operand; null where there is no gradient
                     (indices, conditions, the noise of `sample`)
  second             of s = Σ_i <tangents_i, gradients_i>: its gradients with respect to the operands,
                     and to the cotangent (which is the forward-mode derivative along the tangents)

What an op means, where its name leaves it open:

  sign, heaviside    the derivative is recorded as zero; it may as well be reported as disconnected
  select             (condition, a, b) = condition ? a : b
  sum mean max min logsumexp     attributes axes, keepdims
  log_softmax        x - logsumexp(x, axes, keepdims)
  matmul             attributes transpose_a, transpose_b (of the last two axes); leading axes broadcast
  linear             (x, W, b) = x·Wᵀ + b
  slice              starts, stops, steps, for each axis; stops are exclusive
  gather             (x, indices), axis: the result's shape is x's with that axis replaced by the
                     shape of indices (numpy.take); an index may come twice
  one_hot            (indices), depth: a new last axis
  bernoulli_nll      (x, logits) = softplus(logits) - x·logits, elementwise
  kl_normal          (mean, log_variance) = (mean² + e^log_variance - 1 - log_variance) / 2, elementwise
  sample             (mean, log_variance, eps) = mean + e^(log_variance/2)·eps

No case touches a kink or a tie (abs, relu, sign, heaviside at 0; equal operands of maximum, minimum, max, min).
Ayatori splits the gradient of a tied maximum equally among the ties, as JAX does: out of this file.

"extremes" has the same form without "second": arguments where a plain formula overflows or cancels.
Where sigmoid and tanh saturate, PyTorch itself rounds their derivative to 0: compare gradients there
with an absolute tolerance. Elsewhere PyTorch's vector functions are right to a few ulp.
"""

import torch

from oracle_common import array_json, write_json

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
RNG = torch.Generator().manual_seed(20)


# Operands. Three decimals keep the file small; each decimal stands for the double nearest to it.


def uniform(*shape, low=-2.0, high=2.0):
    u = torch.rand(shape, generator=RNG)
    return torch.round((low + (high - low) * u) * 1000) / 1000 + 0.0  # no -0


def positive(*shape):
    return uniform(*shape, low=0.1, high=3.0)


def off_zero(*shape):
    """In ±[0.1, 2]: away from a kink at 0, and a safe denominator."""
    magnitude = uniform(*shape, low=0.1, high=2.0)
    return torch.where(torch.rand(shape, generator=RNG) < 0.5, -magnitude, magnitude)


def distinct(*shape):
    """A shuffled ladder: no two elements equal, so no ties."""
    n = torch.Size(shape).numel()
    return ((torch.randperm(n, generator=RNG) - n / 2) * 0.17 + 0.013).reshape(shape)


def unit(*shape):
    return uniform(*shape, low=0.0, high=1.0)


# Meanings that PyTorch has no one name for.


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))  # F.softplus is cut off at 20


def logsumexp(x, axes, keepdims):
    return torch.logsumexp(x, axes, keepdim=keepdims)


def matmul(a, b, transpose_a, transpose_b):
    return (a.mT if transpose_a else a) @ (b.mT if transpose_b else b)


def slice_(x, starts, stops, steps):
    return x[tuple(slice(*s) for s in zip(starts, stops, steps))]


def gather(x, indices, axis):
    flat = torch.index_select(x, axis, indices.reshape(-1))
    return flat.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


CASES = []
EXTREMES = []


def case(op, function, operands, smooth=False, no_gradient=(), into=CASES, **attributes):
    """Evaluates and records one case. Integer and bool operands never have gradients."""
    operands = [o.clone() for o in operands]
    wrt = [
        i for i, o in enumerate(operands) if o.is_floating_point() and i not in no_gradient
    ]
    for i in wrt:
        operands[i].requires_grad_()
    value = function(*operands, **attributes)
    record = {"op": op, "operands": [typed(o) for o in operands], "attributes": attributes}
    record["value"] = array_json(value.detach())
    if wrt:
        cotangent = uniform(*value.shape).requires_grad_()
        variables = [operands[i] for i in wrt]
        first = torch.autograd.grad(value, variables, cotangent, create_graph=True)
        record["cotangent"] = array_json(cotangent.detach())
        record["gradients"] = spread(first, wrt, len(operands))
        if smooth:
            tangents = [uniform(*v.shape) for v in variables]
            s = sum((t * g).sum() for t, g in zip(tangents, first))
            *second, forward = torch.autograd.grad(
                s, [*variables, cotangent], allow_unused=True, materialize_grads=True
            )
            record["second"] = {
                "tangents": spread(tangents, wrt, len(operands)),
                "gradients": spread(second, wrt, len(operands)),
                "cotangent_gradient": array_json(forward),
            }
    else:
        record["gradients"] = [None] * len(operands)
    into.append(record)


def typed(operand):
    record = array_json(operand.detach())
    if operand.dtype == torch.bool:
        return {"shape": record["shape"], "values": operand.reshape(-1).int().tolist(), "dtype": "bool"}
    return record if operand.is_floating_point() else record | {"dtype": "i64"}


def spread(arrays, wrt, count):
    """One entry an operand, null for those without a gradient."""
    found = dict(zip(wrt, arrays))
    return [array_json(found[i].detach()) if i in found else None for i in range(count)]


# Elementwise, one operand.

SMOOTH_UNARY = {
    "neg": (torch.neg, uniform),
    "exp": (torch.exp, uniform),
    "expm1": (torch.expm1, uniform),
    "log": (torch.log, positive),
    "log1p": (torch.log1p, positive),
    "sqrt": (torch.sqrt, positive),
    "rsqrt": (torch.rsqrt, positive),
    "square": (torch.square, uniform),
    "reciprocal": (torch.reciprocal, off_zero),
    "sin": (torch.sin, uniform),
    "cos": (torch.cos, uniform),
    "tanh": (torch.tanh, uniform),
    "sigmoid": (torch.sigmoid, uniform),
    "softplus": (softplus, uniform),
    "erf": (torch.erf, uniform),
}
KINKED_UNARY = {"abs": torch.abs, "sign": torch.sign, "relu": torch.relu}

for op, (function, draw) in SMOOTH_UNARY.items():
    case(op, function, [draw(2, 3)], smooth=True)
    case(op, function, [draw()], smooth=True)
for op, function in KINKED_UNARY.items():
    case(op, function, [off_zero(3, 3)])
    case(op, function, [off_zero()])

# Elementwise, two and three operands, broadcasting as NumPy does.

PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1, 3), (4, 1)), ((), (3,)), ((1, 1), (2, 2)), ((), ())]
for a, b in PAIRS:
    case("add", torch.add, [uniform(*a), uniform(*b)], smooth=True)
    case("sub", torch.sub, [uniform(*a), uniform(*b)], smooth=True)
    case("mul", torch.mul, [uniform(*a), uniform(*b)], smooth=True)
    case("div", torch.div, [uniform(*a), off_zero(*b)], smooth=True)
    case("pow", torch.pow, [positive(*a), uniform(*b)], smooth=True)
    # Offsets of 0.0005 against three decimals: never equal.
    case("maximum", torch.maximum, [uniform(*a), uniform(*b) + 0.0005])
    case("minimum", torch.minimum, [uniform(*a), uniform(*b) + 0.0005])

for c, a, b in [((2, 3), (2, 3), (2, 3)), ((2, 1), (3,), (2, 3)), ((3,), (2, 1), ())]:
    condition = torch.rand(c, generator=RNG) < 0.5
    case("select", torch.where, [condition, uniform(*a), uniform(*b)])

# Reductions.

REDUCTIONS = {
    "sum": lambda x, axes, keepdims: torch.sum(x, axes, keepdim=keepdims),
    "mean": lambda x, axes, keepdims: torch.mean(x, axes, keepdim=keepdims),
    "max": lambda x, axes, keepdims: torch.amax(x, axes, keepdim=keepdims),
    "min": lambda x, axes, keepdims: torch.amin(x, axes, keepdim=keepdims),
    "logsumexp": logsumexp,
}
for op, function in REDUCTIONS.items():
    for shape, axes, keepdims in [
        ((2, 3, 4), [1], False),
        ((2, 3, 4), [0, 2], True),
        ((2, 3, 4), [0, 1, 2], False),
        ((3, 1, 2), [1], False),
        ((1, 5), [0, 1], True),
        ((7,), [0], False),
    ]:
        smooth = op == "logsumexp" and len(shape) < 3
        case(op, function, [distinct(*shape)], smooth, axes=axes, keepdims=keepdims)

for shape, axes in [((2, 5), [1]), ((3, 2, 2), [0]), ((2, 3, 2), [0, 2]), ((4,), [0]), ((3, 1), [1])]:
    case("log_softmax", lambda x, axes: x - logsumexp(x, axes, True), [uniform(*shape)],
         smooth=len(shape) < 3, axes=axes)  # fmt: skip

case("sum", REDUCTIONS["sum"], [uniform(0, 3)], axes=[0], keepdims=False)

# Products.

for a, b, ta, tb in [
    ((2, 3), (3, 4), False, False),
    ((3, 2), (3, 4), True, False),
    ((2, 3), (4, 3), False, True),
    ((3, 2), (4, 3), True, True),
    ((1, 3), (3, 1), False, False),
    ((2, 0), (0, 3), False, False),
    ((2, 2, 3), (2, 3, 2), False, False),
    ((2, 3, 2), (2, 3), True, True),
    ((2, 1, 2, 3), (3, 3, 2), False, False),
]:
    case("matmul", matmul, [uniform(*a), uniform(*b)], transpose_a=ta, transpose_b=tb)
for x in [(2, 3), (1, 3), (2, 2, 3)]:
    case("linear", lambda x, w, b: x @ w.T + b, [uniform(*x), uniform(4, 3), uniform(4)])

# Moving data.

for a, b in [((2, 3), [3, 2]), ((2, 3), [6]), ((4,), [2, 1, 2]), ((1, 1), []), ((), [1, 1])]:
    case("reshape", lambda x, shape: x.reshape(shape), [uniform(*a)], shape=b)
for a, permutation in [((2, 3), [1, 0]), ((2, 3, 4), [2, 0, 1]), ((2, 3, 1), [1, 0, 2]), ((3,), [0])]:
    case("transpose", lambda x, permutation: x.permute(permutation), [uniform(*a)],
         permutation=permutation)  # fmt: skip
for a, b in [((3,), [2, 3]), ((2, 1), [2, 3]), ((), [2, 2]), ((1, 3, 1), [2, 2, 3, 2]), ((2, 3), [2, 3])]:
    case("broadcast_to", lambda x, shape: x.broadcast_to(shape), [uniform(*a)], shape=b)
for a, starts, stops, steps in [
    ((5,), [1], [4], [1]),
    ((5,), [0], [5], [2]),
    ((3, 4), [1, 0], [3, 4], [1, 3]),
    ((2, 3, 4), [0, 1, 1], [1, 3, 4], [1, 1, 2]),
    ((3, 4), [1, 2], [1, 4], [1, 1]),  # empty
]:
    case("slice", slice_, [uniform(*a)], starts=starts, stops=stops, steps=steps)
for shapes, axis in [
    ([(2, 3), (1, 3)], 0),
    ([(2, 1), (2, 3), (2, 2)], 1),
    ([(2, 1, 2), (2, 3, 2)], 1),
    ([(3,), (0,), (2,)], 0),
    ([(2, 2)], 0),
]:
    case("concat", lambda *x, axis: torch.cat(x, axis), [uniform(*s) for s in shapes], axis=axis)
for a, indices, axis in [
    ((5,), [4, 0, 4], 0),
    ((3, 4), [2, 2, 0, 2], 0),
    ((3, 4), [3, 1], 1),
    ((2, 3, 2), [[0, 2], [2, 1]], 1),
    ((4, 2), 3, 0),
]:
    case("gather", gather, [uniform(*a), torch.tensor(indices)], axis=axis)
for indices, depth in [([2, 0, 3], 4), ([[1, 0], [0, 2]], 3), (1, 2)]:
    case("one_hot", lambda i, depth: torch.nn.functional.one_hot(i, depth).double(),
         [torch.tensor(indices)], depth=depth)  # fmt: skip

# What a VAE is made of.


def bernoulli_nll(x, logits):
    return softplus(logits) - x * logits


def kl_normal(mean, log_variance):
    return (mean**2 + torch.exp(log_variance) - 1 - log_variance) / 2


def sample(mean, log_variance, eps):
    return mean + torch.exp(log_variance / 2) * eps


for shape in [(2, 5), ()]:
    case("bernoulli_nll", bernoulli_nll, [unit(*shape), uniform(*shape)], smooth=True)
    case("kl_normal", kl_normal, [uniform(*shape), uniform(*shape)], smooth=True)
    case("sample", sample, [uniform(*shape), uniform(*shape), uniform(*shape)],
         smooth=True, no_gradient=[2])  # fmt: skip

# Extremes.


def bernoulli_nll_torch(x, logits):
    """PyTorch's own, which does not cancel where logits are large."""
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none")


wide = torch.tensor([-700.0, -40.0, -18.5, -1e-9, 0.0, 1e-9, 18.5, 40.0, 700.0])
tiny = torch.tensor([-1e-3, -1e-9, -1e-17, 1e-17, 1e-9, 1e-3])
offset = torch.tensor([[1000.0, 1000.5, 999.0], [-1000.0, -1001.0, -3000.0]])
for op in ("softplus", "sigmoid", "tanh"):
    case(op, SMOOTH_UNARY[op][0], [wide], into=EXTREMES)
for op in ("expm1", "log1p", "erf"):
    case(op, SMOOTH_UNARY[op][0], [tiny], into=EXTREMES)
case("bernoulli_nll", bernoulli_nll_torch, [torch.full((9,), 0.25), wide], into=EXTREMES)
case("logsumexp", logsumexp, [offset], into=EXTREMES, axes=[1], keepdims=False)
case("log_softmax", lambda x, axes: torch.log_softmax(x, axes[0]), [offset], into=EXTREMES, axes=[1])

# Densities and divergences, by torch.distributions.

D = torch.distributions


def normal(mean, log_variance):
    return D.Normal(mean, torch.exp(log_variance / 2), validate_args=False)


def bernoulli(logits):
    return D.Bernoulli(logits=logits, validate_args=False)


def categorical(logits):
    return D.Categorical(logits=logits, validate_args=False)


def categorical_log_prob(x, logits):
    return (x * torch.log_softmax(logits, -1)).sum(-1)


for shape in [(2, 4), ()]:
    case("normal_log_prob", lambda x, m, s: normal(m, s).log_prob(x),
         [uniform(*shape), uniform(*shape), uniform(*shape)], smooth=True)  # fmt: skip
    case("kl_normals", lambda m, s, m0, s0: D.kl_divergence(normal(m, s), normal(m0, s0)),
         [uniform(*shape) for _ in range(4)], smooth=True)  # fmt: skip
    case("kl_bernoulli", lambda a, b: D.kl_divergence(bernoulli(a), bernoulli(b)),
         [uniform(*shape), uniform(*shape)], smooth=True)  # fmt: skip
for a, b in [((2, 3), (2, 3)), ((2, 3), (3,)), ((4,), (4,))]:
    case("categorical_log_prob", categorical_log_prob, [uniform(*a), uniform(*b)], smooth=True)
    case("kl_categorical", lambda a, b: D.kl_divergence(categorical(a), categorical(b)),
         [uniform(*a), uniform(*b)], smooth=True)  # fmt: skip
# As printed elsewhere: KL(N(0, 1), N(1, 2²)) = 0.44314718, KL(Bernoulli(0.4), Bernoulli(0.8)) =
# 0.38190854.
zero, one = torch.tensor(0.0), torch.tensor(1.0)
case("kl_normals", lambda m, s, m0, s0: D.kl_divergence(normal(m, s), normal(m0, s0)),
     [zero, zero, one, torch.log(torch.tensor(4.0))], smooth=True)  # fmt: skip
case("kl_bernoulli", lambda a, b: D.kl_divergence(bernoulli(a), bernoulli(b)),
     [torch.logit(torch.tensor(0.4)), torch.logit(torch.tensor(0.8))], smooth=True)  # fmt: skip

# Drawn last, so that the numbers above stay what they were.


def flush_subnormals(x):
    return x + torch.where(x.abs() < torch.finfo(x.dtype).tiny, -x, 0.0).detach()


case("flush_subnormals", flush_subnormals, [off_zero(3, 3)])
below = torch.tensor([0.0, 5e-324, -1e-310, 2.2250738585072014e-308, -1e-300, 1.0])
case("flush_subnormals", flush_subnormals, [below], into=EXTREMES)


def heaviside(x):
    # PyTorch has no derivative of it: zero, as that of sign.
    return torch.heaviside(x.detach(), torch.tensor(0.0)) + 0 * torch.sign(x)


case("heaviside", heaviside, [off_zero(3, 3)])
case("heaviside", heaviside, [off_zero()])

write_json("op_values.json", {
    "source": f"Tools/oracle/make_ops.py, PyTorch {torch.__version__}, f64",
    "ties": "none here; Ayatori splits the gradient of tied maxima equally among the ties, as JAX does",
    "cases": CASES,
    "extremes": EXTREMES,
})  # fmt: skip
