// A folder to try it on: pictures, and what is none.
#pragma once

#include <filesystem>

/// Makes the folder where it is not there. The same files each time.
void generate(const std::filesystem::path& folder);
