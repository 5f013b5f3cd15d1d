/* Tenor's compiled core: a plain C interface. examples/lstm.c is a complete program.
 *
 * Arrays are float32 in row order. Texts are ragged: the words of all texts stand end to end and
 * text b is words offsets[b] to offsets[b + 1] - 1; padding does not exist. Letters: B texts,
 * N words of all texts, E inputs, H hidden units.
 *
 * A text's result depends on the text and the weights only: not on the texts beside it, their
 * order, the number of threads or the instruction set. Every function may be called from any
 * thread, at the same time too, and after fork.
 *
 * Environment, read once: TENOR_ISA (one of tenor_isas) and TENOR_THREADS (1 to 1024).
 */
#ifndef TENOR_H
#define TENOR_H

#include <stdint.h>

#if defined(__GNUC__)
#define TENOR_API __attribute__((visibility("default")))
#else
#define TENOR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TENOR_INTERFACE 1 /* grows when anything below changes its meaning */

typedef enum {
  TENOR_OK = 0,
  TENOR_BAD_ISA = 1,     /* unknown, or this processor lacks it */
  TENOR_BAD_THREADS = 2, /* not a whole number from 1 to 1024 */
  TENOR_BAD_SIZE = 3,    /* a size below 1 or too large, or a needed array is NULL */
  TENOR_BAD_OFFSETS = 4, /* do not rise from 0 to the number of words */
  TENOR_BAD_NAME = 5,    /* no activation of this name */
  TENOR_NO_MEMORY = 6
} tenor_result;

/* TENOR_INTERFACE of the library that is loaded. */
TENOR_API int32_t tenor_interface(void);

/* What a result means, as one sentence. */
TENOR_API const char *tenor_message(tenor_result result);

/* TENOR_OK, or which environment variable holds a value that cannot be used. */
TENOR_API tenor_result tenor_ready(void);

/* The instruction set in use: TENOR_ISA, else the last of tenor_isas. NULL when not ready. */
TENOR_API const char *tenor_isa(void);

/* The instruction sets this processor has, slowest first: "base avx2 avx512". */
TENOR_API const char *tenor_isas(void);

/* Threads a call may use, the calling one included. At first TENOR_THREADS, else the processors
 * this process may run on. */
TENOR_API int32_t tenor_threads(void);
TENOR_API tenor_result tenor_set_threads(int32_t threads);

/* y[i] = "exp", "sigmoid" or "tanh" of x[i], within 2 units in the last place. isa may be NULL. */
TENOR_API tenor_result tenor_activation(const char *isa, const char *name, const float *x,
                                        float *y, int64_t count);

/* One layer and direction of an LSTM, its weights packed for one instruction set. */
typedef struct tenor_lstm tenor_lstm;

/* Copies the weights: weight_ih (4H, E), weight_hh (4H, H), bias (4H,), the sum of PyTorch's two.
 * Gates stand one below the other as in torch.nn.LSTM: input, forget, cell, output. isa may be
 * NULL. Give the layer back with tenor_lstm_destroy. */
TENOR_API tenor_result tenor_lstm_create(const char *isa, int64_t inputs, int64_t hidden,
                                         const float *weight_ih, const float *weight_hh,
                                         const float *bias, tenor_lstm **layer);

TENOR_API void tenor_lstm_destroy(tenor_lstm *layer);

/* What a pass reads and fills. Strides are in floats, from one row to the next; x and states must
 * not overlap. */
typedef struct {
  const float *x; /* (N, E) */
  int64_t x_stride;
  const int64_t *offsets; /* (B + 1,) from 0 to N, never falling; equal neighbours: no words */
  int64_t texts;          /* B, may be 0 */
  int64_t words;          /* N, may be 0 */
  int32_t reverse;        /* not 0: read each text from its last word to its first */
  const float *initial_h; /* (B, H) the state to go on from; NULL for zeros */
  const float *initial_c; /* (B, H) likewise */
  float *states;          /* (N, H) h after every word; NULL if not wanted */
  int64_t states_stride;
  float *final_h; /* (B, H) after the last word read; the initial state where there is none */
  float *final_c; /* (B, H) */
} tenor_lstm_pass;

/* Read whole texts. Changes nothing but the arrays to fill. */
TENOR_API tenor_result tenor_lstm_forward(const tenor_lstm *layer, const tenor_lstm_pass *pass);

#ifdef __cplusplus
}
#endif

#endif
