// Conversion between dtypes, shapes [n] -> [n] (see the header for the rules).
#include "ak_cast.h"

// The loop: EXPR is in terms of v, the element of type S.
#define AK_CAST(S, D, EXPR) \
  AK_CLONES static void ak_cast_##S##_##D(const AK_T_##S *x, AK_T_##D *y, int64_t n) { \
    AK_VECTOR for (int64_t i = 0; i < n; i++) { \
      const AK_T_##S v = x[i]; \
      y[i] = (EXPR); \
    } \
  }

// The bounds are powers of two, exact in both float types: at or above 2^(bits-1) the result is
// MAX, at or below -2^(bits-1) it is MIN; between them C's conversion is defined. NaN fails
// v == v and gives 0.
#define AK_SATURATE(T, BOUND, MIN, MAX) \
  v >= BOUND ? MAX : v <= -BOUND ? MIN : v == v ? (T)v : 0

#define AK_CAST_FROM_FLOAT(S) \
  AK_CAST(S, f32, (float)v) \
  AK_CAST(S, f64, (double)v) \
  AK_CAST(S, i32, AK_SATURATE(int32_t, 0x1p31f, INT32_MIN, INT32_MAX)) \
  AK_CAST(S, i64, AK_SATURATE(int64_t, 0x1p63f, INT64_MIN, INT64_MAX)) \
  AK_CAST(S, bool, v != 0)

#define AK_CAST_FROM_INT(S) \
  AK_CAST(S, f32, (float)v) \
  AK_CAST(S, f64, (double)v) \
  AK_CAST(S, i32, (int32_t)v) \
  AK_CAST(S, i64, (int64_t)v) \
  AK_CAST(S, bool, v != 0)

AK_CAST_FROM_FLOAT(f32)
AK_CAST_FROM_FLOAT(f64)
AK_CAST_FROM_INT(i32)
AK_CAST_FROM_INT(i64)
AK_CAST_FROM_INT(bool)

#define AK_CAST_ROW(S) \
  {(ak_cast_loop)ak_cast_##S##_f32, (ak_cast_loop)ak_cast_##S##_f64, \
   (ak_cast_loop)ak_cast_##S##_i32, (ak_cast_loop)ak_cast_##S##_i64, \
   (ak_cast_loop)ak_cast_##S##_bool}

ak_cast_loop ak_cast(ak_dtype from, ak_dtype to) {
  static const ak_cast_loop loops[5][5] = {AK_CAST_ROW(f32), AK_CAST_ROW(f64), AK_CAST_ROW(i32),
                                           AK_CAST_ROW(i64), AK_CAST_ROW(bool)};
  return loops[from][to];
}
