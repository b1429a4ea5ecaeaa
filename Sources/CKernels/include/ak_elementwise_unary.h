// Elementwise functions of one operand: y[i] = f(x[i]) for i in 0..<n. y == x is allowed.
#ifndef AK_ELEMENTWISE_UNARY_H
#define AK_ELEMENTWISE_UNARY_H

#include "ak_support.h"

#define AK_UNARY_PROTOTYPE(NAME, T) void ak_##NAME(const T *x, T *y, int64_t n);

// sign, heaviside and relu of NaN are NaN. sigmoid and softplus are stable over the whole range.
#define AK_UNARY_PROTOTYPES_FLOAT(S, T) \
  AK_UNARY_PROTOTYPE(neg_##S, T) \
  AK_UNARY_PROTOTYPE(abs_##S, T) \
  AK_UNARY_PROTOTYPE(sign_##S, T) \
  AK_UNARY_PROTOTYPE(heaviside_##S, T) \
  AK_UNARY_PROTOTYPE(flush_subnormals_##S, T) \
  AK_UNARY_PROTOTYPE(exp_##S, T) \
  AK_UNARY_PROTOTYPE(expm1_##S, T) \
  AK_UNARY_PROTOTYPE(log_##S, T) \
  AK_UNARY_PROTOTYPE(log1p_##S, T) \
  AK_UNARY_PROTOTYPE(sqrt_##S, T) \
  AK_UNARY_PROTOTYPE(rsqrt_##S, T) \
  AK_UNARY_PROTOTYPE(square_##S, T) \
  AK_UNARY_PROTOTYPE(reciprocal_##S, T) \
  AK_UNARY_PROTOTYPE(sin_##S, T) \
  AK_UNARY_PROTOTYPE(cos_##S, T) \
  AK_UNARY_PROTOTYPE(tanh_##S, T) \
  AK_UNARY_PROTOTYPE(sigmoid_##S, T) \
  AK_UNARY_PROTOTYPE(relu_##S, T) \
  AK_UNARY_PROTOTYPE(softplus_##S, T) \
  AK_UNARY_PROTOTYPE(erf_##S, T)

// Integers wrap: neg and abs of the smallest value give that value again.
#define AK_UNARY_PROTOTYPES_INT(S, T) \
  AK_UNARY_PROTOTYPE(neg_##S, T) \
  AK_UNARY_PROTOTYPE(abs_##S, T) \
  AK_UNARY_PROTOTYPE(sign_##S, T) \
  AK_UNARY_PROTOTYPE(square_##S, T) \
  AK_UNARY_PROTOTYPE(relu_##S, T)

AK_UNARY_PROTOTYPES_FLOAT(f32, float)
AK_UNARY_PROTOTYPES_FLOAT(f64, double)
AK_UNARY_PROTOTYPES_INT(i32, int32_t)
AK_UNARY_PROTOTYPES_INT(i64, int64_t)
AK_UNARY_PROTOTYPE(logical_not_bool, uint8_t)

#undef AK_UNARY_PROTOTYPES_INT
#undef AK_UNARY_PROTOTYPES_FLOAT
#undef AK_UNARY_PROTOTYPE

#endif
