// Random numbers by position: Philox4x32-10 of Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC 2011), and streams of uniform and normal elements on top.
#ifndef AK_PHILOX_H
#define AK_PHILOX_H

#include "ak_support.h"

// The bijection: 4 words of counter and 2 of key to 4 random words. out may be counter.
void ak_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// A stream is an infinite array of words: word e is word e % 4 of the block with the counter
// {lo32(j), hi32(j), lo32(step), hi32(step)}, j = e / 4.
typedef struct {
  uint32_t key[2];
  uint64_t step;
} ak_stream;

// Elements begin ..< end of a stream, written to y[begin] ..< y[end]: y points at element 0. Any
// begin and end; element e never depends on them.
// uniform: (word >> 8) * 2^-24, in [0, 1), the same value for both dtypes.
// normal: Box-Muller in double on the word pairs (0, 1) and (2, 3) of a block, within 3 ulp of it
// (see ak_box_muller.h) and the same bits on every CPU; f32 is it rounded.
void ak_uniform_f32(const ak_stream *s, float *y, int64_t begin, int64_t end);
void ak_uniform_f64(const ak_stream *s, double *y, int64_t begin, int64_t end);
void ak_normal_f32(const ak_stream *s, float *y, int64_t begin, int64_t end);
void ak_normal_f64(const ak_stream *s, double *y, int64_t begin, int64_t end);

#endif
