"""50-digit references for the forms that `Pass.stabilize` rewrites: stabilization/*.json.

Run:
  python3 -m venv .venv-oracle && .venv-oracle/bin/pip install mpmath numpy
  .venv-oracle/bin/python Tools/oracle/make_stabilization.py

One file a function, Tests/PassesTests/Fixtures/stabilization/<function>.json:

  {function, inputs: [name], graph: text, cases: {f32: [case], f64: [case]}}

  graph   the function as people first write it, statements of Ayatori's language with `dtype` in
          place of the element type; the inputs are [K] and the output is y, [K]
  case    {at: [decimal], value: number, derivatives: [number]}
  at      the inputs, exactly: rounded to the dtype first, then written out
  number  {exact: decimal of 50 digits, rounded: the nearest number of the dtype, as Python's
          float.hex, or "inf"/"-inf" where it overflows}

Values and derivatives are computed in 400 digits by formulas that are written out here, whatever the
form in `graph` does in floats. The derivative of |x| at 0 is recorded as 0.
"""

import json
import pathlib

import mpmath as mp
import numpy as np

mp.mp.dps = 400  # 1 - sigmoid(40) at 50 digits, exp(-1e4), 1e-30 squared: with room to spare

HERE = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = HERE / "Tests/PassesTests/Fixtures/stabilization"

SIZES = ["0", "1e-30", "1e-8", "1e-3", "1", "20", "40", "88", "100", "1e4"]
BOTH = ["0"] + [sign + size for size in SIZES[1:] for sign in ("", "-")]
ABOVE_ZERO = SIZES[1:]
BELOW_ZERO = ["-" + size for size in SIZES[1:]]
ABOVE_MINUS_ONE = ["0"] + ABOVE_ZERO + ["-1e-30", "-1e-8", "-1e-3", "-0.5"]
BELOW_ONE = ["0"] + BELOW_ZERO + ["1e-30", "1e-8", "1e-3", "0.5"]


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    # 10^4342 is e^1e4: the sum of 1 and e^x keeps 400 digits of neither, log1p of both.
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def pairs(values):
    return [(a, b) for a in values for b in values]


# name: (inputs, graph, points, value, derivatives)
FUNCTIONS = {}


def function(name, inputs, graph, points, value, *derivatives):
    FUNCTIONS[name] = (inputs, graph, points, value, derivatives)


function(
    "log_sigmoid", ["x"], "y = log(sigmoid(x))", BOTH,
    lambda x: -softplus(-x), lambda x: sigmoid(-x))
function(
    "log_one_minus_sigmoid", ["x"], "y = log(1 - sigmoid(x))", BOTH,
    lambda x: -softplus(x), lambda x: -sigmoid(x))
function(
    "log1p_minus_sigmoid", ["x"], "y = log1p(-sigmoid(x))", BOTH,
    lambda x: -softplus(x), lambda x: -sigmoid(x))
function(
    "log_one_plus_exp", ["x"], "y = log(1 + exp(x))", BOTH, softplus, sigmoid)
function("log1p_exp", ["x"], "y = log1p(exp(x))", BOTH, softplus, sigmoid)
function("log_exp", ["x"], "y = log(exp(x))", BOTH, lambda x: x, lambda x: mp.mpf(1))
function(
    "log_one_plus", ["x"], "y = log(1 + x)", ABOVE_MINUS_ONE,
    lambda x: mp.log1p(x), lambda x: 1 / (1 + x))
function(
    "log_one_minus", ["x"], "y = log(1 - x)", BELOW_ONE,
    lambda x: mp.log1p(-x), lambda x: -1 / (1 - x))
function(
    "log_one_minus_exp", ["x"], "y = log(1 - exp(x))", BELOW_ZERO + ["-0.69314718", "-0.5"],
    lambda x: mp.log(-mp.expm1(x)), lambda x: mp.exp(x) / mp.expm1(x))
function(
    "exp_minus_one", ["x"], "y = exp(x) - 1", BOTH, lambda x: mp.expm1(x), lambda x: mp.exp(x))
function(
    "one_minus_exp", ["x"], "y = 1 - exp(x)", BOTH, lambda x: -mp.expm1(x), lambda x: -mp.exp(x))
function(
    "log_square", ["x"], "y = log(x * x)", BOTH[1:],
    lambda x: 2 * mp.log(abs(x)), lambda x: 2 / x)
function(
    "sqrt_square", ["x"], "y = sqrt(x ** 2)", BOTH, lambda x: abs(x), lambda x: mp.sign(x))
function(
    "one_minus_sigmoid", ["x"], "y = 1 - sigmoid(x)", BOTH,
    lambda x: sigmoid(-x), lambda x: -sigmoid(x) * sigmoid(-x))
function(
    "sigmoid_odds", ["x"], "y = sigmoid(x) / (1 - sigmoid(x))", BOTH, mp.exp, mp.exp)
function(
    "sigmoid_written_out", ["x"], "y = exp(x) / (1 + exp(x))", BOTH,
    sigmoid, lambda x: sigmoid(x) * sigmoid(-x))
function(
    "sigmoid_by_reciprocal", ["x"], "y = 1 / (1 + exp(-x))", BOTH,
    sigmoid, lambda x: sigmoid(x) * sigmoid(-x))
function(
    "log_sigmoid_by_softplus", ["x"], "y = x - log(1 + exp(x))", BOTH,
    lambda x: -softplus(-x), lambda x: sigmoid(-x))
function(
    "log_odds", ["x"], "y = log(sigmoid(x)) - log(1 - sigmoid(x))", BOTH,
    lambda x: x, lambda x: mp.mpf(1))


def log_add_exp(a, b):
    return max(a, b) + mp.log1p(mp.exp(-abs(a - b)))


function(
    "log_add_exp", ["a", "b"], "y = log(exp(a) + exp(b))",
    pairs(["0", "1e-3", "-1", "20", "-40", "88", "100", "-100", "1e4", "-1e4"]),
    log_add_exp, lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a))


def log_sum_exp(a, b):
    return log_add_exp(a, b)


STACK = "s = concat(reshape(a, shape: [K, 1]), reshape(b, shape: [K, 1]), axis: 1)"

function(
    "log_sum_exp", ["a", "b"],
    STACK + "\ny = log(sum(exp(s), axes: [1]))",
    pairs(["1", "-1", "20", "-40", "88", "100", "-100", "1e4", "-1e4"]),
    log_sum_exp, lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a))
function(
    "softmax", ["a", "b"],
    STACK
    + "\np = exp(s) / sum(exp(s), axes: [1], keepdims: true)\n"
    "y = reshape(slice(p, axis: 1, start: 0, stop: 1), shape: [K])",
    pairs(["0", "1", "-1", "20", "-40", "88", "-88", "100", "1e4"]),
    lambda a, b: sigmoid(a - b),
    lambda a, b: sigmoid(a - b) * sigmoid(b - a), lambda a, b: -sigmoid(a - b) * sigmoid(b - a))
function(
    "log_softmax", ["a", "b"],
    STACK
    + "\np = log(exp(s) / sum(exp(s), axes: [1], keepdims: true))\n"
    "y = reshape(slice(p, axis: 1, start: 0, stop: 1), shape: [K])",
    pairs(["0", "1", "-1", "20", "88", "100", "1e4"]),
    lambda a, b: -softplus(b - a), lambda a, b: sigmoid(b - a), lambda a, b: -sigmoid(b - a))


def bernoulli_nll(x, l):
    return x * softplus(-l) + (1 - x) * softplus(l)


function(
    "binary_cross_entropy", ["x", "l"],
    "p = sigmoid(l)\ny = -(x * log(p) + (1 - x) * log(1 - p))",
    [(x, l) for x in ("0", "1", "0.3", "0.5") for l in BOTH],
    bernoulli_nll, lambda x, l: -l, lambda x, l: sigmoid(l) - x)
function(
    "kl_normal", ["m", "s"], "y = -0.5 * (1 + s - m ** 2 - exp(s))",
    [(m, s) for m in ("0", "1e-8", "-1e-3", "1", "-20") for s in BOTH if s != "1e4"],
    lambda m, s: (m * m + (mp.expm1(s) - s)) / 2, lambda m, s: m, lambda m, s: mp.expm1(s) / 2)


DTYPES = {"f32": np.float32, "f64": np.float64}


def rounded(x, dtype) -> str:
    """The nearest number of the dtype, ties to even, as hexadecimal."""
    if mp.isinf(x):
        return "inf" if x > 0 else "-inf"
    # Scale to an integer number of the least place, round it, scale back.
    digits, least, most = (24, -149, 128) if dtype is np.float32 else (53, -1074, 1024)
    if x == 0:
        return "0x0.0p+0"
    exponent = mp.frexp(x)[1]
    place = max(exponent - digits, least)
    scaled = int(mp.nint(mp.ldexp(x, -place)))
    if abs(scaled) * mp.mpf(2) ** place >= mp.mpf(2) ** most:
        return "inf" if x > 0 else "-inf"
    return float(mp.ldexp(mp.mpf(scaled), place)).hex()


def number(x, dtype):
    return {"exact": mp.nstr(x, 50), "rounded": rounded(x, dtype)}


def case(at, dtype, value, derivatives):
    exact = [mp.mpf(float(dtype(float(a)))) for a in at]
    return {
        "at": [repr(float(x)) for x in exact],
        "value": number(value(*exact), dtype),
        "derivatives": [number(d(*exact), dtype) for d in derivatives],
    }


def line(value) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


FIXTURES.mkdir(parents=True, exist_ok=True)
for name, (inputs, graph, points, value, derivatives) in FUNCTIONS.items():
    points = [p if isinstance(p, tuple) else (p,) for p in points]
    declared = "".join(f"input {i}: dtype[K]\n" for i in inputs)
    text = f"dim K\n{declared}{graph}\noutput y"
    lists = []
    for key, dtype in DTYPES.items():
        cases = ",\n".join(line(case(at, dtype, value, derivatives)) for at in points)
        lists.append(f'"{key}": [\n{cases}\n]')
    document = (
        f'{{\n"function": {line(name)},\n"inputs": {line(inputs)},\n"graph": {line(text)},\n'
        f'"cases": {{\n' + ",\n".join(lists) + "\n}\n}\n"
    )
    path = FIXTURES / f"{name}.json"
    path.write_text(document, encoding="utf-8")
    print(f"{path.name}: {len(document)} bytes")
