// The C interface of training: products, layers, Adam and dropout, dealt out to threads.
// Every number has one owner, whatever the number of threads, so bits do not depend on it.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "layer.hpp"
#include "learning.hpp"
#include "settings.hpp"
#include "threads.hpp"

using namespace tenor;

namespace {

constexpr int64_t kFewestRows = 12;  // of one task
constexpr int64_t kMostInner = 1920;  // rows of a factor that are packed at once, and stay in the cache
constexpr int64_t kItemsAhead = 16;  // of a list, that are fetched
constexpr int64_t kListsAtOnce = 64;  // lists whose items are looked at while they are in the cache
constexpr int64_t kWorthThreads = 1 << 18;  // multiply-adds below which sharing costs more: the threads are mostly awake

// Calls on_part(first, last) for stretches of a count, on so many threads if it is worth it.
template <class Work>
void each_part(int64_t count, int64_t work, int most_threads, const Work& on_part, int64_t fewest = kFewestRows,
               int64_t most = kTaskRows) {
  const int threads = work < kWorthThreads ? 1 : most_threads;
  const int64_t each = (count / (4 * threads) + fewest - 1) / fewest * fewest;
  struct Context {
    const Work& on_part;
    int64_t count, size;
  } context{on_part, count, std::clamp(each, fewest, most)};
  run((count + context.size - 1) / context.size, threads,
      [](void* given, int64_t part) {
        const FlushedEnvironment environment;
        const auto& to_do = *static_cast<Context*>(given);
        to_do.on_part(part * to_do.size, std::min(to_do.count, (part + 1) * to_do.size));
      },
      &context);
}

template <class Work>
void each_part(int64_t count, int64_t work, const Work& on_part) {
  each_part(count, work, settings().threads.load(), on_part);
}

// Whether some items are numbers of rows. Without a branch for each, so that vectors of them are looked at together.
bool are_rows(const tenor_row_lists& of, int64_t first, int64_t last) {
  const uint32_t count = static_cast<uint32_t>(std::min(of.count, int64_t{1} << 31));
  uint32_t wrong = 0;
  for (int64_t i = first; i < last; ++i) {
    const uint32_t row = static_cast<uint32_t>(of.items[i]);
    wrong |= row | (count - 1 - row);  // the highest bit is that of a number below zero
  }
  return wrong >> 31 == 0;
}

// The sum of a list's rows in some columns, item by item, in doubles. Items below looked_at are numbers of rows.
template <int kColumns>
void sum_list(const tenor_row_lists& of, int64_t list, int64_t column, int64_t looked_at) {
  const int64_t last = of.offsets[list + 1];
  double sums[kColumns] = {};
  for (int64_t i = of.offsets[list]; i < last; ++i) {
    if (i + kItemsAhead < looked_at) __builtin_prefetch(of.rows + of.items[i + kItemsAhead] * of.width + column);
    const float* row = of.rows + of.items[i] * of.width + column;
    const double share = of.shares ? static_cast<double>(of.shares[i]) : 1.0;
    for (int n = 0; n < kColumns; ++n) sums[n] += share * static_cast<double>(row[n]);
  }
  for (int n = 0; n < kColumns; ++n) of.sums[list * of.width + column + n] = static_cast<float>(sums[n]);
}

tenor_result learn_or_go_back(tenor_learner* learner, const tenor_learning_pass* passes, int64_t count,
                              bool back) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!learner || count < 0 || (count > 0 && !passes)) return TENOR_BAD_SIZE;
    return learn(learner->layers, passes, count, back);
  });
}

template <class Real>
void multiply(const tenor_product& of) {
  const auto *a = static_cast<const Real*>(of.a), *b = static_cast<const Real*>(of.b);
  const bool bf16 = of.precision == TENOR_BF16;
  Memory room;
  Real* const packed_b = room.room<Real>(packed_size<Real>(std::min(of.k, kMostInner), of.n, bf16));
  for (int64_t begin = 0; begin == 0 || begin < of.k; begin += kMostInner) {
    const int64_t inner = std::min(of.k - begin, kMostInner);
    const bool add = begin > 0 || of.add != 0;
    const Packed<Real> packed = pack<Real>({b + begin * of.b_row, of.b_row, of.b_column}, inner, of.n, bf16,
                                           settings().threads.load(), packed_b);
    const Product<Real> work{a + begin * of.a_column, of.a_row, of.a_column, packed.numbers, packed.bf16,
                             static_cast<const Real*>(of.bias), static_cast<Real*>(of.c), of.c_row, inner, of.n, add};
    each_part(of.m, of.m * inner * of.n, settings().threads.load(),
              [&](int64_t first, int64_t last) { learners<Real>().multiply(work, first, last); },
              bf16 ? kBf16Inner : kFewestRows);
  }
}

bool is_whole(const tenor_adam* adam) {
  if (!adam || adam->rows < 0 || adam->width < 0 || (adam->count > 0 && !adam->steps)) return false;
  return adam->rows == 0 || (adam->weight && adam->mean && adam->square);
}

}  // namespace

namespace tenor {

template <>
const Learners<float>& learners() {
  return settings().kernels->learners;
}

template <>
const Learners<double>& learners() {
  return kInDoubles;
}

template <class Real>
int64_t packed_size(int64_t inner, int64_t columns, bool bf16) {
  const int64_t wide = bf16 ? kBf16Columns : static_cast<int64_t>(kTile) * learners<Real>().lanes;
  const int64_t each = bf16 ? padded_inner(inner) / 2 : inner;
  return std::max<int64_t>((columns + wide - 1) / wide * wide * each, 1);
}

template <class Real>
Packed<Real> pack(const Factor<Real>& from, int64_t inner, int64_t columns, bool bf16, int threads, Real* room) {
  uint16_t* const narrow = reinterpret_cast<uint16_t*>(room);
  each_part(bf16 ? padded_inner(inner) / 2 : inner, inner * columns, threads, [&](int64_t first, int64_t last) {
    if (bf16) learners<Real>().pack_bf16(from, inner, columns, first, last, narrow);
    else learners<Real>().pack(from, inner, columns, first, last, room);
  });
  return {bf16 ? nullptr : room, bf16 ? narrow : nullptr};
}

template int64_t packed_size<float>(int64_t, int64_t, bool);
template int64_t packed_size<double>(int64_t, int64_t, bool);
template Packed<float> pack(const Factor<float>&, int64_t, int64_t, bool, int, float*);
template Packed<double> pack(const Factor<double>&, int64_t, int64_t, bool, int, double*);

}  // namespace tenor

tenor_result tenor_multiply(const tenor_product* product) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!product || product->m < 0 || product->k < 0 || product->n < 0) return TENOR_BAD_SIZE;
    const tenor_product& of = *product;
    if (of.m == 0 || of.n == 0) return TENOR_OK;
    if (!is_of_learning(of.precision) || !of.c || of.c_row < of.n) return TENOR_BAD_SIZE;
    if (of.k > 0 && (!of.a || !of.b)) return TENOR_BAD_SIZE;
    if (of.precision == TENOR_FLOAT64) multiply<double>(of);
    else multiply<float>(of);
    return TENOR_OK;
  });
}

tenor_result tenor_learner_create(tenor_learner** learner) {
  return guarded([&] {
    if (!learner) return TENOR_BAD_SIZE;
    *learner = new tenor_learner;
    return TENOR_OK;
  });
}

void tenor_learner_destroy(tenor_learner* learner) { delete learner; }

tenor_result tenor_learner_known(tenor_learner* learner, const int32_t* ids, int64_t count,
                                 int64_t vocabulary, int32_t* known, int32_t* row_of,
                                 int64_t* known_count) {
  return guarded([&] {
    if (!learner || count < 0 || vocabulary < 0 || !known_count) return TENOR_BAD_SIZE;
    if (count > 0 && (!ids || !known || !row_of)) return TENOR_BAD_SIZE;
    auto &rows = learner->rows, &marks = learner->marks;
    if (static_cast<int64_t>(marks.size()) < vocabulary) {
      rows.resize(vocabulary);  // first, as marks say for how many there is room
      marks.resize(vocabulary, learner->mark);
    }
    const int32_t mark = learner->mark = learner->mark == INT32_MAX ? 1 : learner->mark + 1;
    if (mark == 1) std::fill(marks.begin(), marks.end(), 0);
    int32_t found = 0;
    for (int64_t i = 0; i < count; ++i) {
      const int32_t id = ids[i];
      if (id < 0 || id >= vocabulary) return TENOR_BAD_IDS;
      if (marks[id] != mark) {
        marks[id] = mark;
        known[found] = id;
        rows[id] = found++;
      }
      row_of[i] = rows[id];
    }
    *known_count = found;
    return TENOR_OK;
  });
}

tenor_result tenor_learner_forward(tenor_learner* learner, const tenor_learning_pass* passes, int64_t count) {
  return learn_or_go_back(learner, passes, count, false);
}

tenor_result tenor_learner_backward(tenor_learner* learner, const tenor_learning_pass* passes, int64_t count) {
  return learn_or_go_back(learner, passes, count, true);
}

tenor_result tenor_adam_learn(const tenor_adam* adam, const float* gradient, float scale) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!is_whole(adam) || adam->count < 1 || (adam->rows > 0 && !gradient)) return TENOR_BAD_SIZE;
    each_part(adam->rows, adam->rows * adam->width * 8, [&](int64_t first, int64_t last) {
      settings().kernels->adam_learn(*adam, gradient, scale, first, last);
    });
    return TENOR_OK;
  });
}

tenor_result tenor_adam_catch_up(const tenor_adam* adam, int32_t* made) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!is_whole(adam) || adam->count < 0 || adam->count > INT32_MAX) return TENOR_BAD_SIZE;
    if (adam->rows > 0 && !made) return TENOR_BAD_SIZE;
    tenor_adam of = *adam;
    float most_rate = 0;
    for (int64_t i = 0; i < of.count; ++i) {
      most_rate = std::max(most_rate, of.steps[i].rate);
      if (of.steps[i].shrink != 1.0f) most_rate = INFINITY;  // the weights shrink in every step
    }
    each_part(of.rows, of.rows * of.width * 8, [&](int64_t first, int64_t last) {
      settings().kernels->adam_catch_up(of, made, most_rate, first, last);
    });
    return TENOR_OK;
  });
}

tenor_result tenor_drop(const tenor_dropout* dropout) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!dropout || dropout->rows < 0 || dropout->width < 0) return TENOR_BAD_SIZE;
    const tenor_dropout& of = *dropout;
    const auto is_share = [](float share) { return share >= 0 && share < 1; };
    if (!is_share(of.row_share) || !is_share(of.share) || (of.rows > 0 && !of.x)) return TENOR_BAD_SIZE;
    const auto limit = [](float share) { return static_cast<uint32_t>(static_cast<double>(share) * 4294967296.0); };
    const Dropout work{of.x, of.ids, of.width, of.row_seed, limit(of.row_share), of.seed, limit(of.share),
                       1 / (1 - of.row_share), 1 / (1 - of.share)};
    each_part(of.rows, of.rows * of.width * 8,
              [&](int64_t first, int64_t last) { settings().kernels->drop(work, first, last); });
    return TENOR_OK;
  });
}

tenor_result tenor_sum_lists(const tenor_row_lists* lists) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!lists || lists->count < 0 || lists->width < 1 || lists->lists < 0 || !lists->offsets) return TENOR_BAD_SIZE;
    const tenor_row_lists& of = *lists;
    if (!rise(of.offsets, of.lists)) return TENOR_BAD_OFFSETS;
    const int64_t items = of.offsets[of.lists], width = of.width;
    if ((items > 0 && (!of.items || !of.rows)) || (of.lists > 0 && !of.sums)) return TENOR_BAD_SIZE;
    std::atomic<bool> wrong{false};
    const auto sum_part = [&](int64_t first, int64_t last) {
      for (int64_t begin = first; begin < last; begin += kListsAtOnce) {
        const int64_t end = std::min(last, begin + kListsAtOnce), looked_at = of.offsets[end];
        if (!are_rows(of, of.offsets[begin], looked_at)) wrong = true;
        if (wrong) return;
        for (int64_t list = begin; list < end; ++list) {
          int64_t column = 0;
          for (; column + 16 <= width; column += 16) sum_list<16>(of, list, column, looked_at);
          for (; column + 4 <= width; column += 4) sum_list<4>(of, list, column, looked_at);
          for (; column < width; ++column) sum_list<1>(of, list, column, looked_at);
        }
      }
    };
    each_part(of.lists, items * width * 8, settings().threads.load(), sum_part, kFewestRows, INT64_MAX);
    return wrong ? TENOR_BAD_IDS : TENOR_OK;
  });
}
