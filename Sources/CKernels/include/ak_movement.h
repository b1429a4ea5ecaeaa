// Moving elements without computing: strided copies, gather and its adjoint, one-hot, fill.
// Unless said otherwise operand and result must not overlap.
#ifndef AK_MOVEMENT_H
#define AK_MOVEMENT_H

#include "ak_support.h"

// Copies an array of `shape` from src to dst, each with its own strides in elements (negative is
// fine, 0 in src repeats). src and dst point at the element with all coordinates 0. Serves
// transpose, broadcast_to, slice and concat. element_size is 1, 4 or 8; rank <= AK_MAX_RANK.
void ak_copy_strided(int32_t element_size, int32_t rank, const int64_t *shape,
                     const int64_t *src_stride, const int64_t *dst_stride, const void *src,
                     void *dst);

// y[o, c, i] = x[o, index[c], i], x of shape [outer, axis_size, inner], y [outer, count, inner].
// Returns -1, or the position c of the first index outside 0 ..< axis_size; such rows of y are left
// untouched. element_size is 1, 4 or 8.
#define AK_GATHER_PROTOTYPE(X, I) \
  int64_t ak_gather_##X(int32_t element_size, const void *x, const I *index, void *y, \
                        int64_t outer, int64_t axis_size, int64_t inner, int64_t count);

// y = 0, then y[o, index[c], i] += x[o, c, i] in the order of c; x of shape [outer, count, inner],
// y [outer, axis_size, inner]. Returns as gather does; rows with such an index are skipped.
#define AK_SCATTER_ADD_PROTOTYPE(S, T, X, I) \
  int64_t ak_scatter_add_##S##_##X(const T *x, const I *index, T *y, int64_t outer, \
                                   int64_t axis_size, int64_t inner, int64_t count);

// y[c, index[c]] = 1, all else 0; y of shape [count, depth]. An index outside 0 ..< depth gives a
// row of zeros.
#define AK_ONE_HOT_PROTOTYPE(S, T, X, I) \
  void ak_one_hot_##S##_##X(const I *index, T *y, int64_t count, int64_t depth);

// fill: y[i] = value. fill_rows: y[r, c] = row[c], y of shape [rows, cols].
#define AK_FILL_PROTOTYPE(S, T) \
  void ak_fill_##S(T *y, T value, int64_t n); \
  void ak_fill_rows_##S(const T *row, T *y, int64_t rows, int64_t cols);

AK_GATHER_PROTOTYPE(i32, int32_t)
AK_GATHER_PROTOTYPE(i64, int64_t)
AK_SCATTER_ADD_PROTOTYPE(f32, float, i32, int32_t)
AK_SCATTER_ADD_PROTOTYPE(f32, float, i64, int64_t)
AK_SCATTER_ADD_PROTOTYPE(f64, double, i32, int32_t)
AK_SCATTER_ADD_PROTOTYPE(f64, double, i64, int64_t)
AK_ONE_HOT_PROTOTYPE(f32, float, i32, int32_t)
AK_ONE_HOT_PROTOTYPE(f32, float, i64, int64_t)
AK_ONE_HOT_PROTOTYPE(f64, double, i32, int32_t)
AK_ONE_HOT_PROTOTYPE(f64, double, i64, int64_t)
AK_ONE_HOT_PROTOTYPE(i32, int32_t, i32, int32_t)
AK_ONE_HOT_PROTOTYPE(i32, int32_t, i64, int64_t)
AK_ONE_HOT_PROTOTYPE(i64, int64_t, i32, int32_t)
AK_ONE_HOT_PROTOTYPE(i64, int64_t, i64, int64_t)
AK_ONE_HOT_PROTOTYPE(bool, uint8_t, i32, int32_t)
AK_ONE_HOT_PROTOTYPE(bool, uint8_t, i64, int64_t)
AK_FILL_PROTOTYPE(f32, float)
AK_FILL_PROTOTYPE(f64, double)
AK_FILL_PROTOTYPE(i32, int32_t)
AK_FILL_PROTOTYPE(i64, int64_t)
AK_FILL_PROTOTYPE(bool, uint8_t)

#undef AK_FILL_PROTOTYPE
#undef AK_ONE_HOT_PROTOTYPE
#undef AK_SCATTER_ADD_PROTOTYPE
#undef AK_GATHER_PROTOTYPE

#endif
