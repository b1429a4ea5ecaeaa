// A hint for loops that wait for another core.
#ifndef AK_PAUSE_H
#define AK_PAUSE_H

static inline void ak_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
