// Events: marks in streams to wait for.
#pragma once

namespace softgpu {

void forget_events();

}
