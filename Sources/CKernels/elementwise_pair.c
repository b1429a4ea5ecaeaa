// Pairs of arithmetic operations in one pass (see the header).
#include "ak_elementwise_pair.h"

#include <math.h>

#include "ak_math.h"

AK_STRICT_FLOAT

#define AK_mul(u, v) ((u) * (v))
#define AK_add(u, v) ((u) + (v))
#define AK_sub(u, v) ((u) - (v))
#define AK_div(u, v) ((u) / (v))
#define AK_rsub(u, v) ((v) - (u))
#define AK_rdiv(u, v) ((v) / (u))

// The element of an operand: the one of the row, or that of the column.
#define AK_ONE(p, i) p##0
#define AK_EACH(p, i) p[i]

#define AK_PAIR_LOOP(FIRST, SECOND, A, B, C) \
  AK_VECTOR for (int64_t i = 0; i < n; i++) { \
    const float t = AK_##FIRST(A(p, i), B(q, i)); \
    z[i] = AK_##SECOND(t, C(r, i)); \
  }

// The inner loop for a with an element a column, b and c with one or many; and for any strides.
#define AK_PAIR(FIRST, SECOND) \
  AK_CLONES void ak_##FIRST##_##SECOND##_f32( \
      const ak_walk *w, const float *a, const float *b, const float *c, float *y, int64_t begin, \
      int64_t end) { \
    const int32_t last = w->rank - 1; \
    const int64_t n = w->shape[last]; \
    const int64_t sa = w->stride[0][last], sb = w->stride[1][last], sc = w->stride[2][last]; \
    for (int64_t row = begin; row < end; row++) { \
      const int64_t above = last > 0 ? row : 0; \
      const float *p = a + above * w->stride[0][0], *q = b + above * w->stride[1][0]; \
      const float *r = c + above * w->stride[2][0]; \
      float *z = y + row * n; \
      const float q0 = q[0], r0 = r[0]; \
      if (sa == 1 && sb == 1 && sc == 1) { \
        AK_PAIR_LOOP(FIRST, SECOND, AK_EACH, AK_EACH, AK_EACH) \
      } else if (sa == 1 && sb == 1 && sc == 0) { \
        AK_PAIR_LOOP(FIRST, SECOND, AK_EACH, AK_EACH, AK_ONE) \
      } else if (sa == 1 && sb == 0 && sc == 1) { \
        AK_PAIR_LOOP(FIRST, SECOND, AK_EACH, AK_ONE, AK_EACH) \
      } else if (sa == 1 && sb == 0 && sc == 0) { \
        AK_PAIR_LOOP(FIRST, SECOND, AK_EACH, AK_ONE, AK_ONE) \
      } else { \
        for (int64_t i = 0; i < n; i++) { \
          const float t = AK_##FIRST(p[i * sa], q[i * sb]); \
          z[i] = AK_##SECOND(t, r[i * sc]); \
        } \
      } \
    } \
  }

AK_PAIRS(AK_PAIR)

AK_CLONES void ak_sqrt_mul_add_f32(const ak_walk *w, const float *a, const float *b, const float *c,
                                   float *y, int64_t begin, int64_t end) {
  const int32_t last = w->rank - 1;
  const int64_t n = w->shape[last];
  const int64_t sa = w->stride[0][last], sb = w->stride[1][last], sc = w->stride[2][last];
  for (int64_t row = begin; row < end; row++) {
    const int64_t above = last > 0 ? row : 0;
    const float *p = a + above * w->stride[0][0], *q = b + above * w->stride[1][0];
    const float *r = c + above * w->stride[2][0];
    float *z = y + row * n;
    const float q0 = q[0], r0 = r[0];
    if (sa == 1 && sb == 0 && sc == 0) {
      for (int64_t i = 0; i < n; i++) {
        const float t = AK_SQRT(f32, p[i]) * q0;
        z[i] = t + r0;
      }
    } else {
      for (int64_t i = 0; i < n; i++) {
        const float t = AK_SQRT(f32, p[i * sa]) * q[i * sb];
        z[i] = t + r[i * sc];
      }
    }
  }
}

// Loops of four operands: the last argument makes z[i] of P, Q, R and S, their elements. Written
// out for b the same in a row, and d too where D_STRIDE is 0; for all that differ; and for any
// strides.
#define AK_QUAD(NAME, D_STRIDE, S_ONE, ...) \
  AK_CLONES void ak_##NAME##_f32(const ak_walk *w, const float *a, const float *b, const float *c, \
                                 const float *d, float *y, int64_t begin, int64_t end) { \
    const int32_t last = w->rank - 1; \
    const int64_t n = w->shape[last]; \
    const int64_t sa = w->stride[0][last], sb = w->stride[1][last], sc = w->stride[2][last]; \
    const int64_t sd = w->stride[3][last]; \
    for (int64_t row = begin; row < end; row++) { \
      const int64_t above = last > 0 ? row : 0; \
      const float *p = a + above * w->stride[0][0], *q = b + above * w->stride[1][0]; \
      const float *r = c + above * w->stride[2][0], *s = d + above * w->stride[3][0]; \
      float *z = y + row * n; \
      const float q0 = q[0], s0 = s[0]; \
      (void)s0; \
      if (sa == 1 && sb == 0 && sc == 1 && sd == D_STRIDE) { \
        AK_VECTOR for (int64_t i = 0; i < n; i++) { \
          const float P = p[i], Q = q0, R = r[i], S = S_ONE; \
          __VA_ARGS__ \
        } \
      } else if (sa == 1 && sb == 1 && sc == 1 && sd == 1) { \
        AK_VECTOR for (int64_t i = 0; i < n; i++) { \
          const float P = p[i], Q = q[i], R = r[i], S = s[i]; \
          __VA_ARGS__ \
        } \
      } else { \
        for (int64_t i = 0; i < n; i++) { \
          const float P = p[i * sa], Q = q[i * sb], R = r[i * sc], S = s[i * sd]; \
          __VA_ARGS__ \
        } \
      } \
    } \
  }

AK_QUAD(mul_mul_add, 0, s0, const float t = P * Q, u = R * S; z[i] = t + u;)
AK_QUAD(mul_square_add, 0, s0, const float t = P * Q, v = R * R, u = v * S; z[i] = t + u;)
AK_QUAD(mul_mul_add_flush, 0, s0, const float t = P * Q, u = R * S;
        z[i] = ak_flush_subnormals_of_f32(t + u);)
AK_QUAD(mul_square_add_flush, 0, s0, const float t = P * Q, v = R * R, u = v * S;
        z[i] = ak_flush_subnormals_of_f32(t + u);)
AK_QUAD(mul_div_rsub, 1, s[i], const float t = P * Q, u = t / R; z[i] = S - u;)
