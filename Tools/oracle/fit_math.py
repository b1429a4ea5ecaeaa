"""The polynomials of Sources/CKernels/include/ak_math.h and ak_box_muller.h. Needs mpmath.

Run:
  python3 Tools/oracle/fit_math.py            prints the coefficients, lowest power first
  python3 Tools/oracle/fit_math.py --check    fails if a header lacks one of them

Each fit is minimax for a relative error (Remez' exchange). Then the coefficients are rounded to the
format, lowest power first, and after each the others are fitted again to what is left.
"""

import sys
from pathlib import Path

import mpmath as mp
from mpmath import mpf

mp.mp.prec = 250

HEADERS = Path(__file__).parents[2] / "Sources/CKernels/include"


def exchange(f, weight, powers, low, high):
    """The c that make |weight (f - sum c x^p)| least on low ... high, and that error."""
    unknowns = len(powers) + 1
    top = max(weight(low + (high - low) * i / 64) for i in range(65))
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle - half * mp.cos(mp.pi * mpf(i) / (40 * unknowns)) for i in range(40 * unknowns + 1)]
    # A weight that vanishes, as at 0, would make the equations singular.
    grid = [(x, f(x), max(weight(x), top / 1000)) for x in nodes]
    points = [grid[20 * (2 * i + 1)] for i in range(unknowns)]
    for _ in range(30):
        rows, right = mp.matrix(unknowns, unknowns), mp.matrix(unknowns, 1)
        for i, (x, value, w) in enumerate(points):
            for j, p in enumerate(powers):
                rows[i, j] = x**p
            rows[i, unknowns - 1] = (-1) ** i / w
            right[i] = value
        try:
            solution = mp.lu_solve(rows, right)
        except ZeroDivisionError:
            return least_squares(grid, powers)
        c, level = list(solution[: len(powers)]), abs(solution[len(powers)])
        errors = [w * (value - sum(a * x**p for a, p in zip(c, powers))) for x, value, w in grid]
        extrema, i = [], 0
        while i < len(grid):
            best = i
            start = errors[i] >= 0
            while i < len(grid) and (errors[i] >= 0) == start:
                best = i if abs(errors[i]) > abs(errors[best]) else best
                i += 1
            extrema.append(best)
        while len(extrema) > unknowns:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        worst = max(map(abs, errors))
        if worst < level * mpf("1.002"):
            return c, worst
        if len(extrema) < unknowns:
            break
        points = [grid[i] for i in extrema]
    return least_squares(grid, powers)


def least_squares(grid, powers):
    """Lawson's weights make least squares tend to minimax; for where the exchange is at a loss, when
    rounded coefficients leave an error that the others cannot level."""
    n, best = len(powers), None
    shares = [mpf(1)] * len(grid)
    for _ in range(40):
        rows, right = mp.matrix(n, n), mp.matrix(n, 1)
        for (x, value, w), share in zip(grid, shares):
            for i in range(n):
                right[i] += share * w * w * x ** powers[i] * value
                for j in range(n):
                    rows[i, j] += share * w * w * x ** (powers[i] + powers[j])
        c = list(mp.lu_solve(rows, right))
        errors = [abs(w * (value - sum(a * x**p for a, p in zip(c, powers)))) for x, value, w in grid]
        if best is None or max(errors) < best[1]:
            best = (c, max(errors))
        total = sum(s * e for s, e in zip(shares, errors))
        if total == 0:
            break
        shares = [s * e / total * len(grid) + mpf("1e-12") for s, e in zip(shares, errors)]
    return best


def rounded(c, bits):
    scale = mpf(2) ** (bits - 1 - int(mp.floor(mp.log(abs(c), 2))))
    return mp.nint(c * scale) / scale


def literal(c, bits):
    mantissa, exponent = float(c).hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent + ("f" if bits == 24 else "")


missing = 0


def fit(name, bits, f, weight, degree, low, high):
    global missing
    low, high, known = mpf(low), mpf(high), []
    for power in range(degree + 1):
        rest = lambda x: f(x) - sum(c * x**p for p, c in enumerate(known))
        c, _ = exchange(rest, weight, range(power, degree + 1), low, high)
        known.append(rounded(c[0], bits))
    points = [low + (high - low) * i / 4000 for i in range(4001)]
    worst = max(abs(weight(x) * (f(x) - mp.polyval(known[::-1], x))) for x in points)
    print(f"{name}: relative error 2^{float(mp.log(worst, 2)):.1f}")
    header = (HEADERS / ("ak_math.h" if bits == 24 else "ak_box_muller.h")).read_text()
    for c in known:
        print("  " + literal(c, bits))
        if "--check" in sys.argv and literal(c, bits) not in header:
            print("    is not in the header")
            missing += 1


def near_zero(f, limit):
    """f, whose formula cancels at 0, with its limit there."""
    return lambda x: limit(x) if abs(x) < mpf(2) ** -60 else f(x)


# MARK: ak_math.h

reach = mp.log(2) / 2 * mpf("1.0005")
curve = near_zero(lambda r: (mp.expm1(r) - r) / r**2, lambda r: mpf(1) / 2 + r / 6)
fit("ak_exp_split", 24, curve, lambda r: r**2, 4, -reach, reach)
fit("ak_exp_curve", 24, curve, lambda r: abs(r**2 / mp.expm1(r)) if r else mpf(0), 5, -reach, reach)

log_rest = near_zero(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, lambda f: mpf(1) / 3 - f / 4)
log_weight = lambda f: abs(f**3 / mp.log1p(f)) if f else mpf(0)
fit("ak_softplus_of_f32", 24, log_rest, log_weight, 8, 0, "1.0001")
fit("ak_log_sum", 24, log_rest, log_weight, 8, "-0.2501", "0.5001")

root_pi = mp.sqrt(mp.pi)
fit(
    "ak_erf_of_f32, middle", 24,
    near_zero(lambda s: mp.erf(mp.sqrt(s)) / mp.sqrt(s) - 1, lambda s: 2 / root_pi - 1),
    near_zero(lambda s: mp.sqrt(s) / mp.erf(mp.sqrt(s)), lambda s: root_pi / 2), 6, 0, 1,
)  # fmt: skip
fit(
    "ak_erf_of_f32, outside", 24, lambda x: -mp.log(mp.erfc(x)), mp.erfc, 7,
    "0.995", "4.01",
)  # fmt: skip

reach = (mp.pi / 4 * mpf("1.002")) ** 2
fit(
    "ak_sin_of_angle, sine", 24,
    near_zero(lambda s: (mp.sin(mp.sqrt(s)) / mp.sqrt(s) - 1) / s, lambda s: -mpf(1) / 6 + s / 120),
    lambda s: s * mp.sqrt(s) / mp.sin(mp.sqrt(s)) if s else mpf(0), 3, 0, reach,
)  # fmt: skip
fit(
    "ak_sin_of_angle, cosine", 24,
    near_zero(lambda s: (mp.cos(mp.sqrt(s)) - 1 + s / 2) / s**2, lambda s: mpf(1) / 24 - s / 720),
    lambda s: s**2 / mp.cos(mp.sqrt(s)), 2, 0, reach,
)  # fmt: skip

# MARK: ak_box_muller.h

reach = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mpf("1.0001")) ** 2
fit(
    "ak_log_of_word", 53,
    near_zero(lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z, lambda z: mpf(2) / 3 + z * 2 / 5),
    lambda z: z / 2, 6, 0, reach,
)  # fmt: skip
quarter = mp.pi / 2
fit(
    "ak_turn_of_word, sine", 53,
    near_zero(lambda z: (mp.sin(quarter * mp.sqrt(z)) / mp.sqrt(z) - quarter) / z, lambda z: -(quarter**3) / 6),
    lambda z: z / quarter, 5, 0, "0.2501",
)  # fmt: skip
fit(
    "ak_turn_of_word, cosine", 53,
    near_zero(lambda z: (mp.cos(quarter * mp.sqrt(z)) - 1) / z, lambda z: -(quarter**2) / 2),
    lambda z: z, 6, 0, "0.2501",
)  # fmt: skip

sys.exit(1 if missing else 0)
