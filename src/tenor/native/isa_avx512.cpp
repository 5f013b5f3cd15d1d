#define TENOR_ISA avx512
#include "table.hpp"

namespace tenor {

const Kernels kAvx512 = avx512::kernels("avx512");

}  // namespace tenor
