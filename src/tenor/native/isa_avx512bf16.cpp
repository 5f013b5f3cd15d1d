#if defined(__AVX512BF16__)
#define TENOR_ISA avx512bf16
#include "table.hpp"
#else
#include "kernels.hpp"
#endif

namespace tenor {

#if defined(__AVX512BF16__)
static const Kernels kOfPairs = avx512bf16::kernels("avx512bf16");
const Kernels* const kAvx512Bf16 = &kOfPairs;
#else
const Kernels* const kAvx512Bf16 = nullptr;
#endif

}  // namespace tenor
