// Elementwise functions of two operands, and select, with NumPy broadcasting (see the header).
#include "ak_elementwise_binary.h"

#include <math.h>
#include <stdbool.h>

#include "ak_math.h"

AK_STRICT_FLOAT

// MARK: the walk

void ak_walk_merge(ak_walk *w, int operands) {
  int32_t rank = 0;
  for (int32_t d = 0; d < w->rank; d++) {
    const int64_t size = w->shape[d];
    if (size == 1) continue;
    bool joins = rank > 0;
    for (int k = 0; joins && k < operands; k++)
      joins = w->stride[k][rank - 1] == size * w->stride[k][d];
    if (!joins) w->shape[rank++] = 1;
    w->shape[rank - 1] *= size;
    for (int k = 0; k < operands; k++) w->stride[k][rank - 1] = w->stride[k][d];
  }
  if (rank == 0) {
    w->shape[rank++] = 1;
    for (int k = 0; k < operands; k++) w->stride[k][0] = 0;
  }
  w->rank = rank;
}

// Where a row starts in each operand.
typedef struct {
  int64_t coordinate[AK_MAX_RANK];
  int64_t offset[3];
} ak_cursor;

AK_INLINE ak_cursor ak_cursor_at(const ak_walk *w, int operands, int64_t row) {
  ak_cursor at = {{0}, {0}};
  for (int32_t d = w->rank - 2; d >= 0 && row > 0; d--) {
    at.coordinate[d] = row % w->shape[d];
    row /= w->shape[d];
    for (int k = 0; k < operands; k++) at.offset[k] += at.coordinate[d] * w->stride[k][d];
  }
  return at;
}

AK_INLINE void ak_cursor_advance(const ak_walk *w, int operands, ak_cursor *at) {
  for (int32_t d = w->rank - 2; d >= 0; d--) {
    for (int k = 0; k < operands; k++) at->offset[k] += w->stride[k][d];
    if (++at->coordinate[d] < w->shape[d]) return;
    for (int k = 0; k < operands; k++) at->offset[k] -= w->shape[d] * w->stride[k][d];
    at->coordinate[d] = 0;
  }
}

// MARK: two operands

// The rows, with the inner loop written out for the strides (1,1) (1,0) (0,1) (0,0) and for any.
// EXPR is in terms of u and v, the elements of a and b.
#define AK_BINARY(NAME, T, R, LOOP, EXPR) \
  AK_CLONES void ak_##NAME(const ak_walk *w, const T *a, const T *b, R *y, int64_t begin, \
                           int64_t end) { \
    const int32_t last = w->rank - 1; \
    const int64_t n = w->shape[last], sa = w->stride[0][last], sb = w->stride[1][last]; \
    if (n == 0 || begin >= end) return; \
    ak_cursor at = ak_cursor_at(w, 2, begin); \
    for (int64_t row = begin; row < end; row++, ak_cursor_advance(w, 2, &at)) { \
      const T *p = a + at.offset[0], *q = b + at.offset[1]; \
      R *z = y + row * n; \
      if (sa == 1 && sb == 1) { \
        LOOP for (int64_t i = 0; i < n; i++) { \
          const T u = p[i], v = q[i]; \
          z[i] = (EXPR); \
        } \
      } else if (sa == 1 && sb == 0) { \
        const T v = q[0]; \
        LOOP for (int64_t i = 0; i < n; i++) { \
          const T u = p[i]; \
          z[i] = (EXPR); \
        } \
      } else if (sa == 0 && sb == 1) { \
        const T u = p[0]; \
        LOOP for (int64_t i = 0; i < n; i++) { \
          const T v = q[i]; \
          z[i] = (EXPR); \
        } \
      } else if (sa == 0 && sb == 0) { \
        const T u = p[0], v = q[0]; \
        const R value = (EXPR); \
        AK_VECTOR for (int64_t i = 0; i < n; i++) z[i] = value; \
      } else { \
        for (int64_t i = 0; i < n; i++) { \
          const T u = p[i * sa], v = q[i * sb]; \
          z[i] = (EXPR); \
        } \
      } \
    } \
  }

// f32, f64 arithmetic. The extra self-comparison of u makes maximum and minimum keep NaN from both
// sides: a comparison with NaN is false, so a NaN in v is taken anyway.
#define AK_BINARY_FLOAT(S, T) \
  AK_BINARY(add_##S, T, T, AK_VECTOR, u + v) \
  AK_BINARY(sub_##S, T, T, AK_VECTOR, u - v) \
  AK_BINARY(mul_##S, T, T, AK_VECTOR, u * v) \
  AK_BINARY(div_##S, T, T, AK_VECTOR, u / v) \
  AK_BINARY(maximum_##S, T, T, AK_VECTOR, ((u > v) | (u != u)) ? u : v) \
  AK_BINARY(minimum_##S, T, T, AK_VECTOR, ((u < v) | (u != u)) ? u : v) \
  AK_BINARY(pow_##S, T, T, AK_SCALAR, AK_M_##S(pow)(u, v))

// i32, i64 arithmetic, computed in the unsigned type U so that overflow wraps. Division truncates
// and never traps: x / 0 is 0, the smallest value / -1 wraps to itself.
#define AK_BINARY_INT(S, T, U) \
  AK_BINARY(add_##S, T, T, AK_VECTOR, (T)((U)u + (U)v)) \
  AK_BINARY(sub_##S, T, T, AK_VECTOR, (T)((U)u - (U)v)) \
  AK_BINARY(mul_##S, T, T, AK_VECTOR, (T)((U)u * (U)v)) \
  AK_BINARY(div_##S, T, T, AK_SCALAR, v == 0 ? 0 : v == -1 ? (T)((U)0 - (U)u) : u / v) \
  AK_BINARY(maximum_##S, T, T, AK_VECTOR, u > v ? u : v) \
  AK_BINARY(minimum_##S, T, T, AK_VECTOR, u < v ? u : v)

// Comparisons, IEEE for floats: with NaN only not_equal is true.
#define AK_BINARY_COMPARE(S, T) \
  AK_BINARY(less_##S, T, uint8_t, AK_VECTOR, u < v) \
  AK_BINARY(less_equal_##S, T, uint8_t, AK_VECTOR, u <= v) \
  AK_BINARY(greater_##S, T, uint8_t, AK_VECTOR, u > v) \
  AK_BINARY(greater_equal_##S, T, uint8_t, AK_VECTOR, u >= v) \
  AK_BINARY(equal_##S, T, uint8_t, AK_VECTOR, u == v) \
  AK_BINARY(not_equal_##S, T, uint8_t, AK_VECTOR, u != v)

// Losses of a variational autoencoder (Kingma & Welling 2013).
//   bernoulli_nll(x, l): minus the log-likelihood of x under Bernoulli(sigmoid(l)), from logits,
//     max(l, 0) - x l + log1p(exp(-|l|)), which overflows nowhere.
//   kl_normal(m, s): KL(N(m, exp(s)) || N(0, 1)) = (m^2 + (expm1(s) - s)) / 2 (appendix B there).
//   kl_bernoulli(l, l0): KL(Bernoulli(sigmoid(l)) || Bernoulli(sigmoid(l0))), below.
#define AK_BINARY_LOSS(S, T, LOOP, SIGMOID, SOFTPLUS, EXPM1, LOG1P) \
  AK_KL_BERNOULLI(S, T, SIGMOID, SOFTPLUS, EXPM1, LOG1P) \
  AK_BINARY(bernoulli_nll_##S, T, T, LOOP, \
            (v > 0 ? v : 0) - u * v + SOFTPLUS(-AK_M_##S(fabs)(v))) \
  AK_BINARY(kl_normal_##S, T, T, LOOP, (T)0.5 * (u * u + (EXPM1(v) - v))) \
  AK_BINARY(kl_bernoulli_##S, T, T, LOOP, ak_bernoulli_divergence_##S(u, v))

// p (l - l0) - (softplus(l) - softplus(l0)), p = sigmoid(l). What it is for (l, l0) it is for
// (-l, -l0), and with l <= 0 none of the terms is large where the result is small. Near each other
// the two softplus differ by log1p(sigmoid(high) (e^(low - high) - 1)), which keeps its digits as
// long as its argument is not near -1: for l0 <= 1.
#define AK_KL_BERNOULLI(S, T, SIGMOID, SOFTPLUS, EXPM1, LOG1P) \
  AK_INLINE T ak_bernoulli_divergence_##S(T logit, T prior) { \
    const T l = logit > 0 ? -logit : logit, l0 = logit > 0 ? -prior : prior; \
    const T low = l < l0 ? l : l0, high = l < l0 ? l0 : l; \
    const T near = LOG1P(SIGMOID(high) * EXPM1(low - high)); \
    const T far = SOFTPLUS(l) - (l0 + SOFTPLUS(-AK_M_##S(fabs)(l0))); \
    return SIGMOID(l) * (l - l0) - (l0 > 1 ? far : l < l0 ? near : -near); \
  }

// softplus(-a) for a >= 0 is log1p(exp(-a)).
AK_INLINE double ak_softplus_of_negative(double v) { return log1p(exp(v)); }

AK_BINARY_FLOAT(f32, float)
AK_BINARY_FLOAT(f64, double)
AK_BINARY_INT(i32, int32_t, uint32_t)
AK_BINARY_INT(i64, int64_t, uint64_t)
AK_BINARY_COMPARE(f32, float)
AK_BINARY_COMPARE(f64, double)
AK_BINARY_COMPARE(i32, int32_t)
AK_BINARY_COMPARE(i64, int64_t)
AK_BINARY_LOSS(f32, float, AK_VECTOR_PAIRS, ak_sigmoid_of_f32, ak_softplus_of_f32,
               ak_expm1_of_f32, ak_log1p_of_f32)
AK_BINARY_LOSS(f64, double, AK_SCALAR, ak_sigmoid_of_f64, ak_softplus_of_negative, expm1, log1p)
AK_BINARY(equal_bool, uint8_t, uint8_t, AK_VECTOR, u == v)
AK_BINARY(not_equal_bool, uint8_t, uint8_t, AK_VECTOR, u != v)
AK_BINARY(logical_and_bool, uint8_t, uint8_t, AK_VECTOR, u & v)
AK_BINARY(logical_or_bool, uint8_t, uint8_t, AK_VECTOR, u | v)
AK_BINARY(logical_xor_bool, uint8_t, uint8_t, AK_VECTOR, u ^ v)

// MARK: select

// Rows of select: contiguous operands, contiguous condition with one or two scalars, or any.
#define AK_SELECT(S, T) \
  AK_CLONES void ak_select_##S(const ak_walk *w, const uint8_t *c, const T *a, const T *b, T *y, \
                               int64_t begin, int64_t end) { \
    const int32_t last = w->rank - 1; \
    const int64_t n = w->shape[last], sc = w->stride[0][last]; \
    const int64_t sa = w->stride[1][last], sb = w->stride[2][last]; \
    if (n == 0 || begin >= end) return; \
    ak_cursor at = ak_cursor_at(w, 3, begin); \
    for (int64_t row = begin; row < end; row++, ak_cursor_advance(w, 3, &at)) { \
      const uint8_t *m = c + at.offset[0]; \
      const T *p = a + at.offset[1], *q = b + at.offset[2]; \
      T *z = y + row * n; \
      if (sc == 1 && sa == 1 && sb == 1) { \
        AK_VECTOR for (int64_t i = 0; i < n; i++) { \
          const T u = p[i], v = q[i]; \
          z[i] = m[i] ? u : v; \
        } \
      } else if (sc == 1 && sa == 1 && sb == 0) { \
        const T v = q[0]; \
        AK_VECTOR for (int64_t i = 0; i < n; i++) { \
          const T u = p[i]; \
          z[i] = m[i] ? u : v; \
        } \
      } else if (sc == 1 && sa == 0 && sb == 1) { \
        const T u = p[0]; \
        AK_VECTOR for (int64_t i = 0; i < n; i++) { \
          const T v = q[i]; \
          z[i] = m[i] ? u : v; \
        } \
      } else if (sc == 1 && sa == 0 && sb == 0) { \
        const T u = p[0], v = q[0]; \
        AK_VECTOR for (int64_t i = 0; i < n; i++) z[i] = m[i] ? u : v; \
      } else { \
        for (int64_t i = 0; i < n; i++) { \
          const T u = p[i * sa], v = q[i * sb]; \
          z[i] = m[i * sc] ? u : v; \
        } \
      } \
    } \
  }

AK_SELECT(f32, float)
AK_SELECT(f64, double)
AK_SELECT(i32, int32_t)
AK_SELECT(i64, int64_t)
AK_SELECT(bool, uint8_t)
