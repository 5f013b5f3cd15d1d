#if defined(__AMX_INT8__)
#define TENOR_ISA amx
#include "table.hpp"
#else
#include "kernels.hpp"
#endif

namespace tenor {

#if defined(__AMX_INT8__)
static const Kernels kOfTiles = amx::kernels("amx");
const Kernels* const kAmx = &kOfTiles;
#else
const Kernels* const kAmx = nullptr;
#endif

}  // namespace tenor
