// Reductions over any set of dimensions, log-softmax and a divergence (see the header).
//
// The dimensions are first brought to a normal form: size-1 dimensions dropped, contiguous
// neighbours merged. Then there are two ways, chosen by the shape alone:
//   lines    each output is reduced by itself; the innermost reduced dimension runs over AK_LANES
//            partial results, which vectorises, and the lanes are combined in a fixed tree;
//   columns  the innermost kept dimension is the contiguous one: a block of neighbouring outputs is
//            reduced together, row after row, each in plain order.
#include "ak_reduce.h"

#include <math.h>
#include <stdbool.h>

#include "ak_math.h"

AK_STRICT_FLOAT

enum { AK_LANES = 16, AK_BLOCK = 256 };

// MARK: index spaces

// Some dimensions of the input in normal form; rank >= 1.
typedef struct {
  int32_t rank;
  int64_t shape[AK_MAX_RANK], stride[AK_MAX_RANK];
} ak_space;

static ak_space ak_space_of(int32_t rank, const int64_t *shape, const int64_t *stride) {
  ak_space s = {0, {0}, {0}};
  for (int32_t d = 0; d < rank; d++) {
    if (shape[d] == 1) continue;
    const bool joins = s.rank > 0 && s.stride[s.rank - 1] == shape[d] * stride[d];
    if (!joins) s.shape[s.rank++] = 1;
    s.shape[s.rank - 1] *= shape[d];
    s.stride[s.rank - 1] = stride[d];
  }
  if (s.rank == 0) s.shape[s.rank++] = 1;
  return s;
}

static int64_t ak_space_count(const ak_space *s) {
  int64_t count = 1;
  for (int32_t d = 0; d < s->rank; d++) count *= s->shape[d];
  return count;
}

// Input offset of the element at a row-major position of the space.
static int64_t ak_space_offset(const ak_space *s, int64_t position) {
  int64_t offset = 0;
  for (int32_t d = s->rank - 1; d >= 0; d--) {
    offset += position % s->shape[d] * s->stride[d];
    position /= s->shape[d];
  }
  return offset;
}

// Goes through the rows (innermost runs) of a space in order.
typedef struct {
  int64_t left, offset;
  int64_t coordinate[AK_MAX_RANK];
} ak_rows;

AK_INLINE ak_rows ak_rows_of(const ak_space *s) {
  ak_rows rows = {1, 0, {0}};
  for (int32_t d = 0; d < s->rank - 1; d++) rows.left *= s->shape[d];
  return rows;
}

AK_INLINE void ak_rows_advance(const ak_space *s, ak_rows *rows) {
  rows->left--;
  for (int32_t d = s->rank - 2; d >= 0; d--) {
    rows->offset += s->stride[d];
    if (++rows->coordinate[d] < s->shape[d]) return;
    rows->offset -= s->shape[d] * s->stride[d];
    rows->coordinate[d] = 0;
  }
}

#define AK_EACH_ROW(SPACE) \
  for (ak_rows rows = ak_rows_of(SPACE); rows.left > 0; ak_rows_advance(SPACE, &rows))

typedef struct {
  ak_space kept, reduced;
  int64_t count;  // reduced elements for each output
  bool columns;
} ak_plan;

static ak_plan ak_plan_of(const ak_reduction *r) {
  ak_plan p;
  p.kept = ak_space_of(r->kept_rank, r->kept_shape, r->kept_stride);
  p.reduced = ak_space_of(r->reduced_rank, r->reduced_shape, r->reduced_stride);
  p.count = ak_space_count(&p.reduced);
  p.columns = p.kept.stride[p.kept.rank - 1] == 1 && p.reduced.stride[p.reduced.rank - 1] != 1;
  return p;
}

// How many outputs from e on lie side by side in the input, at most a block.
static int64_t ak_plan_width(const ak_plan *p, int64_t e, int64_t end) {
  const int64_t inner = p->kept.shape[p->kept.rank - 1];
  int64_t width = inner - e % inner;
  if (width > end - e) width = end - e;
  return width < AK_BLOCK ? width : AK_BLOCK;
}

// MARK: accumulation

// For an accumulator of type A with start INIT and STEP(accumulator, value):
//   ak_line_*     the reduction of one line at x;
//   ak_columns_*  the reductions of `width` neighbouring lines at x, into acc.
#define AK_ACCUMULATE(NAME, T, A, INIT, STEP) \
  AK_INLINE void ak_run_##NAME(A *lane, const T *x, int64_t n, int64_t stride) { \
    int64_t i = 0; \
    for (; i + AK_LANES <= n; i += AK_LANES) \
      for (int l = 0; l < AK_LANES; l++) lane[l] = STEP(lane[l], (A)x[(i + l) * stride]); \
    for (int l = 0; i + l < n; l++) lane[l] = STEP(lane[l], (A)x[(i + l) * stride]); \
  } \
  AK_INLINE A ak_line_##NAME(const ak_space *reduced, const T *x) { \
    const int64_t n = reduced->shape[reduced->rank - 1]; \
    const int64_t stride = reduced->stride[reduced->rank - 1]; \
    A lane[AK_LANES]; \
    for (int l = 0; l < AK_LANES; l++) lane[l] = INIT; \
    AK_EACH_ROW(reduced) { \
      if (stride == 1) \
        ak_run_##NAME(lane, x + rows.offset, n, 1); \
      else \
        ak_run_##NAME(lane, x + rows.offset, n, stride); \
    } \
    for (int half = AK_LANES / 2; half > 0; half /= 2) \
      for (int l = 0; l < half; l++) lane[l] = STEP(lane[l], lane[l + half]); \
    return lane[0]; \
  } \
  AK_INLINE void ak_columns_##NAME(const ak_space *reduced, const T *x, A *acc, int64_t width) { \
    const int64_t n = reduced->shape[reduced->rank - 1]; \
    const int64_t stride = reduced->stride[reduced->rank - 1]; \
    for (int64_t c = 0; c < width; c++) acc[c] = INIT; \
    AK_EACH_ROW(reduced) { \
      const T *p = x + rows.offset; \
      int64_t i = 0; \
      for (; i + 4 <= n; i += 4) { \
        const T *p0 = p + i * stride, *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride; \
        AK_VECTOR for (int64_t c = 0; c < width; c++) { \
          A s = acc[c]; \
          s = STEP(s, (A)p0[c]); \
          s = STEP(s, (A)p1[c]); \
          s = STEP(s, (A)p2[c]); \
          acc[c] = STEP(s, (A)p3[c]); \
        } \
      } \
      for (; i < n; i++) { \
        const T *p0 = p + i * stride; \
        AK_VECTOR for (int64_t c = 0; c < width; c++) acc[c] = STEP(acc[c], (A)p0[c]); \
      } \
    } \
  }

// The new value comes second; a NaN there is taken, and a NaN held is kept, since every comparison
// with it is false.
#define AK_STEP_SUM(s, v) ((s) + (v))
#define AK_STEP_MAX(s, v) ((((v) > (s)) | ((v) != (v))) ? (v) : (s))
#define AK_STEP_MIN(s, v) ((((v) < (s)) | ((v) != (v))) ? (v) : (s))
#define AK_STEP_MAX_INT(s, v) ((v) > (s) ? (v) : (s))
#define AK_STEP_MIN_INT(s, v) ((v) < (s) ? (v) : (s))

AK_ACCUMULATE(sum_f32, float, double, 0, AK_STEP_SUM)
AK_ACCUMULATE(sum_f64, double, double, 0, AK_STEP_SUM)
AK_ACCUMULATE(sum_i32, int32_t, uint32_t, 0, AK_STEP_SUM)
AK_ACCUMULATE(sum_i64, int64_t, uint64_t, 0, AK_STEP_SUM)
AK_ACCUMULATE(max_f32, float, float, -INFINITY, AK_STEP_MAX)
AK_ACCUMULATE(max_f64, double, double, -INFINITY, AK_STEP_MAX)
AK_ACCUMULATE(max_i32, int32_t, int32_t, INT32_MIN, AK_STEP_MAX_INT)
AK_ACCUMULATE(max_i64, int64_t, int64_t, INT64_MIN, AK_STEP_MAX_INT)
AK_ACCUMULATE(min_f32, float, float, INFINITY, AK_STEP_MIN)
AK_ACCUMULATE(min_f64, double, double, INFINITY, AK_STEP_MIN)
AK_ACCUMULATE(min_i32, int32_t, int32_t, INT32_MAX, AK_STEP_MIN_INT)
AK_ACCUMULATE(min_i64, int64_t, int64_t, INT64_MAX, AK_STEP_MIN_INT)

// MARK: sum, mean, max, min

// The public loop on top of accumulation BY; FINISH is in terms of s, the accumulated value, and
// plan.count.
#define AK_REDUCE(NAME, BY, T, A, FINISH) \
  AK_CLONES void ak_##NAME(const ak_reduction *r, const T *x, T *y, int64_t begin, int64_t end) { \
    const ak_plan plan = ak_plan_of(r); \
    if (plan.columns) { \
      A acc[AK_BLOCK]; \
      for (int64_t e = begin, width; e < end; e += width) { \
        width = ak_plan_width(&plan, e, end); \
        ak_columns_##BY(&plan.reduced, x + ak_space_offset(&plan.kept, e), acc, width); \
        for (int64_t c = 0; c < width; c++) { \
          const A s = acc[c]; \
          y[e + c] = (T)(FINISH); \
        } \
      } \
    } else { \
      for (int64_t e = begin; e < end; e++) { \
        const A s = ak_line_##BY(&plan.reduced, x + ak_space_offset(&plan.kept, e)); \
        y[e] = (T)(FINISH); \
      } \
    } \
  }

AK_REDUCE(sum_f32, sum_f32, float, double, s)
AK_REDUCE(sum_f64, sum_f64, double, double, s)
AK_REDUCE(sum_i32, sum_i32, int32_t, uint32_t, s)
AK_REDUCE(sum_i64, sum_i64, int64_t, uint64_t, s)
AK_REDUCE(mean_f32, sum_f32, float, double, plan.count == 0 ? NAN : s / (double)plan.count)
AK_REDUCE(mean_f64, sum_f64, double, double, plan.count == 0 ? NAN : s / (double)plan.count)
AK_REDUCE(max_f32, max_f32, float, float, s)
AK_REDUCE(max_f64, max_f64, double, double, s)
AK_REDUCE(max_i32, max_i32, int32_t, int32_t, s)
AK_REDUCE(max_i64, max_i64, int64_t, int64_t, s)
AK_REDUCE(min_f32, min_f32, float, float, s)
AK_REDUCE(min_f64, min_f64, double, double, s)
AK_REDUCE(min_i32, min_i32, int32_t, int32_t, s)
AK_REDUCE(min_i64, min_i64, int64_t, int64_t, s)

// MARK: argmax

// First the maximum m (NaN if there is any), then the first position that holds it: v == m finds it
// among numbers, v != v if m is NaN.
#define AK_IS_MAX_FLOAT(v, m) (((v) == (m)) | ((v) != (v)))
#define AK_IS_MAX_INT(v, m) ((v) == (m))

#define AK_ARGMAX(S, T, IS_MAX) \
  AK_INLINE int64_t ak_line_argmax_##S(const ak_space *reduced, const T *x) { \
    const int64_t n = reduced->shape[reduced->rank - 1]; \
    const int64_t stride = reduced->stride[reduced->rank - 1]; \
    const T m = ak_line_max_##S(reduced, x); \
    int64_t position = 0; \
    AK_EACH_ROW(reduced) { \
      for (int64_t i = 0; i < n; i++, position++) { \
        const T v = x[rows.offset + i * stride]; \
        if (IS_MAX(v, m)) return position; \
      } \
    } \
    return -1; \
  } \
  AK_INLINE void ak_columns_argmax_##S(const ak_space *reduced, const T *x, T *m, int64_t *y, \
                                       int64_t width) { \
    const int64_t n = reduced->shape[reduced->rank - 1]; \
    const int64_t stride = reduced->stride[reduced->rank - 1]; \
    ak_columns_max_##S(reduced, x, m, width); \
    for (int64_t c = 0; c < width; c++) y[c] = -1; \
    int64_t position = 0; \
    AK_EACH_ROW(reduced) { \
      for (int64_t i = 0; i < n; i++, position++) { \
        const T *p = x + rows.offset + i * stride; \
        AK_VECTOR for (int64_t c = 0; c < width; c++) { \
          const bool first = (y[c] < 0) & IS_MAX(p[c], m[c]); \
          y[c] = first ? position : y[c]; \
        } \
      } \
    } \
  } \
  AK_CLONES void ak_argmax_##S(const ak_reduction *r, const T *x, int64_t *y, int64_t begin, \
                               int64_t end) { \
    const ak_plan plan = ak_plan_of(r); \
    if (plan.columns) { \
      T m[AK_BLOCK]; \
      for (int64_t e = begin, width; e < end; e += width) { \
        width = ak_plan_width(&plan, e, end); \
        ak_columns_argmax_##S(&plan.reduced, x + ak_space_offset(&plan.kept, e), m, y + e, width); \
      } \
    } else { \
      for (int64_t e = begin; e < end; e++) \
        y[e] = ak_line_argmax_##S(&plan.reduced, x + ak_space_offset(&plan.kept, e)); \
    } \
  }

AK_ARGMAX(f32, float, AK_IS_MAX_FLOAT)
AK_ARGMAX(f64, double, AK_IS_MAX_FLOAT)
AK_ARGMAX(i32, int32_t, AK_IS_MAX_INT)
AK_ARGMAX(i64, int64_t, AK_IS_MAX_INT)

// MARK: logsumexp and log-softmax

// m + log(sum exp(x - m)): the largest term is exp(0), so nothing overflows and the logarithm's
// argument is at least 1. Where one term outweighs all others the logarithm is small, and log of
// their sum would keep few of its digits: the terms that are 1 are counted apart, and one of them
// is the 1 of log1p. Sum and logarithm are in double for both dtypes. If m is infinite or NaN it is
// the result. Log-softmax is (x - m) - log(sum exp(x - m)): x - (m + log ...) would have an error
// of the size of x, where the difference may be small. EXP is the exponential of T.
#define AK_LOGSUMEXP(S, T, EXP) \
  AK_INLINE void ak_add_exp_##S(double *rest, double *largest, T x, T m) { \
    const double term = (double)EXP(x - m); \
    *rest += x == m ? 0 : term; \
    *largest += x == m ? 1 : 0; \
  } \
  AK_INLINE void ak_run_exp_##S(double *rest, double *largest, const T *x, int64_t n, \
                                int64_t stride, T m) { \
    int64_t i = 0; \
    for (; i + AK_LANES <= n; i += AK_LANES) \
      for (int l = 0; l < AK_LANES; l++) \
        ak_add_exp_##S(rest + l, largest + l, x[(i + l) * stride], m); \
    for (int l = 0; i + l < n; l++) \
      ak_add_exp_##S(rest + l, largest + l, x[(i + l) * stride], m); \
  } \
  AK_INLINE double ak_line_log_total_##S(const ak_space *reduced, const T *x, T m) { \
    const int64_t n = reduced->shape[reduced->rank - 1]; \
    const int64_t stride = reduced->stride[reduced->rank - 1]; \
    if (!isfinite(m)) return 0; \
    double rest[AK_LANES] = {0}; \
    double largest[AK_LANES] = {0}; \
    AK_EACH_ROW(reduced) { \
      if (stride == 1) \
        ak_run_exp_##S(rest, largest, x + rows.offset, n, 1, m); \
      else \
        ak_run_exp_##S(rest, largest, x + rows.offset, n, stride, m); \
    } \
    for (int half = AK_LANES / 2; half > 0; half /= 2) \
      for (int l = 0; l < half; l++) { \
        rest[l] += rest[l + half]; \
        largest[l] += largest[l + half]; \
      } \
    return log1p(largest[0] - 1 + rest[0]); \
  } \
  AK_INLINE void ak_columns_logsumexp_##S(const ak_space *reduced, const T *x, T *y, \
                                          int64_t width) { \
    const int64_t n = reduced->shape[reduced->rank - 1]; \
    const int64_t stride = reduced->stride[reduced->rank - 1]; \
    T m[AK_BLOCK]; \
    double rest[AK_BLOCK]; \
    double largest[AK_BLOCK]; \
    ak_columns_max_##S(reduced, x, m, width); \
    for (int64_t c = 0; c < width; c++) rest[c] = largest[c] = 0; \
    AK_EACH_ROW(reduced) { \
      for (int64_t i = 0; i < n; i++) { \
        const T *p = x + rows.offset + i * stride; \
        for (int64_t c = 0; c < width; c++) \
          ak_add_exp_##S(rest + c, largest + c, p[c], m[c]); \
      } \
    } \
    for (int64_t c = 0; c < width; c++) \
      y[c] = isfinite(m[c]) ? (T)(m[c] + log1p(largest[c] - 1 + rest[c])) : m[c]; \
  } \
  AK_CLONES void ak_logsumexp_##S(const ak_reduction *r, const T *x, T *y, int64_t begin, \
                                  int64_t end) { \
    const ak_plan plan = ak_plan_of(r); \
    if (plan.columns) { \
      for (int64_t e = begin, width; e < end; e += width) { \
        width = ak_plan_width(&plan, e, end); \
        ak_columns_logsumexp_##S(&plan.reduced, x + ak_space_offset(&plan.kept, e), y + e, width); \
      } \
    } else { \
      for (int64_t e = begin; e < end; e++) { \
        const T *line = x + ak_space_offset(&plan.kept, e); \
        const T m = ak_line_max_##S(&plan.reduced, line); \
        y[e] = (T)(m + ak_line_log_total_##S(&plan.reduced, line, m)); \
      } \
    } \
  } \
  AK_CLONES void ak_log_softmax_##S(const T *x, T *y, int64_t outer, int64_t n, int64_t inner, \
                                    int64_t begin, int64_t end) { \
    (void)outer; \
    const ak_space line = {1, {n}, {inner}}; \
    for (int64_t e = begin; e < end; e++) { \
      const int64_t start = e / inner * n * inner + e % inner; \
      const double m = ak_line_max_##S(&line, x + start); \
      const double total = ak_line_log_total_##S(&line, x + start, (T)m); \
      if (inner == 1) { \
        AK_VECTOR for (int64_t i = start; i < start + n; i++) y[i] = (T)(x[i] - m - total); \
      } else { \
        for (int64_t i = start; i < start + n * inner; i += inner) y[i] = (T)(x[i] - m - total); \
      } \
    } \
  }

AK_LOGSUMEXP(f32, float, ak_exp_of_f32)
AK_LOGSUMEXP(f64, double, exp)

// MARK: divergence of categories

// sum exp(q) (q - r) over a line, q and r the log-softmax of its two operands, which lie contiguous
// in it. In double for both dtypes but for EXP.
#define AK_KL_CATEGORICAL(S, T, EXP) \
  AK_INLINE double ak_divergence_##S(double q, double r) { return (double)EXP((T)q) * (q - r); } \
  AK_CLONES void ak_kl_categorical_##S(const ak_reduction *own, const ak_reduction *prior, \
                                       const T *logits, const T *prior_logits, T *y, \
                                       int64_t begin, int64_t end) { \
    const ak_plan p = ak_plan_of(own), p0 = ak_plan_of(prior); \
    for (int64_t e = begin; e < end; e++) { \
      const T *l = logits + ak_space_offset(&p.kept, e); \
      const T *l0 = prior_logits + ak_space_offset(&p0.kept, e); \
      const double m = ak_line_max_##S(&p.reduced, l), m0 = ak_line_max_##S(&p0.reduced, l0); \
      const double total = ak_line_log_total_##S(&p.reduced, l, (T)m); \
      const double total0 = ak_line_log_total_##S(&p0.reduced, l0, (T)m0); \
      double sum[AK_LANES] = {0}; \
      int64_t i = 0; \
      for (; i + AK_LANES <= p.count; i += AK_LANES) \
        for (int c = 0; c < AK_LANES; c++) \
          sum[c] += ak_divergence_##S(l[i + c] - m - total, l0[i + c] - m0 - total0); \
      for (int c = 0; i + c < p.count; c++) \
        sum[c] += ak_divergence_##S(l[i + c] - m - total, l0[i + c] - m0 - total0); \
      for (int half = AK_LANES / 2; half > 0; half /= 2) \
        for (int c = 0; c < half; c++) sum[c] += sum[c + half]; \
      y[e] = (T)sum[0]; \
    } \
  }

AK_KL_CATEGORICAL(f32, float, ak_exp_of_f32)
AK_KL_CATEGORICAL(f64, double, exp)
