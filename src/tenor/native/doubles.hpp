// Vectors of doubles: all that learners need of simd.hpp and math.hpp, without what makes floats fast and their
// bits the same everywhere.
#pragma once

#include <cstdint>

#define TENOR_INLINE inline __attribute__((always_inline))

namespace tenor::TENOR_ISA {

using real = double;
constexpr int kLanes = 2, kRegisters = 16, kFusing = 0;

using Vec = double __attribute__((vector_size(kLanes * 8)));
using Int = int64_t __attribute__((vector_size(kLanes * 8)));

TENOR_INLINE Vec load_some(const double* from, int64_t count) {
  Vec v = {};
  if (count > 0) __builtin_memcpy(&v, from, (count < kLanes ? count : kLanes) * sizeof(double));
  return v;
}

TENOR_INLINE void store_some(double* to, Vec v, int64_t count) {
  if (count > 0) __builtin_memcpy(to, &v, (count < kLanes ? count : kLanes) * sizeof(double));
}

TENOR_INLINE Vec load(const double* from) { return load_some(from, kLanes); }

TENOR_INLINE void store(double* to, Vec v) { store_some(to, v, kLanes); }

TENOR_INLINE Vec splat(double value) { return Vec{value, value}; }

TENOR_INLINE Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }

TENOR_INLINE Vec tanh(Vec x) { return Vec{__builtin_tanh(x[0]), __builtin_tanh(x[1])}; }

TENOR_INLINE Vec sigmoid(Vec x) { return 1.0 / (1.0 + Vec{__builtin_exp(-x[0]), __builtin_exp(-x[1])}); }

}  // namespace tenor::TENOR_ISA
