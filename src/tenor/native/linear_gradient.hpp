// What training needs of a gated linear recurrence, of one instruction set: reading that remembers
// enough to go back, and the way back.
//
// The units of a recurrence never meet, so a task is a block of units over all texts: its words' gates
// lie close together, and sums over words need no second thread. Where gates see one word, they are
// activated once a known word and so are their derivatives: a text costs a product and a sum a unit.
#pragma once

#include "numbers.hpp"

namespace tenor::TENOR_ISA {

constexpr int kWide = kLanes > 8 ? 2 : 4;  // vectors of units in a block
constexpr int64_t kBlockUnits = kWide * kLanes;

// Which vectors a word has: its gates, what skips the recurrence, what it gives to the next word.
template <bool kPrevious, bool kInput, bool kOutput, bool kSkip>
struct Gates {
  static constexpr bool previous = kPrevious, input = kInput, output = kOutput, skip = kSkip;
  static constexpr int count = 2 + input + output;
  static constexpr int current = count + skip;
  static constexpr int all = current + (previous ? count : 0);
};

// The activated gates of one vector of units: forget, candidate, then those that there are.
template <class G>
struct Open {
  Vec gate[G::count];
  Vec skip;

  TENOR_INLINE Vec keep() const { return G::input ? gate[0] / (gate[0] + gate[2]) : gate[0]; }
  TENOR_INLINE Vec take() const { return G::input ? gate[2] / (gate[0] + gate[2]) : 1.0f - gate[0]; }
  TENOR_INLINE Vec out() const { return gate[2 + G::input]; }

  TENOR_INLINE Vec next(Vec c) const { return fma(keep(), c, take() * gate[1]); }

  TENOR_INLINE Vec seen(Vec c) const {
    if constexpr (G::output)
      return G::skip ? fma(out(), c, (1.0f - out()) * skip) : out() * c;
    else
      return G::skip ? c + skip : c;
  }
};

template <class G>
TENOR_INLINE void activate_gates(Candidate kind, Vec (&gate)[G::count]) {
  gate[0] = sigmoid(gate[0]);
  gate[1] = candidate(kind, gate[1]);
  for (int i = 2; i < G::count; ++i) gate[i] = sigmoid(gate[i]);
  if constexpr (G::input) gate[0] = ajar(gate[0]), gate[2] = ajar(gate[2]);
}

// Of a gate's sum, from that of the activated gate.
template <class G>
TENOR_INLINE void through_activation(Candidate kind, const Vec (&gate)[G::count], Vec (&d)[G::count]) {
  for (int i = 0; i < G::count; ++i) {
    if (i != 1)
      d[i] = d[i] * gate[i] * (1.0f - gate[i]);
    else if (kind == kTanh)
      d[1] = d[1] * (1.0f - gate[1] * gate[1]);
    else if (kind == kReLU)
      d[1] = gate[1] > 0.0f ? d[1] : splat(0.0f);
  }
}

// Of a block of units: [known word][vector][unit].
template <class G>
TENOR_INLINE void gather_block(const LinearLearning<real>& of, int64_t unit, real* to) {
  const int64_t width = G::current * of.hidden, given = G::count * of.hidden;
  for (int64_t u = 0; u < of.known; ++u) {
    for (int v = 0; v < kWide; ++v) {
      const int64_t at = unit + v * kLanes, left = of.hidden - at;
      Vec gate[G::count];
      for (int i = 0; i < G::count; ++i) gate[i] = load_some(of.shares + u * width + i * of.hidden + at, left);
      if (!G::previous) activate_gates<G>(of.candidate, gate);
      for (int i = 0; i < G::count; ++i) store(to + i * kBlockUnits + v * kLanes, gate[i]);
      if (G::skip)
        store(to + G::count * kBlockUnits + v * kLanes,
              load_some(of.shares + u * width + G::count * of.hidden + at, left));
      if (G::previous)
        for (int i = 0; i < G::count; ++i)
          store(to + (G::current + i) * kBlockUnits + v * kLanes,
                load_some(of.given + u * given + i * of.hidden + at, left));
    }
    to += G::all * kBlockUnits;
  }
}

template <class G>
TENOR_INLINE Open<G> open(const LinearLearning<real>& of, const real* word, const real* before, int v) {
  Open<G> found;
  for (int i = 0; i < G::count; ++i) {
    found.gate[i] = load(word + i * kBlockUnits + v * kLanes);
    if (G::previous && before)
      found.gate[i] = found.gate[i] + load(before + (G::current + i) * kBlockUnits + v * kLanes);
  }
  if (G::previous) activate_gates<G>(of.candidate, found.gate);
  found.skip = G::skip ? load(word + G::count * kBlockUnits + v * kLanes) : splat(0.0f);
  return found;
}

TENOR_INLINE int64_t known_word(const LinearLearning<real>& of, int64_t word) {
  return of.row_of ? of.row_of[word] : word;
}

TENOR_INLINE void put(real* array, const LinearLearning<real>& of, int64_t text, int64_t at, Vec v) {
  if (array) store_some(array + text * of.hidden + at, v, of.hidden - at);
}

// Reads all texts; what a block knows of its words stays in `table` for the way back.
template <class G>
void learn_forward(const LinearLearning<real>& of, int64_t unit, real* table) {
  gather_block<G>(of, unit, table);
  for (int64_t text = 0; text < of.texts; ++text) {
    const int64_t length = of.offsets[text + 1] - of.offsets[text];
    const int64_t first = of.reverse ? of.offsets[text + 1] - 1 : of.offsets[text];
    const int64_t step = of.reverse ? -1 : 1;
    Vec c[kWide], sum[kWide], max[kWide], seen[kWide];
    for (int v = 0; v < kWide; ++v) c[v] = sum[v] = max[v] = seen[v] = splat(0.0f);
    const real* before = nullptr;
    for (int64_t t = 0; t < length; ++t) {
      const int64_t place = first + step * t;
      const real* word = table + known_word(of, place) * G::all * kBlockUnits;
      if (t + kAhead < length) {
        const real* later = table + known_word(of, place + step * kAhead) * G::all * kBlockUnits;
        for (int i = 0; i < G::all * kBlockUnits; i += 16) __builtin_prefetch(later + i);
      }
#pragma GCC unroll 4
      for (int v = 0; v < kWide; ++v) {
        const Open<G> gates = open<G>(of, word, before, v);
        c[v] = gates.next(c[v]);
        seen[v] = gates.seen(c[v]);
        sum[v] = t == 0 ? seen[v] : sum[v] + seen[v];
        max[v] = t == 0 ? seen[v] : larger(max[v], seen[v]);
        if (t == 0) put(of.start_h, of, text, unit + v * kLanes, seen[v]);
        if (of.states)
          store_some(of.states + place * of.states_stride + unit + v * kLanes, seen[v],
                     of.hidden - unit - v * kLanes);
      }
      before = word;
    }
    for (int v = 0; v < kWide; ++v) {
      const int64_t at = unit + v * kLanes;
      put(of.final_h, of, text, at, seen[v]);
      put(of.sum_h, of, text, at, sum[v]);
      put(of.max_h, of, text, at, max[v]);
      if (length == 0) put(of.start_h, of, text, at, splat(0.0f));
    }
  }
}

// What a text was at each of its words: the cell, and the gates where they are its own.
template <class G>
constexpr int kKept = 1 + (G::previous ? G::count : 0);

// From the gradients of what learn_forward gave to those of the words' shares. scratch: the gradients
// of the known words, as `table`, then kKept vectors of each word of the longest text.
template <class G>
void learn_backward(const LinearLearning<real>& of, int64_t unit, real* table, real* scratch) {
  real* const grown = scratch;  // as table
  real* const kept = scratch + of.known * G::all * kBlockUnits;
  __builtin_memset(grown, 0, of.known * G::all * kBlockUnits * sizeof(real));
  for (int64_t text = 0; text < of.texts; ++text) {
    const int64_t length = of.offsets[text + 1] - of.offsets[text];
    const int64_t first = of.reverse ? of.offsets[text + 1] - 1 : of.offsets[text];
    const int64_t step = of.reverse ? -1 : 1;
    Vec c[kWide], max[kWide];
    Int largest[kWide];  // at which word
    for (int v = 0; v < kWide; ++v) {
      c[v] = max[v] = splat(0.0f);
      largest[v] = Int{};
    }
    const real* before = nullptr;
    for (int64_t t = 0; t < length; ++t) {
      const real* word = table + known_word(of, first + step * t) * G::all * kBlockUnits;
      real* to = kept + t * kKept<G> * kBlockUnits;
      if (t + kAhead < length) {
        const int64_t row = known_word(of, first + step * (t + kAhead)) * G::all * kBlockUnits;
        for (int i = 0; i < G::all * kBlockUnits; i += 16) {
          __builtin_prefetch(table + row + i);
          __builtin_prefetch(grown + row + i, 1);
        }
      }
#pragma GCC unroll 4
      for (int v = 0; v < kWide; ++v) {
        const Open<G> gates = open<G>(of, word, before, v);
        store(to + v * kLanes, c[v]);  // before the word
        if (G::previous)
          for (int i = 0; i < G::count; ++i) store(to + (1 + i) * kBlockUnits + v * kLanes, gates.gate[i]);
        c[v] = gates.next(c[v]);
        if (!of.d_max) continue;
        const Vec seen = gates.seen(c[v]);
        const Int more = (Int)(seen > max[v]) | (t == 0 ? ~Int{} : Int{});
        largest[v] = (largest[v] & ~more) | ((Int{} + static_cast<int32_t>(t)) & more);
        max[v] = (Vec)(((Int)max[v] & ~more) | ((Int)seen & more));
      }
      before = word;
    }
    const auto of_text = [&](const real* array, int v) {
      const int64_t at = unit + v * kLanes;
      return array ? load_some(array + text * of.hidden + at, of.hidden - at) : splat(0.0f);
    };
    Vec later[kWide], each[kWide], peak[kWide];  // of the cell by what comes later; of each word's state
    for (int v = 0; v < kWide; ++v) {
      later[v] = splat(0.0f);
      each[v] = of_text(of.d_sum, v);
      peak[v] = of_text(of.d_max, v);
    }
    for (int64_t t = length - 1; t >= 0; --t) {
      const int64_t place = first + step * t, row = known_word(of, place) * G::all * kBlockUnits;
      const real* word = table + row;
      real* to = grown + row;
      real* to_before = G::previous && t > 0
          ? grown + known_word(of, place - step) * G::all * kBlockUnits : nullptr;
      const real* from = kept + t * kKept<G> * kBlockUnits;
#pragma GCC unroll 4
      for (int v = 0; v < kWide; ++v) {
        const int64_t at = unit + v * kLanes;
        const Vec c_before = load(from + v * kLanes);
        Open<G> gates;
        if (G::previous) {
          for (int i = 0; i < G::count; ++i) gates.gate[i] = load(from + (1 + i) * kBlockUnits + v * kLanes);
          gates.skip = G::skip ? load(word + G::count * kBlockUnits + v * kLanes) : splat(0.0f);
        } else {
          gates = open<G>(of, word, nullptr, v);
        }
        Vec d = each[v];
        const Int here = largest[v] == static_cast<int32_t>(t);
        d = d + (Vec)((Int)peak[v] & here);
        if (of.d_states[0]) d = d + load_some(of.d_states[0] + place * of.d_states_stride + at, of.hidden - at);
        if (of.d_final && t == length - 1) d = d + of_text(of.d_final, v);
        if (of.d_start && t == 0) d = d + of_text(of.d_start, v);
        Vec d_gate[G::count], d_skip = d;
        Vec d_cell = d;
        if constexpr (G::output) {
          const Vec cell = gates.next(c_before);
          d_gate[2 + G::input] = d * (cell - gates.skip);
          d_skip = d * (1.0f - gates.out());
          d_cell = d * gates.out();
        }
        const Vec g = later[v] + d_cell;
        const Vec turned = g * (c_before - gates.gate[1]);  // by the share that is kept
        if (G::input) {
          const Vec both = gates.gate[0] + gates.gate[2];  // whose square may vanish where both gates are shut
          d_gate[0] = turned * gates.take() / both;
          d_gate[2] = -(turned * gates.keep() / both);
        } else {
          d_gate[0] = turned;
        }
        d_gate[1] = g * gates.take();
        later[v] = of.truncate > 0 && t % of.truncate == 0 ? splat(0.0f) : g * gates.keep();
        if (G::previous) through_activation<G>(of.candidate, gates.gate, d_gate);
        const auto add = [&](real* array, int i, Vec more) {
          real* place = array + i * kBlockUnits + v * kLanes;
          store(place, load(place) + more);
        };
        for (int i = 0; i < G::count; ++i) {
          add(to, i, d_gate[i]);
          if (to_before) add(to_before, G::current + i, d_gate[i]);
        }
        if (G::skip) add(to, G::count, d_skip);
      }
    }
  }
  const int64_t width = G::current * of.hidden, given = G::count * of.hidden;
  for (int64_t u = 0; u < of.known; ++u) {
    const real *word = table + u * G::all * kBlockUnits, *from = grown + u * G::all * kBlockUnits;
    for (int v = 0; v < kWide; ++v) {
      const int64_t at = unit + v * kLanes, left = of.hidden - at;
      const auto of_word = [&](const real* array, int i) { return load(array + i * kBlockUnits + v * kLanes); };
      Vec gate[G::count], d[G::count];
      for (int i = 0; i < G::count; ++i) {
        gate[i] = of_word(word, i);
        d[i] = of_word(from, i);
      }
      if (!G::previous) through_activation<G>(of.candidate, gate, d);
      for (int i = 0; i < G::count; ++i) store_some(of.d_shares + u * width + i * of.hidden + at, d[i], left);
      if (G::skip)
        store_some(of.d_shares + u * width + G::count * of.hidden + at, of_word(from, G::count), left);
      if (G::previous)
        for (int i = 0; i < G::count; ++i)
          store_some(of.d_given + u * given + i * of.hidden + at, of_word(from, G::current + i), left);
    }
  }
}

// What a block needs: numbers of its table, and of its scratch on the way back.
template <class G>
void learn_sizes(const LinearLearning<real>& of, int64_t longest, int64_t* table, int64_t* scratch) {
  *table = of.known * G::all * kBlockUnits;
  *scratch = *table + longest * kKept<G> * kBlockUnits;
}

template <class G>
constexpr LinearLearner<real> kLinearLearner = {kBlockUnits, learn_sizes<G>, learn_forward<G>, learn_backward<G>};

template <bool kPrevious, bool kInput>
constexpr const LinearLearner<real>* learner_of(bool output, bool skip) {
  if (output) return skip ? &kLinearLearner<Gates<kPrevious, kInput, true, true>>
                          : &kLinearLearner<Gates<kPrevious, kInput, true, false>>;
  return skip ? &kLinearLearner<Gates<kPrevious, kInput, false, true>>
              : &kLinearLearner<Gates<kPrevious, kInput, false, false>>;
}

inline const LinearLearner<real>* linear_learner(const Gating& gating) {
  if (gating.previous)
    return gating.input ? learner_of<true, true>(gating.output, gating.skip)
                        : learner_of<true, false>(gating.output, gating.skip);
  return gating.input ? learner_of<false, true>(gating.output, gating.skip)
                      : learner_of<false, false>(gating.output, gating.skip);
}

}  // namespace tenor::TENOR_ISA
