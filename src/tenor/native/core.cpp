// The C interface: checks arguments, then calls what does the work.
#include <algorithm>
#include <chrono>

#include "model.hpp"
#include "settings.hpp"
#include "tenor.h"
#include "text.hpp"
#include "threads.hpp"

using namespace tenor;

namespace {

constexpr double kLongestRoof = 60;  // seconds
constexpr int64_t kMaxSize = int64_t{1} << 24;  // of E and H: no product of sizes overflows

tenor_result choose(const char* isa, const Kernels*& kernels) {
  if (settings().ready != TENOR_OK) return settings().ready;
  kernels = isa ? settings().find(isa) : settings().kernels;
  return kernels ? TENOR_OK : TENOR_BAD_ISA;
}

struct Churn {
  void (*loop)(int64_t loops, float* result);
  int64_t loops;
};

void churn(void* context, int64_t) {
  const FloatEnvironment environment;
  alignas(64) float result[64] = {0.5f, 0.25f};
  static_cast<Churn*>(context)->loop(static_cast<Churn*>(context)->loops, result);
}

// Ever longer rounds, until one takes as long as asked for.
double measured_roof(const Kernels& kernels, bool whole, int threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  const int64_t each = whole ? kernels.churned_whole : kernels.churned;
  for (Churn work{whole ? kernels.churn_whole : kernels.churn, 1 << 12};; work.loops *= 2) {
    const Clock::time_point begin = Clock::now();
    run(threads, threads, churn, &work);
    const double taken = std::chrono::duration<double>(Clock::now() - begin).count();
    if (taken < seconds / 2) continue;
    return static_cast<double>(work.loops * threads * each) / taken;
  }
}

bool fits(int64_t size) { return size >= 1 && size <= kMaxSize; }

tenor_result checked(const tenor_texts* texts) {
  if (!texts || texts->texts < 0 || !texts->text_offsets || !texts->pages) return TENOR_BAD_SIZE;
  if (!rise(texts->text_offsets, texts->texts)) return TENOR_BAD_OFFSETS;
  return texts->texts > 0 && (!texts->bytes || !texts->truncated) ? TENOR_BAD_SIZE : TENOR_OK;
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
    case TENOR_NEED_PAGE: return "a text has a character of which the reader was told nothing";
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
    const Activation activation = wanted == "sigmoid" ? kernels->sigmoid
                                  : wanted == "tanh"  ? kernels->tanh
                                                      : nullptr;
    if (!activation) return TENOR_BAD_NAME;
    const FloatEnvironment environment;
    activation(x, y, count);
    return TENOR_OK;
  });
}

tenor_result tenor_roof(const char* isa, tenor_precision precision, int32_t threads, double seconds,
                        double* multiply_adds) {
  return guarded([&] {
    const Kernels* kernels = nullptr;
    const tenor_result result = choose(isa, kernels);
    if (result != TENOR_OK) return result;
    if (threads < 1 || threads > kMaxThreads) return TENOR_BAD_THREADS;
    if (!multiply_adds || !(seconds > 0 && seconds <= kLongestRoof)) return TENOR_BAD_SIZE;
    *multiply_adds = measured_roof(*kernels, precision == TENOR_INT8, threads, seconds);
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
    if (layer->layer.ih_whole.weights) return TENOR_BAD_SIZE;  // it has no other weights for a table
    const int64_t each = layer->layer.kept;
    const int64_t rows = bytes / (each * static_cast<int64_t>(sizeof(float)));
    layer->folded = std::make_unique<Folded>(vectors, count, rows, each);
    return TENOR_OK;
  });
}

tenor_result tenor_layer_forward(const tenor_layer* layer, const tenor_pass* pass) {
  if (!layer || !pass) return TENOR_BAD_SIZE;
  return guarded([&] { return read_texts(*layer, *pass, settings().threads.load()); });
}

tenor_result tenor_model_create(const char* isa, const tenor_model_settings* from,
                                tenor_model** model) {
  return guarded([&] {
    const Kernels* kernels = nullptr;
    tenor_result result = choose(isa, kernels);
    if (result != TENOR_OK) return result;
    if (!from || !model || !from->layers || !from->poolings || !from->weight || !from->bias)
      return TENOR_BAD_SIZE;
    if (!fits(from->depth) || from->directions < 1 || from->directions > 2 || !fits(from->pooled) ||
        !fits(from->logits) || from->pooling_count < 0 || from->pooling_count > kMaxSize)
      return TENOR_BAD_SIZE;
    if (from->ngrams && (!from->owners || !fits(from->ngram_rows) || from->ngram_order < 1 ||
                         from->ngram_order > kLongestNgram))
      return TENOR_BAD_SIZE;
    if (from->char_ngrams < 0 || from->char_ngrams > kMostCharNgram) return TENOR_BAD_SIZE;
    if (from->hidden_weight && (!fits(from->hidden) || !from->hidden_bias)) return TENOR_BAD_SIZE;
    auto made = std::make_unique<tenor_model>();
    result = make_model(*kernels, *from, *made);
    if (result == TENOR_OK) *model = made.release();
    return result;
  });
}

void tenor_model_destroy(tenor_model* model) { delete model; }

tenor_result tenor_model_head(const tenor_model* model, const float* pooled, int64_t rows,
                              float* logits) {
  return guarded([&] {
    if (!model || rows < 0 || (rows > 0 && (!pooled || !logits))) return TENOR_BAD_SIZE;
    read_head(*model, pooled, rows, logits);
    return TENOR_OK;
  });
}

tenor_result tenor_model_read_ids(const tenor_model* model, const int32_t* token_ids,
                                  const int64_t* offsets, int64_t texts, float* logits) {
  return guarded([&] {
    if (!model || model->poolings.empty() || texts < 0 || !offsets) return TENOR_BAD_SIZE;
    if (!rise(offsets, texts)) return TENOR_BAD_OFFSETS;
    if ((texts > 0 && !logits) || (offsets[texts] > 0 && !token_ids)) return TENOR_BAD_SIZE;
    return read_ids(*model, token_ids, offsets, texts, logits);
  });
}

tenor_result tenor_model_read(const tenor_model* model, const tenor_texts* texts, float* logits) {
  return guarded([&] {
    if (!model || !model->reader || model->poolings.empty()) return TENOR_BAD_SIZE;
    const tenor_result result = checked(texts);
    if (result != TENOR_OK) return result;
    if (texts->texts > 0 && !logits) return TENOR_BAD_SIZE;
    return read_bytes(*model, *texts, logits);
  });
}

tenor_result tenor_reader_create(const tenor_reader_settings* from, tenor_reader** reader) {
  return guarded([&] {
    if (!from || !reader || from->count < 0 || from->count > INT32_MAX || !from->word_offsets ||
        from->max_tokens < 0 || from->fill_to < 0 || from->before_count < 0 || from->after_count < 0)
      return TENOR_BAD_SIZE;
    if (!rise(from->word_offsets, from->count)) return TENOR_BAD_OFFSETS;
    *reader = new tenor_reader(*from);
    return TENOR_OK;
  });
}

void tenor_reader_destroy(tenor_reader* reader) { delete reader; }

tenor_result tenor_reader_learn(tenor_reader* reader, int64_t page, const uint8_t* kinds,
                                const int32_t* lower) {
  return guarded([&] {
    if (!reader || page < 0 || page >= TENOR_PAGES || !kinds || !lower) return TENOR_BAD_SIZE;
    auto learnt = std::make_unique<Page>();
    std::copy_n(kinds, kPageSize, learnt->kinds);
    std::copy_n(lower, 3 * kPageSize, learnt->lower[0]);
    const Page* none = nullptr;
    if (reader->pages[page].compare_exchange_strong(none, learnt.get())) learnt.release();
    return TENOR_OK;
  });
}

int64_t tenor_reader_room(const tenor_reader* reader, int64_t bytes, int64_t texts) {
  return reader ? room(*reader, bytes, texts) : 0;
}

tenor_result tenor_reader_encode(const tenor_reader* reader, const tenor_texts* texts) {
  return guarded([&] {
    if (!reader) return TENOR_BAD_SIZE;
    const tenor_result result = checked(texts);
    if (result != TENOR_OK) return result;
    if (!texts->offsets || (texts->texts > 0 && !texts->token_ids)) return TENOR_BAD_SIZE;
    return encode_texts(*reader, *texts);
  });
}

tenor_result tenor_words_create(tenor_words** words) {
  return guarded([&] {
    if (!words) return TENOR_BAD_SIZE;
    *words = new tenor_words;
    return TENOR_OK;
  });
}

void tenor_words_destroy(tenor_words* words) { delete words; }

tenor_result tenor_words_number(tenor_words* words, const tenor_reader* reader, const tenor_texts* texts,
                                int64_t* done) {
  return guarded([&] {
    if (!words || !reader || !done) return TENOR_BAD_SIZE;
    const tenor_result result = checked(texts);
    if (result != TENOR_OK) return result;
    if (!texts->offsets || (texts->texts > 0 && !texts->token_ids) || *done < 0 || *done > texts->texts)
      return TENOR_BAD_SIZE;
    return number_words(words->index, *reader, *texts, *done);
  });
}

void tenor_words_spelled(const tenor_words* words, const char** bytes, const int64_t** offsets,
                         int64_t* count) {
  *bytes = words->index.words().data();
  *offsets = words->index.offsets().data();
  *count = words->index.count();
}

tenor_result tenor_reader_tokenize(const tenor_reader* reader, tenor_pieces* pieces) {
  return guarded([&] {
    if (!reader || !pieces || pieces->size < 0 || !pieces->bytes || !pieces->token_ids ||
        !pieces->starts || !pieces->ends || !pieces->pages)
      return TENOR_BAD_SIZE;
    return find_pieces(*reader, *pieces);
  });
}
