#define TENOR_ISA base
#include "lstm.hpp"

namespace tenor {

const Kernels kBase{"base", base::kLanes, base::each<base::exp>, base::each<base::sigmoid>, base::each<base::tanh>,
                   base::lstm};

}  // namespace tenor
