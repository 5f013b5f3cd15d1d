// Texts in UTF-8 → tokens → ids of a vocabulary, by the rules of tenor/tokenizer.py.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tenor.h"

namespace tenor {

constexpr int64_t kPageSize = 256;

// What is known of 256 characters in a row.
struct Page {
  uint8_t kinds[kPageSize];      // TENOR_UNSPACED | …
  int32_t lower[kPageSize][3];   // the characters of the lower-case form, then zeros
};

// A token's place, in bytes and in characters.
struct Piece {
  const char *begin, *end;
  int64_t first, last;
};

// Words → ids.
class Index {
 public:
  Index(const char* words, const int64_t* offsets, int64_t count);
  int32_t find(const char* word, size_t size) const;  // -1 if it is not there

 private:
  struct Slot {
    uint32_t tag;
    int32_t id;
  };

  std::string words_;
  std::vector<int64_t> offsets_;
  std::vector<Slot> slots_;
  uint64_t mask_;
};

}  // namespace tenor

struct tenor_reader {
  explicit tenor_reader(const tenor_reader_settings& settings);
  ~tenor_reader();

  tenor_reader_settings settings;  // its arrays are not kept
  tenor::Index index;
  std::vector<int32_t> before, after;
  std::atomic<const tenor::Page*> pages[TENOR_PAGES] = {};
};

namespace tenor {

int64_t room(const tenor_reader& reader, int64_t bytes, int64_t texts);

// Throw std::bad_alloc.
tenor_result encode_texts(const tenor_reader& reader, const tenor_texts& io);
tenor_result find_pieces(const tenor_reader& reader, tenor_pieces& io);

}  // namespace tenor
