#include "model.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>

#include "settings.hpp"
#include "threads.hpp"

namespace tenor {
namespace {

constexpr int64_t kChunkTexts = 512, kChunkWords = 32768;  // what is in memory for a thread at a time

// What the last layer and one direction made of the texts of a chunk.
struct Summary {
  Floats final_h, start_h, sum_h, max_h;  // (B, H) each

  explicit Summary(int64_t size)
      : final_h(floats(size)), start_h(floats(size)), sum_h(floats(size)), max_h(floats(size)) {}
};

// What is before a word by itself, and before a text's first word.
constexpr uint32_t kAlone = -2, kBeginning = -1;

// Of a word and what is before it. (Wellons 2018, "lowbias32".)
uint32_t ngram_hash(uint32_t before, int32_t word) {
  uint32_t x = before * 0x9e3779b1u + static_cast<uint32_t>(word);
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

// The n-grams that end where one is, in words or in the characters of a word.
struct Runs {
  const int longest;
  int64_t count;
  uint32_t before[kMostCharNgram + 1];  // the next one, by the length of the n-gram

  explicit Runs(int most) : longest(most) { begin(); }

  void begin() {
    count = 0;
    std::fill(before, before + longest + 1, kBeginning);
    before[0] = kAlone;
  }

  void go_on(int32_t id) {
    ++count;
    for (int n = longest - 1; n >= 0; --n) before[n + 1] = ngram_hash(before[n], id);
  }

  // Of those that end here; the longest at the first ones begins with the beginning.
  int64_t different() const { return std::min<int64_t>(longest, count + 1); }
};

// Where an n-gram's scores lie if it owns the row: if the mark there is its own.
struct Ngram {
  int64_t row;
  uint8_t mark;
};

// How often a text has had each row, in room that is used again.
class Times {
 public:
  void clear(int64_t most) {
    size_t size = 64;
    while (size < 2 * static_cast<size_t>(most)) size *= 2;
    if (size > rows_.size()) rows_.assign(size, {-1, 0});
    else std::fill_n(rows_.begin(), size, Row{-1, 0});
    mask_ = size - 1;
  }

  // How often it has been added, this time included.
  int64_t add(int64_t row) {
    for (size_t at = static_cast<size_t>(row) * 0x9e3779b97f4a7c15u >> 32;; ++at) {
      Row& there = rows_[at & mask_];
      if (there.row < 0) there.row = static_cast<int32_t>(row);
      if (there.row == row) return ++there.times;
    }
  }

 private:
  struct Row {
    int32_t row, times;
  };
  std::vector<Row> rows_;
  size_t mask_ = 0;
};

int64_t width_of(int32_t pooling) { return pooling == TENOR_FIRST_LAST ? 2 : 1; }

// Ids of texts, one text after the other.
struct Ids {
  const int32_t* ids;
  const int64_t* offsets;

  int64_t length(int64_t text) const { return offsets[text + 1] - offsets[text]; }
  const int32_t* begin(int64_t text) const { return ids + offsets[text]; }
};

// Texts in chunks of like length, the longest first; a chunk is read by one thread where there are
// enough of them, else by all.
class Reading {
 public:
  // spelled: the same with the characters of words that are spelled out, if the model scores them.
  Reading(const tenor_model& model, const Ids& words, const Ids& spelled, int64_t texts, float* logits)
      : model_(model),
        words_(words),
        spelled_(spelled),
        logits_(logits),
        order_(longest_first(words.offsets, texts)) {
    int64_t together = 0;
    for (int64_t row = 0; row < texts; ++row) {
      together += length(order_[row]);
      if (row > 0 && row - begins_.back() < kChunkTexts && together <= kChunkWords) continue;
      begins_.push_back(row);
      together = length(order_[row]);
    }
    begins_.push_back(texts);
  }

  tenor_result read() {
    const int64_t chunks = static_cast<int64_t>(begins_.size()) - 1;
    const int threads = settings().threads.load();
    inner_ = chunks >= threads ? 1 : threads;
    run(chunks, chunks >= threads ? threads : 1,
        [](void* context, int64_t chunk) { static_cast<Reading*>(context)->read_guarded(chunk); },
        this);
    return result_;
  }

 private:
  const tenor_model& model_;
  const Ids words_, spelled_;
  float* logits_;
  std::vector<int64_t> order_, begins_;  // (B,) texts, longest first; where each chunk begins, and B
  int inner_ = 1;                        // threads of one chunk
  std::atomic<tenor_result> result_{TENOR_OK};

  int64_t length(int64_t text) const { return words_.length(text); }

  void read_guarded(int64_t chunk) {
    const FloatEnvironment environment;
    tenor_result result;
    try {
      result = read_chunk(order_.data() + begins_[chunk], begins_[chunk + 1] - begins_[chunk]);
    } catch (const std::exception&) {
      result = TENOR_NO_MEMORY;
    }
    if (result != TENOR_OK) result_ = result;
  }

  tenor_result read_chunk(const int64_t* texts, int64_t count) {
    std::vector<int64_t> offsets(count + 1, 0);
    for (int64_t row = 0; row < count; ++row) offsets[row + 1] = offsets[row] + length(texts[row]);
    std::vector<int32_t> ids(offsets[count]);
    for (int64_t row = 0; row < count; ++row)
      std::copy_n(words_.begin(texts[row]), length(texts[row]), ids.data() + offsets[row]);

    const int64_t words = offsets[count], directions = model_.directions;
    const int64_t depth = static_cast<int64_t>(model_.layers.size()) / directions;
    std::vector<Summary> summaries;
    Floats below;
    int64_t below_width = 0;
    for (int64_t level = 0; level < depth; ++level) {
      const bool last = level == depth - 1;
      const int64_t hidden = model_.layers[level * directions]->layer.hidden;
      const int64_t width = hidden * directions;
      Floats states = last ? nullptr : floats(words * width);
      for (int64_t d = 0; d < directions; ++d) {
        tenor_pass pass{};
        pass.token_ids = level == 0 ? ids.data() : nullptr;
        pass.x = below.get();
        pass.x_stride = below_width;
        pass.offsets = offsets.data();
        pass.texts = count;
        pass.words = words;
        pass.reverse = d == 1;
        if (last) {
          const Summary& found = summaries.emplace_back(count * hidden);
          pass.final_h = found.final_h.get();
          pass.start_h = found.start_h.get();
          pass.sum_h = found.sum_h.get();
          pass.max_h = found.max_h.get();
        } else {
          pass.states = states.get() + d * hidden;
          pass.states_stride = width;
        }
        const tenor_result result = read_texts(*model_.layers[level * directions + d], pass, inner_);
        if (result != TENOR_OK) return result;
      }
      below = std::move(states);
      below_width = width;
    }
    give_logits(texts, count, summaries);
    return TENOR_OK;
  }

  void give_logits(const int64_t* texts, int64_t count, const std::vector<Summary>& summaries) const {
    const int64_t pooled_width = model_.head.front().layer.inputs, wide = model_.logits;
    const Floats pooled = floats(count * pooled_width), logits = floats(count * wide);
    for (int64_t row = 0; row < count; ++row)
      pool(row, length(texts[row]), summaries, pooled.get() + row * pooled_width);
    read_head(model_, pooled.get(), count, logits.get());
    for (int64_t row = 0; row < count; ++row)
      std::copy_n(logits.get() + row * wide, wide, logits_ + texts[row] * wide);
    if (!model_.ngrams) return;
    std::vector<double> sums(wide);
    std::vector<Ngram> ngrams;
    Times times;
    for (int64_t row = 0; row < count; ++row) add_ngrams(texts[row], ngrams, times, sums);
  }

  // A text's n-grams in the order of their ends; a word's characters come after it. What a text has k times counts
  // the root of k times.
  void add_ngrams(int64_t text, std::vector<Ngram>& ngrams, Times& times, std::vector<double>& sums) const {
    const int64_t wide = model_.logits;
    std::fill(sums.begin(), sums.end(), 0.0);
    ngrams.clear();
    Runs words(model_.ngram_order), characters(model_.char_ngrams);
    const auto take = [&](Runs& runs, int32_t id) {
      runs.go_on(id);
      for (int64_t n = 1; n <= runs.different(); ++n) {
        const uint32_t hash = runs.before[n];
        const int64_t row = static_cast<int64_t>(static_cast<uint64_t>(hash) *
                                                 static_cast<uint64_t>(model_.ngram_rows) >> 32);
        __builtin_prefetch(model_.owners + row);  // all over a table that no near cache holds
        ngrams.push_back({row, static_cast<uint8_t>(hash % 255 + 1)});
      }
    };
    for (const int32_t *id = spelled_.begin(text), *end = spelled_.begin(text + 1); id < end; ++id) {
      if (*id < 0) {
        take(characters, *id);
      } else {
        take(words, *id);
        characters.begin();
      }
    }
    times.clear(static_cast<int64_t>(ngrams.size()));
    for (const Ngram& ngram : ngrams)
      if (model_.owners[ngram.row] == ngram.mark) __builtin_prefetch(model_.ngrams + ngram.row * wide);
    for (const Ngram& ngram : ngrams) {
      if (model_.owners[ngram.row] != ngram.mark) continue;
      const auto time = static_cast<double>(times.add(ngram.row));
      const double share = time > 1 ? std::sqrt(time) - std::sqrt(time - 1) : 1.0;
      for (int64_t c = 0; c < wide; ++c) sums[c] += share * static_cast<double>(model_.ngrams[ngram.row * wide + c]);
    }
    const double scale = std::sqrt(static_cast<double>(std::max<int64_t>(length(text), 1)));
    for (int64_t c = 0; c < wide; ++c) logits_[text * wide + c] += static_cast<float>(sums[c] / scale);
  }

  // One text's vector: the poolings side by side, in each the directions.
  void pool(int64_t row, int64_t words, const std::vector<Summary>& summaries, float* to) const {
    const int64_t hidden = model_.layers.back()->layer.hidden;
    const auto take = [&](const Floats& from) {
      to = std::copy_n(from.get() + row * hidden, hidden, to);
    };
    // Forwards the first word is where reading starts, backwards where it ends.
    const auto first = [&](size_t d) { take(d == 0 ? summaries[d].start_h : summaries[d].final_h); };
    const auto last = [&](size_t d) { take(d == 0 ? summaries[d].final_h : summaries[d].start_h); };
    for (const int32_t pooling : model_.poolings) {
      if (pooling == TENOR_FIRST_LAST)
        for (size_t d = 0; d < summaries.size(); ++d) first(d);
      for (size_t d = 0; d < summaries.size(); ++d) {
        if (pooling == TENOR_LAST) take(summaries[d].final_h);
        if (pooling == TENOR_LAST_WORD || pooling == TENOR_FIRST_LAST) last(d);
        if (pooling == TENOR_MAX) take(summaries[d].max_h);
        if (pooling != TENOR_MEAN) continue;
        const float* sum = summaries[d].sum_h.get() + row * hidden;
        const float count = static_cast<float>(std::max<int64_t>(words, 1));
        to = std::transform(sum, sum + hidden, to, [count](float total) { return total / count; });
      }
    }
  }
};

}  // namespace

tenor_result make_model(const Kernels& kernels, const tenor_model_settings& from, tenor_model& made) {
  made.reader = from.reader;
  made.layers.assign(from.layers, from.layers + from.depth * from.directions);
  made.directions = from.directions;
  made.poolings.assign(from.poolings, from.poolings + from.pooling_count);
  made.logits = from.logits;
  made.ngrams = from.ngrams;
  made.owners = from.owners;
  made.ngram_rows = from.ngram_rows;
  made.ngram_order = from.ngram_order;
  made.char_ngrams = from.char_ngrams;
  int64_t pooled = 0, inputs = 0;
  for (size_t i = 0; i < made.layers.size(); ++i) {
    const tenor_layer* layer = made.layers[i];
    if (!layer) return TENOR_BAD_SIZE;
    const bool lowest = static_cast<int64_t>(i) < from.directions;
    if (lowest ? !layer->folded : layer->layer.inputs != inputs) return TENOR_BAD_SIZE;
    if (layer->layer.hidden != made.layers[i - i % from.directions]->layer.hidden) return TENOR_BAD_SIZE;
    if (static_cast<int64_t>(i) % from.directions == from.directions - 1)
      inputs = layer->layer.hidden * from.directions;
  }
  for (const int32_t pooling : made.poolings) {
    if (pooling < TENOR_LAST || pooling > TENOR_MAX) return TENOR_BAD_NAME;
    pooled += width_of(pooling) * inputs;
  }
  if (pooled != 0 && pooled != from.pooled) return TENOR_BAD_SIZE;
  int64_t width = from.pooled;
  if (from.hidden_weight) {
    pack_dense(kernels, from.hidden_weight, from.hidden_bias, from.hidden, width,
               made.head.emplace_back());
    width = from.hidden;
  }
  pack_dense(kernels, from.weight, from.bias, from.logits, width, made.head.emplace_back());
  return TENOR_OK;
}

void read_head(const tenor_model& model, const float* pooled, int64_t rows, float* logits) {
  const FloatEnvironment environment;
  Floats taken;
  for (const tenor_layer& dense : model.head) {
    const bool last = &dense == &model.head.back();
    const int64_t outputs = dense.layer.hidden, inputs = dense.layer.inputs;
    Floats kept = last ? nullptr : floats(rows * outputs);
    float* to = last ? logits : kept.get();
    const Floats share = floats(kBlockRows * dense.layer.share);
    for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
      const int count = static_cast<int>(std::min<int64_t>(rows - begin, kBlockRows));
      const float* in[kBlockRows];
      for (int row = 0; row < count; ++row) in[row] = pooled + (begin + row) * inputs;
      dense.kernels->keep(dense.layer, in, count, nullptr, share.get());
      for (int row = 0; row < count; ++row)
        for (int64_t i = 0; i < outputs; ++i) {
          const float sum = share[row * dense.layer.share + i];
          to[(begin + row) * outputs + i] = last || !(sum < 0) ? sum : 0.0f;
        }
    }
    taken = std::move(kept);
    pooled = taken.get();
  }
}

tenor_result read_ids(const tenor_model& model, const int32_t* token_ids, const int64_t* offsets,
                      int64_t texts, float* logits) {
  if (texts == 0) return TENOR_OK;
  const Ids spelled{token_ids, offsets};
  if (model.char_ngrams == 0) return Reading(model, spelled, spelled, texts, logits).read();
  std::vector<int32_t> words;
  std::vector<int64_t> ends(texts + 1);
  words.reserve(offsets[texts]);
  for (int64_t text = 0; text < texts; ++text) {
    std::copy_if(spelled.begin(text), spelled.begin(text + 1), std::back_inserter(words),
                 [](int32_t id) { return id >= 0; });
    ends[text + 1] = static_cast<int64_t>(words.size());
  }
  return Reading(model, {words.data(), ends.data()}, spelled, texts, logits).read();
}

tenor_result read_bytes(const tenor_model& model, const tenor_texts& texts, float* logits) {
  const int64_t count = texts.texts;
  const std::unique_ptr<int32_t[]> ids(
      new int32_t[static_cast<size_t>(room(*model.reader, texts.text_offsets[count], count))]);
  std::vector<int64_t> offsets(count + 1);
  tenor_texts filled = texts;
  filled.token_ids = ids.get();
  filled.offsets = offsets.data();
  const tenor_result result = encode_texts(*model.reader, filled);
  return result == TENOR_OK ? read_ids(model, ids.get(), offsets.data(), count, logits) : result;
}

}  // namespace tenor
