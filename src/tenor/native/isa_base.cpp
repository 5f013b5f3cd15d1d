#define TENOR_ISA base
#include "table.hpp"

namespace tenor {

const Kernels kBase = base::kernels("base");

}  // namespace tenor
