#define TENOR_ISA avx2
#include "lstm.hpp"

namespace tenor {

const Kernels kAvx2{"avx2", avx2::kLanes, avx2::each<avx2::exp>, avx2::each<avx2::sigmoid>, avx2::each<avx2::tanh>,
                   avx2::lstm};

}  // namespace tenor
