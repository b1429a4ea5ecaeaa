// The largest error of one f32 function of the C loops over every float there is, in units of the
// last place. Tools/ulp compiles and runs this.
//
//   ulp FUNCTION      prints: function | worst ulp | at
//
// The reference is the C library's function in double, which is right to about 2^-28 ulp of float.
// Where that would take long and tell nothing, it is the function's Taylor series (|x| below 2^-6
// or less, remainder below 2^-36 of the value) or its limit.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // M_LN2
#endif
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ckernels.h"

// So many neighbours have the same sign and exponent.
enum { BLOCK = 1 << 14 };

// MARK: references

// Each for n floats with the same sign and 2^e <= |x| < 2^(e + 1); e is -127 for subnormals and 0,
// and 128 for infinities and NaNs.
typedef void reference(const float *x, double *y, int n, int e);

// SERIES for e < FROM, LIMIT for TO <= e < 128, else EXACT; each in terms of v.
#define REFERENCE(NAME, FROM, SERIES, TO, LIMIT, EXACT) \
  AK_CLONES static void NAME##_series(const float *x, double *y, int n) { \
    for (int i = 0; i < n; i++) { \
      const double v = x[i], s = v * v; \
      (void)s; \
      y[i] = (SERIES); \
    } \
  } \
  static void NAME##_reference(const float *x, double *y, int n, int e) { \
    if (e < (FROM)) { \
      NAME##_series(x, y, n); \
      return; \
    } \
    for (int i = 0; i < n; i++) { \
      const double v = x[i]; \
      y[i] = e >= (TO) && e < 128 ? (LIMIT) : (EXACT); \
    } \
  }

#define NEVER 1000
#define ALWAYS (-1000)

REFERENCE(exp, -10, 1 + v + s / 2 + v * s / 6, 7, v < 0 ? 0 : INFINITY, exp(v))
REFERENCE(expm1, -6, v * (1 + v / 2 + s / 6 + v * s / 24 + s * s / 120 + v * s * s / 720), 7,
          v < 0 ? -1 : INFINITY, expm1(v))
REFERENCE(log, ALWAYS, 0, NEVER, 0, v < 0 ? NAN : log(v))
REFERENCE(log1p, -6, v * (1 - v / 2 + s / 3 - v * s / 4 + s * s / 5 - v * s * s / 6), NEVER, 0,
          v < -1 ? NAN : log1p(v))
REFERENCE(tanh, -6, v * (1 - s / 3 + s * s * (2.0 / 15) - s * s * s * (17.0 / 315)), 5,
          copysign(1, v), tanh(v))
REFERENCE(sigmoid, -9, 0.5 + v * (0.25 - s / 48), 7, v < 0 ? 0 : 1, 1 / (1 + exp(-v)))
REFERENCE(softplus, -9, M_LN2 + v / 2 + s / 8 - s * s / 192, 7, v < 0 ? 0 : v, log1p(exp(v)))
REFERENCE(erf, -6, v * M_2_SQRTPI * (1 - s / 3 + s * s / 10 - s * s * s / 42), 3, copysign(1, v),
          erf(v))
REFERENCE(small_sin, -6, v * (1 - s / 6 + s * s / 120 - s * s * s / 5040), NEVER, 0, sin(v))
REFERENCE(small_cos, -6, 1 - s / 2 + s * s / 24 - s * s * s / 720, NEVER, 0, cos(v))

// The C library takes long over large angles. In a block x[i] = x[0] + d[i], where d[i] depends on
// sign and exponent alone: by the addition theorem two calls are enough. That is right to 2^-52,
// too little for small results only.
typedef struct {
  double sine, cosine;
} angle;

static angle angle_of(double x) { return (angle){sin(x), cos(x)}; }

static const angle *steps_of(const float *x, int n) {
  static angle steps[BLOCK];
  static double last = 0;
  const double step = (double)x[1] - (double)x[0];
  if (last != step)
    for (int i = 0; i < n; i++) steps[i] = angle_of((double)x[i] - (double)x[0]);
  last = step;
  return steps;
}

// VALUE in terms of the block's start and of the step d.
#define ANGLE_REFERENCE(NAME, VALUE) \
  static void NAME##_reference(const float *x, double *y, int n, int e) { \
    if (e < 12 || e == 128) { \
      small_##NAME##_reference(x, y, n, e); \
      return; \
    } \
    const angle *steps = steps_of(x, n), start = angle_of(x[0]); \
    for (int i = 0; i < n; i++) { \
      const angle d = steps[i]; \
      y[i] = (VALUE); \
      if (fabs(y[i]) < 0x1p-7) y[i] = NAME(x[i]); \
    } \
  }

ANGLE_REFERENCE(sin, start.sine * d.cosine + start.cosine * d.sine)
ANGLE_REFERENCE(cos, start.cosine * d.cosine - start.sine * d.sine)

typedef struct {
  const char *name;
  void (*function)(const float *x, float *y, int64_t n);
  reference *reference;
} function;

#define FUNCTION(NAME) {#NAME, ak_##NAME##_f32, NAME##_reference}

static const function functions[] = {
    FUNCTION(exp),     FUNCTION(expm1),    FUNCTION(log), FUNCTION(log1p), FUNCTION(tanh),
    FUNCTION(sigmoid), FUNCTION(softplus), FUNCTION(erf), FUNCTION(sin),   FUNCTION(cos),
};

// MARK: errors

// |got - wanted| in units of the last place of a float at wanted. Infinity counts as 2^128, the
// next float after the largest. Infinite where one is NaN or where zero has the wrong sign.
AK_INLINE double ulps(float got, double wanted) {
  const double top = 0x1p+128;
  const double g = got > FLT_MAX ? top : got < -FLT_MAX ? -top : (double)got;
  const double w = wanted > top ? top : wanted < -top ? -top : wanted;
  uint64_t bits;
  memcpy(&bits, &w, sizeof bits);
  const uint64_t exponent = bits & 0x7ff0000000000000u, least = (uint64_t)(1023 - 126) << 52;
  // 2^(24 - exponent): no divisions.
  const uint64_t scale = ((uint64_t)(2 * 1023 + 23) << 52) - (exponent < least ? least : exponent);
  double per_ulp;
  memcpy(&per_ulp, &scale, sizeof per_ulp);
  uint32_t sign;
  memcpy(&sign, &got, sizeof sign);
  const double error = fabs(g - w) * per_ulp;
  const int is_wrong = ((got != got) != (wanted != wanted)) |
                       ((got == 0) & ((sign >> 31) != (uint32_t)(bits >> 63)));
  return is_wrong ? INFINITY : wanted != wanted ? 0 : error;
}

AK_CLONES static double worst(const float *y, const double *r, double *error, int n) {
  for (int i = 0; i < n; i++) error[i] = ulps(y[i], r[i]);
  double lane[16] = {0};
  for (int i = 0; i < n; i += 16)
    for (int l = 0; l < 16; l++) lane[l] = error[i + l] > lane[l] ? error[i + l] : lane[l];
  for (int l = 1; l < 16; l++) lane[0] = lane[l] > lane[0] ? lane[l] : lane[0];
  return lane[0];
}

int main(int count, char **arguments) {
  static float x[BLOCK], y[BLOCK];
  static double r[BLOCK], error[BLOCK];
  for (unsigned f = 0; f < sizeof functions / sizeof functions[0]; f++) {
    if (count != 2 || strcmp(functions[f].name, arguments[1]) != 0) continue;
    double largest = -1;
    float at = 0;
    for (uint64_t start = 0; start < (uint64_t)1 << 32; start += BLOCK) {
      for (uint32_t i = 0; i < BLOCK; i++) {
        const uint32_t bits = (uint32_t)start + i;
        memcpy(&x[i], &bits, sizeof bits);
      }
      functions[f].function(x, y, BLOCK);
      functions[f].reference(x, r, BLOCK, (int)(start >> 23 & 255) - 127);
      if (worst(y, r, error, BLOCK) <= largest) continue;
      for (int i = 0; i < BLOCK; i++) {
        if (error[i] <= largest) continue;
        largest = error[i];
        at = x[i];
      }
    }
    printf("%-8s | %9.4f | %a (%.9g)\n", functions[f].name, largest, at, at);
    return 0;
  }
  fprintf(stderr, "usage: ulp FUNCTION\n");
  return 2;
}
