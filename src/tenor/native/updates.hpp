// Adam and dropout of one instruction set, over plain arrays that the compiler vectorizes: every
// element is by itself, so the instruction set changes no bit.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace tenor::TENOR_ISA {

// (Kingma & Ba 2015, as PyTorch computes it.)
template <bool kZeros>
TENOR_INLINE void adam_row(const Adam& of, int64_t row, const float* given) {
  float *__restrict weight = of.weight + row, *__restrict mean = of.mean + row;
  float* __restrict square = of.square + row;
  const float* __restrict gradient = given;
  for (int64_t k = 0; k < of.width; ++k) {
    const float g = (kZeros ? 0.0f : gradient[k] * of.scale) + of.decay * weight[k];
    const float m = mean[k] + (g - mean[k]) * of.fresh1;
    const float s = of.beta2 * square[k] + of.fresh2 * g * g;
    mean[k] = m;
    square[k] = s;
    const float step = of.rate * m / (__builtin_sqrtf(s) * of.inverse_bias + of.epsilon);
    weight[k] = weight[k] * of.shrink - step;
  }
}

// Rows from `first` up to `last`.
inline void adam(const Adam& given, int64_t first, int64_t last) {
  const Adam of = given;  // a copy, that no store can change
  for (int64_t i = first; i < last; ++i) {
    const int64_t row = (of.rows ? of.rows[i] : i) * of.width;
    const int64_t gradient = of.gradient_of ? of.gradient_of[i] : i;
    const float* from = of.gradient + (gradient < 0 ? 0 : gradient) * of.width;
    (gradient < 0 ? adam_row<true> : adam_row<false>)(of, row, from);
  }
}

// 32 bits that look random, of a place and a seed. (Wellons 2018, "lowbias32".)
TENOR_INLINE uint32_t mixed(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

// Zeroes a share of the rows and of the elements from row `first` up to `last`, and scales up the rest.
inline void drop(const Dropout& given, int64_t first, int64_t last) {
  const Dropout of = given;
  for (int64_t i = first; i < last; ++i) {
    const uint32_t row = static_cast<uint32_t>(of.ids ? of.ids[i] : i);
    float* __restrict x = of.x + i * of.width;
    const bool row_gone = mixed(row ^ of.row_seed) < of.row_limit;
    const float scale = row_gone ? 0.0f : of.row_scale * of.scale;
    const uint32_t place = row * static_cast<uint32_t>(of.width);
    for (int64_t k = 0; k < of.width; ++k) {
      const uint32_t number = mixed((place + static_cast<uint32_t>(k)) ^ of.seed);
      x[k] *= number < of.limit ? 0.0f : scale;
    }
  }
}

}  // namespace tenor::TENOR_ISA
