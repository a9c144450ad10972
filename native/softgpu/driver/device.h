// What the pretended device has of what blocks share.
#pragma once

namespace softgpu {

int multiprocessors();

// Bytes that a block may have at most; a multiprocessor has 1 KB more, which each of its blocks takes beside its own.
int shared_memory_of_block();

}
