// Reductions over any set of dimensions, log-softmax and the divergence of categories.
//
// A reduction splits the input's dimensions into kept and reduced ones, each list in the input's
// order, with strides in elements of the (contiguous) input; either rank may be 0. Each function
// computes the output elements begin ..< end, row-major over kept_shape, so that a caller may split
// them among threads: the order of accumulation depends on the shape alone, never on the split.
#ifndef AK_REDUCE_H
#define AK_REDUCE_H

#include "ak_support.h"

typedef struct {
  int32_t kept_rank, reduced_rank;
  int64_t kept_shape[AK_MAX_RANK], kept_stride[AK_MAX_RANK];
  int64_t reduced_shape[AK_MAX_RANK], reduced_stride[AK_MAX_RANK];
} ak_reduction;

#define AK_REDUCE_PROTOTYPE(NAME, T, R) \
  void ak_##NAME(const ak_reduction *r, const T *x, R *y, int64_t begin, int64_t end);

// sum: floats accumulate in double, integers wrap; empty gives 0.
// max, min: NaN if any element is NaN; empty gives -inf and +inf, for integers the smallest and
//   largest value.
// argmax: position among the reduced elements, row-major; the first maximum wins and NaN counts
//   as the maximum, as in NumPy; empty gives -1.
#define AK_REDUCE_PROTOTYPES(S, T) \
  AK_REDUCE_PROTOTYPE(sum_##S, T, T) \
  AK_REDUCE_PROTOTYPE(max_##S, T, T) \
  AK_REDUCE_PROTOTYPE(min_##S, T, T) \
  AK_REDUCE_PROTOTYPE(argmax_##S, T, int64_t)

// mean: sum in double / count; empty gives NaN.
// logsumexp: m + log(sum exp(x - m)) with m = max; all -inf or empty gives -inf, +inf gives +inf.
#define AK_REDUCE_PROTOTYPES_FLOAT(S, T) \
  AK_REDUCE_PROTOTYPE(mean_##S, T, T) \
  AK_REDUCE_PROTOTYPE(logsumexp_##S, T, T)

// y = x - logsumexp(x) along the middle dimension of x, of shape [outer, n, inner], for the lines
// begin ..< end of the outer * inner ones, row-major over [outer, inner]. y == x is allowed.
#define AK_LOG_SOFTMAX_PROTOTYPE(S, T) \
  void ak_log_softmax_##S(const T *x, T *y, int64_t outer, int64_t n, int64_t inner, \
                          int64_t begin, int64_t end);

// y = sum p (log p - log p0) over lines of n neighbouring elements, p = softmax(logits) and p0 of
// prior_logits. The reductions tell where the lines of each start: they keep the dimensions of y, in
// which an operand that is broadcast has the stride 0.
#define AK_KL_CATEGORICAL_PROTOTYPE(S, T) \
  void ak_kl_categorical_##S(const ak_reduction *own, const ak_reduction *prior, const T *logits, \
                             const T *prior_logits, T *y, int64_t begin, int64_t end);

AK_REDUCE_PROTOTYPES(f32, float)
AK_REDUCE_PROTOTYPES(f64, double)
AK_REDUCE_PROTOTYPES(i32, int32_t)
AK_REDUCE_PROTOTYPES(i64, int64_t)
AK_REDUCE_PROTOTYPES_FLOAT(f32, float)
AK_REDUCE_PROTOTYPES_FLOAT(f64, double)
AK_LOG_SOFTMAX_PROTOTYPE(f32, float)
AK_LOG_SOFTMAX_PROTOTYPE(f64, double)
AK_KL_CATEGORICAL_PROTOTYPE(f32, float)
AK_KL_CATEGORICAL_PROTOTYPE(f64, double)

#undef AK_KL_CATEGORICAL_PROTOTYPE
#undef AK_LOG_SOFTMAX_PROTOTYPE
#undef AK_REDUCE_PROTOTYPES_FLOAT
#undef AK_REDUCE_PROTOTYPES
#undef AK_REDUCE_PROTOTYPE

#endif
