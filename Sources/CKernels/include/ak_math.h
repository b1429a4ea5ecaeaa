// Functions of one float without branches and calls, so that loops round them vectorise.
// Internal to the C loops.
//
// Errors in units of the last place, over every float there is (Tools/ulp measures them; the tests
// check these bounds):
//
//   exp 0.9   expm1 1.0   sigmoid 0.9   tanh 0.9   softplus 1.1
//   log 0.7   log1p 0.7   erf 1.2   sin 0.8   cos 0.8
//
// Infinities, NaN, signed zeros, overflow and gradual underflow are as in C's annex F.
//
// Only IEEE operations that round correctly are used, and a b + c is fused exactly where
// __builtin_fmaf says so: every CPU gives the same bits, those of NaN aside. A CPU without that
// instruction calls the C library for it, which is slow.
//
// The ways are the common ones (Muller, "Elementary functions", 3rd ed. 2016): an exact reduction
// of the argument, a polynomial, and a reconstruction in which what a sum loses is carried along
// (Dekker 1971: for |a| >= |b|, s = a + b loses b - (s - a)). Tools/oracle/fit_math.py finds the
// polynomials: minimax, with coefficients that are floats. They are summed in pairs, which makes
// shorter chains than Horner's rule.
#ifndef AK_MATH_H
#define AK_MATH_H

#include <float.h>
#include <math.h>

#include "ak_support.h"

AK_STRICT_FLOAT

// MARK: bits

AK_INLINE uint32_t ak_bits_of(float v) {
  uint32_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  return bits;
}

AK_INLINE float ak_float_of(uint32_t bits) {
  float v;
  __builtin_memcpy(&v, &bits, sizeof v);
  return v;
}

AK_INLINE float ak_with_sign_of(float y, float x) {
  return ak_float_of((ak_bits_of(y) & 0x7fffffffu) | (ak_bits_of(x) & 0x80000000u));
}

// v, and a zero of its sign where v is subnormal.
AK_INLINE float ak_flush_subnormals_of_f32(float v) {
  return __builtin_fabsf(v) < FLT_MIN ? ak_with_sign_of(0, v) : v;
}

// 2^n for n in -126 ... 127; for other n some float, as it comes with a NaN.
AK_INLINE float ak_power_of_two(int32_t n) { return ak_float_of(((uint32_t)n + 127) << 23); }

// a b + c, rounded once.
AK_INLINE float ak_fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

// c0 + c1 x.
AK_INLINE float ak_line(float c0, float c1, float x) { return __builtin_fmaf(c1, x, c0); }

// The nearest integer to a b, as a float and as an integer that is right to a multiple of 2^22:
// one addition moves it to the last places of a number near 2^23.
typedef struct {
  float value;
  uint32_t bits;
} ak_rounded;

AK_INLINE ak_rounded ak_round_product(float a, float b) {
  const float near = 0x1.8p+23f, moved = ak_fused(a, b, near);
  return (ak_rounded){moved - near, ak_bits_of(moved) - 0x4b400000u};
}

// MARK: exponentials

// x = power ln 2 + high + low, |high| <= ln(2) / 2. The upper half of ln 2 is a multiple of 2^-24
// and x, where power != 0, of 2^-25: their difference is exact.
typedef struct {
  float high, low;
  int32_t power;
} ak_exp_reduced;

AK_INLINE ak_exp_reduced ak_exp_reduce(float x) {
  const ak_rounded n = ak_round_product(x, 0x1.715476p+0f);
  const float r = ak_fused(n.value, -0x1.62e43p-1f, x);
  const float high = ak_fused(n.value, 0x1.05c61p-29f, r);
  const float low = ak_fused(n.value, 0x1.05c61p-29f, r - high);
  return (ak_exp_reduced){high, low, (int32_t)n.bits};
}

// e^x = (high + low) 2^power, for x in -150 ln 2 ... 129 ln 2.
typedef struct {
  float high, low;
  int32_t power;
} ak_exp_parts;

AK_INLINE ak_exp_parts ak_exp_split(float x) {
  const ak_exp_reduced r = ak_exp_reduce(x);
  const float v = r.high, s = v * v;
  const float c01 = ak_line(0x1p-1f, 0x1.55548ap-3f, v);
  const float c23 = ak_line(0x1.555528p-5f, 0x1.123ec8p-7f, v);
  const float p = ak_line(c01, ak_line(c23, 0x1.6cf706p-10f, s), s);
  const float one = 1 + v, rest = ak_fused(s, p, v - (one - 1));
  const float high = one + rest;
  return (ak_exp_parts){high, rest - (high - one), r.power};
}

// The power in two steps, of which only the second can round.
AK_INLINE float ak_exp_of_f32(float x) {
  const float above = x < -104 ? -104 : x;
  const ak_exp_parts e = ak_exp_split(89 < above ? 89 : above);
  const int32_t half = e.power >> 1;
  return e.high * ak_power_of_two(half) * ak_power_of_two(e.power - half);
}

// e^r - 1 - r for |r| <= ln(2) / 2, such that e^r - 1 is right relative to itself.
AK_INLINE float ak_exp_curve(float r) {
  const float s = r * r;
  const float c01 = ak_line(0x1p-1f, 0x1.55552cp-3f, r);
  const float c23 = ak_line(0x1.555502p-5f, 0x1.115598p-7f, r);
  const float c45 = ak_line(0x1.6d2dfep-10f, 0x1.3bb8c2p-13f, r);
  return s * ak_line(c01, ak_line(c23, c45, s), s);
}

// e^x - 1 = (p - 1) + p (e^r - 1), p = 2^power; halved on the way, as p may be 2^128.
AK_INLINE float ak_expm1_of_f32(float x) {
  const float above = x < -20 ? -20 : x;
  const ak_exp_reduced r = ak_exp_reduce(89 < above ? 89 : above);
  const float curve = ak_exp_curve(r.high), s = r.high + curve;
  const float tail = (curve - (s - r.high)) + r.low;
  const float p = ak_power_of_two(r.power - 1), more = p * s;
  const float less = p - 0.5f, b = less - p, lost = (p - (less - b)) - (0.5f + b);
  const float high = less + more;
  const float low = ak_fused(p, tail, more - (high - less)) + lost;
  return fabsf(x) < 0x1p-30f ? x : 2 * (high + low);
}

// tanh |x| = -t / (2 + t), t = e^(-2 |x|) - 1. One step of Newton's corrects the quotient.
AK_INLINE float ak_tanh_of_f32(float x) {
  const float a = fabsf(x);
  const ak_exp_reduced r = ak_exp_reduce(-2 * (10 < a ? 10 : a));
  const float curve = ak_exp_curve(r.high), s = r.high + curve;
  const float p = ak_power_of_two(r.power), more = p * s;
  const float less = p - 1, lost = p - (less + 1);
  const float t = less + more;
  const float low = ak_fused(p, curve - (s - r.high), more - (t - less)) + lost;
  const float below = 2 + t, below_low = (t - (below - 2)) + low;
  const float inverse = 1 / below, q = t * inverse;
  const float error = ak_fused(-q, below_low, ak_fused(-q, below, t) + low);
  return ak_with_sign_of(ak_fused(error, inverse, q), x);
}

// 1 / (1 + e^-x) = 2^-up / (2^-up + 2^down (high + low)), where either up or down is 0: nothing
// overflows, and the quotient is near 1 until its power is put on, in two steps as in exp.
AK_INLINE float ak_sigmoid_of_f32(float x) {
  const float above = x < -104 ? -104 : x;
  const ak_exp_parts e = ak_exp_split(-(30 < above ? 30 : above));
  const int32_t up = e.power > 0 ? e.power : 0, down = e.power < 0 ? e.power : 0;
  const float scale = ak_power_of_two(64 - up), one = scale * 0x1p-64f;
  const float power = ak_power_of_two(down), h = power * e.high;
  const float larger = one < h ? h : one, smaller = one < h ? one : h;
  const float below = larger + smaller;
  const float below_low = ak_fused(power, e.low, smaller - (below - larger));
  const float inverse = 1 / below;
  const float error = ak_fused(-below_low, inverse, ak_fused(-below, inverse, 1));
  return ak_fused(error, inverse, inverse) * scale * 0x1p-64f;
}

// max(x, 0) + log1p(h), h = e^-|x|: log1p(h) = h - h^2 / 2 + h^3 P(h), the first terms added to
// max(x, 0) exactly but for the square's rounding.
AK_INLINE float ak_softplus_of_f32(float x) {
  const float a = fabsf(x);
  const ak_exp_parts e = ak_exp_split(-(104 < a ? 104 : a));
  const float scale = ak_power_of_two(e.power + 64);
  const float h = e.high * scale * 0x1p-64f, s = h * h;
  const float c01 = ak_line(0x1.55550cp-2f, -0x1.ffe9d4p-3f, h);
  const float c23 = ak_line(0x1.9877d8p-3f, -0x1.4ddabp-3f, h);
  const float c45 = ak_line(0x1.072ddep-3f, -0x1.69e53ep-4f, h);
  const float c67 = ak_line(0x1.7be996p-5f, -0x1.008edcp-6f, h);
  const float c68 = ak_line(c67, 0x1.43e2b8p-9f, s);
  const float p = ak_line(c01, ak_line(c23, ak_line(c45, c68, s), s), s);
  const float v = x > 0 ? x : 0;
  const float larger = v < h ? h : v, smaller = v < h ? v : h;
  const float sum = larger + smaller, high = ak_fused(s, -0.5f, sum);
  const float lost = (smaller - (sum - larger)) + ak_fused(s, -0.5f, sum - high);
  // The low part of e^-|x| counts 1 / (1 + h), which is about 1 - h / 2.
  const float low = ak_fused(e.low * scale, ak_line(0x1p-64f, -0x1p-65f, h), lost);
  const float y = high + ak_fused(h * s, p, low);
  return x < INFINITY ? y : x;
}

// MARK: logarithms

// power ln 2 + log1p(f) for f in -1/4 ... 1/2: f - f^2 / 2 + f^3 P(f). The upper part of ln 2 has
// 16 bits, so that its product with the power is exact.
AK_INLINE float ak_log_sum(float power, float f) {
  const float s = f * f;
  const float c01 = ak_line(0x1.55555ap-2f, -0x1.00007p-2f, f);
  const float c23 = ak_line(0x1.99975cp-3f, -0x1.55192cp-3f, f);
  const float c45 = ak_line(0x1.2463d6p-3f, -0x1.04b638p-3f, f);
  const float c67 = ak_line(0x1.df28eep-4f, -0x1.74c122p-4f, f);
  const float c68 = ak_line(c67, 0x1.336cf6p-5f, s);
  const float p = ak_line(c01, ak_line(c23, ak_line(c45, c68, s), s), s);
  const float ln2 = power * 0x1.62e4p-1f, sum = ln2 + f, sum_low = f - (sum - ln2);
  const float half = 0.5f * s, half_low = ak_fused(f, -0.5f * f, half);
  const float high = sum - half, high_low = (sum - high) - half;
  const float low = ak_fused(power, 0x1.7f7d1cp-20f, f * s * p);
  return high + (low + ((sum_low + high_low) + half_low));
}

// The power that brings x / 2^power into 3/4 ... 3/2: in these bounds x - 1 is exact, and so is
// what log1p does below.
AK_INLINE int32_t ak_log_power(float x) { return (int32_t)(ak_bits_of(x) - 0x3f400000u) >> 23; }

AK_INLINE float ak_log_of_f32(float x) {
  const int is_subnormal = x < 0x1p-126f;
  const float v = x * (is_subnormal ? 0x1p+23f : 1);
  const int32_t power = ak_log_power(v);
  const float f = ak_float_of(ak_bits_of(v) - ((uint32_t)power << 23)) - 1;
  const float y = ak_log_sum((float)power - (is_subnormal ? 23.0f : 0.0f), f);
  return x > 0 ? (x < INFINITY ? y : x) : (x == 0 ? -INFINITY : NAN);
}

// f = (1 + x) 2^-power - 1 = x 2^-power + (2^-power - 1). The power is at most 128: 2^-power is
// taken times a quarter.
AK_INLINE float ak_log1p_of_f32(float x) {
  const int32_t power = ak_log_power(1 + x);
  const float scale = ak_power_of_two(2 - power) * 0.25f;
  const float y = ak_log_sum((float)power, ak_fused(x, scale, scale - 1));
  return x > -1 ? (x < INFINITY ? (x == 0 ? x : y) : x) : (x == -1 ? -INFINITY : NAN);
}

// MARK: error function

// x + x P(x^2) in the middle, 1 - e^-Q(|x|) outside.
AK_INLINE float ak_erf_of_f32(float x) {
  const float a = fabsf(x), s = a * a, t = s * s;
  const float p01 = ak_line(0x1.06eba8p-3f, -0x1.81273ep-2f, s);
  const float p23 = ak_line(0x1.ce2ce6p-4f, -0x1.b7f71ap-6f, s);
  const float p45 = ak_line(0x1.53f224p-8f, -0x1.a3515cp-11f, s);
  const float p46 = ak_line(p45, 0x1.4771ecp-14f, t);
  const float middle = ak_fused(a, ak_line(p01, ak_line(p23, p46, t), t), a);
  const float b = 4 < a ? 4 : a, u = b * b;
  const float q12 = ak_line(0x1.20fbe4p+0f, 0x1.44e934p-1f, b);
  const float q34 = ak_line(0x1.b66816p-4f, -0x1.8fa168p-6f, b);
  const float q56 = ak_line(0x1.012b52p-8f, -0x1.985b98p-12f, b);
  const float q57 = ak_line(q56, 0x1.28ecbap-16f, u);
  const float q = ak_line(q12, ak_line(q34, q57, u), u);
  const ak_exp_parts e = ak_exp_split(-ak_line(-0x1.8913ep-16f, q, b));
  const float outside = ak_line(1, -e.high, ak_power_of_two(e.power));
  return ak_with_sign_of(a < 1 ? middle : outside, x);
}

// MARK: sine and cosine

// x = quarters pi / 2 + high + low, |high| <= pi / 4 and a bit; quarters is right modulo 4.
typedef struct {
  float high, low;
  uint32_t quarters;
} ak_angle;

// |x| up to 2^15, by three floats whose sum is pi / 2 (Cody & Waite 1980). The first step is exact
// as in exp; the second, by which a small result may lose much, is an exact sum of two (Knuth).
AK_INLINE ak_angle ak_angle_of(float x) {
  const ak_rounded n = ak_round_product(x, 0x1.45f306p-1f);
  const float r = ak_fused(n.value, -0x1.921fb6p+0f, x);
  const float p = n.value * 0x1.777a5cp-25f, p_low = ak_fused(n.value, 0x1.777a5cp-25f, -p);
  const float high = r + p, b = high - r, high_low = (r - (high - b)) + (p - b);
  return (ak_angle){high, ak_fused(n.value, 0x1.ee59dap-50f, high_low + p_low), n.bits};
}

// Finite |x| >= 2^15 (Payne & Hanek 1983): x = m 2^e, and of the digits of 2 / pi only those count
// that give x 2 / pi its last two digits before the point and 62 behind it.
AK_INLINE ak_angle ak_angle_of_huge(float x) {
  static const uint32_t digits[8] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                     0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};
  const uint32_t bits = ak_bits_of(x) & 0x7fffffffu;
  const uint64_t m = (bits & 0x7fffffu) | 0x800000u;
  const uint32_t first = (bits >> 23) - 150 + 30, shift = first % 32;
  const uint32_t *d = digits + first / 32;
  const uint64_t d0 = (((uint64_t)d[0] << 32 | d[1]) << shift) >> 32;
  const uint64_t d1 = (((uint64_t)d[1] << 32 | d[2]) << shift) >> 32;
  const uint64_t d2 = (((uint64_t)d[2] << 32 | d[3]) << shift) >> 32;
  const uint64_t turns = (m * d0 << 32) + m * d1 + (m * d2 >> 32);
  const uint64_t quarters = (turns + ((uint64_t)1 << 61)) >> 62;
  const double a = (double)(int64_t)(turns - (quarters << 62)) * 0x1.921fb54442d18p-62;
  const double r = x < 0 ? -a : a;
  const float high = (float)r, low = (float)(r - (double)high);
  return (ak_angle){high, low, (uint32_t)(x < 0 ? 0 - quarters : quarters)};
}

AK_INLINE float ak_sin_of_angle(ak_angle r) {
  const float s = r.high * r.high, t = s * s;
  const float p01 = ak_line(-0x1.555556p-3f, 0x1.111174p-7f, s);
  const float p23 = ak_line(-0x1.a05952p-13f, 0x1.7c2bbap-19f, s);
  const float half = 0.5f * s, one = 1 - half;
  const float sine = r.high + ak_fused(r.high * s, ak_line(p01, p23, t), r.low * one);
  const float q01 = ak_line(0x1.55554ap-5f, -0x1.6c0c26p-10f, s);
  const float q = ak_fused(t, ak_line(q01, 0x1.99e712p-16f, t), -r.high * r.low);
  const float cosine = one + (((1 - one) - half) + q);
  const float y = (r.quarters & 1) ? cosine : sine;
  return ak_float_of(ak_bits_of(y) ^ ((r.quarters & 2) << 30));
}

// The sine of an angle is the cosine of one a quarter turn less.
AK_INLINE float ak_cos_of_angle(ak_angle r) {
  return ak_sin_of_angle((ak_angle){r.high, r.low, r.quarters + 1});
}

// Whether the functions below need ak_angle_of_huge.
AK_INLINE int ak_is_huge_angle(float x) {
  const float a = fabsf(x);
  return (a > 0x1p+15f) & (a < INFINITY);
}

AK_INLINE float ak_sin_of_f32(float x) {
  const float y = ak_sin_of_angle(ak_angle_of(x));
  return x == 0 ? x : y;
}

AK_INLINE float ak_cos_of_f32(float x) { return ak_cos_of_angle(ak_angle_of(x)); }

AK_INLINE float ak_sin_of_huge_f32(float x) { return ak_sin_of_angle(ak_angle_of_huge(x)); }

AK_INLINE float ak_cos_of_huge_f32(float x) { return ak_cos_of_angle(ak_angle_of_huge(x)); }

// MARK: doubles, by the C library

// Stable forms: exp only of -|x|, so nothing overflows and both tails keep relative accuracy.
//   sigmoid(x)  = 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0, with e = exp(-|x|)
//   softplus(x) = max(x, 0) + log1p(exp(-|x|))
AK_INLINE double ak_sigmoid_of_f64(double v) {
  const double e = exp(-fabs(v));
  return (v < 0 ? e : 1) / (1 + e);
}

AK_INLINE double ak_softplus_of_f64(double v) { return (v > 0 ? v : 0) + log1p(exp(-fabs(v))); }

#endif
