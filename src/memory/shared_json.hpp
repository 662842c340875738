#pragma once
// SharedJson: one JSON tree that many hold and nobody changes. Every image of a promotion remembers the same plan; a
// tree for each of them would grow with the square of the images.

#include "base/json.hpp"

#include <memory>
#include <utility>

namespace sluice::memory {

/// Thread: any, as what it holds never changes.
class SharedJson {
 public:
  SharedJson() = default;  // null
  SharedJson(Json tree) : tree_(tree.is_null() ? nullptr : std::make_shared<const Json>(std::move(tree))) {}

  const Json& operator*() const { return tree_ ? *tree_ : null(); }
  const Json* operator->() const { return &**this; }

  /// Holds the tree of `other` instead, when both are equal.
  void share(const SharedJson& other) {
    if (*this == other) tree_ = other.tree_;
  }

  friend bool operator==(const SharedJson& a, const SharedJson& b) { return a.tree_ == b.tree_ || *a == *b; }

 private:
  static const Json& null() {
    static const Json kNull;
    return kNull;
  }
  std::shared_ptr<const Json> tree_;
};

}  // namespace sluice::memory
