#define TENOR_ISA avx2
#include "table.hpp"

namespace tenor {

const Kernels kAvx2 = avx2::kernels("avx2");

}  // namespace tenor
