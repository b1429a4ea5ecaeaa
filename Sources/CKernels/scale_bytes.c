// Bytes to floats (see the header).
#include "ak_scale_bytes.h"

#include "ak_support.h"

AK_STRICT_FLOAT

#define AK_SCALE(S, T) \
  AK_CLONES void ak_scale_bytes_##S(const uint8_t *x, T maximum, T *y, int64_t n) { \
    AK_VECTOR for (int64_t i = 0; i < n; i++) y[i] = (T)x[i] / maximum; \
  }

AK_SCALE(f32, float)
AK_SCALE(f64, double)
