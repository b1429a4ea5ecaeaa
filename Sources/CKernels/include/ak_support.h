// Macros shared by the loops: CPU dispatch, vector hints, strict floating point, dtype names.
#ifndef AK_SUPPORT_H
#define AK_SUPPORT_H

#include <stdint.h>

// The largest rank of a tensor.
#define AK_MAX_RANK 8

// One copy of a function for each x86-64 level; the loader picks one (ifunc). The contents are the
// same C, so the copies differ in speed only. Not under the thread sanitizer: the loader picks
// before the sanitizer is there, whose calls in the picking function would then crash.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AK_CLONES
#endif
#endif
#ifndef AK_CLONES
#if defined(__x86_64__) && defined(__ELF__)
#define AK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define AK_CLONES
#endif
#endif

// Helpers must be inlined: only then are they compiled for the level of the calling copy.
#define AK_INLINE static inline __attribute__((always_inline))

// Before a loop: iterations are independent even if result and operand are the same memory, so
// the compiler needs no overlap test (which would send every in-place call down a scalar path).
// AK_SCALAR marks loops that call libm or divide integers, which do not vectorise.
// AK_VECTOR_PAIRS computes two vectors side by side: for long chains of operations that wait for
// one another, as the CPU looks ahead hardly further than one such chain.
#if defined(__clang__)
#define AK_VECTOR _Pragma("clang loop vectorize(assume_safety)")
#define AK_VECTOR_PAIRS _Pragma("clang loop vectorize(assume_safety) interleave_count(2)")
#else
#define AK_VECTOR _Pragma("GCC ivdep")
#define AK_VECTOR_PAIRS AK_VECTOR
#endif
#define AK_SCALAR

// At the head of a file: a * b + c is rounded twice on every CPU, never fused.
#if defined(__clang__)
#define AK_STRICT_FLOAT _Pragma("STDC FP_CONTRACT OFF")
#else
#define AK_STRICT_FLOAT _Pragma("GCC optimize (\"fp-contract=off\")")
#endif

// C type of a dtype, and the unsigned type in which integer arithmetic wraps.
#define AK_T_f32 float
#define AK_T_f64 double
#define AK_T_i32 int32_t
#define AK_T_i64 int64_t
#define AK_T_bool uint8_t
#define AK_U_i32 uint32_t
#define AK_U_i64 uint64_t

// clang keeps a call to sqrt for errno's sake; its elementwise builtin is the bare instruction.
#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sqrt)
#define AK_SQRT(S, v) __builtin_elementwise_sqrt(v)
#endif
#endif
#ifndef AK_SQRT
#define AK_SQRT(S, v) AK_M_##S(sqrt)(v)
#endif

// libm function of a dtype: AK_M_f32(exp) is expf.
#define AK_M_f32(fn) fn##f
#define AK_M_f64(fn) fn

#endif
