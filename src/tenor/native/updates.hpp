// Adam and dropout of one instruction set, over plain arrays that the compiler vectorizes: every
// element is by itself, so the instruction set changes no bit.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace tenor::TENOR_ISA {

constexpr int64_t kAtOnce = 16;  // elements that stay in registers through many steps

// One step of an element, from its gradient. (Kingma & Ba 2015, as PyTorch computes it.)
TENOR_INLINE void adam_step(const tenor_adam& of, const tenor_adam_step& step, float g, float& weight, float& mean,
                            float& square) {
  g += of.decay * weight;
  mean += (g - mean) * of.fresh1;
  square = of.beta2 * square + of.fresh2 * g * g;
  weight = weight * step.shrink - step.rate * mean / (__builtin_sqrtf(square) * step.inverse_bias + of.epsilon);
}

// Rows that are named lie apart from each other, so they are fetched ahead.
TENOR_INLINE void fetch_rows(const tenor_adam& of, int64_t i, int64_t last) {
  constexpr int64_t kRowsAhead = 4;
  if (!of.row_ids || i + kRowsAhead >= last) return;
  const int64_t row = of.row_ids[i + kRowsAhead] * of.width;
  for (int64_t k = 0; k < of.width; k += 16) {
    __builtin_prefetch(of.weight + row + k, 1);
    __builtin_prefetch(of.mean + row + k, 1);
    __builtin_prefetch(of.square + row + k, 1);
  }
}

inline void adam_learn(const tenor_adam& given, const float* gradients, float scale, int64_t first, int64_t last) {
  const tenor_adam of = given;  // a copy, that no store can change
  const tenor_adam_step step = of.steps[0];
  for (int64_t i = first; i < last; ++i) {
    fetch_rows(of, i, last);
    const int64_t row = (of.row_ids ? of.row_ids[i] : i) * of.width;
    float *__restrict weight = of.weight + row, *__restrict mean = of.mean + row;
    float* __restrict square = of.square + row;
    const float* __restrict gradient = gradients + i * of.width;
    for (int64_t k = 0; k < of.width; ++k)
      adam_step(of, step, gradient[k] * scale, weight[k], mean[k], square[k]);
  }
}

// Whether no step of so many can move the weights, which move by less and less: each by less than a quarter of
// their last place.
TENOR_INLINE bool is_still(const float* weight, const float* mean, const float* square, float most_rate, float fade,
                           float epsilon) {
  int moved = 0;
  for (int64_t k = 0; k < kAtOnce; ++k) {
    const float least = __builtin_sqrtf(square[k] * fade) * 0.99f + epsilon;
    const float most = most_rate * __builtin_fabsf(mean[k]);
    const bool never = square[k] == 0.0f && mean[k] == 0.0f;
    moved |= !(never || (weight[k] != 0.0f && most < 0x1p-26f * __builtin_fabsf(weight[k]) * least));
  }
  return !moved;
}

// The steps from `made` on of kAtOnce elements without a gradient.
TENOR_INLINE void rest(const tenor_adam& of, int64_t made, float most_rate, float* weight, float* mean,
                       float* square) {
  constexpr int64_t kSteps = 32;  // before it is looked whether they are still, which takes as long as one
  const bool can_be_still = of.decay == 0.0f && most_rate < __builtin_huge_valf();
  int64_t i = made;
  for (bool looks = can_be_still && of.count - made > kSteps; i < of.count; looks = can_be_still) {
    // To the fourth power it is less than beta2 to the power of the steps that are left (Bernoulli).
    const float part = 1.0f - 0.25f * static_cast<float>(of.count - i) * of.fresh2;
    const float fade = part > 0.0f ? part * part * part * part : 0.0f;
    if (looks && is_still(weight, mean, square, most_rate, fade, of.epsilon)) break;
    const int64_t end = of.count - i < kSteps ? of.count : i + kSteps;
    for (; i < end; ++i) {
      const tenor_adam_step step = of.steps[i];
      for (int64_t k = 0; k < kAtOnce; ++k) adam_step(of, step, 0.0f, weight[k], mean[k], square[k]);
    }
  }
  bool is_never = true;
  for (int64_t k = 0; k < kAtOnce; ++k) is_never = is_never && square[k] == 0.0f && mean[k] == 0.0f;
  if (is_never) return;
  for (; i < of.count; ++i) {
    for (int64_t k = 0; k < kAtOnce; ++k) {
      mean[k] += (0.0f - mean[k]) * of.fresh1;
      square[k] *= of.beta2;
    }
  }
}

inline void adam_catch_up(const tenor_adam& given, int32_t* made, float most_rate, int64_t first, int64_t last) {
  const tenor_adam of = given;
  for (int64_t i = first; i < last; ++i) {
    const int64_t id = of.row_ids ? of.row_ids[i] : i, row = id * of.width;
    fetch_rows(of, i, last);
    if (made[id] >= of.count) continue;
    for (int64_t at = 0; at < of.width; at += kAtOnce) {
      const int64_t bytes = (of.width - at < kAtOnce ? of.width - at : kAtOnce) * sizeof(float);
      float weight[kAtOnce] = {}, mean[kAtOnce] = {}, square[kAtOnce] = {};
      __builtin_memcpy(weight, of.weight + row + at, bytes);
      __builtin_memcpy(mean, of.mean + row + at, bytes);
      __builtin_memcpy(square, of.square + row + at, bytes);
      rest(of, made[id], most_rate, weight, mean, square);
      __builtin_memcpy(of.weight + row + at, weight, bytes);
      __builtin_memcpy(of.mean + row + at, mean, bytes);
      __builtin_memcpy(of.square + row + at, square, bytes);
    }
    made[id] = static_cast<int32_t>(of.count);
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
