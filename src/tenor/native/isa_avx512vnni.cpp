#define TENOR_ISA avx512vnni
#include "table.hpp"

namespace tenor {

const Kernels kAvx512Vnni = avx512vnni::kernels("avx512vnni");

}  // namespace tenor
