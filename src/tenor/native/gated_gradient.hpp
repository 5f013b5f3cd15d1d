// What training needs of LSTM, GRU and plain recurrent cells, of one instruction set. Texts are read in
// lock-step, longest first, and gone back through in the same rows; a task is some of the texts.
#pragma once

#include "bf16.hpp"
#include "linear_gradient.hpp"

namespace tenor::TENOR_ISA {

// A vector of units of one word, as a cell sees it; sums are its gates' (for kGates vectors).
struct Unit {
  int64_t at, left, hidden;
  float *gates, *cell;  // of the word; kept for the way back

  TENOR_INLINE Vec gate(int i) const { return load_some(gates + i * hidden + at, left); }
  TENOR_INLINE void keep(int i, Vec v) const { store_some(gates + i * hidden + at, v, left); }
  TENOR_INLINE Vec kept_cell() const { return load_some(cell + at, left); }
  TENOR_INLINE void keep_cell(Vec v) const { store_some(cell + at, v, left); }
};

struct LSTMLearner {
  static constexpr int kGates = 4;
  static constexpr bool kOwnSums = false;  // the state's sums have gradients of their own

  static TENOR_INLINE Vec next(const Unit& u, const float* sums, const float*, Vec, Vec c_before) {
    Vec gate[kGates];
    for (int i = 0; i < kGates; ++i) {
      const Vec sum = load_some(sums + i * u.hidden + u.at, u.left);
      u.keep(i, gate[i] = i == 2 ? tanh(sum) : sigmoid(sum));
    }
    const Vec c = fma(gate[1], c_before, gate[0] * gate[2]);
    u.keep_cell(c);
    return gate[3] * tanh(c);
  }

  // Gradients of the gates' sums from that of the state; gives that of the state before, but for what
  // comes through the sums. d_cell: of the cell, in and out.
  static TENOR_INLINE Vec back(const Unit& u, Vec d, Vec, Vec c_before, Vec& d_cell, Vec (&d_gate)[4], Vec*) {
    const Vec in = u.gate(0), forget = u.gate(1), fresh = u.gate(2), out = u.gate(3);
    const Vec seen = tanh(u.kept_cell());
    const Vec cell = d_cell + d * out * (1.0f - seen * seen);
    d_gate[0] = cell * fresh * in * (1.0f - in);
    d_gate[1] = cell * c_before * forget * (1.0f - forget);
    d_gate[2] = cell * in * (1.0f - fresh * fresh);
    d_gate[3] = d * seen * out * (1.0f - out);
    d_cell = cell * forget;
    return splat(0.0f);
  }
};

struct GRULearner {
  static constexpr int kGates = 3;
  static constexpr bool kOwnSums = true;

  static TENOR_INLINE Vec next(const Unit& u, const float* sums, const float* share, Vec h, Vec) {
    const Vec reset = sigmoid(load_some(sums + u.at, u.left));
    const Vec update = sigmoid(load_some(sums + u.hidden + u.at, u.left));
    const Vec of_state = load_some(sums + 2 * u.hidden + u.at, u.left);
    const Vec fresh = tanh(fma(reset, of_state, load_some(share + 2 * u.hidden + u.at, u.left)));
    u.keep(0, reset);
    u.keep(1, update);
    u.keep(2, fresh);
    u.keep_cell(of_state);
    return fma(update, h, (1.0f - update) * fresh);
  }

  static TENOR_INLINE Vec back(const Unit& u, Vec d, Vec h_before, Vec, Vec&, Vec (&d_gate)[4], Vec* d_sum) {
    const Vec reset = u.gate(0), update = u.gate(1), fresh = u.gate(2);
    d_gate[2] = d * (1.0f - update) * (1.0f - fresh * fresh);
    d_gate[1] = d * (h_before - fresh) * update * (1.0f - update);
    d_gate[0] = d_gate[2] * u.kept_cell() * reset * (1.0f - reset);
    *d_sum = d_gate[2] * reset;  // what the state gives to the new gate
    return d * update;
  }
};

template <bool kReLU>
struct RNNLearner {
  static constexpr int kGates = 1;
  static constexpr bool kOwnSums = false;

  static TENOR_INLINE Vec next(const Unit& u, const float* sums, const float*, Vec, Vec) {
    const Vec sum = load_some(sums + u.at, u.left);
    const Vec h = kReLU ? (sum < 0.0f ? splat(0.0f) : sum) : tanh(sum);
    u.keep(0, h);
    return h;
  }

  static TENOR_INLINE Vec back(const Unit& u, Vec d, Vec, Vec, Vec&, Vec (&d_gate)[4], Vec*) {
    const Vec h = u.gate(0);
    d_gate[0] = kReLU ? (h > 0.0f ? d : splat(0.0f)) : d * (1.0f - h * h);
    return splat(0.0f);
  }
};

// A product with the state's weights, which are packed, of so many rows.
TENOR_INLINE void with_state(const float* a, const float* packed, const uint16_t* packed_bf16, float* c,
                             int64_t inner, int64_t columns, int64_t rows) {
  multiply_either(Product{a, inner, 1, packed, packed_bf16, nullptr, c, columns, inner, columns, true}, 0, rows);
}

// As load_some and store_some, of the words at which states were largest.
TENOR_INLINE Int load_places(const int32_t* from, int64_t count) {
  return (Int)load_some(reinterpret_cast<const float*>(from), count);
}

TENOR_INLINE void store_places(int32_t* to, Int places, int64_t count) {
  store_some(reinterpret_cast<float*>(to), (Vec)places, count);
}

template <bool kToWrite>
TENOR_INLINE void fetch(const float* place, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(place + i, kToWrite);
}

TENOR_INLINE int64_t word_of(const GatedLearning& of, int64_t text, int64_t t) {
  return of.reverse ? of.offsets[text + 1] - 1 - t : of.offsets[text] + t;
}

// Where what is kept of a word lies.
TENOR_INLINE int64_t place_of(const GatedLearning& of, int64_t text, int64_t t) { return of.steps[t] + of.ranks[text]; }

// Reads the texts of a task, which are the longest first. scratch: (rows, gates * H) sums, (rows, H) h.
template <class C>
void gated_forward(const GatedLearning& of, const int64_t* texts, int64_t rows, float* scratch) {
  const int64_t hidden = of.hidden, width = C::kGates * hidden;
  float *const sums = scratch, *const h = scratch + rows * width;
  __builtin_memset(h, 0, rows * hidden * sizeof(float));
  const auto length = [&](int64_t row) { return of.offsets[texts[row] + 1] - of.offsets[texts[row]]; };
  const auto pooled = [&](float* array, int64_t row) { return array + texts[row] * hidden; };
  float* const pools[] = {of.final_h, of.start_h, of.sum_h, of.max_h};
  for (int64_t row = 0; row < rows; ++row)
    for (int i = 0; i < 4; ++i) __builtin_memset(pooled(pools[i], row), 0, hidden * sizeof(float));
  int64_t active = rows;
  for (int64_t t = 0;; ++t) {
    while (active > 0 && length(active - 1) <= t) --active;
    if (active == 0) break;
    const auto share_of = [&](int64_t row, int64_t at) {
      const int64_t word = word_of(of, texts[row], at);
      return of.shares + (of.row_of ? of.row_of[word] : word) * width;
    };
    for (int64_t row = 0; row < active; ++row) {
      const float* share = share_of(row, t);
      float* to = sums + row * width;
      __builtin_memcpy(to, share, width * sizeof(float));
      if (C::kOwnSums) {  // the new gate's share stays apart
        if (of.state_bias)
          __builtin_memcpy(to + 2 * hidden, of.state_bias, hidden * sizeof(float));
        else
          __builtin_memset(to + 2 * hidden, 0, hidden * sizeof(float));
      }
    }
    with_state(h, of.forward_hh, of.forward_bf16, sums, hidden, width, active);
    for (int64_t row = 0; row < active; ++row) {
      const int64_t word = word_of(of, texts[row], t), place = place_of(of, texts[row], t);
      const float* cells_before = t > 0 ? of.cells + place_of(of, texts[row], t - 1) * hidden : nullptr;
      const float* share = share_of(row, t);
      if (t + 1 < length(row)) fetch<false>(share_of(row, t + 1), width);
      float *now = h + row * hidden, *sum = pooled(of.sum_h, row), *max = pooled(of.max_h, row);
      int32_t* largest = of.largest + texts[row] * hidden;
      __builtin_memcpy(of.before + word * hidden, now, hidden * sizeof(float));
      for (int64_t at = 0; at < hidden; at += kLanes) {
        const int64_t left = hidden - at;
        const Unit unit{at, left, hidden, of.gates + place * width, of.cells + place * hidden};
        const Vec c = cells_before ? load_some(cells_before + at, left) : splat(0.0f);
        const Vec next = C::next(unit, sums + row * width, share, load_some(now + at, left), c);
        store_some(now + at, next, left);
        store_some(sum + at, load_some(sum + at, left) + next, left);
        const Vec so_far = load_some(max + at, left);
        const Int is_larger = t == 0 ? Int{} - 1 : (Int)(next > so_far);
        store_some(max + at, is_larger ? next : so_far, left);
        store_places(largest + at, is_larger ? Int{} + static_cast<int32_t>(t) : load_places(largest + at, left), left);
      }
      if (of.states) __builtin_memcpy(of.states + word * of.states_stride, now, hidden * sizeof(float));
      if (t == 0) __builtin_memcpy(pooled(of.start_h, row), now, hidden * sizeof(float));
      if (t == length(row) - 1) __builtin_memcpy(pooled(of.final_h, row), now, hidden * sizeof(float));
    }
  }
}

// The way back. scratch: (rows, gates * H) gradients of the sums, (rows, H) of h and of the cell.
template <class C>
void gated_backward(const GatedLearning& of, const int64_t* texts, int64_t rows, float* scratch) {
  const int64_t hidden = of.hidden, width = C::kGates * hidden;
  float *const d_sums = scratch, *const d_h = d_sums + rows * width, *const d_c = d_h + rows * hidden;
  __builtin_memset(d_h, 0, 2 * rows * hidden * sizeof(float));
  const auto length = [&](int64_t row) { return of.offsets[texts[row] + 1] - of.offsets[texts[row]]; };
  int64_t active = 0;
  for (int64_t t = rows > 0 ? length(0) - 1 : -1; t >= 0; --t) {
    while (active < rows && length(active) > t) ++active;
    for (int64_t row = 0; row < active; ++row) {
      const int64_t text = texts[row], word = word_of(of, text, t), place = place_of(of, text, t);
      const float* cells_before = t > 0 ? of.cells + place_of(of, text, t - 1) * hidden : nullptr;
      const int32_t* largest = of.largest + text * hidden;
      if (t > 0) {
        const int64_t next = word_of(of, text, t - 1);
        if (of.d_states) fetch<false>(of.d_states + next * of.d_states_stride, hidden);
        fetch<true>(of.d_words + next * width, width);
      }
      for (int64_t at = 0; at < hidden; at += kLanes) {
        const int64_t left = hidden - at, here = row * hidden + at;
        const auto of_text = [&](const float* array) { return load_some(array + text * hidden + at, left); };
        Vec d = load_some(d_h + here, left);
        if (of.d_sum) d = d + of_text(of.d_sum);
        if (of.d_max) {
          const Int is_here = load_places(largest + at, left) == static_cast<int32_t>(t);
          d = d + (is_here ? of_text(of.d_max) : splat(0.0f));
        }
        if (of.d_states) d = d + load_some(of.d_states + word * of.d_states_stride + at, left);
        if (of.d_final && t == length(row) - 1) d = d + of_text(of.d_final);
        if (of.d_start && t == 0) d = d + of_text(of.d_start);
        const Unit unit{at, left, hidden, of.gates + place * width, of.cells + place * hidden};
        const Vec c_before = cells_before ? load_some(cells_before + at, left) : splat(0.0f);
        Vec d_cell = load_some(d_c + here, left), d_gate[4], d_new = splat(0.0f);
        const Vec direct = C::back(unit, d, load_some(of.before + word * hidden + at, left), c_before, d_cell,
                                   d_gate, &d_new);
        store_some(d_h + here, direct, left);
        store_some(d_c + here, d_cell, left);
        for (int i = 0; i < C::kGates; ++i) {
          store_some(of.d_words + word * width + i * hidden + at, d_gate[i], left);
          const Vec d_sum = C::kOwnSums && i == 2 ? d_new : d_gate[i];
          store_some(d_sums + row * width + i * hidden + at, d_sum, left);
          if (C::kOwnSums) store_some(of.d_sums + word * width + i * hidden + at, d_sum, left);
        }
      }
    }
    if (of.truncate > 0 && t % of.truncate == 0) {
      __builtin_memset(d_h, 0, active * hidden * sizeof(float));
      __builtin_memset(d_c, 0, active * hidden * sizeof(float));
    } else {
      with_state(d_sums, of.backward_hh, of.backward_bf16, d_h, width, hidden, active);
    }
  }
}

template <class C>
constexpr GatedLearner kGatedLearner = {C::kGates, C::kOwnSums, gated_forward<C>, gated_backward<C>};

inline const GatedLearner* gated_learner(Cell cell) {
  switch (cell) {
    case kLSTM: return &kGatedLearner<LSTMLearner>;
    case kGRU: return &kGatedLearner<GRULearner>;
    case kRNNTanh: return &kGatedLearner<RNNLearner<false>>;
    case kRNNReLU: return &kGatedLearner<RNNLearner<true>>;
    default: return nullptr;
  }
}

// Adds up rows of one known word, some of the columns.
inline void sum_rows(const float* rows, const int32_t* row_of, int64_t count, int64_t width, int64_t known,
                     int64_t first, int64_t last, float* to) {
  for (int64_t u = 0; u < known; ++u) __builtin_memset(to + u * width + first, 0, (last - first) * sizeof(float));
  for (int64_t n = 0; n < count; ++n) {
    const float* from = rows + n * width;
    float* into = to + row_of[n] * width;
    int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(into + i, load(into + i) + load(from + i));
    for (; i < last; ++i) into[i] += from[i];
  }
}

}  // namespace tenor::TENOR_ISA
