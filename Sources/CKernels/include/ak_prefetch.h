// Asking for memory before it is needed.
#ifndef AK_PREFETCH_H
#define AK_PREFETCH_H

#include <stdint.h>

// Asks the second-level cache for `rows` stretches of so many bytes, `stride` bytes apart.
static inline void ak_prefetch_rows(const void *base, int64_t rows, int64_t bytes,
                                    int64_t stride) {
  for (int64_t r = 0; r < rows; r++) {
    const char *row = (const char *)base + r * stride;
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(row + i, 0, 2);
    if (bytes > 0) __builtin_prefetch(row + bytes - 1, 0, 2);
  }
}

#endif
