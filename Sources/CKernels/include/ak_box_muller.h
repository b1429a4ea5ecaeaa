// Two normal numbers from two random words, without branches and calls, so that loops round it
// vectorise. Internal to the streams of philox.c.
//
// In double, by operations that round correctly, fused where ak_fused_f64 says so: every CPU gives
// the same bits. Against 64-bit mantissas, over 4 million words, the logarithm is wrong by at most
// 0.9 ulp, sine and cosine by 1.2 and the normals by 2.6. Tools/oracle/fit_math.py finds the
// polynomials.
#ifndef AK_BOX_MULLER_H
#define AK_BOX_MULLER_H

#include "ak_support.h"

AK_STRICT_FLOAT

AK_INLINE uint64_t ak_bits_of_f64(double v) {
  uint64_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  return bits;
}

AK_INLINE double ak_f64_of_bits(uint64_t bits) {
  double v;
  __builtin_memcpy(&v, &bits, sizeof v);
  return v;
}

// An integer below 2^52, which lies in the last places of 2^52: every CPU has the subtraction.
AK_INLINE double ak_f64_of_integer(uint64_t n) {
  return ak_f64_of_bits(0x4330000000000000u | n) - 0x1p+52;
}

// a b + c, rounded once.
AK_INLINE double ak_fused_f64(double a, double b, double c) { return __builtin_fma(a, b, c); }

// c0 + c1 x.
AK_INLINE double ak_line_f64(double c0, double c1, double x) { return __builtin_fma(c1, x, c0); }

// clang keeps a call to sqrt for errno's sake; its elementwise builtin is the bare instruction.
AK_INLINE double ak_sqrt_of_f64(double v) {
#ifdef __has_builtin
#if __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(v);
#else
  return __builtin_sqrt(v);
#endif
#else
  return __builtin_sqrt(v);
#endif
}

// ln(n / 2^32) for n in 1 ... 2^32. n = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), f exact;
// ln(1 + f) = 2 atanh(s) = 2 s + s^3 R(s^2) with s = f / (2 + f), put together as in fdlibm's
// e_log.c (Sun 1993), by which f itself is not rounded: 2 s = f - s f.
AK_INLINE double ak_log_of_word(uint64_t n) {
  const uint64_t bits = ak_bits_of_f64(ak_f64_of_integer(n));
  const uint64_t k = (bits - 0x3fe6a09e667f3bcdu) >> 52;
  const double power = ak_f64_of_integer(k) - 32;
  const double f = ak_f64_of_bits(bits - (k << 52)) - 1;
  const double s = f / (2 + f), z = s * s, w = z * z;
  const double c01 = ak_line_f64(0x1.5555555555592p-1, 0x1.999999997fef2p-2, z);
  const double c23 = ak_line_f64(0x1.24924941e4e45p-2, 0x1.c71c521084598p-3, z);
  const double c45 = ak_line_f64(0x1.74663ddd7de5cp-3, 0x1.39a1cd05630e7p-3, z);
  const double c46 = ak_line_f64(c45, 0x1.2f04f1f483dfbp-3, w);
  const double c = ak_line_f64(c01, ak_line_f64(c23, c46, w), w);
  const double half = 0.5 * f * f;
  const double tail = ak_fused_f64(s, ak_fused_f64(z, c, half), power * -0x1.8432a1b0e2634p-43);
  return ak_fused_f64(power, 0x1.62e42fefa4p-1, f - (half - tail));
}

// cos and sin of the angle of w / 2^32 turns: the nearest quarter turn, and t quarters beyond it,
// |t| <= 1/2, which is exact.
AK_INLINE void ak_turn_of_word(uint64_t w, double *cosine, double *sine) {
  const uint64_t quarters = (w + 0x20000000u) >> 30, beyond = w - (quarters << 30);
  // An integer of either sign lies in the last places of 1.5 2^52.
  const double t = (ak_f64_of_bits(beyond + 0x4338000000000000u) - 0x1.8p+52) * 0x1p-30;
  const double z = t * t, y = z * z;
  // pi / 2 t + t (what pi / 2 lacks + z S(z)), and 1 + z C(z).
  const double s01 = ak_line_f64(-0x1.4abbce625be47p-1, 0x1.466bc67758df5p-4, z);
  const double s23 = ak_line_f64(-0x1.32d2cce339b5dp-8, 0x1.50783020edf9ap-13, z);
  const double s45 = ak_line_f64(-0x1.e300aabda1f86p-19, 0x1.e4052068f5d02p-25, z);
  const double s = ak_line_f64(s01, ak_line_f64(s23, s45, y), y);
  const double rest = t * ak_line_f64(0x1.1a62633145c07p-54, s, z);
  const uint64_t a = ak_bits_of_f64(ak_fused_f64(t, 0x1.921fb54442d18p+0, rest));
  const double c01 = ak_line_f64(-0x1.3bd3cc9be45dep+0, 0x1.03c1f081b5a4fp-2, z);
  const double c23 = ak_line_f64(-0x1.55d3c7e3bf5b2p-6, 0x1.e1f506749be49p-11, z);
  const double c45 = ak_line_f64(-0x1.a6d1e13aecaafp-16, 0x1.f9c3d6191dd9ap-22, z);
  const double c46 = ak_line_f64(c45, -0x1.afef30138062ep-28, y);
  const double c = ak_line_f64(c01, ak_line_f64(c23, c46, y), y);
  const uint64_t b = ak_bits_of_f64(ak_line_f64(1, c, z));
  // After an odd number of quarters sine and cosine change places; then the signs.
  const uint64_t swap = (a ^ b) & (0 - (quarters & 1));
  *cosine = ak_f64_of_bits(b ^ swap ^ (((quarters + 1) & 2) << 62));
  *sine = ak_f64_of_bits(a ^ swap ^ ((quarters & 2) << 62));
}

// Box & Muller 1958: sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v) for u = (a + 1) / 2^32 in (0, 1] and
// v = b / 2^32 in [0, 1), a and b words.
AK_INLINE void ak_box_muller(uint64_t a, uint64_t b, double *x, double *y) {
  const double r = ak_sqrt_of_f64(-2 * ak_log_of_word(a + 1));
  double cosine, sine;
  ak_turn_of_word(b, &cosine, &sine);
  *x = r * cosine;
  *y = r * sine;
}

#endif
