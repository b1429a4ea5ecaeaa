// Sums whose operand comes in pieces: the same additions in the same order as ak_sum_* (see
// reduce.c) does over the whole, so that the result is the same to the bit.
#ifndef AK_STREAM_H
#define AK_STREAM_H

#include "ak_support.h"

// Lanes of a sum over elements that lie together; all zero at the start.
enum { AK_STREAM_LANES = 16 };

// Adds x[0 ..< n], of which x[0] is the element number `position` of the line.
void ak_stream_line_f32(double *lanes, int64_t position, const float *x, int64_t n);
void ak_stream_line_f64(double *lanes, int64_t position, const double *x, int64_t n);

// The sum that the lanes hold.
double ak_stream_total(const double *lanes);

// Adds rows of `columns` elements to one sum a column; rows lie `stride` elements apart.
void ak_stream_columns_f32(double *sums, const float *x, int64_t rows, int64_t columns,
                           int64_t stride);
void ak_stream_columns_f64(double *sums, const double *x, int64_t rows, int64_t columns,
                           int64_t stride);

#endif
