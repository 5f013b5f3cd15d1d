#include "layer.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "settings.hpp"
#include "threads.hpp"

namespace tenor {
namespace {

constexpr int64_t kWorthThreads = 1 << 20;  // multiply-adds below which waking a thread costs more

Floats floats(int64_t count) {
  return Floats(new (std::align_val_t{64}) float[static_cast<size_t>(count)]);
}

// Rows (4H, width) → [group][input][gate][lane], zeros beyond H.
Floats packed(const float* rows, int64_t hidden, int64_t width, int64_t groups, int lanes) {
  Floats result = floats(groups * width * 4 * lanes);
  float* to = result.get();
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t k = 0; k < width; ++k)
      for (int64_t gate = 0; gate < 4; ++gate)
        for (int64_t unit = group * lanes; unit < (group + 1) * lanes; ++unit)
          *to++ = unit < hidden ? rows[(gate * hidden + unit) * width + k] : 0.0f;
  return result;
}

// Texts dealt out to blocks of rows; a block is one task.
class Pass {
 public:
  std::atomic<bool> out_of_memory{false};

  Pass(const tenor_lstm& lstm, const tenor_lstm_pass& io, int threads)
      : lstm_(lstm), io_(io), texts_(io.texts), lengths_(io.texts), first_(io.texts) {
    const int64_t* offsets = io.offsets;
    const auto length = [&](int64_t text) { return offsets[text + 1] - offsets[text]; };
    std::vector<int64_t> longest(io.texts);
    std::iota(longest.begin(), longest.end(), 0);
    std::stable_sort(longest.begin(), longest.end(),
                     [&](int64_t a, int64_t b) { return length(a) > length(b); });
    const int64_t share = (io.texts + threads - 1) / threads;
    const int64_t rows = std::min<int64_t>(share, kBlockRows);
    const int64_t blocks = (io.texts + rows - 1) / rows;
    // No more blocks than threads: each gets some of the long texts. More: texts of like length
    // together, the longest first, and a thread that is done takes the next.
    const int64_t stride = blocks <= threads ? blocks : 1;
    for (int64_t begin = 0, row = 0; begin < stride; ++begin) {
      for (int64_t i = begin; i < io.texts; i += stride, ++row) {
        if (i == begin || row - begins_.back() == rows) begins_.push_back(row);
        const int64_t text = texts_[row] = longest[i];
        lengths_[row] = length(text);
        first_[row] = io.reverse ? offsets[text + 1] - 1 : offsets[text];
      }
    }
    begins_.push_back(io.texts);
  }

  int64_t blocks() const { return static_cast<int64_t>(begins_.size()) - 1; }

  void compute(int64_t block) {
    const FloatEnvironment environment;
    try {
      read(begins_[block], static_cast<int>(begins_[block + 1] - begins_[block]));
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  }

 private:
  const tenor_lstm& lstm_;
  const tenor_lstm_pass& io_;
  std::vector<int64_t> texts_, lengths_, first_;  // (B,) by row
  std::vector<int64_t> begins_;                   // first row of each block, and B

  void read(int64_t begin, int rows) {
    const Layer& layer = lstm_.layer;
    const int64_t units = layer.groups * lstm_.kernels->lanes;
    const Floats scratch = floats(units * (3 * rows + 4 * kBlockRows));
    float* h = scratch.get();
    float* c = h + rows * units;
    const int64_t* texts = texts_.data() + begin;
    std::fill(h, h + 2 * rows * units, 0.0f);
    for (int row = 0; row < rows; ++row) {
      const int64_t text = texts[row] * layer.hidden;
      if (io_.initial_h) std::copy_n(io_.initial_h + text, layer.hidden, h + row * units);
      if (io_.initial_c) std::copy_n(io_.initial_c + text, layer.hidden, c + row * units);
    }
    float* next = c + rows * units;
    lstm_.kernels->lstm(
        layer, Block{rows, lengths_.data() + begin, first_.data() + begin, io_.reverse ? -1 : 1,
                     io_.x, io_.x_stride, io_.states, io_.states_stride, h, c, next,
                     next + rows * units});
    for (int row = 0; row < rows; ++row) {
      std::copy_n(h + row * units, layer.hidden, io_.final_h + texts[row] * layer.hidden);
      std::copy_n(c + row * units, layer.hidden, io_.final_c + texts[row] * layer.hidden);
    }
  }
};

bool rises(const int64_t* offsets, int64_t texts, int64_t words) {
  return offsets[0] == 0 && offsets[texts] == words && std::is_sorted(offsets, offsets + texts + 1);
}

tenor_result checked(const tenor_lstm& lstm, const tenor_lstm_pass& io) {
  if (io.texts < 0 || io.words < 0 || !io.offsets) return TENOR_BAD_SIZE;
  if (!rises(io.offsets, io.texts, io.words)) return TENOR_BAD_OFFSETS;
  if (io.texts > 0 && (!io.final_h || !io.final_c)) return TENOR_BAD_SIZE;
  if (io.words > 0 && (!io.x || io.x_stride < lstm.layer.inputs)) return TENOR_BAD_SIZE;
  if (io.states && io.states_stride < lstm.layer.hidden) return TENOR_BAD_SIZE;
  return TENOR_OK;
}

}  // namespace

std::unique_ptr<tenor_lstm> pack(const Kernels& kernels, int64_t inputs, int64_t hidden,
                                 const float* weight_ih, const float* weight_hh,
                                 const float* bias) {
  const int64_t groups = (hidden + kernels.lanes - 1) / kernels.lanes;
  auto made = std::make_unique<tenor_lstm>();
  made->kernels = &kernels;
  made->ih = packed(weight_ih, hidden, inputs, groups, kernels.lanes);
  made->hh = packed(weight_hh, hidden, hidden, groups, kernels.lanes);
  made->bias = packed(bias, hidden, 1, groups, kernels.lanes);
  made->layer = {inputs, hidden, groups, made->ih.get(), made->hh.get(), made->bias.get()};
  return made;
}

tenor_result read_texts(const tenor_lstm& lstm, const tenor_lstm_pass& io) {
  const tenor_result result = checked(lstm, io);
  if (result != TENOR_OK || io.texts == 0) return result;
  const int64_t work = 4 * lstm.layer.hidden * (lstm.layer.inputs + lstm.layer.hidden);
  const bool worth = io.words >= kWorthThreads / work + 1;
  const int threads = worth ? settings().threads.load() : 1;
  Pass pass(lstm, io, threads);
  run(pass.blocks(), threads,
      [](void* context, int64_t block) { static_cast<Pass*>(context)->compute(block); }, &pass);
  return pass.out_of_memory ? TENOR_NO_MEMORY : TENOR_OK;
}

}  // namespace tenor
