// Moving elements without computing (see the header for shapes).
#include "ak_movement.h"

#include <stdbool.h>
#include <string.h>

AK_STRICT_FLOAT

// Elements of an unknown dtype, by size.
typedef uint8_t ak_word8 __attribute__((may_alias));
typedef uint32_t ak_word32 __attribute__((may_alias));
typedef uint64_t ak_word64 __attribute__((may_alias));

// MARK: strided copy

// A copy in normal form: no dimension of size 1, dimensions in descending order of dst stride,
// neighbours merged where both sides allow.
typedef struct {
  int32_t rank;
  int64_t shape[AK_MAX_RANK], src[AK_MAX_RANK], dst[AK_MAX_RANK];
} ak_copy_plan;

static int64_t ak_magnitude(int64_t v) { return v < 0 ? -v : v; }

static ak_copy_plan ak_copy_plan_of(int32_t rank, const int64_t *shape, const int64_t *src,
                                    const int64_t *dst) {
  ak_copy_plan sorted = {0, {0}, {0}, {0}};
  for (int32_t d = 0; d < rank; d++) {
    if (shape[d] == 1) continue;
    int32_t at = sorted.rank++;
    for (; at > 0 && ak_magnitude(sorted.dst[at - 1]) < ak_magnitude(dst[d]); at--) {
      sorted.shape[at] = sorted.shape[at - 1];
      sorted.src[at] = sorted.src[at - 1];
      sorted.dst[at] = sorted.dst[at - 1];
    }
    sorted.shape[at] = shape[d];
    sorted.src[at] = src[d];
    sorted.dst[at] = dst[d];
  }
  ak_copy_plan p = {0, {0}, {0}, {0}};
  for (int32_t d = 0; d < sorted.rank; d++) {
    const bool joins = p.rank > 0 && p.src[p.rank - 1] == sorted.shape[d] * sorted.src[d] &&
                       p.dst[p.rank - 1] == sorted.shape[d] * sorted.dst[d];
    if (!joins) p.shape[p.rank++] = 1;
    p.shape[p.rank - 1] *= sorted.shape[d];
    p.src[p.rank - 1] = sorted.src[d];
    p.dst[p.rank - 1] = sorted.dst[d];
  }
  if (p.rank == 0) {
    p.shape[p.rank++] = 1;
    p.src[0] = p.dst[0] = 1;
  }
  return p;
}

// Removes dimension d; the caller handles it.
static void ak_copy_plan_remove(ak_copy_plan *p, int32_t d) {
  p->rank--;
  for (; d < p->rank; d++) {
    p->shape[d] = p->shape[d + 1];
    p->src[d] = p->src[d + 1];
    p->dst[d] = p->dst[d + 1];
  }
}

enum { AK_TILE = 16 };

// One row of n elements, and one plane of m x n whose src is contiguous along m and dst along n.
// The plane goes through a tile on the stack, so that both sides see whole cache lines. An odometer
// walks the dimensions that the row or plane does not cover.
#define AK_COPY(W) \
  AK_INLINE void ak_copy_row_##W(const W *src, W *dst, int64_t n, int64_t ss, int64_t ds) { \
    if (ss == 1 && ds == 1) { \
      memcpy(dst, src, (size_t)n * sizeof(W)); \
    } else if (ss == 0 && ds == 1) { \
      const W v = src[0]; \
      AK_VECTOR for (int64_t i = 0; i < n; i++) dst[i] = v; \
    } else { \
      for (int64_t i = 0; i < n; i++) dst[i * ds] = src[i * ss]; \
    } \
  } \
  AK_INLINE void ak_copy_plane_##W(const W *src, W *dst, int64_t m, int64_t n, int64_t ss, \
                                   int64_t ds) { \
    W tile[AK_TILE * AK_TILE]; \
    for (int64_t i = 0; i < m; i += AK_TILE) { \
      const int64_t h = m - i < AK_TILE ? m - i : AK_TILE; \
      for (int64_t j = 0; j < n; j += AK_TILE) { \
        const int64_t w = n - j < AK_TILE ? n - j : AK_TILE; \
        const W *from = src + i + j * ss; \
        if (h == AK_TILE && w == AK_TILE) { \
          for (int b = 0; b < AK_TILE; b++) \
            for (int a = 0; a < AK_TILE; a++) tile[a * AK_TILE + b] = from[a + b * ss]; \
          for (int a = 0; a < AK_TILE; a++) \
            memcpy(dst + (i + a) * ds + j, tile + a * AK_TILE, AK_TILE * sizeof(W)); \
          continue; \
        } \
        for (int64_t b = 0; b < w; b++) \
          for (int64_t a = 0; a < h; a++) tile[a * AK_TILE + b] = from[a + b * ss]; \
        for (int64_t a = 0; a < h; a++) \
          memcpy(dst + (i + a) * ds + j, tile + a * AK_TILE, (size_t)w * sizeof(W)); \
      } \
    } \
  } \
  AK_INLINE void ak_copy_all_##W(ak_copy_plan p, const W *src, W *dst) { \
    const int32_t last = p.rank - 1; \
    const int64_t n = p.shape[last], ss = p.src[last], ds = p.dst[last]; \
    int32_t across = ds == 1 && ss != 1 ? last - 1 : -1; \
    while (across >= 0 && p.src[across] != 1) across--; \
    const int64_t m = across < 0 ? 1 : p.shape[across], dm = across < 0 ? 0 : p.dst[across]; \
    ak_copy_plan_remove(&p, last); \
    if (across >= 0) ak_copy_plan_remove(&p, across); \
    int64_t coordinate[AK_MAX_RANK] = {0}; \
    for (int32_t d = 0; d >= 0;) { \
      if (across >= 0) \
        ak_copy_plane_##W(src, dst, m, n, ss, dm); \
      else \
        ak_copy_row_##W(src, dst, n, ss, ds); \
      for (d = p.rank - 1; d >= 0; d--) { \
        src += p.src[d]; \
        dst += p.dst[d]; \
        if (++coordinate[d] < p.shape[d]) break; \
        src -= p.shape[d] * p.src[d]; \
        dst -= p.shape[d] * p.dst[d]; \
        coordinate[d] = 0; \
      } \
    } \
  }

AK_COPY(ak_word8)
AK_COPY(ak_word32)
AK_COPY(ak_word64)

AK_CLONES void ak_copy_strided(int32_t element_size, int32_t rank, const int64_t *shape,
                               const int64_t *src_stride, const int64_t *dst_stride,
                               const void *src, void *dst) {
  for (int32_t d = 0; d < rank; d++)
    if (shape[d] == 0) return;
  const ak_copy_plan p = ak_copy_plan_of(rank, shape, src_stride, dst_stride);
  switch (element_size) {
    case 1: ak_copy_all_ak_word8(p, src, dst); break;
    case 4: ak_copy_all_ak_word32(p, src, dst); break;
    case 8: ak_copy_all_ak_word64(p, src, dst); break;
  }
}

// MARK: gather and scatter-add

// One unsigned comparison rejects negative indices too.
AK_INLINE bool ak_in_range(int64_t index, int64_t size) {
  return (uint64_t)index < (uint64_t)size;
}

#define AK_FIRST_OUT_OF_RANGE(X, I) \
  AK_INLINE int64_t ak_first_out_of_range_##X(const I *index, int64_t count, int64_t size) { \
    for (int64_t c = 0; c < count; c++) \
      if (!ak_in_range(index[c], size)) return c; \
    return -1; \
  }

AK_FIRST_OUT_OF_RANGE(i32, int32_t)
AK_FIRST_OUT_OF_RANGE(i64, int64_t)

#define AK_GATHER_ROWS(X, I) \
  AK_INLINE void ak_gather_rows_##X(const char *x, const I *index, char *y, int64_t outer, \
                                    int64_t axis_size, int64_t bytes, int64_t count) { \
    for (int64_t o = 0; o < outer; o++) { \
      const char *from = x + o * axis_size * bytes; \
      char *to = y + o * count * bytes; \
      for (int64_t c = 0; c < count; c++) \
        if (ak_in_range(index[c], axis_size)) \
          memcpy(to + c * bytes, from + index[c] * bytes, (size_t)bytes); \
    } \
  } \
  AK_CLONES int64_t ak_gather_##X(int32_t element_size, const void *x, const I *index, void *y, \
                                  int64_t outer, int64_t axis_size, int64_t inner, \
                                  int64_t count) { \
    switch (inner * element_size) { /* single elements need no call to memcpy */ \
      case 0: break; \
      case 1: ak_gather_rows_##X(x, index, y, outer, axis_size, 1, count); break; \
      case 4: ak_gather_rows_##X(x, index, y, outer, axis_size, 4, count); break; \
      case 8: ak_gather_rows_##X(x, index, y, outer, axis_size, 8, count); break; \
      default: \
        ak_gather_rows_##X(x, index, y, outer, axis_size, inner * element_size, count); \
    } \
    return ak_first_out_of_range_##X(index, count, axis_size); \
  }

AK_GATHER_ROWS(i32, int32_t)
AK_GATHER_ROWS(i64, int64_t)

#define AK_SCATTER_ADD(S, T, X, I) \
  AK_CLONES int64_t ak_scatter_add_##S##_##X(const T *x, const I *index, T *y, int64_t outer, \
                                             int64_t axis_size, int64_t inner, int64_t count) { \
    const int64_t n = outer * axis_size * inner; \
    if (n > 0) memset(y, 0, (size_t)n * sizeof(T)); \
    for (int64_t o = 0; o < outer; o++) { \
      for (int64_t c = 0; c < count; c++) { \
        if (!ak_in_range(index[c], axis_size)) continue; \
        const T *from = x + (o * count + c) * inner; \
        T *to = y + (o * axis_size + index[c]) * inner; \
        AK_VECTOR for (int64_t i = 0; i < inner; i++) to[i] += from[i]; \
      } \
    } \
    return ak_first_out_of_range_##X(index, count, axis_size); \
  }

AK_SCATTER_ADD(f32, float, i32, int32_t)
AK_SCATTER_ADD(f32, float, i64, int64_t)
AK_SCATTER_ADD(f64, double, i32, int32_t)
AK_SCATTER_ADD(f64, double, i64, int64_t)

// MARK: one-hot and fill

#define AK_ONE_HOT(S, T, X, I) \
  AK_CLONES void ak_one_hot_##S##_##X(const I *index, T *y, int64_t count, int64_t depth) { \
    const int64_t n = count * depth; \
    if (n > 0) memset(y, 0, (size_t)n * sizeof(T)); \
    for (int64_t c = 0; c < count; c++) \
      if (ak_in_range(index[c], depth)) y[c * depth + index[c]] = 1; \
  }

#define AK_FILL(S, T) \
  AK_CLONES void ak_fill_##S(T *y, T value, int64_t n) { \
    AK_VECTOR for (int64_t i = 0; i < n; i++) y[i] = value; \
  } \
  AK_CLONES void ak_fill_rows_##S(const T *row, T *y, int64_t rows, int64_t cols) { \
    for (int64_t r = 0; r < rows; r++) { \
      T *to = y + r * cols; \
      AK_VECTOR for (int64_t c = 0; c < cols; c++) to[c] = row[c]; \
    } \
  }

AK_ONE_HOT(f32, float, i32, int32_t)
AK_ONE_HOT(f32, float, i64, int64_t)
AK_ONE_HOT(f64, double, i32, int32_t)
AK_ONE_HOT(f64, double, i64, int64_t)
AK_ONE_HOT(i32, int32_t, i32, int32_t)
AK_ONE_HOT(i32, int32_t, i64, int64_t)
AK_ONE_HOT(i64, int64_t, i32, int32_t)
AK_ONE_HOT(i64, int64_t, i64, int64_t)
AK_ONE_HOT(bool, uint8_t, i32, int32_t)
AK_ONE_HOT(bool, uint8_t, i64, int64_t)
AK_FILL(f32, float)
AK_FILL(f64, double)
AK_FILL(i32, int32_t)
AK_FILL(i64, int64_t)
AK_FILL(bool, uint8_t)
