// SPDX-License-Identifier: Apache-2.0
#include "policy/suffix.h"

#include <libpsl.h>

#include <algorithm>
#include <array>

namespace weir::policy {
namespace {

// Hosts on which strangers rent names or paths and which the PRIVATE section of the public suffix list may lack.
constexpr std::array<std::string_view, 46> kSharedHosts = {"akamaihd.net",
                                                           "akamaized.net",
                                                           "appspot.com",
                                                           "azureedge.net",
                                                           "azurefd.net",
                                                           "azurewebsites.net",
                                                           "b-cdn.net",
                                                           "backblazeb2.com",
                                                           "blob.core.windows.net",
                                                           "blogspot.com",
                                                           "cloudapp.azure.com",
                                                           "cloudfront.net",
                                                           "cloudfunctions.net",
                                                           "digitaloceanspaces.com",
                                                           "dropboxusercontent.com",
                                                           "edgekey.net",
                                                           "edgesuite.net",
                                                           "elb.amazonaws.com",
                                                           "execute-api.us-east-1.amazonaws.com",
                                                           "fastly.net",
                                                           "fastlylb.net",
                                                           "firebaseapp.com",
                                                           "firebaseio.com",
                                                           "fly.dev",
                                                           "github.io",
                                                           "gitlab.io",
                                                           "googleusercontent.com",
                                                           "herokuapp.com",
                                                           "myshopify.com",
                                                           "netlify.app",
                                                           "ngrok.app",
                                                           "ngrok.io",
                                                           "ngrok-free.app",
                                                           "on.aws",
                                                           "onrender.com",
                                                           "pages.dev",
                                                           "r2.cloudflarestorage.com",
                                                           "r2.dev",
                                                           "run.app",
                                                           "s3.amazonaws.com",
                                                           "storage.googleapis.com",
                                                           "trycloudflare.com",
                                                           "vercel.app",
                                                           "wasabisys.com",
                                                           "web.app",
                                                           "workers.dev"};

// Reserved for private use or testing, or used so in practice; never delegated in the public root.
constexpr std::array<std::string_view, 9> kPrivateTlds = {"corp",  "home",        "internal", "intranet", "lan",
                                                          "local", "localdomain", "private",  "test"};

}  // namespace

SuffixKind ClassifySuffix(std::string_view name) {
  if (std::find(kPrivateTlds.begin(), kPrivateTlds.end(), name) != kPrivateTlds.end()) return SuffixKind::kPrivate;
  const psl_ctx_t* const list = psl_builtin();
  if (list == nullptr) return std::count(name.begin(), name.end(), '.') < 2 ? SuffixKind::kPublic : SuffixKind::kOwned;
  const std::string text(name);
  if (psl_is_public_suffix2(list, text.c_str(), PSL_TYPE_ICANN) == 1) return SuffixKind::kPublic;
  // Without NO_STAR_RULE the list's default rule would call every single label a suffix; those were public above.
  if (psl_is_public_suffix2(list, text.c_str(), PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE) == 1) {
    return SuffixKind::kPrivate;
  }
  return std::find(kSharedHosts.begin(), kSharedHosts.end(), name) != kSharedHosts.end() ? SuffixKind::kPrivate
                                                                                         : SuffixKind::kOwned;
}

std::string SharedHostUnder(std::string_view name) {
  if (ClassifySuffix(name) == SuffixKind::kPrivate) return std::string(name);
  for (const std::string_view host : kSharedHosts) {
    if (IsAtOrBelow(host, name)) return std::string(host);
  }
  return {};
}

bool IsAtOrBelow(std::string_view name, std::string_view base) {
  if (!name.ends_with(base)) return false;
  return name.size() == base.size() || name[name.size() - base.size() - 1] == '.';
}

}  // namespace weir::policy
