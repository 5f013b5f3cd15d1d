// The C interface: checks arguments, chooses the instruction set, packs weights, deals out the work.
#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "tenor.h"
#include "threads.hpp"

namespace tenor {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 24;  // of E and H: no product of sizes overflows
constexpr int64_t kMaxThreads = 1024;
constexpr int64_t kWorthThreads = 1 << 20;  // multiply-adds below which waking a thread costs more

std::vector<const Kernels*> supported() {
  std::vector<const Kernels*> found{&kBase};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fma) found.push_back(&kAvx2);
  if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    found.push_back(&kAvx512);
#endif
  return found;
}

// What the processor has and the environment asks for, found out once.
struct Settings {
  std::vector<const Kernels*> available = supported();
  std::string names;
  const Kernels* kernels = nullptr;
  std::atomic<int32_t> threads{processors()};
  tenor_result ready = TENOR_OK;

  Settings() {
    for (const Kernels* kernels : available)
      names += (names.empty() ? "" : " ") + std::string(kernels->name);
    const char* isa = std::getenv("TENOR_ISA");
    kernels = isa && *isa ? find(isa) : available.back();
    if (!kernels) ready = TENOR_BAD_ISA;
    const char* count = std::getenv("TENOR_THREADS");
    if (!count || !*count) return;
    char* end;
    const long value = std::strtol(count, &end, 10);
    if (*end || value < 1 || value > kMaxThreads) {
      ready = TENOR_BAD_THREADS;
    } else {
      threads = static_cast<int32_t>(value);
    }
  }

  const Kernels* find(const char* name) const {
    for (const Kernels* kernels : available)
      if (!std::strcmp(kernels->name, name)) return kernels;
    return nullptr;
  }
};

Settings& settings() {
  static Settings* found = new Settings;  // never destroyed: threads may outlive static objects
  return *found;
}

tenor_result choose(const char* isa, const Kernels*& kernels) {
  if (settings().ready != TENOR_OK) return settings().ready;
  kernels = isa ? settings().find(isa) : settings().kernels;
  return kernels ? TENOR_OK : TENOR_BAD_ISA;
}

// Round to nearest and keep denormal numbers, whatever the thread's owner has set; restores it.
class FloatEnvironment {
 public:
  FloatEnvironment() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() { std::fesetenv(&before_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
  std::fenv_t before_;
};

struct Free {
  void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};
using Floats = std::unique_ptr<float[], Free>;

Floats floats(int64_t count) {
  return Floats(new (std::align_val_t{64}) float[static_cast<size_t>(count)]);
}

// Rows (4H, width) → [group][input][gate][lane], zeros beyond H.
Floats pack(const float* rows, int64_t hidden, int64_t width, int64_t groups, int lanes) {
  Floats packed = floats(groups * width * 4 * lanes);
  float* to = packed.get();
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t k = 0; k < width; ++k)
      for (int64_t gate = 0; gate < 4; ++gate)
        for (int64_t unit = group * lanes; unit < (group + 1) * lanes; ++unit)
          *to++ = unit < hidden ? rows[(gate * hidden + unit) * width + k] : 0.0f;
  return packed;
}

}  // namespace
}  // namespace tenor

using namespace tenor;

struct tenor_lstm {
  const Kernels* kernels;
  Layer layer;
  Floats ih, hh, bias;
};

namespace {

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

tenor_result forward(const tenor_lstm& lstm, const tenor_lstm_pass& io) {
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

tenor_lstm* create(const Kernels& kernels, int64_t inputs, int64_t hidden, const float* weight_ih,
                   const float* weight_hh, const float* bias) {
  const int64_t groups = (hidden + kernels.lanes - 1) / kernels.lanes;
  auto made = std::make_unique<tenor_lstm>();
  made->kernels = &kernels;
  made->ih = pack(weight_ih, hidden, inputs, groups, kernels.lanes);
  made->hh = pack(weight_hh, hidden, hidden, groups, kernels.lanes);
  made->bias = pack(bias, hidden, 1, groups, kernels.lanes);
  made->layer = {inputs, hidden, groups, made->ih.get(), made->hh.get(), made->bias.get()};
  return made.release();
}

// No exception crosses the C interface.
template <class Work>
tenor_result guarded(const Work& work) noexcept {
  try {
    return work();
  } catch (const std::exception&) {  // bad_alloc, or length_error for a size beyond all memory
    return TENOR_NO_MEMORY;
  }
}

}  // namespace

int32_t tenor_interface(void) { return TENOR_INTERFACE; }

const char* tenor_message(tenor_result result) {
  switch (result) {
    case TENOR_OK: return "done";
    case TENOR_BAD_ISA: return "the instruction set is unknown or this processor lacks it";
    case TENOR_BAD_THREADS: return "the number of threads must be a whole number from 1 to 1024";
    case TENOR_BAD_SIZE: return "a size or stride is out of range or a needed array is missing";
    case TENOR_BAD_OFFSETS: return "offsets must rise from 0 to the number of words";
    case TENOR_BAD_NAME: return "there is no activation of this name";
    case TENOR_NO_MEMORY: return "there is not enough memory";
  }
  return "unknown result";
}

tenor_result tenor_ready(void) { return settings().ready; }

const char* tenor_isa(void) { return settings().ready ? nullptr : settings().kernels->name; }

const char* tenor_isas(void) { return settings().names.c_str(); }

int32_t tenor_threads(void) { return settings().threads; }

tenor_result tenor_set_threads(int32_t threads) {
  if (threads < 1 || threads > kMaxThreads) return TENOR_BAD_THREADS;
  settings().threads = threads;
  return TENOR_OK;
}

tenor_result tenor_activation(const char* isa, const char* name, const float* x, float* y,
                              int64_t count) {
  return guarded([&] {
    const Kernels* kernels = nullptr;
    const tenor_result result = choose(isa, kernels);
    if (result != TENOR_OK) return result;
    if (!name || count < 0 || (count > 0 && (!x || !y))) return TENOR_BAD_SIZE;
    const std::string wanted = name;
    const Activation activation = wanted == "exp"       ? kernels->exp
                                  : wanted == "sigmoid" ? kernels->sigmoid
                                  : wanted == "tanh"    ? kernels->tanh
                                                        : nullptr;
    if (!activation) return TENOR_BAD_NAME;
    const FloatEnvironment environment;
    activation(x, y, count);
    return TENOR_OK;
  });
}

tenor_result tenor_lstm_create(const char* isa, int64_t inputs, int64_t hidden,
                               const float* weight_ih, const float* weight_hh, const float* bias,
                               tenor_lstm** layer) {
  return guarded([&] {
    const Kernels* kernels = nullptr;
    const tenor_result result = choose(isa, kernels);
    if (result != TENOR_OK) return result;
    const auto fits = [](int64_t size) { return size >= 1 && size <= kMaxSize; };
    if (!fits(inputs) || !fits(hidden) || !weight_ih || !weight_hh || !bias || !layer)
      return TENOR_BAD_SIZE;
    *layer = create(*kernels, inputs, hidden, weight_ih, weight_hh, bias);
    return TENOR_OK;
  });
}

void tenor_lstm_destroy(tenor_lstm* layer) { delete layer; }

tenor_result tenor_lstm_forward(const tenor_lstm* layer, const tenor_lstm_pass* pass) {
  if (!layer || !pass) return TENOR_BAD_SIZE;
  return guarded([&] { return forward(*layer, *pass); });
}
