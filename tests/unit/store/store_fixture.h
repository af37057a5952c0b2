// SPDX-License-Identifier: Apache-2.0
// A store in a directory of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/store.h"
#include "tests/unit/store/events.h"

namespace weir::store {

namespace fs = std::filesystem;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "weir-store-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ / "weir.db";
    Open();
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(directory_);
  }
  void Open() {
    store_.reset();
    auto store = Store::Open({.path = path_});
    ASSERT_TRUE(store) << store.error().what;
    store_ = std::move(*store);
  }
  Appended Append(Batch batch) {
    auto outcomes = store_->Append(std::span(&batch, 1));
    if (!outcomes || !outcomes->front()) {
      ADD_FAILURE() << (outcomes ? outcomes->front().error().what : outcomes.error().what);
      return {};
    }
    return *outcomes->front();
  }
  std::vector<StoredFlow> Flows(const std::string& job) {
    auto page = store_->ListFlows({.job_id = job});
    if (!page) {
      ADD_FAILURE() << page.error().what;
      return {};
    }
    return page->flows;
  }
  JobEvidence Load(const std::string& job) {
    auto evidence = store_->LoadJob(job, {});
    if (!evidence) {
      ADD_FAILURE() << evidence.error().what;
      return {};
    }
    return *evidence;
  }

  fs::path directory_;
  fs::path path_;
  std::unique_ptr<Store> store_;
};

inline Batch ThreeEvents() {
  return BatchOf(
      {At(1, "j", ExecOf(10, 0, "/bin/sh")), At(2, "j", FlowOf(10, "192.0.2.1")), At(3, "j", Fork{10, 1011, 1010, 5})});
}

}  // namespace weir::store
