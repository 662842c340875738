#include "net/web_page.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

TEST(WebPages, AreToldByTypeOrByTheirFirstWords) {
  struct Row {
    const char* name;
    HttpResponse response;
    bool is_page;
  };
  const Row rows[] = {
      {"type", {200, {{"Content-Type", "text/html; charset=utf-8"}}, ""}, true},
      {"type in capitals", {200, {{"content-type", "Text/HTML"}}, "x"}, true},
      {"xhtml", {200, {{"Content-Type", "application/xhtml+xml"}}, ""}, true},
      {"body without type", {200, {}, "\r\n <!DOCTYPE html><html>"}, true},
      {"body with a wrong type", {200, {{"Content-Type", "application/json"}}, "<HTML><head>"}, true},
      {"json", {200, {{"Content-Type", "application/json"}}, "{}"}, false},
      {"text", {404, {{"Content-Type", "text/plain"}}, "404 page not found"}, false},
      {"nothing", {404, {}, ""}, false},
      {"html further down", {200, {{"Content-Type", "text/plain"}}, "see <html>"}, false},
  };
  for (const auto& row : rows) EXPECT_EQ(is_web_page(row.response), row.is_page) << row.name;
}

}  // namespace
}  // namespace sluice::net
