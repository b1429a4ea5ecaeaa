// Elementwise functions of one operand: y[i] = f(x[i]), shapes [n] -> [n].
#include "ak_elementwise_unary.h"

#include <math.h>

AK_STRICT_FLOAT

// clang keeps a call to sqrt for errno's sake; its elementwise builtin is the bare instruction.
#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sqrt)
#define AK_SQRT(S, v) __builtin_elementwise_sqrt(v)
#endif
#endif
#ifndef AK_SQRT
#define AK_SQRT(S, v) AK_M_##S(sqrt)(v)
#endif

// The loop: EXPR is in terms of v, the element, of type T.
#define AK_UNARY(NAME, T, LOOP, EXPR) \
  AK_CLONES void ak_##NAME(const T *x, T *y, int64_t n) { \
    LOOP for (int64_t i = 0; i < n; i++) { \
      const T v = x[i]; \
      y[i] = (EXPR); \
    } \
  }

// f32, f64: plain arithmetic. relu(-0) is +0, sign(-0) is +0, both keep NaN.
#define AK_UNARY_ARITHMETIC(S, T) \
  AK_UNARY(neg_##S, T, AK_VECTOR, -v) \
  AK_UNARY(abs_##S, T, AK_VECTOR, AK_M_##S(fabs)(v)) \
  AK_UNARY(sign_##S, T, AK_VECTOR, v > 0 ? 1 : v < 0 ? -1 : v == 0 ? 0 : v) \
  AK_UNARY(square_##S, T, AK_VECTOR, v * v) \
  AK_UNARY(reciprocal_##S, T, AK_VECTOR, 1 / v) \
  AK_UNARY(relu_##S, T, AK_VECTOR, v <= 0 ? 0 : v) \
  AK_UNARY(sqrt_##S, T, AK_SCALAR, AK_SQRT(S, v)) \
  AK_UNARY(rsqrt_##S, T, AK_SCALAR, 1 / AK_SQRT(S, v))

// f32, f64: functions of libm, named as there.
#define AK_UNARY_LIBM(S, T, NAME) AK_UNARY(NAME##_##S, T, AK_SCALAR, AK_M_##S(NAME)(v))

#define AK_UNARY_TRANSCENDENTAL(S, T) \
  AK_UNARY_LIBM(S, T, exp) \
  AK_UNARY_LIBM(S, T, expm1) \
  AK_UNARY_LIBM(S, T, log) \
  AK_UNARY_LIBM(S, T, log1p) \
  AK_UNARY_LIBM(S, T, sin) \
  AK_UNARY_LIBM(S, T, cos) \
  AK_UNARY_LIBM(S, T, tanh) \
  AK_UNARY_LIBM(S, T, erf)

// Stable forms: exp only of -|x|, so nothing overflows and both tails keep relative accuracy.
//   sigmoid(x)  = 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0, with e = exp(-|x|)
//   softplus(x) = max(x, 0) + log1p(exp(-|x|))
AK_INLINE float ak_sigmoid_of_f32(float v) {
  const float e = expf(-fabsf(v));
  return (v < 0 ? e : 1) / (1 + e);
}

AK_INLINE double ak_sigmoid_of_f64(double v) {
  const double e = exp(-fabs(v));
  return (v < 0 ? e : 1) / (1 + e);
}

#define AK_UNARY_STABLE(S, T) \
  AK_UNARY(sigmoid_##S, T, AK_SCALAR, ak_sigmoid_of_##S(v)) \
  AK_UNARY(softplus_##S, T, AK_SCALAR, \
           (v > 0 ? v : 0) + AK_M_##S(log1p)(AK_M_##S(exp)(-AK_M_##S(fabs)(v))))

// i32, i64: computed in the unsigned type U, so that overflow wraps.
#define AK_UNARY_INT(S, T, U) \
  AK_UNARY(neg_##S, T, AK_VECTOR, (T)((U)0 - (U)v)) \
  AK_UNARY(abs_##S, T, AK_VECTOR, (T)(v < 0 ? (U)0 - (U)v : (U)v)) \
  AK_UNARY(sign_##S, T, AK_VECTOR, (T)((v > 0) - (v < 0))) \
  AK_UNARY(square_##S, T, AK_VECTOR, (T)((U)v * (U)v)) \
  AK_UNARY(relu_##S, T, AK_VECTOR, v > 0 ? v : 0)

AK_UNARY_ARITHMETIC(f32, float)
AK_UNARY_ARITHMETIC(f64, double)
AK_UNARY_TRANSCENDENTAL(f32, float)
AK_UNARY_TRANSCENDENTAL(f64, double)
AK_UNARY_STABLE(f32, float)
AK_UNARY_STABLE(f64, double)
AK_UNARY_INT(i32, int32_t, uint32_t)
AK_UNARY_INT(i64, int64_t, uint64_t)
AK_UNARY(logical_not_bool, uint8_t, AK_VECTOR, v == 0)
