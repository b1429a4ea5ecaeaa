// Two or three operations of f32 arithmetic in one pass over the data, each rounded as it is by
// itself: the same bits as one after the other, without what lies between them in memory.
//
// Walks as in ak_elementwise_binary.h. Operands are a, b, c: FIRST of a and b, then SECOND of that
// and c, or of c and that where SECOND begins with r.
#ifndef AK_ELEMENTWISE_PAIR_H
#define AK_ELEMENTWISE_PAIR_H

#include "ak_elementwise_binary.h"

#define AK_PAIRS(X) \
  X(mul, add) X(mul, sub) X(mul, rsub) X(mul, mul) X(mul, div) X(mul, rdiv) \
  X(div, add) X(div, sub) X(div, rsub) \
  X(add, mul) X(add, div) X(sub, mul) X(sub, div)

#define AK_PAIR_PROTOTYPE(FIRST, SECOND) \
  void ak_##FIRST##_##SECOND##_f32(const ak_walk *w, const float *a, const float *b, \
                                   const float *c, float *y, int64_t begin, int64_t end);

AK_PAIRS(AK_PAIR_PROTOTYPE)

#undef AK_PAIR_PROTOTYPE

// y = sqrt(a) * b + c.
void ak_sqrt_mul_add_f32(const ak_walk *w, const float *a, const float *b, const float *c, float *y,
                         int64_t begin, int64_t end);

#define AK_QUAD_PROTOTYPE(NAME) \
  void ak_##NAME##_f32(const ak_walk *w, const float *a, const float *b, const float *c, \
                       const float *d, float *y, int64_t begin, int64_t end);

// y = a * b + c * d.
AK_QUAD_PROTOTYPE(mul_mul_add)
// y = a * b + (c * c) * d.
AK_QUAD_PROTOTYPE(mul_square_add)
// The same, and 0 where that is subnormal.
AK_QUAD_PROTOTYPE(mul_mul_add_flush)
AK_QUAD_PROTOTYPE(mul_square_add_flush)
// y = d - (a * b) / c.
AK_QUAD_PROTOTYPE(mul_div_rsub)

#undef AK_QUAD_PROTOTYPE

#endif
