#pragma once
// Owns a C library's object and frees it with that library's function: using X509Handle = Handle<X509, X509_free>;

#include <memory>

namespace sekisho {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    static_cast<void>(kFree(object));
  }
};

template <typename T, auto kFree>
using Handle = std::unique_ptr<T, FreeWith<kFree>>;

}  // namespace sekisho
