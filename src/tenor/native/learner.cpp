// Layers while they are learnt: texts read so that gradients can go back, and the way back.
// Every number has one owner, whatever the number of threads, so bits do not depend on it.
#include <algorithm>
#include <memory>
#include <utility>

#include "layer.hpp"
#include "learning.hpp"
#include "settings.hpp"
#include "threads.hpp"

namespace tenor {
namespace {

constexpr int64_t kColumns = 64;  // of a task that adds up rows

tenor_result checked(const tenor_learning_pass& io, bool back) {
  if (!io.cell || !io.activation || io.hidden < 1 || io.known < 0 || io.words < 0 || io.texts < 0 ||
      io.truncate < 0 || !io.offsets)
    return TENOR_BAD_SIZE;
  const Named* named = find_named(io.cell, io.activation);
  if (!named) return TENOR_BAD_NAME;
  const bool linear = named->kind == kLinear;
  if (io.texts > 0 && (!io.final_h || !io.start_h || !io.sum_h || !io.max_h)) return TENOR_BAD_SIZE;
  if (io.known > 0 && (!io.shares || (linear && io.previous && !io.given))) return TENOR_BAD_SIZE;
  if (!io.row_of && io.known != io.words) return TENOR_BAD_SIZE;
  if (io.words > 0 && ((io.states && io.states_stride < io.hidden) ||
                       (io.d_states && io.d_states_stride < io.hidden)))
    return TENOR_BAD_SIZE;
  if (!linear && (!io.weight_hh || (io.words > 0 && !io.before))) return TENOR_BAD_SIZE;
  if (back && io.known > 0) {
    if (!io.d_shares || (linear && io.previous && !io.d_given)) return TENOR_BAD_SIZE;
    if (!linear && !io.d_sums && (io.row_of || named->kind == kGRU)) return TENOR_BAD_SIZE;
  }
  if (!rise(io.offsets, io.texts) || io.offsets[io.texts] != io.words) return TENOR_BAD_OFFSETS;
  const auto is_known = [&](int32_t row) { return row >= 0 && row < io.known; };
  if (io.row_of && !std::all_of(io.row_of, io.row_of + io.words, is_known)) return TENOR_BAD_IDS;
  return TENOR_OK;
}

// One pass, with its memory, as tasks.
class Learning {
 public:
  Learning(const tenor_learning_pass& io, LayerMemory& memory, bool back, int threads)
      : io_(io), memory_(memory), back_(back), threads_(threads) {
    const Named& named = *find_named(io.cell, io.activation);
    if (named.kind == kLinear)
      set_up_linear(named);
    else
      set_up_gated(named.kind);
  }

  int64_t tasks() const { return linear_ ? (io_.hidden + linear_->units - 1) / linear_->units : parts_; }

  void run_task(int64_t task) const {
    if (linear_) {
      float* table = memory_.kept.data.get() + task * table_;
      if (back_)
        linear_->backward(of_linear_, task * linear_->units, table, memory_.scratch.data.get() + task * scratch_);
      else
        linear_->forward(of_linear_, task * linear_->units, table);
      return;
    }
    const int64_t first = begin_of(task), rows = begin_of(task + 1) - first;
    (back_ ? gated_->backward : gated_->forward)(of_gated_, texts_.data() + first, rows,
                                                 memory_.scratch.data.get() + first * scratch_);
  }

  // How many tasks add_up has, once all others are done.
  int64_t columns() const { return back_ && gated_ && io_.row_of ? (width_ + kColumns - 1) / kColumns : 0; }

  // Of each known word, from those of its occurrences.
  void add_up(int64_t task) const {
    const int64_t first = task * kColumns, last = std::min(width_, first + kColumns);
    settings().kernels->sum_rows(of_gated_.d_words, io_.row_of, io_.words, width_, io_.known, first, last,
                                 io_.d_shares);
  }

 private:
  const tenor_learning_pass& io_;
  LayerMemory& memory_;
  const bool back_;
  const int threads_;  // that this pass may keep at work
  const LinearLearner* linear_ = nullptr;
  const GatedLearner* gated_ = nullptr;
  LinearLearning of_linear_{};
  GatedLearning of_gated_{};
  int64_t table_ = 0, scratch_ = 0, parts_ = 0, width_ = 0;
  std::vector<int64_t> texts_;  // part by part, in each the longest first

  int64_t begin_of(int64_t part) const { return part * io_.texts / parts_; }
  int64_t length_of(int64_t text) const { return io_.offsets[text + 1] - io_.offsets[text]; }

  void set_up_linear(const Named& named) {
    linear_ = settings().kernels->linear_learner(Gating{io_.previous != 0, io_.input_gate != 0,
                                                        io_.output_gate != 0, io_.skip != 0, named.candidate});
    of_linear_ = {named.candidate, io_.reverse != 0, io_.hidden, io_.truncate, io_.known, io_.texts, io_.shares,
                  io_.given, io_.row_of, io_.offsets, io_.states, io_.states_stride, io_.final_h, io_.start_h,
                  io_.sum_h, io_.max_h, io_.d_states, io_.d_states_stride, io_.d_final, io_.d_start, io_.d_sum,
                  io_.d_max, io_.d_shares, io_.d_given};
    int64_t longest = 0;
    for (int64_t text = 0; text < io_.texts; ++text)
      longest = std::max(longest, io_.offsets[text + 1] - io_.offsets[text]);
    linear_->sizes(of_linear_, longest, &table_, &scratch_);
    memory_.kept.room(tasks() * table_);
    if (back_) memory_.scratch.room(tasks() * scratch_);
  }

  void set_up_gated(Cell cell) {
    const Kernels& kernels = *settings().kernels;
    gated_ = kernels.gated_learner(cell);
    const int64_t hidden = io_.hidden, words = io_.words;
    width_ = gated_->gates * hidden;
    scratch_ = width_ + 2 * hidden;
    memory_.scratch.room(io_.texts * scratch_);
    deal_out_texts();
    // Of each word by itself there is nothing to add up.
    float* const d_words = !io_.row_of ? io_.d_shares : gated_->own_sums ? memory_.d_words.room(words * width_) : io_.d_sums;
    float* const kept = memory_.kept.room(words * (width_ + hidden));
    memory_.largest.resize(std::max<size_t>(memory_.largest.size(), io_.texts * hidden));
    const bool bf16 = io_.precision == TENOR_BF16;
    const auto packed = [&](const Factor& from, int64_t inner, int64_t columns, Memory& memory) {
      Product product{};
      product.inner = inner;
      product.columns = columns;
      pack(kernels, from, bf16, 1, memory.room(packed_size(kernels, inner, columns, bf16)), product);
      return product;
    };
    const Product forward = packed({io_.weight_hh, 1, hidden}, hidden, width_, memory_.forward_hh);
    const Product backward = packed({io_.weight_hh, hidden, 1}, width_, hidden, memory_.backward_hh);
    of_gated_ = {io_.reverse != 0, hidden, io_.truncate, io_.shares, io_.row_of, io_.offsets,
                 forward.b, backward.b, forward.b_bf16, backward.b_bf16, io_.state_bias, io_.states,
                 io_.states_stride, io_.final_h, io_.start_h, io_.sum_h, io_.max_h, io_.d_states,
                 io_.d_states_stride, io_.d_final, io_.d_start, io_.d_sum, io_.d_max, memory_.steps.data(),
                 memory_.ranks.data(), kept, kept + words * width_, io_.before, memory_.largest.data(), d_words,
                 io_.d_sums};
  }

  // Each part gets some of the long ones.
  void deal_out_texts() {
    parts_ = std::max<int64_t>(1, std::min<int64_t>(threads_, io_.texts));
    texts_.resize(io_.texts);
    std::vector<int64_t> next;
    for (int64_t part = 0; part < parts_; ++part) next.push_back(begin_of(part));
    int64_t part = -1, rank = 0, word = 0;
    memory_.ranks.resize(io_.texts);
    const std::vector<int64_t> longest = longest_first(io_.offsets, io_.texts);
    for (const int64_t text : longest) {
      do part = (part + 1) % parts_;
      while (next[part] == begin_of(part + 1));
      texts_[next[part]++] = text;
      memory_.ranks[text] = rank++;
    }
    memory_.steps.clear();
    while (word < io_.words) {
      while (rank > 0 && length_of(longest[rank - 1]) <= static_cast<int64_t>(memory_.steps.size())) --rank;
      memory_.steps.push_back(word);
      word += rank;
    }
  }
};

// One list of the tasks of all passes.
template <class Count, class Work>
void run_all(const std::vector<std::unique_ptr<Learning>>& passes, const Count& count, const Work& work) {
  std::vector<std::pair<const Learning*, int64_t>> tasks;
  for (const auto& pass : passes)
    for (int64_t task = 0; task < count(*pass); ++task) tasks.emplace_back(pass.get(), task);
  struct Context {
    const decltype(tasks)& all;
    const Work& work;
  } context{tasks, work};
  run(static_cast<int64_t>(tasks.size()), settings().threads.load(),
      [](void* given, int64_t i) {
        const FlushedEnvironment environment;
        const auto& to_do = *static_cast<Context*>(given);
        to_do.work(*to_do.all[i].first, to_do.all[i].second);
      },
      &context);
}

}  // namespace

tenor_result learn(std::vector<LayerMemory>& memories, const tenor_learning_pass* passes, int64_t count,
                   bool back) {
  for (int64_t i = 0; i < count; ++i) {
    const tenor_result result = checked(passes[i], back);
    if (result != TENOR_OK) return result;
  }
  if (!back && static_cast<int64_t>(memories.size()) < count) memories.resize(count);
  if (static_cast<int64_t>(memories.size()) < count) return TENOR_BAD_SIZE;  // was never read
  const int64_t each = std::max<int64_t>(1, settings().threads.load() / std::max<int64_t>(count, 1));
  std::vector<std::unique_ptr<Learning>> all;
  for (int64_t i = 0; i < count; ++i)
    all.push_back(std::make_unique<Learning>(passes[i], memories[i], back, static_cast<int>(each)));
  run_all(all, [](const Learning& pass) { return pass.tasks(); },
          [](const Learning& pass, int64_t task) { pass.run_task(task); });
  run_all(all, [](const Learning& pass) { return pass.columns(); },
          [](const Learning& pass, int64_t task) { pass.add_up(task); });
  return TENOR_OK;
}

}  // namespace tenor
