// What an operator copies from deploy/ and config/: every file of it is read here by what will read it there.
#include <gtest/gtest.h>
#include <re2/re2.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "tests/e2e/program.h"

namespace tidemark::testing {
namespace {

std::string source(const std::string& path) { return std::string(TIDEMARK_SOURCE_DIR) + "/" + path; }

std::string read(const std::string& path) {
  std::ifstream in(source(path));
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A program takes these arguments: --help behind them is reached, and unknown flags would be refused first.
void expect_accepts(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), bin_path(program));
  arguments.emplace_back("--help");
  const Finished finished = run(arguments);
  EXPECT_EQ(finished.exit_code, 0) << program << "\n" << finished.output;
}

TEST(Deploy, SampleConfigurationsLoad) {
  for (const char* file : {"config/tidemark.yml", "deploy/kubernetes/tidemark.yml"}) {
    const Finished finished = run({bin_path("tidemark"), "check", "config", source(file)});
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_NE(finished.output.find("1 rule files"), std::string::npos) << finished.output;
  }
  EXPECT_EQ(read("config/alerts.yaml"), read("deploy/kubernetes/alerts.yaml"));
}

TEST(Deploy, UnitsStartProgramsWithFlagsTheyKnow) {
  const re2::RE2 exec(R"(\nExecStart=/usr/bin/(\S+)([^\n]*))");
  for (const char* unit : {"tidemark", "tidemark-exporter"}) {
    const std::string text = read(std::string("deploy/systemd/") + unit + ".service");
    std::string program;
    std::string flags;
    ASSERT_TRUE(re2::RE2::PartialMatch(text, exec, &program, &flags)) << unit;
    EXPECT_EQ(program, unit);
    std::istringstream words(flags);
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    EXPECT_FALSE(arguments.empty());
    expect_accepts(unit, arguments);
    for (const char* line : {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n"}) {
      EXPECT_NE(text.find(line), std::string::npos) << unit << " " << line;
    }
  }
}

TEST(Deploy, ManifestsAreComplete) {
  const YAML::Node kustomization = YAML::LoadFile(source("deploy/kubernetes/kustomization.yaml"));
  std::vector<std::string> kinds;
  for (const auto& resource : kustomization["resources"]) {
    const YAML::Node node = YAML::LoadFile(source("deploy/kubernetes/" + resource.as<std::string>()));
    kinds.push_back(node["kind"].as<std::string>());
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"Namespace", "DaemonSet", "Service", "StatefulSet", "Service"}));
  for (const auto& map : kustomization["configMapGenerator"]) {
    for (const auto& file : map["files"]) read("deploy/kubernetes/" + file.as<std::string>());
  }
}

// The container of a workload, after what both workloads must have.
YAML::Node checked_container(const YAML::Node& workload, const std::string& program) {
  EXPECT_EQ(workload["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"].as<std::string>(),
            workload["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"].as<std::string>());
  const YAML::Node pod = workload["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["securityContext"]["runAsNonRoot"].as<bool>());
  EXPECT_FALSE(pod["automountServiceAccountToken"].as<bool>());
  YAML::Node container = pod["containers"][0];
  EXPECT_TRUE(container["securityContext"]["readOnlyRootFilesystem"].as<bool>());
  EXPECT_FALSE(container["securityContext"]["allowPrivilegeEscalation"].as<bool>());
  EXPECT_EQ(container["securityContext"]["capabilities"]["drop"][0].as<std::string>(), "ALL");
  for (const char* probe : {"livenessProbe", "readinessProbe"}) {
    EXPECT_TRUE(container[probe]["httpGet"]["path"].as<std::string>().starts_with("/-/")) << probe;
  }
  EXPECT_TRUE(container["resources"]["requests"]["memory"].IsDefined());
  EXPECT_TRUE(container["resources"]["limits"]["memory"].IsDefined());
  expect_accepts(program, container["args"].as<std::vector<std::string>>());
  return container;
}

TEST(Deploy, TheDaemonSetSeesTheHostAndNothingMore) {
  const YAML::Node daemon_set = YAML::LoadFile(source("deploy/kubernetes/exporter-daemonset.yaml"));
  const YAML::Node container = checked_container(daemon_set, "tidemark-exporter");
  const YAML::Node pod = daemon_set["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["hostNetwork"].as<bool>() && pod["hostPID"].as<bool>());
  for (const auto& mount : container["volumeMounts"]) EXPECT_TRUE(mount["readOnly"].as<bool>()) << mount["name"];
  EXPECT_EQ(daemon_set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"].as<int>(), 1);
}

TEST(Deploy, TheStatefulSetKeepsItsSamples) {
  const YAML::Node stateful_set = YAML::LoadFile(source("deploy/kubernetes/tidemark-statefulset.yaml"));
  const YAML::Node container = checked_container(stateful_set, "tidemark");
  EXPECT_EQ(stateful_set["spec"]["replicas"].as<int>(), 1);
  EXPECT_EQ(stateful_set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"].as<std::string>(),
            container["volumeMounts"][0]["name"].as<std::string>());
}

TEST(Deploy, TheImageInstallsWhatTheProgramsLoad) {
  const std::string dockerfile = read("deploy/docker/Dockerfile");
  for (const char* stage : {"AS build", "AS exporter", "AS tidemark", "deploy/install-deps.sh"}) {
    EXPECT_NE(dockerfile.find(stage), std::string::npos) << stage;
  }
  // Each shared library that a program needs belongs to a package that its stage installs, or to the base image.
  const auto check = [&](const std::string& program, const std::string& stage) {
    const size_t begin = dockerfile.find("AS " + stage + "\n");
    const std::string text = dockerfile.substr(begin, dockerfile.find("\nFROM", begin) - begin);
    const Finished libraries = run({"/bin/sh", "-c", "objdump -p '" + bin_path(program) + "' | grep NEEDED"});
    ASSERT_EQ(libraries.exit_code, 0) << libraries.output;
    std::istringstream lines(libraries.output);
    for (std::string needed, name; lines >> needed >> name;) {
      const Finished owner = run({"/bin/sh", "-c",
                                  "dpkg -S \"$(ldconfig -p | awk -v l='" + name +
                                      "' '$1 == l { print $NF; exit }')\" "
                                      "2>/dev/null || dpkg -S '*/" +
                                      name + "'"});
      const std::string package = owner.output.substr(0, owner.output.find(':'));
      const bool in_base =
          package == "libc6" || package == "libstdc++6" || package == "libgcc-s1" || package == "zlib1g";
      // libssl3 comes with libcpp-httplib.
      EXPECT_TRUE(in_base || package == "libssl3" || text.find(package) != std::string::npos)
          << program << " needs " << name << " of package " << package << ", which stage " << stage << " lacks";
    }
  };
  check("tidemark-exporter", "exporter");
  check("tidemark", "tidemark");
}

TEST(Deploy, NothingIsLeftToInstallWhereTheTestsRun) {
  const Finished finished = run({source("deploy/install-deps.sh")});
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_NE(finished.output.find("are installed"), std::string::npos) << finished.output;
}

}  // namespace
}  // namespace tidemark::testing
