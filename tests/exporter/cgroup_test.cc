// cgroup: what paths mean, what runtimes write about containers, bounds. Its pages of recorded trees are in
// trees_test.cc.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/cgroup/cgroup_path.h"
#include "tests/exporter/collect_support.h"
#include "tests/exporter/tree.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kId(64, 'a');

TEST(CgroupPath, SaysWhatItIs) {
  const auto check = [](const std::string& path, CgroupKind kind, const std::string& container = "",
                        const std::string& pod = "") {
    const CgroupName name = parse_cgroup_path(path);
    EXPECT_EQ(name.kind, kind) << path;
    EXPECT_EQ(name.container_id, container) << path;
    EXPECT_EQ(name.pod_uid, pod) << path;
  };
  const std::string uid = "11111111-2222-3333-4444-555555555555";
  const std::string slice = "/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice";
  check("/", CgroupKind::kOther);
  check("", CgroupKind::kOther);
  check("/system.slice", CgroupKind::kOther);
  check("/system.slice/nginx.service", CgroupKind::kService);
  check("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", CgroupKind::kService);
  check("/user.slice/user-1000.slice/session-3.scope", CgroupKind::kScope);
  check("/kubepods.slice", CgroupKind::kOther);
  check(slice, CgroupKind::kPod, "", uid);
  check("/kubepods/burstable/pod" + uid, CgroupKind::kPod, "", uid);
  check("/kubepods/pod" + std::string(32, '0'), CgroupKind::kPod, "", std::string(32, '0'));
  check("/kubepods/pod12", CgroupKind::kOther);
  check("/kubepods/podiumpodiumpodiumpodiumpodiumpodium", CgroupKind::kOther);
  check(slice + "/cri-containerd-" + kId + ".scope", CgroupKind::kContainer, kId, uid);
  check(slice + "/crio-" + kId + ".scope", CgroupKind::kContainer, kId, uid);
  check(slice + "/crio-conmon-" + kId + ".scope", CgroupKind::kScope, "", uid);
  check("/kubepods/pod" + uid + "/" + kId, CgroupKind::kContainer, kId, uid);
  check("/docker/" + kId, CgroupKind::kContainer, kId);
  check("/system.slice/docker-" + kId + ".scope", CgroupKind::kContainer, kId);
  check("/docker/" + kId + "/system.slice/x.service", CgroupKind::kOther);
  check("/docker/" + kId.substr(1), CgroupKind::kOther);
  check("/docker/" + kId.substr(1) + "g", CgroupKind::kOther);
}

struct Host {
  Host() {
    config.sysfs = dir.path() + "/sys";
    config.procfs = dir.path() + "/proc";
    config.rootfs = dir.path();
    dir.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
  }
  void add(const std::string& path) { dir.write("sys/fs/cgroup" + path + "/memory.current", "4096\n"); }
  std::string page() const { return collected("cgroup", config); }

  tidemark::testing::TempDir dir;
  CollectorConfig config;
};

TEST(Cgroup, ShowsUnitsNotSlices) {
  Host host;
  host.add("/system.slice/a.service");
  host.add("/system.slice");
  EXPECT_THAT(host.page(), AllOf(HasSubstr("{container=\"\",id=\"/system.slice/a.service\",image=\"\",name=\"\","
                                           "namespace=\"\",pod=\"\"} 4096\n"),
                                 HasSubstr("tidemark_cgroup_cgroups 1\n")));
  host.config.cgroup.paths = {"^/system.slice$", ""};
  EXPECT_THAT(host.page(), AllOf(HasSubstr("id=\"/system.slice\""), Not(HasSubstr("a.service"))));
  host.config.cgroup.paths = {"", "a.service"};
  EXPECT_THAT(host.page(), HasSubstr("tidemark_cgroup_cgroups 0\n"));
}

TEST(Cgroup, CountsThoseItDrops) {
  Host host;
  for (int i = 0; i < 7; ++i) host.add(fmt::format("/system.slice/{}.service", i));
  host.config.cgroup.count_max = 4;
  EXPECT_THAT(host.page(),
              AllOf(HasSubstr("tidemark_cgroup_cgroups 4\n"), HasSubstr("tidemark_cgroup_dropped_cgroups 3\n"),
                    HasSubstr("/3.service"), Not(HasSubstr("/4.service"))));
}

TEST(Cgroup, FindsNamesWhenTheyComeLater) {
  Host host;
  host.add("/docker/" + kId);
  const auto collector = make_collector("cgroup", host.config);
  EXPECT_THAT(collected(*collector), AllOf(HasSubstr("image=\"\",name=\"" + kId + "\""),
                                           HasSubstr("unresolved_containers{what=\"image\"} 1\n"),
                                           HasSubstr("unresolved_containers{what=\"name\"} 1\n")));
  host.dir.write("var/lib/docker/containers/" + kId + "/config.v2.json",
                 R"({"Name":"/web","Config":{"Image":"nginx","Labels":{"io.kubernetes.pod.name":"p",)"
                 R"("io.kubernetes.pod.namespace":"n","io.kubernetes.container.name":"c"}}})");
  EXPECT_THAT(collected(*collector),
              AllOf(HasSubstr("{container=\"c\",id=\"/docker/" + kId +
                              "\",image=\"nginx\",name=\"web\",namespace=\"n\",pod=\"p\"} 4096\n"),
                    HasSubstr("unresolved_containers{what=\"image\"} 0\n"),
                    HasSubstr("unresolved_containers{what=\"name\"} 0\n")));
}

TEST(Cgroup, ReadsTheFileOfARuntimeOnce) {
  Host host;
  host.add("/docker/" + kId);
  const std::string path = "var/lib/docker/containers/" + kId + "/config.v2.json";
  const auto collector = make_collector("cgroup", host.config);
  host.dir.write(path, R"({"Name":"/web","Config":{"Image":")");
  EXPECT_THAT(collected(*collector), HasSubstr("image=\"\",name=\"" + kId + "\""));
  host.dir.write(path, R"({"Name":"/web","Config":{}})");
  for (int scrape = 0; scrape < 2; ++scrape) {
    EXPECT_THAT(collected(*collector),
                AllOf(HasSubstr("image=\"\",name=\"web\""), HasSubstr("unresolved_containers{what=\"image\"} 1\n")));
    host.dir.write(path, R"({"Name":"/other","Config":{"Image":"nginx"}})");
  }
  host.dir.write("var/log/containers/p_n_c-" + kId + ".log", "");
  EXPECT_THAT(collected(*collector), HasSubstr("container=\"c\",id=\"/docker/" + kId +
                                               "\",image=\"\",name=\"web\","
                                               "namespace=\"n\",pod=\"p\""));
}

TEST(Cgroup, DoesNotTakeWhatIsNoWholeFileOfARuntime) {
  Host host;
  host.add("/docker/" + kId);
  for (const std::string& text :
       {std::string(), std::string("\0\0", 2), std::string("null"), std::string("[1]"), std::string("\"/web\""),
        std::string(R"({"Name":"/web")"), std::string(R"({"Name":"/we)"), std::string(R"({"Name":["/web"]})"),
        std::string(R"({"Name":"web"})"), std::string(R"({"Config":"nginx"})"),
        std::string(R"({"Config":{"Image":[]}})"), std::string(R"({"Config":{"Labels":{"Image":"nginx"}}})"),
        std::string(100'000, '{')}) {
    host.dir.write("var/lib/docker/containers/" + kId + "/config.v2.json", text);
    EXPECT_THAT(host.page(), HasSubstr("image=\"\",name=\"" + kId + "\"")) << text.substr(0, 80);
  }
  // All that a JSON writer may escape.
  host.dir.write("var/lib/docker/containers/" + kId + "/config.v2.json",
                 R"({"Name":"\/w\u0065b","n":-1.5e3,"t":true,"a":[{}],"Config":{"Image":"\u003cx\u003e\t\u20ac"}})");
  EXPECT_THAT(host.page(), HasSubstr("image=\"<x>\t\u20ac\",name=\"web\""));
}

TEST(Cgroup, NeedsTheUnifiedHierarchy) {
  const tidemark::testing::TempDir dir;
  CollectorConfig config;
  config.sysfs = dir.path();
  EXPECT_THAT(collected("cgroup", config),
              AllOf(StartsWith("failed: open " + dir.path()), HasSubstr("needs cgroup v2 alone")));
}

TEST(Cgroup, StopsAtTheDeadline) {
  Host host;
  host.add("/system.slice/a.service");
  const auto collector = make_collector("cgroup", host.config);
  ScrapeContext context;
  context.begin(soon_ns(-1));
  Families families;
  EXPECT_EQ(collector->collect(context, families).code(), Code::kTimeout);
}

}  // namespace
}  // namespace tidemark::exporter::testing
