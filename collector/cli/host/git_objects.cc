// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/git_objects.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "sensor/base/fd.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxObjectBytes = 32u << 20;
constexpr std::size_t kHashBytes = 20;

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

/// The name that git gives an object.
std::string NameOf(const std::string& type, const std::string& content) {
  std::string whole = type + ' ' + std::to_string(content.size());
  whole += '\0';
  whole += content;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(whole.data(), whole.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return Hex({reinterpret_cast<const char*>(digest.data()), size});
}

/// An empty repository of ours, that looks for objects in the workspace. Owner of its directory.
class ObjectReader {
 public:
  explicit ObjectReader(const fs::path& workspace) : objects_(workspace / ".git" / "objects") {
    std::string name = (fs::temp_directory_path() / "weir-git-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return;
    directory_ = name;
    std::error_code ignored;
    fs::create_directories(directory_ / "objects", ignored);
    fs::create_directories(directory_ / "refs", ignored);
    const Fd head(::open((directory_ / "HEAD").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    constexpr std::string_view kHead = "ref: refs/heads/none\n";
    static_cast<void>(!::write(head.get(), kHead.data(), kHead.size()));
  }
  ~ObjectReader() {
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
  }
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  [[nodiscard]] Result<std::string> Read(const std::string& type, const std::string& name) const {
    auto content = Run({"git", "cat-file", type, name});
    WEIR_TRY(content);
    if (NameOf(type, *content) == name) return content;
    return Fail(Code::kInvalid, "the git object " + name + " in the workspace is not what its name says");
  }

 private:
  [[nodiscard]] Result<std::string> Run(std::vector<std::string> command) const {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", errno);
    const Fd read(ends[0]);
    Fd write(ends[1]);
    std::vector<std::string> settings = {"GIT_DIR=" + directory_.string(),
                                         "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + objects_.string(),
                                         "GIT_CONFIG_NOSYSTEM=1",
                                         "GIT_CONFIG_GLOBAL=/dev/null",
                                         "GIT_NO_LAZY_FETCH=1",
                                         "PATH=/usr/local/bin:/usr/bin:/bin",
                                         "LC_ALL=C"};
    std::vector<char*> arguments, environment;
    for (std::string& text : command) arguments.push_back(text.data());
    for (std::string& text : settings) environment.push_back(text.data());
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int failed = ::posix_spawnp(&pid, "git", &actions, nullptr, arguments.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return FailErrno("start git", failed);
    write = Fd();
    std::string out;
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = ::read(read.get(), buffer.data(), buffer.size())) > 0 && out.size() <= kMaxObjectBytes;)
      out.append(buffer.data(), static_cast<std::size_t>(n));
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0 || out.size() > kMaxObjectBytes)
      return Fail(Code::kNotFound, "the workspace has no git object " + command.back());
    return out;
  }

  fs::path objects_;
  fs::path directory_;
};

/// The name of the entry `wanted` in a tree object; empty: none.
std::string EntryOf(std::string_view tree, std::string_view wanted) {
  while (!tree.empty()) {
    const std::size_t space = tree.find(' '), end = tree.find('\0');
    if (space == tree.npos || end == tree.npos || space > end || tree.size() < end + 1 + kHashBytes) return {};
    if (tree.substr(space + 1, end - space - 1) == wanted) return Hex(tree.substr(end + 1, kHashBytes));
    tree.remove_prefix(end + 1 + kHashBytes);
  }
  return {};
}

}  // namespace

Result<std::string> ReadFileAtCommit(const fs::path& workspace, const std::string& commit, const fs::path& path) {
  const bool named = commit.size() == 2 * kHashBytes && std::all_of(commit.begin(), commit.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                     });
  if (!named) return Fail(Code::kInvalid, "no name of a commit");
  const ObjectReader reader(workspace);
  const auto head = reader.Read("commit", commit);
  WEIR_TRY(head);
  constexpr std::string_view kTree = "tree ";
  if (!head->starts_with(kTree)) return Fail(Code::kInvalid, "commit " + commit + " names no tree");
  std::string name = head->substr(kTree.size(), 2 * kHashBytes);
  for (const fs::path& part : path) {
    const auto tree = reader.Read("tree", name);
    WEIR_TRY(tree);
    name = EntryOf(*tree, part.string());
    if (name.empty()) return Fail(Code::kNotFound, "commit " + commit + " has no " + path.string());
  }
  return reader.Read("blob", name);
}

}  // namespace weir::cli
