// Sums whose operand comes in pieces (see the header).
#include "ak_stream.h"

AK_STRICT_FLOAT

#define AK_STREAM(S, T) \
  AK_CLONES void ak_stream_line_##S(double *lanes, int64_t position, const T *x, int64_t n) { \
    int64_t i = 0; \
    for (; i < n && (position + i) % AK_STREAM_LANES != 0; i++) \
      lanes[(position + i) % AK_STREAM_LANES] += (double)x[i]; \
    for (; i + AK_STREAM_LANES <= n; i += AK_STREAM_LANES) \
      for (int l = 0; l < AK_STREAM_LANES; l++) lanes[l] += (double)x[i + l]; \
    for (int l = 0; i + l < n; l++) lanes[l] += (double)x[i + l]; \
  } \
  AK_CLONES void ak_stream_columns_##S(double *sums, const T *x, int64_t rows, int64_t columns, \
                                       int64_t stride) { \
    for (int64_t r = 0; r < rows; r++) { \
      const T *p = x + r * stride; \
      AK_VECTOR for (int64_t c = 0; c < columns; c++) sums[c] += (double)p[c]; \
    } \
  }

AK_STREAM(f32, float)
AK_STREAM(f64, double)

double ak_stream_total(const double *lanes) {
  double lane[AK_STREAM_LANES];
  for (int l = 0; l < AK_STREAM_LANES; l++) lane[l] = lanes[l];
  for (int half = AK_STREAM_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
  return lane[0];
}
