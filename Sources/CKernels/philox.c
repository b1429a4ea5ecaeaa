// Philox4x32-10 and the streams on top (see the header; constants from Salmon et al. 2011).
#include "ak_philox.h"

#include <math.h>

AK_STRICT_FLOAT

// Ten rounds of two 32 x 32 -> 64 bit products; the key moves by the Weyl constants in between.
AK_INLINE void ak_philox_rounds(uint32_t c[4], uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
    c[3] = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

void ak_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
  ak_philox_rounds(c, key[0], key[1]);
  for (int i = 0; i < 4; i++) out[i] = c[i];
}

AK_INLINE void ak_stream_block(const ak_stream *s, int64_t block, uint32_t words[4]) {
  words[0] = (uint32_t)block;
  words[1] = (uint32_t)((uint64_t)block >> 32);
  words[2] = (uint32_t)s->step;
  words[3] = (uint32_t)(s->step >> 32);
  ak_philox_rounds(words, s->key[0], s->key[1]);
}

// MARK: from words to elements

// 24 bits, so that the value is exact in f32 as well.
AK_INLINE void ak_uniform_block(const uint32_t words[4], double value[4]) {
  for (int i = 0; i < 4; i++) value[i] = (double)(words[i] >> 8) * 0x1p-24;
}

// Box & Muller 1958: u in (0, 1] and v in [0, 1) give sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v).
AK_INLINE void ak_normal_block(const uint32_t words[4], double value[4]) {
  for (int i = 0; i < 4; i += 2) {
    const double u = ((double)words[i] + 1) * 0x1p-32, v = words[i + 1] * 0x1p-32;
    const double r = sqrt(-2 * log(u)), angle = 0x1.921fb54442d18p+2 * v;
    value[i] = r * cos(angle);
    value[i + 1] = r * sin(angle);
  }
}

// MARK: streams

// Whole blocks in the middle, parts of a block at both ends.
#define AK_STREAM(NAME, S, T) \
  AK_INLINE void ak_##NAME##_part_##S(const ak_stream *s, T *y, int64_t begin, int64_t end) { \
    uint32_t words[4]; \
    double value[4]; \
    if (begin >= end) return; \
    ak_stream_block(s, begin / 4, words); \
    ak_##NAME##_block(words, value); \
    for (int64_t e = begin; e < end; e++) y[e] = (T)value[e % 4]; \
  } \
  AK_CLONES void ak_##NAME##_##S(const ak_stream *s, T *y, int64_t begin, int64_t end) { \
    const int64_t first = (begin + 3) / 4, last = end / 4; \
    if (first > last) { \
      ak_##NAME##_part_##S(s, y, begin, end); \
      return; \
    } \
    ak_##NAME##_part_##S(s, y, begin, first * 4); \
    for (int64_t block = first; block < last; block++) { \
      uint32_t words[4]; \
      double value[4]; \
      ak_stream_block(s, block, words); \
      ak_##NAME##_block(words, value); \
      for (int i = 0; i < 4; i++) y[block * 4 + i] = (T)value[i]; \
    } \
    ak_##NAME##_part_##S(s, y, last * 4, end); \
  }

AK_STREAM(uniform, f32, float)
AK_STREAM(uniform, f64, double)
AK_STREAM(normal, f32, float)
AK_STREAM(normal, f64, double)
