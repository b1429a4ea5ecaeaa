// Philox4x32-10 and the streams on top (see the header; constants from Salmon et al. 2011).
#include "ak_philox.h"

#include "ak_box_muller.h"

AK_STRICT_FLOAT

// Ten rounds of two 32 x 32 -> 64 bit products; the key moves by the Weyl constants in between.
// Words lie in the lower halves of 64-bit lanes, as the CPU's vector multiplication wants them;
// upper halves may hold anything.
AK_INLINE void ak_philox_rounds(uint64_t c[4], uint32_t k0, uint32_t k1) {
  const uint64_t word = 0xffffffffu;
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = 0xD2511F53u * (c[0] & word), p1 = 0xCD9E8D57u * (c[2] & word);
    c[0] = (p1 >> 32) ^ c[1] ^ k0;
    c[1] = p1;
    c[2] = (p0 >> 32) ^ c[3] ^ k1;
    c[3] = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

void ak_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint64_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
  ak_philox_rounds(c, key[0], key[1]);
  for (int i = 0; i < 4; i++) out[i] = (uint32_t)c[i];
}

// MARK: blocks side by side

// So many blocks are drawn at once: enough for long vector loops, few enough for the L1 cache.
enum { AK_CHUNK = 64 };

// word[i][b], value[i][b]: element i of the chunk's block b.
typedef struct {
  uint64_t word[4][AK_CHUNK];
} ak_words;

typedef struct {
  double value[4][AK_CHUNK];
} ak_values;

AK_INLINE void ak_draw_words(const ak_stream *s, int64_t first, int64_t count, ak_words *w) {
  const uint64_t step_low = (uint32_t)s->step, step_high = s->step >> 32;
  const uint32_t k0 = s->key[0], k1 = s->key[1];
  AK_VECTOR for (int64_t b = 0; b < count; b++) {
    const uint64_t block = (uint64_t)(first + b);
    uint64_t c[4] = {block, block >> 32, step_low, step_high};
    ak_philox_rounds(c, k0, k1);
    w->word[0][b] = (uint32_t)c[0];
    w->word[1][b] = (uint32_t)c[1];
    w->word[2][b] = (uint32_t)c[2];
    w->word[3][b] = (uint32_t)c[3];
  }
}

// 24 bits, so that the value is exact in f32 as well.
AK_INLINE void ak_uniform_of_words(const ak_words *w, int64_t count, ak_values *v) {
  for (int i = 0; i < 4; i++)
    AK_VECTOR for (int64_t b = 0; b < count; b++)
      v->value[i][b] = ak_f64_of_integer(w->word[i][b] >> 8) * 0x1p-24;
}

AK_INLINE void ak_normal_of_words(const ak_words *w, int64_t count, ak_values *v) {
  for (int i = 0; i < 4; i += 2)
    AK_VECTOR_PAIRS for (int64_t b = 0; b < count; b++)
      ak_box_muller(w->word[i][b], w->word[i + 1][b], &v->value[i][b], &v->value[i + 1][b]);
}

// MARK: streams

// Chunks that begin ..< end covers whole are written as they lie; of others, element by element,
// what is asked for.
#define AK_STREAM(NAME, S, T) \
  AK_CLONES void ak_##NAME##_##S(const ak_stream *s, T *y, int64_t begin, int64_t end) { \
    ak_words words; \
    ak_values values; \
    for (int64_t first = begin / 4, count; first * 4 < end; first += count) { \
      const int64_t left = (end + 3) / 4 - first; \
      count = left < AK_CHUNK ? left : AK_CHUNK; \
      ak_draw_words(s, first, count, &words); \
      ak_##NAME##_of_words(&words, count, &values); \
      if (first * 4 >= begin && (first + count) * 4 <= end) { \
        AK_VECTOR for (int64_t b = 0; b < count; b++) { \
          T *z = y + (first + b) * 4; \
          z[0] = (T)values.value[0][b]; \
          z[1] = (T)values.value[1][b]; \
          z[2] = (T)values.value[2][b]; \
          z[3] = (T)values.value[3][b]; \
        } \
      } else { \
        for (int64_t e = first * 4; e < (first + count) * 4; e++) \
          if (e >= begin && e < end) y[e] = (T)values.value[e % 4][e / 4 - first]; \
      } \
    } \
  }

AK_STREAM(uniform, f32, float)
AK_STREAM(uniform, f64, double)
AK_STREAM(normal, f32, float)
AK_STREAM(normal, f64, double)
