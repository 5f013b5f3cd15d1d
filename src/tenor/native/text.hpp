// Texts in UTF-8 → tokens → ids of a vocabulary, by the rules of tenor/tokenizer.py.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tenor.h"

namespace tenor {

constexpr int64_t kPageSize = 256;
constexpr int kMostCharacters = 64;           // of a word that is spelled out
constexpr int32_t kWordEnd = -1 - 0x110000;

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

// Words → ids, in the order in which they are put in.
class Index {
 public:
  Index() = default;
  Index(const char* words, const int64_t* offsets, int64_t count);
  int32_t find(const char* word, size_t size) const;  // -1 if it is not there
  int32_t find_or_put(const char* word, size_t size);
  int64_t count() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  const std::string& words() const { return words_; }
  const std::vector<int64_t>& offsets() const { return offsets_; }

 private:
  struct Slot {
    uint32_t tag;
    int32_t id;
  };

  std::string words_;  // end to end
  std::vector<int64_t> offsets_{0};
  std::vector<Slot> slots_ = std::vector<Slot>(16, Slot{0, -1});

  const Slot& slot_of(uint64_t hash, const char* word, size_t size) const;  // its own, or a free one
  void put(uint64_t hash, const char* word, size_t size);
  void place(uint64_t hash, int64_t id);  // in a free slot
  void make_room(int64_t words);
};

}  // namespace tenor

struct tenor_reader {
  explicit tenor_reader(const tenor_reader_settings& settings);
  ~tenor_reader();

  tenor_reader_settings settings;  // its arrays are not kept
  tenor::Index index, tags;
  std::vector<int32_t> before, after;
  std::atomic<const tenor::Page*> pages[TENOR_PAGES] = {};
};

struct tenor_words {
  tenor::Index index;
};

namespace tenor {

int64_t room(const tenor_reader& reader, int64_t bytes, int64_t texts);

// Throw std::bad_alloc.
tenor_result encode_texts(const tenor_reader& reader, const tenor_texts& io);
tenor_result find_pieces(const tenor_reader& reader, tenor_pieces& io);
tenor_result number_words(Index& words, const tenor_reader& reader, const tenor_texts& io, int64_t& done);

}  // namespace tenor
