// Elementwise functions of two operands, and select, with NumPy broadcasting.
//
// A walk describes the result's shape and, for each operand, how many elements one step along each
// dimension moves in that operand (0 where it is broadcast). The result is contiguous, row-major.
// A row is the last dimension; there are product(shape[0 ..< rank-1]) rows, and each function
// computes the rows begin ..< end, so that a caller may split them among threads.
// y may be an operand of the same dtype if each element lies at the same place in both.
#ifndef AK_ELEMENTWISE_BINARY_H
#define AK_ELEMENTWISE_BINARY_H

#include "ak_support.h"

// rank >= 1; a scalar has rank 1 and shape 1. Strides are in elements.
typedef struct {
  int32_t rank;
  int64_t shape[AK_MAX_RANK];
  int64_t stride[4][AK_MAX_RANK];
} ak_walk;

// Drops dimensions of size 1 and merges neighbours that are contiguous for the first `operands`
// operands; the elements stay in the same order. Leaves rank >= 1.
void ak_walk_merge(ak_walk *w, int operands);

#define AK_BINARY_PROTOTYPE(NAME, T, R) \
  void ak_##NAME(const ak_walk *w, const T *a, const T *b, R *y, int64_t begin, int64_t end);

// maximum and minimum give NaN if either operand is NaN. Integers wrap; x / 0 is 0.
#define AK_BINARY_PROTOTYPES_ARITHMETIC(S, T) \
  AK_BINARY_PROTOTYPE(add_##S, T, T) \
  AK_BINARY_PROTOTYPE(sub_##S, T, T) \
  AK_BINARY_PROTOTYPE(mul_##S, T, T) \
  AK_BINARY_PROTOTYPE(div_##S, T, T) \
  AK_BINARY_PROTOTYPE(maximum_##S, T, T) \
  AK_BINARY_PROTOTYPE(minimum_##S, T, T) \
  AK_BINARY_PROTOTYPE(less_##S, T, uint8_t) \
  AK_BINARY_PROTOTYPE(less_equal_##S, T, uint8_t) \
  AK_BINARY_PROTOTYPE(greater_##S, T, uint8_t) \
  AK_BINARY_PROTOTYPE(greater_equal_##S, T, uint8_t) \
  AK_BINARY_PROTOTYPE(equal_##S, T, uint8_t) \
  AK_BINARY_PROTOTYPE(not_equal_##S, T, uint8_t)

// bernoulli_nll(x, logits), kl_normal(mean, log_variance) and kl_bernoulli(logits, prior_logits): see
// elementwise_binary.c.
#define AK_BINARY_PROTOTYPES_FLOAT(S, T) \
  AK_BINARY_PROTOTYPE(pow_##S, T, T) \
  AK_BINARY_PROTOTYPE(bernoulli_nll_##S, T, T) \
  AK_BINARY_PROTOTYPE(kl_normal_##S, T, T) \
  AK_BINARY_PROTOTYPE(kl_bernoulli_##S, T, T)

// y = c ? a : b. Operands 0, 1, 2 of the walk are c, a, b.
#define AK_SELECT_PROTOTYPE(S, T) \
  void ak_select_##S(const ak_walk *w, const uint8_t *c, const T *a, const T *b, T *y, \
                     int64_t begin, int64_t end);

AK_BINARY_PROTOTYPES_ARITHMETIC(f32, float)
AK_BINARY_PROTOTYPES_ARITHMETIC(f64, double)
AK_BINARY_PROTOTYPES_ARITHMETIC(i32, int32_t)
AK_BINARY_PROTOTYPES_ARITHMETIC(i64, int64_t)
AK_BINARY_PROTOTYPES_FLOAT(f32, float)
AK_BINARY_PROTOTYPES_FLOAT(f64, double)
AK_BINARY_PROTOTYPE(equal_bool, uint8_t, uint8_t)
AK_BINARY_PROTOTYPE(not_equal_bool, uint8_t, uint8_t)
AK_BINARY_PROTOTYPE(logical_and_bool, uint8_t, uint8_t)
AK_BINARY_PROTOTYPE(logical_or_bool, uint8_t, uint8_t)
AK_BINARY_PROTOTYPE(logical_xor_bool, uint8_t, uint8_t)
AK_SELECT_PROTOTYPE(f32, float)
AK_SELECT_PROTOTYPE(f64, double)
AK_SELECT_PROTOTYPE(i32, int32_t)
AK_SELECT_PROTOTYPE(i64, int64_t)
AK_SELECT_PROTOTYPE(bool, uint8_t)

#undef AK_SELECT_PROTOTYPE
#undef AK_BINARY_PROTOTYPES_FLOAT
#undef AK_BINARY_PROTOTYPES_ARITHMETIC
#undef AK_BINARY_PROTOTYPE

#endif
