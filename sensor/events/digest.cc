// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/digest.h"

#include <openssl/evp.h>

#include <array>
#include <new>

namespace weir::events {

void RecordDigest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

// OpenSSL's calls below fail only without memory or on misuse; both are bugs or the end of the process.
RecordDigest::RecordDigest() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

void RecordDigest::Add(std::string_view record) {
  const auto length = static_cast<std::uint32_t>(record.size());
  const std::array<std::uint8_t, 4> prefix = {
      static_cast<std::uint8_t>(length >> 24), static_cast<std::uint8_t>(length >> 16 & 0xff),
      static_cast<std::uint8_t>(length >> 8 & 0xff), static_cast<std::uint8_t>(length & 0xff)};
  EVP_DigestUpdate(context_.get(), prefix.data(), prefix.size());
  EVP_DigestUpdate(context_.get(), record.data(), record.size());
  ++records_;
}

std::string RecordDigest::Hex() const {
  const std::unique_ptr<evp_md_ctx_st, Free> copy(EVP_MD_CTX_new());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned int bytes = 0;
  if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1 ||
      EVP_DigestFinal_ex(copy.get(), digest.data(), &bytes) != 1) {
    throw std::bad_alloc();
  }
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < bytes; ++i) text += {kHex[digest[i] >> 4], kHex[digest[i] & 15]};
  return text;
}

}  // namespace weir::events
