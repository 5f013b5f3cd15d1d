// What training needs beyond reading: products, gradients, Adam and dropout, dealt out to threads.
// Every number has one owner, whatever the number of threads, so bits do not depend on it.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "floats.hpp"
#include "layer.hpp"
#include "settings.hpp"
#include "tenor.h"
#include "threads.hpp"

using namespace tenor;

// A table and scratch of each block of units, and which known word an id is.
struct tenor_learner {
  struct Memory {
    Floats data;
    int64_t size = 0;

    float* room(int64_t count) {
      if (count > size) {
        data = floats(count);
        size = count;
      }
      return data.get();
    }
  };
  struct Task {
    const LinearLearner* learner;
    LinearLearning pass;
    int64_t unit, table_size, scratch_size;
  };
  std::vector<Memory> tables, scratches;
  std::vector<Task> tasks;
  std::vector<int32_t> rows, marks;  // by id: its row where its mark is that of the last call
  int32_t mark = 0;
};

namespace {

constexpr int64_t kMostRows = 96, kFewestRows = 12;  // of one task
constexpr int64_t kWorthThreads = 1 << 18;  // multiply-adds below which waking a thread costs more

// Calls on_part(first, last) for stretches of a count, on several threads if it is worth it.
template <class Work>
void each_part(int64_t count, int64_t work, const Work& on_part) {
  const int threads = work < kWorthThreads ? 1 : settings().threads.load();
  struct Context {
    const Work& on_part;
    int64_t count, size;
  } context{on_part, count, std::clamp(count / (4 * threads), kFewestRows, kMostRows)};
  run((count + context.size - 1) / context.size, threads,
      [](void* given, int64_t part) {
        const FlushedEnvironment environment;
        const auto& to_do = *static_cast<Context*>(given);
        to_do.on_part(part * to_do.size, std::min(to_do.count, (part + 1) * to_do.size));
      },
      &context);
}

// [tile][inner][kTile][lane], zeros beyond the columns.
void pack(const tenor_product& of, int64_t wide, float* to, int64_t first, int64_t last) {
  for (int64_t begin = 0; begin < of.n; begin += wide) {
    const int64_t width = std::min(wide, of.n - begin);
    for (int64_t k = first; k < last; ++k) {
      float* row = to + begin * of.k + k * wide;
      const float* from = of.b + k * of.b_row + begin * of.b_column;
      if (of.b_column == 1)
        std::copy_n(from, width, row);
      else
        for (int64_t i = 0; i < width; ++i) row[i] = from[i * of.b_column];
      std::fill(row + width, row + wide, 0.0f);
    }
  }
}

bool sound(const tenor_linear_pass& pass) {
  if (!pass.activation || pass.hidden < 1 || pass.known < 0 || pass.words < 0 || pass.texts < 0 ||
      !pass.offsets)
    return false;
  if (pass.known > 0 && (!pass.shares || (pass.previous && !pass.given))) return false;
  if (!pass.row_of && pass.known != pass.words) return false;
  return !pass.states || pass.states_stride >= pass.hidden;
}

tenor_result candidate_of(const char* name, Candidate& found) {
  const char* const names[] = {"tanh", "relu", "identity"};
  for (int i = 0; i < 3; ++i)
    if (!std::strcmp(name, names[i])) {
      found = static_cast<Candidate>(i);
      return TENOR_OK;
    }
  return TENOR_BAD_NAME;
}

// A task for each block of units of each pass.
tenor_result set_up(tenor_learner& made, const tenor_linear_pass* passes, int64_t count) {
  made.tasks.clear();
  for (int64_t i = 0; i < count; ++i) {
    const tenor_linear_pass& io = passes[i];
    if (!sound(io)) return TENOR_BAD_SIZE;
    if (!rise(io.offsets, io.texts) || io.offsets[io.texts] != io.words) return TENOR_BAD_OFFSETS;
    const auto is_known = [&](int32_t row) { return row >= 0 && row < io.known; };
    if (io.row_of && !std::all_of(io.row_of, io.row_of + io.words, is_known)) return TENOR_BAD_IDS;
    Gating gating{io.previous != 0, io.input_gate != 0, io.output_gate != 0, io.skip != 0, kTanh};
    const tenor_result named = candidate_of(io.activation, gating.candidate);
    if (named != TENOR_OK) return named;
    int64_t longest = 0;
    for (int64_t text = 0; text < io.texts; ++text)
      longest = std::max(longest, io.offsets[text + 1] - io.offsets[text]);
    const LinearLearner* learner = settings().kernels->learner(gating);
    tenor_learner::Task task{};
    task.learner = learner;
    task.pass = {gating.candidate, io.reverse != 0, io.hidden, io.known, io.texts, io.shares, io.given,
                 io.row_of, io.offsets, io.states, io.states_stride, io.final_h, io.start_h, io.sum_h,
                 io.max_h, io.d_states, io.d_states_stride, io.d_final, io.d_start, io.d_sum, io.d_max,
                 io.d_shares, io.d_given};
    learner->sizes(task.pass, longest, &task.table_size, &task.scratch_size);
    for (task.unit = 0; task.unit < io.hidden; task.unit += learner->units) made.tasks.push_back(task);
  }
  if (made.tables.size() < made.tasks.size()) made.tables.resize(made.tasks.size());
  if (made.scratches.size() < made.tasks.size()) made.scratches.resize(made.tasks.size());
  return TENOR_OK;
}

tenor_result learn(tenor_learner* learner, const tenor_linear_pass* passes, int64_t count, bool back) {
  if (!learner || count < 0 || (count > 0 && !passes)) return TENOR_BAD_SIZE;
  if (settings().ready != TENOR_OK) return settings().ready;
  for (int64_t i = 0; back && i < count; ++i)
    if (passes[i].known > 0 && (!passes[i].d_shares || (passes[i].previous && !passes[i].d_given)))
      return TENOR_BAD_SIZE;
  const tenor_result result = set_up(*learner, passes, count);
  if (result != TENOR_OK) return result;
  for (size_t i = 0; i < learner->tasks.size(); ++i) {  // a task must not throw
    const tenor_learner::Task& task = learner->tasks[i];
    if (back && learner->tables[i].size < task.table_size) return TENOR_BAD_SIZE;  // was never read
    learner->tables[i].room(task.table_size);
    if (back) learner->scratches[i].room(task.scratch_size);
  }
  struct Context {
    tenor_learner& learner;
    bool back;
  } context{*learner, back};
  run(static_cast<int64_t>(learner->tasks.size()), settings().threads.load(),
      [](void* given, int64_t i) {
        const FlushedEnvironment environment;
        const auto& to_do = *static_cast<Context*>(given);
        const tenor_learner::Task& task = to_do.learner.tasks[i];
        (to_do.back ? task.learner->backward : task.learner->forward)(
            task.pass, task.unit, to_do.learner.tables[i].data.get(), to_do.learner.scratches[i].data.get());
      },
      &context);
  return TENOR_OK;
}

template <class Work>
tenor_result guarded(const Work& work) noexcept {
  try {
    return work();
  } catch (const std::exception&) {
    return TENOR_NO_MEMORY;
  }
}

}  // namespace

tenor_result tenor_multiply(const tenor_product* product) {
  return guarded([&] {
    if (settings().ready != TENOR_OK) return settings().ready;
    if (!product || product->m < 0 || product->k < 0 || product->n < 0) return TENOR_BAD_SIZE;
    const tenor_product& of = *product;
    if (of.m == 0 || of.n == 0) return TENOR_OK;
    if (!of.c || of.c_row < of.n || (of.k > 0 && (!of.a || !of.b))) return TENOR_BAD_SIZE;
    const Kernels& kernels = *settings().kernels;
    const int64_t wide = static_cast<int64_t>(kTile) * kernels.lanes, filled = (of.n + wide - 1) / wide * wide;
    const Floats b = floats(std::max<int64_t>(filled * of.k, 1));
    each_part(of.k, of.k * of.n, [&](int64_t first, int64_t last) { pack(of, wide, b.get(), first, last); });
    const Product work{of.a, of.a_row, of.a_column, b.get(), of.bias, of.c, of.c_row, of.k, of.n, of.add != 0};
    each_part(of.m, of.m * of.k * of.n,
              [&](int64_t first, int64_t last) { kernels.multiply(work, first, last); });
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
      marks.resize(vocabulary, learner->mark);
      rows.resize(vocabulary);
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

tenor_result tenor_learner_forward(tenor_learner* learner, const tenor_linear_pass* passes, int64_t count) {
  return guarded([&] { return learn(learner, passes, count, false); });
}

tenor_result tenor_learner_backward(tenor_learner* learner, const tenor_linear_pass* passes, int64_t count) {
  return guarded([&] { return learn(learner, passes, count, true); });
}

tenor_result tenor_adam(const tenor_adam_step* step) {
  if (settings().ready != TENOR_OK) return settings().ready;
  if (!step || step->rows < 0 || step->width < 0) return TENOR_BAD_SIZE;
  const tenor_adam_step& of = *step;
  if (of.rows > 0 && (!of.weight || !of.mean || !of.square || !of.gradient)) return TENOR_BAD_SIZE;
  const Adam work{of.weight, of.mean, of.square, of.gradient, of.row_ids, of.width, of.scale, of.decay,
                  of.shrink, of.rate, of.beta1, of.beta2, of.inverse_bias, of.epsilon};
  each_part(of.rows, of.rows * of.width * 8,
            [&](int64_t first, int64_t last) { settings().kernels->adam(work, first, last); });
  return TENOR_OK;
}

tenor_result tenor_drop(const tenor_dropout* dropout) {
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
}
