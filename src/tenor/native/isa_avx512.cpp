#define TENOR_ISA avx512
#include "lstm.hpp"

namespace tenor {

const Kernels kAvx512{"avx512", avx512::kLanes, avx512::each<avx512::exp>, avx512::each<avx512::sigmoid>, avx512::each<avx512::tanh>,
                   avx512::lstm};

}  // namespace tenor
