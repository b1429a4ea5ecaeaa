// Bytes to floats: y[i] = x[i] / maximum, rounded once.
#ifndef AK_SCALE_BYTES_H
#define AK_SCALE_BYTES_H

#include <stdint.h>

void ak_scale_bytes_f32(const uint8_t *x, float maximum, float *y, int64_t n);
void ak_scale_bytes_f64(const uint8_t *x, double maximum, double *y, int64_t n);

#endif
