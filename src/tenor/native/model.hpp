// A reader, layers, poolings and a head put together: texts → logits.
#pragma once

#include <vector>

#include "layer.hpp"
#include "tenor.h"
#include "text.hpp"

constexpr int kLongestNgram = 8, kMostCharNgram = 16;

struct tenor_model {
  const tenor_reader* reader;  // or null
  std::vector<const tenor_layer*> layers;
  int64_t directions;
  std::vector<int32_t> poolings;
  int64_t logits;
  std::vector<tenor_layer> head;  // one dense layer, or two with a ReLU between them
  const float* ngrams;  // (ngram_rows, logits), or null
  const uint8_t* owners;
  int64_t ngram_rows;
  int32_t ngram_order, char_ngrams;
};

namespace tenor {

// All of them throw std::bad_alloc and std::length_error.
tenor_result make_model(const Kernels& kernels, const tenor_model_settings& from, tenor_model& made);
void read_head(const tenor_model& model, const float* pooled, int64_t rows, float* logits);
tenor_result read_ids(const tenor_model& model, const int32_t* token_ids, const int64_t* offsets,
                      int64_t texts, float* logits);
tenor_result read_bytes(const tenor_model& model, const tenor_texts& texts, float* logits);

}  // namespace tenor
