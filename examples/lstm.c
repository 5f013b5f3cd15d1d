/* Reads two short texts with an LSTM of two units, in C.
 *
 * cc -Isrc/tenor/native examples/lstm.c FOLDER/libtenor_core.so -Wl,-rpath,FOLDER -o lstm
 *
 * FOLDER: where the library is; python -c "import tenor.native as n; print(n.status().library)"
 */
#include <stdio.h>

#include "tenor.h"

enum { INPUTS = 3, HIDDEN = 2, TEXTS = 2, WORDS = 5 };

int main(void) {
  float weight_ih[4 * HIDDEN * INPUTS], weight_hh[4 * HIDDEN * HIDDEN];
  for (int i = 0; i < 4 * HIDDEN * INPUTS; ++i) weight_ih[i] = 0.1f * (float)(i % 7 - 3);
  for (int i = 0; i < 4 * HIDDEN * HIDDEN; ++i) weight_hh[i] = 0.2f * (float)(i % 5 - 2);

  float words[WORDS * INPUTS]; /* three words of the first text, two of the second */
  for (int i = 0; i < WORDS * INPUTS; ++i) words[i] = (float)(i % 4) - 1.5f;
  const int64_t offsets[TEXTS + 1] = {0, 3, 5};

  const tenor_layer_settings settings = {.cell = "lstm",
                                         .activation = "tanh",
                                         .inputs = INPUTS,
                                         .hidden = HIDDEN,
                                         .weight_ih = weight_ih,
                                         .weight_hh = weight_hh};
  tenor_layer *layer = NULL;
  tenor_result result = tenor_layer_create(NULL, &settings, &layer);
  float h[TEXTS * HIDDEN];
  if (result == TENOR_OK) {
    const tenor_pass pass = {.x = words,
                             .x_stride = INPUTS,
                             .offsets = offsets,
                             .texts = TEXTS,
                             .words = WORDS,
                             .final_h = h};
    result = tenor_layer_forward(layer, &pass);
  }
  tenor_layer_destroy(layer);
  if (result != TENOR_OK) {
    fprintf(stderr, "tenor: %s\n", tenor_message(result));
    return 1;
  }
  for (int text = 0; text < TEXTS; ++text)
    printf("%.7f %.7f\n", h[text * HIDDEN], h[text * HIDDEN + 1]);
  return 0;
}
