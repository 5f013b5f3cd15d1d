// Learning in doubles, of the same code: a gradient is checked against differences, which floats are too short for.
#define TENOR_ISA doubles
#define TENOR_IN_DOUBLES
#include "gated_gradient.hpp"

namespace tenor {

const Learners<double> kInDoubles = doubles::kLearners;

}  // namespace tenor
