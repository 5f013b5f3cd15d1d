// What training needs of LSTM, GRU and plain recurrent cells, of one instruction set. Texts are read in
// lock-step, longest first, and gone back through in the same rows, a stretch of steps at a time, so that what a
// stretch gives to the weights is added up while it is in the cache.
#pragma once

#include "either.hpp"
#include "linear_gradient.hpp"

namespace tenor::TENOR_ISA {

using Shorts = int16_t __attribute__((vector_size(kLanes * 2)));

constexpr real kNarrowOne = 32767;  // what 1 is in 16 bits
constexpr real kRounding = sizeof(real) == 4 ? 0x1.8p23 : 0x1.8p52;  // adding it leaves the nearest whole number last

// Numbers from -1 to 1 as whole numbers of 16 bits, the nearest, and back.
TENOR_INLINE void store_narrow(int16_t* to, Vec v) {
  const auto narrow = __builtin_convertvector((Int)fma(v, splat(kNarrowOne), splat(kRounding)), Shorts);
  __builtin_memcpy(to, &narrow, sizeof narrow);
}

TENOR_INLINE Vec load_narrow(const int16_t* from) {
  Shorts narrow;
  __builtin_memcpy(&narrow, from, sizeof narrow);
  return __builtin_convertvector(__builtin_convertvector(narrow, Int), Vec) * (1 / kNarrowOne);
}

// How many of a vector's numbers there are, where it is whole: known to the compiler.
struct AllLanes {
  TENOR_INLINE constexpr operator int64_t() const { return kLanes; }
};

// Calls work(at, left) for the vectors of so many numbers.
template <class Work>
TENOR_INLINE void each_vector(int64_t count, const Work& work) {
  int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) work(at, AllLanes{});
  if (at < count) work(at, count - at);
}

// Sums → activations.
template <bool kNarrow>
struct Activate {
  static TENOR_INLINE void sigmoids(Vec& a, Vec& b) { a = sigmoid(a), b = sigmoid(b); }
  static TENOR_INLINE void sigmoid_and_tanh(Vec& a, Vec& b) { a = sigmoid(a), b = tanh(b); }
  static TENOR_INLINE Vec tanh_of(Vec x) { return tanh(x); }
};

#ifndef TENOR_IN_DOUBLES
// Within a millionth, which is less than 16 bits of a gate tell apart: a division takes as long as a dozen steps,
// so two have one.
template <>
struct Activate<true> {
  static TENOR_INLINE void sigmoids(Vec& a, Vec& b) {
    const Vec by_a = one_by_sigmoid(a), by_b = one_by_sigmoid(b), both = 1.0f / (by_a * by_b);
    a = by_b * both, b = by_a * both;
  }
  static TENOR_INLINE void sigmoid_and_tanh(Vec& a, Vec& b) {
    const Vec by_a = one_by_sigmoid(a);
    const Fraction of_b = tanh_fraction(b);
    const Vec both = 1.0f / (by_a * of_b.below);
    a = of_b.below * both, b = by_a * of_b.above * both;
  }
  static TENOR_INLINE Vec tanh_of(Vec x) {
    const Fraction found = tanh_fraction(x);
    return found.above / found.below;
  }
};
#endif

// A vector of units of one word, as a cell sees it; sums are its gates' (for kGates vectors).
template <bool kNarrow>  // gates are whole numbers, in rows of narrow_row(hidden)
struct Unit {
  int64_t at, left, hidden;
  real *gates, *cell;  // of the word; kept for the way back

  TENOR_INLINE int16_t* narrow_gate(int i) const {
    return reinterpret_cast<int16_t*>(gates) + i * narrow_row(hidden) + at;
  }
  TENOR_INLINE Vec gate(int i) const {
    return kNarrow ? load_narrow(narrow_gate(i)) : load_some(gates + i * hidden + at, left);
  }
  TENOR_INLINE void keep(int i, Vec v) const {
    if (kNarrow) store_narrow(narrow_gate(i), v);
    else store_some(gates + i * hidden + at, v, left);
  }
  TENOR_INLINE Vec kept_cell() const { return load_some(cell + at, left); }
  TENOR_INLINE void keep_cell(Vec v) const { store_some(cell + at, v, left); }
};

struct LSTMLearner {
  static constexpr int kGates = 4;
  static constexpr bool kBounded = true;  // what is kept of gates is from -1 to 1
  static constexpr bool kOwnSums = false;  // the state's sums have gradients of their own

  template <bool kNarrow>
  static TENOR_INLINE Vec next(const Unit<kNarrow>& u, const real* sums, const real*, Vec, Vec c_before) {
    Vec gate[kGates];
    for (int i = 0; i < kGates; ++i) gate[i] = load_some(sums + i * u.hidden + u.at, u.left);
    Activate<kNarrow>::sigmoids(gate[0], gate[1]);
    Activate<kNarrow>::sigmoid_and_tanh(gate[3], gate[2]);
    for (int i = 0; i < kGates; ++i) u.keep(i, gate[i]);
    const Vec c = fma(gate[1], c_before, gate[0] * gate[2]);
    u.keep_cell(c);
    return gate[3] * Activate<kNarrow>::tanh_of(c);
  }

  // Gradients of the gates' sums from that of the state; gives that of the state before, but for what
  // comes through the sums. d_cell: of the cell, in and out.
  template <bool kNarrow>
  static TENOR_INLINE Vec back(const Unit<kNarrow>& u, Vec d, Vec, Vec c_before, Vec& d_cell, Vec (&d_gate)[4], Vec*) {
    const Vec in = u.gate(0), forget = u.gate(1), fresh = u.gate(2), out = u.gate(3);
    const Vec seen = Activate<kNarrow>::tanh_of(u.kept_cell());
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
  static constexpr bool kBounded = true;
  static constexpr bool kOwnSums = true;

  template <bool kNarrow>
  static TENOR_INLINE Vec next(const Unit<kNarrow>& u, const real* sums, const real* share, Vec h, Vec) {
    Vec reset = load_some(sums + u.at, u.left), update = load_some(sums + u.hidden + u.at, u.left);
    Activate<kNarrow>::sigmoids(reset, update);
    const Vec of_state = load_some(sums + 2 * u.hidden + u.at, u.left);
    const Vec sum = fma(reset, of_state, load_some(share + 2 * u.hidden + u.at, u.left));
    const Vec fresh = Activate<kNarrow>::tanh_of(sum);
    u.keep(0, reset);
    u.keep(1, update);
    u.keep(2, fresh);
    u.keep_cell(of_state);
    return fma(update, h, (1.0f - update) * fresh);
  }

  template <bool kNarrow>
  static TENOR_INLINE Vec back(const Unit<kNarrow>& u, Vec d, Vec h_before, Vec, Vec&, Vec (&d_gate)[4], Vec* d_sum) {
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
  static constexpr bool kBounded = !kReLU;
  static constexpr bool kOwnSums = false;

  template <bool kNarrow>
  static TENOR_INLINE Vec next(const Unit<kNarrow>& u, const real* sums, const real*, Vec, Vec) {
    const Vec sum = load_some(sums + u.at, u.left);
    const Vec h = kReLU ? (sum < 0.0f ? splat(0.0f) : sum) : Activate<kNarrow>::tanh_of(sum);
    u.keep(0, h);
    return h;
  }

  template <bool kNarrow>
  static TENOR_INLINE Vec back(const Unit<kNarrow>& u, Vec d, Vec, Vec, Vec&, Vec (&d_gate)[4], Vec*) {
    const Vec h = u.gate(0);
    d_gate[0] = kReLU ? (h > 0.0f ? d : splat(0.0f)) : d * (1.0f - h * h);
    return splat(0.0f);
  }
};

// A product of so many rows of a factor with one that is packed.
TENOR_INLINE void multiply_packed(const real* a, int64_t a_row, const Packed<real>& packed, const real* bias, real* c,
                                  int64_t c_row, int64_t inner, int64_t columns, bool add, int64_t rows) {
  const Product<real> work{a, a_row, 1, packed.numbers, packed.bf16, bias, c, c_row, inner, columns, add};
  multiply_either(work, 0, rows);
}

template <bool kToWrite>
TENOR_INLINE void fetch(const real* place, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(place + i, kToWrite);
}

TENOR_INLINE int64_t word_of(const GatedLearning<real>& of, int64_t text, int64_t t) {
  return of.reverse ? of.offsets[text + 1] - 1 - t : of.offsets[text] + t;
}

TENOR_INLINE int64_t length_of(const GatedLearning<real>& of, int64_t text) {
  return of.offsets[text + 1] - of.offsets[text];
}

// Of some texts, how many have a word at a step.
TENOR_INLINE int64_t active_at(const GatedLearning<real>& of, const SomeTexts& some, int64_t t) {
  const int64_t all = of.steps[t + 1] - of.steps[t];
  return all > some.first ? (all - some.first + some.step - 1) / some.step : 0;
}

// Reads some texts. scratch, of each: a row of sums, H of h, and of vectors I and a row of their shares.
template <class C, bool kNarrow>
TENOR_INLINE void read_some(const GatedLearning<real>& given, const SomeTexts& some, real* scratch) {
  const GatedLearning<real> of = given;  // a copy, that no store can change
  const int64_t hidden = of.hidden, width = C::kGates * hidden, apart = rows_apart(width);
  real *const sums = scratch, *const h = sums + some.count * apart, *const x = h + some.count * hidden;
  real* const own = C::kOwnSums ? x + some.count * of.inputs : sums;  // shares of vectors
  __builtin_memset(h, 0, some.count * hidden * sizeof(real));
  const auto text_of = [&](int64_t row) { return of.texts[some.first + row * some.step]; };
  const auto pooled = [&](real* array, int64_t row) { return array + text_of(row) * hidden; };
  real* const pools[] = {of.final_h, of.start_h, of.sum_h, of.max_h};
  for (int64_t row = 0; row < some.count; ++row)
    for (real* pool : pools)
      if (pool) __builtin_memset(pooled(pool, row), 0, hidden * sizeof(real));
  for (int64_t t = 0; t < of.length; ++t) {
    const int64_t active = active_at(of, some, t);
    if (active == 0) break;
    const auto known = [&](int64_t row, int64_t at) {
      return of.shares + of.row_of[word_of(of, text_of(row), at)] * width;
    };
    const auto share_of = [&](int64_t row) { return of.row_of ? known(row, t) : own + row * apart; };
    if (!of.row_of) {
      for (int64_t row = 0; row < active; ++row) {
        const real* vector = of.x + word_of(of, text_of(row), t) * of.x_stride;
        __builtin_memcpy(x + row * of.inputs, vector, of.inputs * sizeof(real));
      }
      multiply_packed(x, of.inputs, of.forward_ih, of.bias, own, apart, of.inputs, width, false, active);
    }
    for (int64_t row = 0; row < active; ++row) {
      real* to = sums + row * apart;
      if (to != share_of(row)) __builtin_memcpy(to, share_of(row), width * sizeof(real));
      if (C::kOwnSums) {  // the new gate's share stays apart
        if (of.state_bias)
          __builtin_memcpy(to + 2 * hidden, of.state_bias, hidden * sizeof(real));
        else
          __builtin_memset(to + 2 * hidden, 0, hidden * sizeof(real));
      }
    }
    multiply_packed(h, hidden, of.forward_hh, nullptr, sums, apart, hidden, width, true, active);
    for (int64_t row = 0; row < active; ++row) {
      const int64_t text = text_of(row), length = length_of(of, text), word = word_of(of, text, t);
      const int64_t rank = some.first + row * some.step, place = of.steps[t] + rank;
      const real* cells_before = t > 0 ? of.cells + (of.steps[t - 1] + rank) * hidden : nullptr;
      const real *const share = share_of(row), *const later = of.row_of && t + 1 < length ? known(row, t + 1) : share;
      if (!of.row_of && t + 1 < length) fetch<false>(of.x + word_of(of, text, t + 1) * of.x_stride, of.inputs);
      real *const now = h + row * hidden, *const sum = of.sum_h ? pooled(of.sum_h, row) : nullptr;
      real* const max = of.max_h ? pooled(of.max_h, row) : nullptr;
      real* largest = of.largest + text * hidden;
      each_vector(hidden, [&](int64_t at, auto left) {
        for (int i = 0; i < C::kGates; ++i) fetch<false>(later + i * hidden + at, kLanes);
        const Unit<kNarrow> unit{at, left, hidden, of.gates + place * of.gates_apart, of.cells + place * hidden};
        const Vec c = cells_before ? load_some(cells_before + at, left) : splat(0.0f);
        const Vec before = load_some(now + at, left);
        store_some(of.before + place * hidden + at, before, left);
        const Vec next = C::next(unit, sums + row * apart, share, before, c);
        store_some(now + at, next, left);
        if (of.sum_h) store_some(sum + at, load_some(sum + at, left) + next, left);
        if (!of.max_h) return;
        const Vec so_far = load_some(max + at, left);
        const Int is_larger = t == 0 ? Int{} - 1 : (Int)(next > so_far);
        store_some(max + at, is_larger ? next : so_far, left);
        const Vec here = (Vec)(Int{} + static_cast<int32_t>(t));
        store_some(largest + at, is_larger ? here : load_some(largest + at, left), left);
      });
      if (of.states) __builtin_memcpy(of.states + word * of.states_stride, now, hidden * sizeof(real));
      if (t == 0) __builtin_memcpy(pooled(of.start_h, row), now, hidden * sizeof(real));
      if (t == length - 1) __builtin_memcpy(pooled(of.final_h, row), now, hidden * sizeof(real));
    }
  }
}

// The way back of some texts through some steps. scratch, of each: H of h, H of the cell, I of a vector.
template <class C, bool kNarrow>
TENOR_INLINE void go_back_some(const GatedLearning<real>& given, const SomeTexts& some, int64_t first, int64_t last,
                               real* scratch) {
  const GatedLearning<real> of = given;  // a copy, that no store can change
  const int64_t hidden = of.hidden, width = C::kGates * hidden;
  const int64_t row_apart = rows_apart(width), apart = some.step * row_apart;
  real *const d_h = scratch, *const d_c = d_h + some.count * hidden, *const d_x = d_c + some.count * hidden;
  if (last == of.length) __builtin_memset(d_h, 0, 2 * some.count * hidden * sizeof(real));
  for (int64_t t = last - 1; t >= first; --t) {
    const int64_t active = active_at(of, some, t), begin = of.steps[t] - of.steps[first] + some.first;
    real *const d_words = of.d_words + begin * row_apart, *const d_sums = of.d_sums + begin * row_apart;
    for (int64_t row = 0; row < active; ++row) {
      const int64_t rank = some.first + row * some.step, text = of.texts[rank], word = word_of(of, text, t);
      const int64_t place = of.steps[t] + rank;
      const real* cells_before = t > 0 ? of.cells + (of.steps[t - 1] + rank) * hidden : nullptr;
      const real* largest = of.largest + text * hidden;
      if (!C::kOwnSums) fetch<false>(of.before + place * hidden, hidden);  // to be added up
      if (t > 0)
        for (const real* d_states : of.d_states)
          if (d_states) fetch<false>(d_states + word_of(of, text, t - 1) * of.d_states_stride, hidden);
      each_vector(hidden, [&](int64_t at, auto left) {
        const int64_t here = row * hidden + at;
        const auto of_text = [&](const real* array) { return load_some(array + text * hidden + at, left); };
        Vec d = load_some(d_h + here, left);
        if (of.d_sum) d = d + of_text(of.d_sum);
        if (of.d_max) {
          const Int is_here = (Int)load_some(largest + at, left) == static_cast<int32_t>(t);
          d = d + (is_here ? of_text(of.d_max) : splat(0.0f));
        }
        for (const real* d_states : of.d_states)
          if (d_states) d = d + load_some(d_states + word * of.d_states_stride + at, left);
        if (of.d_final && t == length_of(of, text) - 1) d = d + of_text(of.d_final);
        if (of.d_start && t == 0) d = d + of_text(of.d_start);
        const Unit<kNarrow> unit{at, left, hidden, of.gates + place * of.gates_apart, of.cells + place * hidden};
        const Vec c_before = cells_before ? load_some(cells_before + at, left) : splat(0.0f);
        Vec d_cell = load_some(d_c + here, left), d_gate[4], d_new = splat(0.0f);
        const Vec direct = C::back(unit, d, load_some(of.before + place * hidden + at, left), c_before, d_cell,
                                   d_gate, &d_new);
        store_some(d_h + here, direct, left);
        store_some(d_c + here, d_cell, left);
        for (int i = 0; i < C::kGates; ++i) {
          store_some(d_words + row * apart + i * hidden + at, d_gate[i], left);
          if (C::kOwnSums) store_some(d_sums + row * apart + i * hidden + at, i == 2 ? d_new : d_gate[i], left);
        }
      });
    }
    if (of.d_x) {
      multiply_packed(d_words, apart, of.backward_ih, nullptr, d_x, of.inputs, width, of.inputs, false, active);
      for (int64_t row = 0; row < active; ++row)
        __builtin_memcpy(of.d_x + word_of(of, of.texts[some.first + row * some.step], t) * of.inputs,
                         d_x + row * of.inputs, of.inputs * sizeof(real));
    }
    if (of.truncate > 0 && t % of.truncate == 0)
      __builtin_memset(d_h, 0, 2 * some.count * hidden * sizeof(real));
    else if (t > 0)
      multiply_packed(d_sums, apart, of.backward_hh, nullptr, d_h, hidden, width, hidden, true, active);
  }
}

template <class C>
void gated_forward(const GatedLearning<real>& of, const SomeTexts& some, real* scratch) {
  if constexpr (C::kBounded && sizeof(real) == sizeof(float))
    if (of.narrow) return read_some<C, true>(of, some, scratch);
  read_some<C, false>(of, some, scratch);
}

template <class C>
void gated_backward(const GatedLearning<real>& of, const SomeTexts& some, int64_t first, int64_t last, real* scratch) {
  if constexpr (C::kBounded && sizeof(real) == sizeof(float))
    if (of.narrow) return go_back_some<C, true>(of, some, first, last, scratch);
  go_back_some<C, false>(of, some, first, last, scratch);
}

// Adds A B to C, from A (inner, rows) turned over.
TENOR_INLINE void add_turned(const real* a, int64_t rows, const Packed<real>& b, int64_t inner, int64_t columns,
                             real* c, int64_t c_row) {
  for (int64_t first = 0; first < rows; first += kTaskRows) {
    const Product<real> work{a + first, 1,       rows,  b.numbers, b.bf16, nullptr, c + first * c_row,
                             c_row,     inner, columns, true};
    multiply_either(work, 0, rows - first < kTaskRows ? rows - first : kTaskRows);
  }
}

// Adds so many numbers to others.
TENOR_INLINE void add_to(real* to, const real* from, int64_t count) {
  each_vector(count, [&](int64_t at, auto left) {
    store_some(to + at, load_some(to + at, left) + load_some(from + at, left), left);
  });
}

constexpr int64_t kAhead = 2;  // words whose shares' gradients are asked for

// Where all steps' words come together: every sum is in the order of places, whoever adds which columns.
template <class C>
void gated_add_up(const GatedLearning<real>& of, int64_t first, int64_t last, int64_t column, int64_t end, real* room,
                  real* vectors) {
  const int64_t hidden = of.hidden, width = C::kGates * hidden, apart = rows_apart(width), columns = end - column;
  const int64_t begin = of.steps[first], count = of.steps[last] - begin;
  const bool bf16 = of.backward_hh.bf16;
  const auto packed = [&](const real* d) { return pack_either({d + column, apart, 1}, count, columns, bf16, room); };
  Packed<real> with = packed(of.d_sums);
  add_turned(of.before + begin * hidden, hidden, with, count, columns, of.turned_hh + column, apart);
  if (C::kOwnSums && end > 2 * hidden) {
    const int64_t from = column > 2 * hidden ? column : 2 * hidden;
    for (int64_t n = 0; n < count; ++n)
      add_to(of.d_state_bias + from - 2 * hidden, of.d_sums + n * apart + from, end - from);
  }
  for (int64_t t = first; t < last; ++t) {
    const auto word_at = [&](int64_t place) { return word_of(of, of.texts[place - of.steps[t]], t); };
    const auto share_at = [&](int64_t place) { return of.d_shares + of.row_of[word_at(place)] * width + column; };
    for (int64_t place = of.steps[t]; place < of.steps[t + 1]; ++place) {
      const real* d = of.d_words + (place - begin) * apart + column;
      add_to(of.d_bias + column, d, columns);
      if (!of.row_of) {
        __builtin_memcpy(vectors + (place - begin) * of.inputs, of.x + word_at(place) * of.x_stride,
                         of.inputs * sizeof(real));
        continue;
      }
      if (place + kAhead < of.steps[t + 1]) fetch<true>(share_at(place + kAhead), columns);
      add_to(share_at(place), d, columns);
    }
  }
  if (of.row_of) return;
  if (C::kOwnSums) with = packed(of.d_words);
  add_turned(vectors, of.inputs, with, count, columns, of.turned_ih + column, apart);
}

// What was added up as (M, width), as a weight is (width, M).
TENOR_INLINE void turn_over(const real* from, int64_t rows, int64_t width, real* to) {
  constexpr int64_t kSide = 16;  // squares of which a side is a line of the cache
  for (int64_t row = 0; row < rows; row += kSide)
    for (int64_t column = 0; column < width; ++column)
      for (int64_t r = row; r < rows && r < row + kSide; ++r)
        to[column * rows + r] = from[r * rows_apart(width) + column];
}

template <class C>
void gated_finish(const GatedLearning<real>& of) {
  const int64_t width = C::kGates * of.hidden;
  turn_over(of.turned_hh, of.hidden, width, of.d_weight_hh);
  if (!of.row_of) turn_over(of.turned_ih, of.inputs, width, of.d_weight_ih);
}

template <class C>
constexpr GatedLearner<real> kGatedLearner = {C::kGates,         C::kOwnSums,       C::kBounded,    gated_forward<C>,
                                              gated_backward<C>, gated_add_up<C>, gated_finish<C>};

inline const GatedLearner<real>* gated_learner(Cell cell) {
  switch (cell) {
    case kLSTM: return &kGatedLearner<LSTMLearner>;
    case kGRU: return &kGatedLearner<GRULearner>;
    case kRNNTanh: return &kGatedLearner<RNNLearner<false>>;
    case kRNNReLU: return &kGatedLearner<RNNLearner<true>>;
    default: return nullptr;
  }
}

constexpr Learners<real> kLearners = {kLanes, multiply_either, pack, kPackBf16, linear_learner, gated_learner};

}  // namespace tenor::TENOR_ISA
