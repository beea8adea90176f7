// TM_WIDE before a function: compiled a second time for processors with AVX2, and the loader takes the one that fits.
// For loops over blocks of numbers, which are then twice as wide; their results do not change, for the wider set has
// no fused multiply-add. Nothing is done where the compiler lacks it, nor under sanitizers, which are not ready yet
// when the loader asks which one fits.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define TM_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define TM_WIDE
#endif
