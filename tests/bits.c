/* Prints a number made of every bit that layers of all cells and precisions give for a few texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenor.h"

enum { INPUTS = 11, HIDDEN = 37, TEXTS = 9, WORDS = 120, KNOWN = 30, ROWS = 5 * HIDDEN };

static uint32_t state = 1;

/* Numbers of -1 to 1 that are the same everywhere. */
static float drawn(void) {
  state = state * 1664525u + 1013904223u;
  return (float)(int32_t)state / 2147483648.0f;
}

static float *draw(int count, float size) {
  float *found = malloc(sizeof(float) * (size_t)count);
  for (int i = 0; i < count; ++i) found[i] = size * drawn();
  return found;
}

static uint64_t hashed(uint64_t hash, const float *from, int count) {
  for (int i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, from + i, sizeof bits);
    hash = (hash ^ bits) * 1099511628211u;
  }
  return hash;
}

int main(void) {
  static const struct {
    const char *cell, *activation;
    int previous, input_gate, output_gate, skip;
  } cells[] = {{"lstm", "tanh", 0, 0, 0, 0},     {"gru", "tanh", 0, 0, 0, 0},
               {"rnn", "tanh", 0, 0, 0, 0},      {"rnn", "relu", 0, 0, 0, 0},
               {"linear", "tanh", 0, 0, 0, 0},   {"linear", "tanh", 1, 0, 1, 1},
               {"linear", "relu", 0, 0, 1, 1},   {"linear", "identity", 0, 1, 0, 0}};
  const int64_t offsets[TEXTS + 1] = {0, 0, 1, 50, 53, 53, 60, 90, 99, WORDS};
  int32_t ids[WORDS];
  float *vectors = draw(KNOWN * INPUTS, 3);
  float *ih = draw(ROWS * INPUTS, 0.4f), *previous = draw(ROWS * INPUTS, 0.4f);
  float *hh = draw(ROWS * HIDDEN, 0.3f), *bias = draw(ROWS, 1);
  for (int i = 0; i < WORDS; ++i) ids[i] = (int32_t)((drawn() + 1) * 0.4999f * KNOWN);
  for (size_t c = 0; c < sizeof cells / sizeof *cells; ++c) {
    for (int precision = TENOR_FLOAT32; precision <= TENOR_INT8; ++precision) {
      const int linear = !strcmp(cells[c].cell, "linear");
      const tenor_layer_settings settings = {.cell = cells[c].cell,
                                             .activation = cells[c].activation,
                                             .inputs = INPUTS,
                                             .hidden = HIDDEN,
                                             .previous = cells[c].previous,
                                             .input_gate = cells[c].input_gate,
                                             .output_gate = cells[c].output_gate,
                                             .skip = cells[c].skip,
                                             .precision = (tenor_precision)precision,
                                             .weight_ih = ih,
                                             .weight_previous = previous,
                                             .weight_hh = linear ? NULL : hh,
                                             .bias_ih = bias,
                                             .bias_hh = linear ? NULL : bias};
      tenor_layer *layer = NULL;
      tenor_result result = tenor_layer_create(NULL, &settings, &layer);
      if (result == TENOR_OK) result = tenor_layer_fold(layer, vectors, KNOWN, 4000);
      float h[TEXTS * HIDDEN], start[TEXTS * HIDDEN], sum[TEXTS * HIDDEN], max[TEXTS * HIDDEN];
      uint64_t hash = 14695981039346656037u;
      for (int reverse = 0; reverse < 2 && result == TENOR_OK; ++reverse) {
        const tenor_pass pass = {.token_ids = ids, .offsets = offsets, .texts = TEXTS,
                                 .words = WORDS,   .reverse = reverse, .final_h = h,
                                 .start_h = start, .sum_h = sum,       .max_h = max};
        result = tenor_layer_forward(layer, &pass);
        const float *arrays[] = {h, start, sum, max};
        for (int i = 0; i < 4; ++i) hash = hashed(hash, arrays[i], TEXTS * HIDDEN);
      }
      tenor_layer_destroy(layer);
      if (result != TENOR_OK) {
        fprintf(stderr, "tenor: %s\n", tenor_message(result));
        return 1;
      }
      printf("%s %s %d %016llx\n", cells[c].cell, cells[c].activation, precision,
             (unsigned long long)hash);
    }
  }
  return 0;
}
