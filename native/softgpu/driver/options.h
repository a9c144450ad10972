// Faults to inject and properties of the pretended device: from the environment, or softgpu_configure.
#pragma once

#include "../softgpu.h"

namespace softgpu {

// Reads the environment, the first time; what softgpu_configure sets stays.
void read_environment();

// Counts one more event of the kind and says whether it is the one that must fail.
// Counting starts when the context does, or where softgpu_configure sets the option.
bool is_due(long Options::*fault);

void count_faults_anew();

}
