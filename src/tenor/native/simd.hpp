// A vector of floats as wide as the instruction set: operators by the compiler's vector extensions.
#pragma once

#include <cfloat>
#include <cstdint>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define TENOR_INLINE inline __attribute__((always_inline))

static_assert(FLT_EVAL_METHOD == 0, "equal bits need float arithmetic without excess precision");

namespace tenor::TENOR_ISA {

// Registers, and how many of them a fused product takes beside its operands.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kRegisters = 32, kFusing = 0;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kRegisters = 16, kFusing = 0;
#elif defined(__FP_FAST_FMAF)
constexpr int kLanes = 4, kRegisters = 32, kFusing = 0;
#else
constexpr int kLanes = 4, kRegisters = 16, kFusing = 10;
#endif

using real = float;
using Vec = float __attribute__((vector_size(kLanes * 4)));
using Int = int32_t __attribute__((vector_size(kLanes * 4)));

// Whole numbers of which one instruction multiplies so many in each lane and adds the products: bytes,
// where the factor that is a state has no sign and is counted from kWholeZero, or numbers of 16 bits.
#if defined(__AVX512VNNI__)
using Whole = uint8_t;
constexpr int kTogether = 4, kWholeZero = 128;
#else
using Whole = int16_t;
constexpr int kTogether = 2, kWholeZero = 0;
#endif
using Wholes = Whole __attribute__((vector_size(kLanes * 4)));

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

// The first `count` of kLanes numbers: a part of a vector that is written alone would be waited for when all of
// it is read.
#if defined(__AVX512F__)
TENOR_INLINE __mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count <= 0 ? 0 : (1u << count) - 1);
}
#elif defined(__AVX2__)
TENOR_INLINE __m256i first(int64_t count) {
  const Int numbers = {0, 1, 2, 3, 4, 5, 6, 7};
  return (__m256i)(numbers < static_cast<int32_t>(count));
}
#endif

// Up to kLanes of them, zeros beyond.
TENOR_INLINE Vec load_some(const float* from, int64_t count) {
  if (count >= kLanes) return load(from);
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(first(count), from);
#elif defined(__AVX2__)
  return _mm256_maskload_ps(from, first(count));
#else
  Vec v = splat(0.0f);
  if (count > 0) __builtin_memcpy(&v, from, count * sizeof(float));
  return v;
#endif
}

TENOR_INLINE void store_some(float* to, Vec v, int64_t count) {
  if (count >= kLanes) return store(to, v);
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, first(count), v);
#elif defined(__AVX2__)
  // Not with a mask: such stores take AMD's processors six times as long, even of nothing.
  if (count <= 0) return;
  __m128 part = _mm256_castps256_ps128(v);
  if (count & 4) {
    _mm_storeu_ps(to, part);
    part = _mm256_extractf128_ps(v, 1);
    to += 4;
  }
  if (count & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(to), part);
    part = _mm_movehl_ps(part, part);
    to += 2;
  }
  if (count & 1) _mm_store_ss(to, part);
#else
  if (count > 0) __builtin_memcpy(to, &v, count * sizeof(float));
#endif
}

// The numbers of a lane, as they lie in memory, in every lane.
TENOR_INLINE Wholes splat_lane(const Whole* from) {
  int32_t lane;
  __builtin_memcpy(&lane, from, sizeof lane);
  return (Wholes)(Int{} + lane);
}

// sum + the products of a lane's states and weights, exact while no sum leaves the range.
TENOR_INLINE Int dot(Wholes a, Wholes b, Int sum) {
#if defined(__AVX512VNNI__)
  return (Int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(__AVX512BW__)
  return sum + (Int)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return sum + (Int)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return sum + (Int)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  const Int even = (Int)((uint32_t __attribute__((vector_size(kLanes * 4))))a << 16) >> 16;
  return sum + even * ((Int)b << 16 >> 16) + ((Int)a >> 16) * ((Int)b >> 16);
#endif
}

TENOR_INLINE Vec abs(Vec x) { return (Vec)((Int)x & 0x7fffffff); }

// The smaller and the larger; a NaN stays one. (With a full mask, as GCC 12 warns of its own header without.)
TENOR_INLINE Vec at_most(Vec x, float bound) {
#if defined(__AVX512F__)
  return _mm512_maskz_min_ps(0xffff, splat(bound), x);
#elif defined(__AVX2__)
  return _mm256_min_ps(splat(bound), x);
#else
  return x > bound ? splat(bound) : x;
#endif
}

TENOR_INLINE Vec at_least(Vec x, float bound) {
#if defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xffff, splat(bound), x);
#elif defined(__AVX2__)
  return _mm256_max_ps(splat(bound), x);
#else
  return x < bound ? splat(bound) : x;
#endif
}

// Floats of 16 bits (IEEE 754 binary16): 11 significant bits, at most 65504.
TENOR_INLINE Vec widen(const uint16_t* from) {
#if defined(__AVX512F__)
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256((const __m256i*)from));
#elif defined(__AVX2__)
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)from));
#else
  uint16_t __attribute__((vector_size(kLanes * 2))) narrow;
  __builtin_memcpy(&narrow, from, sizeof narrow);
  const Int bits = __builtin_convertvector(narrow, Int);
  const Vec size = (Vec)((bits & 0x7fff) << 13) * 0x1p112f;
  return (Vec)((Int)size | (bits & 0x8000) << 16);
#endif
}

// Rounds to the nearest of them, to the even one of two.
TENOR_INLINE void narrow(uint16_t* to, Vec x) {
  x = at_least(at_most(x, 65504.0f), -65504.0f);
#if defined(__AVX512F__)
  _mm256_storeu_si256((__m256i*)to, _mm512_maskz_cvtps_ph(0xffff, x, _MM_FROUND_TO_NEAREST_INT));
#elif defined(__AVX2__)
  _mm_storeu_si128((__m128i*)to, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
#else
  const Vec size = abs(x);
  const Int odd = (Int)size >> 13 & 1;
  const Int normal = (((Int)size + 0xfff + odd) >> 13) - (112 << 10);
  const Int small = (Int)(size + 0.5f) - (Int)splat(0.5f);  // 0.5 has its last bit at 2^-24, as they do
  const Int is_small = size < 0x1p-14f, is_number = size == size;
  const Int bits = is_number ? (is_small ? small : normal) : Int{} + 0x7e00;
  const Int sign = (Int)x >> 16 & 0x8000;
  for (int i = 0; i < kLanes; ++i) to[i] = static_cast<uint16_t>(bits[i] | sign[i]);
#endif
}

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
