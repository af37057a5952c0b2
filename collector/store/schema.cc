// SPDX-License-Identifier: Apache-2.0
// The numbered steps themselves.
#include "collector/store/migrations.h"

namespace weir::store {
namespace {

// Types and upserts are those that SQLite and PostgreSQL share. Times: nanoseconds since the Unix epoch. Unsigned
// 64-bit numbers keep their bits in signed columns. job_ref 0: about the sensor itself. Event tables are append-only
// and keyed by where the event stands in its stream, clustered by job, because that is how they are read; `flows` holds
// the newest sums. Argument lists are blobs, each argument ended by a NUL.
constexpr std::string_view kEvents = R"sql(
CREATE TABLE streams (
  stream_id     INTEGER PRIMARY KEY,
  sensor        TEXT   NOT NULL,
  epoch         BIGINT NOT NULL,
  last_sequence BIGINT NOT NULL,
  last_event_ns BIGINT NOT NULL,
  events        BIGINT NOT NULL,
  UNIQUE (sensor, epoch)
);
CREATE TABLE sequence_gaps (
  stream_id      BIGINT NOT NULL,
  first_sequence BIGINT NOT NULL,
  last_sequence  BIGINT NOT NULL,
  after_ns       BIGINT NOT NULL,
  before_ns      BIGINT NOT NULL,
  PRIMARY KEY (stream_id, first_sequence)
) WITHOUT ROWID;
CREATE TABLE jobs (
  job_ref        INTEGER PRIMARY KEY,
  job_id         TEXT   NOT NULL UNIQUE,
  sensor         TEXT   NOT NULL,
  first_event_ns BIGINT NOT NULL,
  last_event_ns  BIGINT NOT NULL,
  begin_ns       BIGINT NOT NULL DEFAULT 0,
  name           TEXT   NOT NULL DEFAULT '',
  mode           INTEGER NOT NULL DEFAULT 0,
  policy_digest  TEXT   NOT NULL DEFAULT '',
  policy_text    TEXT   NOT NULL DEFAULT '',
  command        BLOB   NOT NULL DEFAULT x'',
  cgroup         TEXT   NOT NULL DEFAULT '',
  scope_id       BIGINT NOT NULL DEFAULT 0,
  host           TEXT   NOT NULL DEFAULT '',
  kernel         TEXT   NOT NULL DEFAULT '',
  sensor_version TEXT   NOT NULL DEFAULT '',
  end_ns         BIGINT NOT NULL DEFAULT 0,
  exit_status    INTEGER NOT NULL DEFAULT -1,
  complete       INTEGER NOT NULL DEFAULT 0,
  record         BLOB   NOT NULL DEFAULT x''
);
CREATE TABLE job_labels (
  job_ref BIGINT NOT NULL,
  name    TEXT   NOT NULL,
  value   TEXT   NOT NULL,
  PRIMARY KEY (job_ref, name)
) WITHOUT ROWID;
CREATE TABLE execs (
  job_ref        BIGINT NOT NULL,
  exec_id        BIGINT NOT NULL,
  stream_id      BIGINT NOT NULL,
  sequence       BIGINT NOT NULL,
  time_ns        BIGINT NOT NULL,
  parent_exec_id BIGINT NOT NULL,
  pid            BIGINT NOT NULL,
  parent_pid     BIGINT NOT NULL,
  start_ns       BIGINT NOT NULL,
  uid            BIGINT NOT NULL,
  gid            BIGINT NOT NULL,
  device         BIGINT NOT NULL,
  inode          BIGINT NOT NULL,
  cgroup_id      BIGINT NOT NULL,
  full_bytes     BIGINT NOT NULL,
  flags          INTEGER NOT NULL,
  comm           BLOB   NOT NULL,
  executable     BLOB   NOT NULL,
  cwd            BLOB   NOT NULL,
  arguments      BLOB   NOT NULL,
  PRIMARY KEY (job_ref, exec_id, stream_id, sequence)
);
CREATE TABLE forks (
  job_ref    BIGINT NOT NULL,
  stream_id  BIGINT NOT NULL,
  sequence   BIGINT NOT NULL,
  time_ns    BIGINT NOT NULL,
  exec_id    BIGINT NOT NULL,
  pid        BIGINT NOT NULL,
  parent_pid BIGINT NOT NULL,
  start_ns   BIGINT NOT NULL,
  PRIMARY KEY (job_ref, stream_id, sequence)
) WITHOUT ROWID;
CREATE TABLE exits (
  job_ref     BIGINT NOT NULL,
  stream_id   BIGINT NOT NULL,
  sequence    BIGINT NOT NULL,
  time_ns     BIGINT NOT NULL,
  exec_id     BIGINT NOT NULL,
  pid         BIGINT NOT NULL,
  wait_status BIGINT NOT NULL,
  PRIMARY KEY (job_ref, stream_id, sequence)
) WITHOUT ROWID;
CREATE TABLE flows (
  job_ref     BIGINT NOT NULL,
  verdict     INTEGER NOT NULL,
  exec_id     BIGINT NOT NULL,
  address     TEXT   NOT NULL,
  port        INTEGER NOT NULL,
  protocol    TEXT   NOT NULL,
  hook        INTEGER NOT NULL,
  why         TEXT   NOT NULL,
  first_ns    BIGINT NOT NULL,
  last_ns     BIGINT NOT NULL,
  count       BIGINT NOT NULL,
  bytes_out   BIGINT NOT NULL DEFAULT 0,
  bytes_in    BIGINT NOT NULL DEFAULT 0,
  packets_out BIGINT NOT NULL DEFAULT 0,
  packets_in  BIGINT NOT NULL DEFAULT 0,
  pid         BIGINT NOT NULL DEFAULT 0,
  comm        BLOB   NOT NULL DEFAULT x'',
  name        TEXT   NOT NULL DEFAULT '',
  rule_id     BIGINT NOT NULL DEFAULT 0,
  rule        TEXT   NOT NULL DEFAULT '',
  source_port INTEGER NOT NULL DEFAULT 0,
  socket_kind TEXT   NOT NULL DEFAULT '',
  PRIMARY KEY (job_ref, verdict, exec_id, address, port, protocol, hook, why)
) WITHOUT ROWID;
CREATE TABLE dns_queries (
  job_ref   BIGINT NOT NULL,
  stream_id BIGINT NOT NULL,
  sequence  BIGINT NOT NULL,
  time_ns   BIGINT NOT NULL,
  exec_id   BIGINT NOT NULL,
  pid       BIGINT NOT NULL,
  comm      BLOB   NOT NULL,
  name      TEXT   NOT NULL,
  type      TEXT   NOT NULL,
  server    TEXT   NOT NULL,
  verdict   INTEGER NOT NULL,
  why       TEXT   NOT NULL,
  rule_id   BIGINT NOT NULL,
  rule      TEXT   NOT NULL,
  tcp       INTEGER NOT NULL,
  PRIMARY KEY (job_ref, stream_id, sequence)
) WITHOUT ROWID;
CREATE TABLE dns_answers (
  job_ref       BIGINT NOT NULL,
  stream_id     BIGINT NOT NULL,
  sequence      BIGINT NOT NULL,
  time_ns       BIGINT NOT NULL,
  exec_id       BIGINT NOT NULL,
  pid           BIGINT NOT NULL,
  name          TEXT   NOT NULL,
  type          TEXT   NOT NULL,
  server        TEXT   NOT NULL,
  addresses     TEXT   NOT NULL,
  address_count BIGINT NOT NULL,
  ttl_s         BIGINT NOT NULL,
  rule_id       BIGINT NOT NULL,
  tcp           INTEGER NOT NULL,
  PRIMARY KEY (job_ref, stream_id, sequence)
) WITHOUT ROWID;
CREATE TABLE findings (
  job_ref   BIGINT NOT NULL,
  stream_id BIGINT NOT NULL,
  sequence  BIGINT NOT NULL,
  time_ns   BIGINT NOT NULL,
  kind      TEXT   NOT NULL,
  detail    TEXT   NOT NULL,
  exec_id   BIGINT NOT NULL,
  pid       BIGINT NOT NULL,
  comm      BLOB   NOT NULL,
  PRIMARY KEY (job_ref, stream_id, sequence)
) WITHOUT ROWID;
CREATE TABLE gaps (
  job_ref   BIGINT NOT NULL,
  stream_id BIGINT NOT NULL,
  sequence  BIGINT NOT NULL,
  time_ns   BIGINT NOT NULL,
  reason    TEXT   NOT NULL,
  from_ns   BIGINT NOT NULL,
  until_ns  BIGINT NOT NULL,
  lost      TEXT   NOT NULL,
  PRIMARY KEY (job_ref, stream_id, sequence)
) WITHOUT ROWID;
)sql";

// The last word of each sensor, and the order in which jobs are listed.
constexpr std::string_view kSensors = R"sql(
CREATE TABLE sensors (
  sensor         TEXT    PRIMARY KEY,
  heartbeat_ns   BIGINT  NOT NULL,
  host           TEXT    NOT NULL,
  kernel         TEXT    NOT NULL,
  sensor_version TEXT    NOT NULL,
  armed          INTEGER NOT NULL,
  jobs           BIGINT  NOT NULL
);
CREATE INDEX jobs_by_time ON jobs (last_event_ns);
)sql";

// Which step of a workflow did it. `flows` is made anew, because a step is part of what makes two sightings the same.
constexpr std::string_view kSteps = R"sql(
CREATE TABLE steps (
  job_ref           BIGINT NOT NULL,
  step              BIGINT NOT NULL,
  time_ns           BIGINT NOT NULL,
  name              BLOB   NOT NULL,
  action_repository BLOB   NOT NULL,
  action_ref        BLOB   NOT NULL,
  PRIMARY KEY (job_ref, step)
) WITHOUT ROWID;
ALTER TABLE execs ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dns_queries ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE flows RENAME TO flows_without_step;
CREATE TABLE flows (
  job_ref     BIGINT NOT NULL,
  verdict     INTEGER NOT NULL,
  exec_id     BIGINT NOT NULL,
  step        BIGINT NOT NULL,
  address     TEXT   NOT NULL,
  port        INTEGER NOT NULL,
  protocol    TEXT   NOT NULL,
  hook        INTEGER NOT NULL,
  why         TEXT   NOT NULL,
  first_ns    BIGINT NOT NULL,
  last_ns     BIGINT NOT NULL,
  count       BIGINT NOT NULL,
  bytes_out   BIGINT NOT NULL DEFAULT 0,
  bytes_in    BIGINT NOT NULL DEFAULT 0,
  packets_out BIGINT NOT NULL DEFAULT 0,
  packets_in  BIGINT NOT NULL DEFAULT 0,
  pid         BIGINT NOT NULL DEFAULT 0,
  comm        BLOB   NOT NULL DEFAULT x'',
  name        TEXT   NOT NULL DEFAULT '',
  rule_id     BIGINT NOT NULL DEFAULT 0,
  rule        TEXT   NOT NULL DEFAULT '',
  source_port INTEGER NOT NULL DEFAULT 0,
  socket_kind TEXT   NOT NULL DEFAULT '',
  PRIMARY KEY (job_ref, verdict, exec_id, step, address, port, protocol, hook, why)
) WITHOUT ROWID;
INSERT INTO flows SELECT job_ref, verdict, exec_id, 0, address, port, protocol, hook, why, first_ns, last_ns, count,
  bytes_out, bytes_in, packets_out, packets_in, pid, comm, name, rule_id, rule, source_port, socket_kind
  FROM flows_without_step;
DROP TABLE flows_without_step;
)sql";

constexpr Migration kMigrations[] = {{1, "events", kEvents}, {2, "sensors", kSensors}, {3, "steps", kSteps}};

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

}  // namespace weir::store
