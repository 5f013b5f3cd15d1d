// Gated linear recurrences of one instruction set: c = a * c + b, where a and b come from the words
// alone. So a word's activated gates can stand in a table, and a text is read by one scan.
#pragma once

#include "gated_whole.hpp"

namespace tenor::TENOR_ISA {

// Gates of the current word, then those of the word before, then what skips the recurrence.
TENOR_INLINE int gates(const Gating& gating) { return 2 + gating.input + gating.output; }

TENOR_INLINE int activated(const Gating& gating) { return 2 + gating.output + gating.skip; }

// Where a word's gates are kept: as they are, or with 16 bits each, and then 1 - a in place of a, which
// near 1 would be too rough.
struct Exact {
  using Number = float;
  static TENOR_INLINE Vec get(const float* from) { return load(from); }
  static TENOR_INLINE Vec get_kept(const float* from) { return load(from); }
  static TENOR_INLINE void put(float* to, Vec x) { store(to, x); }
  static TENOR_INLINE void put_kept(float* to, Vec kept, Vec) { store(to, kept); }
};

struct Rough {
  using Number = uint16_t;
  static TENOR_INLINE Vec get(const uint16_t* from) { return widen(from); }
  static TENOR_INLINE Vec get_kept(const uint16_t* from) { return 1.0f - widen(from); }
  static TENOR_INLINE void put(uint16_t* to, Vec x) { narrow(to, x); }
  static TENOR_INLINE void put_kept(uint16_t* to, Vec, Vec taken) { narrow(to, taken); }
};

// A word's share, and what the word before gives to it (or null) → a, b, and if there are such,
// the output gate and what is added to the output.
template <class As>
TENOR_INLINE void activate_as(const Layer& layer, const float* share, const float* carry, float* to) {
  auto* out = reinterpret_cast<typename As::Number*>(to);
  const Gating& gating = layer.gating;
  const int count = gates(gating);
  const int vectors = count * (1 + gating.previous) + gating.skip;
  for (int64_t group = 0; group < layer.groups; ++group) {
    Vec gate[4];
    const float* from = share + group * vectors * kLanes;
    for (int i = 0; i < count; ++i) {
      gate[i] = load(from + i * kLanes);
      if (carry) gate[i] = gate[i] + load(carry + (group * vectors + count + i) * kLanes);
    }
    Vec keep = sigmoid(gate[0]), take = 1.0f - keep;
    if (gating.input) {  // both gates, scaled to a sum of 1
      const Vec kept = ajar(keep), opened = ajar(sigmoid(gate[2])), both = kept + opened;
      keep = kept / both;
      take = opened / both;
    }
    Vec added = splat(0.0f), opened = splat(1.0f);
    if (gating.skip) added = load(from + (vectors - 1) * kLanes);
    if (gating.output) {
      opened = sigmoid(gate[2 + gating.input]);
      added = (1.0f - opened) * added;
    }
    As::put_kept(out, keep, take);
    As::put(out + kLanes, take * candidate(gating.candidate, gate[1]));
    out += 2 * kLanes;
    if (gating.output) As::put(out, opened), out += kLanes;
    if (gating.skip) As::put(out, added), out += kLanes;
  }
}

TENOR_INLINE void activate(const Layer& layer, const float* share, const float* carry, float* to) {
  (layer.half ? activate_as<Rough> : activate_as<Exact>)(layer, share, carry, to);
}

// Where one text's scan stands.
struct Scan {
  float *h, *c, *sum, *max;  // (units,); sum and max may be null
  float* states;             // where the next word's state goes; null if not wanted
  int64_t states_step, hidden;
};

// Reads `count` words, V groups of units at a time: state and pools stay in registers.
template <int V, class As, bool Output, bool Skip>
TENOR_INLINE void scan(const Scan& at, const float* const* words, int count, int64_t group) {
  using Number = typename As::Number;
  constexpr int kVectors = (2 + Output + Skip) * kLanes;
  Vec c[V], h[V], sum[V], max[V];
  const int64_t unit = group * kLanes;
  for (int v = 0; v < V; ++v) {
    c[v] = load(at.c + unit + v * kLanes);
    h[v] = load(at.h + unit + v * kLanes);
    sum[v] = at.sum ? load(at.sum + unit + v * kLanes) : h[v];
    max[v] = at.max ? load(at.max + unit + v * kLanes) : h[v];
  }
  float* states = at.states ? at.states + unit : nullptr;
  for (int i = 0; i < count; ++i) {
    const Number* word = reinterpret_cast<const Number*>(words[i]) + group * kVectors;
    if (i + kAhead < count) {
      const Number* later = reinterpret_cast<const Number*>(words[i + kAhead]) + group * kVectors;
#pragma GCC unroll 8
      for (int at = 0; at < V * kVectors; at += 64 / sizeof(Number)) __builtin_prefetch(later + at);
    }
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v, word += kVectors) {
      c[v] = fma(As::get_kept(word), c[v], As::get(word + kLanes));
      h[v] = c[v];
      if (Output) h[v] = As::get(word + 2 * kLanes) * h[v];
      if (Skip) h[v] = h[v] + As::get(word + (2 + Output) * kLanes);
      sum[v] = sum[v] + h[v];
      max[v] = larger(max[v], h[v]);
    }
    if (!states) continue;
    for (int v = 0; v < V; ++v) {
      const int64_t left = at.hidden - unit - v * kLanes;
      if (left >= kLanes)
        store(states + v * kLanes, h[v]);
      else
        __builtin_memcpy(states + v * kLanes, &h[v], left * sizeof(float));
    }
    states += at.states_step;
  }
  for (int v = 0; v < V; ++v) {
    store(at.c + unit + v * kLanes, c[v]);
    store(at.h + unit + v * kLanes, h[v]);
    if (at.sum) store(at.sum + unit + v * kLanes, sum[v]);
    if (at.max) store(at.max + unit + v * kLanes, max[v]);
  }
}

template <class As, bool Output, bool Skip>
void scan_all(const Scan& at, const float* const* words, int count, int64_t groups) {
  int64_t group = 0;
  for (; group + 4 <= groups; group += 4) scan<4, As, Output, Skip>(at, words, count, group);
  for (; group < groups; ++group) scan<1, As, Output, Skip>(at, words, count, group);
}

template <class As>
TENOR_INLINE void scan_as(const Layer& layer, const Scan& at, const float* const* words, int count) {
  const Gating& gating = layer.gating;
  if (gating.output)
    (gating.skip ? scan_all<As, true, true> : scan_all<As, true, false>)(at, words, count, layer.groups);
  else
    (gating.skip ? scan_all<As, false, true> : scan_all<As, false, false>)(at, words, count, layer.groups);
}

TENOR_INLINE void scan_words(const Layer& layer, const Scan& at, const float* const* words, int count) {
  (layer.half ? scan_as<Rough> : scan_as<Exact>)(layer, at, words, count);
}

// One text: looks its words' gates up or computes them, a stretch at a time, and scans.
TENOR_INLINE void read_text(const Layer& layer, const Block& block, int row, Tiles& tiled) {
  const int64_t units = layer.groups * kLanes;
  const int64_t width = activated(layer.gating) * units;
  float* const shares = block.scratch;                       // (kBlockRows, share)
  float* const gates = shares + kBlockRows * layer.share;    // (kBlockRows, width)
  const auto pool = [&](float* pooled) { return pooled ? pooled + row * units : nullptr; };
  Scan at{block.h + row * units, block.c + row * units, pool(block.sum), pool(block.max),
          nullptr,  block.step * block.states_stride, layer.hidden};
  const bool ready = block.shares.row_of && !layer.gating.previous;
  const int64_t length = block.lengths[row];
  for (int64_t t = 0; t < length;) {
    // The first word alone: it is where the pools begin.
    int count = t == 0 ? 1 : static_cast<int>(length - t < kBlockRows ? length - t : kBlockRows);
    const float* words[kBlockRows];
    for (int i = 0; i < count; ++i) words[i] = given(layer, block, word_at(block, row, t + i));
    if (!block.shares.row_of) {
      project(layer, words, count, block.rounded, tiled, shares);
      for (int i = 0; i < count; ++i) words[i] = shares + i * layer.share;
    }
    if (!ready) {
      const float* carry = layer.gating.previous ? block.carry + row * layer.share : nullptr;
      for (int i = 0; i < count; ++i) {
        activate(layer, words[i], carry, gates + i * width);
        if (layer.gating.previous) carry = words[i];
      }
      if (layer.gating.previous)
        __builtin_memcpy(block.carry + row * layer.share, carry, layer.share * sizeof(float));
      for (int i = 0; i < count; ++i) words[i] = gates + i * width;
    }
    if (block.states) at.states = block.states + word_at(block, row, t) * block.states_stride;
    scan_words(layer, at, words, count);
    if (t == 0) begin_pools(block, row * units, at.h, units);
    t += count;
  }
}

void read_linear(const Layer& layer, const Block& block) {
  Tiles tiled;
  for (int row = 0; row < block.rows; ++row) read_text(layer, block, row, tiled);
}

// What a table keeps of so many words: shares, or where the gates see one word only, what becomes
// of them. scratch: (rows, share).
void keep_in_table(const Layer& layer, const float* const* in, int rows, float* scratch, float* out) {
  if (layer.cell != kLinear || layer.gating.previous) return project_floats(layer, in, rows, out);
  project_floats(layer, in, rows, scratch);
  for (int row = 0; row < rows; ++row)
    activate(layer, scratch + row * layer.share, nullptr, out + row * layer.kept);
}

}  // namespace tenor::TENOR_ISA
