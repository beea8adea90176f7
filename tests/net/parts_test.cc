// The parts that need no socket: URLs, forms, gzip, bodies, routes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/body_reader.h"
#include "net/client.h"
#include "net/gzip.h"
#include "net/http_message.h"
#include "net/routes.h"

namespace tidemark::net {
namespace {

TEST(ParseUrl, TakesApart) {
  const struct {
    std::string text, scheme, host;
    int port;
    std::string target, user_info;
  } cases[] = {
      {"http://localhost", "http", "localhost", 80, "/", ""},
      {"HTTPS://Example.com/x", "https", "Example.com", 443, "/x", ""},
      {"http://10.0.0.1:9100/metrics?a=b&c=%20#top", "http", "10.0.0.1", 9100, "/metrics?a=b&c=%20", ""},
      {"http://[2001:db8::1]:80/", "http", "2001:db8::1", 80, "/", ""},
      {"https://[::1]", "https", "::1", 443, "/", ""},
      {"http://user:p%40ss@host:1/", "http", "host", 1, "/", "user:p@ss"},
      {"http://us@er@host/", "http", "host", 80, "/", "us@er"},
      {"http://host?q=1", "http", "host", 80, "/?q=1", ""},
      {"http://my_host-1.local:65535/a@b:c", "http", "my_host-1.local", 65535, "/a@b:c", ""},
  };
  for (const auto& c : cases) {
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << c.text << ": " << url.error();
    EXPECT_EQ(url->scheme, c.scheme) << c.text;
    EXPECT_EQ(url->host, c.host) << c.text;
    EXPECT_EQ(url->port, c.port) << c.text;
    EXPECT_EQ(url->target, c.target) << c.text;
    EXPECT_EQ(url->user_info, c.user_info) << c.text;
  }
}

TEST(ParseUrl, Refuses) {
  for (const std::string text : {"",
                                 "localhost:9090",
                                 "ftp://host/",
                                 "http://",
                                 "http:///x",
                                 "http://:80/",
                                 "http://host:/",
                                 "http://host:0/",
                                 "http://host:65536/",
                                 "http://host:80x/",
                                 "http://host:-1/",
                                 "http://ho st/",
                                 "http://host/a b",
                                 "http://h\n/",
                                 "http://host/\r\nX:1",
                                 "http://[::1/",
                                 "http://[zz]/",
                                 "http://[::1]x/",
                                 "http://[::1]:x/",
                                 "http://::1/",
                                 "http://a:b:c/",
                                 "http://us%zzer@host/",
                                 "http://host/\xc3\xa9",
                                 "http://h\xc3\xa9/",
                                 "//host/",
                                 "http:/host"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Form, IsDecodedAsBrowsersEncodeIt) {
  EXPECT_EQ(
      parse_form("a=1&b=x+y&c=%2B%3d&&d&e=&a=2&=v&f=%zz%4"),
      (Params{{"a", "1"}, {"b", "x y"}, {"c", "+="}, {"d", ""}, {"e", ""}, {"a", "2"}, {"", "v"}, {"f", "%zz%4"}}));
  EXPECT_EQ(parse_form(""), Params{});
  EXPECT_EQ(url_encode("aZ0-._~ +/?&=%\xc3\xa9"), "aZ0-._~%20%2B%2F%3F%26%3D%25%C3%A9");
  std::string every;
  for (int i = 0; i < 256; ++i) every.push_back(static_cast<char>(i));
  EXPECT_EQ(parse_form("k=" + url_encode(every)), (Params{{"k", every}}));
}

TEST(Form, AFormsValueComesBeforeTheQuerys) {
  Request request;
  request.query = {{"query", "from the url"}, {"time", "1"}};
  request.body = "query=from+the+form";
  EXPECT_EQ(find_param(request.form(), "query"), "from the url");  // Not a form by its type.
  request.headers = {{"content-type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"}};
  EXPECT_EQ(find_param(request.form(), "query"), "from the form");
  EXPECT_EQ(find_param(request.form(), "time"), "1");
}

TEST(Gzip, RoundTripAndLimits) {
  const std::string text = [] {
    std::string t;
    for (int i = 0; i < 5'000; ++i) t += "node_cpu_seconds_total{cpu=\"" + std::to_string(i) + "\"} 1\n";
    return t;
  }();
  Gzipper gzipper;
  std::string members;
  for (int i = 0; i < 3; ++i) {
    std::string body = text;
    ASSERT_TRUE(gzipper.compress(body));
    EXPECT_LT(body.size() * 5, text.size());
    members += body;
  }
  std::string out;
  EXPECT_EQ(gunzip(members, text.size() * 3, out), GunzipResult::kOk);  // Several members are one body.
  EXPECT_EQ(out, text + text + text);
  out.clear();
  EXPECT_EQ(gunzip(members, text.size() * 3 - 1, out), GunzipResult::kTooLarge);
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{9}, size_t{50}, members.size() - 1}) {
    out.clear();
    EXPECT_EQ(gunzip(members.substr(0, bytes), 10'000'000, out), GunzipResult::kMalformed) << bytes;
  }
  out.clear();
  EXPECT_EQ(gunzip(members + "x", 10'000'000, out), GunzipResult::kMalformed);
  std::string incompressible = "abc";
  EXPECT_FALSE(gzipper.compress(incompressible));
  EXPECT_EQ(incompressible, "abc");
}

TEST(Body, WhatFollowsIsLeft) {
  std::string in = "bodyNEXT";
  std::string body;
  BodyReader by_length = BodyReader::with_length(4, 100);
  EXPECT_EQ(by_length.consume(in, body), BodyReader::Progress::kDone);
  EXPECT_EQ(body, "body");
  EXPECT_EQ(in, "NEXT");

  in = "2\r\nab\r\n0\r\n\r\nNEXT";
  body.clear();
  BodyReader by_chunks = BodyReader::chunked(100);
  EXPECT_EQ(by_chunks.consume(in, body), BodyReader::Progress::kDone);
  EXPECT_EQ(body, "ab");
  EXPECT_EQ(in, "NEXT");

  in = "NEXT";
  body.clear();
  EXPECT_EQ(BodyReader().consume(in, body), BodyReader::Progress::kDone);
  EXPECT_EQ(in, "NEXT");
}

TEST(Routes, TheMostLiteralOneAnswers) {
  RouteTable table;
  table.add("GET", "/a/{x}", {}, 0);
  table.add("GET,POST", "/a/b", {}, 0);
  table.add("DELETE", "/a/{x}", {}, 0);
  table.add("GET", "/", {}, 0);
  EXPECT_EQ(table.find("GET", "/a/b").route->pattern, "/a/b");
  EXPECT_EQ(table.find("GET", "/a/c").path_params, (Params{{"x", "c"}}));
  EXPECT_EQ(table.find("DELETE", "/a/b").path_params, (Params{{"x", "b"}}));
  EXPECT_EQ(table.find("HEAD", "/").route->pattern, "/");
  EXPECT_EQ(table.find("PUT", "/a/b").allow, "DELETE, GET, HEAD, POST");
  EXPECT_EQ(table.find("PUT", "/b").allow, "");
  EXPECT_EQ(table.find("GET", "/a/%zz").route, nullptr);
  EXPECT_EQ(table.find("GET", std::string(8'000, '/')).route, nullptr);
}

}  // namespace
}  // namespace tidemark::net
