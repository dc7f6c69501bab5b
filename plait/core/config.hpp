// What every header needs to know of the build: the version, its inline namespace, what is exported.
#pragma once

#define PLAIT_VERSION_MAJOR 0
#define PLAIT_VERSION_MINOR 1
#define PLAIT_VERSION_PATCH 0

// The inline namespace keeps two versions of plait apart in one program. The simulated build (see core/sync.hpp)
// has other atomics and another clock in it, so it is another version.
#if defined(PLAIT_SIMULATED)
#define PLAIT_ABI v0_simulated
#else
#define PLAIT_ABI v0
#endif

// Everything is hidden unless it is marked with this.
#define PLAIT_API __attribute__((visibility("default")))
