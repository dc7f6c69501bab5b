// A module with a function in it.
extern "C" __attribute__((visibility("default"))) int plugin_function(int n) { return n + 1; }
