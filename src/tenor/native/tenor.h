/* Tenor's compiled core: a plain C interface. examples/lstm.c is a complete program.
 *
 * Arrays are float32 in row order, or float64 where learning says so. Texts are ragged: the words
 * of all texts stand end to end and text b is words offsets[b] to offsets[b + 1] - 1; padding does
 * not exist. Letters: B texts, N words of all texts, E inputs, H hidden units, V known words.
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

#define TENOR_INTERFACE 14 /* grows when anything below changes its meaning */

typedef enum {
  TENOR_OK = 0,
  TENOR_BAD_ISA = 1,     /* unknown, or this processor lacks it */
  TENOR_BAD_THREADS = 2, /* not a whole number from 1 to 1024 */
  TENOR_BAD_SIZE = 3,    /* a size out of its range, or a needed array is NULL */
  TENOR_BAD_OFFSETS = 4, /* do not rise from 0 to the number of words */
  TENOR_BAD_NAME = 5,    /* no activation or cell of this name */
  TENOR_NO_MEMORY = 6,
  TENOR_BAD_IDS = 7,     /* an id is not a row of what it names rows of */
  TENOR_NEED_PAGE = 8    /* a text has a character of which the reader was told nothing */
} tenor_result;

/* TENOR_INTERFACE of the library that is loaded. */
TENOR_API int32_t tenor_interface(void);

/* What a result means, as one sentence. */
TENOR_API const char *tenor_message(tenor_result result);

/* TENOR_OK, or which environment variable holds a value that cannot be used. */
TENOR_API tenor_result tenor_ready(void);

/* The instruction set in use: TENOR_ISA, else the last of tenor_isas. NULL when not ready. */
TENOR_API const char *tenor_isa(void);

/* The instruction sets this processor has, slowest first: "base avx2 avx512 avx512vnni avx512bf16 amx".
 * For "amx" the process asks Linux once, when they are found out, to be allowed its tiles. */
TENOR_API const char *tenor_isas(void);

/* Threads a call may use, the calling one included. At first TENOR_THREADS, else the processors
 * this process may run on. */
TENOR_API int32_t tenor_threads(void);
TENOR_API tenor_result tenor_set_threads(int32_t threads);

/* y[i] = "sigmoid" or "tanh" of x[i], within 2 units in the last place of every result that is a
 * normal float. isa may be NULL. */
TENOR_API tenor_result tenor_activation(const char *isa, const char *name, const float *x,
                                        float *y, int64_t count);

/* How exactly a layer computes. TENOR_INT8: a product with what lies in -1 to 1 is a sum of whole numbers,
 * each row's weights in 127ths of its largest, the other factor in 127ths. Such are the states of all but a
 * "relu" layer, whose H is then at most 4096, and bounded inputs, at most 8192 of them. TENOR_FLOAT64 is for
 * learning alone. */
typedef enum { TENOR_FLOAT32 = 0, TENOR_BF16 = 1, TENOR_INT8 = 2, TENOR_FLOAT64 = 3 } tenor_precision;

/* How many multiply-adds a second this machine does at best, of whole numbers with TENOR_INT8 and of floats
 * with the others, with an instruction set (NULL for the one in use) and so many threads, found out in about so
 * many seconds. */
TENOR_API tenor_result tenor_roof(const char *isa, tenor_precision precision, int32_t threads,
                                  double seconds, double *multiply_adds);

/* One layer and direction, its weights packed for one instruction set. */
typedef struct tenor_layer tenor_layer;

/* What a layer is. G gates stand one below the other in its weights, H rows each, as in PyTorch:
 *   "lstm"    input, forget, cell, output
 *   "gru"     reset, update, new
 *   "rnn"     one
 *   "linear"  forget, candidate; then what it has of input gate, output gate and skip. The state is
 *             c = f * c + (1 - f) * z, or with an input gate (f * c + i * z) / (f + i), and the
 *             output is c, times the output gate o, plus the skip, times 1 - o. */
typedef struct {
  const char *cell;
  const char *activation; /* of "rnn": "tanh", "relu"; of "linear"'s candidate also "identity" */
  int64_t inputs, hidden; /* E and H */
  int32_t previous, input_gate, output_gate, skip; /* "linear" only: not 0 where it has such */
  tenor_precision precision;
  int32_t bounded_inputs; /* not 0: they lie in -1 to 1, as what layers below give; there is nothing to fold */
  const float *weight_ih;       /* (G*H, E) */
  const float *weight_previous; /* "linear" with previous: for the word before, without the skip */
  const float *weight_hh;       /* (G*H, H); NULL for "linear" */
  const float *bias_ih;         /* (G*H,) or NULL for zeros */
  const float *bias_hh;         /* (G*H,) or NULL for zeros; NULL for "linear" */
} tenor_layer_settings;

/* Copies the weights. isa may be NULL. Give the layer back with tenor_layer_destroy. */
TENOR_API tenor_result tenor_layer_create(const char *isa, const tenor_layer_settings *settings,
                                          tenor_layer **layer);

TENOR_API void tenor_layer_destroy(tenor_layer *layer);

/* Lets passes give ids of words in place of their vectors: what a layer computes from a word's
 * vector is then computed once. The first words of the table are kept, as many as fit into so many
 * bytes; the vectors (V, E) are read when words first come, and must live as long as the layer.
 * To be called once, before any pass. */
TENOR_API tenor_result tenor_layer_fold(tenor_layer *layer, const float *vectors, int64_t count,
                                        int64_t bytes);

/* What a pass reads and fills; arrays that are not wanted are NULL. Strides are in floats, from one
 * row to the next; x and states must not overlap. */
typedef struct {
  const float *x; /* (N, E), or NULL where token_ids are given */
  int64_t x_stride;
  const int32_t *token_ids; /* (N,) rows of the vectors given to tenor_layer_fold */
  const int64_t *offsets;   /* (B + 1,) from 0 to N, never falling; equal neighbours: no words */
  int64_t texts;            /* B, may be 0 */
  int64_t words;            /* N, may be 0 */
  int32_t reverse;          /* not 0: read each text from its last word to its first */
  const float *initial_h;   /* (B, H) the state to go on from; NULL for zeros */
  const float *initial_c;   /* (B, H) likewise, of "lstm" and "linear" */
  const float *initial_carry; /* (B, G*H) what the word before gives, of "linear" with previous */
  float *states;            /* (N, H) h after every word */
  int64_t states_stride;
  float *final_h;           /* (B, H) after the last word read; the initial state where there is none */
  float *final_c;           /* (B, H) likewise */
  float *final_carry;       /* (B, G*H) likewise */
  float *start_h;           /* (B, H) h after the first word read; zeros where there is none */
  float *sum_h;             /* (B, H) of h after every word, in the order of reading */
  float *max_h;             /* (B, H) likewise */
} tenor_pass;

/* Read whole texts. Changes nothing but the arrays to fill. */
TENOR_API tenor_result tenor_layer_forward(const tenor_layer *layer, const tenor_pass *pass);

/* Texts → token ids: a tokenizer, its rules those of tenor/tokenizer.py, and a vocabulary. */
typedef struct tenor_reader tenor_reader;

/* Kinds of characters. A token is a character of a script without spaces and the marks after it, or
 * a run of word characters and marks, with apostrophes inside, or any other visible character and
 * the marks after it. */
enum {
  TENOR_UNSPACED = 1,
  TENOR_WORD = 2, /* but not of a script without spaces */
  TENOR_MARK = 4,
  TENOR_SPACE = 8,
  TENOR_INVISIBLE = 16,
  TENOR_CASED = 32, /* this and the next decide on the form of a Greek sigma */
  TENOR_CASE_IGNORED = 64
};

enum { TENOR_PAGES = 0x110000 / 256 };

enum { TENOR_KEEP_START = 0, TENOR_KEEP_END = 1, TENOR_KEEP_BOTH = 2 };

typedef struct {
  int32_t split_spaces; /* not 0: tokens end at white space only */
  int32_t lowercase, delete_punctuation;
  const char *tags; /* names of tags that are read as white space, in lower case, a space between; NULL: none */
  int64_t max_tokens; /* 0 reads all */
  int32_t keep;       /* which part of a longer text: TENOR_KEEP_… */
  const char *words;  /* UTF-8, V of them end to end; an empty one is never found */
  const int64_t *word_offsets; /* (V + 1,) */
  int64_t count;               /* V */
  int32_t unknown_id;
  const int32_t *before, *after; /* ids that are read before and after each text */
  int64_t before_count, after_count;
  int64_t fill_to; /* fill each text up to so many ids with fill_id */
  int32_t fill_id;
  int32_t spells; /* not 0: after the id of an unknown word come its characters, tenor/spelled.py */
} tenor_reader_settings;

/* Copies words and names. Give the reader back with tenor_reader_destroy. */
TENOR_API tenor_result tenor_reader_create(const tenor_reader_settings *settings,
                                           tenor_reader **reader);

TENOR_API void tenor_reader_destroy(tenor_reader *reader);

/* Tells the reader of the characters page * 256 to page * 256 + 255: their kinds, and the up to three
 * characters of their lower-case forms, zeros after them. Once a page is known it stays. */
TENOR_API tenor_result tenor_reader_learn(tenor_reader *reader, int64_t page,
                                          const uint8_t *kinds, const int32_t *lower);

typedef struct {
  const char *bytes;           /* UTF-8; a byte that belongs to no character is read as U+FFFD */
  const int64_t *text_offsets; /* (B + 1,) in bytes, from 0, never falling */
  int64_t texts;               /* B */
  int32_t *token_ids;          /* room for tenor_reader_room ids, N of them filled */
  int64_t *offsets;            /* (B + 1,) where each text's ids begin */
  uint8_t *truncated;          /* (B,) whether a text was longer than is read */
  uint8_t *pages;              /* (TENOR_PAGES,) 1 for those to learn, with TENOR_NEED_PAGE */
} tenor_texts;

/* How many ids so many texts of so many bytes in all may give at most. */
TENOR_API int64_t tenor_reader_room(const tenor_reader *reader, int64_t bytes, int64_t texts);

TENOR_API tenor_result tenor_reader_encode(const tenor_reader *reader, const tenor_texts *texts);

/* The different words of texts, numbered in the order in which they first come. */
typedef struct tenor_words tenor_words;

TENOR_API tenor_result tenor_words_create(tenor_words **words);

TENOR_API void tenor_words_destroy(tenor_words *words);

/* Numbers the tokens of whole texts by a reader's rules: its vocabulary, truncation and frame do nothing.
 * *done is how many of the texts are done, 0 at first; after TENOR_NEED_PAGE the call is made again as it
 * left it. token_ids has room for as many ids as the texts have bytes; truncated is not used. */
TENOR_API tenor_result tenor_words_number(tenor_words *words, const tenor_reader *reader,
                                          const tenor_texts *texts, int64_t *done);

/* The words so far, end to end, and (count + 1,) where each begins, until the next call. */
TENOR_API void tenor_words_spelled(const tenor_words *words, const char **bytes, const int64_t **offsets,
                                   int64_t *count);

/* A whole model: texts → logits. */
typedef struct tenor_model tenor_model;

/* What is taken of the last layer's h: after the last word that each direction reads; at the last word of
 * the text; at its first and its last; the mean; the largest. */
enum { TENOR_LAST = 0, TENOR_LAST_WORD, TENOR_FIRST_LAST, TENOR_MEAN, TENOR_MAX };

typedef struct {
  const tenor_reader *reader;       /* NULL where texts are given as ids */
  const tenor_layer *const *layers; /* depth * directions, the lowest first; those with tenor_layer_fold done */
  int64_t depth, directions;        /* directions: 1, or 2, of which the second reads backwards */
  const int32_t *poolings;          /* TENOR_LAST …, side by side, in each the directions */
  int64_t pooling_count;            /* 0: only tenor_model_head may be called */
  int64_t pooled;                   /* P: their width */
  const float *hidden_weight, *hidden_bias; /* (K, P) and (K,) of a ReLU layer, or NULL */
  int64_t hidden;                           /* K */
  const float *weight, *bias;               /* (C, K or P) and (C,) */
  int64_t logits;                           /* C */
  const float *ngrams; /* (ngram_rows, C) scores of n-grams, added to the logits: tenor/ngrams.py; or NULL */
  const uint8_t *owners; /* (ngram_rows,) the marks of those that own the rows */
  int64_t ngram_rows;
  int32_t ngram_order; /* the most words of an n-gram, 1 to 8 */
  int32_t char_ngrams; /* the most characters of one of characters, 1 to 16; 0: ids have none among them */
} tenor_model_settings;

/* Copies the weights of the head, but not the n-grams. These, reader and layers must live as long as
 * the model, which is given back with tenor_model_destroy. isa may be NULL. */
TENOR_API tenor_result tenor_model_create(const char *isa, const tenor_model_settings *settings,
                                          tenor_model **model);

TENOR_API void tenor_model_destroy(tenor_model *model);

/* Logits (B, C) of texts; token_ids and offsets of the argument are not used. */
TENOR_API tenor_result tenor_model_read(const tenor_model *model, const tenor_texts *texts,
                                        float *logits);

/* Logits (B, C) of texts given as ids (N,), with char_ngrams also characters among them; each text begins
 * at its offset (B + 1,). */
TENOR_API tenor_result tenor_model_read_ids(const tenor_model *model, const int32_t *token_ids,
                                            const int64_t *offsets, int64_t texts, float *logits);

/* Logits (rows, C) of pooled vectors (rows, P), such as a caller makes who reads word by word; without
 * what n-grams add. */
TENOR_API tenor_result tenor_model_head(const tenor_model *model, const float *pooled, int64_t rows,
                                        float *logits);

typedef struct {
  const char *bytes;
  int64_t size;
  int32_t *token_ids;     /* room for `size` */
  int64_t *starts, *ends; /* likewise: places in characters */
  int64_t count;          /* tokens found */
  uint8_t *pages;         /* (TENOR_PAGES,) as above */
} tenor_pieces;

/* The tokens of one text, all of them, with their places. */
TENOR_API tenor_result tenor_reader_tokenize(const tenor_reader *reader, tenor_pieces *pieces);

/* What training needs. Denormal numbers count as zeros in it. */

/* Numbers of a product and of a pass are floats, or with TENOR_FLOAT64 doubles, in which gradients are checked: on
 * any processor they take a multiple of the time. */

/* A product of matrices, C = A B or C + A B. Steps are in numbers, from one element to the next. */
typedef struct {
  const void *a; /* (M, K) */
  int64_t a_row, a_column;
  const void *b; /* (K, N) */
  int64_t b_row, b_column;
  const void *bias; /* (N,) where sums begin; NULL for zeros */
  void *c;          /* (M, N), its columns side by side */
  int64_t c_row;
  int64_t m, k, n;
  int32_t add; /* not 0: to what C holds, and then without a bias */
  tenor_precision precision; /* TENOR_BF16: both factors are rounded, sums are not */
} tenor_product;

TENOR_API tenor_result tenor_multiply(const tenor_product *product);

/* Memory that is used again and again. A learner belongs to one thread at a time. */
typedef struct tenor_learner tenor_learner;

TENOR_API tenor_result tenor_learner_create(tenor_learner **learner);

TENOR_API void tenor_learner_destroy(tenor_learner *learner);

/* The different ones among ids (N,) below V, in the order in which they come: known (U,), and row_of
 * (N,) which of them each is. */
TENOR_API tenor_result tenor_learner_known(tenor_learner *learner, const int32_t *ids, int64_t count,
                                           int64_t vocabulary, int32_t *known, int32_t *row_of,
                                           int64_t *known_count);

/* A layer, one direction: U known words make up the N words of B texts. Of a word there is its share, one for
 * each known word, or, without row_of, but not for "linear", its vector. States that are NULL are not wanted;
 * gradients that are NULL are zeros. G is the number of gates. */
typedef struct {
  const char *cell, *activation; /* and the next four, as in tenor_layer_settings */
  int32_t previous, input_gate, output_gate, skip, reverse;
  tenor_precision precision; /* of products, but for "linear", as in tenor_product */
  int64_t hidden, inputs, known, words, texts; /* H, I, U, N, B */
  int64_t truncate;        /* gradients of states stay within windows of so many words; 0: no windows */
  const void *weight_hh;  /* (G*H, H), or NULL for "linear" */
  const void *state_bias; /* (H,) of a "gru": that of its new gate that stands beside the state; or NULL */
  const void *shares;     /* (U, G*H), with a skip (U, (G+1)*H): weight_ih x + all other biases */
  const void *given;      /* (U, G*H): weight_previous x, with previous */
  const int32_t *row_of;   /* (N,); for "linear" NULL where word i is known word i */
  const void *x;          /* (N, I) */
  int64_t x_stride;
  const void *weight_ih, *bias; /* (G*H, I), (G*H,) all other biases, or NULL */
  const int64_t *offsets;
  void *states; /* (N, H) */
  int64_t states_stride;
  void *final_h, *start_h, *sum_h, *max_h; /* (B, H), as in tenor_pass; the last two may be NULL */
  const void *d_states[2];                 /* (N, H) whose sum it is; for "linear" the second is NULL */
  int64_t d_states_stride;
  const void *d_final, *d_start, *d_sum, *d_max; /* of a largest state, that of the first word with it */
  void *d_shares, *d_given;
  void *d_x;                        /* (N, I) */
  void *d_weight_ih, *d_weight_hh;  /* (G*H, I), (G*H, H), the second but for "linear" */
  void *d_bias, *d_state_bias;      /* (G*H,), but for "linear"; (H,), for a "gru" */
  void *kept; /* what backward needs of forward; NULL: in the learner. With it a gated layer has no d_max */
  int64_t kept_size;                 /* numbers that kept has room for */
} tenor_learning_pass;

/* Numbers that are kept: of a gated layer N times TENOR_KEPT(G + 2, H), of a "linear" one U times TENOR_KEPT of
 * the number of vectors in a row of shares and of given. */
#define TENOR_KEPT(vectors, hidden) ((vectors) * (((hidden) + 63) / 64 * 64))

/* Reads the texts of some layers that do not depend on each other, such as two directions. */
TENOR_API tenor_result tenor_learner_forward(tenor_learner *learner, const tenor_learning_pass *passes,
                                             int64_t count);

/* Fills the gradients, d_shares to d_state_bias, of the passes that were read last. */
TENOR_API tenor_result tenor_learner_backward(tenor_learner *learner, const tenor_learning_pass *passes,
                                              int64_t count);

/* What is one step's own of Adam (Kingma & Ba 2015). */
typedef struct {
  float rate;         /* learning rate / (1 - beta1^step) */
  float shrink;       /* the weight is multiplied with this */
  float inverse_bias; /* 1 / sqrt(1 - beta2^step) */
} tenor_adam_step;

/* Adam on some rows of a weight (V, W). */
typedef struct {
  float *weight, *mean, *square; /* (V, W) */
  const int32_t *row_ids;        /* (rows,), all different; NULL for 0, 1, … */
  int64_t rows, width;
  float decay;         /* so much of the weight is added to the gradient */
  float fresh1;        /* 1 - beta1: the share that a gradient has in the mean */
  float beta2, fresh2; /* and 1 - beta2 */
  float epsilon;
  const tenor_adam_step *steps; /* (count,) */
  int64_t count;
} tenor_adam;

/* The first of the steps, with a gradient (rows, W) that is multiplied with scale. */
TENOR_API tenor_result tenor_adam_learn(const tenor_adam *adam, const float *gradient, float scale);

/* The steps that the rows still have to make without a gradient: of each row of the weight, made (V,) says how
 * many it has made, and comes to be count. Steps that would change no bit of the weight are skipped. */
TENOR_API tenor_result tenor_adam_catch_up(const tenor_adam *adam, int32_t *made);

/* Dropout, in place: rows and elements are gone by a random number that is a function of seed and place,
 * so that the same call takes the same away again. */
typedef struct {
  float *x;           /* (rows, W) */
  const int32_t *ids; /* (rows,) what a row is known by; NULL for its number */
  int64_t rows, width;
  float row_share, share; /* from 0 to less than 1 */
  uint32_t row_seed, seed;
} tenor_dropout;

TENOR_API tenor_result tenor_drop(const tenor_dropout *dropout);

/* For each list of numbers of rows the sum of shares of these rows, added in order and in double.
 * Where a number is not that of a row, some sums may be there, and some not. */
typedef struct {
  const float *rows; /* (K, W) */
  int64_t count;     /* K */
  int64_t width;
  const int32_t *items;   /* (M,) numbers of rows, of all lists */
  const float *shares;    /* (M,) how much of each; NULL: all of it */
  const int64_t *offsets; /* (N + 1,) where each list begins */
  int64_t lists;          /* N */
  float *sums;            /* (N, W) */
} tenor_row_lists;

TENOR_API tenor_result tenor_sum_lists(const tenor_row_lists *lists);

#ifdef __cplusplus
}
#endif

#endif
