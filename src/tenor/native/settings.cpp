#include "settings.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include <cstdlib>
#include <cstring>

namespace tenor {
namespace {

#if defined(__x86_64__)
// Whether there are tiles of bytes, and this process may use them: Linux wants to be asked, as they make
// the state larger that is kept of a thread.
bool has_tiles() {
#if defined(__linux__)
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25, kAll = kBf16 | kTile | kInt8;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  unsigned a = 0, b = 0, c = 0, features = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &features) && (features & kAll) == kAll &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

std::vector<const Kernels*> supported() {
  std::vector<const Kernels*> found{&kBase};
#if defined(__x86_64__)
  __builtin_cpu_init();
  unsigned a = 0, b = 0, features = 0, d = 0;
  __get_cpuid(1, &a, &b, &features, &d);  // older compilers do not know F16C by name
  const bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && features & bit_F16C;
  if (fma) found.push_back(&kAvx2);
  if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    found.push_back(&kAvx512);
  if (found.back() == &kAvx512 && __builtin_cpu_supports("avx512vnni")) found.push_back(&kAvx512Vnni);
  if (found.back() == &kAvx512Vnni && kAvx512Bf16 && __builtin_cpu_supports("avx512bf16"))
    found.push_back(kAvx512Bf16);
  if (found.back() == kAvx512Bf16 && kAmx && has_tiles()) found.push_back(kAmx);
#endif
  return found;
}

}  // namespace

Settings::Settings() : available(supported()), threads(processors()) {
  for (const Kernels* kernels : available)
    names += (names.empty() ? "" : " ") + std::string(kernels->name);
  const char* isa = std::getenv("TENOR_ISA");
  kernels = isa && *isa ? find(isa) : available.back();
  if (!kernels) ready = TENOR_BAD_ISA;
  const char* count = std::getenv("TENOR_THREADS");
  if (!count || !*count) return;
  char* end;
  const long value = std::strtol(count, &end, 10);
  if (*end || value < 1 || value > kMaxThreads) {
    ready = TENOR_BAD_THREADS;
  } else {
    threads = static_cast<int32_t>(value);
  }
}

const Kernels* Settings::find(const char* name) const {
  for (const Kernels* kernels : available)
    if (!std::strcmp(kernels->name, name)) return kernels;
  return nullptr;
}

Settings& settings() {
  static Settings* found = new Settings;  // never destroyed: threads may outlive static objects
  return *found;
}

}  // namespace tenor
