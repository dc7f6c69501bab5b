// The row that GCC 12 refuses: "array used as initializer". gcc12_check says why.
#include "row.hpp"

ROW(initializer_list, refused, silent, "list") {
  const auto sum = [](const std::vector<int>& v) { return static_cast<int>(v.size()); };
  co_await pool.submit(sum, std::vector<int>{1, 2, 3});
}
