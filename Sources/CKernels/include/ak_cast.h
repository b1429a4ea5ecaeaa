// Conversion between dtypes: y[i] = (D)x[i], for all 25 pairs.
//
// Float to integer truncates towards zero, saturates, and turns NaN into 0. Integer to narrower
// integer wraps. Anything to bool is x != 0 (so NaN is 1). y == x is allowed if S == D.
#ifndef AK_CAST_H
#define AK_CAST_H

#include "ak_support.h"

typedef enum { AK_F32, AK_F64, AK_I32, AK_I64, AK_BOOL } ak_dtype;

typedef void (*ak_cast_loop)(const void *x, void *y, int64_t n);

// The loop from one dtype to another.
ak_cast_loop ak_cast(ak_dtype from, ak_dtype to);

#endif
