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

constexpr int64_t kColumns = 64;  // a multiple of every instruction set's tile
constexpr int64_t kStretch = 320;  // words whose gradients stay in the cache until they are added up

// Numbers for what backward needs of forward, on any instruction set.
int64_t most_kept(const tenor_learning_pass& io, Cell cell) {
  if (cell != kLinear) return io.words * TENOR_KEPT(learners<float>().gated(cell)->gates + 2, io.hidden);
  const int gates = 2 + (io.input_gate != 0) + (io.output_gate != 0);
  return io.known * TENOR_KEPT((io.previous ? 2 : 1) * gates + (io.skip != 0), io.hidden);
}

tenor_result checked(const tenor_learning_pass& io, bool back) {
  if (!io.cell || !io.activation || io.hidden < 1 || io.known < 0 || io.words < 0 || io.texts < 0 ||
      io.truncate < 0 || !io.offsets || !is_of_learning(io.precision))
    return TENOR_BAD_SIZE;
  const Named* named = find_named(io.cell, io.activation);
  if (!named) return TENOR_BAD_NAME;
  const bool linear = named->kind == kLinear;
  if (io.texts > 0 && (!io.final_h || !io.start_h || (back && io.d_max && !io.max_h))) return TENOR_BAD_SIZE;
  const bool by_vector = !linear && !io.row_of;
  if (by_vector && (io.inputs < 1 || !io.weight_ih || (io.words > 0 && (!io.x || io.x_stride < io.inputs))))
    return TENOR_BAD_SIZE;
  if (!by_vector && io.known > 0 && (!io.shares || (linear && io.previous && !io.given))) return TENOR_BAD_SIZE;
  if (linear && ((!io.row_of && io.known != io.words) || io.d_states[1])) return TENOR_BAD_SIZE;
  for (const void* d_states : io.d_states)
    if (io.words > 0 && d_states && io.d_states_stride < io.hidden) return TENOR_BAD_SIZE;
  if (io.words > 0 && io.states && io.states_stride < io.hidden) return TENOR_BAD_SIZE;
  if (!linear && !io.weight_hh) return TENOR_BAD_SIZE;
  if (back && !by_vector && io.known > 0 && (!io.d_shares || (linear && io.previous && !io.d_given)))
    return TENOR_BAD_SIZE;
  if (back && !linear && (!io.d_weight_hh || !io.d_bias || (named->kind == kGRU && !io.d_state_bias)))
    return TENOR_BAD_SIZE;
  if (back && by_vector && (!io.d_weight_ih || (io.words > 0 && !io.d_x))) return TENOR_BAD_SIZE;
  if (io.kept && (io.kept_size < most_kept(io, named->kind) || (back && io.d_max && !linear))) return TENOR_BAD_SIZE;
  if (!rise(io.offsets, io.texts) || io.offsets[io.texts] != io.words) return TENOR_BAD_OFFSETS;
  const auto is_known = [&](int32_t row) { return row >= 0 && row < io.known; };
  if (io.row_of && !std::all_of(io.row_of, io.row_of + io.words, is_known)) return TENOR_BAD_IDS;
  return TENOR_OK;
}

// One pass, with its memory, as tasks.
template <class Real>
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

  bool is_gated() const { return gated_; }

  int64_t tasks() const { return linear_ ? (io_.hidden + linear_->units - 1) / linear_->units : parts_; }

  void read(int64_t task) const {
    if (linear_) linear_->forward(of_linear_, task * linear_->units, table_of(task));
    else gated_->forward(of_gated_, part(task), scratch_of(task));
  }

  void go_back(int64_t task) const {
    linear_->backward(of_linear_, task * linear_->units, table_of(task), memory_.scratch.as<Real>() + task * scratch_);
  }

  void finish() const { gated_->finish(of_gated_); }

  // A gated layer goes back stretch by stretch: of each its parts, and when all of them are done, the columns.
  int64_t stretches() const { return gated_ ? static_cast<int64_t>(memory_.stretches.size()) - 1 : 0; }

  void go_back(int64_t stretch, int64_t task) const {
    gated_->backward(of_gated_, part(task), memory_.stretches[stretch], memory_.stretches[stretch + 1],
                     scratch_of(task));
  }

  int64_t columns() const { return std::min(parts_, (width_ + kColumns - 1) / kColumns); }

  void add_up(int64_t stretch, int64_t task) const {
    const auto column = [&](int64_t i) {
      return std::min(width_, (width_ * i / columns() + kColumns - 1) / kColumns * kColumns);
    };
    const int64_t first = column(task), last = column(task + 1);
    Real* const room = memory_.room.as<Real>() + task * (packed_ + vectors_);
    gated_->add_up(of_gated_, memory_.stretches[stretch], memory_.stretches[stretch + 1], first, last, room,
                   room + packed_);
  }

 private:
  const tenor_learning_pass& io_;
  LayerMemory& memory_;
  const bool back_;
  const int threads_;  // that this pass may keep at work
  const LinearLearner<Real>* linear_ = nullptr;
  const GatedLearner<Real>* gated_ = nullptr;
  LinearLearning<Real> of_linear_{};
  GatedLearning<Real> of_gated_{};
  Real* kept_ = nullptr;
  int64_t table_ = 0, scratch_ = 0, parts_ = 1, width_ = 0, packed_ = 0, vectors_ = 0;

  static const Real* real(const void* numbers) { return static_cast<const Real*>(numbers); }
  static Real* real(void* numbers) { return static_cast<Real*>(numbers); }

  Real* table_of(int64_t task) const { return kept_ + task * table_; }

  void keep(int64_t count) { kept_ = io_.kept ? real(io_.kept) : memory_.kept.room<Real>(count); }

  SomeTexts part(int64_t task) const { return {task, parts_, (io_.texts - task + parts_ - 1) / parts_}; }

  Real* scratch_of(int64_t task) const {
    return memory_.scratch.as<Real>() + task * ((io_.texts + parts_ - 1) / parts_) * scratch_;
  }

  void take_arguments(LayerLearning<Real>& of) const {
    of.reverse = io_.reverse != 0;
    of.hidden = io_.hidden;
    of.truncate = io_.truncate;
    of.shares = real(io_.shares);
    of.row_of = io_.row_of;
    of.offsets = io_.offsets;
    of.states = real(io_.states);
    of.states_stride = io_.states_stride;
    of.final_h = real(io_.final_h);
    of.start_h = real(io_.start_h);
    of.sum_h = real(io_.sum_h);
    of.max_h = real(io_.max_h);
    for (int i = 0; i < 2; ++i) of.d_states[i] = real(io_.d_states[i]);
    of.d_states_stride = io_.d_states_stride;
    of.d_final = real(io_.d_final);
    of.d_start = real(io_.d_start);
    of.d_sum = real(io_.d_sum);
    of.d_max = real(io_.d_max);
    of.d_shares = real(io_.d_shares);
  }

  void set_up_linear(const Named& named) {
    linear_ = learners<Real>().linear(Gating{io_.previous != 0, io_.input_gate != 0, io_.output_gate != 0,
                                             io_.skip != 0, named.candidate});
    LinearLearning<Real>& of = of_linear_;
    take_arguments(of);
    of.candidate = named.candidate;
    of.known = io_.known;
    of.texts = io_.texts;
    of.given = real(io_.given);
    of.d_given = real(io_.d_given);
    int64_t longest = 0;
    for (int64_t text = 0; text < io_.texts; ++text)
      longest = std::max(longest, io_.offsets[text + 1] - io_.offsets[text]);
    linear_->sizes(of_linear_, longest, &table_, &scratch_);
    keep(tasks() * table_);
    if (back_) memory_.scratch.room<Real>(tasks() * scratch_);
  }

  void set_up_gated(Cell cell) {
    gated_ = learners<Real>().gated(cell);
    const int64_t hidden = io_.hidden, words = io_.words, inputs = io_.row_of ? 0 : io_.inputs;
    width_ = gated_->gates * hidden;
    parts_ = std::max<int64_t>(1, std::min<int64_t>(threads_, io_.texts));
    const int64_t apart = rows_apart(width_);
    scratch_ = 2 * apart + 2 * hidden + inputs;
    memory_.scratch.room<Real>(((io_.texts + parts_ - 1) / parts_) * parts_ * scratch_);
    put_in_order();
    const bool bf16 = io_.precision == TENOR_BF16;
    const auto packed = [&](const Factor<Real>& from, int64_t inner, int64_t columns, Memory& memory) {
      return pack(from, inner, columns, bf16, 1, memory.room<Real>(packed_size<Real>(inner, columns, bf16)));
    };
    // Beside products of bf16, gates may have 16 bits as well, which are more than they have there.
    const bool narrow = bf16 && gated_->bounded;
    const int64_t gates_apart = narrow ? gated_->gates * narrow_row(hidden) / 2 : width_;
    keep(words * (gates_apart + 2 * hidden));
    GatedLearning<Real>& of = of_gated_;
    take_arguments(of);
    of.inputs = inputs;
    of.x = real(io_.x);
    of.x_stride = io_.x_stride;
    of.bias = real(io_.bias);
    of.state_bias = real(io_.state_bias);
    of.texts = memory_.texts.data();
    of.steps = memory_.steps.data();
    of.length = static_cast<int64_t>(memory_.steps.size()) - 1;
    of.gates = kept_;
    of.cells = of.gates + words * gates_apart;
    of.before = of.cells + words * hidden;
    of.gates_apart = gates_apart;
    of.narrow = narrow;
    of.largest = memory_.largest.room<Real>(io_.texts * hidden);
    if (!back_) {
      of.forward_hh = packed({real(io_.weight_hh), 1, hidden}, hidden, width_, memory_.forward_hh);
      if (inputs) of.forward_ih = packed({real(io_.weight_ih), 1, inputs}, inputs, width_, memory_.forward_ih);
      return;
    }
    of.d_x = io_.row_of ? nullptr : real(io_.d_x);
    of.d_bias = real(io_.d_bias);
    of.d_state_bias = real(io_.d_state_bias);
    of.d_weight_ih = real(io_.d_weight_ih);
    of.d_weight_hh = real(io_.d_weight_hh);
    of.backward_hh = packed({real(io_.weight_hh), hidden, 1}, width_, hidden, memory_.backward_hh);
    if (inputs) of.backward_ih = packed({real(io_.weight_ih), inputs, 1}, width_, inputs, memory_.backward_ih);
    int64_t most = 0;
    for (int64_t i = 0; i < stretches(); ++i)
      most = std::max(most, of.steps[memory_.stretches[i + 1]] - of.steps[memory_.stretches[i]]);
    of.d_words = memory_.d_words.room<Real>((gated_->own_sums ? 2 : 1) * most * apart);
    of.d_sums = gated_->own_sums ? of.d_words + most * apart : of.d_words;
    of.turned_hh = memory_.turned.room<Real>((hidden + inputs) * apart);
    of.turned_ih = of.turned_hh + hidden * apart;
    packed_ = packed_size<Real>(most, width_, bf16);
    vectors_ = most * inputs;
    memory_.room.room<Real>(columns() * (packed_ + vectors_));
    const auto clear = [](Real* array, int64_t count) { if (array) std::fill_n(array, count, Real{0}); };
    clear(of.turned_hh, (hidden + inputs) * apart);
    clear(of.d_bias, width_);
    if (cell == kGRU) clear(of.d_state_bias, hidden);
    if (io_.row_of) clear(of.d_shares, io_.known * width_);
  }

  // The longest texts first; of each step those that have a word there; and the steps in stretches.
  void put_in_order() {
    memory_.texts = longest_first(io_.offsets, io_.texts);
    memory_.steps = {0};
    memory_.stretches = {0};
    for (int64_t active = io_.texts, word = 0, begin = 0; word < io_.words;) {
      const int64_t step = static_cast<int64_t>(memory_.steps.size()) - 1;
      const auto length = [&](int64_t text) { return io_.offsets[text + 1] - io_.offsets[text]; };
      while (active > 0 && length(memory_.texts[active - 1]) <= step) --active;
      memory_.steps.push_back(word += active);
      if (word - begin >= kStretch || word == io_.words) {
        memory_.stretches.push_back(step + 1);
        begin = word;
      }
    }
  }
};

template <class Real>
using Passes = std::vector<std::unique_ptr<Learning<Real>>>;

// One list of the tasks of all passes.
template <class Real, class Count, class Work>
void run_all(const Passes<Real>& passes, const Count& count, const Work& work) {
  std::vector<std::pair<const Learning<Real>*, int64_t>> tasks;
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

// Linear layers go back unit by unit.
template <class Real>
void go_back(const Passes<Real>& passes) {
  using Learning = Learning<Real>;
  run_all(passes, [](const Learning& pass) { return pass.is_gated() ? 0 : pass.tasks(); },
          [](const Learning& pass, int64_t task) { pass.go_back(task); });
  int64_t stretches = 0;
  bool shared = false;
  for (const auto& pass : passes) {
    stretches = std::max(stretches, pass->stretches());
    shared = shared || (pass->is_gated() && pass->tasks() > 1);
  }
  if (!shared) {  // what a thread has in its cache it adds up itself
    run_all(passes, [](const Learning& pass) { return pass.is_gated() ? 1 : 0; },
            [](const Learning& pass, int64_t) {
              for (int64_t stretch = pass.stretches() - 1; stretch >= 0; --stretch) {
                pass.go_back(stretch, 0);
                pass.add_up(stretch, 0);
              }
              pass.finish();
            });
    return;
  }
  for (int64_t stretch = stretches - 1; stretch >= 0; --stretch) {
    run_all(passes, [&](const Learning& pass) { return stretch < pass.stretches() ? pass.tasks() : 0; },
            [&](const Learning& pass, int64_t task) { pass.go_back(stretch, task); });
    run_all(passes, [&](const Learning& pass) { return stretch < pass.stretches() ? pass.columns() : 0; },
            [&](const Learning& pass, int64_t task) { pass.add_up(stretch, task); });
  }
  run_all(passes, [](const Learning& pass) { return pass.is_gated() ? 1 : 0; },
          [](const Learning& pass, int64_t) { pass.finish(); });
}

template <class Real>
void learn_all(std::vector<LayerMemory>& memories, const tenor_learning_pass* passes, int64_t count, bool back) {
  const int64_t each = std::max<int64_t>(1, settings().threads.load() / std::max<int64_t>(count, 1));
  Passes<Real> all;
  for (int64_t i = 0; i < count; ++i)
    all.push_back(std::make_unique<Learning<Real>>(passes[i], memories[i], back, static_cast<int>(each)));
  if (back)
    go_back(all);
  else
    run_all(all, [](const Learning<Real>& pass) { return pass.tasks(); },
            [](const Learning<Real>& pass, int64_t task) { pass.read(task); });
}

}  // namespace

tenor_result learn(std::vector<LayerMemory>& memories, const tenor_learning_pass* passes, int64_t count,
                   bool back) {
  for (int64_t i = 0; i < count; ++i) {
    const tenor_result result = checked(passes[i], back);
    if (result != TENOR_OK) return result;
  }
  const int64_t in_doubles = std::count_if(
      passes, passes + count, [](const tenor_learning_pass& io) { return io.precision == TENOR_FLOAT64; });
  if (in_doubles > 0 && in_doubles < count) return TENOR_BAD_SIZE;
  const bool elsewhere = std::all_of(passes, passes + count, [](const tenor_learning_pass& io) { return io.kept; });
  const bool unread = static_cast<int64_t>(memories.size()) < count;
  if (unread && back && !elsewhere) return TENOR_BAD_SIZE;
  if (unread) memories.resize(count);
  if (in_doubles > 0) learn_all<double>(memories, passes, count, back);
  else learn_all<float>(memories, passes, count, back);
  return TENOR_OK;
}

}  // namespace tenor
