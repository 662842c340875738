#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace sluice {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error(ErrorKind::usage, std::to_string(number) + " is odd");
  return number / 2;
}

Status must_be_even(int number) {
  SLUICE_CHECK(half(number));
  return {};
}

Result<int> quarter(int number) {
  SLUICE_TRY(const auto once, half(number));
  SLUICE_TRY(const auto twice, half(once).context("halving again"));
  return twice;
}

Result<int> assigned(int number) {
  int out = 0;
  SLUICE_TRY(out, half(number));
  return out;
}

Result<std::unique_ptr<int>> boxed(int number) {
  SLUICE_TRY(auto value, half(number));
  return std::make_unique<int>(value);
}

TEST(Result, HoldsAValueOrAnError) {
  auto good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);
  EXPECT_EQ(good.value(), 2);

  const auto bad = half(3);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message(), "3 is odd");
}

TEST(Result, CarriesMoveOnlyValues) {
  auto box = boxed(8);
  ASSERT_TRUE(box.ok());
  const std::unique_ptr<int> taken = std::move(box).value();
  EXPECT_EQ(*taken, 4);
}

TEST(Result, OffersTheMembersOfItsValue) {
  const Result<std::string> text(std::string("shop"));
  EXPECT_EQ(text->size(), 4U);
}

TEST(Result, AddsContextOnlyToErrors) {
  EXPECT_EQ(half(4).context("halving").value(), 2);
  const auto bad = half(3).context("halving");
  EXPECT_EQ(bad.error().sentence(), "halving: 3 is odd");
  const auto status = must_be_even(3).context("checking");
  EXPECT_EQ(status.error().sentence(), "checking: 3 is odd");
}

TEST(Try, BindsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(3).error().sentence(), "3 is odd");
  EXPECT_EQ(quarter(6).error().sentence(), "halving again: 3 is odd");
  EXPECT_EQ(assigned(8).value(), 4);
}

TEST(Check, ReturnsTheErrorAndDropsTheValue) {
  EXPECT_TRUE(must_be_even(4).ok());
  EXPECT_EQ(must_be_even(5).error().kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace sluice
