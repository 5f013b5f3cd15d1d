/* Prints numbers made of every bit that layers of all cells and precisions give for a few texts, and of what
 * training computes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenor.h"

enum { INPUTS = 11, HIDDEN = 37, TEXTS = 12, WORDS = 320, KNOWN = 30, ROWS = 5 * HIDDEN };

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

static const struct {
  const char *cell, *activation;
  int gates, previous, input_gate, output_gate, skip;
} cells[] = {{"lstm", "tanh", 4, 0, 0, 0, 0},     {"gru", "tanh", 3, 0, 0, 0, 0},
             {"rnn", "tanh", 1, 0, 0, 0, 0},      {"rnn", "relu", 1, 0, 0, 0, 0},
             {"linear", "tanh", 2, 0, 0, 0, 0},   {"linear", "tanh", 3, 1, 0, 1, 1},
             {"linear", "relu", 3, 0, 0, 1, 1},   {"linear", "identity", 3, 0, 1, 0, 0}};
static const int64_t offsets[TEXTS + 1] = {0, 0, 1, 50, 53, 53, 60, 90, 99, 120, 200, 250, WORDS};
static int32_t ids[WORDS];

static void stop(tenor_result result) {
  if (result == TENOR_OK) return;
  fprintf(stderr, "tenor: %s\n", tenor_message(result));
  exit(1);
}

/* A layer's states and gradients, for words that are known by their ids, or by their vectors. */
static void learn(size_t c, int by_vector, tenor_precision precision, int reverse, int64_t truncate) {
  const int linear = !strcmp(cells[c].cell, "linear"), rows = (cells[c].gates + cells[c].skip) * HIDDEN;
  const int given = cells[c].gates * HIDDEN;
  float *states = draw(WORDS * HIDDEN, 0), *summaries = draw(4 * TEXTS * HIDDEN, 0);
  float *d_states = draw(WORDS * HIDDEN, 1), *d_summaries = draw(4 * TEXTS * HIDDEN, 1);
  float *d_shares = draw(KNOWN * rows, 0), *d_given = draw(WORDS * given, 0), *d_x = draw(WORDS * INPUTS, 0);
  float *d_ih = draw(given * INPUTS, 0), *d_hh = draw(given * HIDDEN, 0), *d_bias = draw(given + HIDDEN, 0);
  float *one = summaries, *other = d_summaries;
  const int each = TEXTS * HIDDEN;
  tenor_learning_pass pass = {
      .cell = cells[c].cell, .activation = cells[c].activation, .previous = cells[c].previous,
      .input_gate = cells[c].input_gate, .output_gate = cells[c].output_gate, .skip = cells[c].skip,
      .reverse = reverse, .precision = precision, .hidden = HIDDEN, .inputs = INPUTS, .known = KNOWN,
      .words = WORDS, .texts = TEXTS, .x = draw(WORDS * INPUTS, 1), .x_stride = INPUTS,
      .weight_ih = draw(given * INPUTS, 0.4f), .bias = draw(given, 1),
      .truncate = truncate, .weight_hh = linear ? NULL : draw(given * HIDDEN, 0.3f),
      .state_bias = strcmp(cells[c].cell, "gru") ? NULL : draw(HIDDEN, 1),
      .shares = draw(KNOWN * rows, 2), .given = cells[c].previous ? draw(KNOWN * given, 2) : NULL,
      .row_of = by_vector ? NULL : ids, .offsets = offsets, .states = states, .states_stride = HIDDEN, .final_h = one,
      .start_h = one + each, .sum_h = one + 2 * each, .max_h = one + 3 * each, .d_states = {d_states, NULL},
      .d_states_stride = HIDDEN, .d_final = other, .d_start = other + each, .d_sum = other + 2 * each,
      .d_max = other + 3 * each, .d_shares = d_shares, .d_given = cells[c].previous ? d_given : NULL,
      .d_x = d_x, .d_weight_ih = d_ih, .d_weight_hh = d_hh, .d_bias = d_bias, .d_state_bias = d_bias + given};
  tenor_learner *learner = NULL;
  stop(tenor_learner_create(&learner));
  stop(tenor_learner_forward(learner, &pass, 1));
  stop(tenor_learner_backward(learner, &pass, 1));
  tenor_learner_destroy(learner);
  uint64_t hash = hashed(14695981039346656037u, states, WORDS * HIDDEN);
  hash = hashed(hash, summaries, 4 * each);
  hash = hashed(hash, d_shares, KNOWN * rows);
  hash = hashed(hash, d_given, WORDS * given);
  hash = hashed(hashed(hashed(hash, d_x, WORDS * INPUTS), d_ih, given * INPUTS), d_hh, given * HIDDEN);
  hash = hashed(hash, d_bias, given + HIDDEN);
  printf("%s %s learns %016llx\n", cells[c].cell, cells[c].activation, (unsigned long long)hash);
}

/* What updates are made of. */
static void update(void) {
  float *a = draw(70 * 300, 1), *b = draw(300 * 37, 1), *sums = draw(70 * 37, 1), *weight = draw(70 * 37, 1);
  const tenor_product across = {.a = a, .a_row = 1, .a_column = 70, .b = b, .b_row = 1, .b_column = 300,
                                .c = sums, .c_row = 37, .m = 70, .k = 300, .n = 37, .add = 1};
  stop(tenor_multiply(&across));
  float *mean = draw(70 * 37, 0), *square = draw(70 * 37, 0);
  const int32_t rows[3] = {5, 69, 0};
  const tenor_adam_step steps[1] = {{.rate = 0.1f, .shrink = 0.99f, .inverse_bias = 30}};
  tenor_adam adam = {.weight = weight, .mean = mean, .square = square, .row_ids = rows, .rows = 3, .width = 37,
                     .decay = 0.01f, .fresh1 = 0.1f, .beta2 = 0.999f, .fresh2 = 0.001f, .epsilon = 1e-8f,
                     .steps = steps, .count = 1};
  stop(tenor_adam_learn(&adam, sums, 0.7f));
  tenor_adam_step later[300];
  for (int i = 0; i < 300; ++i) later[i] = (tenor_adam_step){.rate = 0.01f, .shrink = 1, .inverse_bias = 20};
  int32_t made[70] = {[5] = 7, [69] = 299};
  adam.decay = 0, adam.row_ids = NULL, adam.rows = 70, adam.steps = later, adam.count = 300;
  stop(tenor_adam_catch_up(&adam, made));
  const tenor_dropout dropout = {.x = a, .rows = 70, .width = 300, .row_share = 0.2f, .share = 0.5f,
                                 .row_seed = 7, .seed = 8};
  stop(tenor_drop(&dropout));
  const int64_t lists[3] = {0, 40, WORDS};
  const tenor_row_lists listed = {.rows = b, .count = KNOWN, .width = 37, .items = ids, .offsets = lists,
                                  .lists = 2, .sums = mean};
  stop(tenor_sum_lists(&listed));
  uint64_t hash = hashed(14695981039346656037u, sums, 70 * 37);
  hash = hashed(hashed(hash, weight, 70 * 37), square, 70 * 37);
  hash = hashed(hashed(hash, a, 70 * 300), mean, 70 * 37);
  printf("updates %016llx\n", (unsigned long long)hash);
}

int main(void) {
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
      stop(result);
      printf("%s %s %d %016llx\n", cells[c].cell, cells[c].activation, precision,
             (unsigned long long)hash);
    }
    for (int way = 0; way < 2; ++way) learn(c, 0, TENOR_FLOAT32, way, way ? 7 : 0);
    for (int precision = TENOR_FLOAT32; precision <= TENOR_BF16 && strcmp(cells[c].cell, "linear"); ++precision)
      learn(c, 1, precision, precision == TENOR_BF16, 0);
  }
  update();
  return 0;
}
