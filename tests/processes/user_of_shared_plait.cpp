// Linked with a shared plait: is it taken over before main?
#include <plait/core/thread_name.hpp>

#include <cstdio>

int main() { std::printf("main ran on %s\n", plait::thread_name().c_str()); }
