// The C interface: checks arguments, then calls what does the work.
#include "layer.hpp"
#include "settings.hpp"
#include "tenor.h"

using namespace tenor;

namespace {

constexpr int64_t kMaxSize = int64_t{1} << 24;  // of E and H: no product of sizes overflows

tenor_result choose(const char* isa, const Kernels*& kernels) {
  if (settings().ready != TENOR_OK) return settings().ready;
  kernels = isa ? settings().find(isa) : settings().kernels;
  return kernels ? TENOR_OK : TENOR_BAD_ISA;
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
    case TENOR_BAD_NAME: return "there is no activation or cell of this name";
    case TENOR_BAD_IDS: return "a token id is not a row of the word vectors";
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

tenor_result tenor_layer_create(const char* isa, const tenor_layer_settings* from,
                                tenor_layer** layer) {
  return guarded([&] {
    const Kernels* kernels = nullptr;
    tenor_result result = choose(isa, kernels);
    if (result != TENOR_OK) return result;
    if (!from || !layer || !from->cell || !from->activation || !from->weight_ih)
      return TENOR_BAD_SIZE;
    const auto fits = [](int64_t size) { return size >= 1 && size <= kMaxSize; };
    if (!fits(from->inputs) || !fits(from->hidden)) return TENOR_BAD_SIZE;
    auto made = std::make_unique<tenor_layer>();
    result = pack(*kernels, *from, *made);
    if (result == TENOR_OK) *layer = made.release();
    return result;
  });
}

void tenor_layer_destroy(tenor_layer* layer) { delete layer; }

tenor_result tenor_layer_fold(tenor_layer* layer, const float* vectors, int64_t count,
                              int64_t bytes) {
  return guarded([&] {
    if (!layer || !vectors || count < 1 || count > INT32_MAX || bytes < 0) return TENOR_BAD_SIZE;
    const int64_t each = layer->layer.kept;
    const int64_t rows = bytes / (each * static_cast<int64_t>(sizeof(float)));
    layer->folded = std::make_unique<Folded>(vectors, count, rows, each);
    return TENOR_OK;
  });
}

tenor_result tenor_layer_forward(const tenor_layer* layer, const tenor_pass* pass) {
  if (!layer || !pass) return TENOR_BAD_SIZE;
  return guarded([&] { return read_texts(*layer, *pass); });
}
