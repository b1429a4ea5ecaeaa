// Elementwise functions of one operand: y[i] = f(x[i]), shapes [n] -> [n].
#include "ak_elementwise_unary.h"

#include <math.h>

#include "ak_math.h"

AK_STRICT_FLOAT

// The loop: EXPR is in terms of v, the element, of type T.
#define AK_UNARY(NAME, T, LOOP, EXPR) \
  AK_CLONES void ak_##NAME(const T *x, T *y, int64_t n) { \
    LOOP for (int64_t i = 0; i < n; i++) { \
      const T v = x[i]; \
      y[i] = (EXPR); \
    } \
  }

// f32, f64: plain arithmetic. relu(-0) is +0, sign(-0) is +0; these and heaviside keep NaN.
#define AK_UNARY_ARITHMETIC(S, T) \
  AK_UNARY(neg_##S, T, AK_VECTOR, -v) \
  AK_UNARY(abs_##S, T, AK_VECTOR, AK_M_##S(fabs)(v)) \
  AK_UNARY(sign_##S, T, AK_VECTOR, v > 0 ? 1 : v < 0 ? -1 : v == 0 ? 0 : v) \
  AK_UNARY(heaviside_##S, T, AK_VECTOR, v > 0 ? 1 : v <= 0 ? 0 : v) \
  AK_UNARY(flush_subnormals_##S, T, AK_VECTOR, ak_flush_subnormals_of_##S(v)) \
  AK_UNARY(square_##S, T, AK_VECTOR, v * v) \
  AK_UNARY(reciprocal_##S, T, AK_VECTOR, 1 / v) \
  AK_UNARY(relu_##S, T, AK_VECTOR, v <= 0 ? 0 : v) \
  AK_UNARY(sqrt_##S, T, AK_SCALAR, AK_SQRT(S, v)) \
  AK_UNARY(rsqrt_##S, T, AK_SCALAR, 1 / AK_SQRT(S, v))

// f32: functions of ak_math.h.
#define AK_UNARY_VECTOR(NAME) AK_UNARY(NAME##_f32, float, AK_VECTOR_PAIRS, ak_##NAME##_of_f32(v))

// Sine and cosine need a longer way for huge arguments. They are rare: a block that has none takes
// the short way, and an element's value does not depend on its neighbours.
enum { AK_ANGLE_BLOCK = 256 };

#define AK_UNARY_ANGLE(NAME) \
  AK_CLONES void ak_##NAME##_f32(const float *x, float *y, int64_t n) { \
    for (int64_t begin = 0, end; begin < n; begin = end) { \
      end = n - begin < AK_ANGLE_BLOCK ? n : begin + AK_ANGLE_BLOCK; \
      int is_huge = 0; \
      AK_VECTOR for (int64_t i = begin; i < end; i++) is_huge |= ak_is_huge_angle(x[i]); \
      if (is_huge) { \
        for (int64_t i = begin; i < end; i++) { \
          const float v = x[i]; \
          y[i] = ak_is_huge_angle(v) ? ak_##NAME##_of_huge_f32(v) : ak_##NAME##_of_f32(v); \
        } \
      } else { \
        AK_VECTOR_PAIRS for (int64_t i = begin; i < end; i++) y[i] = ak_##NAME##_of_f32(x[i]); \
      } \
    } \
  }

// f32, f64: functions of libm, named as there.
#define AK_UNARY_LIBM(S, T, NAME) AK_UNARY(NAME##_##S, T, AK_SCALAR, AK_M_##S(NAME)(v))

AK_INLINE double ak_flush_subnormals_of_f64(double v) {
  return fabs(v) < DBL_MIN ? copysign(0, v) : v;
}

// i32, i64: computed in the unsigned type U, so that overflow wraps.
#define AK_UNARY_INT(S, T, U) \
  AK_UNARY(neg_##S, T, AK_VECTOR, (T)((U)0 - (U)v)) \
  AK_UNARY(abs_##S, T, AK_VECTOR, (T)(v < 0 ? (U)0 - (U)v : (U)v)) \
  AK_UNARY(sign_##S, T, AK_VECTOR, (T)((v > 0) - (v < 0))) \
  AK_UNARY(square_##S, T, AK_VECTOR, (T)((U)v * (U)v)) \
  AK_UNARY(relu_##S, T, AK_VECTOR, v > 0 ? v : 0)

AK_UNARY_ARITHMETIC(f32, float)
AK_UNARY_ARITHMETIC(f64, double)
AK_UNARY_VECTOR(exp)
AK_UNARY_VECTOR(expm1)
AK_UNARY_VECTOR(log)
AK_UNARY_VECTOR(log1p)
AK_UNARY_VECTOR(tanh)
AK_UNARY_VECTOR(erf)
AK_UNARY_VECTOR(sigmoid)
AK_UNARY_VECTOR(softplus)
AK_UNARY_ANGLE(sin)
AK_UNARY_ANGLE(cos)
AK_UNARY_LIBM(f64, double, exp)
AK_UNARY_LIBM(f64, double, expm1)
AK_UNARY_LIBM(f64, double, log)
AK_UNARY_LIBM(f64, double, log1p)
AK_UNARY_LIBM(f64, double, sin)
AK_UNARY_LIBM(f64, double, cos)
AK_UNARY_LIBM(f64, double, tanh)
AK_UNARY_LIBM(f64, double, erf)
AK_UNARY(sigmoid_f64, double, AK_SCALAR, ak_sigmoid_of_f64(v))
AK_UNARY(softplus_f64, double, AK_SCALAR, ak_softplus_of_f64(v))
AK_UNARY_INT(i32, int32_t, uint32_t)
AK_UNARY_INT(i64, int64_t, uint64_t)
AK_UNARY(logical_not_bool, uint8_t, AK_VECTOR, v == 0)
