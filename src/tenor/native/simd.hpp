// A vector of floats as wide as the instruction set: operators by the compiler's vector extensions.
#pragma once

#include <cfloat>
#include <cstdint>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define TENOR_INLINE inline __attribute__((always_inline))

static_assert(FLT_EVAL_METHOD == 0, "equal bits need float arithmetic without excess precision");

namespace tenor::TENOR_ISA {

// kAccumulators: registers that a tile of products takes, of those there are.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kAccumulators = 24;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kAccumulators = 12;
#elif defined(__FP_FAST_FMAF)
constexpr int kLanes = 4, kAccumulators = 24;
#else
constexpr int kLanes = 4, kAccumulators = 4;  // a fused product without the instruction needs them all
#endif

using Vec = float __attribute__((vector_size(kLanes * 4)));
using Int = int32_t __attribute__((vector_size(kLanes * 4)));

TENOR_INLINE Vec load(const float* from) {
  Vec v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

TENOR_INLINE void store(float* to, Vec v) { __builtin_memcpy(to, &v, sizeof v); }

TENOR_INLINE Vec splat(float value) {
#if defined(__AVX512F__)
  return _mm512_set1_ps(value);
#elif defined(__AVX2__)
  return _mm256_set1_ps(value);
#else
  return Vec{value, value, value, value};
#endif
}

TENOR_INLINE Vec abs(Vec x) { return (Vec)((Int)x & 0x7fffffff); }

// |x| with the sign of `sign`; x must not be negative.
TENOR_INLINE Vec with_sign(Vec x, Vec sign) {
  return (Vec)((Int)x | ((Int)sign & (int32_t)0x80000000));
}

#if !defined(__AVX2__) && !defined(__FP_FAST_FMAF)
using Pair = float __attribute__((vector_size(8)));
using Double = double __attribute__((vector_size(16)));
using Bits = uint64_t __attribute__((vector_size(16)));

// Without the instruction: the product of two floats is exact in double precision; the sum is
// rounded to odd, so that rounding it again to float is right (Boldo & Melquiond 2008).
TENOR_INLINE Pair fused(Pair a, Pair b, Pair c) {
  const Double product = __builtin_convertvector(a, Double) * __builtin_convertvector(b, Double);
  const Double addend = __builtin_convertvector(c, Double);
  const Double sum = product + addend;
  const Double part = sum - product;
  const Double error = (product - (sum - part)) + (addend - part);  // NaN if the sum is not finite
  const Bits inexact = (Bits)(error < 0) | (Bits)(error > 0);
  const Bits even = ((Bits)sum & 1) - 1;
  const Bits away = (((Bits)error ^ (Bits)sum) >> 63) << 1;  // 2 where the error is towards zero
  return __builtin_convertvector((Double)((Bits)sum + (inexact & even & (1 - away))), Pair);
}

struct Halves {
  Pair low, high;
};
#endif

// a * b + c, rounded once.
TENOR_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__FP_FAST_FMAF)
  for (int i = 0; i < kLanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#else
  Halves x, y, z;
  __builtin_memcpy(&x, &a, sizeof a);
  __builtin_memcpy(&y, &b, sizeof b);
  __builtin_memcpy(&z, &c, sizeof c);
  z = {fused(x.low, y.low, z.low), fused(x.high, y.high, z.high)};
  __builtin_memcpy(&c, &z, sizeof c);
  return c;
#endif
}

}  // namespace tenor::TENOR_ISA
