// Conversion between dtypes: y[i] = (D)x[i], for all 25 pairs.
//
// Float to integer truncates towards zero, saturates, and turns NaN into 0. Integer to narrower
// integer wraps. Anything to bool is x != 0 (so NaN is 1). y == x is allowed if S == D.
#ifndef AK_CAST_H
#define AK_CAST_H

#include "ak_support.h"

#define AK_CAST_PROTOTYPE(S, D) \
  void ak_cast_##S##_##D(const AK_T_##S *x, AK_T_##D *y, int64_t n);

#define AK_CAST_PROTOTYPES(S) \
  AK_CAST_PROTOTYPE(S, f32) \
  AK_CAST_PROTOTYPE(S, f64) \
  AK_CAST_PROTOTYPE(S, i32) \
  AK_CAST_PROTOTYPE(S, i64) \
  AK_CAST_PROTOTYPE(S, bool)

AK_CAST_PROTOTYPES(f32)
AK_CAST_PROTOTYPES(f64)
AK_CAST_PROTOTYPES(i32)
AK_CAST_PROTOTYPES(i64)
AK_CAST_PROTOTYPES(bool)

#undef AK_CAST_PROTOTYPES
#undef AK_CAST_PROTOTYPE

#endif
