#include "text.hpp"

#include <algorithm>
#include <cstring>

#include "settings.hpp"
#include "threads.hpp"

namespace tenor {
namespace {

constexpr int64_t kBlockBytes = 1 << 16;  // of texts that are read as one task
constexpr int kTagCharacters = 200;       // that a tag may have between its name and its end
constexpr int32_t kApostrophe = 0x2019, kSigma = 0x3a3, kFinalSigma = 0x3c2;

constexpr Page kUnknown{};

struct Character {
  int32_t code;
  int bytes;
};

bool continues(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// A byte that begins no character is one itself, U+FFFD.
Character decoded(const char* at, const char* end) {
  const auto* byte = reinterpret_cast<const unsigned char*>(at);
  const int64_t left = end - at;
  if (byte[0] < 0x80) return {byte[0], 1};
  if (byte[0] >= 0xc2 && byte[0] < 0xe0 && left > 1 && continues(byte[1]))
    return {(byte[0] & 0x1f) << 6 | (byte[1] & 0x3f), 2};
  if ((byte[0] & 0xf0) == 0xe0 && left > 2 && continues(byte[1]) && continues(byte[2])) {
    const int32_t code = (byte[0] & 0x0f) << 12 | (byte[1] & 0x3f) << 6 | (byte[2] & 0x3f);
    if (code >= 0x800 && (code < 0xd800 || code > 0xdfff)) return {code, 3};
  }
  if ((byte[0] & 0xf8) == 0xf0 && left > 3 && continues(byte[1]) && continues(byte[2]) &&
      continues(byte[3])) {
    const int32_t code = (byte[0] & 0x07) << 18 | (byte[1] & 0x3f) << 12 | (byte[2] & 0x3f) << 6 |
                         (byte[3] & 0x3f);
    if (code >= 0x10000 && code < 0x110000) return {code, 4};
  }
  return {0xfffd, 1};
}

void append(std::string& to, int32_t code) {
  const auto put = [&](int32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

bool is_letter(char byte) { return static_cast<unsigned char>((byte | 0x20) - 'a') < 26; }

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

bool is_punctuation(char byte) { return byte > ' ' && byte < 0x7f && !is_letter(byte) && !is_digit(byte); }

bool ends_name(char byte) { return std::memchr(" \t\n\r\f/>", byte, 7) != nullptr; }

uint64_t hashed(const char* word, size_t size) {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;  // 2^64 / the golden ratio
  uint64_t hash = size * kFactor;
  for (; size >= 8; word += 8, size -= 8) {
    uint64_t eight;
    std::memcpy(&eight, word, 8);
    hash = (hash ^ eight) * kFactor;
    hash ^= hash >> 32;
  }
  uint64_t rest = 0;
  std::memcpy(&rest, word, size);
  hash = (hash ^ rest) * kFactor;
  return hash ^ hash >> 29;
}

// Walks one text. Where it meets a page that the reader does not know it notes that down, and goes
// on to meet the others: its tokens are then of no use.
class Walker {
 public:
  Walker(const tenor_reader& reader, const char* begin, const char* end, uint8_t* unknown)
      : reader_(reader),
        options_(reader.settings),
        unknown_(unknown),
        first_page_(page_of(0)),
        at_(begin),
        end_(end) {}

  // The next token, or false at the end.
  bool next(Piece& piece) {
    while (at_ < end_) {
      const Character c = decoded(at_, end_);
      if (c.code == '<' && options_.tags && skip_tag()) continue;
      const uint8_t kind = kind_of(c.code);
      const bool taken = options_.split_spaces ? !(kind & TENOR_SPACE)
                                               : kind & (TENOR_UNSPACED | TENOR_WORD) ||
                                                     !(kind & (TENOR_SPACE | TENOR_INVISIBLE));
      if (!taken) {
        advance(c);
        continue;
      }
      piece.begin = at_;
      piece.first = place_;
      advance(c);
      if (options_.split_spaces)
        rest_of_run();
      else if (kind & TENOR_WORD)
        rest_of_word();
      else
        marks();
      piece.end = at_;
      piece.last = place_;
      return true;
    }
    return false;
  }

  // The token as the vocabulary spells it, in `scratch` or where it stands.
  const char* spelled(const Piece& piece, std::string& scratch, size_t& size) const {
    size = static_cast<size_t>(piece.end - piece.begin);
    if (!options_.lowercase && !options_.delete_punctuation) return piece.begin;
    scratch.assign(piece.begin, piece.end);
    if (options_.lowercase) {
      unsigned char all = 0;  // a plain char has a sign on some processors and none on others
      for (char& byte : scratch) {
        all |= static_cast<unsigned char>(byte);
        byte = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
      }
      if (all >= 0x80) {  // not ASCII
        scratch.clear();
        lower(piece, scratch);
      }
    }
    if (options_.delete_punctuation)
      scratch.erase(std::remove_if(scratch.begin(), scratch.end(), is_punctuation), scratch.end());
    size = scratch.size();
    return scratch.data();
  }

 private:
  const tenor_reader& reader_;
  const tenor_reader_settings& options_;
  uint8_t* const unknown_;  // (TENOR_PAGES,)
  const Page& first_page_;
  const char *at_, *end_;
  int64_t place_ = 0;

  void advance(const Character& c) {
    at_ += c.bytes;
    ++place_;
  }

  const Page& page_of(int32_t code) const {
    const Page* page = reader_.pages[code / kPageSize].load(std::memory_order_acquire);
    if (page) return *page;
    __atomic_store_n(unknown_ + code / kPageSize, uint8_t{1}, __ATOMIC_RELAXED);
    return kUnknown;
  }

  uint8_t kind_of(int32_t code) const {
    return code < kPageSize ? first_page_.kinds[code] : page_of(code).kinds[code % kPageSize];
  }

  bool skip_tag() {
    const char* at = at_ + 1;
    if (at < end_ && *at == '/') ++at;
    char name[16];
    size_t size = 0;
    for (; at < end_ && (is_letter(*at) || is_digit(*at)); ++at) {
      if (size == sizeof name) return false;
      name[size++] = static_cast<char>(*at | 0x20);
    }
    if (size == 0 || at == end_ || !ends_name(*at) || reader_.tags.find(name, size) < 0) return false;
    int64_t places = at - at_;
    for (int left = kTagCharacters; at < end_; --left, ++places) {
      if (*at == '<') return false;
      if (*at == '>') {
        at_ = at + 1;
        place_ += places + 1;
        return true;
      }
      if (left == 0) return false;
      at += decoded(at, end_).bytes;
    }
    return false;
  }

  void marks() {
    while (at_ < end_) {
      const Character c = decoded(at_, end_);
      if (!(kind_of(c.code) & TENOR_MARK)) return;
      advance(c);
    }
  }

  // Letters and their marks; more of them after an apostrophe.
  void rest_of_word() {
    while (at_ < end_) {
      const Character c = decoded(at_, end_);
      if (kind_of(c.code) & (TENOR_WORD | TENOR_MARK)) {
        advance(c);
        continue;
      }
      if ((c.code != '\'' && c.code != kApostrophe) || at_ + c.bytes == end_) return;
      const Character after = decoded(at_ + c.bytes, end_);
      if (!(kind_of(after.code) & TENOR_WORD)) return;
      advance(c);
      advance(after);
    }
  }

  void rest_of_run() {
    while (at_ < end_) {
      const Character c = decoded(at_, end_);
      if (c.code == '<' && options_.tags) {
        const char* const at = at_;
        const int64_t place = place_;
        if (skip_tag()) {
          at_ = at;
          place_ = place;
          return;
        }
      }
      if (kind_of(c.code) & TENOR_SPACE) return;
      advance(c);
    }
  }

  // As str.lower: a capital sigma at the end of a word has a form of its own.
  void lower(const Piece& piece, std::string& to) const {
    Before before{piece.begin, false};
    for (const char* at = piece.begin; at < piece.end;) {
      const Character c = decoded(at, piece.end);
      if (c.code == kSigma && ends_word(piece, at, c.bytes, before)) {
        append(to, kFinalSigma);
      } else {
        for (const int32_t code : page_of(c.code).lower[c.code % kPageSize])
          if (code) append(to, code);
        if (c.code == 0) append(to, 0);
      }
      at += c.bytes;
    }
  }

  // How far a piece was looked through, and whether the last character that is not ignored has a case.
  struct Before {
    const char* end;
    bool cased;
  };

  // Goes through the piece once for all of its sigmas: on from where it was, and forwards to the next one at most.
  // Source: the Unicode standard, 3.13, Final_Sigma.
  bool ends_word(const Piece& piece, const char* at, int bytes, Before& before) const {
    while (before.end < at) {
      const Character c = decoded(before.end, piece.end);
      const uint8_t kind = kind_of(c.code);
      if (!(kind & TENOR_CASE_IGNORED)) before.cased = kind & TENOR_CASED;
      before.end += c.bytes;
    }
    for (const char* after = at + bytes; before.cased && after < piece.end;) {
      const Character c = decoded(after, piece.end);
      const uint8_t kind = kind_of(c.code);
      if (!(kind & TENOR_CASE_IGNORED)) return !(kind & TENOR_CASED);
      after += c.bytes;
    }
    return before.cased;
  }
};

int64_t framing(const tenor_reader& reader) {
  const int64_t added = static_cast<int64_t>(reader.before.size() + reader.after.size());
  return std::max<int64_t>(added, reader.settings.fill_to);
}

// Of a byte: no token is shorter than one. One that is spelled out has its id, a character, its end.
int64_t most_ids(const tenor_reader& reader) { return reader.settings.spells ? 3 : 1; }

bool is_word(int32_t id) { return id >= 0; }

int64_t count_words(const int32_t* begin, const int32_t* end) { return std::count_if(begin, end, is_word); }

// Where so many words end, and the characters after the last of them.
int32_t* after_words(int32_t* begin, int32_t* end, int64_t words) {
  while (begin < end && (words > 0 || !is_word(*begin))) words -= is_word(*begin++);
  return begin;
}

// Keeps at most max_tokens words of a text. Returns where they end.
int32_t* truncated(const tenor_reader_settings& options, int32_t* begin, int32_t* end) {
  const int64_t limit = options.max_tokens, words = limit == 0 ? 0 : count_words(begin, end);
  if (words <= limit) return end;
  const int64_t tail = options.keep == TENOR_KEEP_START  ? 0
                       : options.keep == TENOR_KEEP_END ? limit
                                                        : limit / 2;
  return std::copy(after_words(begin, end, words - tail), end, after_words(begin, end, limit - tail));
}

// A word's characters and its end, as tenor/spelled.py has them.
int32_t* spell(const char* word, size_t size, int32_t* to) {
  int32_t codes[kMostCharacters];
  int count = 0;
  for (const char* const end = word + size; word < end; ++count) {
    if (count == kMostCharacters) return to;
    const Character c = decoded(word, end);
    codes[count] = -1 - c.code;
    word += c.bytes;
  }
  to = std::copy_n(codes, count, to);
  *to++ = kWordEnd;
  return to;
}

struct Encoding {
  const tenor_reader& reader;
  const tenor_texts& io;
  std::vector<int64_t> blocks;  // first text of each, and B
  int32_t* ids;                 // text b writes from places[b] on
  std::vector<int64_t> places;
  std::atomic<bool> out_of_memory{false};

  void encode(int64_t text, std::string& scratch) {
    const int64_t* offsets = io.text_offsets;
    Walker walker(reader, io.bytes + offsets[text], io.bytes + offsets[text + 1], io.pages);
    int32_t* const begin = ids + places[text];
    int32_t* const first = std::copy(reader.before.begin(), reader.before.end(), begin);
    int32_t* to = first;
    Piece piece;
    while (walker.next(piece)) {
      size_t size;
      const char* word = walker.spelled(piece, scratch, size);
      if (size == 0) continue;
      const int32_t id = reader.index.find(word, size);
      *to++ = id < 0 ? reader.settings.unknown_id : id;
      if (id < 0 && reader.settings.spells) to = spell(word, size, to);
    }
    int32_t* const kept = truncated(reader.settings, first, to);
    io.truncated[text] = kept < to;
    to = std::copy(reader.after.begin(), reader.after.end(), kept);
    if (reader.settings.fill_to > 0)
      to = std::fill_n(to, std::max<int64_t>(reader.settings.fill_to - count_words(begin, to), 0),
                       reader.settings.fill_id);
    io.offsets[text + 1] = to - begin;
  }

  void encode_block(int64_t block) noexcept {
    try {
      std::string scratch;
      for (int64_t text = blocks[block]; text < blocks[block + 1]; ++text) encode(text, scratch);
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  }
};

bool any(const uint8_t* pages) {
  return std::any_of(pages, pages + TENOR_PAGES, [](uint8_t page) { return page != 0; });
}

}  // namespace

Index::Index(const char* words, const int64_t* offsets, int64_t count) {
  words_.reserve(static_cast<size_t>(offsets[count]));
  offsets_.reserve(static_cast<size_t>(count) + 1);
  make_room(count);
  for (int64_t id = 0; id < count; ++id) {
    const size_t size = static_cast<size_t>(offsets[id + 1] - offsets[id]);
    if (size == 0)  // no token is empty: a special one that no text can spell
      offsets_.push_back(offsets_.back());
    else
      put(hashed(words + offsets[id], size), words + offsets[id], size);
  }
}

int32_t Index::find(const char* word, size_t size) const { return slot_of(hashed(word, size), word, size).id; }

int32_t Index::find_or_put(const char* word, size_t size) {
  const uint64_t hash = hashed(word, size);
  const int32_t found = slot_of(hash, word, size).id;
  if (found >= 0) return found;
  put(hash, word, size);
  return static_cast<int32_t>(count() - 1);
}

const Index::Slot& Index::slot_of(uint64_t hash, const char* word, size_t size) const {
  const uint64_t mask = slots_.size() - 1;
  for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id < 0) return slot;
    if (slot.tag != static_cast<uint32_t>(hash >> 32)) continue;
    const int64_t begin = offsets_[slot.id];
    if (offsets_[slot.id + 1] - begin == static_cast<int64_t>(size) &&
        !std::memcmp(words_.data() + begin, word, size))
      return slot;
  }
}

void Index::put(uint64_t hash, const char* word, size_t size) {
  make_room(count() + 1);
  words_.resize(static_cast<size_t>(offsets_.back()));  // where memory ran out within an earlier call
  words_.append(word, size);
  offsets_.push_back(static_cast<int64_t>(words_.size()));
  place(hash, count() - 1);
}

void Index::place(uint64_t hash, int64_t id) {
  const uint64_t mask = slots_.size() - 1;
  uint64_t at = hash & mask;
  while (slots_[at].id >= 0) at = (at + 1) & mask;
  slots_[at] = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(id)};
}

void Index::make_room(int64_t words) {
  size_t slots = slots_.size();
  while (slots < 2 * static_cast<size_t>(words)) slots *= 2;
  if (slots == slots_.size()) return;
  slots_.assign(slots, Slot{0, -1});
  for (int64_t id = 0; id < count(); ++id) {
    const size_t size = static_cast<size_t>(offsets_[id + 1] - offsets_[id]);
    if (size > 0) place(hashed(words_.data() + offsets_[id], size), id);
  }
}

int64_t room(const tenor_reader& reader, int64_t bytes, int64_t texts) {
  return bytes * most_ids(reader) + texts * framing(reader);
}

tenor_result encode_texts(const tenor_reader& reader, const tenor_texts& io) {
  const int64_t texts = io.texts, frame = framing(reader);
  io.offsets[0] = 0;
  std::fill_n(io.pages, TENOR_PAGES, uint8_t{0});
  Encoding work{reader, io, {0}, io.token_ids, std::vector<int64_t>(texts)};
  for (int64_t text = 0, begun = 0; text < texts; ++text) {
    work.places[text] = io.text_offsets[text] * most_ids(reader) + text * frame;
    if (io.text_offsets[text] - begun < kBlockBytes) continue;
    work.blocks.push_back(text);
    begun = io.text_offsets[text];
  }
  work.blocks.push_back(texts);
  run(static_cast<int64_t>(work.blocks.size()) - 1, settings().threads.load(),
      [](void* context, int64_t block) { static_cast<Encoding*>(context)->encode_block(block); },
      &work);
  if (work.out_of_memory) return TENOR_NO_MEMORY;
  if (any(io.pages)) return TENOR_NEED_PAGE;
  for (int64_t text = 0, to = 0; text < texts; ++text) {
    const int64_t count = io.offsets[text + 1];
    std::memmove(io.token_ids + to, io.token_ids + work.places[text], count * sizeof(int32_t));
    io.offsets[text + 1] = to += count;
  }
  return TENOR_OK;
}

tenor_result find_pieces(const tenor_reader& reader, tenor_pieces& io) {
  std::fill_n(io.pages, TENOR_PAGES, uint8_t{0});
  Walker walker(reader, io.bytes, io.bytes + io.size, io.pages);
  std::string scratch;
  Piece piece;
  for (io.count = 0; walker.next(piece);) {
    size_t size;
    const char* word = walker.spelled(piece, scratch, size);
    if (size == 0) continue;
    const int32_t id = reader.index.find(word, size);
    io.token_ids[io.count] = id < 0 ? reader.settings.unknown_id : id;
    io.starts[io.count] = piece.first;
    io.ends[io.count++] = piece.last;
  }
  return any(io.pages) ? TENOR_NEED_PAGE : TENOR_OK;
}

tenor_result number_words(Index& words, const tenor_reader& reader, const tenor_texts& io, int64_t& done) {
  std::fill_n(io.pages, TENOR_PAGES, uint8_t{0});
  if (done == 0) io.offsets[0] = 0;
  std::string scratch, spelled;  // of a text, whose words are put in once all is known of its characters
  std::vector<size_t> ends;
  for (; done < io.texts; ++done) {
    Walker walker(reader, io.bytes + io.text_offsets[done], io.bytes + io.text_offsets[done + 1], io.pages);
    spelled.clear();
    ends.clear();
    for (Piece piece; walker.next(piece);) {
      size_t size;
      const char* word = walker.spelled(piece, scratch, size);
      if (size == 0) continue;
      spelled.append(word, size);
      ends.push_back(spelled.size());
    }
    if (any(io.pages)) return TENOR_NEED_PAGE;
    int32_t* to = io.token_ids + io.offsets[done];
    size_t begin = 0;
    for (const size_t end : ends) {
      *to++ = words.find_or_put(spelled.data() + begin, end - begin);
      begin = end;
    }
    io.offsets[done + 1] = to - io.token_ids;
  }
  return TENOR_OK;
}

}  // namespace tenor

tenor_reader::tenor_reader(const tenor_reader_settings& from)
    : settings(from),
      index(from.words, from.word_offsets, from.count),
      before(from.before, from.before + from.before_count),
      after(from.after, from.after + from.after_count) {
  for (const char* name = from.tags; name && *name;) {
    const size_t size = std::strcspn(name, " ");
    tags.find_or_put(name, size);
    name += size + std::strspn(name + size, " ");
  }
}

tenor_reader::~tenor_reader() {
  for (auto& page : pages) delete page.load();
}
